"""Writers that are wrong in when they send again, or in what."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.zoo.reference import Reply, Writer, retry_after


class IgnoresRetryAfter(Writer):
    """Waits by its own clock, whatever it is told."""

    def wait(self, reply: Reply, attempt: int) -> float:
        return super().wait(Reply(reply.status), attempt)


class ReadsMilliseconds(Writer):
    """Takes the seconds of Retry-After for milliseconds."""

    def wait(self, reply: Reply, attempt: int) -> float:
        return super().wait(reply, attempt) / 1000


class CannotReadADate(Writer):
    """Knows Retry-After in seconds only."""

    def wait(self, reply: Reply, attempt: int) -> float:
        known = reply.headers.get("retry-after", "").isdigit()
        return super().wait(reply if known else Reply(reply.status), attempt)


class BlocksForADay(Writer):
    """Waits as long as it is told, however long that is."""

    patience = 1e9

    def wait(self, reply: Reply, attempt: int) -> float:
        text = reply.headers.get("retry-after", "")
        return min(float(text), 86_400.0) if text.isdigit() else super().wait(reply, attempt)


class DiesOnHostileRetryAfter(Writer):
    """Crashes on a Retry-After it cannot read."""

    def wait(self, reply: Reply, attempt: int) -> float:
        if "retry-after" in reply.headers and retry_after(reply, time.time()) is None:
            raise ValueError("retry-after")
        return super().wait(reply, attempt)


class DropsOnGarbage(DiesOnHostileRetryAfter):
    """Fails on a Retry-After it cannot read, and forgets the batch."""

    def write(self, lines: Sequence[str]) -> None:
        try:
            super().write(lines)
        except ValueError:
            return


class RetriesWithoutBackoff(Writer):
    """Waits as little before the tenth attempt as before the second."""

    first_wait = longest_wait = 0.05


class RetriesInStep(Writer):
    """Waits as long as every other client does, so that all of them come back at once."""

    # Long enough for a busy machine to show that the delays are equal.
    first_wait = 0.5

    def wait(self, reply: Reply, attempt: int) -> float:
        alone = min(self.first_wait * 2 ** (attempt - 1), self.longest_wait)
        return alone if retry_after(reply, time.time()) is None else super().wait(reply, attempt)


class Hammers(Writer):
    """Makes twelve requests at once of every attempt, as one retrying library within another does."""

    def send(self, lines: Sequence[str]) -> Reply:
        reply = super().send(lines)
        for _ in range(11):
            if self.may_pass(reply):
                reply = super().send(lines)
        return reply


class RecoversLate(Writer):
    """Sleeps long after each failure, however short that was."""

    def wait(self, reply: Reply, attempt: int) -> float:
        return max(super().wait(reply, attempt), 20.0)


class RetriesForEver(Writer):
    """Takes a refusal for good for one that may pass."""

    patience = 8.0

    def may_pass(self, reply: Reply) -> bool:
        return reply.status >= 400 or reply.status == 0


class BlockedByPoison(RetriesForEver):
    """Sends nothing else before what was refused for good has got through."""

    patience = 3600.0


class ResendsUnchanged(Writer):
    """Sends what is too large again as it is."""

    def split(self, lines: Sequence[str]) -> None:
        replies = [self.send(lines) for _ in range(3)]
        self.refused(replies[-1], lines)


class ResendsAfterPartialWrite(Writer):
    """Sends the whole batch again when a part of it was refused."""

    def accepted(self, reply: Reply, lines: Sequence[str]) -> None:
        if reply.body:
            reply = self.send(lines)
        super().accepted(reply, lines)


class SendsTwiceOnSuccess(Writer):
    """Sends again what is stored already."""

    def accepted(self, reply: Reply, lines: Sequence[str]) -> None:
        super().accepted(self.send(lines), lines)
