"""What became of a line over all requests that carried it; lines that met the same share one trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from faultlab.ledger.holding import SOME
from faultlab.ledger.sends import Part, Send

type Step = tuple[int, Part]
"""A send, by its index, and how it treated the line."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The way of a line: the sends that carried it, by index, once for each time it stands in one.

    ``parts`` says how each of them treated it. ``stored`` counts the copies known to be stored, ``stored_by`` and
    ``stored_last`` are the first and the last send known to have stored one. ``refused`` says that upstream or a
    decision named the line, ``acknowledged`` that some reply told the client it was taken. ``doubt`` says why it may be
    stored although that is not known.
    """

    sends: tuple[int, ...]
    parts: tuple[Part, ...]
    stored: int
    stored_by: int | None
    stored_last: int
    refused: bool
    acknowledged: bool
    doubt: str


class Traces:
    """All traces of a history, kept as steps that others go on from: a line takes the room of one number.

    A trace is known by a number; 0 is the empty one.
    """

    def __init__(self, sends: Sequence[Send]) -> None:
        """Begin with the empty trace."""
        self._sends = sends
        self._steps: list[tuple[int, Step]] = [(0, (-1, Part.ORDINARY))]
        self._next: dict[tuple[int, int, int], int] = {}
        self._made: dict[int, Trace] = {}
        self._held: dict[tuple[Trace, int], Trace] = {}
        # Most lines are treated like all others by the few sends they have.
        self._parts: dict[tuple[Part, ...], tuple[Part, ...]] = {}

    def after(self, number: int, send: Send, part: Part) -> int:
        """Give the trace that goes on from one with another send."""
        key = (number, send.index, part)
        found = self._next.get(key)
        if found is None:
            found = self._next[key] = len(self._steps)
            self._steps.append((number, (send.index, part)))
        return found

    def trace(self, number: int) -> Trace:
        """Give a trace by its number; the same one each time."""
        made = self._made.get(number)
        if made is None:
            steps = []
            at = number
            while at:
                at, step = self._steps[at]
                steps.append(step)
            made = self._made[number] = self.of(steps[::-1])
        return made

    def as_held(self, trace: Trace, copies: int) -> Trace:
        """Give a trace by what upstream says of its line: that it holds so many copies, or ``SOME`` of them.

        What the edge recorded counts then no more; but for how many ``SOME`` are. The same trace for the same question.
        """
        key = trace, copies
        made = self._held.get(key)
        if made is None:
            made = self._held[key] = self._as_held(trace, copies)
        return made

    def _as_held(self, trace: Trace, copies: int) -> Trace:
        if not copies:
            return replace(trace, stored=0, stored_by=None, stored_last=-1, doubt="")
        if trace.stored:
            return trace if copies in {SOME, trace.stored} else replace(trace, stored=copies)
        steps = zip(trace.sends, trace.parts, strict=True)
        unsure = [index for index, part in steps if self._sends[index].copies(part) is None]
        by = unsure[0] if unsure else trace.sends[-1]
        return replace(trace, stored=1 if copies == SOME else copies, stored_by=by, stored_last=by, doubt="")

    def of(self, steps: Iterable[Step]) -> Trace:
        """Make a trace of its steps, in order."""
        indices, parts = [], []
        stored, first, last, refused, acknowledged, doubt = 0, None, -1, False, False, ""
        for index, part in steps:
            send = self._sends[index]
            indices.append(index)
            parts.append(part)
            copies = send.copies(part)
            if copies is None:
                doubt = doubt or f"what upstream stored of exchange {send.seq} is not known"
            elif copies:
                stored += copies
                first = index if first is None else first
                last = index
            refused = refused or part is not Part.ORDINARY
            acknowledged = acknowledged or send.acknowledges(part)
        alike = tuple(parts)
        alike = self._parts.setdefault(alike, alike)
        return Trace(tuple(indices), alike, stored, first, last, refused, acknowledged, doubt)
