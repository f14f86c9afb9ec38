"""The oracle ``delivers_through_transient_failures``: guilty, innocent, never put to the test."""

from __future__ import annotations

from typing import Any

import pytest

from faultlab.exchange import Effect, Nothing
from faultlab.history import Ended, Event
from faultlab.ledger import Ledger
from faultlab.oracles import delivers_through_transient_failures
from faultlab.verdict import Judgement, Verdict
from tests.builders import KILLED, history, lines, sent


def judged(*events: Event, **given: Any) -> list[Judgement]:
    """Give what the oracle says of a history."""
    return list(delivers_through_transient_failures.looks_at(Ledger(history(*events, **given))))


def verdicts(*events: Event, **given: Any) -> list[Verdict]:
    """Give the verdicts alone."""
    return [judgement.verdict for judgement in judged(*events, **given)]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, None])
def test_a_batch_never_sent_again_fails(status: int | None) -> None:
    """One refusal and no second attempt is giving up."""
    (judgement,) = judged(sent(1, lines(1, 2), status))

    assert (Verdict.FAIL, ("m,k=a 1", "m,k=a 2")) == (judgement.verdict, judgement.points)
    assert "2 of 2 points were never sent again" in judgement.what


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, None])
def test_a_batch_that_arrives_passes(status: int | None) -> None:
    """Refused, sent again, stored."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1), status), sent(2, lines(1), status), sent(3, lines(1)))


@pytest.mark.parametrize("status", [204, 400, 401, 413, 501])
def test_without_a_transient_failure_there_is_no_case(status: int) -> None:
    """Batches that were stored, or refused for good, say nothing about transient failures."""
    assert [] == verdicts(sent(1, lines(1), status))


def test_giving_up_before_the_failure_stops_fails() -> None:
    """Later batches got through, so this one could have."""
    (judgement,) = judged(sent(1, lines(1), 503), sent(2, lines(1), 503), sent(3, lines(2)))

    assert Verdict.FAIL == judgement.verdict
    assert "were given up after 2 attempts, the last in exchange 2, although later ones got through" in judgement.what


def test_success_before_the_last_refusal_proves_nothing() -> None:
    """What got through earlier does not show that the failure stopped."""
    events = (sent(1, lines(2)), sent(2, lines(1), 503), sent(3, lines(1), 503))

    assert [Verdict.INCONCLUSIVE] == verdicts(*events)


def test_a_failure_that_never_stops_is_a_doubt() -> None:
    """A client cannot deliver through what does not pass."""
    (judgement,) = judged(*(sent(n, lines(1), 429) for n in range(1, 6)))

    assert Verdict.INCONCLUSIVE == judgement.verdict
    assert "refused at all 5 attempts" in judgement.what


def test_a_query_that_gets_through_proves_nothing() -> None:
    """Writes may fail while queries succeed."""
    events = (sent(1, lines(1), 503), sent(2, lines(1), 503), sent(3, "q", 200, path="/api/v2/query"))

    assert [Verdict.INCONCLUSIVE] == verdicts(*events)


@pytest.mark.parametrize(("wait", "verdict"), [("90", Verdict.INCONCLUSIVE), ("5", Verdict.FAIL), (None, Verdict.FAIL)])
def test_a_client_ended_while_it_had_to_wait_is_a_doubt(wait: str | None, verdict: Verdict) -> None:
    """The deadline came before the end of the wait the server asked for; any other pause is the client's own."""
    assert [verdict] == verdicts(sent(1, lines(1), 429, retry_after=wait), client=KILLED)


def test_a_client_that_left_while_it_had_to_wait_fails() -> None:
    """Nobody ended it."""
    assert [Verdict.FAIL] == verdicts(sent(1, lines(1), 429, retry_after="90"))


def test_points_in_another_body_arrive_as_well() -> None:
    """Joining a refused batch with the next delivers it."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1), 429), sent(2, lines(1, 2)))


def test_half_a_batch_delivered_fails_for_the_other_half() -> None:
    """Each point counts."""
    (judgement,) = judged(sent(1, lines(1, 2), 429), sent(2, lines(1)))

    assert (Verdict.FAIL, ("m,k=a 2",)) == (judgement.verdict, judgement.points)


def test_a_refusal_that_stored_the_batch_needs_no_resend() -> None:
    """It arrived, whatever was said."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1), 503, effect=Effect.ALL))


def test_points_refused_for_good_need_not_arrive() -> None:
    """The client tried again and learnt that it was of no use."""
    (judgement,) = judged(sent(1, lines(1), 429), sent(2, lines(1), 401))

    assert Verdict.PASS == judgement.verdict
    assert "were refused for good by exchange 2 (401)" in judgement.what


def test_lines_upstream_refuses_need_not_arrive() -> None:
    """A bad line is not undelivered."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1, 2), 503), sent(2, lines(1, 2), 201, refused=(2,)))


@pytest.mark.parametrize(
    "events",
    [
        (sent(1, lines(1), None, effect=Effect.UNKNOWN),),
        (sent(1, lines(1), 503), sent(2, lines(1), 204, deliver=Nothing())),
        (sent(1, lines(1), 503), sent(2, lines(1), 503, ended=Ended.BROKEN)),
        (sent(1, lines(1), 503), sent(2, lines(1), settled=False)),
    ],
)
def test_what_cannot_be_known_is_a_doubt(events: tuple[Event, ...]) -> None:
    """An effect nobody knows, a success the server lied about, a lab that failed."""
    assert [Verdict.INCONCLUSIVE] == verdicts(*events)


def test_a_client_that_hangs_up_has_no_reply() -> None:
    """Losing patience is a transient failure like a lost connection."""
    assert [Verdict.FAIL] == verdicts(sent(1, lines(1), None, ended=Ended.CLIENT_LEFT))


def test_an_upload_that_was_cut_is_delivered_by_its_whole() -> None:
    """The attempt that never came to its end is an attempt of the batch that did."""
    whole = lines(1, 2)
    events = (sent(1, whole[:15], None, declared=len(whole)), sent(2, whole, declared=len(whole)))

    assert [Verdict.PASS] == verdicts(*events)
