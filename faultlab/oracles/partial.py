"""Whether partial writes reach the application."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from faultlab.exchange import Effect, Lines
from faultlab.history import Ended
from faultlab.ledger import Entry, Ledger, Send, shown, total
from faultlab.oracles.loss import doubt_of_telling, evidence_about
from faultlab.told import Evidence
from faultlab.verdict import Judgement, Level, Verdict, oracle

NAMING = frozenset({201, 400, 422})
"""Statuses with which servers name the lines they refused and keep the others; a 204 has no body to name them in."""


@oracle(level=Level.MUST, source="InfluxDB Cloud Serverless, write API: partial writes, and what replaced their 201")
def reports_partial_writes(ledger: Ledger) -> Iterator[Judgement]:
    """A reply that names refused lines reaches the application, and the lines it took are not sent again.

    Looks at: each 201, 400 or 422 whose body names refused lines while others were stored.

    Fails: nothing that the client said is about it; or lines that were stored are sent again.

    Considered: a reply cut short, without a body or about a batch of which nothing was stored is no case. Refused lines
    that arrived later all the same are not gone. Lines without timestamps are sent again for certain only where a body
    is repeated, and even then may be new data, so that is a doubt, as is a client that the lab ended.

    To mend: read the body of a 201 and of a 400, tell of the lines it names, and drop the batch.
    """
    for send in ledger.sends:
        if names_lines(send):
            yield _of_send(ledger, send)


def names_lines(send: Send) -> bool:
    """Whether a reply told of refused lines while others were stored."""
    outcome = send.event.outcome
    if outcome is None or outcome.ended != Ended.REPLIED or outcome.told is None:
        return False
    partly = outcome.effect is Effect.PART or (
        isinstance(send.event.decision.deliver, Lines) and outcome.effect is Effect.ALL
    )
    return bool(send.named) and partly and outcome.told.status in NAMING and bool(outcome.told.body)


def _of_send(ledger: Ledger, send: Send) -> Judgement:
    refused = [entry for entry in send.carries.entries if any(entry.parts(send))]
    gone = [entry for entry in refused if not entry.stored]
    what = f"{send.label} was told {send.status} and {len(send.named)} refused line{'s' if len(send.named) > 1 else ''}"
    verdict, why = _told(ledger, send, refused, gone)
    points = shown(gone) if verdict is not Verdict.PASS else ()
    again, sure, repeated = _again(ledger, send)
    if again is not None:
        repeats = Verdict.FAIL if sure else Verdict.INCONCLUSIVE
        why += f"; lines it took were sent again by exchange {again.seq}"
        why += "" if sure else ", which without timestamps may be new data"
        points = points or shown(repeated)
        verdict = max(verdict, repeats)
    return Judgement(verdict, f"{what}: {why}", send.seq, send.batch, points)


def _told(ledger: Ledger, send: Send, refused: Sequence[Entry], gone: Sequence[Entry]) -> tuple[Verdict, str]:
    if refused and not gone:
        return Verdict.PASS, "they arrived later"
    account = ledger.account
    untold = [entry for entry in gone if entry.named is None]
    named = gone[0].named if gone and not untold else None
    told: Evidence | None = named or account.of_reply(send.reply, send.batch) or account.of_everything()
    if told is None and untold:
        # The lines may have been resent and refused by another reply, and that one told.
        later = [evidence_about(ledger, entry) for entry in untold]
        told = None if None in later else later[0]
    if told is not None and told.certain:
        return Verdict.PASS, f"the application was told ({told})"
    if doubt := doubt_of_telling(ledger, told, "the application was not told when the lab ended the client"):
        return Verdict.INCONCLUSIVE, doubt
    return Verdict.FAIL, f"{total(gone) or len(send.named)} gone, and the application was not told"


def _again(ledger: Ledger, send: Send) -> tuple[Send | None, bool, list[Entry]]:
    """Give the first send that carries a line this one stored, whether that is certain, and those lines."""
    taken = [entry for entry in send.carries.entries if not all(entry.parts(send))]
    found: Send | None = None
    repeated: list[Entry] = []
    for entry in taken:
        if entry.timed and (again := ledger.next_of(entry, send)) is not None:
            repeated.append(entry)
            found = again if found is None or again.index < found.index else found
    if found is not None:
        return found, True, repeated
    again = next(ledger.repeats(send), None) if taken else None
    return again, False, taken
