"""Whether a client that is not told how long to wait chooses delays that grow, vary and are bounded."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from faultlab.ledger import Ledger, batch_label
from faultlab.oracles.delivery import is_transient
from faultlab.oracles.waiting import wait_told
from faultlab.verdict import Judgement, Level, Verdict, oracle

CAP = 300.0
"""Seconds no delay of a client's own should exceed."""

FLOOR = 0.01
"""Seconds that any shorter delay counts as: below, it is the machine that is measured."""

STEPS = 4
"""How many delays of a batch show growth; a client that has reached its cap by then began too near to it."""

DOUBLING = math.log(2)
DEVIATIONS = 2.6
"""How many standard deviations away a result is called one that chance does not explain: at most 1 in 100."""

SPREAD, JITTERY = 0.02, 0.003
"""Delays that lie this near to their median, as a share or in seconds, are called equal."""

ALIKE = 0.85
DELAYS = 12
"""Of how many delays, at least, which share has to be equal for a client to have no jitter.

With these, a jitter of 10 % to both sides of 0.1 s is not called none in one of a hundred runs.
"""


@dataclass(frozen=True, slots=True)
class Delay:
    """How long a client waited by its own choice: ``step`` counts those of a batch from 0."""

    batch: str
    seq: int
    step: int
    seconds: float


@oracle(
    level=Level.SHOULD, source="AWS Architecture Blog, Exponential Backoff and Jitter (2015); RFC 9110, section 9.2.2"
)
def backs_off(ledger: Ledger) -> Iterator[Judgement]:
    """Without a Retry-After the delays between the attempts of a batch grow, vary, and stay below 300 s.

    Looks at: the time between a transient failure that names no valid wait and the next attempt of the same batch; of
    these own delays, the first four of each batch.

    Fails: the delays grow so little that a client which doubles them, each drawn from zero to the whole, would do so
    once in a hundred runs; 85 % of them are equal from batch to batch; or one exceeds 300 s.

    Considered: growth passes first, where delays that do not grow would look like it once in a hundred runs; in
    between, and below the samples this takes (for instance four batches refused four times each, or nine refused three
    times; for jitter twelve delays, of three batches or more), the answer is a doubt. A delay under 10 ms counts as
    10 ms, and two within 2 % or 3 ms are equal, as no machine's clock tells them apart. A body without timestamps may
    be new data rather than another attempt, so it does not count.

    To mend: wait base * 2 ** attempt, at most some tens of seconds, times a random number.
    """
    delays = list(own_delays(ledger))
    if delays:
        yield _growth(delays)
        yield _jitter(delays)
        yield _cap(delays)


def own_delays(ledger: Ledger) -> Iterator[Delay]:
    """Yield the delays that a client chose itself between two attempts of one batch, in order of the first."""
    epoch = ledger.history.run.get("epoch")
    steps: dict[str, int] = defaultdict(int)
    for send in ledger.sends:
        if not is_transient(send) or wait_told(send, epoch) is not None:
            continue
        again = ledger.next_send(send)
        if again is not None and again.batch == send.batch and send.carries.timed:
            yield Delay(send.batch, send.seq, steps[send.batch], again.event.exchange.at - send.ended)
            steps[send.batch] += 1


def _growth(delays: Sequence[Delay]) -> Judgement:
    by_batch: dict[str, list[float]] = defaultdict(list)
    for delay in delays:
        if delay.step < STEPS:
            by_batch[delay.batch].append(max(delay.seconds, FLOOR))
    series = [found for found in by_batch.values() if len(found) > 1]
    grown = math.fsum(math.log(found[-1] / found[0]) for found in series)
    wanted = math.fsum((len(found) - 1) * DOUBLING for found in series)
    # The logarithm of a number drawn from zero to one has variance 1, and each series has two such ends.
    chance = DEVIATIONS * math.sqrt(2 * len(series))
    steps = sum(len(found) - 1 for found in series)
    factor = math.exp(grown / steps) if steps else 1.0
    what = f"{_count(len(series), 'batch', 'batches')} with {_count(steps, 'step')}, a factor of {factor:.2f} a step"
    if series and wanted >= chance:
        if grown >= chance:
            return Judgement(Verdict.PASS, f"delays grow: {what}")
        if grown <= wanted - chance:
            return Judgement(Verdict.FAIL, f"delays do not grow: {what}")
        return Judgement(Verdict.INCONCLUSIVE, f"delays may grow or not: {what}; more batches would tell")
    needs = "four batches refused four times each would do"
    return Judgement(Verdict.INCONCLUSIVE, f"too few delays to see whether they grow: {what}; {needs}")


def _jitter(delays: Sequence[Delay]) -> Judgement:
    by_step: dict[int, list[float]] = defaultdict(list)
    for delay in delays:
        if delay.step < STEPS:
            by_step[delay.step].append(delay.seconds)
    groups = [found for found in by_step.values() if len(found) > 2]
    total, alike = sum(map(len, groups)), 0
    for found in groups:
        middle = median(found)
        alike += sum(abs(one - middle) <= max(SPREAD * middle, JITTERY) for one in found)
    what = f"{alike} of {_count(total, 'delay')} within {SPREAD:.0%} or {JITTERY * 1000:.0f} ms of their median"
    if total < DELAYS:
        return Judgement(Verdict.INCONCLUSIVE, f"too few delays to see whether they vary: {total} of {DELAYS} needed")
    if alike >= ALIKE * total:
        return Judgement(Verdict.FAIL, f"delays do not vary: {what}")
    return Judgement(Verdict.PASS, f"delays vary: {what}")


def _cap(delays: Sequence[Delay]) -> Judgement:
    longest = max(delays, key=lambda delay: delay.seconds)
    what = f"the longest delay was {longest.seconds:.2f} s, after exchange {longest.seq} ({batch_label(longest.batch)})"
    verdict = Verdict.FAIL if longest.seconds > CAP else Verdict.PASS
    return Judgement(verdict, f"{what}; at most {CAP:.0f} s are good", longest.seq, longest.batch)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
