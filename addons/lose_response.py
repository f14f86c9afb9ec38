r"""Let upstream store writes, and cut the connection instead of acknowledging them.

mitmdump -s addons/lose_response.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_lose_response_how=fin
"""

from faultlab.faults.transport import LoseResponse
from faultlab.proxy.script import inject

addons = inject(LoseResponse)
