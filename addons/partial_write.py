r"""Keep some lines of a write from upstream and name them in the reply.

mitmdump -s addons/partial_write.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_partial_write_share=0.1
"""

from faultlab.faults import PartialWrite
from faultlab.proxy.script import inject

addons = inject(PartialWrite)
