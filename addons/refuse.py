"""Refuse connections for a while, as a server does that is gone.

mitmdump -s addons/refuse.py --set faultlab_seed=7 --set faultlab_refuse_nth=3 --set faultlab_refuse_seconds=5
"""

from faultlab.faults.transport import Refuse
from faultlab.proxy.script import inject

addons = inject(Refuse)
