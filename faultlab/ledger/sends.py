"""One request that carries something, and what it does to each line it carries."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faultlab.exchange import Answer, Effect, Lines, Nothing, Twice
from faultlab.history import Ended, Event
from faultlab.ledger.rows import batch_label

if TYPE_CHECKING:
    from faultlab.ledger.entries import Batch


class Part(enum.IntEnum):
    """How a send treats a line: like all others, as one that somebody refused, or as one that was not delivered."""

    ORDINARY = 0
    NAMED = 1
    WITHHELD = 2


@dataclass(frozen=True, slots=True)
class Send:
    """One exchange that carries something, in order of arrival from 0.

    ``carries`` is the batch it is an attempt of; for an upload that was cut it is that of the whole body that followed,
    and where none did one of its own, named with a ``+``, as it would have been more than what was seen. ``named`` are
    the lines that the decision or upstream refused.
    """

    index: int
    event: Event
    carries: Batch
    cut: bool
    named: frozenset[int]

    @property
    def batch(self) -> str:
        """The name of its batch."""
        return self.carries.name

    @property
    def seq(self) -> int:
        """The exchange's number in the history."""
        return self.event.exchange.seq

    @property
    def ended(self) -> float:
        """Seconds since the run began when the reply left; infinite when nothing is known about that."""
        return self.event.outcome.at if self.event.outcome is not None else float("inf")

    @property
    def reply(self) -> Answer | None:
        """The reply the client was sent from beginning to end; None when there was none."""
        outcome = self.event.outcome
        if outcome is None or outcome.ended not in {Ended.REPLIED, Ended.UPSTREAM_FAILED}:
            return None
        return outcome.told

    @property
    def status(self) -> int:
        """The status of ``reply``; 0 when there was none."""
        return 0 if self.reply is None else self.reply.status

    @property
    def dropped(self) -> bool:
        """Whether the connection ended before the client had a whole reply."""
        outcome = self.event.outcome
        return outcome is not None and outcome.ended in {Ended.CLOSED, Ended.GARBLED, Ended.CLIENT_LEFT}

    @property
    def got_through(self) -> bool:
        """Whether upstream stored something of it and the client was told so."""
        outcome = self.event.outcome
        return outcome is not None and outcome.effect in {Effect.ALL, Effect.PART} and 200 <= self.status < 300

    @property
    def label(self) -> str:
        """How judgements name it."""
        return f"exchange {self.seq} ({batch_label(self.batch)})"

    def part(self, line: int) -> Part:
        """Say how it treats a line."""
        if line not in self.named:
            return Part.ORDINARY
        deliver = self.event.decision.deliver
        return Part.WITHHELD if isinstance(deliver, Lines) and line in deliver.refused else Part.NAMED

    def acknowledges(self, part: Part) -> bool:
        """Whether the client was told that such a line was taken: a 2xx whose body does not name it."""
        told = self.event.outcome.told if self.event.outcome is not None else None
        if told is None or not 200 <= told.status < 300:
            return False
        return part is Part.ORDINARY or told.status == 204 or not told.body

    def copies(self, part: Part) -> int | None:
        """How many copies of such a line upstream stored; None when that is not known."""
        outcome, deliver = self.event.outcome, self.event.decision.deliver
        if outcome is None:
            return None
        if outcome.effect is Effect.NONE or isinstance(deliver, Nothing) or part is Part.WITHHELD:
            return 0
        if outcome.effect is Effect.ALL:
            return 2 if isinstance(deliver, Twice) else 1
        if outcome.effect is Effect.PART and self.named:
            return int(part is Part.ORDINARY)
        return None
