"""Every Retry-After a client can meet, with what RFC 9110 section 10.2.3 makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate

from hypothesis import strategies as st

from faultlab.faults.retry_after import GARBAGE, HUGE

LAST_DATE = 253_402_300_799
"""31 December 9999, 23:59:59 UTC: the last moment an HTTP-date can name, in seconds since 1970."""

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """The values of the header, one a header line, and their meaning.

    ``seconds`` is the delay asked for or, where ``date`` is true, the moment named, in seconds since 1970; None where
    the header means nothing.
    """

    values: tuple[str, ...]
    seconds: int | None
    date: bool


def retry_after_values(*, legal: bool = True, hostile: bool = True) -> st.SearchStrategy[RetryAfter]:
    """Retry-After in every form the RFC allows (``legal``), and in those that hurt (``hostile``).

    Hostile are forms that mean nothing, and meanings no client should act on: a delay of ages. Raises ValueError when
    neither is wanted. Shrinks towards a delay of 0 seconds, or towards -1 where only hostile ones are wanted.
    """
    if not (legal or hostile):
        raise ValueError("legal and hostile are both False; expected at least one to be True")
    return st.one_of(*(_legal() if legal else ()), *(_hostile() if hostile else ()))


def _legal() -> tuple[st.SearchStrategy[RetryAfter], ...]:
    waits = st.integers(0, 3600)
    moments = st.integers(0, LAST_DATE)
    return (
        waits.map(lambda wait: RetryAfter((str(wait),), wait, date=False)),
        waits.map(lambda wait: RetryAfter((f"00{wait}",), wait, date=False)),
        waits.map(lambda wait: RetryAfter((f" {wait}\t",), wait, date=False)),
        moments.map(lambda moment: RetryAfter((formatdate(moment, usegmt=True),), moment, date=True)),
        # RFC 850 dates have two digits for the year; a reader takes the nearest one, so only near years mean one thing.
        st.integers(1_767_225_600, 2_145_916_800).map(lambda at: RetryAfter((_rfc850(at),), at, date=True)),
        moments.map(lambda moment: RetryAfter((_asctime(moment),), moment, date=True)),
    )


def _hostile() -> tuple[st.SearchStrategy[RetryAfter], ...]:
    waits = st.integers(1, 3600)
    return (
        waits.map(lambda wait: RetryAfter((str(-wait),), None, date=False)),
        st.builds(lambda whole, rest: RetryAfter((f"{whole}.{rest}",), None, date=False), waits, st.integers(0, 9)),
        st.sampled_from(("", " ", *GARBAGE)).map(lambda text: RetryAfter((text,), None, date=False)),
        waits.map(lambda wait: RetryAfter((str(wait), str(wait + 1)), None, date=False)),
        st.integers(HUGE, HUGE**3).map(lambda wait: RetryAfter((str(wait),), wait, date=False)),
    )


def _rfc850(at: int) -> str:
    when = datetime.fromtimestamp(at, UTC)
    return f"{_DAYS[when.weekday()]}, {when:%d}-{_MONTHS[when.month - 1]}-{when:%y %H:%M:%S} GMT"


def _asctime(at: int) -> str:
    when = datetime.fromtimestamp(at, UTC)
    return f"{_DAYS[when.weekday()][:3]} {_MONTHS[when.month - 1]} {when.day:2} {when:%H:%M:%S} {when.year:04}"
