"""What an application may hand to a client, and whether a client's serializer says it faithfully."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from faultlab.faults import nearest
from faultlab.lineprotocol import Point, parse, write_line
from faultlab.strategies.tape import Shown, Tape

_PLACES = ("measurement", "tag_key", "tag_value", "field_key", "string")
_TEXTS: dict[str, tuple[str, ...]] = {
    "space": ("a b", " ", "a  b"),
    "comma": ("a,b", ","),
    "equals": ("a=b", "="),
    "quote": ('a"b', '"'),
    "backslash": ("a\\b", "c:\\new"),
    "backslash_before_separator": ("a\\ b", "a\\,b", "a\\=b", 'a\\"b', "a\\\\b"),
    "trailing_backslash": ("a\\", "\\"),
    "newline": ("a\nb", "\n"),
    "carriage_return": ("a\rb", "a\r\nb", "\r"),
    "tab": ("a\tb", "\t"),
    "hash": ("#", "#a"),
    "unicode": ("ż", "日本", "🙂", "\u00a0", "\u2028"),
    "empty": ("",),
}
_VALUES: dict[str, tuple[Any, ...]] = {
    "nan": (math.nan,),
    "infinity": (math.inf, -math.inf),
    "none": (None,),
    "whole_float": (0.0, -0.0, 1.0, 123456789.0, 2.0**53, 1e15, 1e300),
    "small_float": (0.1, 0.1 + 0.2, 1e-7, 5e-324, 3.141592653589793, 123456.7890625),
    "boolean": (True, False),
    "integer": (0, -1, 2**53 + 1, 2**63 - 1, -(2**63)),
    "too_large_integer": (2**63, -(2**63) - 1, 2**64),
    "number_in_string": ("1", "1i", "true", "NaN"),
}
_TIMES: dict[str, tuple[int | None, ...]] = {
    "no_time": (None,),
    "zero_time": (0,),
    "early_time": (-1, -(10**18), -9_223_372_036_854_775_806),
    "late_time": (9_223_372_036_854_775_806,),
}

# Of each hazard, the part of a point it is in, and what it can be there.
_DATA: dict[str, tuple[str, tuple[Any, ...]]] = {
    **{name: ("value", values) for name, values in _VALUES.items()},
    **{name: ("time", values) for name, values in _TIMES.items()},
    **{
        f"{place}_{name}": ("value" if place == "string" else place, texts)
        for name, texts in _TEXTS.items()
        for place in _PLACES
    },
    "two_fields_one_nan": ("fields", ({"f": 1.0, "g": math.nan},)),
    "two_fields_one_none": ("fields", ({"f": 1.0, "g": None},)),
    "many": ("fields", ({f"f{number}": float(number) for number in range(60)},)),
}

HAZARDS: tuple[str, ...] = tuple(_DATA)
"""What can be uncommon about a point."""


_MOST_TAGS = 3


@dataclass(frozen=True)
class ApplicationPoint(Shown):
    """One point as an application has it: the names as they are meant, Python's own values, nanoseconds since 1970.

    A tag or field of None, and a tag that is empty, is one the application does not have. ``hazard`` names what is
    uncommon about the point, several things with ``and`` between them.
    """

    measurement: str = "m"
    tags: dict[str, str | None] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    time: int | None = 1
    hazard: str = ""

    @property
    def meant(self) -> tuple[Any, ...]:
        """What a server has to read: measurement, tags, fields with their types, timestamp."""
        tags = {key: value for key, value in self.tags.items() if value}
        fields = {key: (_type(value), value) for key, value in self.fields.items() if value is not None}
        return self.measurement, tags, fields, self.time


@dataclass(frozen=True)
class Unfaithful:
    """One point that a serializer does not say as it was handed over."""

    point: ApplicationPoint
    written: bytes
    why: str

    def __str__(self) -> str:
        """Give it in three lines."""
        p = self.point
        given = f"measurement {p.measurement!r}, tags {p.tags!r}, fields {p.fields!r}, time {p.time!r}"
        return f"{p.hazard}\n  handed over  {given}\n  written      {self.written!r}\n  read         {self.why}"


type Serializer = Callable[[ApplicationPoint], str | bytes | None]
"""What turns a point into line protocol with timestamps in nanoseconds; raises where it will not, gives None or nothing
where there is nothing to write.
"""


def application_points(*, hazards: Collection[str] = HAZARDS) -> st.SearchStrategy[ApplicationPoint]:
    """Points as applications have them, each with one to three uncommon things about it: names, values, times.

    ``hazards`` are those to draw (see ``HAZARDS``). Raises ValueError for one that does not exist, or none at all.
    Shrinks towards one hazard, the first, and its first value, in a point of one field and no tags.
    """
    chosen = _checked(hazards)
    return st.binary(min_size=8, max_size=8).map(lambda data: _point(Tape(data), chosen))


def _checked(hazards: Collection[str]) -> tuple[str, ...]:
    if unknown := [name for name in hazards if name not in HAZARDS]:
        raise ValueError(f"no hazard named '{unknown[0]}'{nearest(unknown[0], HAZARDS)}")
    if not hazards:
        raise ValueError("hazards is empty; expected at least one of HAZARDS")
    return tuple(hazards)


def unfaithful(
    serialize: Serializer, *, hazards: Collection[str] = HAZARDS, dialect: str = "strict"
) -> list[Unfaithful]:
    """Give, for each hazard that a serializer does not say faithfully, the simplest point that shows it.

    To refuse a point by raising is always faithful; to leave out what is not there (see ``ApplicationPoint``) is so
    too. What is written is read in ``dialect``; ``strict`` takes only what every InfluxDB reads alike. Every point with
    that one hazard is tried. Raises ValueError for a hazard or a dialect that does not exist.
    """
    return [found for hazard in _checked(hazards) if (found := _simplest(serialize, hazard, dialect)) is not None]


def assert_serializer_is_faithful(
    serialize: Serializer, *, hazards: Collection[str] = HAZARDS, dialect: str = "strict"
) -> None:
    """Raise AssertionError unless a server reads what the application hands over, or the serializer refuses it.

    The message has the simplest failing point of each hazard: as handed over, as written, as read. Arguments as for
    ``unfaithful``.
    """
    found = unfaithful(serialize, hazards=hazards, dialect=dialect)
    if found:
        raise AssertionError(f"{len(found)} of {len(hazards)} hazards\n" + "\n".join(map(str, found)))


def _simplest(serialize: Serializer, hazard: str, dialect: str) -> Unfaithful | None:
    # One hazard has so few points that they are all looked at, simplest first, and none has to be searched for.
    choices = range(len(_DATA[hazard][1]))
    points = (_built([(hazard, choice)], plain) for plain in range(_MOST_TAGS) for choice in choices)
    return next((found for point in points if (found := judge(serialize, point, dialect)) is not None), None)


def judge(serialize: Serializer, point: ApplicationPoint, dialect: str = "strict") -> Unfaithful | None:
    """Say how a serializer changes one point; None where it says or refuses it."""
    try:
        given = serialize(point)
    except Exception:  # noqa: BLE001 - whatever it raises, it is not silent
        return None
    written = given.encode(errors="surrogatepass") if isinstance(given, str) else given or b""
    measurement, tags, fields, time = point.meant
    parsed = parse(written, dialect)
    if parsed.refused:
        line = parsed.refused[0]
        return Unfaithful(point, written, f"line {line.line} is refused: {line.message}")
    if len(parsed.points) != bool(fields):
        return Unfaithful(point, written, f"{len(parsed.points)} points; expected {int(bool(fields))}")
    why = "; ".join(_differences(parsed.points[0], (measurement, tags, fields, time))) if parsed.points else ""
    return Unfaithful(point, written, why) if why else None


def _differences(read: Point, meant: tuple[Any, ...]) -> Iterator[str]:
    measurement, tags, fields, time = meant
    if read.measurement != measurement:
        yield f"measurement {read.measurement!r}"
    if dict(read.tags) != tags:
        yield f"tags {dict(read.tags)!r}"
    got = {key: (kind, value) for key, kind, value in read.fields}
    if {key: _exact(*value) for key, value in got.items()} != {key: _exact(*value) for key, value in fields.items()}:
        shown = ", ".join(f"{key!r}: {kind} {value!r}" for key, (kind, value) in got.items())
        yield f"fields {{{shown}}}"
    if read.timestamp != time:
        yield f"time {read.timestamp}"


def _exact(kind: str, value: Any) -> tuple[str, Any]:
    """Give a value so that equal means the same: not a number is one value, and the two zeros are two."""
    return (kind, repr(value)) if kind == "float" else (kind, value)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "float" if isinstance(value, float) else "string"


def _point(tape: Tape, hazards: tuple[str, ...]) -> ApplicationPoint:
    plain = tape.below(_MOST_TAGS)
    pairs = [(tape.byte(), tape.byte()) for _ in range(3)]
    # The first may be one that has to be refused, which would hide what else is wrong with the point. Each of them can
    # be left out, so that shrinking leaves the one that matters.
    others = [hazard for hazard in hazards if hazard in _SAYABLE] or hazards
    chosen = [
        (from_those[(byte - 1) % len(from_those)], choice)
        for from_those, (byte, choice) in zip((hazards, others, others), pairs, strict=True)
        if byte
    ]
    return _built(chosen or [(hazards[0], 0)], plain)


def _built(chosen: Iterable[tuple[str, int]], plain: int = 0) -> ApplicationPoint:
    """Give a point with hazards, each with its choice of value, and as many plain tags."""
    tags: dict[str, str | None] = {f"t{number}": "v" for number in range(plain)}
    names: list[str] = []
    there: dict[str, Any] = {}
    for hazard, choice in chosen:
        place, values = _DATA[hazard]
        if not there.keys() & _EXCLUDED.get(place, {place, "fields"}):
            there[place] = values[choice % len(values)]
            names.append(hazard)
    if there.keys() & {"tag_key", "tag_value"}:
        tags[there.get("tag_key", "t")] = there.get("tag_value", "v")
    if "many" in names:
        tags |= {f"t{number}": "v" for number in range(40)}
    fields = dict(there.get("fields") or {there.get("field_key", "f"): there.get("value", 1.0)})
    return ApplicationPoint(there.get("measurement", "m"), tags, fields, there.get("time", 1), " and ".join(names))


# What cannot be beside what, beyond a second of its kind: InfluxDB 3 wants tags and fields of different names.
_EXCLUDED = {
    "fields": {"fields", "field_key", "value"},
    "field_key": {"fields", "field_key", "tag_key"},
    "tag_key": {"tag_key", "field_key"},
    **{place: {place} for place in ("measurement", "tag_value", "time")},
}


def _can_be_said(point: ApplicationPoint) -> bool:
    measurement, tags, fields, time = point.meant
    typed = tuple((key, *value) for key, value in fields.items()) or (("f", "float", 1.0),)
    try:
        write_line(measurement, tuple(tags.items()), typed, time)
    except ValueError:
        return False
    return True


_SAYABLE = frozenset(hazard for hazard in HAZARDS if _can_be_said(_built([(hazard, 0)])))
