r"""Refuse requests with 422.

mitmdump -s addons/unprocessable.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_unprocessable_cause=retention
"""

from faultlab.faults import Unprocessable
from faultlab.proxy.script import inject

addons = inject(Unprocessable)
