"""The oracle ``backs_off``: guilty, innocent, never put to the test."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from faultlab.exchange import V2_QUERY
from faultlab.history import Ended, Event
from faultlab.ledger import Ledger
from faultlab.oracles import backs_off, pacing
from faultlab.oracles.pacing import Delay, own_delays
from faultlab.verdict import Judgement, Level, Verdict
from tests.builders import history, lines, sent

CLIENTS = 2000
MOST = CLIENTS // 100
SAMPLES = [(4, 4), (9, 3)]

type Draw = Callable[[random.Random, int], float]
"""What a client waits at a step."""


def judged(*events: Event, **given: Any) -> list[Judgement]:
    """Give what the oracle says of exchanges."""
    return list(backs_off.looks_at(Ledger(history(*events, **given))))


def waits(*batches: Sequence[float], status: int | None = 503) -> Iterator[Event]:
    """Yield what clients send that wait so long between the attempts of each batch; the last one gets through."""
    seq = 0
    for number, delays in enumerate(batches):
        at = 1000.0 * number
        for delay in (*delays, None):
            seq += 1
            yield sent(seq, lines(number), 204 if delay is None else status, at=at, left=at)
            at += delay or 0


def found(*events: Event, **given: Any) -> list[tuple[int, int, float]]:
    """Give the own delays of exchanges: after which one, which step of its batch, how long."""
    ledger = Ledger(history(*events, **given))
    return [(delay.seq, delay.step, round(delay.seconds, 6)) for delay in own_delays(ledger)]


def delays_of(*batches: Sequence[float]) -> list[Delay]:
    """Give delays, batch by batch."""
    return [Delay(f"{n}", n, step, delay) for n, batch in enumerate(batches) for step, delay in enumerate(batch)]


def tally(judge: Callable[[Sequence[Delay]], Judgement], draw: Draw, sample: tuple[int, int]) -> Counter[Verdict]:
    """Count what many clients that draw their delays come to."""
    draws = random.Random(20260101)
    batches, steps = sample
    return Counter(
        judge(delays_of(*([draw(draws, step) for step in range(steps)] for _ in range(batches)))).verdict
        for _ in range(CLIENTS)
    )


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, None])
def test_the_pause_after_a_transient_failure_is_a_delay(status: int | None) -> None:
    """From when the reply left to the next attempt, each counted from the first."""
    events = (
        sent(1, lines(1), status, at=1, left=2),
        sent(2, lines(1), status, at=5, left=5.5),
        sent(3, lines(1), at=6.5),
    )

    assert [(1, 0, 3.0), (2, 1, 1.0)] == found(*events)


@pytest.mark.parametrize(
    "events",
    [
        (sent(1, lines(1)),),
        (sent(1, lines(1)), sent(2, lines(1))),
        (sent(1, lines(1), 503),),
        (sent(1, lines(1), 400), sent(2, lines(1))),
        (sent(1, lines(1), 501), sent(2, lines(1))),
        (sent(1, lines(1), 503), sent(2, lines(2))),
        (sent(1, lines(1), 503), sent(2, lines(1, 2))),
        (sent(1, lines(1), 503, retry_after="1"), sent(2, lines(1))),
        (sent(1, lines(1), 503, retry_after="0"), sent(2, lines(1))),
        (sent(1, lines(1), 503, retry_after="99999"), sent(2, lines(1))),
        (sent(1, lines(1), 503, retry_after="Thu, 01 Jan 2026 00:00:10 GMT"), sent(2, lines(1))),
        (sent(1, lines(1), 503, settled=False), sent(2, lines(1))),
        (sent(1, lines(1), 503, ended=Ended.BROKEN), sent(2, lines(1))),
        (sent(1, "m v=1", 503), sent(2, "m v=1")),
        (sent(1, "m", 503), sent(2, "m")),
        (sent(1, lines(1), 503, path=V2_QUERY), sent(2, lines(1), path=V2_QUERY)),
        (sent(1, lines(1), 503, left=9), sent(2, lines(1), at=8)),
    ],
)
def test_without_a_delay_of_its_own_there_is_no_case(events: tuple[Event, ...]) -> None:
    """Never refused, never resent, for good, in another body, as told, unknown, new data, a query, under way."""
    assert [] == judged(*events)


@pytest.mark.parametrize("retry_after", ["soon", "-1", "1.5", ""])
def test_a_wait_that_is_none_leaves_the_choice_to_the_client(retry_after: str) -> None:
    """An invalid Retry-After tells nothing."""
    assert [(1, 0, 0.9)] == found(sent(1, lines(1), 503, retry_after=retry_after), sent(2, lines(1)))


def test_a_date_without_a_clock_leaves_the_choice_to_the_client() -> None:
    """Where the history does not say when it began, no date can be read."""
    past = history(sent(1, lines(1), 503, retry_after="Thu, 01 Jan 2026 00:00:10 GMT"), sent(2, lines(1)))
    del past.run["epoch"]

    assert [1] == [delay.seq for delay in own_delays(Ledger(past))]


def test_one_line_with_a_timestamp_is_enough() -> None:
    """The whole body is the same again."""
    assert [(1, 0, 0.9)] == found(sent(1, "m v=1\nm v=2 5\n", 503), sent(2, "m v=1\nm v=2 5\n"))


def test_told_waits_do_not_count_as_steps() -> None:
    """Delays of its own are counted by themselves, and batches apart."""
    events = (
        sent(1, lines(1), 503),
        sent(2, lines(2), 503),
        sent(3, lines(1), 503, retry_after="1"),
        sent(4, lines(2), 503),
        sent(5, lines(1), 503),
        sent(6, lines(2), 503),
        sent(7, lines(1)),
        sent(8, lines(2)),
    )

    assert [(1, 0, 1.9), (2, 0, 1.9), (4, 1, 1.9), (5, 1, 1.9), (6, 2, 1.9)] == found(*events)


def test_three_questions_in_order() -> None:
    """Growth, jitter, bound: one judgement each for all delays together."""
    events = list(waits(*[[0.1 * (1 + n / 7), 0.2, 0.4 * (1 + n / 5), 0.8 * (1 + n / 9)] for n in range(5)]))
    growth, jitter, bound = judged(*events)

    assert [Verdict.PASS] * 3 == [growth.verdict, jitter.verdict, bound.verdict]
    assert (None, "", ()) == (growth.exchange, growth.batch, growth.points)
    assert growth.what.startswith("delays grow: 5 batches with 15 steps, a factor of 1.97 a step")
    assert jitter.what == "delays vary: 8 of 20 delays within 2% or 3 ms of their median"
    assert (24, sent(24, lines(4)).batch) == (bound.exchange, bound.batch)
    assert bound.what == (
        f"the longest delay was 1.16 s, after exchange 24 (batch {bound.batch[:8]}); at most 300 s are good"
    )


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.1, 5.0])
def test_constant_delays_fail(delay: float) -> None:
    """They neither grow nor vary, however small they are."""
    growth, jitter, bound = judged(*waits(*[[delay] * 4] * 4))

    assert [Verdict.FAIL, Verdict.FAIL, Verdict.PASS] == [growth.verdict, jitter.verdict, bound.verdict]
    assert growth.what == "delays do not grow: 4 batches with 12 steps, a factor of 1.00 a step"
    assert jitter.what == "delays do not vary: 16 of 16 delays within 2% or 3 ms of their median"


def test_exact_doubling_grows_and_does_not_vary() -> None:
    """Clients that were refused together come back together."""
    growth, jitter, bound = judged(*waits(*[[0.5, 1, 2, 4]] * 4, status=None))

    assert [Verdict.PASS, Verdict.FAIL, Verdict.PASS] == [growth.verdict, jitter.verdict, bound.verdict]
    assert growth.what == "delays grow: 4 batches with 12 steps, a factor of 2.00 a step"


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("base", [0.1, 1.0])
def test_full_jitter_over_a_doubling_is_hardly_ever_called_no_growth(base: float, sample: tuple[int, int]) -> None:
    """Once in a hundred runs, and most runs see the growth."""
    verdicts = tally(pacing._growth, lambda draws, step: base * 2**step * draws.uniform(0, 1), sample)

    assert verdicts[Verdict.FAIL] <= MOST
    assert verdicts[Verdict.PASS] > CLIENTS / 2


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("base", [0.1, 1.0])
def test_draws_that_do_not_grow_are_hardly_ever_called_growth(base: float, sample: tuple[int, int]) -> None:
    """Once in a hundred runs, and most runs see that they do not."""
    verdicts = tally(pacing._growth, lambda draws, _: base * draws.uniform(0, 1), sample)

    assert verdicts[Verdict.PASS] <= MOST
    assert verdicts[Verdict.FAIL] > CLIENTS / 2


@pytest.mark.parametrize("sample", [*SAMPLES, (4, 3)])
@pytest.mark.parametrize("base", [0.1, 1.0])
@pytest.mark.parametrize("factor", [1, 2])
def test_ten_percent_of_jitter_is_hardly_ever_called_none(factor: int, base: float, sample: tuple[int, int]) -> None:
    """Once in a hundred runs, down to the fewest delays that are judged and the shortest usual delay."""
    verdicts = tally(pacing._jitter, lambda draws, step: base * factor**step * draws.uniform(0.9, 1.1), sample)

    assert verdicts[Verdict.FAIL] <= MOST
    assert 0 == verdicts[Verdict.INCONCLUSIVE]


@pytest.mark.parametrize("base", [0.1, 1.0])
def test_the_noise_of_a_machine_is_no_jitter(base: float) -> None:
    """A millisecond or so late now and then hides no delays that are equal."""
    verdicts = tally(pacing._jitter, lambda draws, step: base * 2**step + draws.expovariate(1000), (4, 4))

    assert verdicts[Verdict.FAIL] >= CLIENTS - MOST


@pytest.mark.parametrize(
    ("batches", "steps", "factor", "verdict"),
    [
        (4, 4, 2.0, Verdict.PASS),
        (4, 4, 1.85, Verdict.PASS),
        (4, 4, 1.84, Verdict.INCONCLUSIVE),
        (4, 4, 1.09, Verdict.INCONCLUSIVE),
        (4, 4, 1.08, Verdict.FAIL),
        (4, 4, 0.5, Verdict.FAIL),
        (20, 4, 1.5, Verdict.PASS),
        (40, 4, 1.5, Verdict.PASS),
        (8, 3, 2.0, Verdict.PASS),
        (29, 2, 2.0, Verdict.PASS),
    ],
)
def test_growth_is_judged_by_its_factor(batches: int, steps: int, factor: float, verdict: Verdict) -> None:
    """The more batches, the smaller the factor that shows; whatever surely grows passes."""
    judgement = pacing._growth(delays_of(*[[factor**step for step in range(steps)]] * batches))

    assert verdict is judgement.verdict
    assert f"{batches} batches with {batches * (steps - 1)} steps, a factor of {factor:.2f} a step" in judgement.what
    doubtful = judgement.what.startswith("delays may grow or not: ")
    assert doubtful is (verdict is Verdict.INCONCLUSIVE) is judgement.what.endswith(" a step; more batches would tell")


@pytest.mark.parametrize(
    ("delays", "what"),
    [
        ([[1]], "0 batches with 0 steps, a factor of 1.00 a step"),
        ([[1], [1], [1], [1], [1], [1]], "0 batches with 0 steps, a factor of 1.00 a step"),
        ([[1, 2]], "1 batch with 1 step, a factor of 2.00 a step"),
        ([[1, 2, 4, 8, 16, 32, 64, 128]], "1 batch with 3 steps, a factor of 2.00 a step"),
        ([[1, 3], [2]], "1 batch with 1 step, a factor of 3.00 a step"),
        ([[1, 1, 1, 1]] * 3, "3 batches with 9 steps, a factor of 1.00 a step"),
        ([[1, 2, 4]] * 7, "7 batches with 14 steps, a factor of 2.00 a step"),
        ([[1, 2]] * 28, "28 batches with 28 steps, a factor of 2.00 a step"),
    ],
)
def test_too_few_delays_show_no_growth(delays: list[list[float]], what: str) -> None:
    """Neither that there is, nor that there is none."""
    judgement = pacing._growth(delays_of(*delays))

    assert Verdict.INCONCLUSIVE is judgement.verdict
    assert judgement.what == (
        f"too few delays to see whether they grow: {what}; four batches refused four times each would do"
    )


def test_only_the_first_four_delays_show_growth() -> None:
    """A client that has reached its cap does not go on growing."""
    assert Verdict.PASS is pacing._growth(delays_of(*[[1, 2, 4, 8, *[8] * 20]] * 4)).verdict
    assert Verdict.FAIL is pacing._growth(delays_of(*[[1, 1, 1, 1, *[900] * 20]] * 4)).verdict


@pytest.mark.parametrize(
    ("first", "last", "factor"), [(0.01, 0.08, "2.00"), (0.001, 0.08, "2.00"), (0, 0.08, "2.00"), (0.02, 0.08, "1.59")]
)
def test_what_is_shorter_than_ten_milliseconds_counts_as_ten(first: float, last: float, factor: str) -> None:
    """Below, the machine is measured."""
    assert f"a factor of {factor} a step" in pacing._growth(delays_of(*[[first, 0.02, 0.04, last]] * 4)).what


@pytest.mark.parametrize(
    ("delays", "count"),
    [
        ([1.0, 1.0, 1.0], 3),
        ([1.0, 1.0, 1.019], 3),
        ([1.0, 1.0, 1.021], 2),
        ([1.0, 1.0, 0.981], 3),
        ([1.0, 1.0, 0.979], 2),
        ([0.01, 0.01, 0.0129], 3),
        ([0.01, 0.01, 0.0131], 2),
        ([0.01, 0.01, 0.0071], 3),
        ([0.01, 0.01, 0.0069], 2),
        ([50, 50, 51], 3),
        ([0.0, 0.0, 0.003], 3),
        ([0.1, 0.2, 0.3], 1),
    ],
)
def test_delays_near_their_median_are_alike(delays: list[float], count: int) -> None:
    """Within two hundredths or three milliseconds."""
    judgement = pacing._jitter(delays_of(*([one] * 4 for one in delays)))

    assert f"{4 * count} of 12 delays within 2% or 3 ms of their median" in judgement.what


@pytest.mark.parametrize(("apart", "verdict"), [(2, Verdict.FAIL), (3, Verdict.FAIL), (4, Verdict.PASS)])
def test_delays_vary_when_enough_of_them_do(apart: int, verdict: Verdict) -> None:
    """Seventeen alike of twenty are too many, sixteen are not."""
    delays = [[1.0, 2.0, 4.0, 8.0] for _ in range(5)]
    for step in range(apart):
        delays[step][step] *= 2
    judgement = pacing._jitter(delays_of(*delays))

    assert verdict is judgement.verdict
    how = "do not vary" if verdict is Verdict.FAIL else "vary"
    assert judgement.what == f"delays {how}: {20 - apart} of 20 delays within 2% or 3 ms of their median"


@pytest.mark.parametrize(
    ("batches", "steps", "total"), [(1, 4, 0), (2, 4, 0), (9, 1, 9), (11, 1, 11), (3, 3, 9), (1, 100, 0)]
)
def test_too_few_delays_show_no_jitter(batches: int, steps: int, total: int) -> None:
    """It takes twelve, of three batches or more."""
    judgement = pacing._jitter(delays_of(*[[1.0] * steps] * batches))

    assert Verdict.INCONCLUSIVE is judgement.verdict
    assert judgement.what == f"too few delays to see whether they vary: {total} of 12 needed"


@pytest.mark.parametrize(("batches", "steps"), [(3, 4), (3, 9), (4, 3), (12, 1), (6, 2)])
def test_twelve_delays_are_enough_for_jitter(batches: int, steps: int) -> None:
    """Only the first four of each batch count."""
    judgement = pacing._jitter(delays_of(*[[1.0] * steps] * batches))

    assert judgement.what == "delays do not vary: {0} of {0} delays within 2% or 3 ms of their median".format(
        batches * min(steps, 4)
    )


@pytest.mark.parametrize(("longest", "verdict"), [(300.0, Verdict.PASS), (300.5, Verdict.FAIL)])
def test_no_delay_is_longer_than_five_minutes(longest: float, verdict: Verdict) -> None:
    """At whatever step it is, and a single one is enough."""
    (_, _, judgement) = judged(*waits([1, 2, 3, 4, 5, longest, 6]))

    assert (verdict, 6) == (judgement.verdict, judgement.exchange)
    assert judgement.what == (
        f"the longest delay was {longest:.2f} s, after exchange 6 (batch {judgement.batch[:8]}); at most 300 s are good"
    )


def test_the_first_of_equally_long_delays_is_named() -> None:
    """Which one is then no accident."""
    (*_, judgement) = judged(*waits([1, 7, 7]))

    assert 2 == judgement.exchange


def test_it_is_good_advice() -> None:
    """Documents recommend it and no server demands it, so it is a should."""
    assert Level.SHOULD is backs_off.level
