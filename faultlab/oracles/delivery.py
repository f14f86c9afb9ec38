"""Whether points arrive once transient failures have stopped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from faultlab.ledger import Batch, Entry, Ledger, Send, batch_label, shown, total
from faultlab.oracles.waiting import wait_told
from faultlab.verdict import Judgement, Level, Verdict, oracle

TRANSIENT = frozenset({429, 500, 502, 503, 504})


@oracle(level=Level.MUST, source="InfluxDB documentation, troubleshoot writes: 429 and 503 are to be retried")
def delivers_through_transient_failures(ledger: Ledger) -> Iterator[Judgement]:
    """Points refused by 429, 500, 502, 503, 504 or an ended connection arrive once that stops.

    Looks at: each batch that met such a failure, and what became of its points afterwards.

    Fails: points that were never sent again, or that were given up although later ones got through.

    Considered: points that came through in another body arrived; points that upstream refuses by itself, or that were
    refused for good later, need not. A client that was refused at every attempt while nothing else got through either
    has not seen the failure stop, and one that the lab ended while it still had to wait could not go on: both are
    doubts, as is what upstream may have stored. Any other pause until the deadline is the client's own, unless time ran
    faster: some wait may not have.

    To mend: keep a batch until it is stored or refused for good, and try again for minutes rather than seconds.
    """
    through = max(
        (s.event.exchange.at for s in ledger.sends if s.event.exchange.is_write and s.got_through), default=-1.0
    )
    for batch in ledger.batches.values():
        first = next((ledger.sends[index] for index in batch.sends if is_transient(ledger.sends[index])), None)
        if first is not None and batch.entries:
            yield _of_batch(ledger, batch, first, through)


def is_transient(send: Send) -> bool:
    """Whether a send failed in a way that may pass: a transient status, or no whole reply."""
    return send.status in TRANSIENT or send.dropped


def _of_batch(ledger: Ledger, batch: Batch, first: Send, through: float) -> Judgement:
    groups: dict[tuple[Verdict, str], list[Entry]] = defaultdict(list)
    for entry in batch.entries:
        if not entry.stored and not entry.refused:
            groups[_of_entry(ledger, entry, through)].append(entry)
    how = f"told {first.status} by" if first.status else "left without a whole reply by"
    why = f"first {how} exchange {first.seq}"
    what = f"{batch_label(batch.name)}:"
    if not groups:
        attempts = len(batch.sends)
        return Judgement(
            Verdict.PASS,
            f"{what} arrived ({attempts} attempt{'s' if attempts > 1 else ''}), {why}",
            first.seq,
            batch.name,
        )
    worst = max(verdict for verdict, _ in groups)
    parts = [
        f"{total(entries)} of {batch.size} points {why}"
        for (_, why), entries in sorted(groups.items(), key=lambda item: -item[0][0])
    ]
    points = shown(entry for (verdict, _), entries in groups.items() if verdict is worst for entry in entries)
    return Judgement(
        worst, f"{what} {'; '.join(parts)}; {why}", first.seq, batch.name, points if worst is not Verdict.PASS else ()
    )


def _of_entry(ledger: Ledger, entry: Entry, through: float) -> tuple[Verdict, str]:
    last = ledger.sends[entry.sends[-1]]
    client = ledger.history.client
    if entry.acknowledged:
        return Verdict.INCONCLUSIVE, "are not stored although the server said success"
    if entry.doubt:
        return Verdict.INCONCLUSIVE, f"are not known to be stored: {entry.doubt}"
    if not is_transient(last):
        if last.status >= 300:
            return Verdict.PASS, f"were refused for good by exchange {last.seq} ({last.status})"
        return Verdict.INCONCLUSIVE, f"are not stored, and exchange {last.seq} does not say why"
    wait = wait_told(last, ledger.history.run.get("epoch"))
    if client is not None and client.timed_out and wait is not None and last.ended + wait > client.ended:
        return (
            Verdict.INCONCLUSIVE,
            f"still had to wait when the lab ended the client ({wait:.2f} s told by exchange {last.seq})",
        )
    if len(entry.sends) == 1:
        if client is None or not client.timed_out:
            return Verdict.FAIL, "were never sent again"
        sure = ledger.history.in_true_time
        return Verdict.FAIL if sure else Verdict.INCONCLUSIVE, "were not sent again until the lab ended the client"
    if through > last.ended:
        gave_up = f"were given up after {len(entry.sends)} attempts, the last in exchange {last.seq}"
        return Verdict.FAIL, f"{gave_up}, although later ones got through"
    return (
        Verdict.INCONCLUSIVE,
        f"were refused at all {len(entry.sends)} attempts and nothing got through after the last",
    )
