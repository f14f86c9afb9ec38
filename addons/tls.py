"""Spoil TLS handshakes: abort them, or show a certificate that no client should take.

mitmdump -s addons/tls.py --set faultlab_seed=7 --set faultlab_tls_first=1 --set faultlab_tls_problem=expired
"""

from faultlab.faults.transport import Tls
from faultlab.proxy.script import inject

addons = inject(Tls)
