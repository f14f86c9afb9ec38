r"""Cut replies short, under a Content-Length that is not kept or in chunks of which the last is missing.

mitmdump -s addons/truncate.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_truncate_framing=chunked --set faultlab_truncate_of=body
"""

from faultlab.faults.transport import Truncate
from faultlab.proxy.script import inject

addons = inject(Truncate)
