"""Lines of the common core, found many at a time by one expression.

What the expression cannot tell, such as a repeated key, depends on a line's series and on its field keys, and is
looked at once for each series and once for each set of keys, however many lines share them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from operator import itemgetter

from faultlab.lineprotocol import tokens
from faultlab.lineprotocol.dialect import AUTO, Dialect
from faultlab.lineprotocol.value import Series, text_of

BLOCK = 60_000
"""How much is looked at at once: a line that fits is too short for any limit on names, keys or strings."""

type Found = tuple[bytes, bytes, bytes, bytes]
"""Series, fields and timestamp of a physical line of the core, or else the line itself in the fourth place."""

# A name that some dialect reserves.
_ODD_NAMES = frozenset({b"time", b"_field", b"_measurement", b"__chunk_order", b"\xff"})
_TEXTS = re.compile(rb'"[^"\\]*+(?:\\[\s\S][^"\\]*+)*+"')
_FIELD_KEY = re.compile(rb"(?:^|,)((?:[^,=\\]++|\\[\s\S])*+)=")
# What the values of one field have in common is what is left without these.
_VARYING = b"0123456789.-+"
_SERIES, _OTHER = itemgetter(0), itemgetter(3)


class Core:
    """Finds the lines of one body that every dialect reads alike, and remembers the series and keys it has met."""

    def __init__(self, body: bytes, rules: Dialect, unit: int) -> None:
        """Begin with nothing met."""
        self._body = body
        self._lines = _expression(rules.unsigned, _digits(rules, unit))
        self.series: dict[bytes, Series | None] = {}
        self._tag_keys: set[bytes] = set()
        self._field_keys: set[bytes] = set()
        self._met: dict[bytes, frozenset[bytes] | None] = {}
        self._quoted = False

    def find(self, start: int) -> tuple[Sequence[Found], int]:
        """Give the physical lines of the block that begins here, and where it ends; no line where one fills it."""
        body = self._body
        end = min(start + BLOCK, len(body))
        if end < len(body):
            end = body.rfind(b"\n", start, end) + 1
        if end <= start:
            return (), start
        self._quoted = body.find(b'"', start, end) >= 0
        return self._lines.findall(body, start, end), end

    def odd(self, found: Sequence[Found]) -> Sequence[int]:
        """Give the indices of the lines just found that the dialect's own grammar and rules have to read."""
        met = set(map(_SERIES, found))
        for series in met - self.series.keys():
            self._meet(series)
        alike = [self._keys(shape) for shape in set(self._shapes(found))]
        clash = not self._tag_keys.isdisjoint(self._field_keys)
        known = self.series
        if not clash and None not in alike and not any(map(_OTHER, found)) and None not in {known[one] for one in met}:
            return ()
        shapes = self._shapes(found)
        return [index for index, shape in enumerate(shapes) if self._is_odd(found[index], shape, clash=clash)]

    def _is_odd(self, line: Found, shape: bytes, *, clash: bool) -> bool:
        if line[3] or self.series[line[0]] is None:
            return True
        keys = self._keys(shape)
        return keys is None or (clash and not keys.isdisjoint(_tag_keys(line[0])))

    def _meet(self, series: bytes) -> None:
        self.series[series] = read = _series(series) if tokens.CORE_SERIES.fullmatch(series) else None
        if read is not None:
            self._tag_keys |= _tag_keys(series)

    def _shapes(self, found: Sequence[Found]) -> Iterator[bytes]:
        """Give the fields of each line without what varies: lines that share them share their field keys."""
        if self._quoted:
            return (_TEXTS.sub(b'"', section).translate(None, _VARYING) for _, section, _, _ in found)
        return (section.translate(None, _VARYING) for _, section, _, _ in found)

    def _keys(self, shape: bytes) -> frozenset[bytes] | None:
        """Give the field keys of a shape, as far as it still has them; None where they may repeat or are reserved."""
        if shape not in self._met:
            found = _FIELD_KEY.findall(shape)
            keys = frozenset(found)
            self._met[shape] = keys if len(keys) == len(found) and keys.isdisjoint(_ODD_NAMES) else None
            self._field_keys |= keys
        return self._met[shape]


def _series(series: bytes) -> Series | None:
    """Give measurement and tags; None where the tags need the dialect's own rules."""
    measurement, pairs = tokens.series_of(series, tokens.CORE_TAG)
    keys = {key for key, _ in pairs}
    if len(keys) != len(pairs) or not keys.isdisjoint(_ODD_NAMES):
        return None
    return text_of(measurement), tuple(sorted((text_of(key), text_of(value)) for key, value in pairs))


def _tag_keys(series: bytes) -> frozenset[bytes]:
    """Give the tag keys of a series the way a shape has field keys."""
    return frozenset(key.translate(None, _VARYING) for key, _ in tokens.CORE_TAG.findall(series))


@cache
def _expression(unsigned: bool, digits: int) -> re.Pattern[bytes]:
    core = tokens.CORE_UNSIGNED if unsigned else tokens.CORE
    # Nineteen digits are in range up to a point, and are what today's nanoseconds have.
    longest = rb"[1-8][0-9]{18}|" if digits > 18 else b""
    return core.lines(rb"-?+(?:%b[0-9]{1,%d}+)" % (longest, min(digits, 18)))


def _digits(rules: Dialect, unit: int) -> int:
    """Give how many digits a timestamp may have without being out of range, whatever they are."""
    if unit == AUTO:
        return 18
    return len(str(min(rules.latest, -rules.earliest) // unit)) - (unit > 1)
