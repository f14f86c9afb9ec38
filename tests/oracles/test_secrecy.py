"""The oracle ``keeps_its_secrets``: guilty, innocent, never put to the test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from faultlab.history import Event, History, Report
from faultlab.ledger import Ledger
from faultlab.oracles import keeps_its_secrets
from faultlab.verdict import Judgement, Verdict
from tests.builders import history, lines, sent

TAG = "[redacted aaaaaa]"
OTHER = "[redacted bbbbbb]"


def at(event: Event, host: str) -> Event:
    """Give the exchange as it would be with another host."""
    return replace(event, exchange=replace(event.exchange, host=host))


def of(past: History, *, token: str | None = TAG) -> list[Judgement]:
    """Give what the oracle says of a history whose lab gave the token of a tag."""
    if token is not None:
        past.run["token"] = token
    return list(keeps_its_secrets.looks_at(Ledger(past)))


def judged(*events: Event, token: str | None = TAG, **given: Any) -> list[Judgement]:
    """Give what the oracle says of exchanges."""
    return of(history(*events, **given), token=token)


def test_one_host_and_a_silent_client_pass() -> None:
    """Where it was sent, and that it was looked for."""
    hosts, output = judged(sent(4, lines(1)), sent(5, lines(2)), stderr="fine\n")

    assert (Verdict.PASS, 4, f"credential {TAG} was sent to localhost:8086 only") == (
        hosts.verdict,
        hosts.exchange,
        hosts.what,
    )
    assert (Verdict.PASS, "the token stands neither in the output nor in the report") == (output.verdict, output.what)


def test_a_second_host_fails() -> None:
    """The first exchange that went there is named."""
    elsewhere = at(sent(2, lines(1)), "evil.test:80")
    hosts, _ = judged(sent(1, lines(1)), elsewhere, at(sent(3, lines(1)), "evil.test:80"))

    assert (Verdict.FAIL, 2) == (hosts.verdict, hosts.exchange)
    assert f"credential {TAG} was sent to localhost:8086, and by exchange 2 to evil.test:80" == hosts.what


def test_two_credentials_for_two_hosts_pass() -> None:
    """Each has its own."""
    elsewhere = at(sent(2, lines(1), authorization=f"Token {OTHER}"), "other.test")

    assert [Verdict.PASS] * 3 == [judgement.verdict for judgement in judged(sent(1, lines(1)), elsewhere)]


def test_a_credential_in_the_query_counts() -> None:
    """Version 1 has its password there."""
    query = (("db", "d"), ("p", TAG))
    first = sent(1, lines(1), path="/write", query=query, authorization="")
    hosts, *_ = judged(first, at(replace(first, exchange=replace(first.exchange, seq=2)), "evil.test"))

    assert Verdict.FAIL == hosts.verdict


def test_a_tag_that_is_no_credential_is_none() -> None:
    """A parameter of another name may hold anything."""
    assert [] == judged(sent(1, lines(1), query=(("bucket", TAG),), authorization=""))


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"stderr": f"one\ntwo {TAG} three\nfour\n"}, f'stderr line 2: "two {TAG} three"'),
        ({"stderr": f"{TAG}"}, f'stderr line 1: "{TAG}"'),
        ({"reports": (Report("failed", "ok"), Report("failed", f"t {TAG}"))}, f"report line 2: \"failed t {TAG} ''\""),
        ({"reports": (Report("failed", "", f"m t={TAG}"),)}, "report line 1"),
    ],
)
def test_a_printed_token_fails(given: dict[str, Any], where: str) -> None:
    """On standard error, in a report's message, in its lines."""
    _, output = judged(sent(1, lines(1)), **given)

    assert Verdict.FAIL == output.verdict
    assert f"a credential was printed, {where}" in output.what


def test_standard_output_counts() -> None:
    """It ends in logs as well."""
    _, output = of(replace(history(sent(1, lines(1))), stdout=f"{'x' * 200}\n{'y' * 200}{TAG}\n"))

    assert (Verdict.FAIL, f'a credential was printed, stdout line 2: "{"y" * 160}"') == (output.verdict, output.what)


def test_a_token_that_is_printed_and_never_sent_fails() -> None:
    """A secret is one before it is used."""
    (output,) = judged(stderr=TAG)

    assert Verdict.FAIL == output.verdict


@pytest.mark.parametrize("given", [{"token": OTHER}, {"token": None}, {"client": None}])
def test_where_nobody_could_look_the_output_is_no_case(given: dict[str, Any]) -> None:
    """Another token than the lab's, a history that does not say, a client that the lab did not run."""
    (hosts,) = judged(sent(1, lines(1)), **given)

    assert "was sent to" in hosts.what


def test_without_a_credential_there_is_no_case() -> None:
    """Nothing to keep."""
    assert [] == judged(sent(1, lines(1), authorization=""))
