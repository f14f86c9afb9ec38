"""The oracle ``tells_the_truth``: guilty, innocent, never put to the test."""

from __future__ import annotations

from typing import Any

import pytest

from faultlab.exchange import Effect
from faultlab.history import Event, Report
from faultlab.ledger import Ledger
from faultlab.oracles import tells_the_truth
from faultlab.oracles.truth import NAMED, STORED
from faultlab.told import TELLING
from faultlab.verdict import Judgement, Verdict
from tests.builders import history, lines, sent


def judged(*events: Event, reports: tuple[Report, ...], **given: Any) -> list[Judgement]:
    """Give what the oracle says of a history."""
    return list(tells_the_truth.looks_at(Ledger(history(*events, reports=reports, **given))))


def verdict(told: str, about: str, *events: Event, **given: Any) -> Verdict:
    """Give the verdict on one report."""
    (judgement,) = judged(*events, reports=(Report(told, "", about),), **given)
    return judgement.verdict


@pytest.mark.parametrize("told", sorted(TELLING))
def test_a_failure_of_what_is_stored_and_acknowledged_fails(told: str) -> None:
    """The application will write it again, or give it up."""
    (judgement,) = judged(
        sent(1, lines(1)), sent(2, lines(2, 3)), reports=(Report("x"), Report(told, "m", lines(2, 3)))
    )

    assert (Verdict.FAIL, 2, ("m,k=a 2", "m,k=a 3")) == (judgement.verdict, judgement.exchange, judgement.points)
    assert f"report 2 told '{told}' of 2 points: 2 are stored and acknowledged" == judgement.what


@pytest.mark.parametrize("told", sorted(STORED))
def test_a_success_of_what_was_refused_fails(told: str) -> None:
    """The application believes in points that are not there."""
    (judgement,) = judged(sent(1, lines(1), 503), sent(2, lines(1), 400), reports=(Report(told, "", lines(1)),))

    assert (Verdict.FAIL, 2, ("m,k=a 1",)) == (judgement.verdict, judgement.exchange, judgement.points)
    assert f"report 1 told '{told}' of 1 point: 1 is not stored" == judgement.what


def test_a_success_of_what_was_never_sent_fails() -> None:
    """Nothing on the wire is like it."""
    (judgement,) = judged(sent(1, lines(1)), reports=(Report("stored", "", lines(2)),), manifest=lines(1, 2))

    assert (Verdict.FAIL, None, ("m,k=a 2",)) == (judgement.verdict, judgement.exchange, judgement.points)


def test_a_failure_of_what_was_never_sent_is_true() -> None:
    """It is gone indeed."""
    assert Verdict.PASS == verdict("failed", lines(2), sent(1, lines(1)), manifest=lines(1, 2))


def test_one_lie_among_truths_fails() -> None:
    """Only the points it is about are named, the first few."""
    many = range(1, NAMED + 6)
    report = Report("failed", "", lines(*many, 99))
    (judgement,) = judged(sent(1, lines(*many)), sent(2, lines(99), 400), reports=(report,))

    assert (Verdict.FAIL, tuple(f"m,k=a {number}" for number in range(1, NAMED + 1))) == (
        judgement.verdict,
        judgement.points,
    )
    assert "told 'failed' of 26 points: 25 are stored and acknowledged" in judgement.what


@pytest.mark.parametrize(
    ("told", "about", "events"),
    [
        ("failed", lines(1), (sent(1, lines(1), 400),)),
        ("failed", lines(1), (sent(1, lines(1), 503, effect=Effect.ALL),)),
        ("failed", lines(1), (sent(1, lines(1), None, effect=Effect.ALL),)),
        ("rejected", lines(2), (sent(1, lines(1, 2), 201, refused=(2,)),)),
        ("partial", lines(1, 2), (sent(1, lines(1, 2), 201, refused=(2,)),)),
        ("stored", lines(1), (sent(1, lines(1)),)),
        ("stored", lines(1), (sent(1, lines(1), 503), sent(2, lines(1)))),
        ("stored", lines(1), (sent(1, lines(1), 204, effect=Effect.NONE),)),
        ("stored", lines(1), (sent(1, lines(1), 503, effect=Effect.ALL),)),
        ("failed", "m v=1\n", (sent(1, "m v=1\n"), sent(2, "m v=1\nm v=2\n", 400))),
    ],
)
def test_the_truth_passes(told: str, about: str, events: tuple[Event, ...]) -> None:
    """What failed, what the client could not know, what is there, and what a server said wrongly."""
    (judgement,) = judged(*events, reports=(Report(told, "", about),))

    assert (Verdict.PASS, ()) == (judgement.verdict, judgement.points)
    assert judgement.what.endswith(": true")


def test_a_part_that_failed_without_any_failing_is_a_lie() -> None:
    """All of them are stored."""
    assert Verdict.FAIL == verdict("partial", lines(1, 2), sent(1, lines(1, 2)))


@pytest.mark.parametrize("first", [503, None])
def test_a_failure_told_of_an_earlier_attempt_is_a_doubt(first: int | None) -> None:
    """The report may be about the attempt that did fail."""
    (judgement,) = judged(sent(1, lines(1), first), sent(2, lines(1)), reports=(Report("failed", "", lines(1)),))

    assert (Verdict.INCONCLUSIVE, ("m,k=a 1",)) == (judgement.verdict, judgement.points)
    assert "report 1 told 'failed' of 1 point: 1 is stored, after an attempt that failed" == judgement.what


def test_a_success_nobody_can_check_is_a_doubt() -> None:
    """What upstream stored is not known."""
    (judgement,) = judged(sent(1, lines(1), 503, effect=Effect.UNKNOWN), reports=(Report("stored", "", lines(1)),))

    assert (Verdict.INCONCLUSIVE, "report 1 told 'stored' of 1 point: 1 is not known to be stored") == (
        judgement.verdict,
        judgement.what,
    )


@pytest.mark.parametrize(
    "report",
    [
        Report("failed", "out of memory"),
        Report("noticed", "", lines(1)),
        Report("failed", "", lines(7)),
        Report("failed", "", "# nothing\n"),
    ],
)
def test_a_report_that_names_no_point_is_no_case(report: Report) -> None:
    """No lines, a word that says neither, points of another run, no points at all."""
    assert [] == judged(sent(1, lines(1)), reports=(report,))


def test_a_point_that_may_have_been_sent_otherwise_is_no_case() -> None:
    """A point of its time with other fields was on the wire."""
    assert [] == judged(sent(1, "m,k=a v=2 2\n"), reports=(Report("stored", "", lines(2)),), manifest=lines(2))
