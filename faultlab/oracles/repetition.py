"""Whether a resend that may be a second storage can be told to be one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence

from faultlab.ledger import SHOWN, Batch, Entry, Kind, Ledger, Roll, Row, Send, digest_of, reading_of
from faultlab.verdict import Judgement, Level, Verdict, oracle

type Reading = Hashable
"""A point without its time and database: measurement, tags and fields."""

type Other = tuple[Row, Entry]
"""A point that may be another one changed, and what is known of it."""


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
    others = _others(ledger)
    for send in ledger.sends:
        if _is_unknown(send):
            found = _of_send(ledger, send, others)
            if found is not None:
                yield found


def _is_unknown(send: Send) -> bool:
    """Whether a client cannot know what became of a send."""
    return send.dropped or send.status >= 500


def _others(ledger: Ledger) -> Mapping[Reading, Sequence[Other]]:
    """Give the points that nobody handed over as they are, if any send may have been turned into them.

    Without a manifest those are the points that lack a timestamp, and only one that had one can have been turned into
    them.
    """
    batches = [batch for batch in ledger.batches.values() if any(_is_other(ledger, entry) for entry in batch.entries)]
    if not batches:
        return {}
    failed = {send.carries.name: send.carries for send in ledger.sends if _is_unknown(send)}
    readings = Roll(
        digest_of(reading)
        for batch in failed.values()
        if ledger.handed is not None or batch.timed
        for row in batch.rows()
        if (reading := _reading(row)) is not None
    )
    found: dict[Reading, list[Other]] = defaultdict(list)
    for batch in batches:
        for row, entry in ledger.points_of(batch):
            if entry.begins_here and _is_other(ledger, entry):
                reading = _reading(row)
                if reading is not None and digest_of(reading) in readings:
                    found[reading].append((row, entry))
    return found


def _is_other(ledger: Ledger, entry: Entry) -> bool:
    if entry.kind not in {Kind.TIMED, Kind.UNTIMED}:
        return False
    return not (entry.timed if ledger.handed is None else entry.handed_over)


def _reading(row: Row) -> Reading | None:
    return reading_of(row.loose) if row.kind in {Kind.TIMED, Kind.UNTIMED} else None


def _of_send(ledger: Ledger, send: Send, others: Mapping[Reading, Sequence[Other]]) -> Judgement | None:
    how = f"told {send.status}" if send.status else "left without a whole reply"
    what = f"{send.label} was {how}: "
    changed = _changed(ledger, send, others) if others else None
    if changed is not None:
        row, later = changed
        how = "with another timestamp" if row.kind is Kind.TIMED else "without timestamps"
        what += f"sent again {how} by exchange {later.seq}"
        what += "" if ledger.handed is not None else "; it may be new data"
        verdict = Verdict.FAIL if ledger.handed is not None else Verdict.INCONCLUSIVE
        return Judgement(verdict, what, send.seq, send.batch, (row.shown,))
    again, batch = ledger.next_send(send), send.carries
    if again is None or not (batch.timed or batch.untimed or batch.doubt):
        return None
    what += f"sent again by exchange {again.seq}"
    if batch.doubt:
        return Judgement(Verdict.INCONCLUSIVE, f"{what}, but {batch.doubt}", send.seq, send.batch)
    untimed = _untimed(batch, again.carries) if batch.untimed else []
    if not untimed:
        return Judgement(Verdict.PASS, f"{what} with the same timestamps", send.seq, send.batch)
    what += " without timestamps, "
    points = tuple(row.shown for row in untimed[:SHOWN])
    handed = ledger.handed
    sure = handed is not None and all(handed.alike(row.loose) == 1 for row in untimed)
    if sure and any(send.copies(send.part(row.line)) for row in untimed):
        return Judgement(Verdict.FAIL, f"{what}after it was stored", send.seq, send.batch, points)
    what += "which is safe only if it was not stored, or is new data"
    return Judgement(Verdict.INCONCLUSIVE, what, send.seq, send.batch, points)


def _untimed(batch: Batch, again: Batch) -> list[Row]:
    """Give the points without a timestamp that another batch carries as well, whatever its database."""
    carried = {row.loose for row in again.rows() if row.kind is Kind.UNTIMED}
    return [row for row in batch.rows() if row.kind is Kind.UNTIMED and row.loose in carried]


def _changed(ledger: Ledger, send: Send, others: Mapping[Reading, Sequence[Other]]) -> tuple[Row, Send] | None:
    """Give a point that one of a send was turned into, and the send that first carried it; None if there is none."""
    handed = ledger.handed
    for row in send.carries.rows():
        alike = others.get(_reading(row), ())
        if not alike:
            continue
        as_it_is = handed is None or (row.kind is Kind.TIMED and handed.has_point(digest_of(row.loose)))
        # One that was not handed over with this timestamp is known only where the manifest has no other like it.
        if not as_it_is and handed is not None and handed.alike(row.loose) != 1:
            continue
        for other, entry in alike:
            again = ledger.sends[entry.sends[0]]
            if other.loose != row.loose and _follows(again, send):
                return other, again
    return None


def _follows(again: Send, send: Send) -> bool:
    return again.index > send.index and again.event.exchange.at >= send.ended
