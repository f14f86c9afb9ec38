"""What judgements are about: points of which the same is known, of a batch that was sent or of a manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice
from typing import TYPE_CHECKING

from faultlab.history import Event
from faultlab.ledger.rows import Kind, Row, rows_of
from faultlab.ledger.sends import Part, Send
from faultlab.ledger.traces import Trace
from faultlab.told import Evidence

if TYPE_CHECKING:
    from faultlab.ledger.book import Ledger

SHOWN = 20
"""How many points a judgement names; its text has their full count."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Points of one batch of which the same is known, or lines of it that are none; and what became of them.

    ``count`` says how many they are, ``first`` where the first ``SHOWN`` of them stand in the batch. ``times`` is how
    often each was handed over, None where there is no manifest; ``named`` what the application reported of them by
    name. ``doubt`` says why entries that are not known to be stored may be stored all the same; empty when they
    certainly are not.
    """

    batch: Batch
    kind: Kind
    trace: Trace
    times: int | None
    named: Evidence | None
    doubt: str
    count: int
    first: tuple[int, ...]

    @property
    def timed(self) -> bool:
        """Whether they are points with a timestamp, so that the same one in another body is the same point."""
        return self.kind is Kind.TIMED

    @property
    def handed_over(self) -> bool:
        """Whether the manifest has them as they are; true where there is none."""
        return self.times is None or self.times > 0

    @property
    def sends(self) -> tuple[int, ...]:
        """The sends that carried each, by index, once for each line of it."""
        return self.trace.sends

    @property
    def stored(self) -> int:
        """How many copies of each are known to be stored."""
        return self.trace.stored

    @property
    def stored_by(self) -> int | None:
        """The first send known to have stored one."""
        return self.trace.stored_by

    @property
    def refused(self) -> bool:
        """Whether upstream or a decision named their lines."""
        return self.trace.refused

    @property
    def acknowledged(self) -> bool:
        """Whether some reply told the client they were taken."""
        return self.trace.acknowledged

    @property
    def begins_here(self) -> bool:
        """Whether no batch carried them before this one."""
        return self.sends[0] == self.batch.sends[0]

    def parts(self, send: Send) -> Iterator[Part]:
        """Yield how one of their sends treated each line of theirs."""
        return (part for index, part in zip(self.trace.sends, self.trace.parts, strict=True) if index == send.index)


class Batch:
    """One logical body: its attempts in order, as indices of sends, and what it carries.

    ``lines`` counts the lines that are points or should be. ``doubt`` says why nobody knows what they are.
    """

    __slots__ = (
        "_ledger",
        "_met",
        "_start",
        "apart",
        "doubt",
        "held",
        "kinds",
        "lines",
        "name",
        "numbers",
        "ordinary",
        "sends",
        "source",
    )

    def __init__(self, ledger: Ledger, name: str, source: Event) -> None:
        """Begin with no lines; ``source`` is the event whose body has them."""
        self._ledger = ledger
        self._met: tuple[Entry, ...] | None = None
        self.name = name
        self.source = source
        self.sends: list[int] = []
        self.doubt = ""
        self.kinds = b""
        # How many copies of each line upstream says it holds; empty where it said nothing.
        self.held: Sequence[int] = ()
        # Lines that nothing else carries have the trace of their batch, but for those that some send treated otherwise.
        self.ordinary: Trace | None = None
        self.apart: dict[tuple[Part, ...], Trace] | None = None
        self.numbers: Sequence[int] = ()
        self._start, self.lines = ledger.take(self) if source.exchange.is_write else (0, 0)

    @property
    def database(self) -> str:
        """The database or bucket it was written to."""
        return self.source.exchange.database

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What it carries, a point once, in the order of their first lines."""
        if self._met is None:
            self._met = tuple(self._ledger.entries_of(self))
        return self._met

    @property
    def size(self) -> int:
        """How many points its entries are."""
        return total(self.entries)

    @property
    def timed(self) -> bool:
        """Whether any of its lines is a point with a timestamp."""
        return Kind.TIMED in self.kinds if self.kinds else self.lines > 0

    @property
    def untimed(self) -> bool:
        """Whether any of its lines is a point without one."""
        return Kind.UNTIMED in self.kinds

    @property
    def digests(self) -> Sequence[int]:
        """What each line says, with the database, as a number."""
        return self._ledger.digests(self._start, self.lines)

    def digest(self, place: int) -> int:
        """Give what one line says, as a number."""
        return self._ledger.digests(self._start + place, 1)[0]

    def rows(self) -> Iterator[Row]:
        """Yield its lines; the body is read again for it."""
        return rows_of(self.source, self.name, self._ledger.dialect) if self.lines else iter(())

    def names(self, places: Iterable[int]) -> list[str]:
        """Give how judgements name the lines that stand at some places; the places are in order."""
        wanted = list(places)
        rows = enumerate(islice(self.rows(), wanted[-1] + 1 if wanted else 0))
        chosen = frozenset(wanted)
        return [row.shown for place, row in rows if place in chosen]

    @property
    def shown(self) -> tuple[str, ...]:
        """How judgements name its first ``SHOWN`` lines."""
        return tuple(self.names(range(min(self.lines, SHOWN))))


@dataclass(frozen=True, slots=True)
class Missing:
    """Lines of a manifest that are alike in not being on the wire as they are; ``doubt`` says how they may have been.

    ``named`` is what the application reported of them by name. ``first`` are the first ``SHOWN``, each after its place
    in the manifest.
    """

    doubt: str
    named: Evidence | None
    count: int
    first: tuple[tuple[int, str], ...]


def total(some: Iterable[Entry | Missing]) -> int:
    """Count the points and other lines of several entries."""
    return sum(entry.count for entry in some)


def shown(some: Iterable[Entry]) -> tuple[str, ...]:
    """Give the first ``SHOWN`` points of some entries as judgements name them, batch by batch as their lines stand."""
    names: list[str] = []
    for batch, entries in groupby(some, key=lambda entry: entry.batch):
        places = merge(*(entry.first for entry in entries))
        names += batch.names(islice(places, SHOWN - len(names)))
        if len(names) == SHOWN:
            break
    return tuple(names)


def shown_missing(some: Iterable[Missing]) -> tuple[str, ...]:
    """Give the first ``SHOWN`` lines as judgements name them, in the order of the manifest."""
    return tuple(name for _, name in islice(merge(*(group.first for group in some)), SHOWN))
