"""Valid line protocol: points, lines and batches, with what each of them means."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from hypothesis import strategies as st

from faultlab.lineprotocol import FieldType, Point, Value
from faultlab.lineprotocol.dialect import dialect_of, unit_of
from faultlab.strategies.pools import EXTRAS, TYPES, Pools, Valued, own_pools, pools_for
from faultlab.strategies.tape import Shown, Tape

EARLIEST, LATEST = -9_223_372_036_854_775_806, 9_223_372_036_854_775_806
"""The range of timestamps that every InfluxDB takes, in nanoseconds since 1970."""

# Bytes for what concerns the batch, and for each of its lines; strings of one's own that a batch chooses from.
_HEAD, _WIDTH, _OWN = 4, 14, 4
_BASES = (1, 1_700_000_000_000_000_000, 0, -1, 1_000_000_000_000, EARLIEST, LATEST, 1_600_000_000_123_456_789)
_STEPS = (1, 10**9, 10**3, 10**6, 7 * 24 * 3600 * 10**9)
_IGNORED = (b"# c\n", b"\n", b"#\n", b"  # say = , \n")

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
        return _HEAD + _WIDTH * self.sizes[1]


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
    take the place of the pools of names, strings and timestamps (nanoseconds); each batch draws up to four of each,
    which costs much of the speed. Raises ValueError for sizes, bounds, types or extras that admit nothing, and when
    drawn for a name that line protocol cannot say. Shrinks towards ``min_size`` lines like ``m f=1 1``.
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
    stamps = (
        st.none() if timestamps is None else st.lists(timestamps, min_size=min_size, max_size=max_size, unique=True)
    )
    return st.builds(
        lambda data, names, times: _batch(Tape(data), wanted, own_pools(wanted.pools, names), times),
        tape,
        st.fixed_dictionaries(given),
        stamps,
    )


def points(**wanted: Any) -> st.SearchStrategy[Point]:
    """Points whose line is valid; takes what ``batches`` takes but sizes. Shrinks towards that of ``m f=1 1``."""
    return batches(min_size=1, max_size=1, **wanted).map(lambda batch: batch.points[0])


def lines(**wanted: Any) -> st.SearchStrategy[bytes]:
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
    unit = unit_of(rules, precision) or 1
    low, high = max(times[0], EARLIEST), min(times[1], LATEST)
    first, last = -(-low // unit) * unit, high // unit * unit
    if not (0 <= sizes[0] <= sizes[1] and sizes[1] >= 1 and kinds):
        raise ValueError(f"sizes {sizes} and types {kinds} admit nothing; expected 0 <= min_size <= max_size, a type")
    if (last - first) // unit < sizes[1]:
        raise ValueError(f"timestamps from {low} to {high} are too few in units of {precision!r} for {sizes[1]} points")
    return Wanted(pools_for(kinds, extras), sizes, (first, last), unit, precision, extras)


def batch_of(tape: Tape, wanted: Wanted) -> Batch:
    """Give the batch that a tape stands for."""
    return _batch(tape, wanted, wanted.pools, None)


def _batch(tape: Tape, wanted: Wanted, pools: Pools, times: list[int] | None) -> Batch:
    low, high = wanted.sizes
    count = low + tape.below(high - low + 1)
    if times is not None:
        count = min(count, len(times))
    stamps = _stamps(tape, wanted, count) if times is None else times
    extras = wanted.extras
    body: list[bytes] = []
    meant: list[tuple[int, int, int, _Meant]] = []
    at, line, spare = 0, 1, count - max(low, 1)
    for index in range(count):
        part = tape.part(_WIDTH)
        # A first byte of zero leaves the line out, wherever it stands, as long as enough are left.
        if not part.byte() and spare > 0:
            spare -= 1
            continue
        if "comments" in extras and (ignored := part.below(2 * len(_IGNORED))) >= len(_IGNORED):
            text = _IGNORED[ignored - len(_IGNORED)]
            body.append(text)
            at, line = at + len(text), line + 1
        stamp = None if "no_timestamps" in extras and part.below(4) == 3 else stamps[index]
        text, point = _line(part, pools, wanted, stamp)
        end = b"\r\n" if "crlf" in extras and part.below(2) else b"\n"
        body += (text, end)
        meant.append((line, at, at + len(text), point))
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


def _line(tape: Tape, pools: Pools, wanted: Wanted, stamp: int | None) -> tuple[bytes, _Meant]:
    token, measurement = tape.pick(pools.measurements)
    shape = tape.byte()
    tags = []
    text = [token]
    if many := min(shape % 4, len(pools.tag_keys)):
        first = tape.below(len(pools.tag_keys))
        for number in range(many):
            key, name = pools.tag_keys[(first + number) % len(pools.tag_keys)]
            token, value = tape.pick(pools.tag_values)
            text += (b",", key, b"=", token)
            tags.append((name, value))
    first = tape.below(len(pools.fields))
    fields = []
    before = b" " * (1 + (tape.below(3) if "blanks" in wanted.extras else 0))
    for number in range(1 + min(shape // 4 % 4, len(pools.fields) - 1)):
        token, name, kind = pools.fields[(first + number) % len(pools.fields)]
        written, meant = _value(tape, kind, pools.values[kind])
        text += (before, token, b"=", written)
        fields.append((name, kind, meant))
        before = b","
    if stamp is not None:
        text.append(b" %d" % (stamp // wanted.unit))
    return b"".join(text), (measurement, tuple(tags), tuple(fields), stamp)


def _value(tape: Tape, kind: FieldType, pool: tuple[Valued, ...]) -> Valued:
    """Give one of the pool or, beyond it, one put together from more bytes."""
    index = tape.byte()
    if index < 192 or kind == "boolean":
        return pool[index % len(pool)]
    if kind == "string":
        (one, said), (other, too) = tape.pick(pool), tape.pick(pool)
        return one[:-1] + other[1:], str(said) + str(too)
    whole = tape.below(1 << 24)
    if kind == "float":
        text = b"%d.%d" % (whole, index)
        return text, float(text)
    return b"%d%b" % (whole, kind[0].encode()), whole
