"""Whether the client waits as long as it is told, and what it was told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from faultlab.exchange import Answer
from faultlab.ledger import Ledger, Send
from faultlab.verdict import Judgement, Level, Verdict, oracle

SLACK = 0.05
"""Seconds by which a resend may come early: a proxy's clock and a client's differ by less."""

LONGEST = 86_400.0
"""Seconds above which a wait binds nobody; whether a client survives such a value is another question."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_DAY_IN_FULL = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_DATES = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"{_DAY}, (?P<day>\d\d) {_MONTH} (?P<year>\d\d\d\d) {_TIME} GMT",
        rf"{_DAY_IN_FULL}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} GMT",
        rf"{_DAY} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d\d\d\d)",
    )
)


@oracle(level=Level.MUST, source="RFC 9110, section 10.2.3; InfluxDB Cloud Serverless, write API, statuses 429 and 503")
def waits_as_told(ledger: Ledger) -> Iterator[Judgement]:
    """A batch refused with a valid Retry-After is not sent again before that delay.

    Looks at: each attempt refused with a valid Retry-After, in seconds or as a date, and followed by another one.

    Fails: the next attempt arrived more than 50 ms before the delay was over, counted from the reply's leaving, and the
    lab never ran so late that this could be its own doing.

    Considered: its points in another body count as the batch; a send that was under way when the reply left does not,
    nor does a value that is invalid, repeated, cut off or longer than a day. A body without timestamps, or a query, may
    be asked anew rather than again, so an early one is a doubt. Never resent is no case of this oracle.

    To mend: read both forms of the header, take seconds for seconds, and let it go before the client's own delay.
    """
    epoch = ledger.history.run.get("epoch")
    for send in ledger.sends:
        told = wait_told(send, epoch)
        again = None if told is None or told > LONGEST else ledger.next_send(send)
        if told is None or again is None:
            continue
        waited = again.event.exchange.at - send.ended
        short, lag = told - waited, ledger.history.lag
        early = short > SLACK
        resent = again.batch != send.batch or send.carries.timed
        sure = resent and short > SLACK + lag
        verdict = Verdict.PASS if not early else Verdict.FAIL if sure else Verdict.INCONCLUSIVE
        what = f"{send.label}: sent again {f'{short:.2f} s early ' if early else ''}by exchange {again.seq}"
        what += f", told {send.status} and to wait {told:.2f} s, waited {waited:.2f} s"
        what += "; without timestamps it may be new data" if early and not resent else ""
        what += f"; the lab ran up to {lag:.2f} s late" if SLACK < short <= SLACK + lag else ""
        yield Judgement(verdict, what, send.seq, send.batch, send.carries.shown if early else ())


def wait_told(send: Send, epoch: float | None) -> float | None:
    """Give the seconds from the reply's leaving that a valid Retry-After asks for; None where there is none.

    A date in the past gives a negative number. ``epoch`` is the wall clock's seconds when the run began; without it a
    date says nothing.
    """
    if send.reply is None or send.status < 300:
        return None
    return seconds(send.reply, None if epoch is None else epoch + send.ended)


def waits_named(reply: Answer) -> list[str]:
    """Give the value of each Retry-After of a reply as it stands there, in order."""
    return [value for name, value in reply.headers if name.lower() == "retry-after"]


def seconds(reply: Answer, now: float | None) -> float | None:
    """Read the one Retry-After of a reply, relative to ``now`` in seconds since 1970; None when it is not valid.

    Raises nothing, however long or strange the value. Source: RFC 9110, sections 5.6.7 and 10.2.3.
    """
    given = waits_named(reply)
    if len(given) != 1:
        return None
    text = given[0].strip(" \t")
    if text.isascii() and text.isdigit():
        return float(text)
    when = None if now is None else _date(text, now)
    return None if when is None or now is None else when - now


def _date(text: str, now: float) -> float | None:
    found = next((match for form in _DATES if (match := form.fullmatch(text))), None)
    if found is None:
        return None
    year = int(found["year"])
    if len(found["year"]) == 2:
        # RFC 9110: a two-digit year that seems more than 50 years ahead is in the past.
        this = datetime.fromtimestamp(now, UTC).year
        year += this - this % 100
        year -= 100 if year > this + 50 else 0
    clock = (int(found["hour"]), int(found["minute"]), min(int(found["second"]), 59))
    leap = int(found["second"]) == 60
    try:
        when = datetime(year, _MONTHS.index(found["month"]) + 1, int(found["day"]), *clock, tzinfo=UTC)
    except ValueError:
        return None
    return None if int(found["second"]) > 60 else when.timestamp() + leap
