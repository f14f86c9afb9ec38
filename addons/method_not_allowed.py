r"""Refuse requests with 405.

mitmdump -s addons/method_not_allowed.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_method_not_allowed_first=1
"""

from faultlab.faults import MethodNotAllowed
from faultlab.proxy.script import inject

addons = inject(MethodNotAllowed)
