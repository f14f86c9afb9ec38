"""The contract as data: every row renders, the bytes are those the documents print, and the seed page is complete."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from faultlab.contract import ALL, Loss, Profile, Retry, Row, UnknownProfile, core, gateway, named, oss1, serverless
from faultlab.contract import row as shapes
from faultlab.contract.spelling import ROUTER_CAP, as_parser, as_router
from faultlab.exchange import (
    ENDPOINTS,
    HEALTH,
    PING,
    V1_QUERY,
    V1_WRITE,
    V2_QUERY,
    V2_WRITE,
    V3_SQL,
    V3_WRITE,
    WRITES,
    Answer,
    Effect,
    Refusal,
    header,
)

PAIRS = [(profile, row) for profile in ALL for row in profile.rows]

JSON_SHAPES = {
    shapes.health,
    shapes.iox_error,
    shapes.lp_error,
    shapes.pong,
    shapes.v1_bare,
    shapes.v1_compact,
    shapes.v1_error,
    shapes.v1_results,
    shapes.v2_bare,
    shapes.v2_error,
    shapes.v3_error,
    shapes.v3_parse,
    shapes.v3_partial,
}


def cases(wanted: Callable[[Row], bool]) -> list[Any]:
    """Give the rows of every profile that are wanted, with readable names."""
    return [
        pytest.param(profile, row, id=f"{profile.name}-{i}-{row.id}")
        for i, (profile, row) in enumerate(PAIRS)
        if wanted(row)
    ]


EVERY = cases(lambda _row: True)
OWN_ROWS = cases(lambda row: row not in gateway.ROWS)
JSON_ROWS = cases(lambda row: row.shape in JSON_SHAPES)

VOCABULARY = {
    "success": {200},
    "no_content": {204},
    "partial_write": {201, 204, 400, 422},
    "malformed_line": {400},
    "type_conflict": {400, 422},
    "authorization_rejected": {400},
    "unauthorized": {401},
    "forbidden": {403},
    # An IOx router that may not create a namespace answers 400.
    "not_found": {400, 404},
    "method_not_allowed": {405},
    "too_large": {413},
    "unsupported_media_type": {415},
    # 422 by the page; the routers and InfluxDB 1 say the same with 400.
    "unprocessable": {400, 422},
    "rate_limit": {429},
    # Core's v2 endpoint answers a failure of its own with 400.
    "internal_error": {400, 500},
    "bad_gateway": {502},
    "unavailable": {503},
    "gateway_timeout": {504},
    "query_error": {200},
}

ON_PAGE = {200, 201, 204, 400, 401, 404, 405, 413, 422, 429, 500, 503}


def answer(name: str, fault: str, endpoint: str, cause: str = "", status: int | None = None, **facts: Any) -> Answer:
    """Give the answer a profile documents, which must exist."""
    profile = named(name)
    row = profile.select(fault, endpoint, cause=cause, status=status)
    assert row is not None
    return profile.render(row, facts)


def bad(*lines: tuple[int, str, str]) -> tuple[Refusal, ...]:
    """Give refused lines: number, text, reason."""
    return tuple(Refusal(*line) for line in lines)


@pytest.mark.parametrize(("profile", "row"), EVERY)
def test_no_template_survives(profile: Profile, row: Row) -> None:
    """A row rendered with the sample facts has no name left in its headers or its body."""
    rendered = profile.render(row)
    sent = [value for _, value in rendered.headers] + [rendered.body.decode()]

    assert [] == [text for text in sent if re.search(r"\$\{?[a-z]", text)]


@pytest.mark.parametrize(("profile", "row"), EVERY)
def test_status_is_the_rows(profile: Profile, row: Row) -> None:
    """An answer has the status of its row, and that status suits the fault."""
    rendered = profile.render(row)

    assert (row.status, True) == (rendered.status, row.status in VOCABULARY[row.fault])


@pytest.mark.parametrize(("profile", "row"), JSON_ROWS)
def test_json_is_json(profile: Profile, row: Row) -> None:
    """A body in JSON parses, whatever the reasons quote."""
    quoting = {"refusals": bad((2, 'm,t="a\\ b f="', 'said "no"\\')), "bucket": 'b"\\', "database": "db"}

    assert isinstance(json.loads(profile.render(row, quoting).body), dict | list)


@pytest.mark.parametrize(("profile", "row"), EVERY)
def test_header_values_are_one_line(profile: Profile, row: Row) -> None:
    """Neither many refused lines nor a name with a line feed in it can break out of a header."""
    hostile = "x\r\nInjected: 1"
    facts = {
        "refusals": bad((1, hostile, "a"), (2, "b", hostile)),
        "database": hostile,
        "bucket": hostile,
        "user": hostile,
    }

    assert [] == [v for _, v in profile.render(row, facts).headers if re.search(r"[\r\n]", v) or len(v) > 1024]


@pytest.mark.parametrize(("profile", "row"), EVERY)
def test_source_has_document_and_edition(profile: Profile, row: Row) -> None:
    """Every row says which document it is from, in which edition, and when the answer is given."""
    assert (True, True, True) == (bool(row.source.document), bool(row.source.edition), bool(row.when))


@pytest.mark.parametrize(("profile", "row"), EVERY)
def test_on_page_follows_the_status(profile: Profile, row: Row) -> None:
    """A row is on the response-code page if its status is, unless a gateway gives it or it is an error inside a 200."""
    expected = row.status in ON_PAGE and row not in gateway.ROWS and row.fault != "query_error"

    assert expected == row.on_page


@pytest.mark.parametrize(("profile", "row"), EVERY)
def test_stored_follows_the_fault(profile: Profile, row: Row) -> None:
    """Successes store all, partial writes part, refusals nothing; some outcomes nobody knows."""
    match row.fault, row.cause:
        case "no_content", _ if profile.name == "tsm" and row.answers(V2_WRITE):
            expected = Effect.UNKNOWN
        case (("success" | "no_content"), _):
            expected = Effect.ALL
        case "partial_write", _:
            expected = Effect.PART
        case ("internal_error", "timeout") | ("unavailable", "replication") | (("bad_gateway" | "gateway_timeout"), _):
            expected = Effect.UNKNOWN
        case _:
            expected = Effect.NONE

    assert expected == row.stored


@pytest.mark.parametrize(("profile", "row"), OWN_ROWS)
def test_no_row_is_shadowed(profile: Profile, row: Row) -> None:
    """At some endpoint a product's row is the first with its fault, cause and status."""
    chosen = {
        id(profile.select(row.fault, endpoint, cause=row.cause, status=row.status))
        for endpoint in row.endpoints or ENDPOINTS
    }

    assert id(row) in chosen


@pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.name)
def test_rows_of_one_id_agree_on_retry_after(profile: Profile) -> None:
    """Whether Retry-After is documented can be told from a row's id alone."""
    waits = {(row.id, header(row.headers, "Retry-After") is not None) for row in profile.rows}

    assert len({row.id for row in profile.rows}) == len(waits)


def test_retry_after_is_where_it_is_documented() -> None:
    """Only these answers tell a client how long to wait; cardinality limits, routers and gateways never do."""
    found = {(p.name, r.id) for p in ALL for r in p.rows if header(r.headers, "Retry-After") is not None}
    expected = {
        ("serverless", "rate_limit/write/429"),
        ("serverless", "rate_limit/query/429"),
        ("serverless", "rate_limit/query_time/429"),
        ("serverless", "unavailable/service/503"),
        ("tsm", "rate_limit/write/429"),
        ("tsm", "rate_limit/query/429"),
        ("tsm", "rate_limit/query_time/429"),
        ("tsm", "unavailable/service/503"),
        ("oss2", "rate_limit/write/429"),
        ("oss2", "rate_limit/query/429"),
        ("oss2", "unavailable/service/503"),
        ("core", "unavailable/service/503"),
    }

    assert expected == found


def test_rate_limits_and_outages_default_to_the_documented_wait() -> None:
    """Where a wait is documented, the row chosen without a cause has it: only the cloud's, not the routers'."""
    found = {
        (profile.name, fault, endpoint)
        for profile in ALL
        for fault in ("rate_limit", "unavailable")
        for endpoint in (V1_WRITE, V2_WRITE, V3_WRITE)
        if (row := profile.select(fault, endpoint)) and header(row.headers, "Retry-After")
    }
    cloud = {
        (n, f, e)
        for n in ("serverless", "tsm", "oss2")
        for f in ("rate_limit", "unavailable")
        for e in (V1_WRITE, V2_WRITE)
    }

    assert cloud | {("core", "unavailable", endpoint) for endpoint in WRITES} == found


def test_the_page_is_complete() -> None:
    """Every status and cause of the Serverless response-code page has a row."""
    page = {
        (200, "success", "", V1_QUERY),
        (201, "partial_write", "syntax", V1_WRITE),
        (201, "partial_write", "schema", V1_WRITE),
        (201, "partial_write", "syntax", V2_WRITE),
        (201, "partial_write", "schema", V2_WRITE),
        (204, "no_content", "", V1_WRITE),
        (204, "no_content", "", V2_WRITE),
        (400, "malformed_line", "", V1_WRITE),
        (400, "malformed_line", "", V2_WRITE),
        (400, "type_conflict", "", V1_WRITE),
        (400, "type_conflict", "", V2_WRITE),
        (400, "authorization_rejected", "missing", V2_WRITE),
        (400, "authorization_rejected", "malformed", V2_WRITE),
        (400, "authorization_rejected", "permission", V2_WRITE),
        (401, "unauthorized", "header", V2_WRITE),
        (401, "unauthorized", "token", V2_WRITE),
        (401, "unauthorized", "permission", V2_WRITE),
        (404, "not_found", "bucket", V2_WRITE),
        (404, "not_found", "organization", V2_WRITE),
        (405, "method_not_allowed", "", V2_WRITE),
        (405, "method_not_allowed", "", V2_QUERY),
        (413, "too_large", "html", V2_WRITE),
        (422, "unprocessable", "retention", V2_WRITE),
        (429, "rate_limit", "write", V2_WRITE),
        (429, "rate_limit", "query", V2_QUERY),
        (500, "internal_error", "generic", V2_WRITE),
        (503, "unavailable", "service", V2_WRITE),
    }
    select = serverless.PROFILE.select
    default = {
        (row.status, fault, cause, endpoint)
        for _, fault, cause, endpoint in page
        if (row := select(fault, endpoint, cause=cause)) is not None and row.on_page
    }

    assert page == default


def test_the_message_of_a_404_names_the_resource() -> None:
    """A client of Serverless can read from a 404 which bucket is missing."""
    told = json.loads(answer("serverless", "not_found", V1_WRITE, bucket="b7").body)

    assert {"code": "not found", "message": 'bucket "b7" not found'} == told


def test_defaults_of_partial_write() -> None:
    """Each product and endpoint has the documented default; InfluxDB 3 Core has none on its older endpoints."""
    found = {
        (profile.name, endpoint, row.cause, row.status)
        for profile in ALL
        for endpoint in WRITES
        if (row := profile.select("partial_write", endpoint))
    }
    expected = {
        ("serverless", V2_WRITE, "syntax", 201),
        ("serverless", V1_WRITE, "syntax", 201),
        ("dedicated", V2_WRITE, "syntax", 201),
        ("dedicated", V1_WRITE, "syntax", 400),
        ("clustered", V2_WRITE, "syntax", 400),
        ("clustered", V1_WRITE, "syntax", 400),
        ("tsm", V2_WRITE, "schema", 400),
        ("tsm", V1_WRITE, "schema", 400),
        ("oss2", V2_WRITE, "schema", 422),
        ("oss2", V1_WRITE, "schema", 422),
        ("oss1", V2_WRITE, "syntax", 400),
        ("oss1", V1_WRITE, "syntax", 400),
        ("core", V3_WRITE, "syntax", 400),
    }

    assert expected == found


def test_partial_writes_agree_with_the_unit_of_loss() -> None:
    """A product answers a partial write of a kind exactly where it loses lines, not batches, for that kind."""
    lines = {
        (p.name, endpoint, cause)
        for p in ALL
        for endpoint, losses in p.loss.items()
        for cause, loss in zip(("syntax", "schema"), losses, strict=True)
        if loss is Loss.LINES
    }
    answered = {
        (p.name, endpoint, cause)
        for p in ALL
        for endpoint in WRITES
        for cause in ("syntax", "schema")
        if p.select("partial_write", endpoint, cause=cause)
    }

    assert lines == answered


def test_statuses_of_a_serverless_partial_write() -> None:
    """The page's 201, the 204 with a body, and the 400 of today can all be asked for, on both endpoints."""
    found = {
        (endpoint, row.status)
        for endpoint in (V1_WRITE, V2_WRITE)
        for row in serverless.PROFILE.of("partial_write")
        if row.answers(endpoint)
    }

    assert {(endpoint, status) for endpoint in (V1_WRITE, V2_WRITE) for status in (201, 204, 400)} == found


def test_every_fault_of_the_vocabulary_occurs() -> None:
    """No fault is without a row, and no row without a fault."""
    assert set(VOCABULARY) == {row.fault for profile in ALL for row in profile.rows}


def test_retry_is_what_the_documents_say() -> None:
    """Only Dedicated and Clustered name answers never to be retried; 429 and 503 are to be retried where it is said."""
    found = {(p.name, r.status) for p in ALL for r in p.rows if r.retry is Retry.NO}
    expected = {(name, status) for name in ("dedicated", "clustered") for status in (400, 401, 404)} | {
        ("dedicated", 422)
    }

    assert expected == found


def test_retry_yes_is_for_429_and_503() -> None:
    """No document advises to send anything else again."""
    assert {429, 503} == {row.status for profile in ALL for row in profile.rows if row.retry is Retry.YES}


CONFLICT_V1 = named("oss1").conflict("m", "f", "string", "float")
KITCHEN = bad((2, "m bad", "invalid field format"))

LITERAL: list[tuple[str, tuple[Any, ...], dict[str, Any], bytes]] = [
    (
        "a partial write of Serverless, as it really reads",
        ("serverless", "partial_write", V1_WRITE, "syntax", 201),
        {"refusals": bad((1, "m", "No fields were provided"))},
        (
            b'{"code":"invalid","message":"failed to parse line protocol: errors encountered on line(s):\\n'
            b'error parsing line 1 (1-based): No fields were provided","line":1}'
        ),
    ),
    (
        "two lines of two kinds, numbered by the first",
        ("serverless", "partial_write", V2_WRITE, "syntax", 201),
        {
            "refusals": bad(
                (2, ",t=1 f=1", "Invalid measurement was provided"),
                (
                    4,
                    "m f=1 123461000000000000000000000000",
                    "Unable to parse timestamp value `123461000000000000000000000000`",
                ),
            )
        },
        (
            b'{"code":"invalid","message":"failed to parse line protocol: errors encountered on line(s):\\n'
            b"error parsing line 2 (1-based): Invalid measurement was provided\\n"
            b'error parsing line 4 (1-based): Unable to parse timestamp value `123461000000000000000000000000`",'
            b'"line":2}'
        ),
    ),
    (
        "a partial write in the words of the current description",
        ("serverless", "partial_write", V2_WRITE, "syntax", 400),
        {"refusals": bad((2, "m", "No fields were provided"))},
        (
            b'{"code":"invalid","message":"partial write has occurred, errors encountered on line(s): '
            b'error parsing line 2 (1-based): No fields were provided","line":2}'
        ),
    ),
    (
        "a refused batch in the words of the current description",
        ("serverless", "malformed_line", V2_WRITE),
        {"refusals": bad((2, "m", "No fields were provided"))},
        (
            b'{"code":"invalid","message":"no data written, errors encountered on line(s): '
            b'error parsing line 2 (1-based): No fields were provided","line":2}'
        ),
    ),
    (
        "a type conflict of an IOx router, with its two blanks",
        ("clustered", "type_conflict", V1_WRITE),
        {"refusals": bad((2, "home temp=1i", named("clustered").conflict("home", "temp", "integer", "string")))},
        (
            b'{"code":"invalid","message":"failed to parse line protocol: error writing line 2: Unable to insert '
            b"iox::column_type::field::integer type into column temp  with type "
            b'iox::column_type::field::string","line":2}'
        ),
    ),
    (
        "a partial write of Core",
        ("core", "partial_write", V3_WRITE),
        {"refusals": bad((2, "cpu,host=a val= 123", "No fields were provided"))},
        (
            b'{"error":"partial write of line protocol occurred","data":[{"error_message":"No fields were provided",'
            b'"line_number":2,"original_line":"cpu,host=a val= 123"}]}'
        ),
    ),
    (
        "a refused batch of Core",
        ("core", "malformed_line", V1_WRITE),
        {"refusals": bad((1, "cpu,host=a val= 123", "No fields were provided"))},
        (
            b'{"error":"line protocol parsing error","data":{"error_message":"No fields were provided",'
            b'"line_number":1,"original_line":"cpu,host=a val= 123"}}'
        ),
    ),
    (
        "a refused batch of Core's v2 endpoint",
        ("core", "malformed_line", V2_WRITE),
        {"refusals": bad((1, "cpu", "No fields were provided"))},
        b'{"code":"invalid","message":"write buffer error: line protocol parse failed: No fields were provided"}',
    ),
    (
        "a type conflict of Core",
        ("core", "type_conflict", V3_WRITE),
        {"refusals": bad((1, "h temp=hi", named("core").conflict("h", "temp", "string", "float")))},
        (
            b'{"error":"line protocol parsing error","data":{"error_message":"invalid column type for column \'temp\', '
            b'expected iox::column_type::field::float, got iox::column_type::field::string",'
            b'"line_number":1,"original_line":"h temp=hi"}}'
        ),
    ),
    (
        "a malformed header at Core",
        ("core", "authorization_rejected", V3_WRITE),
        {},
        (
            b'{"error": "Authorization header was malformed, the request was not in the form of '
            b"'Authorization: <auth-scheme> <token>', supported auth-schemes are Bearer, Token and Basic\"}"
        ),
    ),
    (
        "no header at Core",
        ("core", "unauthorized", PING),
        {},
        b'{"error": "the request was not authenticated"}',
    ),
    (
        "no permission at Core",
        ("core", "forbidden", V3_WRITE),
        {},
        b'{"error": "unauthorized to perform requested action with the token"}',
    ),
    (
        "a database Core does not have",
        ("core", "not_found", V3_SQL),
        {"database": "x"},
        b'{"error":"query error: database not found: x"}',
    ),
    ("a wrong method at Core", ("core", "not_found", HEALTH), {}, b"Not found"),
    (
        "too much for Core",
        ("core", "too_large", V3_WRITE),
        {"limit": 10485760},
        b"max request size (10485760 bytes) exceeded",
    ),
    (
        "one database too many for Core",
        ("core", "unprocessable", V3_WRITE),
        {},
        b'{"error":"Adding a new database would exceed limit of 5 databases"}',
    ),
    (
        "a full log of Core",
        ("core", "rate_limit", V3_WRITE),
        {},
        b"wal buffer is full; writes are temporarily rejected, retry shortly",
    ),
    (
        "an error inside a 200 of Core",
        ("core", "query_error", V1_QUERY),
        {"database": "foo"},
        b'{"results":[{"statement_id":0,"error":"Cannot retrieve database: External error: database not found: foo"}]}',
    ),
    (
        "a partial write of InfluxDB 1",
        ("oss1", "partial_write", V1_WRITE, "syntax"),
        {"refusals": KITCHEN},
        b'{"error":"partial write: unable to parse \'m bad\': invalid field format dropped=0"}\n',
    ),
    (
        "a type conflict inside a batch of InfluxDB 1",
        ("oss1", "partial_write", V1_WRITE, "schema"),
        {"refusals": bad((1, 'm f="a"', CONFLICT_V1))},
        (
            b'{"error":"partial write: field type conflict: input field \\"f\\" on measurement \\"m\\" is type string, '
            b'already exists as type float dropped=1"}\n'
        ),
    ),
    (
        "points too old for InfluxDB 1",
        ("oss1", "unprocessable", V1_WRITE),
        {},
        b'{"error":"partial write: points beyond retention policy dropped=1"}\n',
    ),
    (
        "a tag InfluxDB 1 does not take",
        ("oss1", "partial_write", V1_WRITE, "schema"),
        {"refusals": bad((1, "k,time=1 f=1", 'invalid tag key: input tag "time" on measurement "k" is invalid'))},
        (
            b'{"error":"partial write: invalid tag key: input tag \\"time\\" on measurement \\"k\\" is invalid '
            b'dropped=1"}\n'
        ),
    ),
    (
        "a refused batch of InfluxDB 1",
        ("oss1", "malformed_line", V1_WRITE),
        {"refusals": bad((1, "m f=", "missing field value"))},
        b'{"error":"unable to parse \'m f=\': missing field value"}\n',
    ),
    (
        "no credentials at InfluxDB 1",
        ("oss1", "unauthorized", V1_WRITE),
        {},
        b'{"error":"unable to parse authentication credentials"}\n',
    ),
    (
        "a user of InfluxDB 1 who may only read",
        ("oss1", "forbidden", V1_WRITE),
        {"user": "ro", "database": "db0"},
        b'{"error":"\\"ro\\" user is not authorized to write to database \\"db0\\""}\n',
    ),
    (
        "a database InfluxDB 1 does not have",
        ("oss1", "not_found", V1_WRITE),
        {"database": "nope"},
        b'{"error":"database not found: \\"nope\\""}\n',
    ),
    ("too much for InfluxDB 1", ("oss1", "too_large", V1_WRITE), {}, b'{"error":"Request Entity Too Large"}\n'),
    ("a timeout of InfluxDB 1", ("oss1", "internal_error", V1_WRITE, "timeout"), {}, b'{"error":"timeout"}\n'),
    ("a throttled write of InfluxDB 1", ("oss1", "unavailable", V1_WRITE), {}, b"request throttled, queue full\n"),
    (
        "an error inside a 200 of InfluxDB 1",
        ("oss1", "query_error", V1_QUERY),
        {"database": "nope"},
        b'{"results":[{"statement_id":0,"error":"database not found: nope"}]}',
    ),
    (
        "a partial write of InfluxDB 2",
        ("oss2", "partial_write", V2_WRITE),
        {"refusals": bad((1, "m f=1", "bad points"))},
        (
            b'{"code":"unprocessable entity","message":"failure writing points to database: partial write: '
            b'bad points dropped=1"}'
        ),
    ),
    (
        "a refused batch of InfluxDB 2 names every line",
        ("oss2", "malformed_line", V2_WRITE),
        {"refusals": bad((1, "invalid", "missing fields"), (3, "m f=", "missing field value"))},
        (
            b'{"code":"invalid","message":"unable to parse \'invalid\': missing fields\\n'
            b"unable to parse 'm f=': missing field value\"}"
        ),
    ),
    (
        "no permission at InfluxDB 2",
        ("oss2", "forbidden", V2_WRITE),
        {},
        b'{"code":"forbidden","message":"insufficient permissions for write"}',
    ),
    (
        "a wrong method at InfluxDB 2",
        ("oss2", "method_not_allowed", V2_WRITE),
        {},
        b'{"code":"method not allowed","message":"allow: POST"}',
    ),
    (
        "a wrong path at InfluxDB 2",
        ("oss2", "not_found", HEALTH, "path"),
        {},
        b'{"code":"not found","message":"path not found"}',
    ),
    (
        "an unexpected failure of InfluxDB 2",
        ("oss2", "internal_error", V2_WRITE),
        {},
        b'{"code":"internal error","message":"An internal error has occurred - check server logs"}',
    ),
    ("InfluxDB 2 at its start", ("oss2", "unavailable", V2_WRITE, "starting"), {}, b'{"status":"starting"}\n'),
    (
        "an error inside a 200 of InfluxDB 2",
        ("oss2", "query_error", V2_QUERY),
        {},
        (
            b"#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n"
            b",error,reference\r\n,Failed to parse query,897\r\n"
        ),
    ),
    (
        "a partial write of Cloud TSM",
        ("tsm", "partial_write", V2_WRITE, "schema"),
        {
            "written": 2,
            "refusals": bad(
                (
                    3,
                    'air_sensor,service=S1,sensor=L1 temperature="90.5",humidity=70.0 1632850122',
                    'schema: field type for field "temperature" not permitted by schema; got String but expected Float',
                )
            ),
        },
        (
            b'{"code":"invalid","message":"partial write error (2 written): unable to parse '
            b"'air_sensor,service=S1,sensor=L1 temperature=\\\"90.5\\\",humidity=70.0 1632850122': "
            b'schema: field type for field \\"temperature\\" not permitted by schema; got String but expected Float"}'
        ),
    ),
    (
        "points Cloud TSM refused and tells of elsewhere",
        ("tsm", "partial_write", V2_WRITE, "rejected"),
        {"written": 5},
        (
            b'{"code":"invalid","message":"partial write error (5 accepted): 1 out of 6 points rejected '
            b'(check rejected_points in your _monitoring bucket for further information)"}'
        ),
    ),
    (
        "a limit no window resets",
        ("tsm", "rate_limit", V2_WRITE, "cardinality"),
        {},
        b'{"code":"too many requests","message":"org 04014de4ed590000 has exceeded limited_cardinality plan limit"}',
    ),
    (
        "no usable header at Serverless",
        ("serverless", "unauthorized", V2_WRITE),
        {},
        b'{"code":"unauthorized","message":"unauthorized access"}',
    ),
    (
        "a bucket Serverless does not have",
        ("serverless", "not_found", V2_WRITE),
        {},
        b'{"code":"not found","message":"bucket \\"air_sensor\\" not found"}',
    ),
    (
        "an organization Serverless does not have",
        ("serverless", "not_found", V2_WRITE, "organization"),
        {},
        b'{"code":"not found","message":"organization name \\"my-org\\" not found"}',
    ),
    (
        "a query of a bucket Serverless does not have",
        ("serverless", "not_found", V2_QUERY),
        {"bucket": "nonexistent"},
        b'{"code":"not found","message":"failed to initialize execute state: could not find bucket \\"nonexistent\\""}',
    ),
    (
        "too much for Serverless, answered by its gateway",
        ("serverless", "too_large", V2_WRITE),
        {},
        (
            b"<html>\n  <head><title>413 Request Entity Too Large</title></head>\n  <body>\n"
            b"    <center><h1>413 Request Entity Too Large</h1></center>\n    <hr>\n    <center>nginx</center>\n"
            b"  </body>\n</html>\n"
        ),
    ),
    (
        "a plan's write limit",
        ("serverless", "rate_limit", V2_WRITE),
        {},
        b'{"code":"too many requests","message":"org 04014de4ed590000 has exceeded limited_write plan limit"}',
    ),
    (
        "a plan's query limit",
        ("serverless", "rate_limit", V1_QUERY),
        {},
        b'{"code":"too many requests","message":"org 04014de4ed590000 has exceeded limited_query plan limit"}',
    ),
    (
        "too many tables",
        ("serverless", "unprocessable", V2_WRITE, "limit"),
        {},
        (
            b'{"code":"invalid","message":"dml handler error: service limit reached: couldn\'t create new table; '
            b'namespace contains 500 existing tables, applying this write would result in 501 columns, limit is 500"}'
        ),
    ),
    ("Serverless unavailable", ("serverless", "unavailable", V2_WRITE), {}, b""),
    (
        "an outage told by Envoy",
        ("serverless", "unavailable", V2_WRITE, "envoy"),
        {},
        b"upstream connect error or disconnect/reset before headers. reset reason: connection failure",
    ),
    (
        "no token at Dedicated",
        ("dedicated", "unauthorized", V2_WRITE),
        {},
        b'{"code":"unauthorized","message":"no token"}',
    ),
    (
        "an unknown token at Dedicated",
        ("dedicated", "forbidden", V2_WRITE, "unknown"),
        {},
        b'{"code":"forbidden","message":"invalid token"}',
    ),
    (
        "a database Dedicated does not have",
        ("dedicated", "not_found", V2_WRITE),
        {},
        b'{"code":"not found","message":"database \\"air_sensor\\" not found"}',
    ),
    (
        "too much for a router",
        ("clustered", "too_large", V2_WRITE),
        {"limit": 10485760},
        b'{"code":"request too large","message":"max request size (10485760 bytes) exceeded"}',
    ),
    (
        "an encoding a router does not read",
        ("clustered", "unsupported_media_type", V2_WRITE),
        {},
        b'{"code":"unsupported media type","message":"unacceptable content-encoding: br"}',
    ),
    (
        "too few acknowledgements",
        ("dedicated", "unavailable", V2_WRITE, "replication"),
        {},
        (
            b'{"code":"unavailable","message":"dml handler error: not enough upstreams accepted replicated write; '
            b'want 2, but only received 1 acks"}'
        ),
    ),
    (
        "a full router",
        ("clustered", "unavailable", V1_WRITE, "overload"),
        {},
        b'{"code":"unavailable","message":"this service is overloaded, please try again later"}',
    ),
]


@pytest.mark.parametrize(("what", "wanted", "facts", "expected"), LITERAL, ids=[case[0] for case in LITERAL])
def test_bodies_are_the_documented_bytes(
    what: str, wanted: tuple[Any, ...], facts: dict[str, Any], expected: bytes
) -> None:
    """An answer has the very bytes that are documented, recorded or read in the server's source."""
    assert expected == answer(*wanted, **facts).body


HEADERS: list[tuple[str, tuple[Any, ...], tuple[tuple[str, str], ...]]] = [
    (
        "Serverless 429",
        ("serverless", "rate_limit", V2_WRITE),
        (
            ("Content-Type", "application/json; charset=utf-8"),
            ("Strict-Transport-Security", "max-age=15724800; includeSubDomains"),
            ("x-platform-error-code", "too many requests"),
            ("Retry-After", "30"),
        ),
    ),
    (
        "Serverless 503",
        ("serverless", "unavailable", V2_WRITE),
        (("Strict-Transport-Security", "max-age=15724800; includeSubDomains"), ("Retry-After", "30")),
    ),
    ("Serverless 201", ("serverless", "partial_write", V2_WRITE), (("Content-Type", "application/json"),)),
    ("a router's 503", ("dedicated", "unavailable", V2_WRITE), (("Content-Type", "application/json"),)),
    ("a router's 429", ("clustered", "rate_limit", V2_WRITE), ()),
    (
        "InfluxDB 2's 422",
        ("oss2", "partial_write", V2_WRITE),
        (
            ("Content-Type", "application/json; charset=utf-8"),
            ("X-Influxdb-Build", "OSS"),
            ("X-Influxdb-Version", "v2.7.11"),
            ("X-Platform-Error-Code", "unprocessable entity"),
        ),
    ),
    (
        "InfluxDB 1's 405",
        ("oss1", "method_not_allowed", V1_WRITE),
        (
            ("Content-Type", "text/plain; charset=utf-8"),
            ("X-Influxdb-Build", "OSS"),
            ("X-Influxdb-Version", "1.12.0"),
            ("Allow", "OPTIONS, POST"),
            ("X-Content-Type-Options", "nosniff"),
        ),
    ),
    ("Core's 400", ("core", "partial_write", V3_WRITE), (("cluster-uuid", "7c5a3f0e-9d64-4f0b-8a4e-0d2f3a1b6c58"),)),
    (
        "Core's 204",
        ("core", "no_content", V3_WRITE),
        (("cluster-uuid", "7c5a3f0e-9d64-4f0b-8a4e-0d2f3a1b6c58"), ("Access-Control-Allow-Origin", "*")),
    ),
]


@pytest.mark.parametrize(("what", "wanted", "expected"), HEADERS, ids=[case[0] for case in HEADERS])
def test_headers_are_the_documented_ones(
    what: str, wanted: tuple[Any, ...], expected: tuple[tuple[str, str], ...]
) -> None:
    """An answer has exactly the headers its product sends."""
    assert expected == answer(*wanted).headers


def test_influxdb_1_challenges_instead_of_explaining() -> None:
    """A 401 of InfluxDB 1 has a challenge where its other refusals repeat their text."""
    found = {
        (row.status, header(row.headers, "Www-Authenticate"), bool(header(row.headers, "X-Influxdb-Error")))
        for row in oss1.ROWS
        if row.fault in {"unauthorized", "forbidden"}
    }

    assert {(401, 'Basic realm="InfluxDB"', False), (403, None, True)} == found


def test_influxdb_1_repeats_its_text_in_a_header() -> None:
    """X-Influxdb-Error holds the error in one line, even when several lines were refused."""
    refusals = bad((1, "a", "missing fields"), (2, "b", "missing fields"))
    told = answer("oss1", "malformed_line", V1_WRITE, refusals=refusals).header("X-Influxdb-Error")

    assert "unable to parse 'a': missing fields unable to parse 'b': missing fields" == told


def test_core_never_names_a_media_type_in_a_refusal() -> None:
    """Core's own refusals have no Content-Type."""
    named_types = [row.id for row in core.ROWS if row.status >= 400 and core.PROFILE.render(row).header("Content-Type")]

    assert [] == named_types


def test_a_header_without_a_value_is_left_out() -> None:
    """Who draws the wait later asks for an empty one and gets no Retry-After."""
    assert None is answer("serverless", "rate_limit", V2_WRITE, retry_after="").header("Retry-After")


def test_a_router_names_a_hundred_lines_at_most() -> None:
    """The hundred and first refused line is not named."""
    spelt = as_router([Refusal(n, "m", "No fields were provided") for n in range(1, ROUTER_CAP + 2)])

    assert (100, "error parsing line 100 (1-based): No fields were provided") == (
        spelt.count("\n") + 1,
        spelt.split("\n")[-1],
    )


def test_a_parser_names_every_line() -> None:
    """InfluxDB 2 has no cap."""
    assert 150 == as_parser([Refusal(n, "m", "missing fields") for n in range(150)]).count("unable to parse 'm'")


def test_a_source_reads_as_a_phrase() -> None:
    """A source prints as its document with the edition in brackets."""
    row = serverless.PROFILE.select("partial_write", V2_WRITE)

    assert "InfluxDB Cloud Serverless API, Response codes (before 2026-04-20)" == str(row and row.source)


def test_the_profiles_are_the_seven_products() -> None:
    """Serverless is first, because it is the default."""
    assert ("serverless", "dedicated", "clustered", "tsm", "oss2", "oss1", "core") == tuple(p.name for p in ALL)


def test_dialects_and_numbering() -> None:
    """Only what parses with IOx counts points; the others count every line."""
    expected = {
        "serverless": ("influxdb3", "points"),
        "dedicated": ("influxdb3", "points"),
        "clustered": ("influxdb3", "points"),
        "tsm": ("influxdb2", "physical"),
        "oss2": ("influxdb2", "physical"),
        "oss1": ("influxdb1", "physical"),
        "core": ("influxdb3", "points"),
    }

    assert expected == {p.name: (p.dialect, p.numbering) for p in ALL}


SAID_BY_ROUTERS = (
    "Unable to insert iox::column_type::field::integer type into column f  with type iox::column_type::field::float"
)
SAID_BY_1_AND_2 = (
    'field type conflict: input field "f" on measurement "m" is type integer, already exists as type float'
)
SAID_BY_CORE = (
    "invalid column type for column 'f', expected iox::column_type::field::float, got iox::column_type::field::integer"
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("serverless", SAID_BY_ROUTERS),
        ("dedicated", SAID_BY_ROUTERS),
        ("clustered", SAID_BY_ROUTERS),
        ("tsm", SAID_BY_1_AND_2),
        ("oss2", SAID_BY_1_AND_2),
        ("oss1", SAID_BY_1_AND_2),
        ("core", SAID_BY_CORE),
    ],
)
def test_a_conflict_is_said_in_the_products_words(name: str, expected: str) -> None:
    """Each lineage has its own sentence for a field of another type."""
    assert expected == named(name).conflict("m", "f", "integer", "float")


def test_limits_and_quotas_of_serverless() -> None:
    """50 MB on the wire, 250 MB decompressed; 5 MB or 300 MB in five minutes."""
    profile = serverless.PROFILE
    found = (profile.limits.wire, profile.limits.decoded, {n: (q.size, q.window) for n, q in profile.quotas.items()})

    assert (50_000_000, 250_000_000, {"free": (5_000_000, 300), "usage": (300_000_000, 300)}) == found


def test_limits_of_the_others() -> None:
    """InfluxDB 2 has no limit, and InfluxDB 1 measures only what is on the wire."""
    expected = {
        "dedicated": (52_428_800, 52_428_800),
        "clustered": (52_428_800, 52_428_800),
        "tsm": (50_000_000, 250_000_000),
        "oss2": (None, None),
        "oss1": (25_000_000, None),
        "core": (10_485_760, 10_485_760),
    }

    assert expected == {p.name: (p.limits.wire, p.limits.decoded) for p in ALL if p.name != "serverless"}


def test_an_unknown_profile_is_told_with_the_nearest() -> None:
    """The message says what was given, what is known and what was probably meant."""
    with pytest.raises(UnknownProfile) as raised:
        named("serverles")

    expected = (
        "no profile named 'serverles'; known: serverless, dedicated, clustered, tsm, oss2, oss1, core, "
        "victoriametrics; did you mean 'serverless'?"
    )
    assert expected == str(raised.value)


def test_an_unknown_profile_without_a_near_one_is_a_value_error() -> None:
    """A name like none of them is told with the known ones only."""
    with pytest.raises(ValueError, match=r"^no profile named 'zzz'; known: [a-z0-9, ]+$") as raised:
        named("zzz")

    assert UnknownProfile is raised.type
