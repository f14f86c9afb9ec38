r"""Refuse requests with 413, by draw or by measured size.

mitmdump -s addons/too_large.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_too_large_by=size --set faultlab_too_large_wire=100000
"""

from faultlab.faults import TooLarge
from faultlab.proxy.script import inject

addons = inject(TooLarge)
