"""Whether permanent failures are left alone."""

from __future__ import annotations

from collections.abc import Iterator

from faultlab.exchange import SECRET_PARAMETERS, header
from faultlab.history import Event
from faultlab.ledger import Ledger, Send
from faultlab.verdict import Judgement, Level, Verdict, oracle

PERMANENT = frozenset({400, 401, 403, 404, 405, 413, 422, 501})
CREDENTIAL = frozenset({401, 403})


@oracle(level=Level.MUST, source="InfluxDB Cloud Dedicated, troubleshoot writes; RFC 9110, section 15.5")
def leaves_permanent_failures_alone(ledger: Ledger) -> Iterator[Judgement]:
    """A write refused by 400, 401, 403, 404, 405, 413, 422 or 501 is not sent again unchanged.

    Looks at: each write that was refused so, and whether the same bytes went to the same target again.

    Fails: they did.

    Considered: another encoding is a change, and after 401 and 403 so are other credentials. A send that was under way
    when the reply left was not made in its knowledge. A body without timestamps may be new data that happens to be
    equal, so its repetition is a doubt.

    To mend: retry by a list of statuses that may pass (429, 500, 502, 503, 504), not by a list of those that may not.
    """
    for send in ledger.sends:
        if send.status in PERMANENT and send.event.exchange.is_write and not send.cut:
            yield _of_send(ledger, send)


def _of_send(ledger: Ledger, send: Send) -> Judgement:
    again = next((other for other in ledger.repeats(send) if _unchanged(send, other)), None)
    what = f"{send.label} was told {send.status}, "
    if again is None:
        return Judgement(Verdict.PASS, f"{what}not sent again unchanged", send.seq, send.batch)
    waited = again.event.exchange.at - send.ended
    what += f"sent again unchanged by exchange {again.seq} {waited:.2f} s later"
    if send.carries.timed:
        return Judgement(Verdict.FAIL, what, send.seq, send.batch, send.carries.shown)
    what += "; without timestamps it may be new data"
    return Judgement(Verdict.INCONCLUSIVE, what, send.seq, send.batch, send.carries.shown)


def _unchanged(send: Send, again: Send) -> bool:
    if send.event.encoding != again.event.encoding:
        return False
    return send.status not in CREDENTIAL or _credentials(send.event) == _credentials(again.event)


def _credentials(event: Event) -> tuple[str | None, ...]:
    """Give what a request was authorized by; histories keep tags that tell two secrets apart."""
    exchange = event.exchange
    secrets = (value for name, value in exchange.query if name in SECRET_PARAMETERS)
    return (header(exchange.headers, "Authorization"), exchange.parameter("u"), *secrets)
