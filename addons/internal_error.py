r"""Answer 500, with the write stored or not.

mitmdump -s addons/internal_error.py --set faultlab_seed=7 --set faultlab_probability=0.2 \
    --set faultlab_internal_error_stored=true
"""

from faultlab.faults import InternalError
from faultlab.proxy.script import inject

addons = inject(InternalError)
