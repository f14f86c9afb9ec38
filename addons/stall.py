"""Read requests and never answer them.

mitmdump -s addons/stall.py --set faultlab_seed=7 --set faultlab_probability=0.1 --set faultlab_stall_seconds=60
"""

from faultlab.faults.transport import Stall
from faultlab.proxy.script import inject

addons = inject(Stall)
