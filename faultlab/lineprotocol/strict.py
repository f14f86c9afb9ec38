"""The grammar every InfluxDB reads alike and its documents allow; what only some servers take is refused.

A refused line is told in the words of InfluxDB 1.x and 2.x where they refuse it too, then in those of InfluxDB 3.
"""

from __future__ import annotations

from faultlab.lineprotocol import lookbehind, parity, tokens
from faultlab.lineprotocol.value import Flaw, Reading


def scan(line: bytes, *, unsigned: bool) -> Reading:
    """Read one line without leading blanks and line feed; raises Flaw."""
    if line.startswith(b"#"):
        raise Flaw("comment.swallows", "the quote or backslash of a comment hides the lines after it")
    found = tokens.STRICT.fullmatch(line)
    if found is None:
        raise _why(line)
    series, section, stamp = found.groups()
    measurement, tags = tokens.series_of(series, tokens.STRICT_TAG)
    fields = []
    for key, text in tokens.STRICT_FIELD.findall(section):
        typed = tokens.value_of(text)
        if typed is None:
            raise _why(line)
        fields.append((tokens.name_of(key), *typed))
        size = len(series) + lookbehind.KEY_SEPARATOR + len(key)
        if size > lookbehind.MAX_KEY:
            raise _why(line)
    timestamp = tokens.signed_of(stamp) if stamp else None
    if stamp and timestamp is None:
        raise _why(line)
    return Reading(measurement, tags, fields, timestamp)


def _why(line: bytes) -> Flaw:
    for grammar in (lookbehind, parity):
        try:
            grammar.scan(line, unsigned=True)
        except Flaw as flaw:
            return flaw
    return Flaw("ambiguous", "InfluxDB versions read this line differently")
