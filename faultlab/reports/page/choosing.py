"""Which exchanges of a run go on its page, where it has more than a page takes."""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterator, Sequence

from faultlab.exchange import AtOnce, Decision, Everything, Upstream, Whole
from faultlab.record import Ended, Event

MOST = 10_000
"""How many exchanges a page has at most."""

_NAMED, _DEVIATES, _ITS_BATCH, _REST = range(4)


def choose(events: Sequence[Event], named: Container[int], most: int = MOST) -> tuple[Event, ...]:
    """Give at most so many exchanges, in order.

    First are those that are ``named``, then those that deviate, then what else carried a batch that deviates, then the
    rest; of each kind the earliest.
    """
    if len(events) <= most:
        return tuple(events)
    ranks = bytearray(_ranks(events, named))
    batches = {event.batch for event, rank in zip(events, ranks, strict=True) if rank <= _DEVIATES}
    for place, event in enumerate(events):
        if ranks[place] == _REST and event.batch in batches:
            ranks[place] = _ITS_BATCH
    kept = heapq.nsmallest(most, range(len(events)), key=lambda place: (ranks[place], place))
    return tuple(events[place] for place in sorted(kept))


def _ranks(events: Sequence[Event], named: Container[int]) -> Iterator[int]:
    for event in events:
        yield _NAMED if event.exchange.seq in named else _DEVIATES if deviates(event) else _REST


def deviates(event: Event) -> bool:
    """Whether something was done to an exchange, or it did not end with a 2xx."""
    outcome = event.outcome
    told = None if outcome is None or outcome.ended is not Ended.REPLIED else outcome.told
    return bool(event.decision.fault) or told is None or not 200 <= told.status < 300 or altered(event.decision)


def altered(decision: Decision) -> bool:
    """Whether a decision does anything but pass the exchange on."""
    choices = (decision.intake, decision.deliver, decision.reply, decision.ending)
    return any(not isinstance(one, plain) for one, plain in zip(choices, _PLAIN, strict=True))


_PLAIN = (Whole, Everything, Upstream, AtOnce)
