"""The fingerprint of a client's retry policy: read off a history, kept in a file, compared with another."""

from faultlab.fingerprint.comparing import Fact, compare
from faultlab.fingerprint.comparing import text as comparison
from faultlab.fingerprint.file import FORMAT, FingerprintError, dumps, load, loads
from faultlab.fingerprint.policy import Fingerprint, Obedience, Spread, Tally, text
from faultlab.fingerprint.reading import FORMS, take

__all__ = [
    "FORMAT",
    "FORMS",
    "Fact",
    "Fingerprint",
    "FingerprintError",
    "Obedience",
    "Spread",
    "Tally",
    "compare",
    "comparison",
    "dumps",
    "load",
    "loads",
    "take",
    "text",
]
