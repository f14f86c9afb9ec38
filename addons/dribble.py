"""Send replies at a few bytes a second.

mitmdump -s addons/dribble.py --set faultlab_seed=7 --set faultlab_dribble_bytes_per_second=50
"""

from faultlab.faults.transport import Dribble
from faultlab.proxy.script import inject

addons = inject(Dribble)
