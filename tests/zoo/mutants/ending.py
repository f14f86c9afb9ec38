"""Writers that do not end as they should."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.zoo.reference import Reply, Writer


class NeverFlushes(Writer):
    """Forgets its last batch when it closes."""

    def run(self, batches: Sequence[Sequence[str]]) -> int:
        self.hand_over([line for batch in batches for line in batch])
        for batch in batches[:-1]:
            self.write(batch)
        return 0


class ExitsZeroWithPointsUnsent(Writer):
    """Ends at the first failure, and exits as if all were well."""

    ended = False

    def write(self, lines: Sequence[str]) -> None:
        if not self.ended:
            super().write(lines)

    def may_pass(self, reply: Reply) -> bool:
        self.ended = super().may_pass(reply)
        return False

    def refused(self, reply: Reply, lines: Sequence[str]) -> None:
        if not self.ended:
            super().refused(reply, lines)


class HangsInClose(Writer):
    """Does not end."""

    def run(self, batches: Sequence[Sequence[str]]) -> int:
        super().run(batches)
        time.sleep(3600)
        return 0


class GrowsWithoutBound(Writer):
    """Holds more with every attempt that is refused."""

    def __init__(self, url: str, token: str, bucket: str, seed: int = 0) -> None:
        """Hold nothing yet."""
        super().__init__(url, token, bucket, seed)
        self.held: list[bytes] = []

    def wait(self, reply: Reply, attempt: int) -> float:
        self.held.append(b"x" * 32 * 1024 * 1024)
        return super().wait(reply, attempt)


class NeverTimesOut(Writer):
    """Waits for a reply as long as it takes."""

    timeout = None
