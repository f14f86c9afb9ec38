"""Whether a client makes no more requests than it takes."""

from __future__ import annotations

from collections.abc import Iterator

from faultlab.exchange import Effect
from faultlab.ledger import Batch, Entry, Ledger, Send, batch_label, shown
from faultlab.terms import Terms
from faultlab.verdict import Judgement, Level, Verdict, oracle


@oracle(level=Level.SHOULD, source="the scenario's client.attempts; Google SRE Book (2016), chapter 22, retries")
def keeps_the_request_budget(ledger: Ledger) -> Iterator[Judgement]:
    """No point is sent more often than the scenario allows, and none again once its storage was acknowledged.

    Looks at: each batch written, and how often each of its points was on the wire, in whatever body.

    Fails: more than ``client.attempts`` sends of one point; or a body sent again after a 2xx that stored all of it.

    Considered: points that the manifest hands over more than once may be written that many times, each with as many
    attempts. Without a manifest an equal body may be new data, as may one without timestamps that the manifest does not
    hold, so its repetition is a doubt; but a point with a timestamp beyond the attempts allowed is none.

    To mend: count attempts over all layers that retry, and let only one of them do so.
    """
    most = Terms.from_json(ledger.history.run).attempts
    for batch in ledger.batches.values():
        if batch.entries:
            yield _of_batch(ledger, batch, most)


def _of_batch(ledger: Ledger, batch: Batch, most: int) -> Judgement:
    over = [entry for entry in batch.entries if _sends(entry) > most * _times(entry)]
    busiest = max(over or batch.entries, key=_sends)
    sends, allowed = _sends(busiest), most * _times(busiest)
    what = f"{batch_label(batch.name)}: {sends} send{'s' if sends > 1 else ''} of a point, {allowed} allowed"
    first = ledger.sends[batch.sends[0]]
    if over:
        sure = any(entry.timed or _is_known(entry) for entry in over)
        what += "" if sure else "; it may be new data"
        beyond = ledger.sends[sorted(set(busiest.sends))[allowed]]
        return Judgement(Verdict.FAIL if sure else Verdict.INCONCLUSIVE, what, beyond.seq, batch.name, shown(over))
    times = min(_times(entry) for entry in batch.entries)
    done = sorted(filter(_is_done, map(ledger.sends.__getitem__, batch.sends)), key=lambda send: send.ended)
    last = done[times - 1] if len(done) >= times else None
    again = None if last is None else next(ledger.repeats(last), None)
    if last is None or again is None:
        what += f"; it was handed over {times} times" if times > 1 else ""
        return Judgement(Verdict.PASS, what, first.seq, batch.name)
    what += f"; sent again by exchange {again.seq} although exchange {last.seq} was told {last.status}"
    sure = any(_is_known(entry) for entry in batch.entries)
    what += "" if sure else "; it may be new data"
    return Judgement(Verdict.FAIL if sure else Verdict.INCONCLUSIVE, what, again.seq, batch.name, shown(batch.entries))


def _sends(entry: Entry) -> int:
    """Give how many bodies carried an entry; one may have the same line twice."""
    return len(set(entry.sends))


def _times(entry: Entry) -> int:
    """Give how often an entry may be written: as often as it was handed over."""
    return max(entry.times or 1, 1)


def _is_known(entry: Entry) -> bool:
    """Whether the manifest says how often an entry was handed over, so that one more is no new data."""
    return bool(entry.times)


def _is_done(send: Send) -> bool:
    outcome = send.event.outcome
    return send.got_through and outcome is not None and outcome.effect is Effect.ALL and not send.named
