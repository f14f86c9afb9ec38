"""Writers that do not keep what they were handed until it is stored or told."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from tests.zoo.reference import Reply, Writer


class LosesOnFailure(Writer):
    """Sends a batch once, and forgets it when the connection or the server fails."""

    def may_pass(self, reply: Reply) -> bool:
        return False

    def refused(self, reply: Reply, lines: Sequence[str]) -> None:
        if not super().may_pass(reply):
            super().refused(reply, lines)


class DropsTheOldest(Writer):
    """Holds two batches, and forgets the older when a third one comes."""

    def run(self, batches: Sequence[Sequence[str]]) -> int:
        self.hand_over([line for batch in batches for line in batch])
        held: deque[Sequence[str]] = deque(maxlen=2)
        for batch in batches:
            held.append(batch)
            reply = self.send(held[0])
            if self.may_pass(reply):
                time.sleep(self.wait(reply, 1))
            else:
                held.popleft()
        for batch in held:
            self.write(batch)
        self.close()
        return int(self.failed)


class SplitsNever(Writer):
    """Forgets what is too large."""

    def split(self, lines: Sequence[str]) -> None:
        """Send nothing, and say nothing."""


class StopsAtPoison(Writer):
    """Writes nothing more once a batch was refused, and exits as if all were well."""

    stopped = False

    def write(self, lines: Sequence[str]) -> None:
        if not self.stopped:
            super().write(lines)

    def refused(self, reply: Reply, lines: Sequence[str]) -> None:
        super().refused(reply, lines)
        self.stopped, self.failed = True, False


class LosesOnReset(Writer):
    """Takes a connection that broke for a write that was done."""

    def may_pass(self, reply: Reply) -> bool:
        return reply.status != 0 and super().may_pass(reply)

    def refused(self, reply: Reply, lines: Sequence[str]) -> None:
        if reply.status != 0:
            super().refused(reply, lines)
