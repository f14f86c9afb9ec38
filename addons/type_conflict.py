r"""Refuse writes because a field has another type already.

mitmdump -s addons/type_conflict.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_type_conflict_times=3
"""

from faultlab.faults import TypeConflict
from faultlab.proxy.script import inject

addons = inject(TypeConflict)
