"""Whether every point handed over is stored, or the application was told."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from faultlab.exchange import Handshake
from faultlab.history import Ended
from faultlab.ledger import Batch, Entry, Ledger, Send, batch_label, is_cut, shown, shown_missing, total
from faultlab.told import Evidence
from faultlab.verdict import Judgement, Level, Verdict, oracle

_ORDER = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)


@oracle(level=Level.MUST, source="InfluxDB Cloud Serverless, write API: statuses that store nothing or a part")
def loses_nothing_silently(ledger: Ledger) -> Iterator[Judgement]:
    """Every point handed over is stored, or the application was told.

    Looks at: each batch written, each of its points; and the manifest's points that were never sent.

    Fails: a point that is certainly not stored, and nothing the client said is about it: no report, no log line about
    the reply to its last attempt, no exit status but 0.

    Considered: a point that some reply called taken is the server's fault, not the client's. What upstream may have
    stored, what a client did that the lab ended, and a run in which nobody recorded what the application heard are
    doubts. A line about an earlier reply of a point is a doubt too: its last reply is what the application needs to
    know. One line tells of one batch; where batches refused alike outnumber the lines about them, the rest are doubts.
    What seems never sent may have been in a request that the lab did not read to its end, or was to follow a handshake
    that it spoilt; a line about that is a doubt.

    To mend: hand every final failure to the application, by an exception, a callback or a log line at level error, and
    flush before the end.
    """
    for batch in ledger.batches.values():
        if batch.entries:
            yield _of_batch(ledger, batch)
    if ledger.unsent:
        yield _of_unsent(ledger)
    if ledger.unnamed is not None:
        told = ledger.account.of_everything()
        sure = told is not None and told.certain
        count = ledger.unnamed.count
        yield Judgement(
            Verdict.PASS if sure else Verdict.INCONCLUSIVE,
            f"{count} of the manifest's lines cannot be told apart from others: no timestamp, or no line protocol",
            points=shown_missing([ledger.unnamed]),
        )


def _of_batch(ledger: Ledger, batch: Batch) -> Judgement:
    groups: dict[tuple[Verdict, str], list[Entry]] = defaultdict(list)
    for entry in batch.entries:
        groups[fate(ledger, entry)].append(entry)
    worst = max(verdict for verdict, _ in groups)
    parts = [
        f"{total(entries)} of {batch.size} {why}"
        for verdict in _ORDER
        for (found, why), entries in groups.items()
        if found is verdict
    ]
    last = ledger.sends[batch.sends[-1]]
    points = shown(entry for (verdict, _), entries in groups.items() if verdict is worst for entry in entries)
    what = f"{batch_label(batch.name)}: {'; '.join(parts)}; last sent by exchange {last.seq} ({_reply(last)})"
    return Judgement(worst, what, last.seq, batch.name, points if worst is not Verdict.PASS else ())


def fate(ledger: Ledger, entry: Entry) -> tuple[Verdict, str]:
    """Give whether an entry was stored or told of, and how that is known, in a phrase."""
    if entry.stored:
        return Verdict.PASS, "stored"
    told = evidence_about(ledger, entry)
    if told is not None and told.certain:
        return Verdict.PASS, f"not stored, and the application was told ({told})"
    doubt = _doubt(ledger, entry, told)
    if doubt:
        return Verdict.INCONCLUSIVE, doubt
    return Verdict.FAIL, "not stored, and the application was not told"


def _doubt(ledger: Ledger, entry: Entry, told: Evidence | None) -> str:
    outcome = ledger.sends[entry.sends[-1]].event.outcome
    if entry.acknowledged:
        return "not stored, although the server said success"
    if entry.doubt:
        return f"not known to be stored: {entry.doubt}"
    if outcome is not None and outcome.ended is Ended.BROKEN:
        return "not stored: the lab failed at the last attempt"
    if doubt := _doubt_of_what(ledger, "not stored", told):
        return doubt
    earlier = (ledger.account.hears_of(ledger.sends[index].reply) for index in entry.sends[:-1])
    heard = next((evidence for evidence in earlier if evidence is not None), None)
    return "" if heard is None else f"not stored, and the application heard of an earlier attempt only ({heard})"


def fate_of_unsent(ledger: Ledger, doubt: str, named: Evidence | None) -> tuple[Verdict, str]:
    """Give whether the application was told of a point that was never sent, and how that is known, in a phrase.

    ``doubt`` says how it may have been sent after all, ``named`` is what was reported of it by name.
    """
    told = named or ledger.account.of_everything() or _of_unread(ledger)
    if told is not None and told.certain:
        return Verdict.PASS, f"never sent, and the application was told ({told})"
    if unsure := _doubt_of_what(ledger, "never sent", told) or doubt:
        return Verdict.INCONCLUSIVE, unsure
    return Verdict.FAIL, "never sent, and the application was not told"


def doubt_of_telling(ledger: Ledger, told: Evidence | None, ended: str) -> str:
    """Say why nobody knows whether the application was told; empty where it was not.

    ``told`` is the evidence there is, which is not certain; ``ended`` says in the caller's words that the lab ended the
    client.
    """
    client = ledger.history.client
    if ledger.account.deaf:
        return "nobody recorded what the application was told"
    if client is not None and client.timed_out:
        return ended
    return "" if told is None else f"the application may have been told ({told})"


def _doubt_of_what(ledger: Ledger, what: str, told: Evidence | None) -> str:
    ended = f"{what} when the lab ended the client"
    doubt = doubt_of_telling(ledger, told, ended)
    return doubt if doubt in {"", ended} else f"{what}, and {doubt}"


def evidence_about(ledger: Ledger, entry: Entry) -> Evidence | None:
    """Give what shows that the application was told of an entry's last attempt; None when nothing does."""
    account, last = ledger.account, ledger.sends[entry.sends[-1]]
    if entry.named is not None:
        return entry.named
    spoken = account.of_reply(last.reply, last.batch) if last.status >= 300 or last.dropped or entry.refused else None
    return spoken or account.of_everything()


def _of_unread(ledger: Ledger) -> Evidence | None:
    """Give what was heard of a request that was not read to its end: what seems never sent may have been in it."""
    for send in ledger.sends:
        if send.dropped and send.event.exchange.is_write and is_cut(send.event):
            heard = ledger.account.of_reply(None, send.batch)
            if heard is not None:
                return heard.doubted()
    if any(isinstance(event.decision.intake, Handshake) for event in ledger.history.events):
        for number, line in enumerate(ledger.history.stderr.splitlines(), 1):
            if _OF_TLS.search(line):
                return Evidence(f"stderr line {number}", line, certain=False)
    return None


_OF_TLS = re.compile(r"certificate|handshake|\b(?:ssl|tls)", re.IGNORECASE)


def _reply(send: Send) -> str:
    return f"told {send.status}" if send.status else "no reply"


def _of_unsent(ledger: Ledger) -> Judgement:
    account = ledger.account
    told = account.of_everything() or _of_unread(ledger)
    open_ = [some for some in ledger.unsent if some.named is None]
    count = total(ledger.unsent)
    what = f"{count} of the manifest's points {'were' if count > 1 else 'was'} never sent"
    if not open_ or (told is not None and told.certain):
        how = told if open_ else ledger.unsent[0].named
        return Judgement(Verdict.PASS, f"{what}, and the application was told ({how})")
    lost = [some for some in open_ if not some.doubt]
    doubt = doubt_of_telling(ledger, told, "the lab ended the client") or ("" if lost else open_[0].doubt)
    if doubt:
        return Judgement(Verdict.INCONCLUSIVE, f"{what}: {doubt}", points=shown_missing(open_))
    sure = total(lost)
    what += "" if sure == count else f", {sure} of them certainly"
    return Judgement(Verdict.FAIL, f"{what}, and the application was not told", points=shown_missing(lost))
