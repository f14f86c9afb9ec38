r"""Delay replies by a time that is fixed or drawn.

mitmdump -s addons/latency.py --set faultlab_seed=7 --set faultlab_latency_distribution=percentiles \
    --set faultlab_latency_percentiles=50:0.1,99:3
"""

from faultlab.faults.transport import Latency
from faultlab.proxy.script import inject

addons = inject(Latency)
