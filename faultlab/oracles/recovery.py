"""How soon after the last fault everything pending arrives."""

from __future__ import annotations

from collections.abc import Iterator

from faultlab.exchange import Refused
from faultlab.ledger import Batch, Ledger, Send, batch_label, shown
from faultlab.oracles.delivery import is_transient
from faultlab.oracles.waiting import LONGEST, wait_told
from faultlab.terms import Terms
from faultlab.verdict import Judgement, Level, Verdict, oracle


@oracle(level=Level.SHOULD, source="the scenario's client.recovery")
def recovers_promptly(ledger: Ledger) -> Iterator[Judgement]:
    """What a transient failure held up arrives soon after the last fault.

    Looks at: each batch that met a transient failure and arrived after the last fault of the run.

    Fails: it took longer than ``client.recovery`` seconds, counted from the end of the last fault, or from the end of a
    valid wait that the client was told, whichever is later.

    Considered: points that did not arrive at all are the matter of ``delivers_through_transient_failures``. Where time
    ran faster, it is a doubt: what a client computes takes true time, and counts as many times as long.

    To mend: bound the delay between attempts, and try again as soon as anything gets through.
    """
    faults = [_over(send) for send in ledger.sends if send.event.decision.rule and send.event.outcome is not None]
    last = max(faults, default=None)
    if last is None:
        return
    bound = Terms.from_json(ledger.history.run).recovery
    for batch in ledger.batches.values():
        found = _of_batch(ledger, batch, last, bound)
        if found is not None:
            yield found


def _over(send: Send) -> float:
    """Give when a fault was over: with its exchange, but for an outage, which only begins there."""
    intake = send.event.decision.intake
    return send.ended + (intake.seconds if isinstance(intake, Refused) else 0.0)


def _of_batch(ledger: Ledger, batch: Batch, last: float, bound: float) -> Judgement | None:
    sends = [ledger.sends[index] for index in batch.sends]
    held_up = [send for send in sends if is_transient(send)]
    arrivals = [(ledger.sends[entry.stored_by], entry) for entry in batch.entries if entry.stored_by is not None]
    if not held_up or not arrivals:
        return None
    arrival, slowest = max(arrivals, key=lambda one: one[0].event.exchange.at)
    at = arrival.event.exchange.at
    if at < last:
        return None
    epoch = ledger.history.run.get("epoch")
    waits = [(send.ended, wait_told(send, epoch)) for send in held_up]
    free = max([last, *(ended + wait for ended, wait in waits if wait is not None and wait <= LONGEST)])
    late = max(at - free, 0.0)
    what = f"{batch_label(batch.name)} arrived with exchange {arrival.seq}, {late:.2f} s after "
    what += f"{'the last fault' if free == last else 'the wait it was told'}; {bound:g} s are allowed"
    if late <= bound:
        return Judgement(Verdict.PASS, what, arrival.seq, batch.name)
    lag, scale = ledger.history.lag, ledger.history.time_scale
    sure = late > bound + lag and ledger.history.in_true_time
    verdict = Verdict.FAIL if sure else Verdict.INCONCLUSIVE
    if late <= bound + lag:
        what += f", and the lab ran up to {lag:.2f} s late"
    elif not sure:
        what += f", and what the client computed counts {scale:g} times"
    return Judgement(verdict, what, arrival.seq, batch.name, shown([slowest]))
