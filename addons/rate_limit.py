r"""Refuse requests with 429 and a drawn Retry-After.

mitmdump -s addons/rate_limit.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_rate_limit_max_wait=5
"""

from faultlab.faults import RateLimit
from faultlab.proxy.script import inject

addons = inject(RateLimit)
