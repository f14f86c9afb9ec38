"""Let upstream have writes twice.

mitmdump -s addons/duplicate.py --set faultlab_seed=7 --set faultlab_probability=0.5
"""

from faultlab.faults.transport import Duplicate
from faultlab.proxy.script import inject

addons = inject(Duplicate)
