"""The oracle ``waits_as_told``: guilty, innocent, never put to the test."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab.exchange import HEALTH, Answer, Pairs
from faultlab.history import Ended, Event
from faultlab.ledger import Ledger
from faultlab.oracles import waits_as_told
from faultlab.oracles.waiting import LONGEST, seconds
from faultlab.verdict import Judgement, Verdict
from tests.builders import EPOCH, answer, history, lines, sent


def judged(*events: Event) -> list[Judgement]:
    """Give what the oracle says of exchanges."""
    return list(waits_as_told.looks_at(Ledger(history(*events))))


def verdicts(*events: Event) -> list[Verdict]:
    """Give the verdicts alone."""
    return [judgement.verdict for judgement in judged(*events)]


@given(wait=st.integers(1, 3600), share=st.floats(0, 0.9))
def test_an_early_resend_fails(wait: int, share: float) -> None:
    """A resend before the delay is over fails, however long the delay."""
    early = sent(2, lines(1), at=2 + wait * share)

    assert [Verdict.FAIL] == verdicts(sent(1, lines(1), 429, left=2, retry_after=str(wait)), early)


@given(wait=st.integers(0, 3600), late=st.floats(0, 1e6))
def test_a_patient_resend_passes(wait: int, late: float) -> None:
    """A resend when the delay is over passes, however late."""
    patient = sent(2, lines(1), at=2 + wait + late)

    assert [Verdict.PASS] == verdicts(sent(1, lines(1), 503, left=2, retry_after=str(wait)), patient)


@pytest.mark.parametrize(
    "events",
    [
        (sent(1, lines(1)),),
        (sent(1, lines(1), 429), sent(2, lines(1))),
        (sent(1, lines(1), 429, retry_after="9"), sent(2, lines(2))),
        (sent(1, lines(1), 204, retry_after="9"), sent(2, lines(1))),
        (sent(1, lines(1), 429, retry_after="9", ended=Ended.CLOSED), sent(2, lines(1))),
        (sent(1, lines(1), 429, retry_after="9", settled=False), sent(2, lines(1))),
        (sent(1, lines(1), 429, retry_after=str(int(LONGEST) + 1)), sent(2, lines(1))),
        (sent(1, lines(1), 429, retry_after="9" * 5000), sent(2, lines(1))),
        (sent(1, "", 503, retry_after="9", path=HEALTH, method="GET"),) * 2,
        (sent(1, lines(1), 429, retry_after="9", headers=(("retry-after", "9"),)), sent(2, lines(1))),
    ],
)
def test_without_a_valid_wait_or_a_resend_there_is_no_case(events: tuple[Event, ...]) -> None:
    """Never refused, never resent, never told, told twice, told half, told for days: nothing to judge."""
    assert [] == verdicts(*events)


def test_its_points_in_another_body_are_a_resend() -> None:
    """Splitting or joining batches does not shorten a wait."""
    early = sent(2, lines(2, 3), at=3)

    assert [Verdict.FAIL] == verdicts(sent(1, lines(1, 2), 429, left=2, retry_after="5"), early)


def test_what_was_under_way_is_no_resend() -> None:
    """A second connection that sent the batch before the reply left could not know."""
    events = (sent(1, lines(1), 429, at=1, left=3, retry_after="5"), sent(2, lines(1), at=2), sent(3, lines(1), at=8))

    assert [Verdict.PASS] == verdicts(*events)


def test_every_refused_attempt_is_a_case() -> None:
    """One judgement an attempt, so one early resend among patient ones shows."""
    events = (
        sent(1, lines(1), 429, at=0, left=0, retry_after="2"),
        sent(2, lines(1), 429, at=2, left=2, retry_after="4"),
        sent(3, lines(1), at=4),
    )

    assert [Verdict.PASS, Verdict.FAIL] == verdicts(*events)


def test_a_hair_early_is_not_early() -> None:
    """Two clocks differ a little."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1), 429, left=2, retry_after="3"), sent(2, lines(1), at=4.951))


def test_an_early_body_without_timestamps_is_a_doubt() -> None:
    """It may be new data that happens to be equal."""
    assert [Verdict.INCONCLUSIVE] == verdicts(sent(1, "m v=1", 429, retry_after="9"), sent(2, "m v=1"))


def test_a_patient_body_without_timestamps_passes() -> None:
    """Whatever it is, it waited."""
    assert [Verdict.PASS] == verdicts(sent(1, "m v=1", 429, retry_after="9"), sent(2, "m v=1", at=20))


def test_an_early_query_is_a_doubt() -> None:
    """A query may be asked anew."""
    query = {"path": "/api/v2/query", "query": ()}

    assert [Verdict.INCONCLUSIVE] == verdicts(
        sent(1, "buckets()", 429, retry_after="9", **query),  # type: ignore[arg-type]
        sent(2, "buckets()", 200, **query),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(("at", "verdict"), [(9.0, Verdict.FAIL), (10.0, Verdict.PASS)])
def test_a_date_is_compared_with_the_wall_clock(at: float, verdict: Verdict) -> None:
    """A date binds by the run's epoch, not by when the reply left."""
    refused = sent(1, lines(1), 429, left=4.5, retry_after="Thu, 01 Jan 2026 00:00:10 GMT")

    assert [verdict] == verdicts(refused, sent(2, lines(1), at=at))


def test_a_date_without_a_clock_is_no_case() -> None:
    """A history that does not say when it began cannot judge dates."""
    past = history(sent(1, lines(1), 429, retry_after="Thu, 01 Jan 2026 00:00:10 GMT"), sent(2, lines(1)))
    del past.run["epoch"]

    assert [] == list(waits_as_told.looks_at(Ledger(past)))


def test_a_judgement_names_what_it_rests_on() -> None:
    """Exchange, batch, seconds told and waited stand in one line."""
    (judgement,) = judged(sent(3, lines(1), 429, left=4, retry_after="5"), sent(4, lines(1), at=6))

    assert (3, ("m,k=a 1",)) == (judgement.exchange, judgement.points)
    assert (
        f"exchange 3 (batch {judgement.batch[:8]}): sent again 3.00 s early by exchange 4, "
        "told 429 and to wait 5.00 s, waited 2.00 s"
    ) == judgement.what


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("0",), 0.0),
        ((" 7\t",), 7.0),
        (("007",), 7.0),
        (("Thu, 01 Jan 2026 00:01:00 GMT",), 60.0),
        (("Thursday, 01-Jan-26 00:01:00 GMT",), 60.0),
        (("Thu Jan  1 00:01:00 2026",), 60.0),
        (("Wed, 31 Dec 2025 23:59:60 GMT",), 0.0),
        (("Friday, 31-Dec-99 23:59:59 GMT",), -820540801.0),
        (("Thu, 01 Jan 2025 00:00:00 GMT",), -31536000.0),
        (("-1",), None),
        (("+1",), None),
        (("1.5",), None),
        (("1e3",), None),
        (("٣",), None),
        (("",), None),
        (("abc",), None),
        (("5, 6",), None),
        (("5", "6"), None),
        (("5", "5"), None),
        ((), None),
        (("Thu, 01 Jan 2026 00:01:00 UTC",), None),
        (("Thu, 1 Jan 2026 00:01:00 GMT",), None),
        (("Thu, 31 Feb 2026 00:01:00 GMT",), None),
        (("Thu, 01 Jan 2026 25:01:00 GMT",), None),
        (("Thu, 01 Jan 2026 00:01:61 GMT",), None),
        (("Thu, 01 Jan 0000 00:01:00 GMT",), None),
        (("2026-01-01T00:01:00Z",), None),
    ],
)
def test_only_valid_values_are_read(values: tuple[str, ...], expected: float | None) -> None:
    """Seconds are a whole number that is not negative; dates have one of three forms; the header stands once."""
    headers: Pairs = tuple(("Retry-After", value) for value in values)

    assert expected == seconds(Answer(429, headers), EPOCH)


@given(st.text())
def test_no_value_is_too_strange(value: str) -> None:
    """Whatever a header holds, reading it raises nothing."""
    found = seconds(Answer(429, (("Retry-After", value),)), EPOCH)

    assert found is None or isinstance(found, float)


@pytest.mark.parametrize(
    ("at", "verdict"),
    [(6.94, Verdict.INCONCLUSIVE), (6.8, Verdict.INCONCLUSIVE), (6.7, Verdict.FAIL), (6.96, Verdict.PASS)],
)
def test_what_the_lab_may_have_done_itself_is_a_doubt(at: float, verdict: Verdict) -> None:
    """A lab that ran late may have noted the reply's leaving late."""
    past = replace(history(sent(1, lines(1), 429, left=2, retry_after="5"), sent(2, lines(1), at=at)), lag=0.2)
    (judgement,) = waits_as_told.looks_at(Ledger(past))

    assert verdict == judgement.verdict
    assert judgement.what.endswith("; the lab ran up to 0.20 s late") == (verdict is Verdict.INCONCLUSIVE)


def test_a_date_is_one_wherever_the_judge_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """The zone of the machine has no say, nor has it in the century of a two-digit year."""
    given = [answer(429, headers=(("Retry-After", form),)) for form in DATES]
    here = [seconds(one, EPOCH) for one in given]
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        there = [seconds(one, EPOCH) for one in given]
    time.tzset()

    assert [30.0] * len(DATES) == here == there


DATES = ("Thu, 01 Jan 2026 00:00:30 GMT", "Thursday, 01-Jan-26 00:00:30 GMT", "Thu Jan  1 00:00:30 2026")
"""Half a minute after the runs of the builders begin, in each form that HTTP has."""
