"""Lines of the common core, found many at a time by one expression.

What the expression cannot tell, such as a repeated key, depends on a line's series and on its field keys, and is
looked at once for each series and once for each set of keys, however many lines share them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
_ODD_TAGS = frozenset(name.decode(errors="surrogateescape") for name in _ODD_NAMES)
# Text values alone: a quote in a field key opens none.
_TEXTS = re.compile(rb'="(?<!\\=")[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"')
_FIELD_KEY = re.compile(rb"(?:^|,)((?:[^,=\\]++|\\[\s\S])*+)=")
_SEPARATOR = re.compile(rb"[,= ]")
# What the values of one field have in common is what is left without these.
_VARYING = b"0123456789.-+"
_SERIES, _FIELDS, _OTHER = itemgetter(0), itemgetter(1), itemgetter(3)


class Core:
    """Finds the lines of one body that every dialect reads alike, and remembers the series and keys it has met."""

    def __init__(self, body: bytes, rules: Dialect, unit: int) -> None:
        """Begin with nothing met."""
        self._body = body
        self._lines = _expression(rules.unsigned, _digits(rules, unit))
        self.series: dict[bytes, Series | None] = {}
        self._tag_names: set[str] = set()
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
        for series in met.difference(self.series):
            self._meet(series)
        known = self.series
        shapes = self._shapes(found)
        # Shapes first: they are what the field keys are known from.
        unsure = None in [self._keys(shape) for shape in set(shapes)] or not self._tag_keys.isdisjoint(self._field_keys)
        if unsure:
            return [index for index, shape in enumerate(shapes) if self._is_odd(found[index], shape)]
        if any(map(_OTHER, found)) or None in map(known.get, met):
            return [index for index, line in enumerate(found) if line[3] or known[line[0]] is None]
        return ()

    def _is_odd(self, line: Found, shape: bytes) -> bool:
        series, keys = self.series[line[0]], self._keys(shape)
        if line[3] or series is None or keys is None:
            return True
        return not keys.isdisjoint(map(_stripped, dict(series[1])))

    def _meet(self, series: bytes) -> None:
        read = _series(series) if tokens.CORE_SERIES.fullmatch(series) else None
        self.series[series] = None
        if read is not None:
            name, tags = read
            self.series[series] = name, tuple(sorted(tags.items()))
            if not tags.keys() <= self._tag_names:
                self._tag_names.update(tags)
                self._tag_keys.update(map(_stripped, tags))

    def _shapes(self, found: Sequence[Found]) -> list[bytes]:
        """Give the fields of each line without what varies: lines that share them share their field keys."""
        # No section of the core has a line feed, so all of them are worked on as one.
        sections = b"\n".join(map(_FIELDS, found))
        return (_TEXTS.sub(b"=", sections) if self._quoted else sections).translate(None, _VARYING).split(b"\n")

    def _keys(self, shape: bytes) -> frozenset[bytes] | None:
        """Give the field keys of a shape, as far as it still has them; None where they may repeat or are reserved."""
        if shape not in self._met:
            found = _FIELD_KEY.findall(shape)
            keys = frozenset(found)
            self._met[shape] = keys if len(keys) == len(found) and keys.isdisjoint(_ODD_NAMES) else None
            self._field_keys |= keys
        return self._met[shape]


def _series(series: bytes) -> tuple[str, dict[str, str]] | None:
    """Give measurement and tags; None where the tags need the dialect's own rules."""
    if b"\\" in series:
        measurement, pairs = tokens.series_of(series, tokens.CORE_TAG)
        name, count = text_of(measurement), len(pairs)
        tags = {text_of(key): text_of(value) for key, value in pairs}
    else:
        name, *rest = text_of(series).split(",")
        tags, count = dict([tag.split("=") for tag in rest]), len(rest)
    return (name, tags) if len(tags) == count and tags.keys().isdisjoint(_ODD_TAGS) else None


def _stripped(key: str) -> bytes:
    """Give a tag key the way a shape has field keys: with its escapes, without what varies."""
    return _SEPARATOR.sub(rb"\\\g<0>", key.encode(errors="surrogateescape")).translate(None, _VARYING)


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
