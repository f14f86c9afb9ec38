"""What becomes of a body: the unit of loss, what a lost body leaves behind, and the words of the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from faultlab.contract import UnknownProfile
from faultlab.exchange import V1_WRITE, V2_WRITE, V3_WRITE, Answer, Effect
from faultlab.lineprotocol import Outcome, State, Unit, outcome

NOW = 1_700_000_000_000_000_000
NEXT = NOW + 7 * 24 * 3600 * 10**9
"""The same time, a week later."""

LINE = b"m,i=1 f=1 1\nbad\nm,i=2 f=2 2\n"
CONFLICT = b"m,i=1 f=1 1\nm,i=3 f=1i 3\nm,i=2 f=2 2\n"

# One malformed line, then one line of another type, among two good ones: status, unit of loss, points stored.
LOSSES = [
    ("serverless", V2_WRITE, (201, Unit.LINES, 2), (201, Unit.LINES, 2)),
    ("serverless", V1_WRITE, (201, Unit.LINES, 2), (201, Unit.LINES, 2)),
    ("dedicated", V2_WRITE, (201, Unit.LINES, 2), (201, Unit.LINES, 2)),
    ("dedicated", V1_WRITE, (400, Unit.LINES, 2), (400, Unit.LINES, 2)),
    ("clustered", V2_WRITE, (400, Unit.LINES, 2), (400, Unit.LINES, 2)),
    ("tsm", V2_WRITE, (400, Unit.LINES, 2), (400, Unit.LINES, 2)),
    ("oss2", V2_WRITE, (400, Unit.BATCH, 0), (422, Unit.LINES, 2)),
    ("oss1", V1_WRITE, (400, Unit.LINES, 2), (400, Unit.WEEK, 0)),
    ("core", V3_WRITE, (400, Unit.LINES, 2), (400, Unit.LINES, 2)),
    ("core", V1_WRITE, (400, Unit.BATCH, 0), (400, Unit.BATCH, 0)),
    ("core", V2_WRITE, (400, Unit.BATCH, 0), (400, Unit.BATCH, 0)),
    ("victoriametrics", V1_WRITE, (204, Unit.LINES, 2), (204, Unit.NOTHING, 3)),
]

WEEK_LOST = "field type conflict"
IS_INTEGER = "is type integer, already exists as type float"

# Bodies written to InfluxDB 1 one after the other, and the error that answers each; empty where it is 204. The real
# server says the same: tests/servers/test_strategies.py.
SEQUENCES: dict[str, tuple[tuple[str, str], ...]] = {
    "a week that holds nothing is lost, and not when it is sent again": (
        ("m f=1 {now}\nm f=1i {now}\nn v=1 {now}\n", WEEK_LOST),
        (
            "m f=1 {now}\nm f=1i {now}\nn v=1 {now}\n",
            f'partial write: field type conflict: input field "f" on measurement "m" {IS_INTEGER} dropped=1',
        ),
    ),
    "a week that holds a point is not lost": (
        ("warm up=1 {now}\n", ""),
        (
            "m f=1 {now}\nm f=1i {now}\nn v=1 {now}\n",
            f'partial write: field type conflict: input field "f" on measurement "m" {IS_INTEGER} dropped=1',
        ),
    ),
    "a point refused for its tag opens its week": (
        (
            "m,time=v f=1 {now}\n",
            'partial write: invalid tag key: input tag "time" on measurement "m" is invalid dropped=1',
        ),
        (
            "m f=1 {now}\nm f=1i {now}\n",
            f'partial write: field type conflict: input field "f" on measurement "m" {IS_INTEGER} dropped=1',
        ),
    ),
    "columns of a lost week bind what comes next": (
        ("m f=1 {now}\nm f=1i {now}\n", WEEK_LOST),
        (
            "m f=2i {now}\n",
            f'partial write: field type conflict: input field "f" on measurement "m" {IS_INTEGER} dropped=1',
        ),
        ("m f=2i {next}\n", ""),
    ),
    "tags are checked before fields, whatever the order of lines": (
        ("m f=1 {now}\n", ""),
        (
            "m f=1i {now}\nm time=1 {now}\nm,time=v f=1 {now}\n",
            'partial write: invalid tag key: input tag "time" on measurement "m" is invalid dropped=3',
        ),
    ),
    "the second try forgets what the first refused": (
        ("m f=1 {now}\n", ""),
        (
            "m f=1i {now}\nm g=1 {now}\nm g=2i {now}\nm h=1 {now}\n",
            f'partial write: field type conflict: input field "g" on measurement "m" {IS_INTEGER} dropped=1',
        ),
    ),
    "the second try finds the last points twice": (
        ("m f=1 {now}\n", ""),
        (
            "m f=1i {now}\nm g=1 {now}\nm g=2i {now}\n",
            f'partial write: field type conflict: input field "g" on measurement "m" {IS_INTEGER} dropped=2',
        ),
    ),
    "a conflict hides a malformed line": (
        ("m f=1 {now}\n", ""),
        (
            "m f=1i {now}\nbad\n",
            f'partial write: field type conflict: input field "f" on measurement "m" {IS_INTEGER} dropped=1',
        ),
    ),
    "a line feed that ends the body ends an open string": (
        ('m f="abc\n', "unable to parse 'm f=\"abc': unbalanced quotes"),
        ('m f="x"\\\n', ""),
    ),
}

DAYS = 2 * 24 * 3600 * 10**9

# Timestamps, the precision they are written with, and where VictoriaMetrics stores the points, in nanoseconds.
TIMES: list[tuple[int, str, list[int]]] = [
    (1_700_000_000, "", [NOW]),
    (1_700_000_000_000, "", [NOW]),
    (1_700_000_000_000_000, "", [NOW]),
    (0, "", [NOW]),
    (-1, "ns", [-1]),
    (-1_000_000, "ns", []),
    (-1, "", []),
    (-(2**63) + 1, "", [1_000_000_000]),
    (-(2**63) + 1, "m", [60_000_000_000]),
    (-(2**63) + 1, "ms", []),
    (2**63 - 1, "ns", []),
]
AHEAD: list[tuple[int, str, list[int]]] = [(NOW + DAYS, "ns", [NOW + DAYS]), (NOW + DAYS + 1, "ns", [])]


def bodies_of(name: str) -> list[bytes]:
    """Give the bodies of a sequence."""
    return [text.replace("{now}", str(NOW)).replace("{next}", str(NEXT)).encode() for text, _ in SEQUENCES[name]]


def error_of(answer: Answer) -> str:
    """Give the text of an answer's error; empty where it has no body."""
    return str(json.loads(answer.body)["error"]) if answer.body else ""


def oss1(body: bytes, state: State | None = None) -> Outcome:
    """Give what InfluxDB 1 does with a body."""
    return outcome(body, "oss1", state, endpoint=V1_WRITE)


def after(*bodies: bytes) -> State:
    """Give what a database of InfluxDB 1 holds after these bodies."""
    state = State()
    for body in bodies:
        state.learn(oss1(body, state))
    return state


def lines_of(outcomes: Sequence[Outcome]) -> list[list[int]]:
    """Give the numbers of the lines that each outcome stores."""
    return [[point.line for point in each.stored] for each in outcomes]


@pytest.mark.parametrize(("profile", "endpoint", "malformed", "conflicting"), LOSSES)
def test_each_profile_has_its_unit_of_loss(
    profile: str, endpoint: str, malformed: tuple[int, Unit, int], conflicting: tuple[int, Unit, int]
) -> None:
    """A bad line costs itself, its week or its batch, as profile and endpoint have it; every point is accounted for."""
    seen = [outcome(body, profile, endpoint=endpoint) for body in (LINE, CONFLICT)]

    assert [malformed, conflicting] == [(each.status, each.unit, len(each.stored)) for each in seen]
    assert [3, 3] == [len(each.stored) + len(each.refused) + len(each.lost) for each in seen]


@pytest.mark.parametrize("name", SEQUENCES)
def test_one_body_after_the_other(name: str) -> None:
    """What InfluxDB 1 says to a body follows from the body and from what those before it left behind."""
    state, said = State(), []
    for body in bodies_of(name):
        seen = oss1(body, state)
        state.learn(seen)
        said.append(error_of(seen.answer))

    assert [error for _, error in SEQUENCES[name]] == said


def test_only_the_week_with_the_conflict_is_lost() -> None:
    """Points of another week are stored, good ones of the same week are lost, and the clash itself is refused."""
    seen = oss1(b"m f=1 %d\nm f=1i %d\nn v=1 %d\nm f=2i %d\n" % (NOW, NOW, NOW, NEXT))

    assert ([4], [1, 3], [2]) == (
        [point.line for point in seen.stored],
        [point.line for point in seen.lost],
        [line.line for line in seen.refused],
    )
    assert (400, WEEK_LOST, Unit.WEEK, Effect.PART) == (seen.status, seen.message, seen.unit, seen.effect)


def test_a_lost_week_leaves_its_columns() -> None:
    """Columns are there up to the one that clashed, with the first type each had; so is the week."""
    seen = oss1(b"m f=1,g=t %d\nm f=1i,h=1 %d\nn v=1 %d\n" % (NOW, NOW, NOW))
    columns = {measurement: kinds for (measurement, _), kinds in seen.columns.items()}

    assert ({"m": {"f": "float", "g": "boolean"}, "n": {}}, 1) == (columns, len(seen.weeks))


def test_a_lost_week_is_stored_when_it_is_sent_again() -> None:
    """The same body three times: nothing stored, then all but the line that conflicts, and so on."""
    body = b"m f=1 %d\nm f=1i %d\nn v=1 %d\n" % (NOW, NOW, NOW)
    seen = [oss1(body, after(*[body] * times)) for times in range(3)]

    assert [[], [1, 3], [1, 3]] == lines_of(seen)
    assert [Unit.WEEK, Unit.LINES, Unit.LINES] == [each.unit for each in seen]


def test_a_refused_point_is_refused_though_nobody_tells() -> None:
    """What the second try no longer finds is not stored either, and counts as refused."""
    state = after(b"m f=1 %d\n" % NOW)
    seen = oss1(b"m f=1i %d\nm g=1 %d\nm g=2i %d\nm h=1 %d\n" % (NOW, NOW, NOW, NOW), state)

    assert ([[2, 4]], [1, 3]) == (lines_of([seen]), [line.line for line in seen.refused])


def test_two_weeks_that_fail_are_told_one_at_a_time() -> None:
    """The server tells whichever week fails first: both answers are foretold, each with its own count."""
    state = after(b"m f=1 %d\nm f=1 %d\n" % (NOW, NEXT))
    seen = oss1(b"m f=1i %d\nm f=2i %d\nm f=t %d\nn f=1 %d\nn f=1i %d\n" % (NOW, NOW, NEXT, NOW, NEXT), state)
    conflict = 'partial write: field type conflict: input field "f" on measurement "m" is type'

    assert [
        f"{conflict} integer, already exists as type float dropped=2",
        f"{conflict} boolean, already exists as type float dropped=1",
    ] == [error_of(answer) for answer in (seen.answer, *seen.instead)]
    assert [[4, 5]] == lines_of([seen])


def test_a_lost_week_and_one_with_a_refused_line() -> None:
    """A week lost and a week written in part are both foretold, in the order in which they stand in the body."""
    seen = oss1(b"m,time=v f=1 %d\nm f=1 %d\nm f=1i %d\n" % (NOW, NEXT, NEXT))

    assert [
        'partial write: invalid tag key: input tag "time" on measurement "m" is invalid dropped=1',
        WEEK_LOST,
    ] == [error_of(answer) for answer in (seen.answer, *seen.instead)]


@pytest.mark.parametrize(("line", "kind"), [(b"m\xff f=1 %d\n", "MeasurementFields"), (b"m f\xff=1 %d\n", "Field")])
def test_a_name_that_is_no_utf8_costs_a_new_week(line: bytes, kind: str) -> None:
    """The first write is 500 and stores nothing, the second and one to a week that has data are 204."""
    body = line % NOW + b"n v=1 %d\n" % NOW
    seen = [oss1(body), oss1(body, after(body)), oss1(body, after(b"n v=1 %d\n" % NOW))]

    assert f'proto: field "tsdb.{kind}.Name" contains invalid UTF-8' == seen[0].message
    assert [(500, Unit.WEEK, 0), (204, Unit.NOTHING, 2), (204, Unit.NOTHING, 2)] == [
        (each.status, each.unit, len(each.stored)) for each in seen
    ]


def test_bytes_that_are_no_utf8_cost_core_the_body() -> None:
    """InfluxDB 3 reads no line of a body that is no UTF-8."""
    seen = outcome(b"m f=1 1\nm,t=\xff f=1 1\n", "core")

    assert (400, Unit.BATCH, ()) == (seen.status, seen.unit, seen.stored)
    assert seen.message.startswith("body content is not valid utf8: ")


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        (b"bad\n", []),
        (b"m f=Inf,g=-1e309,h=NaN 1\n", [("f", float("inf")), ("g", float("-inf"))]),
        (b"m f=NaN 1\n", []),
        (b'm f=abc,g=.5,h="1.5",i=t,j=1.e2 1\n', [("f", 0.0), ("g", 0.0), ("h", 1.5), ("i", 1.0), ("j", 100.0)]),
        (b"m f=1 1\nm f=2i 2\n", [("f", 1.0), ("f", 2.0)]),
    ],
)
def test_victoriametrics_is_silent(body: bytes, stored: list[tuple[str, float]]) -> None:
    """Whatever it drops it says 204, and no message; what it takes is a float, infinity among them."""
    seen = outcome(body, "victoriametrics")
    values = [(key, value) for point in seen.stored for key, _, value in point.fields]

    assert (204, "", b"", stored) == (seen.status, seen.message, seen.answer.body, values)


@pytest.mark.parametrize(("stamp", "precision", "stored"), [*TIMES, *AHEAD])
def test_victoriametrics_drops_what_is_out_of_time(stamp: int, precision: str, stored: list[int]) -> None:
    """Two days ahead is the last, 1970 the first; without a unit size decides, and what is too much for it wraps."""
    seen = outcome(b"m f=1 %d\n" % stamp, "victoriametrics", precision=precision, now=NOW)

    assert (204, stored) == (seen.status, [point.timestamp for point in seen.stored])
    assert len(stored) + len(seen.refused) == 1


def test_nothing_lies_ahead_where_nobody_knows_the_time() -> None:
    """Without a time given, no point is dropped for lying ahead."""
    assert 1 == len(outcome(b"m f=1 9000000000000000000\n", "victoriametrics").stored)


def test_accept_partial_decides_on_core() -> None:
    """With ``accept_partial=false`` the batch is lost at /api/v3/write_lp; elsewhere it changes nothing."""
    partial = outcome(LINE, "core", endpoint=V3_WRITE)
    whole = outcome(LINE, "core", endpoint=V3_WRITE, accept_partial=False)
    elsewhere = outcome(LINE, "oss1", endpoint=V1_WRITE, accept_partial=False)

    assert [(400, Unit.LINES, 2), (400, Unit.BATCH, 0), (400, Unit.LINES, 2)] == [
        (each.status, each.unit, len(each.stored)) for each in (partial, whole, elsewhere)
    ]
    assert ["partial write of line protocol occurred", "line protocol parsing error"] == [
        json.loads(each.answer.body)["error"] for each in (partial, whole)
    ]


_VARIANT = "unknown variant `h`, expected one of `s`, `ms`, `us`, `ns`"


@pytest.mark.parametrize(
    ("profile", "endpoint", "precision", "status", "message"),
    [
        ("oss1", V1_WRITE, "fortnights", 204, ""),
        ("oss1", V1_WRITE, "h", 204, ""),
        ("oss2", V1_WRITE, "h", 204, ""),
        ("oss2", V2_WRITE, "h", 400, "invalid precision; valid precision units are ns, us, ms, and s"),
        (
            "serverless",
            V2_WRITE,
            "h",
            400,
            f"failed to deserialize org/bucket/precision in request: {_VARIANT}",
        ),
        ("serverless", V1_WRITE, "h", 400, f"failed to deserialize db/rp/precision in request: {_VARIANT}"),
        ("core", V3_WRITE, "h", 400, f"serde error: {_VARIANT}"),
        ("core", V3_WRITE, "auto", 204, ""),
        ("victoriametrics", V1_WRITE, "fortnights", 204, ""),
    ],
)
def test_a_precision_is_taken_or_refused(
    profile: str, endpoint: str, precision: str, status: int, message: str
) -> None:
    """A unit the endpoint does not know is refused in the family's words before any line is read, or passed over."""
    seen = outcome(b"m f=1 1\n", profile, endpoint=endpoint, precision=precision)

    assert (status, message, status == 204) == (seen.status, seen.message, bool(seen.stored))


def test_a_missing_timestamp_is_now_in_whole_units() -> None:
    """Every point without a timestamp gets the same time, cut to the precision."""
    seen = outcome(b"m f=1\nn f=1\n", "oss1", endpoint=V1_WRITE, precision="m", now=NOW + 7)

    assert [NOW - NOW % 60_000_000_000] * 2 == [point.timestamp for point in seen.stored]


def test_nothing_written_is_refused_by_core_alone() -> None:
    """A body without points is 204, on Core 400."""
    statuses = [outcome(b"# c\n\n", name).status for name in ("serverless", "oss2", "oss1", "core", "victoriametrics")]

    assert [204, 204, 204, 400, 204] == statuses


@pytest.mark.parametrize("server", ["oss1", "oss2"])
def test_a_line_that_ends_the_server_is_not_stored(server: str) -> None:
    """A value of one quote mark, which storage cannot read, counts as refused."""
    seen = outcome(b'm a\\\\="=" 1700000000000000000', server, endpoint=V1_WRITE)

    assert ([], ["server-crash.field-value"]) == (list(seen.stored), [line.kind for line in seen.refused])


# What InfluxDB 1.6.7 said to a field key that ends in two backslashes: status and message, nothing stored.
TWO_BACKSLASHES = {
    "reject-fkey-bs2-string": (
        b'm a\\\\="x" 1700000000000000000',
        400,
        'unable to parse \'m a\\\\="x" 1700000000000000000\': invalid value: field-key=a\\\\="x"',
    ),
    "engine500-bool": (
        b'm a\\\\="==" 1700000000000000000',
        500,
        'engine: unable to parse bool value "=\\"": strconv.ParseBool: parsing "=\\"": invalid syntax',
    ),
}
# What is said of them otherwise.
SAID_OTHERWISE = {
    "engine500-bool": "a line that storage cannot read is refused alone, as its kind tells; the server fails its week",
}


@pytest.mark.parametrize("case", TWO_BACKSLASHES)
def test_two_backslashes_before_an_equals_sign(case: str) -> None:
    """Nothing is stored, and but for what is listed the answer is the measured one."""
    body, status, message = TWO_BACKSLASHES[case]
    seen = oss1(body)

    assert ((), 1) == (seen.stored, len(seen.refused))
    assert (case in SAID_OTHERWISE) == ((status, message) != (seen.status, error_of(seen.answer)))


def test_a_line_that_storage_cannot_read_is_told_by_its_kind() -> None:
    """The server answers 500 to such a line; the kind of its refusal says so."""
    body, *_ = TWO_BACKSLASHES["engine500-bool"]

    assert ["server-500.field-value"] == [line.kind for line in oss1(body).refused]


def test_an_outcome_changes_nothing_until_it_is_learnt() -> None:
    """The same body has the same outcome twice; only ``learn`` makes the state another."""
    state = State()
    first, second = (oss1(CONFLICT, state) for _ in range(2))
    state.learn(first)

    assert (first, True) == (second, oss1(CONFLICT, state) != first)


@pytest.mark.parametrize(
    ("body", "effect"), [(b"m f=1 1\n", Effect.ALL), (LINE, Effect.PART), (b"bad\n", Effect.NONE), (b"", Effect.ALL)]
)
def test_the_effect_says_how_much_is_stored(body: bytes, effect: Effect) -> None:
    """All, a part or nothing of a body is stored."""
    assert effect == oss1(body).effect


def test_what_does_not_exist_is_named() -> None:
    """An endpoint the profile does not have is refused with those it has, and an unknown profile as such."""
    with pytest.raises(ValueError, match=r"^profile 'oss1' has no write endpoint '/api/v3/write_lp'; it has: /write, "):
        outcome(b"", "oss1", endpoint=V3_WRITE)
    with pytest.raises(UnknownProfile):
        outcome(b"", "oss9")
