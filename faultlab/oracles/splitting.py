"""Whether a batch that is too large is split, or told of."""

from __future__ import annotations

import math
from collections.abc import Iterator

from faultlab.ledger import Entry, Ledger, Send, shown, total
from faultlab.oracles.loss import fate
from faultlab.verdict import Judgement, Level, Verdict, oracle

TOO_LARGE = 413


@oracle(level=Level.SHOULD, source="InfluxDB Cloud Serverless, write API, status 413; RFC 9110, section 15.5.14")
def splits_oversized_batches(ledger: Ledger) -> Iterator[Judgement]:
    """The points of a batch refused by 413 are sent again in smaller bodies, or the application is told.

    Looks at: each write of two lines or more that was told 413.

    Fails: some of its points went into no smaller body, and nobody was told; sending the same again is no answer.

    Considered: a batch of one line cannot be split. A body is smaller when it has fewer bytes after decompression; an
    upload that was cut counts as the whole body that followed, and where none did, as more than was seen.

    To mend: halve the batch and send both halves, down to single lines; tell of a line that is refused by itself.
    """
    for send in ledger.sends:
        if send.status == TOO_LARGE and send.carries.lines > 1:
            yield _of_send(ledger, send)


def _of_send(ledger: Ledger, send: Send) -> Judgement:
    entries = send.carries.entries
    size = _size(ledger, send)
    smaller = [_smaller(ledger, entry, send, size) for entry in entries]
    rest = [entry for entry, index in zip(entries, smaller, strict=True) if index is None]
    count = f"{size} bytes" if math.isfinite(size) else "more bytes than were seen"
    what = f"{send.label}, {send.carries.lines} lines and {count}, was told {send.status}: "
    if not rest:
        bodies = len(set(smaller))
        what += f"sent again in {bodies} smaller bod{'ies' if bodies > 1 else 'y'}"
        return Judgement(Verdict.PASS, what, send.seq, send.batch)
    what += f"{total(rest)} of {send.carries.size} points went into no smaller body, "
    same = [entry for entry in rest if _is_stored_later(ledger, entry, send)]
    if same:
        # Who sends the same again is served only where the refusal was an injected one.
        what += f"and {'' if len(same) == len(rest) else f'{total(same)} of them '}were sent again as they were"
        return Judgement(Verdict.FAIL, what, send.seq, send.batch, shown(same))
    fates = [(*fate(ledger, entry), entry) for entry in rest]
    worst, why = max((verdict, why) for verdict, why, _ in fates)
    about = [entry for verdict, _, entry in fates if verdict is worst]
    return Judgement(worst, what + why, send.seq, send.batch, shown(about) if worst is not Verdict.PASS else ())


def _size(ledger: Ledger, send: Send) -> float:
    """Give the bytes of a body; infinite for one that was cut and never seen whole."""
    seen = (ledger.sends[index] for index in send.carries.sends)
    whole = next((other for other in seen if not other.cut), None)
    return math.inf if whole is None else len(whole.event.exchange.body.data)


def _is_stored_later(ledger: Ledger, entry: Entry, send: Send) -> bool:
    again = ledger.next_of(entry, send)
    return again is not None and entry.stored_by is not None and entry.stored_by >= again.index


def _smaller(ledger: Ledger, entry: Entry, send: Send, size: float) -> int | None:
    """Give the index of the first later send that carries an entry in fewer bytes; None if there is none."""
    for index in entry.sends:
        other = ledger.sends[index]
        if index > send.index and other.event.exchange.at >= send.ended and _size(ledger, other) < size:
            return index
    return None
