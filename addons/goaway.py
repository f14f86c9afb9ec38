r"""End streams or connections by frames of HTTP/2, where the client speaks it.

mitmdump -s addons/goaway.py --set faultlab_seed=7 --set faultlab_goaway_every=5 \
    --set faultlab_goaway_frame=rst_stream
"""

from faultlab.faults.transport import Goaway
from faultlab.proxy.script import inject

addons = inject(Goaway)
