"""Writers that are wrong in one way each: what the reference writer does, but for a method or two."""

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


class DropsOnGarbage(Writer):
    """Fails on a Retry-After it cannot read, and forgets the batch."""

    def write(self, lines: Sequence[str]) -> None:
        try:
            super().write(lines)
        except ValueError:
            return

    def wait(self, reply: Reply, attempt: int) -> float:
        if "retry-after" in reply.headers and retry_after(reply, time.time()) is None:
            raise ValueError("retry-after")
        return super().wait(reply, attempt)


class RetriesForEver(Writer):
    """Takes a refusal for good for one that may pass."""

    patience = 8.0

    def may_pass(self, reply: Reply) -> bool:
        return reply.status >= 400 or reply.status == 0


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


class SwallowsPartialWrites(Writer):
    """Takes every 2xx for success."""

    def accepted(self, reply: Reply, lines: Sequence[str]) -> None:
        """Say nothing."""


class SwallowsRefusals(Writer):
    """Keeps refusals to itself."""

    def refused(self, reply: Reply, lines: Sequence[str]) -> None:
        """Say nothing."""


class LosesOnFailure(Writer):
    """Sends a batch once, and forgets it when the connection or the server fails."""

    def may_pass(self, reply: Reply) -> bool:
        return False

    def refused(self, reply: Reply, lines: Sequence[str]) -> None:
        if reply.status not in {0, 500, 502, 503, 504, 429}:
            super().refused(reply, lines)


class StopsAtPoison(Writer):
    """Writes nothing more once a batch was refused, and exits as if all were well."""

    stopped = False

    def write(self, lines: Sequence[str]) -> None:
        if not self.stopped:
            super().write(lines)

    def refused(self, reply: Reply, lines: Sequence[str]) -> None:
        super().refused(reply, lines)
        self.stopped, self.failed = True, False


class NeverFlushes(Writer):
    """Forgets its last batch when it closes."""

    def run(self, batches: Sequence[Sequence[str]]) -> int:
        self.hand_over([line for batch in batches for line in batch])
        for batch in batches[:-1]:
            self.write(batch)
        return 0


class HangsInClose(Writer):
    """Does not end."""

    def close(self) -> None:
        super().close()
        if self.done:
            time.sleep(3600)

    done = False

    def run(self, batches: Sequence[Sequence[str]]) -> int:
        self.hand_over([line for batch in batches for line in batch])
        for batch in batches:
            self.write(batch)
        self.done = True
        self.close()
        return 0


MUTANTS = {
    "ignores_retry_after": IgnoresRetryAfter,
    "reads_milliseconds": ReadsMilliseconds,
    "cannot_read_a_date": CannotReadADate,
    "blocks_for_a_day": BlocksForADay,
    "drops_on_garbage": DropsOnGarbage,
    "retries_for_ever": RetriesForEver,
    "resends_unchanged": ResendsUnchanged,
    "resends_after_partial_write": ResendsAfterPartialWrite,
    "swallows_partial_writes": SwallowsPartialWrites,
    "swallows_refusals": SwallowsRefusals,
    "loses_on_failure": LosesOnFailure,
    "stops_at_poison": StopsAtPoison,
    "never_flushes": NeverFlushes,
    "hangs_in_close": HangsInClose,
}
"""Every writer that is wrong, by name."""
