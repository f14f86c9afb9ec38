"""The documented failures as text and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from faultlab import contract, faults, oracles
from faultlab.contract import Profile, Retry, Row, Source
from faultlab.contract.row import html
from faultlab.exchange import V1_WRITE, V2_WRITE, Answer, Effect
from faultlab.faults import BadGateway, Catalogue, PartialWrite, Quota, RateLimit
from faultlab.faults.knob import knobs
from faultlab.listing import (
    COLUMNS,
    fault_to_json,
    oracle_entry,
    oracle_page,
    oracle_to_json,
    page,
    representatives,
    row_to_json,
    rows_of,
    sample,
    summary,
    wire,
)
from faultlab.verdict import Oracle

SERVERLESS = contract.named("serverless")
EVERY = [
    pytest.param(kind, profile, id=f"{kind.name}-{profile.name}") for kind in faults.ALL for profile in contract.ALL
]


@pytest.mark.parametrize(("kind", "profile"), EVERY)
def test_page_shows_every_answer_and_every_knob(kind: type[Any], profile: Profile) -> None:
    """The page of a fault holds each of its answers to the byte, with its source, and each knob with its meaning."""
    text = page(kind, profile)
    shown = {line.removeprefix("    ") for line in text.split("\n")}
    answers = [line for row in rows_of(kind, profile) for line in wire(sample(row, profile)).split("\n")]
    sources = [f"  Source: {row.source}" for row in rows_of(kind, profile)]
    meanings = [item.metadata["meaning"] for item in knobs(kind)]

    assert ([], [], []) == (
        [line for line in answers if line not in shown],
        [source for source in sources if source not in text.split("\n")],
        [meaning for meaning in meanings if meaning not in text],
    )


@pytest.mark.parametrize(("kind", "profile"), EVERY)
def test_json_shows_every_answer_and_every_knob(kind: type[Any], profile: Profile) -> None:
    """The same as JSON, which survives being text."""
    value = fault_to_json(kind, profile)
    rows = rows_of(kind, profile)

    assert (value, [row.id for row in rows], [item.name for item in knobs(kind)]) == (
        json.loads(json.dumps(value)),
        [row["id"] for row in value["answers"]],
        [item["name"] for item in value["knobs"]],
    )


@pytest.mark.parametrize(("kind", "profile"), EVERY)
def test_no_template_is_left(kind: type[Any], profile: Profile) -> None:
    """No answer that is shown has a place left unfilled."""
    text = page(kind, profile)

    assert "$" not in text


def test_page_reads_like_this() -> None:
    """A page is the fault, its knobs, then where each answer is given, when, what is stored, its source, its bytes."""
    row = Row(
        "bad_gateway",
        502,
        (V1_WRITE, V2_WRITE),
        html,
        "the gateway lost its upstream",
        Source("A document", "of yesterday"),
        cause="nginx",
        message="502 Bad Gateway",
        stored=Effect.UNKNOWN,
        retry=Retry.YES,
        on_page=False,
    )
    text = page(BadGateway, Profile("mine", "My product", (row,), "influxdb2", {}))

    assert PAGE == text.replace("\n    \n", "\n\n")


PAGE = """\
bad_gateway: Answer 502, as a gateway that cannot make sense of its upstream.

Knobs (scenario key 'with'; mitmproxy option faultlab_bad_gateway_NAME):
  stored  whether upstream stores the batch all the same (default false)

bad_gateway/nginx/502 at /write, /api/v2/write; not on the Cloud Serverless response-code page
  the gateway lost its upstream
  upstream stores unknown; documents on sending again: yes
  Source: A document (of yesterday)

    HTTP/1.1 502 Bad Gateway
    Content-Type: text/html

    <html>
      <head><title>502 Bad Gateway</title></head>
      <body>
        <center><h1>502 Bad Gateway</h1></center>
        <hr>
        <center>nginx</center>
      </body>
    </html>
"""


def test_default_answer_stands_first() -> None:
    """Where documents disagree, the answer that is given by default is shown first."""
    ids = [answer["id"] for answer in fault_to_json(PartialWrite, SERVERLESS)["answers"]]

    assert "partial_write/syntax/201" == ids[0]


def test_quota_shows_its_own_answer_only() -> None:
    """A fault that is bound to one cause shows that one of its family's answers."""
    shown = [{row.cause for row in rows_of(kind, SERVERLESS)} for kind in (Quota, RateLimit, Catalogue)]

    assert [{"write"}, {"write", "query", "query_time", "cardinality"}, set()] == shown


def test_answer_is_shown_as_it_is_sent() -> None:
    """Status line, header lines, an empty line, the body; a reason of the row's own where it has one."""
    shown = wire(Answer(429, (("A", "1"), ("A", "2")), b"{}")), wire(Answer(599, (), b"\xff", "Odd")), wire(Answer(599))

    assert (
        "HTTP/1.1 429 Too Many Requests\nA: 1\nA: 2\n\n{}",
        "HTTP/1.1 599 Odd\n\n\ufffd",
        "HTTP/1.1 599\n\n",
    ) == shown


def test_schema_answers_are_about_a_schema() -> None:
    """An answer about a type conflict is shown with a line that conflicts, any other with one that does not parse."""
    conflicts = [row for row in SERVERLESS.of("partial_write") if row.cause == "schema"]
    flaws = [row for row in SERVERLESS.of("partial_write") if row.cause == "syntax"]
    about = [all(b"Unable to insert" in sample(row, SERVERLESS).body for row in rows) for rows in (conflicts, flaws)]

    assert [True, False] == about


def test_row_tells_what_a_reader_needs() -> None:
    """A row as JSON says what it is, where and when it is given, what is stored, whether to retry, and its source."""
    row = SERVERLESS.of("rate_limit")[0]
    value = row_to_json(row, SERVERLESS)

    assert ("rate_limit/write/429", 429, "Too Many Requests", "none", "yes", ["Retry-After", "30"]) == (
        value["id"],
        value["status"],
        value["reason"],
        value["stored"],
        value["retry"],
        value["headers"][-1],
    )


@pytest.mark.parametrize("kind", faults.ALL)
def test_summary_is_one_sentence(kind: type[Any]) -> None:
    """What is shown beside a fault's name in a list is one sentence."""
    text = summary(kind)

    assert ("\n" in text, text[-1], text[0].isupper()) == (False, ".", True)


def test_a_listing_shows_the_row_of_a_write() -> None:
    """Where rows share an identity, the one that clients of the write API meet stands for them."""
    serverless = contract.named("serverless")
    shown = {row.id: row for row in representatives(serverless.rows)}

    assert {row.id for row in serverless.rows} == set(shown)
    assert "/api/v2/write" in shown["no_content/204"].endpoints
    assert "/api/v2/query" in shown["success/200"].endpoints


@pytest.mark.parametrize("one", oracles.ALL, ids=lambda one: one.name)
def test_an_oracle_is_shown_whole(one: Oracle) -> None:
    """Its page has every paragraph and its source, in lines that fit; its JSON has the same."""
    text = oracle_page(one)
    flat = " ".join(text.split())

    assert max(map(len, text.split("\n"))) <= COLUMNS
    assert text.startswith(f"{one.name} ({one.level})\n\n")
    assert all(part in flat for part in (one.about, *one.explained, f"Source: {one.source}"))
    assert f"{one.name} ({one.level})\n  {one.about}\n  Source: {one.source}\n" == oracle_entry(one)
    assert list(one.explained) == oracle_to_json(one)["explained"]
