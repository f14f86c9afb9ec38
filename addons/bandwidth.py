"""Read the bodies of requests at a few bytes a second.

mitmdump -s addons/bandwidth.py --set faultlab_seed=7 --set faultlab_bandwidth_bytes_per_second=4096
"""

from faultlab.faults.transport import Bandwidth
from faultlab.proxy.script import inject

addons = inject(Bandwidth)
