r"""Make replies very large: their body, a header, or the number of headers.

mitmdump -s addons/oversize.py --set faultlab_seed=7 --set faultlab_oversize_what=header \
    --set faultlab_oversize_size=65536
"""

from faultlab.faults.transport import Oversize
from faultlab.proxy.script import inject

addons = inject(Oversize)
