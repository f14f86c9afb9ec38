"""Whether a client survives what no document allows in a Retry-After."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from faultlab.exchange import Answer
from faultlab.ledger import Entry, Ledger, Send, shown
from faultlab.oracles.loss import fate
from faultlab.oracles.waiting import LONGEST, seconds, waits_named
from faultlab.told import Evidence, crashes, speaks_of
from faultlab.verdict import Judgement, Level, Verdict, oracle

QUOTED = 40

PATIENCE = 5.0
"""Seconds of silence that show nothing yet: a client may have chosen a delay of its own that long."""

_TRACEBACK = "Traceback (most recent call last):"
_CAUSE = "The above exception was the direct cause of the following exception:"


@oracle(
    level=Level.MUST, source="RFC 9110, sections 5.6.7 and 10.2.3; RFC 9110, section 5.3 (a field that stands twice)"
)
def survives_any_retry_after(ledger: Ledger) -> Iterator[Judgement]:
    """A write refused with a strange Retry-After is sent again or told of, and the client lives on.

    Looks at: each write refused with a Retry-After that is zero, negative, a fraction, empty, garbage, repeated, a date
    in the past, or longer than a day.

    Fails: the client crashed on it; it sent nothing more until the lab ended it; or the points are gone and the
    application was not told.

    Considered: how long the client waits is its own choice, as long as it goes on; one that the lab ended within five
    seconds of the reply may have been about to, so that is a doubt, and so is any that it ended where time ran faster.
    An uncaught exception that speaks of the refusal, or was raised from one that does, is a way of telling; one that
    happened while a refusal was handled is a crash.

    To mend: read digits or an HTTP-date, take anything else for no header at all, and bound the wait.
    """
    epoch = ledger.history.run.get("epoch")
    last = max((send.event.exchange.at for send in ledger.sends), default=0.0)
    for send in ledger.sends:
        if send.reply is None or send.status < 300 or not send.carries.lines:
            continue
        strange = strangeness(send.reply, None if epoch is None else epoch + send.ended)
        if strange:
            yield _of_send(ledger, send, strange, final=last < send.ended)


def strangeness(reply: Answer, now: float | None) -> str:
    """Say what is strange about a reply's Retry-After; empty when it has none, or one to be obeyed."""
    given = waits_named(reply)
    if not given:
        return ""
    if len(given) > 1:
        return f"{len(given)} Retry-After headers"
    text = given[0] if len(given[0]) <= QUOTED else f"{given[0][: QUOTED - 1]}…"
    wait = seconds(reply, now)
    if wait is None and seconds(reply, 0.0) is not None:
        return ""  # A date, and no clock that says how far away it was.
    return "" if wait is not None and 0 < wait <= LONGEST else f"'Retry-After: {text}'"


def _of_send(ledger: Ledger, send: Send, strange: str, *, final: bool) -> Judgement:
    what = f"{send.label} was told {send.status} with {strange}: "
    again = ledger.next_send(send)
    if again is not None:
        what += f"sent again by exchange {again.seq} {again.event.exchange.at - send.ended:.2f} s later"
        return Judgement(Verdict.PASS, what, send.seq, send.batch)
    verdict, why, about = _unanswered(ledger, send, send.carries.entries, final=final)
    points = () if verdict is Verdict.PASS else shown(about)
    return Judgement(verdict, what + why, send.seq, send.batch, points)


def _unanswered(
    ledger: Ledger, send: Send, entries: Sequence[Entry], *, final: bool
) -> tuple[Verdict, str, Sequence[Entry]]:
    """Judge a batch that was not sent again; ``final`` says that nothing else was sent after it either."""
    client = ledger.history.client
    if final and client is not None and client.signal and not client.timed_out:
        return Verdict.FAIL, f"the client was ended by signal {client.signal}, and sent nothing more", entries
    if final and client is not None and client.status and not client.timed_out:
        last = _last_crash(ledger.history.stderr)
        if last and not any(speaks_of(crash.text, send.reply) for crash in last):
            return Verdict.FAIL, f"the client crashed ({last[-1]})", entries
    fates = [(*fate(ledger, entry), entry) for entry in entries]
    worst, why = max(((verdict, why) for verdict, why, _ in fates), default=(Verdict.INCONCLUSIVE, "no point is known"))
    if worst is not Verdict.PASS and final and client is not None and client.timed_out:
        waited = client.ended - send.ended
        sure = waited > PATIENCE and ledger.history.in_true_time
        verdict = Verdict.FAIL if sure else Verdict.INCONCLUSIVE
        return verdict, f"the client sent nothing more in {waited:.1f} s, until the lab ended it", entries
    return worst, why, [entry for verdict, _, entry in fates if verdict is worst]


def _last_crash(stderr: str) -> list[Evidence]:
    """Give the last crash that was printed, after those that it names as its direct cause."""
    count = 1
    for before in reversed(stderr.split(_TRACEBACK)[1:-1]):
        if not before.rstrip().endswith(_CAUSE):
            break
        count += 1
    return list(crashes(stderr))[-count:]
