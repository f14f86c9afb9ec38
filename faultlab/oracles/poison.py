"""Whether what is refused for good blocks what is behind it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterator, Sequence
from itertools import accumulate

from faultlab.ledger import Batch, Kind, Ledger, Missing, Send, batch_label, shown_missing, total
from faultlab.verdict import Judgement, Level, Verdict, oracle

DATA = frozenset({400, 413, 422})
"""Statuses that refuse what a body holds, rather than who sends it."""

PATIENCE = 5.0
"""Seconds within which a client may not have come to what is behind."""


@oracle(level=Level.MUST, source="InfluxDB Cloud Serverless, write API: a 400 or 422 is about the lines of one request")
def lets_good_lines_pass_bad_ones(ledger: Ledger) -> Iterator[Judgement]:
    """A batch that is refused for good does not keep the points behind it from being sent.

    Looks at: each batch told 400, 413 or 422 while there were points not sent yet: those sent later, and those of the
    manifest that certainly never were.

    Fails: not one of them was sent after the refusal.

    Considered: without a manifest nobody knows what was behind. A client that stops and says so blocks as well, but the
    application can act, so that is a doubt; and so is one that still sent other batches, or that the lab ended within
    five seconds of the refusal, or at all where time ran faster.

    To mend: drop or set aside what was refused for good, tell of it, and go on with the next batch.
    """
    behind = [some for some in ledger.unsent if not some.doubt]
    begun = _Begun(ledger)
    for batch in ledger.batches.values():
        first = next((send for send in map(ledger.sends.__getitem__, batch.sends) if send.status in DATA), None)
        if first is not None:
            after = begun.since(first.ended)
            if after or behind:
                yield _of_batch(ledger, batch, first, after, behind)


def _of_batch(ledger: Ledger, batch: Batch, first: Send, after: int, behind: Sequence[Missing]) -> Judgement:
    what = f"{batch_label(batch.name)} was told {first.status} by exchange {first.seq}: "
    if after:
        what += f"{after} point{'s were' if after > 1 else ' was'} sent for the first time after it"
        return Judgement(Verdict.PASS, what, first.seq, batch.name)
    count = total(behind)
    what += f"none of {count} point{'s' if count > 1 else ''} behind it was sent"
    doubt = _doubt(ledger, batch, first, behind)
    what += f", {doubt}" if doubt else ""
    return Judgement(
        Verdict.INCONCLUSIVE if doubt else Verdict.FAIL, what, first.seq, batch.name, shown_missing(behind)
    )


def _doubt(ledger: Ledger, batch: Batch, first: Send, behind: Sequence[Missing]) -> str:
    account, client = ledger.account, ledger.history.client
    if account.deaf:
        return "and nobody recorded what the application was told"
    told = account.of_everything() or (behind[0].named if all(some.named for some in behind) else None)
    if told is not None:
        return f"and the application {'was' if told.certain else 'may have been'} told ({told})"
    brief = client is not None and client.ended - first.ended <= PATIENCE
    if client is not None and client.timed_out and (brief or not ledger.history.in_true_time):
        return f"but the lab ended the client {client.ended - first.ended:.1f} s later"
    own = frozenset(batch.digests)
    other = next((send for send in _others(ledger, first) if _is_other(send, own)), None)
    return "" if other is None else f"but exchange {other.seq} sent another batch again"


def _others(ledger: Ledger, first: Send) -> Iterator[Send]:
    """Yield what was sent after a refusal of batches that were not refused for good themselves."""
    for send in ledger.sends:
        later = send.event.exchange.is_write and send.event.exchange.at >= first.ended
        if later and not any(ledger.sends[index].status in DATA for index in send.carries.sends):
            yield send


def _is_other(send: Send, own: Container[int]) -> bool:
    """Whether a send of another batch carries anything that is not among the digests of one's own."""
    batch = send.carries
    if batch.kinds.translate(None, bytes((Kind.TIMED, Kind.FOREIGN))):
        return True  # A line without a timestamp is known by its batch.
    return not all(digest in own for digest in batch.digests)


class _Begun:
    """When points were sent for the first time."""

    def __init__(self, ledger: Ledger) -> None:
        firsts = sorted((ledger.sends[entry.sends[0]].event.exchange.at, entry.count) for entry in ledger.entries())
        self._at = [at for at, _ in firsts]
        self._before = [0, *accumulate(count for _, count in firsts)]

    def since(self, moment: float) -> int:
        """Count the points first sent at a moment or after it."""
        return self._before[-1] - self._before[bisect_left(self._at, moment)]
