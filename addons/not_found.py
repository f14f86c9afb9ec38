r"""Refuse requests with 404, naming what is missing.

mitmdump -s addons/not_found.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_not_found_cause=bucket
"""

from faultlab.faults import NotFound
from faultlab.proxy.script import inject

addons = inject(NotFound)
