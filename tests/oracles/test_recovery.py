"""The oracle ``recovers_promptly``: guilty, innocent, never put to the test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from faultlab.history import Event
from faultlab.ledger import Ledger
from faultlab.oracles import recovers_promptly
from faultlab.oracles.waiting import LONGEST
from faultlab.verdict import Judgement, Verdict
from tests.builders import history, lines, sent

FAULT = sent(1, lines(1), 503, at=0, left=1, rule="outage")


def judged(*events: Event, **run: object) -> list[Judgement]:
    """Give what the oracle says of exchanges; 60 seconds are allowed unless the run says otherwise."""
    past = history(*events)
    past.run.update(run)
    return list(recovers_promptly.looks_at(Ledger(past)))


def verdicts(*events: Event) -> list[Verdict]:
    """Give the verdicts alone."""
    return [judgement.verdict for judgement in judged(*events)]


def test_a_late_arrival_fails() -> None:
    """Exchange, batch, points and both figures are named."""
    (judgement,) = judged(FAULT, sent(2, lines(1), at=61.5))

    assert (Verdict.FAIL, 2, ("m,k=a 1",)) == (judgement.verdict, judgement.exchange, judgement.points)
    assert (
        f"batch {judgement.batch[:8]} arrived with exchange 2, 60.50 s after the last fault; 60 s are allowed"
    ) == judgement.what


def test_the_bound_itself_is_kept() -> None:
    """Sixty seconds are sixty seconds."""
    (judgement,) = judged(FAULT, sent(2, lines(1), at=61))

    assert (Verdict.PASS, ()) == (judgement.verdict, judgement.points)


def test_the_scenario_sets_the_bound() -> None:
    """In seconds."""
    (judgement,) = judged(FAULT, sent(2, lines(1), at=12), recovery=10)

    assert Verdict.FAIL == judgement.verdict
    assert judgement.what.endswith("; 10 s are allowed")


def test_in_fast_time_a_late_arrival_is_a_doubt() -> None:
    """What the client computed took true time, and counts many times."""
    (judgement,) = judged(FAULT, sent(2, lines(1), at=61.5), time_scale=20)
    (kept,) = judged(FAULT, sent(2, lines(1), at=61), time_scale=20)

    assert (Verdict.INCONCLUSIVE, Verdict.PASS) == (judgement.verdict, kept.verdict)
    assert judgement.what.endswith("60 s are allowed, and what the client computed counts 20 times")


def test_a_wait_that_was_told_is_not_held_against_the_client() -> None:
    """It begins to be late when it may send again."""
    told = sent(1, lines(1), 503, at=0, left=1, rule="outage", retry_after="100")

    (judgement,) = judged(told, sent(2, lines(1), at=161))
    assert Verdict.PASS == judgement.verdict
    assert "60.00 s after the wait it was told" in judgement.what
    assert [Verdict.FAIL] == verdicts(told, sent(2, lines(1), at=162))


def test_a_wait_that_binds_nobody_is_no_excuse() -> None:
    """More than a day."""
    told = sent(1, lines(1), 503, at=0, left=1, rule="outage", retry_after=str(int(LONGEST) + 1))

    assert [Verdict.FAIL] == verdicts(told, sent(2, lines(1), at=100))
    longest = sent(1, lines(1), 503, at=0, left=1, rule="outage", retry_after=str(int(LONGEST)))
    assert [Verdict.PASS] == verdicts(longest, sent(2, lines(1), at=100))


def test_the_last_fault_of_the_run_counts() -> None:
    """Whichever batch met it."""
    other = sent(2, lines(2), 503, at=50, left=51, rule="outage")

    assert [Verdict.PASS] == verdicts(FAULT, other, sent(3, lines(1), at=110))


def test_the_slowest_point_counts() -> None:
    """A batch has arrived when all of it has."""
    first = sent(1, lines(1, 2), 503, at=0, left=1, rule="outage")
    (judgement,) = judged(first, sent(2, lines(1), at=2), sent(3, lines(2), at=100))

    assert (Verdict.FAIL, 3, ("m,k=a 2",)) == (judgement.verdict, judgement.exchange, judgement.points)


def test_the_first_arrival_of_a_point_counts() -> None:
    """That it was sent again later is another question."""
    assert [Verdict.PASS] == verdicts(FAULT, sent(2, lines(1), at=2), sent(3, lines(1), at=100))


def test_a_dropped_connection_is_a_failure_too() -> None:
    """No reply, no arrival."""
    assert [Verdict.FAIL] == verdicts(sent(1, lines(1), None, at=0, left=1, rule="reset"), sent(2, lines(1), at=100))


@pytest.mark.parametrize(
    "events",
    [
        (sent(1, lines(1)),),
        (sent(1, lines(1), 503), sent(2, lines(1), at=100)),
        (FAULT,),
        (FAULT, sent(2, lines(1), 400, at=100)),
        (sent(1, lines(1), 400, at=0, rule="malformed"), sent(2, lines(1), at=100)),
        (FAULT, sent(2, lines(1), at=2), sent(3, lines(2), 400, at=3, rule="malformed")),
        (sent(1, "", 503, at=0, rule="outage"), sent(2, "", at=100)),
        (sent(1, lines(1), 503, at=0, rule="outage", settled=False), sent(2, lines(1), at=100)),
    ],
)
def test_without_a_batch_held_up_there_is_no_case(events: tuple[Event, ...]) -> None:
    """No fault of ours, nothing stored, nothing transient, arrived before the last fault, nothing in it, no outcome."""
    assert [] == judged(*events)


@pytest.mark.parametrize(("at", "verdict"), [(61.1, Verdict.INCONCLUSIVE), (61.3, Verdict.FAIL), (61, Verdict.PASS)])
def test_what_the_lab_may_have_done_itself_is_a_doubt(at: float, verdict: Verdict) -> None:
    """A lab that ran late may have noted the fault's end early."""
    (judgement,) = recovers_promptly.looks_at(Ledger(replace(history(FAULT, sent(2, lines(1), at=at)), lag=0.2)))

    assert verdict == judgement.verdict
    assert judgement.what.endswith(", and the lab ran up to 0.20 s late") == (verdict is Verdict.INCONCLUSIVE)
