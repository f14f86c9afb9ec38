"""The oracle ``reports_partial_writes``: guilty, innocent, never put to the test."""

from __future__ import annotations

from typing import Any

import pytest

from faultlab.exchange import Effect, Everything, Nothing
from faultlab.history import Ended, Event, Report
from faultlab.ledger import Ledger
from faultlab.oracles import reports_partial_writes
from faultlab.verdict import Judgement, Verdict
from tests.builders import DEFAULT_MESSAGES, KILLED, TOLD, history, lines, sent


def judged(*events: Event, **given: Any) -> list[Judgement]:
    """Give what the oracle says of a history."""
    return list(reports_partial_writes.looks_at(Ledger(history(*events, **given))))


def verdicts(*events: Event, **given: Any) -> list[Verdict]:
    """Give the verdicts alone."""
    return [judgement.verdict for judgement in judged(*events, **given)]


@pytest.mark.parametrize("status", [201, 400, 422])
def test_swallowed_lines_fail(status: int) -> None:
    """The reply named lines and the application heard nothing."""
    (judgement,) = judged(sent(1, lines(1, 2, 3), status, refused=(1, 3), message="refused lines 1 and 3"))

    assert (Verdict.FAIL, ("m,k=a 1", "m,k=a 3")) == (judgement.verdict, judgement.points)
    assert (
        f"exchange 1 (batch {judgement.batch[:8]}) was told {status} and 2 refused lines: "
        "2 gone, and the application was not told"
    ) == judgement.what


@pytest.mark.parametrize(
    "given",
    [
        {"client": TOLD},
        {"stderr": f"WARN {DEFAULT_MESSAGES[201]}\n"},
        {"stderr": "WARN unexpected status 201\n"},
        {"reports": (Report("partial", "", lines(2)),)},
        {"reports": (Report("partial", DEFAULT_MESSAGES[201]),)},
    ],
)
def test_lines_the_application_heard_of_pass(given: dict[str, Any]) -> None:
    """Whichever way it heard."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1, 2), 201, refused=(2,)), **given)


@pytest.mark.parametrize(
    "event",
    [
        sent(1, lines(1, 2)),
        sent(1, lines(1, 2), 204, refused=(2,)),
        sent(1, lines(1, 2), 201, refused=(2,), reply=b""),
        sent(1, lines(1, 2), 201, refused=(2,), ended=Ended.CLOSED),
        sent(1, lines(1, 2), 503, refused=(2,)),
        sent(1, lines(1, 2), 400, refused=(2,), effect=Effect.NONE, deliver=Nothing()),
        sent(1, lines(1, 2), 400, effect=Effect.PART, deliver=Everything()),
        sent(1, lines(1, 2), 201, refused=(2,), settled=False),
    ],
)
def test_replies_that_name_no_lines_are_no_case(event: Event) -> None:
    """All stored, no body, half a reply, another status, nothing stored, no line named."""
    assert [] == verdicts(event)


def test_lines_taken_and_sent_again_fail() -> None:
    """What is stored need not be stored again, even when the application was told."""
    (judgement,) = judged(
        sent(1, lines(1, 2), 201, refused=(2,)), sent(2, lines(1, 2), 201, refused=(2,)), client=TOLD
    )[:1]

    assert (Verdict.FAIL, ("m,k=a 1",)) == (judgement.verdict, judgement.points)
    assert "lines it took were sent again by exchange 2" in judgement.what


def test_lines_without_timestamps_sent_again_are_a_doubt() -> None:
    """They may be new data that happens to be equal."""
    event = sent(1, "m v=1\nm v=2", 201, refused=(2,))

    assert Verdict.INCONCLUSIVE == verdicts(event, sent(2, "m v=1\nm v=2"), client=TOLD)[0]


def test_refused_lines_that_arrive_later_are_not_gone() -> None:
    """A client that mends what was refused, and only that, does more than tell."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1, 2), 201, refused=(2,)), sent(2, lines(2)))


def test_refused_lines_refused_again_may_be_told_of_then() -> None:
    """The application hears of them once."""
    events = (sent(1, lines(1, 2), 201, refused=(2,)), sent(2, lines(2), 400, message="field type conflict on value v"))

    assert [Verdict.PASS] == verdicts(*events, stderr="ERROR field type conflict on value v\n")


@pytest.mark.parametrize(
    "given", [{"client": None}, {"client": KILLED}, {"reports": (Report("error", "buffer overflow"),)}]
)
def test_what_cannot_be_known_is_a_doubt(given: dict[str, Any]) -> None:
    """No listener, a client the lab ended, words of its own."""
    assert [Verdict.INCONCLUSIVE] == verdicts(sent(1, lines(1, 2), 201, refused=(2,)), **given)
