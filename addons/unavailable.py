r"""Refuse requests with 503, as the service or as a gateway before it.

mitmdump -s addons/unavailable.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_unavailable_cause=envoy
"""

from faultlab.faults import Unavailable
from faultlab.proxy.script import inject

addons = inject(Unavailable)
