r"""Refuse requests with 401.

mitmdump -s addons/unauthorized.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_unauthorized_cause=token
"""

from faultlab.faults import Unauthorized
from faultlab.proxy.script import inject

addons = inject(Unauthorized)
