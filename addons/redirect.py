"""Answer with a redirect, to the same host or another.

mitmdump -s addons/redirect.py --set faultlab_seed=7 --set faultlab_redirect_first=1 --set faultlab_redirect_to=other
"""

from faultlab.faults.transport import Redirect
from faultlab.proxy.script import inject

addons = inject(Redirect)
