"""Valid line protocol: points, lines and batches, with what each of them means."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import cycle, islice
from typing import TypedDict, Unpack

from hypothesis import strategies as st

from faultlab.lineprotocol import FieldType, Point, Value
from faultlab.lineprotocol.dialect import AUTO, dialect_of, unit_of
from faultlab.strategies.pools import EXTRAS, TYPES, Pools, Valued, own_pools, pools_for
from faultlab.strategies.tape import Shown, Tape

EARLIEST, LATEST = -9_223_372_036_854_775_806, 9_223_372_036_854_775_806
"""The range of timestamps that every InfluxDB takes, in nanoseconds since 1970."""

# Bytes for what concerns the batch. Of each line: a measurement; key and value of each of three tags and, from _FIELDS
# on, of each of four fields; from _SLOTS on what few lines need. A key whose byte is below _THERE is left out.
_HEAD, _FIELDS, _SLOTS, _WIDTH, _THERE = 4, 7, 15, 22, 128
# Lines after which a batch begins its tape anew, because Hypothesis draws few bytes; their timestamps go on.
_LINES = 128
# Strings of one's own that a batch chooses from.
_OWN = 4
_BASES = (1, 1_700_000_000_000_000_000, 0, -1, 1_000_000_000_000, EARLIEST, LATEST, 1_600_000_000_123_456_789)
_STEPS = (1, 10**9, 10**3, 10**6, 7 * 24 * 3600 * 10**9)
_IGNORED = (b"# c\n", b"\n", b"#\n", b"# say = , \n")
# Before the line, between series and fields, before the timestamp.
_BLANKS = ((b"", b" ", b" "), (b"", b"  ", b" "), (b"", b" ", b"  "), (b" ", b" ", b" "), (b"   ", b"   ", b"   "))

type _Meant = tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, FieldType, Value], ...], int | None]


@dataclass(frozen=True)
class Batch(Shown):
    """A body of line protocol, and the points it says, known without parsing it.

    No two points have the same identity, and no field has two types. ``precision`` is the unit its timestamps are
    written in.
    """

    body: bytes
    precision: str = "ns"
    meant: tuple[tuple[int, int, int, _Meant], ...] = field(default=(), repr=False)

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """The points in order, with their lines and spans; timestamps in nanoseconds."""
        return tuple(
            Point(m, tuple(sorted(tags)), fields, stamp, line, ordinal, (start, end))
            for ordinal, (line, start, end, (m, tags, fields, stamp)) in enumerate(self.meant, 1)
        )


@dataclass(frozen=True)
class Wanted:
    """What a batch is to be like."""

    pools: Pools
    sizes: tuple[int, int]
    times: tuple[int, int]
    unit: int
    precision: str
    extras: frozenset[str]

    @property
    def bytes(self) -> int:
        """How many bytes of a tape such a batch reads at most."""
        return _HEAD + _WIDTH * min(self.sizes[1], _LINES)


def batches(
    *,
    min_size: int = 1,
    max_size: int = 10,
    types: Collection[FieldType] = TYPES,
    precision: str = "ns",
    min_timestamp: int = EARLIEST,
    max_timestamp: int = LATEST,
    extras: Collection[str] = (),
    dialect: str | None = None,
    measurements: st.SearchStrategy[str] | None = None,
    tag_keys: st.SearchStrategy[str] | None = None,
    tag_values: st.SearchStrategy[str] | None = None,
    field_keys: st.SearchStrategy[str] | None = None,
    strings: st.SearchStrategy[str] | None = None,
    timestamps: st.SearchStrategy[int] | None = None,
) -> st.SearchStrategy[Batch]:
    """Bodies of ``min_size`` to ``max_size`` valid lines, by default within what every server reads alike.

    ``extras`` names what may go beyond that, ``dialect`` admits every extra that one dialect reads (see ``EXTRAS``).
    Timestamps are in nanoseconds whatever ``precision`` they are written in; bounds are inclusive. The six strategies
    take the place of the pools of names, strings and timestamps (nanoseconds, rounded towards 1970 to whole units);
    each batch draws up to four of each, which costs much of the speed. Raises ValueError for sizes, bounds, types or
    extras that admit nothing, and when drawn for a name that line protocol cannot say or a time out of bounds. Shrinks
    towards ``min_size`` lines like ``m f=1 1``.
    """
    wanted = wanted_batch(
        (min_size, max_size), tuple(types), precision, (min_timestamp, max_timestamp), frozenset(extras), dialect
    )
    own = {
        "measurements": measurements,
        "tag_keys": tag_keys,
        "tag_values": tag_values,
        "field_keys": field_keys,
        "strings": strings,
    }
    given = {name: st.lists(some, min_size=1, max_size=_OWN) for name, some in own.items() if some is not None}
    tape = st.binary(min_size=wanted.bytes, max_size=wanted.bytes)
    if timestamps is None and not given:
        return tape.map(lambda data: batch_of(Tape(data), wanted))
    unit = wanted.unit
    stamps = (
        st.none()
        if timestamps is None
        else st.lists(timestamps, min_size=min_size, max_size=max_size, unique_by=lambda time: _whole(time, unit))
    )
    return st.builds(
        lambda data, names, times: _batch(
            Tape(data), wanted, own_pools(wanted.pools, names), None if times is None else _own_times(times, wanted)
        ),
        tape,
        st.fixed_dictionaries(given),
        stamps,
    )


class Wishes(TypedDict, total=False):
    """What ``points`` and ``lines`` take: the keywords of ``batches`` without its sizes."""

    types: Collection[FieldType]
    precision: str
    min_timestamp: int
    max_timestamp: int
    extras: Collection[str]
    dialect: str | None
    measurements: st.SearchStrategy[str] | None
    tag_keys: st.SearchStrategy[str] | None
    tag_values: st.SearchStrategy[str] | None
    field_keys: st.SearchStrategy[str] | None
    strings: st.SearchStrategy[str] | None
    timestamps: st.SearchStrategy[int] | None


def points(**wanted: Unpack[Wishes]) -> st.SearchStrategy[Point]:
    """Points whose line is valid; takes what ``batches`` takes but sizes. Shrinks towards that of ``m f=1 1``."""
    return batches(min_size=1, max_size=1, **wanted).map(lambda batch: batch.points[0])


def lines(**wanted: Unpack[Wishes]) -> st.SearchStrategy[bytes]:
    """Valid lines without their line feed; takes what ``batches`` takes but sizes. Shrinks towards ``m f=1 1``."""
    return batches(min_size=1, max_size=1, **wanted).map(
        lambda batch: batch.body[batch.meant[0][1] : batch.meant[0][2]]
    )


@cache
def wanted_batch(
    sizes: tuple[int, int],
    types: tuple[FieldType, ...] = TYPES,
    precision: str = "ns",
    times: tuple[int, int] = (EARLIEST, LATEST),
    extras: frozenset[str] = frozenset(),
    dialect: str | None = None,
) -> Wanted:
    """Give what ``batch_of`` needs to know, checked; raises ValueError."""
    rules = dialect_of(dialect or "strict")
    if unknown := sorted(extras - EXTRAS.keys()):
        raise ValueError(f"no extra named {unknown[0]!r}; known: {', '.join(EXTRAS)}")
    if dialect is not None:
        extras |= {name for name, readers in EXTRAS.items() if rules.name in readers}
    kinds = (*types, "unsigned") if "unsigned" in extras else types
    if unknown := sorted(set(kinds) - {*TYPES, "unsigned"}):
        raise ValueError(f"no field type {unknown[0]!r}; known: {', '.join((*TYPES, 'unsigned'))}")
    unit = unit_of(rules, precision)
    if unit == AUTO:
        raise ValueError(f"precision {precision!r} is no unit; expected one in which timestamps can be written")
    # VictoriaMetrics takes a timestamp of 0 for none, and has none before it.
    earliest = 1 if rules.name == "victoriametrics" else EARLIEST
    low, high = max(times[0], earliest), min(times[1], LATEST)
    first, last = -(-low // unit) * unit, high // unit * unit
    if not (0 <= sizes[0] <= sizes[1] and kinds):
        raise ValueError(f"sizes {sizes} and types {kinds} admit nothing; expected 0 <= min_size <= max_size, a type")
    if (last - first) // unit + 1 < sizes[1]:
        raise ValueError(f"timestamps from {low} to {high} are too few in units of {precision!r} for {sizes[1]} points")
    return Wanted(pools_for(kinds, extras), sizes, (first, last), unit, precision, extras)


def batch_of(tape: Tape, wanted: Wanted) -> Batch:
    """Give the batch that a tape stands for."""
    return _batch(tape, wanted, wanted.pools, None)


def _batch(tape: Tape, wanted: Wanted, pools: Pools, times: Sequence[int] | None) -> Batch:
    low, high = wanted.sizes
    count = low + tape.below(high - low + 1)
    if times is not None:
        count = min(count, len(times))
    stamps = _stamps(tape, wanted, count) if times is None else times
    extras, unit = wanted.extras, wanted.unit
    body: list[bytes] = []
    meant: list[tuple[int, int, int, _Meant]] = []
    timeless: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    at, line, spare = 0, 1, count - max(low, 1)
    parts = [tape.take(_WIDTH) for _ in range(min(count, _LINES))]
    for part in islice(cycle(parts), count):
        # A first byte of zero leaves the line out, wherever it stands, as long as enough are left.
        if not part[0] and spare > 0:
            spare -= 1
            continue
        rest = Tape(part[_SLOTS:])
        if "comments" in extras and (ignored := rest.below(2 * len(_IGNORED))) >= len(_IGNORED):
            body.append(_IGNORED[ignored - len(_IGNORED)])
            at, line = at + len(body[-1]), line + 1
        bare = "no_timestamps" in extras and rest.below(4) == 3
        end = b"\r\n" if "crlf" in extras and rest.below(2) else b"\n"
        before, between, after = _BLANKS[rest.below(len(_BLANKS)) if "blanks" in extras else 0]
        series, measurement, tags = _series(part, pools)
        section, fields = _section(part, rest, pools)
        text = series + between + section
        # After a blank, InfluxDB tells by the equals signs, those of the series too, where a string may begin.
        if b"=" in series:
            before = b""
        stamp = stamps[len(meant)]
        # Two lines of one series without timestamps would be one point.
        bare = bare and (one := (measurement, frozenset(tags))) not in timeless
        if bare:
            timeless.add(one)
        else:
            text += b"%b%d" % (after, stamp // unit)
        body += (before, text, end)
        at += len(before)
        meant.append((line, at, at + len(text), (measurement, tags, fields, None if bare else stamp)))
        at, line = at + len(text) + len(end), line + 1 + text.count(b"\n")
    return Batch(b"".join(body), wanted.precision, tuple(meant))


def _stamps(tape: Tape, wanted: Wanted, count: int) -> range:
    """Give as many timestamps, all different, within the bounds and whole in the unit."""
    (first, last), unit = wanted.times, wanted.unit
    base = min(max(tape.pick(_BASES) // unit * unit, first), last)
    step = max(tape.pick(_STEPS) // unit, 1) * unit
    reach = step * (count - 1)
    if base + reach <= last:
        return range(base, base + reach + 1, step)
    if base - reach >= first:
        return range(base, base - reach - 1, -step)
    return range(first, last + 1, unit)


def _whole(time: int, unit: int) -> int:
    """Give a time in whole units, rounded towards 1970."""
    return abs(time) // unit * (unit if time >= 0 else -unit)


def _own_times(times: Sequence[int], wanted: Wanted) -> Sequence[int]:
    first, last = wanted.times
    whole = [_whole(time, wanted.unit) for time in times]
    if outside := [time for time in whole if not first <= time <= last]:
        raise ValueError(f"timestamp {outside[0]} lies outside {first} to {last}")
    return whole


def _series(part: bytes, pools: Pools) -> tuple[bytes, str, tuple[tuple[str, str], ...]]:
    """Give measurement and tags as they are written, and as they are meant."""
    text, measurement = pools.measurements[max(part[0] - 1, 0) % len(pools.measurements)]
    tags: dict[str, str] = {}
    # What is left out takes its bytes all the same, so that it changes nothing about the rest.
    for key, index in zip(part[1:_FIELDS:2], part[2:_FIELDS:2], strict=True):
        if key >= _THERE and pools.tag_keys:
            token, name = pools.tag_keys[(key - _THERE) % len(pools.tag_keys)]
            if name not in tags:
                value, tags[name] = pools.tag_values[index % len(pools.tag_values)]
                text += b",%b=%b" % (token, value)
    return text, measurement, tuple(tags.items())


def _section(part: bytes, rest: Tape, pools: Pools) -> tuple[bytes, tuple[tuple[str, FieldType, Value], ...]]:
    """Give the fields as they are written, and as they are meant."""
    pairs = zip(part[_FIELDS:_SLOTS:2], part[_FIELDS + 1 : _SLOTS : 2], strict=True)
    texts: list[bytes] = []
    fields: dict[str, tuple[str, FieldType, Value]] = {}
    for key, index in [(key - _THERE, index) for key, index in pairs if key >= _THERE] or [(0, part[_FIELDS + 1])]:
        token, name, kind = pools.fields[key % len(pools.fields)]
        if name not in fields:
            written, meant = _value(index, rest, kind, pools.values[kind])
            texts.append(b"%b=%b" % (token, written))
            fields[name] = name, kind, meant
    return b",".join(texts), tuple(fields.values())


def _value(index: int, rest: Tape, kind: FieldType, pool: tuple[Valued, ...]) -> Valued:
    """Give one of the pool or, beyond it, one put together from more bytes."""
    if index < 192 or kind == "boolean":
        return pool[index % len(pool)]
    if kind == "string":
        (one, said), (other, too) = rest.pick(pool), rest.pick(pool)
        return one[:-1] + other[1:], str(said) + str(too)
    whole = rest.below(1 << 24)
    if kind == "float":
        text = b"%d.%d" % (whole, index)
        return text, float(text)
    return b"%d%b" % (whole, kind[0].encode()), whole
