"""HAR: the schema, what is told of each exchange, and a reader that reads it."""

from __future__ import annotations

import base64
import io
import json
import tracemalloc
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.io import FlowReader
from referencing import Registry, Resource

from faultlab import reports
from faultlab.bodies import INLINE_LIMIT
from faultlab.exchange import Body, Decision, Handshake
from faultlab.history import Ended, Event, History
from tests.builders import history, lines, sent
from tests.reports.cases import any_run, texts
from tests.test_reports import golden

SCHEMAS = Path(__file__).parent.parent / "data" / "har-1.2.json"


def drawn(event: Event, draw: float, attempt: int) -> Event:
    """Give an exchange with the number that was drawn for it, of another attempt."""
    return replace(event, attempt=attempt, decision=replace(event.decision, draw=draw))


def of_tls(event: Event) -> Event:
    """Give a spoilt handshake in the place of an exchange."""
    return replace(
        event, exchange=replace(event.exchange, method="TLS", path=""), decision=Decision(intake=Handshake("expired"))
    )


PAST = history(
    of_tls(sent(1, b"", None)),
    drawn(sent(2, lines(1, 2), 429, retry_after="3", rule="quota"), 0.125, 1),
    drawn(sent(3, lines(1, 2)), 0.75, 2),
    sent(4, b"\xff\xfe\x00 not text", 400, headers=(("Content-Type", "application/json"),)),
    sent(5, lines(3), None),
    sent(6, b"", 200, method="GET", path="/query", query=(("q", "SELECT * FROM m"),), reply=b"\x80\x81"),
    sent(7, lines(4), None, settled=False),
    rules=({"name": "quota"},),
)


@cache
def validator() -> Any:
    """Give what checks a document by the schemas of HAR's parts."""
    parts = json.loads(SCHEMAS.read_text())
    registry: Any = Registry().with_resources(
        (f"{name}.json", Resource.from_contents(schema)) for name, schema in parts.items()
    )
    return jsonschema.Draft6Validator(
        {"$ref": "har.json#"}, registry=registry, format_checker=jsonschema.FormatChecker()
    )


def entries(past: History) -> list[dict[str, Any]]:
    """Give the entries of a document that keeps to the schema."""
    document = json.loads(reports.har(past))
    validator().validate(document)
    return list(document["log"]["entries"])


def test_har_of_all_kinds_of_exchange() -> None:
    """Whole replies, an exchange without one, one that never ended, bodies that are no text, and no handshake."""
    text = reports.har(PAST)

    assert golden("reports.har", text) == text


def test_har_says_what_it_leaves_out() -> None:
    """A handshake is no HTTP exchange, and is counted."""
    log = json.loads(reports.har(PAST))["log"]

    assert log["comment"].endswith("; left out: 1 TLS handshake, which are no HTTP exchanges")
    assert len(PAST.events) - 1 == len(log["entries"])
    assert "left out" not in json.loads(reports.har(history(sent(1, lines(1)))))["log"]["comment"]


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (sent(1, "m f=1", None), "the lab ended the connection before the reply was whole"),
        (sent(1, "m f=1", None, ended=Ended.GARBLED), "the reply was not HTTP"),
        (sent(1, "m f=1", None, ended=Ended.CLIENT_LEFT), "the client left before the reply was whole"),
        (sent(1, "m f=1", None, ended=Ended.UPSTREAM_FAILED), "upstream did not answer"),
        (sent(1, "m f=1", None, ended=Ended.BROKEN), "the lab itself failed"),
        (sent(1, "m f=1", None, ended=Ended.REPLIED), "no reply was recorded"),
        (sent(1, "m f=1", settled=False), "the history ends before the exchange does"),
    ],
)
def test_har_says_why_there_is_no_reply(event: Event, error: str) -> None:
    """As browsers do: status 0, and the reason beside it."""
    [entry] = entries(history(event))

    assert (0, error) == (entry["response"]["status"], entry["response"]["_error"])


def test_har_counts_what_went_out_of_a_reply_that_was_cut() -> None:
    """How much of it the client may have seen."""
    cut = sent(1, "m f=1", None)
    assert cut.outcome is not None
    [entry] = entries(history(replace(cut, outcome=replace(cut.outcome, sent=1))))

    assert entry["response"]["_error"].endswith("before the reply was whole; 1 byte of it went out")


def test_har_keeps_bytes_that_are_no_text() -> None:
    """In base64, and said to be."""
    posted = entries(PAST)[2]["request"]["postData"]
    content = entries(PAST)[4]["response"]["content"]

    assert ("base64", b"\xff\xfe\x00 not text") == (posted["_encoding"], base64.b64decode(posted["text"]))
    assert ("base64", b"\x80\x81", 2) == (content["encoding"], base64.b64decode(content["text"]), content["size"])


def test_har_says_what_was_decided() -> None:
    """Rule, draw, attempt and effect of each, in words and as values."""
    refused, resent = entries(PAST)[:2]

    assert refused["comment"].endswith("attempt 1: rule quota (quota), drew 0.125000; stored none")
    assert resent["comment"].endswith("attempt 2: passed on, drew 0.750000; stored all")
    assert ("quota", 0.125, 1, "none") == tuple(
        refused["_faultlab"][key] for key in ("rule", "draw", "attempt", "effect")
    )


def test_har_has_the_time_of_day() -> None:
    """When a request was there, and how long its reply took."""
    entry = entries(PAST)[0]

    assert ("2026-01-01T00:00:02.000Z", 100.0) == (entry["startedDateTime"], entry["time"])
    assert entry["time"] == sum(entry["timings"].values())


@pytest.mark.parametrize(
    ("tls", "url"), [(None, "http://localhost:8086/query?q=a+b"), (True, "https://localhost:8086/query?q=a+b")]
)
def test_har_has_whole_addresses(tls: bool | None, url: str) -> None:
    """Scheme, host, path and parameters."""
    past = history(sent(1, b"", 200, method="GET", path="/query", query=(("q", "a b"),)))
    [entry] = entries(replace(past, run={**past.run, "tls": tls}))

    assert url == entry["request"]["url"]
    assert [{"name": "q", "value": "a b"}] == entry["request"]["queryString"]


def test_har_says_where_a_reply_was_shortened() -> None:
    """A history keeps the first bytes of a reply."""
    long, short = entries(history(sent(1, "m f=1", 400, reply=b"x" * INLINE_LIMIT), sent(2, "m f=1", 400, reply=b"x")))

    assert ("a history keeps the first 4096 bytes of a reply", None) == (
        long["response"]["content"].get("comment"),
        short["response"]["content"].get("comment"),
    )


def test_har_says_that_a_body_was_compressed() -> None:
    """What is shown is what it decodes to; how large it was on the wire stands beside it."""
    [entry] = entries(history(replace(sent(1, lines(1), encoding="gzip"), wire_size=7)))

    assert (7, "decoded from gzip") == (entry["request"]["bodySize"], entry["request"]["postData"]["comment"])


@any_run
@given(texts(), texts(), texts(), st.binary(max_size=9), st.binary(max_size=9))
def test_har_of_any_text_keeps_to_the_schema(one: str, two: str, three: str, body: bytes, reply: bytes) -> None:
    """Whatever names, values and bodies hold; bodies are read back as they were."""
    event = sent(1, body, 400, headers=((two, three),), reply=reply, rule=three)
    headers = ((one, three), ("Content-Type", two))
    exchange = replace(event.exchange, method=one, path=one, query=((one, two),), headers=headers, host=two)
    text = reports.har(history(replace(event, exchange=exchange)))
    text.encode()
    [entry] = entries(history(replace(event, exchange=exchange)))
    posted, content = entry["request"].get("postData", {"text": ""}), entry["response"]["content"]

    assert body == (base64.b64decode(posted["text"]) if "_encoding" in posted else posted["text"].encode())
    assert reply == (base64.b64decode(content["text"]) if "encoding" in content else content["text"].encode())


def test_har_is_read_by_mitmproxy() -> None:
    """The flows have the methods, the addresses and the replies of the exchanges."""
    flows: list[Any] = list(FlowReader(io.BytesIO(reports.har(PAST).encode())).stream())

    assert [(event.exchange.method, event.exchange.path) for event in PAST.events[1:]] == [
        (flow.request.method, flow.request.path.partition("?")[0]) for flow in flows
    ]
    assert [429, 204, 400, 0, 200, 0] == [flow.response.status_code for flow in flows]
    assert b"\x80\x81" == flows[4].response.content
    assert lines(1, 2) == flows[0].request.text


def test_har_in_pieces_holds_one_body() -> None:
    """Pieces of a history with fifty bodies of a megabyte take the room of a few of them."""
    past = history(*(replace(sent(n, ""), exchange=replace(sent(n, "").exchange, body=_Made(n))) for n in range(50)))
    tracemalloc.start()
    size = sum(map(len, reports.har_pieces(past)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size > 50 * 1_000_000
    assert most < 10_000_000


class _Made(Body):
    """A body whose bytes are made each time somebody asks for them, as a history reads them."""

    def __init__(self, number: int) -> None:
        super().__init__(b"", "")
        vars(self)["number"] = number

    @property
    def stored(self) -> bytes:
        """A megabyte."""
        return str(vars(self)["number"] % 10).encode() * 1_000_000


def test_the_schema_can_refuse() -> None:
    """A request without a method is found."""
    document = json.loads(reports.har(PAST))
    del document["log"]["entries"][0]["request"]["method"]

    with pytest.raises(jsonschema.ValidationError):
        validator().validate(document)


def test_har_of_nothing() -> None:
    """A history without an exchange has an empty list."""
    assert [] == entries(history())
