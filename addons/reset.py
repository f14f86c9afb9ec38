r"""Cut connections with RST or FIN, from before the body is read to the middle of the reply.

mitmdump -s addons/reset.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_reset_at=upload --set faultlab_reset_how=fin
"""

from faultlab.faults.transport import Reset
from faultlab.proxy.script import inject

addons = inject(Reset)
