"""Whether a resend that may be a second storage can be told to be one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from faultlab.ledger import Entry, Ledger, Send, shown
from faultlab.verdict import Judgement, Level, Verdict, oracle

type Reading = Hashable
"""A point without its time and database: measurement, tags and fields."""


@oracle(
    level=Level.MUST, source="InfluxDB OSS v2, write best practices: points with the same series and timestamp are one"
)
def repeats_only_idempotently(ledger: Ledger) -> Iterator[Judgement]:
    """What is sent again after an outcome the client cannot know carries the timestamps it had.

    Looks at: each write that ended in a dropped connection or a 5xx, and whose points were sent again.

    Fails: the points were sent again without their timestamps, or with others, and the manifest has no such points; or
    a body without timestamps was sent again although the first had been stored.

    Considered: without a manifest, or where it has several points that differ in time only, the second may be new data.
    A body without timestamps that was not stored the first time did no harm this time: that is a doubt, as is a body
    nobody could read. Lines that are no points are stored by nobody.

    To mend: give each point its timestamp before the first attempt, and send the same bytes again.
    """
    others, handed = _others(ledger), _handed(ledger)
    for send in ledger.sends:
        if send.dropped or send.status >= 500:
            found = _of_send(ledger, send, others, handed)
            if found is not None:
                yield found


def _others(ledger: Ledger) -> Mapping[Reading, Sequence[Entry]]:
    """Give the entries that nobody handed over as they are; without a manifest those that lack a timestamp."""
    found: dict[Reading, list[Entry]] = defaultdict(list)
    for entry in ledger.entries.values():
        reading = _reading(entry.loose)
        if reading is not None and not (entry.timed if ledger.handed is None else entry.handed_over):
            found[reading].append(entry)
    return found


def _handed(ledger: Ledger) -> Mapping[Reading | None, int] | None:
    """Give how many points of each reading the manifest has; None where there is no manifest."""
    if ledger.handed is None:
        return None
    found: Counter[Reading | None] = Counter()
    for loose, count in ledger.handed.items():
        found[_reading(loose)] += count
    return found


def _reading(loose: Any) -> Reading | None:
    return (loose[0], loose[1], loose[3]) if isinstance(loose, tuple) and len(loose) == 4 else None


def _of_send(
    ledger: Ledger, send: Send, others: Mapping[Reading, Sequence[Entry]], handed: Mapping[Reading | None, int] | None
) -> Judgement | None:
    how = f"told {send.status}" if send.status else "left without a whole reply"
    what = f"{send.label} was {how}: "
    changed = _changed(ledger, send, others, handed)
    if changed is not None:
        entry, later = changed
        how = "with another timestamp" if entry.timed else "without timestamps"
        what += f"sent again {how} by exchange {later.seq}"
        what += "" if handed is not None else "; it may be new data"
        verdict = Verdict.FAIL if handed is not None else Verdict.INCONCLUSIVE
        return Judgement(verdict, what, send.seq, send.batch, (entry.shown,))
    again = ledger.next_send(send)
    points = [row for row in send.carries if _reading(row.loose) is not None]
    doubt = next((row.doubt for row in send.carries if row.doubt), "")
    if again is None or not (points or doubt):
        return None
    what += f"sent again by exchange {again.seq}"
    if doubt:
        return Judgement(Verdict.INCONCLUSIVE, f"{what}, but {doubt}", send.seq, send.batch)
    carried = {row.loose for row in again.carries}
    untimed = [row for row in points if not row.timed and row.loose in carried]
    if not untimed:
        return Judgement(Verdict.PASS, f"{what} with the same timestamps", send.seq, send.batch)
    what += " without timestamps, "
    sure = handed is not None and all(handed[_reading(row.loose)] == 1 for row in untimed)
    if sure and any(send.copies(row.line) for row in untimed):
        return Judgement(Verdict.FAIL, f"{what}after it was stored", send.seq, send.batch, shown(untimed))
    what += "which is safe only if it was not stored, or is new data"
    return Judgement(Verdict.INCONCLUSIVE, what, send.seq, send.batch, shown(untimed))


def _changed(
    ledger: Ledger, send: Send, others: Mapping[Reading, Sequence[Entry]], handed: Mapping[Reading | None, int] | None
) -> tuple[Entry, Send] | None:
    """Give a point that one of a send was turned into, and the send that first carried it; None if there is none."""
    for row in send.carries:
        reading = _reading(row.loose)
        # One that was not handed over with this timestamp is known only where the manifest has no other like it.
        if handed is not None and not (row.timed and row.loose in (ledger.handed or ())) and handed[reading] != 1:
            continue
        for entry in others.get(reading, ()):
            again = ledger.sends[entry.sends[0]]
            if entry.loose != row.loose and _follows(again, send):
                return entry, again
    return None


def _follows(again: Send, send: Send) -> bool:
    return again.index > send.index and again.event.exchange.at >= send.ended
