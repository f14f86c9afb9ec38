r"""Refuse writes with 400 because of one line.

mitmdump -s addons/malformed_line.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_malformed_line_times=3
"""

from faultlab.faults import MalformedLine
from faultlab.proxy.script import inject

addons = inject(MalformedLine)
