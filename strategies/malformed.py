"""Line protocol that is wrong in one named way, among good lines, with what each server makes of it.

A class is data: the ways to write it, with what is wrong between « and », and the dialects that take such a line all
the same. What becomes of the whole body is for ``faultlab.lineprotocol.outcome`` to say, which real servers agree with.

Source: InfluxDB 1.6.7 and VictoriaMetrics 1.79.5, measured; InfluxDB 2.9.1 and 3.10.1, their parsers run.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from hypothesis import strategies as st

from faultlab import contract
from faultlab.faults import nearest
from faultlab.lineprotocol import Outcome, outcome
from faultlab.strategies.points import batch_of, wanted_batch
from faultlab.strategies.tape import Shown, Tape

NOW = 1_700_000_000_000_000_000
"""The time, in nanoseconds since 1970, at which points without a timestamp are taken to arrive."""


class Group(enum.StrEnum):
    """How far a way of being wrong reaches."""

    CORE = "core"
    """Every InfluxDB refuses the line, and the line alone."""
    DIVERGENT = "divergent"
    """Servers disagree on whether the line is right."""
    BLAST = "blast"
    """The line takes others with it."""
    SILENT = "silent"
    """A server takes the line and stores something else than was meant."""
    TORN = "torn"
    """A valid body that ends too early."""
    QUARANTINE = "quarantine"
    """The line stops a real server, or poisons what it has stored."""


@dataclass(frozen=True, slots=True)
class Class:
    """One way to be wrong.

    ``ways`` are lines in which {m} stands for a measurement, {s} for a series and {t} for a timestamp. ``taken_by``
    are the dialects that take the line; what it means to them may not be what was meant.
    """

    name: str
    group: Group
    ways: tuple[str, ...]
    taken_by: frozenset[str] = frozenset()


_ALL = frozenset({"influxdb1", "influxdb2", "influxdb3"})
_GO = frozenset({"influxdb1", "influxdb2"})
_V3 = frozenset({"influxdb3"})


def _core(name: str, *ways: str) -> Class:
    return Class(name, Group.CORE, ways)


def _values(name: str, *values: str) -> Class:
    return _core(name, *(f"{{s}} f=«{value}» {{t}}" for value in values))


CLASSES = (
    _core("missing_fields", "{s}«»", "{s} «{t}»"),
    _core("missing_measurement", "«»,t=v f=1 {t}"),
    _core("empty_tag_value", "{m},t=«» f=1 {t}", "{m},t=«»,k=w f=1 {t}"),
    _core("empty_tag_key", "{m},«»=v f=1 {t}"),
    _core("tag_without_equals", "{m},«t» f=1 {t}"),
    _core("space_in_tag", "{m},t=a« »b f=1 {t}"),
    _core("space_after_comma", "{m},t=v,« »k=w f=1 {t}", "{s} f=1,« »g=2 {t}"),
    _core("empty_field_key", "{s} «»=1 {t}"),
    _core("empty_field_value", "{s} f=«» {t}", "{s} f=«»,g=2 {t}"),
    _values("leading_plus", "+1", "+1i", "+1.5"),
    _values("not_a_number", "NaN", "nan", "Inf", "-Inf", "+Inf", "null", "nil", "None"),
    _values("bad_boolean", "tRUE", "yes", "no", "truee", "fals", "tru"),
    _values("unquoted_string", "abc", "hello.world", "ok"),
    _values("single_quoted_string", "'x'", "`x`", "'a b'"),
    _values("bad_integer", "1I", "1ii", "1.5i", "1e3i", "1L", "i", "0x10", "1_000"),
    _values("integer_overflow", "9223372036854775808i", "-9223372036854775809i", "99999999999999999999i"),
    _values("bad_number", "1.2.3", "1e", "-", "--1", "1-1", "1e1e1"),
    _core("float_timestamp", "{s} f=1 «1.5»", "{s} f=1 «1e18»", "{s} f=1 «1700000000.25»"),
    _core("iso_timestamp", "{s} f=1 «2024-01-01T00:00:00Z»", '{s} f=1 «"2024-01-01"»'),
    _core("timestamp_overflow", "{s} f=1 «99999999999999999999»", "{s} f=1 «-99999999999999999999»"),
    _core("trailing_token", "{s} f=1 {t} «x»", "{s} f=1 {t} «1»", "{s} f=1 {t} «g=2»"),
    _core("joined_lines", "{s} f=1 {t}«»bad f=2 {t}"),
    _core("missing_value", "{s} f=1,«g»", "{s} f=1,g=«»"),
    _core("tab_separator", "{s}«\t»f=1 {t}"),
    _core("time_tag", "{m},«time»=v f=1 {t}"),
    _core("time_field", "{s} «time»=1 {t}"),
    Class("tag_duplicate", Group.DIVERGENT, ("{m},t=a,«t=b» f=1 {t}",), _V3),
    Class("tag_equals", Group.DIVERGENT, ("{m},t=a«=»b f=1 {t}",), _V3),
    Class("double_comma", Group.DIVERGENT, ("{m},t=v«,»,k=w f=1 {t}",), _V3),
    Class("field_key_comma", Group.DIVERGENT, ("{s} a«,»b=1 {t}",), _V3),
    Class("field_trailing_comma", Group.DIVERGENT, ("{s} f=1«,» {t}",), _V3),
    Class("field_duplicate", Group.DIVERGENT, ("{s} f=1,«f=2» {t}",), _GO),
    Class("dot_float", Group.DIVERGENT, ("{s} f=«.»5 {t}", "{s} f=5«.» {t}", "{s} f=-«.»5 {t}"), _GO),
    Class("float_overflow", Group.DIVERGENT, ("{s} f=«1e309» {t}", "{s} f=«-1e309» {t}"), _V3),
    Class("unsigned", Group.DIVERGENT, ("{s} f=1«u» {t}",), frozenset({"influxdb2", "influxdb3"})),
    Class("carriage_return", Group.DIVERGENT, ("{s} f=1 {t}«\r»", "{s} f=1«\r»")),
    Class("tab_before_timestamp", Group.DIVERGENT, ("{s} f=1 «\t»{t}",), _GO),
    Class("tab_in_tag", Group.DIVERGENT, ("{m},t=a«\t»b f=1 {t}",), _GO),
    Class("trailing_space", Group.DIVERGENT, ("{s} f=1« »",), _GO),
    Class("leading_nul", Group.DIVERGENT, ("«\x00»{s} f=1 {t}",), _GO),
    Class("invalid_utf8", Group.DIVERGENT, ("{m},t=«\udcff» f=1 {t}", '{s} f="«\udce9»" {t}'), _GO),
    Class(
        "reserved_tag",
        Group.DIVERGENT,
        ("{m},«_field»=v f=1 {t}", "{m},«_measurement»=v f=1 {t}"),
        _ALL - {"influxdb2"},
    ),
    Class("tag_is_field", Group.DIVERGENT, ("{m},x=a «x»=1 {t}",), _GO),
    Class(
        "timestamp_at_the_end",
        Group.DIVERGENT,
        ("{s} f=1 «9223372036854775807»", "{s} f=1 «-9223372036854775807»"),
        _V3,
    ),
    Class("long_name", Group.DIVERGENT, (f"«{'x' * 65_536}» f=1 {{t}}",), _V3),
    Class("string_unterminated", Group.BLAST, ('{s} f=«"»abc {t}', '{s} f=1,g=«"» {t}')),
    Class("string_ends_with_backslash", Group.BLAST, ('{s} f="abc«\\"» {t}',)),
    Class("string_inner_quote", Group.BLAST, ('{s} f="a«"»b" {t}', '{s} f="a «"»b" {t}')),
    Class("string_unopened", Group.BLAST, ('{s} f=abc«"» {t}',)),
    Class("quote_in_number", Group.BLAST, ('{s} f=1«"»2 {t}',)),
    Class("comment_with_quote", Group.BLAST, ('# say f=«"»oops',)),
    Class("comment_ends_with_backslash", Group.BLAST, ("# note «\\»",)),
    Class("line_ends_with_backslash", Group.BLAST, ("{s} f=1 {t}«\\»", "{s} f=1«\\»")),
    Class("text_after_string", Group.SILENT, ('{s} f="a"«b» {t}',), _GO),
    Class("string_before_carriage_return", Group.SILENT, ('{s} f="x"«\r»',), _GO),
    Class("double_backslash", Group.SILENT, ("{m},t=x«\\\\»y f=1 {t}", "{s} k«\\\\»l=1 {t}"), _ALL),
    Class("escaped_equals", Group.SILENT, ("a«\\=»b f=1 {t}",), _ALL),
    Class("time_field_beside_others", Group.SILENT, ("{s} f=1,«time»=2 {t}",), _GO),
    Class("timestamp_in_seconds", Group.SILENT, ("{s} f=1 «1700000000»",), _ALL),
    Class("timestamp_missing_twice", Group.SILENT, ("{s} f=1«»\n{s} f=2",), _ALL),
    Class("value_cut", Group.SILENT, ("{s} f=12«»",), _ALL),
    Class("timestamp_cut", Group.SILENT, ("{s} f=1 «17000»",), _ALL),
    Class("torn", Group.TORN, ()),
    Class("server_crash", Group.QUARANTINE, ('m a«\\\\»="=" {t}', '0 «\\\\»="="', 'm q=""«=3»,"=" {t}')),
    Class("server_error", Group.QUARANTINE, ('{s} a«\\\\»="x=1" {t}',)),
    Class("name_is_no_utf8", Group.QUARANTINE, ("m«\udcff» f=1 {t}", "{s} f«\udcff»=1 {t}"), _GO),
    Class("hundred_tags", Group.QUARANTINE, ("{m}«" + "".join(f",t{i}=v" for i in range(100)) + "» f=1 {t}",), _ALL),
)
"""Every class, simplest first within its group."""

_BY_NAME = {one.name: one for one in CLASSES}
_MEASUREMENTS = ("bad", "b\\ d", "b\\,d", "böse", 'b"d')
_SERIES = ("", ",t=v", ",host=a\\ b", ",q=\\=,z=ż", ',t="')
_MARKS = re.compile("[«»]")
# The good lines lie in the week, and for VictoriaMetrics in the milliseconds, of the bad one.
_GOOD = wanted_batch((0, 2), times=(NOW, NOW + 3600 * 10**9))
_WHOLE = wanted_batch((1, 3), times=(NOW, NOW + 3600 * 10**9))
_HEAD = 6


@dataclass(frozen=True)
class Malformed(Shown):
    """A body that is wrong in one way.

    ``span`` is the wrong part of the body, ``line`` the number of the physical line it begins on. ``taken_by`` are the
    dialects that take that line; for the groups blast and torn that depends on the lines around it.
    """

    kind: str
    body: bytes
    span: tuple[int, int]
    line: int = 1

    @property
    def group(self) -> Group:
        """How far the class reaches."""
        return _BY_NAME[self.kind].group

    @property
    def taken_by(self) -> frozenset[str]:
        """The dialects of InfluxDB that take the line."""
        return _BY_NAME[self.kind].taken_by

    def verdict(self, profile: str, *, endpoint: str = "") -> Outcome:
        """Give what a server of this profile answers and stores, its database being empty before."""
        return outcome(self.body, profile, endpoint=endpoint, now=NOW)

    @cached_property
    def verdicts(self) -> dict[str, Outcome]:
        """The verdict of every profile at its first write endpoint."""
        return {profile.name: self.verdict(profile.name) for profile in (*contract.ALL, *contract.OTHERS)}


def malformed(*, classes: Collection[str] | None = None, quarantine: bool = False) -> st.SearchStrategy[Malformed]:
    """Bodies that are wrong in one way, up to two good lines before it and up to two after.

    ``classes`` are names of classes or of groups; all but the quarantined if None. Those stop a real server or poison
    its data, and are drawn only with ``quarantine``. Raises ValueError for a class that does not exist, or is
    quarantined without leave. Shrinks towards the first class's simplest line alone, for ``torn`` towards ``m``.
    """
    chosen = chosen_classes(classes, quarantine=quarantine)
    size = _HEAD + 2 * _GOOD.bytes
    return st.binary(min_size=size, max_size=size).map(lambda data: _malformed(Tape(data), chosen))


def chosen_classes(names: Collection[str] | None, *, quarantine: bool = False) -> tuple[Class, ...]:
    """Give the classes of these names and groups, all but the quarantined if None; raises ValueError."""
    if names is None:
        return tuple(one for one in CLASSES if quarantine or one.group is not Group.QUARANTINE)
    known = {*_BY_NAME, *Group}
    for name in names:
        if name not in known:
            raise ValueError(f"no class named '{name}'{nearest(name, known)}; groups: {', '.join(Group)}")
    chosen = tuple(one for one in CLASSES if one.name in names or one.group in names)
    if not chosen:
        raise ValueError("classes is empty; expected at least one class, or None for all")
    unsafe = [one.name for one in chosen if one.group is Group.QUARANTINE]
    if unsafe and not quarantine:
        raise ValueError(f"'{unsafe[0]}' stops or poisons a real server; expected quarantine=True beside it")
    return chosen


def _malformed(tape: Tape, chosen: tuple[Class, ...]) -> Malformed:
    kind = tape.pick(chosen)
    if kind.group is Group.TORN:
        return _torn(tape)
    bad, start, end = bad_line(tape, kind)
    before, after = (batch_of(tape.part(_GOOD.bytes), _GOOD).body for _ in range(2))
    body = before + bad + b"\n" + after
    at = len(before) + start
    return Malformed(kind.name, body, (at, len(before) + end), 1 + body.count(b"\n", 0, at))


def bad_line(tape: Tape, kind: Class) -> tuple[bytes, int, int]:
    """Give a line of a class that is not torn, without its line feed, and where it is wrong."""
    way = tape.pick(kind.ways)
    measurement = tape.pick(_MEASUREMENTS)
    text = way.format(m=measurement, s=measurement + tape.pick(_SERIES), t=NOW + tape.below(256))
    before, wrong, after = (part.encode(errors="surrogateescape") for part in _MARKS.split(text, 2))
    return before + wrong + after, len(before), len(before) + len(wrong)


def _torn(tape: Tape) -> Malformed:
    whole = batch_of(tape, _WHOLE).body
    at = 1 + tape.below(len(whole) - 1)
    return Malformed("torn", whole[:at], (at, at), 1 + whole.count(b"\n", 0, at))
