"""What the lines of a body say: points, and lines that are none, each known by what it says."""

from __future__ import annotations

import enum
import zlib
from collections.abc import Hashable, Iterable, Iterator
from operator import itemgetter
from typing import Any, NamedTuple

from faultlab import lineprotocol
from faultlab.exchange import DECODED_LIMIT, V3_WRITE, Refused, Severed, header
from faultlab.history import Event

CUT = "its upload was cut before anybody could see what it was"
"""The doubt about an upload of which not one whole line with a timestamp was seen."""


_NAME = itemgetter(0)


class Kind(enum.IntEnum):
    """What a line is, and with it how far it can be told apart: ``WHOLE`` stands for a body nobody can read."""

    TIMED = 0
    UNTIMED = 1
    FOREIGN = 2
    WHOLE = 3


class Row(NamedTuple):
    """One line of a body: its first physical line number, what it says, and what it is.

    ``loose`` is what it says without its database: measurement, tags, timestamp and fields of a point, in order of
    their names; the text of a line that is none.
    """

    line: int
    loose: Hashable
    kind: Kind
    doubt: str = ""

    @property
    def shown(self) -> str:
        """How judgements name it."""
        return spelt_out(self.loose)


def rows_of(event: Event, batch: str, dialect: str) -> Iterator[Row]:
    """Yield the points of a body, then its lines that are none; one row for a body nobody can read.

    Of a body that was cut only the points with a timestamp are sure to be what they seem.
    """
    data = event.exchange.body.data
    cut = is_cut(event)
    if cut:
        # Whatever follows the last line feed may be the beginning of another point.
        data = prefix(event)
        data = data[: data.rfind(b"\n") + 1]
    elif problem := event.problem or event.exchange.body.problem:
        yield _whole(batch, f"its body does not decode: {problem}")
        return
    try:
        parsed = lineprotocol.parse(data, dialect, precision=_precision(event))
    except ValueError as unknown:
        yield _whole(batch, str(unknown))
        return
    if not cut:
        yield from _rows(parsed)
        return
    none = True
    for row in _rows(parsed):
        if row.kind is Kind.TIMED:
            none = False
            yield row
    if none:
        yield _whole(batch, CUT)


def read(data: bytes, dialect: str) -> Iterator[Row]:
    """Yield the points of some lines with timestamps in nanoseconds, then the lines that are none."""
    return _rows(lineprotocol.parse(data, dialect))


def _rows(parsed: lineprotocol.Parsed) -> Iterator[Row]:
    for point in parsed.points:
        fields = point.fields
        if len(fields) > 1:
            # A repeated key keeps its order, because its last value counts.
            fields = tuple(sorted(fields, key=_NAME))
        kind = Kind.UNTIMED if point.timestamp is None else Kind.TIMED
        yield Row(point.line, (point.measurement, point.tags, point.timestamp, fields), kind)
    for bad in parsed.refused:
        yield Row(bad.line, bytes(bad.text).strip(), Kind.FOREIGN)


def digest_of(loose: Any) -> int:
    """Give 64 bits that are the same for equal rows of one process, and for others only by a chance of 2**-64."""
    if isinstance(loose, bytes):
        return hash(loose)
    measurement, tags, timestamp, fields = loose
    # Hashes of numbers are no chance: -1 and -2 have the same one, and so have 0 and 2**61 - 1.
    numbers = repr((timestamp, fields))
    if "-0.0" in numbers:
        fields = tuple((name, kind, value + 0.0 if kind == "float" else value) for name, kind, value in fields)
        numbers = repr((timestamp, fields))
    return hash((measurement, tags, numbers))


def is_cut(event: Event) -> bool:
    """Whether only the beginning of a request was seen: fewer bytes than it declares, or cut without declaring."""
    declared = header(event.exchange.headers, "Content-Length") or ""
    if declared.isascii() and declared.isdigit() and len(declared) < 16:
        return event.wire_size < int(declared)
    return isinstance(event.decision.intake, Severed | Refused)


def prefix(event: Event) -> bytes:
    """Give the decoded beginning of a body that was cut."""
    stored = event.exchange.body.stored
    if not event.problem and not event.exchange.body.problem:
        return event.exchange.body.data
    if not (event.encoding or event.exchange.body.encoding).endswith("gzip"):
        return b""
    try:
        return zlib.decompressobj(31).decompress(stored, DECODED_LIMIT)
    except zlib.error:
        return b""


def _precision(event: Event) -> str:
    given = event.exchange.parameter("precision")
    if given:
        return given
    return "auto" if event.exchange.path == V3_WRITE else "ns"


def _whole(batch: str, doubt: str) -> Row:
    return Row(0, (batch, 0), Kind.WHOLE, doubt)


def batch_label(batch: str) -> str:
    """Give how judgements name a batch: by the beginning of its identity, as its whole stands beside it."""
    return f"batch {batch[:8]}"


def spelt_out(loose: Any) -> str:
    """Give a row without its database as judgements name it; a line that is no point in its own words."""
    if isinstance(loose, bytes):
        return loose.decode(errors="backslashreplace")
    return spelt(*loose[:3]) if len(loose) == 4 else batch_label(loose[0])


def spelt(measurement: str, tags: Iterable[tuple[str, str]], timestamp: int | None) -> str:
    """Give an identity the way line protocol writes it; bytes that are no UTF-8 stand as escapes."""
    series = ",".join((_escaped(measurement), *(f"{_escaped(k)}={_escaped(v)}" for k, v in tags)))
    text = series if timestamp is None else f"{series} {timestamp}"
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _escaped(name: str) -> str:
    for special in (",", " ", "="):
        name = name.replace(special, "\\" + special)
    return name.replace("\n", "\\n")
