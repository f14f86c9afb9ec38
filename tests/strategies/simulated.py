"""A client and a network in miniature, played by a schedule: to see whether schedules find what is wrong with a client.

The client sends batch after batch, each until it believes it stored or has told the application that it is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from faultlab.exchange import (
    Answer,
    AtOnce,
    Decision,
    Delayed,
    Dribbled,
    Lines,
    Nothing,
    Refused,
    Severed,
)
from faultlab.strategies import Schedule

BATCHES = 5
ATTEMPTS = 8


@dataclass
class Network:
    """What is behind the client: decides by the schedule, and counts what came of each batch.

    ``stored`` are the batches stored whole, ``unanswered`` those of them whose reply was lost, ``doubled`` those that
    were stored again after that; ``hidden`` were stored in part and no client can tell.
    """

    schedule: Schedule
    sent: int = 0
    stored: set[int] = field(default_factory=set)
    unanswered: set[int] = field(default_factory=set)
    doubled: set[int] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)

    def send(self, batch: int) -> int | None:
        """Give the status the client is told, None where it is told nothing."""
        decisions = self.schedule.decisions
        decision = decisions[self.sent] if self.sent < len(decisions) else Decision()
        self.sent += 1
        if isinstance(decision.intake, Refused | Severed):
            return None
        told = decision.reply.status if isinstance(decision.reply, Answer) else 204
        if isinstance(decision.deliver, Lines):
            if told == 204:
                # Serverless once documented a part stored as a 204 with a body, which no client can be shown.
                self.hidden.add(batch)
        elif not isinstance(decision.deliver, Nothing):
            self.stored.add(batch)
            if batch in self.unanswered:
                self.doubled.add(batch)
        if not isinstance(decision.ending, AtOnce | Delayed | Dribbled):
            self.unanswered |= {batch} & self.stored
            return None
        return told


@dataclass
class Client:
    """A client that does everything right: its subclasses each do one thing wrong."""

    network: Network
    told: set[int] = field(default_factory=set)

    def run(self) -> None:
        """Write every batch."""
        for batch in range(BATCHES):
            self.write(batch)

    def write(self, batch: int) -> None:
        """Send one batch until it is stored, or tell that it is not."""
        seen: list[int | None] = []
        while len(seen) < ATTEMPTS:
            seen.append(self.network.send(batch))
            if self.gives_up(seen):
                return
            if seen[-1] == 204 or (seen[-1] == 201 and self.overlooks(seen)):
                return
            if seen[-1] is None and self.fears_doubles():
                break
            if seen[-1] is not None and seen[-1] < 500 and seen[-1] != 429:
                break
        self.told.add(batch)

    def gives_up(self, seen: list[int | None]) -> bool:
        """Say whether the batch is dropped without a word."""
        return False

    def overlooks(self, seen: list[int | None]) -> bool:
        """Say whether a 201 is taken for success."""
        return False

    def fears_doubles(self) -> bool:
        """Say whether a batch whose reply was lost is left alone and told about, rather than sent again."""
        return True


class DropsAfterThree503(Client):
    """Drops a batch without a word when it was told 503 three times running."""

    def gives_up(self, seen: list[int | None]) -> bool:
        """Do so at the third."""
        return seen[-3:] == [503] * 3


class DoublesAfterLostReply(Client):
    """Sends a batch again whose reply was lost, whether or not it is stored."""

    def fears_doubles(self) -> bool:
        """Fear nothing."""
        return False


class OverlooksPartialAfter500(Client):
    """Takes a 201 for success when the attempt before was told 500."""

    def overlooks(self, seen: list[int | None]) -> bool:
        """Do so there."""
        return seen[-2:-1] == [500]


class DropsAtSecondTimeout(Client):
    """Drops a batch without a word at the second reply that does not come, whatever was between them."""

    def gives_up(self, seen: list[int | None]) -> bool:
        """Do so at the second."""
        return seen.count(None) == 2

    def fears_doubles(self) -> bool:
        """Fear nothing."""
        return False


def fails(client: type[Client], schedule: Schedule) -> bool:
    """Say whether a client, under a schedule, loses a batch or a part without telling."""
    network = Network(schedule)
    one = client(network)
    one.run()
    lost = {*range(BATCHES)} - network.stored
    return bool(lost - one.told - network.hidden)


def doubles(client: type[Client], schedule: Schedule) -> bool:
    """Say whether a client stores a batch twice because its reply was lost."""
    network = Network(schedule)
    client(network).run()
    return bool(network.doubled)
