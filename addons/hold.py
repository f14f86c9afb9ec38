"""Acknowledge writes, and let upstream have them later.

mitmdump -s addons/hold.py --set faultlab_seed=7 --set faultlab_hold_every=3 --set faultlab_hold_seconds=2
"""

from faultlab.faults.transport import Hold
from faultlab.proxy.script import inject

addons = inject(Hold)
