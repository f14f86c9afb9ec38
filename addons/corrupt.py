r"""Damage replies: their status line, headers, length, content type or body.

mitmdump -s addons/corrupt.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_corrupt_what=status_line
"""

from faultlab.faults.transport import Corrupt
from faultlab.proxy.script import inject

addons = inject(Corrupt)
