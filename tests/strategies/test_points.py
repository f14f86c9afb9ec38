"""Valid line protocol: read as it is meant by every server it is for, whatever is asked for, down to the simplest."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab.lineprotocol import DIALECTS, FieldType, Parsed, Point, Value, parse, parser
from faultlab.strategies import EXTRAS, Batch, batches, lines, points
from faultlab.strategies.points import EARLIEST, LATEST, Wishes
from faultlab.strategies.pools import TYPES, pools_for
from tests.strategies.draws import CALM, drawn, exact, minimal

INFLUXDB = ("influxdb1", "influxdb2", "influxdb3", "strict")
LATER = 10**18
"""A time that VictoriaMetrics takes for nanoseconds; it takes none before 1970."""
NO_DIFFERENCE = {("tiny_floats", "victoriametrics"): "measured: the server stores 0, the parser does not model that"}


def number(value: Value) -> float | None:
    """Give what VictoriaMetrics makes of a value; None for a string, whose value it does not keep."""
    return None if isinstance(value, str) else float(value)


def numbers(points: Iterable[Point], like: Iterable[Point]) -> list[Any]:
    """Give series, timestamps and numbers of points, and of the strings that are meant nothing but the keys."""
    return [
        (
            point.series,
            point.timestamp,
            [(key, number(meant) and number(value)) for (key, _, value), (_, _, meant) in fields],
        )
        for point, other in zip(points, like, strict=True)
        for fields in [list(zip(point.fields, other.fields, strict=True))]
    ]


def reads_as_meant(batch: Batch, dialect: str, *, precision: str = "") -> bool:
    """Say whether a dialect reads a batch as it is meant."""
    read = parse(batch.body, dialect, precision=precision or batch.precision)
    if read.refused or len(read.points) != len(batch.points):
        return False
    if dialect != "victoriametrics":
        return exact(read.points) == exact(batch.points)
    if [len(p.fields) for p in read.points] != [len(p.fields) for p in batch.points]:
        return False
    return numbers(read.points, batch.points) == numbers(batch.points, batch.points)


@pytest.mark.parametrize("dialect", INFLUXDB)
def test_every_influxdb_reads_what_is_meant(dialect: str) -> None:
    """What is drawn by default is read as it is meant: names, types, values, timestamps, lines and spans."""

    assert [] == [batch for batch in drawn(batches(), 300) if not reads_as_meant(batch, dialect)]


def test_victoriametrics_reads_the_same_series() -> None:
    """VictoriaMetrics reads the same series, times and numbers, from 1970 on."""

    assert [] == [
        batch for batch in drawn(batches(min_timestamp=1), 300) if not reads_as_meant(batch, "victoriametrics")
    ]


@CALM
@given(batches(max_size=3))
def test_points_are_known_without_the_parser(batch: Batch) -> None:
    """What a batch means is known from how it was put together; nothing is parsed for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parser, "_Parse", None)
        known = exact(batch.points)

    assert known == exact(parse(batch.body, "strict").points)


@CALM
@given(lines(), points())
def test_lines_and_points_are_of_one(line: bytes, point: Point) -> None:
    """A line is one line without its line feed, a point the only one of its body, at its beginning."""
    read = parse(line, "strict").points

    assert (1, (0, len(line)), False) == (len(read), read[0].span, line.endswith(b"\n"))
    assert (1, 1, 0) == (point.line, point.ordinal, point.span[0])


TRACES: dict[str, str] = {
    "blanks": r"(^|\n) |  ",
    "comments": r"(^|\n)(#|\n)",
    "crlf": r"\r\n",
    "dot_floats": r"=-?\.5|=5\.[, ]",
    "double_backslashes": r"x\\\\y",
    "equals_in_tags": r"[^\\]==",
    "field_key_quotes": r'[ ,]"[isb]?=|k"l[isb]?=',
    "leading_zeros": r"=-?00",
    "no_timestamps": r"=[^ ]+\n",
    "string_line_feeds": r'"a\nb"',
    "tabs_in_names": r"a\tb",
    "tiny_floats": "5e-324",
    "unsigned": r"=[0-9]+u[, ]",
}
"""What shows in a body that an extra was drawn."""


def test_every_extra_has_its_trace() -> None:
    """The table above speaks of every extra there is."""

    assert set(EXTRAS) == set(TRACES)


@pytest.mark.parametrize("extra", EXTRAS)
def test_extra_is_read_by_those_it_names(extra: str) -> None:
    """An extra is drawn when asked for and not otherwise; exactly the dialects it names always read it as meant."""
    trace = re.compile(TRACES[extra])
    core = drawn(batches(min_timestamp=LATER), 50)
    seen = drawn(batches(extras=[extra], min_timestamp=LATER), 60)
    readers = {name for name in DIALECTS if all(reads_as_meant(batch, name) for batch in seen)}
    blind = {name for that, name in NO_DIFFERENCE if that == extra}

    assert (True, False) == tuple(any(trace.search(b.body.decode()) for b in some) for some in (seen, core))
    assert EXTRAS[extra] == readers - blind


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialect_admits_all_that_it_reads(dialect: str) -> None:
    """A named dialect reads every batch drawn for it, and every extra it reads is among them."""
    seen = drawn(batches(dialect=dialect), 150)
    text = b"".join(batch.body for batch in seen).decode()
    extras = {extra for extra, readers in EXTRAS.items() if dialect in readers}

    assert [] == [batch for batch in seen if not reads_as_meant(batch, dialect)]
    assert extras == {extra for extra in extras if re.search(TRACES[extra], text)}


@pytest.mark.parametrize("kind", [*TYPES, "unsigned"])
def test_types_are_those_asked_for(kind: FieldType) -> None:
    """Only fields of the types asked for are drawn."""
    kinds = {field[1] for batch in drawn(batches(types=[kind]), 100) for p in batch.points for field in p.fields}

    assert {kind} == kinds


def test_every_type_is_drawn() -> None:
    """By default every type is drawn that every InfluxDB has."""

    assert set(TYPES) == {field[1] for batch in drawn(batches()) for p in batch.points for field in p.fields}


def test_everything_in_the_pools_is_drawn() -> None:
    """Sooner or later every name and every value is drawn, and numbers and strings that are in no pool."""
    pools = pools_for(TYPES, ())
    seen = [point for batch in drawn(batches(min_size=10), 300) for point in batch.points]
    values = {kind: {repr(v) for p in seen for _, k, v in p.fields if k == kind} for kind in TYPES}
    known = {kind: {repr(meant) for _, meant in pool} for kind, pool in pools.values.items()}

    assert {name for _, name in pools.measurements} == {p.measurement for p in seen}
    assert {name for _, name in pools.tag_keys} == {key for p in seen for key, _ in p.tags}
    assert {name for _, name in pools.tag_values} == {value for p in seen for _, value in p.tags}
    assert {name for _, name, _ in pools.fields} == {key for p in seen for key, _, _ in p.fields}
    assert {kind: set() for kind in TYPES} == {kind: known[kind] - values[kind] for kind in TYPES}
    assert ["float", "integer", "string"] == [kind for kind in TYPES if values[kind] - known[kind]]


UNITS = sorted(
    (dialect, precision) for dialect in INFLUXDB for precision, unit in DIALECTS[dialect].precisions.items() if unit
)


@pytest.mark.parametrize(("dialect", "precision"), UNITS)
def test_every_precision_is_written(dialect: str, precision: str) -> None:
    """In every unit that a dialect knows, timestamps are whole, as meant, and reach both ends of their range."""
    seen = drawn(batches(dialect=dialect, precision=precision), 30)
    stamps = {p.timestamp for batch in seen for p in batch.points if p.timestamp is not None}
    unit = DIALECTS[dialect].precisions[precision]

    assert [] == [batch for batch in seen if not reads_as_meant(batch, dialect)]
    assert (set(), True) == (
        {stamp for stamp in stamps if stamp % unit},
        min(stamps) < EARLIEST + unit < LATEST - unit < max(stamps),
    )


@pytest.mark.parametrize("precision", sorted({precision for _, precision in UNITS}))
def test_precision_is_that_of_the_batch(precision: str) -> None:
    """A batch says in which unit it is written, and strict reads every unit that any InfluxDB has."""
    seen = drawn(batches(precision=precision), 20)

    assert ({precision}, []) == (
        {batch.precision for batch in seen},
        [batch for batch in seen if not reads_as_meant(batch, "strict")],
    )


@pytest.mark.parametrize(
    ("bounds", "precision", "expected"),
    [
        ((3, 5), "ns", {3, 4, 5}),
        ((-1, 1), "ns", {-1, 0, 1}),
        ((1, 5 * 10**9), "s", {k * 10**9 for k in range(1, 6)}),
        ((-(10**9), 999_999_999), "s", {-(10**9), 0}),
        ((LATEST, LATEST), "ns", {LATEST}),
        ((EARLIEST, EARLIEST), "ns", {EARLIEST}),
        ((-(2**64), EARLIEST + 1), "ns", {EARLIEST, EARLIEST + 1}),
    ],
)
def test_bounds_of_timestamps_are_inclusive(bounds: tuple[int, int], precision: str, expected: set[int]) -> None:
    """As many lines as there are timestamps use each of them; fewer lie within, and meet both ends."""
    low, high = bounds
    all_of_them = batches(
        min_timestamp=low, max_timestamp=high, precision=precision, min_size=len(expected), max_size=len(expected)
    )
    one = batches(min_timestamp=low, max_timestamp=high, precision=precision, max_size=1)

    assert [expected] * 20 == [{p.timestamp for p in batch.points} for batch in drawn(all_of_them, 20)]
    assert {min(expected), max(expected)} <= {batch.points[0].timestamp for batch in drawn(one, 200)} <= expected


def test_ends_of_time_are_drawn() -> None:
    """The first and the last moment that every InfluxDB takes are among what is drawn by default."""
    stamps = {point.timestamp for batch in drawn(batches()) for point in batch.points}

    assert {EARLIEST, LATEST, 0, -1, 1} <= stamps


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [((0, 3), {0, 1, 2, 3}), ((0, 0), {0}), ((1, 1), {1}), ((7, 7), {7}), ((2, 4), {2, 3, 4}), ((1000, 1000), {1000})],
)
def test_sizes_are_inclusive(sizes: tuple[int, int], expected: set[int]) -> None:
    """Every number of lines within the bounds is drawn, and no other."""
    seen = drawn(batches(min_size=sizes[0], max_size=sizes[1]), 60)

    assert expected == {len(batch.points) for batch in seen} == {batch.body.count(b"\n") for batch in seen}


NAMES = st.text("a ,=\\é", min_size=1, max_size=4).map(lambda name: name.replace("\\", "") + "x")


@CALM
@given(
    batches(
        measurements=NAMES,
        tag_keys=NAMES.map("t{}".format),
        tag_values=NAMES,
        field_keys=NAMES.map("f{}".format),
        strings=st.text(st.characters(exclude_categories=["C"])),
        timestamps=st.integers(EARLIEST, LATEST),
    )
)
def test_own_names_are_read_as_meant(batch: Batch) -> None:
    """Names, strings and timestamps of one's own are escaped as line protocol wants it."""

    assert [] == [name for name in INFLUXDB if not reads_as_meant(batch, name)]


@pytest.mark.parametrize(
    ("name", "own", "of"),
    [
        ("measurements", {"x", "y z"}, lambda p: [p.measurement]),
        ("tag_keys", {"k", "l,"}, lambda p: [key for key, _ in p.tags]),
        ("tag_values", {"u", "v="}, lambda p: [value for _, value in p.tags]),
        ("field_keys", {"h", "i\\j"}, lambda p: [key for key, _, _ in p.fields]),
        ("strings", {"", '"'}, lambda p: [v for _, kind, v in p.fields if kind == "string" and len(str(v)) < 2]),
        ("timestamps", {5, -7}, lambda p: [p.timestamp]),
    ],
)
def test_own_values_take_the_place_of_the_pool(name: str, own: set[Any], of: Callable[[Point], list[Any]]) -> None:
    """What is given for names, strings or timestamps is drawn, all of it, and nothing else."""
    wanted: dict[str, Any] = {name: st.sampled_from(sorted(own)), "max_size": 2}
    given = batches(**wanted)
    seen = {found for batch in drawn(given, 200) for point in batch.points for found in of(point)}

    assert own == seen


def test_own_timestamps_are_rounded_to_the_unit() -> None:
    """Timestamps finer than the unit are rounded towards 1970, and stay apart."""
    stamps = st.sampled_from([1_999_999_999, 1_000_000_001, -1_500_000_000, 3])
    seen = drawn(batches(timestamps=stamps, precision="s", max_size=3), 100)

    assert {10**9, -(10**9), 0} == {point.timestamp for batch in seen for point in batch.points}
    assert [] == [batch for batch in seen if not reads_as_meant(batch, "strict")]


def test_no_tag_key_is_a_field_key() -> None:
    """A key given for tags and for fields is a field's, because InfluxDB 3 has one kind of column for each name."""
    keys = st.sampled_from(["k", "l"])
    seen = drawn(batches(tag_keys=keys, field_keys=keys), 100)
    tags = [{key for p in batch.points for key, _ in p.tags} for batch in seen]
    fields = [{key for p in batch.points for key, _, _ in p.fields} for batch in seen]

    assert [set()] * len(seen) == [some & others for some, others in zip(tags, fields, strict=True)]
    assert {"k", "l"} == set.union(*tags) == set.union(*fields)


@pytest.mark.parametrize(
    "given",
    [
        batches(min_size=10),
        batches(min_size=10, extras=["no_timestamps"], measurements=st.just("m"), tag_keys=st.just("t")),
        batches(min_size=10, dialect="influxdb3"),
        batches(min_size=10, precision="s", min_timestamp=0, max_timestamp=9 * 10**9),
        batches(field_keys=st.sampled_from("ab"), types=["float", "string"]),
        batches(timestamps=st.integers(0, 3)),
    ],
)
def test_no_point_twice_and_no_field_of_two_types(given: st.SearchStrategy[Batch]) -> None:
    """No two points of a batch have the same identity, and no field has two types."""
    seen = drawn(given, 100)
    twice = [batch for batch in seen if len({p.identity for p in batch.points}) < len(batch.points)]
    typed = [{(p.measurement, key, kind) for p in batch.points for key, kind, _ in p.fields} for batch in seen]
    torn = [fields for fields in typed if len({field[:2] for field in fields}) < len(fields)]

    assert ([], []) == (twice, torn)


def test_a_key_of_the_pools_has_one_type_for_ever() -> None:
    """Batches drawn one after the other can be written into one database: none contradicts another."""
    typed = {(key, kind) for batch in drawn(batches()) for p in batch.points for key, kind, _ in p.fields}

    assert len(typed) == len({key for key, _ in typed})


WORDS = "expected 0 <= min_size <= max_size, a type"


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"min_size": 5, "max_size": 2}, f"sizes (5, 2) and types {TYPES} admit nothing; {WORDS}"),
        ({"min_size": -1}, f"sizes (-1, 10) and types {TYPES} admit nothing; {WORDS}"),
        ({"max_size": 0}, f"sizes (1, 0) and types {TYPES} admit nothing; {WORDS}"),
        ({"types": ()}, f"sizes (1, 10) and types () admit nothing; {WORDS}"),
        ({"types": ["flaot"]}, "no field type 'flaot'; known: float, integer, string, boolean, unsigned"),
        ({"extras": ["blank"]}, f"no extra named 'blank'; known: {', '.join(EXTRAS)}"),
        ({"dialect": "influxdb4"}, f"unknown dialect 'influxdb4'; known: {', '.join(DIALECTS)}"),
        (
            {"precision": "d"},
            f"unknown precision 'd' for strict; known: {', '.join(DIALECTS['strict'].precisions)}",
        ),
        ({"precision": "auto"}, "precision 'auto' is no unit; expected one in which timestamps can be written"),
        (
            {"min_timestamp": 2, "max_timestamp": 1, "max_size": 1},
            "timestamps from 2 to 1 are too few in units of 'ns' for 1 points",
        ),
        (
            {"min_timestamp": 1, "max_timestamp": 9},
            "timestamps from 1 to 9 are too few in units of 'ns' for 10 points",
        ),
        (
            {"min_timestamp": 1, "max_timestamp": 10**9 - 1, "precision": "s", "max_size": 1},
            "timestamps from 1 to 999999999 are too few in units of 's' for 1 points",
        ),
    ],
)
def test_impossible_arguments_are_refused(wanted: dict[str, Any], complaint: str) -> None:
    """What could draw nothing is refused at once, in words that name what was given."""
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        batches(**wanted)


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"measurements": st.just("#m")}, "measurement '#m' begins with '#', which makes its line a comment"),
        ({"measurements": st.just("")}, "name '' is empty, ends with a backslash or holds a control character"),
        (
            {"tag_values": st.just("a\\")},
            "name 'a\\\\' is empty, ends with a backslash or holds a control character",
        ),
        ({"tag_keys": st.just("time")}, "name 'time' is reserved; expected one that every server takes"),
        ({"field_keys": st.just("_field")}, "name '_field' is reserved; expected one that every server takes"),
        ({"timestamps": st.just(2**63)}, f"timestamp {2**63} lies outside {EARLIEST} to {LATEST}"),
        ({"timestamps": st.just(4), "min_timestamp": 5}, f"timestamp 4 lies outside 5 to {LATEST}"),
    ],
)
def test_what_cannot_be_said_is_refused(wanted: dict[str, Any], complaint: str) -> None:
    """A name or a time of one's own that line protocol cannot say is refused when it is drawn."""
    with pytest.raises(ValueError, match=rf"^{re.escape(complaint)}(\n|$)"):
        minimal(batches(**wanted))


@pytest.mark.parametrize(
    ("values", "simplest"),
    [
        (lines(), b"m f=1 1"),
        (batches(), Batch(b"m f=1 1\n")),
        (batches(min_size=0), Batch(b"")),
        (batches(min_size=2), Batch(b"m f=1 1\nm f=1 2\n")),
        (batches(precision="s"), Batch(b"m f=1 0\n", "s")),
        (batches(min_timestamp=7), Batch(b"m f=1 7\n")),
        (batches(max_timestamp=-7), Batch(b"m f=1 -7\n")),
        (batches(dialect="influxdb2"), Batch(b"m f=1 1\n")),
        (batches(types=["string"]), Batch(b'm f="" 1\n')),
        (batches(measurements=st.text("cd", min_size=1), timestamps=st.integers(3)), Batch(b"c f=1 3\n")),
    ],
)
def test_shrinks_towards_the_simplest(values: st.SearchStrategy[Any], simplest: Any) -> None:
    """Lines and batches shrink towards the fewest lines, each of one measurement and one field."""
    shrunk = minimal(values)

    assert simplest == (Batch(shrunk.body, shrunk.precision) if isinstance(shrunk, Batch) else shrunk)


def test_points_shrink_towards_the_simplest() -> None:
    """A point shrinks towards that of the simplest line."""

    assert Point("m", (), (("f", "float", 1.0),), 1, 1, 1, (0, 7)) == minimal(points())


def has(value: Value) -> Callable[[Batch], bool]:
    """Say of a batch whether a field of it has a value."""
    return lambda batch: any(repr(v) == repr(value) for p in batch.points for _, _, v in p.fields)


@pytest.mark.parametrize(
    ("condition", "simplest"),
    [
        (lambda batch: any(p.measurement == "🙂" for p in batch.points[6:]), b"m f=1 1\n" * 6 + "🙂 f=1 1\n".encode()),
        (lambda batch: any(p.measurement == "🙂" for p in batch.points), "🙂 f=1 1\n".encode()),
        (lambda batch: any(len(p.tags) == 3 for p in batch.points), b"m,t=v,host=v,t\\ b=v f=1 1\n"),
        (lambda batch: any(value == "#" for p in batch.points for _, value in p.tags), b"m,t=# f=1 1\n"),
        (has(2**63 - 1), b"m fi=9223372036854775807i 1\n"),
        (has('\\"'), b'm fs="\\\\\\"" 1\n'),
        (has(False), b"m fb=f 1\n"),
        (has(-0.0), b"m f=-0 1\n"),
        (lambda batch: any((p.timestamp or 0) < 0 for p in batch.points), b"m f=1 -1\n"),
    ],
)
def test_failure_shrinks_to_its_cause(condition: Callable[[Batch], bool], simplest: bytes) -> None:
    """A failure on any line, the seventh for one, shrinks to that line alone, and that line to what makes it fail."""
    shrunk = minimal(batches(), condition).body

    assert re.sub(rb" [0-9]+\n", b" 1\n", simplest) == re.sub(rb" [0-9]+\n", b" 1\n", shrunk)


def test_many_lines_are_a_whole_batch() -> None:
    """A batch of thousands of lines is read as meant like any other, each of its points its own."""
    [batch, *_] = seen = drawn(batches(min_size=5000, max_size=5000), 2)

    assert [True, True] == [reads_as_meant(one, "influxdb2") for one in seen]
    assert 5000 == len({point.identity for point in batch.points})


def test_own_names_shrink() -> None:
    """A failure in a name of one's own shrinks to that name."""
    shrunk = minimal(
        batches(measurements=st.text("xyz", min_size=1)), lambda b: any("z" in p.measurement for p in b.points)
    )

    assert b"z f=1 1\n" == shrunk.body


def test_empty_batch_says_nothing() -> None:
    """A batch without lines has no points, and no dialect of InfluxDB has anything to say against it."""
    batch = minimal(batches(min_size=0))

    assert (Parsed(), ()) == (parse(batch.body, "strict"), batch.points)


def test_points_and_lines_take_what_batches_takes() -> None:
    """Each keyword of ``batches`` but its sizes is one of ``points`` and ``lines``."""

    assert set(inspect.signature(batches).parameters) - {"min_size", "max_size"} == set(Wishes.__annotations__)
