"""Close connections just as they are used again.

mitmdump -s addons/stale_connection.py --set faultlab_seed=7 --set faultlab_stale_connection_every=4
"""

from faultlab.faults.transport import StaleConnection
from faultlab.proxy.script import inject

addons = inject(StaleConnection)
