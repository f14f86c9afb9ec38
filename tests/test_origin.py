"""The embedded InfluxDB: what it stores, what it answers, and that both agree with the measured servers."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from faultlab.contract import ALL, Profile, named
from faultlab.exchange import V1_QUERY, V1_WRITE, V2_WRITE, V3_SQL, V3_WRITE, Body, Effect, Exchange, Pairs, Refusal
from faultlab.lineprotocol import Point
from faultlab.origin import Origin, Reply
from tests.request_cases import CASES as REQUEST_CASES
from tests.request_cases import REQUESTS

DATA = Path(__file__).parent / "data"
CASES = [json.loads(line) for line in (DATA / "lp-cases.jsonl").read_bytes().split(b"\n") if line]
DEVIATIONS = json.loads((DATA / "deviations.json").read_bytes())["origin"]
NOW = 1_750_000_000_123_456_789
MEASURED = {"oss1": ("influxdb1", V1_WRITE), "oss2": ("influxdb2", V2_WRITE), "core": ("influxdb3", V3_WRITE)}
TWO_GOOD_ONE_BAD = b"m,i=1 f=1 1\nbad\nm,i=2 f=2 2"
TWO_GOOD_ONE_CONFLICT = b'm,i=1 f=1 1\nm,i=3 f="x" 3\nm,i=2 f=2 2'


def write(
    origin: Origin,
    body: bytes,
    path: str = V2_WRITE,
    *,
    query: Iterable[tuple[str, str]] = (),
    headers: Pairs = (),
    encoding: str = "",
    method: str = "POST",
) -> Reply:
    target = (("bucket", "b"),) if path == V2_WRITE else (("db", "b"),)
    return origin.answer(
        Exchange(1, 0.0, method, path, (*target, *query), headers, Body(body, encoding)),
        NOW,
    )


def ask(origin: Origin, path: str, *query: tuple[str, str]) -> Reply:
    return origin.answer(Exchange(1, 0.0, "GET", path, query), NOW)


def said(reply: Reply) -> Any:
    return json.loads(reply.answer.body)


def body_of(case: dict[str, Any]) -> bytes:
    if "body" in case:
        return bytes(case["body"].encode())
    if "body_b64" in case:
        return base64.b64decode(case["body_b64"])
    return b"".join(text.encode() * count for text, count in case["body_parts"])


def settled(case: dict[str, Any], name: str) -> tuple[Origin, Reply]:
    """Give an origin after a case's setup and its body, and its reply to the body."""
    origin = Origin(named(name))
    _, path = MEASURED[name]
    for before in case.get("setup", ()):
        write(origin, body_of(before), path)
    precision = (("precision", case["precision"]),) if case["precision"] else ()
    return origin, write(origin, body_of(case), path, query=precision)


@pytest.mark.parametrize("name", MEASURED)
def test_answers_with_the_status_of_the_server(name: str) -> None:
    """Every measured body, after what was sent before it, gets its server's status, but for the listed deviations."""

    server, _ = MEASURED[name]
    differing = {
        case["id"]: (settled(case, name)[1].answer.status, case[server]["status"])
        for case in CASES
        if settled(case, name)[1].answer.status != case[server]["status"]
    }
    print(f"{name}: {1 - len(differing) / len(CASES):.1%} of {len(CASES)}")  # noqa: T201 - wanted with -s

    assert set(DEVIATIONS[name]) == set(differing)
    assert len(differing) / len(CASES) <= 0.01


def held(point: Point) -> tuple[Any, ...]:
    values = {key: (kind, value) for key, kind, value in point.fields}
    return point.measurement, dict(point.tags), values, point.timestamp


def held_case(point: dict[str, Any]) -> tuple[Any, ...]:
    fields = {key: (kind, unquoted(value)) for key, (kind, value) in point["fields"].items()}
    tags = {unquoted(json.loads(key) if key.startswith("{") else key): value for key, value in point["tags"].items()}
    tags = {key: unquoted(value) for key, value in tags.items()}
    return unquoted(point["m"]), tags, fields, NOW if point["ts"] == "server_time" else point["ts"]


def unquoted(given: Any) -> Any:
    if isinstance(given, dict) and "b64" in given:
        return base64.b64decode(given["b64"]).decode(errors="surrogateescape")
    return given


def test_holds_what_the_measured_server_held() -> None:
    """After every body, taken or refused, the origin holds what InfluxDB 1.6.7 held: types, values, timestamps."""

    cases = [case for case in CASES if '"len"' not in json.dumps(case["influxdb1"])]
    expected = {case["id"]: sorted(map(held_case, case["influxdb1"]["stored"]), key=repr) for case in cases}
    actual = {case["id"]: sorted(map(held, settled(case, "oss1")[0].stored("b")), key=repr) for case in cases}
    differing = {name for name in expected if expected[name] != actual[name]}

    assert set(DEVIATIONS["oss1-stored"]) == differing
    assert len(expected) > 350


# Measured requests that the origin is not asked, and why.
NOT_ASKED = {
    "req-chunked-no-terminator": "there is never a whole request, so there is no exchange",
    "req-chunked-torn": "there is never a whole request, so there is no exchange",
    "req-unknown-db": "the server says 404; in an origin a database exists once it is written to",
    "req-unknown-rp": "the server says 500; an origin has no retention policies, and passes the parameter over",
}
ASKED = [case for case in REQUEST_CASES if case["id"] not in NOT_ASKED]
# The server broke the connection while the client was sending; what it then says is 413.
BROKEN = {"req-too-large": 413}


def test_every_measured_request_is_accounted_for() -> None:
    """A measured request is either put to the origin or listed with its reason; all that are torn are listed."""

    names = [case["id"] for case in REQUEST_CASES]
    torn = {name for name, request in REQUESTS.items() if not request("b").whole}

    assert sorted(names) == sorted([*(case["id"] for case in ASKED), *NOT_ASKED])
    assert torn <= NOT_ASKED.keys()


@pytest.mark.parametrize("case", ASKED, ids=lambda case: case["id"])
def test_answers_a_request_as_the_measured_server_did(case: dict[str, Any]) -> None:
    """A request that fails for its encoding, size, method or parameters gets the server's status, words and effect."""

    origin, request, known = Origin(named("oss1")), REQUESTS[case["id"]]("b"), case["influxdb1"]
    body = Body(request.body, request.encoding)
    reply = origin.answer(Exchange(1, 0.0, request.method, V1_WRITE, request.query, request.headers, body), NOW)

    status = BROKEN.get(case["id"], known["status"])
    assert (status, known["stored"], known["stored"]) == (reply.answer.status, reply.points, len(origin.stored("b")))
    assert case["id"] in BROKEN or known["error"] == error_of(reply)


@pytest.mark.parametrize(
    ("name", "level", "status"),
    [("oss1", "one", 204), ("oss1", "ALL", 204), ("oss1", "two", 400), ("oss2", "two", 204)],
)
def test_version_1_alone_reads_the_consistency(name: str, level: str, status: int) -> None:
    """InfluxDB 1 knows four levels, in either case, and refuses others; elsewhere the parameter is passed over."""

    bodies = (b"m f=1 1", b"")
    replies = [write(Origin(named(name)), body, V1_WRITE, query=[("consistency", level)]) for body in bodies]

    assert [status] * 2 == [reply.answer.status for reply in replies]


def error_of(reply: Reply) -> str:
    """Give the text of an answer: the ``error`` of a JSON body, else the body."""
    text = reply.answer.body.decode().strip()
    return str(json.loads(text)["error"]) if text.startswith("{") else text


# What one bad line among two good ones costs: status, points stored.
LOSSES = [
    ("serverless", V2_WRITE, TWO_GOOD_ONE_BAD, 201, 2),
    ("serverless", V1_WRITE, TWO_GOOD_ONE_BAD, 201, 2),
    ("serverless", V2_WRITE, TWO_GOOD_ONE_CONFLICT, 201, 2),
    ("serverless", V2_WRITE, b"bad", 400, 0),
    ("serverless", V1_WRITE, b"bad", 400, 0),
    ("dedicated", V2_WRITE, TWO_GOOD_ONE_BAD, 201, 2),
    ("dedicated", V1_WRITE, TWO_GOOD_ONE_BAD, 400, 2),
    ("clustered", V1_WRITE, TWO_GOOD_ONE_BAD, 400, 2),
    ("tsm", V2_WRITE, TWO_GOOD_ONE_BAD, 400, 2),
    ("oss2", V2_WRITE, TWO_GOOD_ONE_BAD, 400, 0),
    ("oss2", V2_WRITE, TWO_GOOD_ONE_CONFLICT, 422, 2),
    ("oss1", V1_WRITE, TWO_GOOD_ONE_BAD, 400, 2),
    ("oss1", V1_WRITE, TWO_GOOD_ONE_CONFLICT, 400, 0),
    ("core", V3_WRITE, TWO_GOOD_ONE_BAD, 400, 2),
    ("core", V3_WRITE, TWO_GOOD_ONE_CONFLICT, 400, 2),
    ("core", V1_WRITE, TWO_GOOD_ONE_BAD, 400, 0),
    ("core", V2_WRITE, TWO_GOOD_ONE_BAD, 400, 0),
    ("core", V2_WRITE, TWO_GOOD_ONE_CONFLICT, 400, 0),
]


@pytest.mark.parametrize(("name", "path", "body", "status", "points"), LOSSES)
def test_loses_what_the_family_loses(name: str, path: str, body: bytes, status: int, points: int) -> None:
    """One bad line costs itself or its batch, as the family has it; the reply says how much was stored."""

    origin = Origin(named(name))
    reply = write(origin, body, path)
    effect = Effect.PART if points else Effect.NONE
    bad = 1 if body == b"bad" else 2

    assert (status, effect, points) == (reply.answer.status, reply.effect, reply.points)
    assert points == len(origin.stored("b"))
    assert [bad] == [refusal.line for refusal in reply.refused]


@pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.name)
def test_every_family_takes_a_good_batch(profile: Profile) -> None:
    """A good batch is 204 without a body at every write endpoint of every family, and is held."""

    for path in profile.loss:
        origin = Origin(profile)
        reply = write(origin, b'm,t=a f=1,s="x" 1\nm f=2 2\n', path)
        assert (204, b"", Effect.ALL, (), 2) == (
            reply.answer.status,
            reply.answer.body,
            reply.effect,
            reply.refused,
            reply.points,
        )
        assert 2 == len(origin.stored("b"))


def test_refuses_a_type_conflict_across_requests() -> None:
    """The first type of a field stays, whatever request or series brings another."""

    origin = Origin(named("oss1"))
    write(origin, b"m,h=a f=1 1", V1_WRITE)
    reply = write(origin, b"m,h=b f=2i 2", V1_WRITE)

    conflict = 'input field "f" on measurement "m" is type integer, already exists as type float'
    assert {"error": f"partial write: field type conflict: {conflict} dropped=1"} == said(reply)
    assert 1 == len(origin.stored("b"))


def test_a_refused_batch_leaves_no_columns() -> None:
    """What a refused batch would have added to the schema is not there afterwards."""

    origin = Origin(named("core"))
    write(origin, b"m f=1 1\nbad", V2_WRITE)

    assert 204 == write(origin, b'm f="x" 1', V2_WRITE).answer.status


def test_databases_have_schemas_of_their_own() -> None:
    """The same field may have another type in another bucket."""

    origin = Origin(named("oss2"))
    write(origin, b"m f=1 1")
    other = Exchange(1, 0.0, "POST", V2_WRITE, (("bucket", "c"),), (), Body(b'm f="x" 1'))

    assert 204 == origin.answer(other, NOW).answer.status


def test_routers_count_points_and_the_reply_counts_lines() -> None:
    """An IOx answer numbers only lines that hold a point; the reply keeps the physical numbers."""

    body = b'# c\n\nm s="a\nb" 1\nbad\nm f=1 2'
    reply = write(Origin(named("serverless")), body)

    assert 2 == said(reply)["line"]
    assert "error parsing line 2 (1-based): " in said(reply)["message"]
    assert [Refusal(5, "bad", "Expected at least one space character, got end of input")] == list(reply.refused)


def test_core_shows_twenty_bytes_of_a_line() -> None:
    """InfluxDB 3 Core cuts the line it shows, and never inside a character; the reply keeps it whole."""

    line = "m,tag=aaaaaaaaaaaaażżżż"
    reply = write(Origin(named("core")), f"ok f=1 1\n{line}".encode(), V3_WRITE)

    assert ["m,tag=aaaaaaaaaaaaa"] == [item["original_line"] for item in said(reply)["data"]]
    assert (line,) == tuple(refusal.text for refusal in reply.refused)


def test_core_reports_every_line_and_version_1_only_conflicts() -> None:
    """With a malformed and a conflicting line, Core names both and InfluxDB 1 only the conflict."""

    body = b'm f=1 1\nbad\nm f="x" 2'
    core = said(write(Origin(named("core")), body, V3_WRITE))
    origin = Origin(named("oss1"))
    write(origin, b"a week=1 0", V1_WRITE)
    oss1 = said(write(origin, body, V1_WRITE))

    assert [2, 3] == [item["line_number"] for item in core["data"]]
    assert oss1["error"].startswith("partial write: field type conflict")


def test_core_stores_nothing_without_accept_partial() -> None:
    """``accept_partial=false`` makes the batch the unit of loss, and the answer names the first bad line only."""

    origin = Origin(named("core"))
    reply = write(origin, TWO_GOOD_ONE_BAD, V3_WRITE, query=[("accept_partial", "false")])

    assert (400, Effect.NONE, ()) == (reply.answer.status, reply.effect, origin.stored("b"))
    assert "line protocol parsing error" == said(reply)["error"]
    assert 2 == said(reply)["data"]["line_number"]


def test_core_refuses_a_field_that_is_a_tag() -> None:
    """Tags and fields share their names in InfluxDB 3."""

    reply = write(Origin(named("core")), b"m,x=a f=1 1\nm x=1 2", V3_WRITE)

    message = "invalid column type for column 'x', expected iox::column_type::tag, got iox::column_type::field::float"
    assert [message] == [item["error_message"] for item in said(reply)["data"]]


@pytest.mark.parametrize(
    ("name", "path", "status"), [("oss1", V1_WRITE, 204), ("serverless", V2_WRITE, 204), ("core", V3_WRITE, 400)]
)
def test_empty_writes(name: str, path: str, status: int) -> None:
    """A body of nothing but comments is fine everywhere but on Core."""

    assert status == write(Origin(named(name)), b"# c\n\n", path).answer.status


def test_reads_gzip() -> None:
    """A compressed body is stored as what it decodes to."""

    origin = Origin(named("oss2"))
    reply = write(origin, gzip.compress(b"m f=1 1", mtime=0), encoding="gzip")

    assert (204, 1) == (reply.answer.status, len(origin.stored("b")))


@pytest.mark.parametrize(
    ("name", "path", "body", "encoding", "status"),
    [
        ("oss1", V1_WRITE, b"m f=1 1", "gzip", 400),
        ("oss1", V1_WRITE, gzip.compress(b"m f=1 1", mtime=0)[:-6], "gzip", 400),
        ("oss1", V1_WRITE, b"m f=1 1", "deflate", 204),
        ("oss2", V2_WRITE, b"m f=1 1", "gzip", 500),
        ("oss2", V2_WRITE, b"m f=1 1", "br", 204),
        ("serverless", V2_WRITE, b"m f=1 1", "gzip", 400),
        ("dedicated", V2_WRITE, b"m f=1 1", "br", 415),
        ("core", V3_WRITE, b"m f=1 1", "gzip", 400),
        ("core", V3_WRITE, b"m f=1 1", "br", 400),
        ("core", V3_WRITE, gzip.compress(bytes(11_000_000), mtime=0), "gzip", 413),
        ("oss2", V2_WRITE, gzip.compress(bytes(40_000_000), mtime=0), "gzip", 413),
        ("oss1", V1_WRITE, b"m f=1 1\n" * 3_200_000, "", 413),
    ],
)
def test_refuses_bodies_it_cannot_read(name: str, path: str, body: bytes, encoding: str, status: int) -> None:
    """Broken gzip, unknown encodings, bombs and oversize bodies get the family's status, and nothing is stored."""

    origin = Origin(named(name))
    reply = write(origin, body, path, encoding=encoding)

    assert status == reply.answer.status
    assert (status == 204) == bool(origin.stored("b"))


@pytest.mark.parametrize(
    ("name", "path", "status", "text"),
    [
        ("oss1", V1_WRITE, 400, "database is required"),
        ("oss2", V2_WRITE, 404, "bucket not found"),
        ("serverless", V2_WRITE, 400, "no org/bucket destination provided"),
        ("core", V3_WRITE, 400, "missing query parameter 'db'"),
    ],
)
def test_needs_a_target(name: str, path: str, status: int, text: str) -> None:
    """A write without bucket or database is refused in the family's words."""

    reply = Origin(named(name)).answer(Exchange(1, 0.0, "POST", path, (), (), Body(b"m f=1")), NOW)

    assert status == reply.answer.status
    assert text in reply.answer.body.decode()


@pytest.mark.parametrize(
    ("name", "path", "given", "status"),
    [
        ("oss1", V1_WRITE, "fortnights", 204),
        ("oss2", V2_WRITE, "n", 400),
        ("oss2", V1_WRITE, "n", 204),
        ("serverless", V2_WRITE, "h", 400),
        ("core", V3_WRITE, "auto", 204),
        ("core", V2_WRITE, "auto", 400),
    ],
)
def test_knows_the_family_s_precisions(name: str, path: str, given: str, status: int) -> None:
    """A precision is taken, refused, or taken for nanoseconds, as the family does."""

    reply = write(Origin(named(name)), b"m f=1 1", path, query=[("precision", given)])

    assert status == reply.answer.status


def test_gives_missing_timestamps_the_time_of_the_request() -> None:
    """A point without timestamp gets the time it is told, cut to the precision; two of one series become one."""

    origin = Origin(named("oss1"))
    write(origin, b"m f=1\nm f=2", V1_WRITE, query=[("precision", "s")])

    assert [("m", (("f", "float", 2.0),), 1_750_000_000_000_000_000)] == [
        (point.measurement, point.fields, point.timestamp) for point in origin.stored("b")
    ]


def test_core_guesses_the_precision() -> None:
    """Without a precision ``write_lp`` goes by magnitude, the older endpoints by nanoseconds."""

    guessed, exact = Origin(named("core")), Origin(named("core"))
    write(guessed, b"m f=1 1700000000", V3_WRITE)
    write(exact, b"m f=1 1700000000", V2_WRITE)

    actual = [origin.stored("b")[0].timestamp for origin in (guessed, exact)]
    assert [1_700_000_000_000_000_000, 1_700_000_000] == actual


BASIC = "Basic " + base64.b64encode(b"any:secret").decode()


@pytest.mark.parametrize(
    ("name", "path", "query", "authorization", "status"),
    [
        ("serverless", V2_WRITE, (), "Token secret", 204),
        ("serverless", V2_WRITE, (), "Bearer secret", 204),
        ("serverless", V2_WRITE, (), "Token other", 401),
        ("serverless", V2_WRITE, (), "", 401),
        ("serverless", V1_WRITE, (), BASIC, 204),
        ("serverless", V1_WRITE, (("p", "secret"),), "", 204),
        ("serverless", V2_WRITE, (("p", "secret"),), "", 401),
        ("dedicated", V2_WRITE, (), "Token other", 403),
        ("oss1", V1_WRITE, (), "Token any:secret", 204),
        ("oss1", V1_WRITE, (), "Token any:other", 401),
        ("core", V3_WRITE, (), "Token", 400),
        ("core", V3_WRITE, (), "Digest secret", 400),
        ("core", V3_WRITE, (), "Basic %%%", 400),
        ("core", V3_WRITE, (), "", 401),
        ("core", "/health", (), "", 401),
        ("oss2", "/health", (), "", 200),
    ],
)
def test_checks_the_token(name: str, path: str, query: Pairs, authorization: str, status: int) -> None:
    """A token is read from each form the families take; without it the answer is the family's."""

    origin = Origin(named(name), token="secret")
    headers = (("Authorization", authorization),) if authorization else ()
    method = "GET" if path == "/health" else "POST"
    reply = write(origin, b"m f=1 1", path, query=query, headers=headers, method=method)

    assert status == reply.answer.status
    assert (status == 204) == bool(origin.stored("b"))


@pytest.mark.parametrize(
    ("name", "path", "method", "status"),
    [
        ("oss1", "/nowhere", "GET", 404),
        ("oss1", V3_WRITE, "POST", 404),
        ("oss1", V1_WRITE, "GET", 405),
        ("oss2", V2_WRITE, "GET", 405),
        ("serverless", V2_WRITE, "GET", 405),
        ("dedicated", V2_WRITE, "GET", 404),
        ("core", V3_WRITE, "GET", 404),
        ("core", V1_QUERY, "PUT", 404),
        ("tsm", "/nowhere", "GET", 404),
        ("oss1", "/ping", "HEAD", 204),
        ("core", "/ping", "GET", 200),
    ],
)
def test_knows_its_paths_and_methods(name: str, path: str, method: str, status: int) -> None:
    """An unknown path, or a method the path does not take, gets the family's answer."""

    assert status == write(Origin(named(name)), b"", path, method=method).answer.status


def test_merges_points_of_one_identity() -> None:
    """A second write of the same point adds its fields and overwrites those it repeats."""

    origin = Origin(named("oss2"))
    write(origin, b"m,t=x a=1,b=1 7")
    write(origin, b"m,t=x b=2,c=3 7")

    expected = (("a", "float", 1.0), ("b", "float", 2.0), ("c", "float", 3.0))
    assert [expected] == [point.fields for point in origin.stored("b")]


def test_holds_a_bounded_number_of_points() -> None:
    """Beyond the bound the oldest point goes first."""

    origin = Origin(named("oss2"), max_points=2)
    write(origin, b"m f=1 1\nm f=2 2\nm f=3 3")

    assert [2, 3] == [point.timestamp for point in origin.stored("b")]


def filled(name: str, path: str) -> Origin:
    origin = Origin(named(name))
    write(
        origin,
        b'm,t=x f=1.5,s="a" 1700000000000000001\nm f=2 1700000001000000000\nn g=1i 1',
        path,
        query=[("precision", "ns")],
    )
    return origin


@pytest.mark.parametrize(
    ("query", "series"),
    [
        (
            "SELECT * FROM m",
            {
                "name": "m",
                "columns": ["time", "f", "s", "t"],
                "values": [
                    ["2023-11-14T22:13:20.000000001Z", 1.5, "a", "x"],
                    ["2023-11-14T22:13:21Z", 2.0, None, None],
                ],
            },
        ),
        (
            'select "s" from "m"',
            {"name": "m", "columns": ["time", "s"], "values": [["2023-11-14T22:13:20.000000001Z", "a"]]},
        ),
        (
            "SELECT COUNT(f) FROM m;",
            {"name": "m", "columns": ["time", "count"], "values": [["1970-01-01T00:00:00Z", 2]]},
        ),
        ("SHOW MEASUREMENTS", {"name": "measurements", "columns": ["name"], "values": [["m"], ["n"]]}),
    ],
)
def test_answers_influxql(query: str, series: dict[str, Any]) -> None:
    """What was stored can be read back in InfluxQL's JSON."""

    reply = ask(filled("oss1", V1_WRITE), V1_QUERY, ("db", "b"), ("q", query))

    assert {"results": [{"statement_id": 0, "series": [series]}]} == said(reply)


def test_answers_influxql_in_epochs() -> None:
    """``epoch`` turns times into numbers of that unit."""

    reply = ask(filled("oss1", V1_WRITE), V1_QUERY, ("db", "b"), ("q", "SELECT g FROM n"), ("epoch", "ns"))

    assert [[1, 1]] == said(reply)["results"][0]["series"][0]["values"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT COUNT(*) FROM m", [{"count(*)": 2}]),
        (
            "SELECT * FROM m",
            [
                {"f": 1.5, "s": "a", "t": "x", "time": "2023-11-14T22:13:20.000000001"},
                {"f": 2.0, "time": "2023-11-14T22:13:21"},
            ],
        ),
    ],
)
def test_answers_sql(query: str, expected: list[dict[str, Any]]) -> None:
    """What was stored can be read back in SQL as a JSON array of rows."""

    assert expected == said(ask(filled("core", V3_WRITE), V3_SQL, ("db", "b"), ("q", query)))


def test_answers_sql_sent_as_json() -> None:
    """The query may stand in a JSON object of the request."""

    body = Body(json.dumps({"db": "b", "q": "SELECT COUNT(*) FROM n"}).encode())
    exchange = Exchange(1, 0.0, "POST", V3_SQL, (), (("Content-Type", "application/json"),), body)

    assert [{"count(*)": 1}] == said(filled("core", V3_WRITE).answer(exchange, NOW))


@pytest.mark.parametrize(
    ("name", "path", "write_path", "query", "status"),
    [
        ("oss1", V1_QUERY, V1_WRITE, "DROP DATABASE b", 400),
        ("oss1", V1_QUERY, V1_WRITE, "", 400),
        ("core", V3_SQL, V3_WRITE, "SELECT 1", 400),
        ("core", V3_SQL, V3_WRITE, "SELECT * FROM nowhere", 400),
    ],
)
def test_refuses_queries_it_does_not_read(name: str, path: str, write_path: str, query: str, status: int) -> None:
    """A query it does not understand is refused, never answered with nothing."""

    assert status == ask(filled(name, write_path), path, ("db", "b"), ("q", query)).answer.status


def test_an_unknown_database_is_told_in_the_family_s_way() -> None:
    """InfluxQL says so inside a 200, SQL with 404."""

    oss1 = ask(Origin(named("oss1")), V1_QUERY, ("db", "no"), ("q", "SHOW MEASUREMENTS"))
    core = ask(Origin(named("core")), V3_SQL, ("db", "no"), ("q", "SELECT * FROM m"))

    assert (200, "database not found: no") == (oss1.answer.status, said(oss1)["results"][0]["error"])
    assert (404, "query error: database not found: no") == (core.answer.status, said(core)["error"])
