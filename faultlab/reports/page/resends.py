"""What a client did after each write that was refused or dropped: how long it waited, and how long it was told to."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from faultlab.exchange import phrase
from faultlab.ledger import Ledger, Send
from faultlab.oracles.waiting import LONGEST, SLACK, wait_told

GROUPS = 40
"""How many groups a page shows."""

PER_DECADE = 4
EDGES = tuple(10 ** (step / PER_DECADE) for step in range(-2 * PER_DECADE, 4 * PER_DECADE + 1))
"""Bounds of the histogram's bars in seconds, from 10 ms to 10,000 s; what lies beyond is in the first or last bar."""


@dataclass(frozen=True, slots=True)
class Resend:
    """A write that was refused or dropped, what sent it again, if anything did, and how long it was told to wait."""

    send: Send
    again: Send | None
    told: float | None

    @property
    def delay(self) -> float | None:
        """Seconds from the reply's leaving, or the connection's end, to the next send; None without one."""
        return None if self.again is None else self.again.event.exchange.at - self.send.ended

    @property
    def why(self) -> str:
        """The status the client was told, or that it was told none, and the fault behind it."""
        status = self.send.status
        told = f"{status} {phrase(status)}".rstrip() if status else "no whole reply"
        fault = self.send.event.decision.fault
        return f"{told}, fault {fault}" if fault else told


def resends(ledger: Ledger) -> Iterator[Resend]:
    """Yield each write that was refused or dropped, in order."""
    epoch = ledger.history.run.get("epoch")
    for send in ledger.sends:
        if send.event.exchange.is_write and (send.dropped or send.status >= 300):
            told = wait_told(send, epoch)
            binds = told is not None and 0 < told <= LONGEST
            yield Resend(send, ledger.next_send(send), told if binds else None)


@dataclass(slots=True)
class Group:
    """The delays after refusals of one kind. ``told`` are the waits, ``early`` counts resends before such a wait."""

    why: str
    refused: int = 0
    early: int = 0
    delays: array[float] = field(default_factory=lambda: array("d"))
    told: array[float] = field(default_factory=lambda: array("d"))

    def take(self, one: Resend) -> None:
        """Count one more."""
        self.refused += 1
        if one.told is not None:
            self.told.append(one.told)
        if one.delay is not None:
            self.delays.append(one.delay)
            self.early += one.told is not None and one.told - one.delay > SLACK

    @property
    def quantiles(self) -> tuple[float, float, float, float] | None:
        """The least, the median, nine tenths and the most of the delays; None where there are none."""
        if not self.delays:
            return None
        ranked = sorted(self.delays)
        return ranked[0], median(ranked), ranked[math.ceil(0.9 * len(ranked)) - 1], ranked[-1]

    @property
    def middle_told(self) -> float | None:
        """The median of the waits told; None where there are none."""
        return median(self.told) if self.told else None

    @property
    def told_place(self) -> float | None:
        """Where that median stands in the histogram, in bars from the left; None where there is none."""
        told = self.middle_told
        if told is None:
            return None
        return min(max(PER_DECADE * (math.log10(told) + 2), 0.0), float(len(EDGES) - 1))

    @property
    def bars(self) -> Sequence[int]:
        """How many delays fall between each two of ``EDGES``."""
        counts = [0] * (len(EDGES) - 1)
        for delay in self.delays:
            counts[min(max(bisect_right(EDGES, delay) - 1, 0), len(counts) - 1)] += 1
        return counts

    @property
    def in_words(self) -> str:
        """The histogram as a sentence."""
        spans = zip(self.bars, pairwise(EDGES), strict=True)
        return "; ".join(f"{count} of {span(low)} to {span(high)}" for count, (low, high) in spans if count)


def groups(some: Sequence[Resend]) -> tuple[Group, ...]:
    """Give them by what the client was told and by fault, the most frequent first."""
    found: dict[str, Group] = {}
    for one in some:
        found.setdefault(one.why, Group(one.why)).take(one)
    return tuple(sorted(found.values(), key=lambda group: -group.refused))


def span(seconds: float | None) -> str:
    """Give a time with its unit, in three figures; a dash for none."""
    if seconds is None:
        return "–"
    if abs(seconds) < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:,.0f} s"
