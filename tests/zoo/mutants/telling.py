"""Writers that do not tell what happened, or tell what is nobody's business."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

from tests.zoo.reference import Reply, Writer


class SwallowsPartialWrites(Writer):
    """Takes every 2xx for success."""

    def accepted(self, reply: Reply, lines: Sequence[str]) -> None:
        """Say nothing."""


class Swallows400Partial(Writer):
    """Takes a 400 for success where it speaks of a partial write."""

    def accepted(self, reply: Reply, lines: Sequence[str]) -> None:
        if reply.status != 400:
            super().accepted(reply, lines)


class SwallowsRefusals(Writer):
    """Keeps refusals to itself."""

    def refused(self, reply: Reply, lines: Sequence[str]) -> None:
        """Say nothing."""


class ReportsSuccessForFailed(Writer):
    """Tells that it wrote what was refused."""

    def refused(self, reply: Reply, lines: Sequence[str]) -> None:
        self.tell("stored", f"wrote {len(lines)} points", lines)
        self.failed = False


class ReportsFailureForStored(Writer):
    """Tells that it gave up what is stored."""

    def accepted(self, reply: Reply, lines: Sequence[str]) -> None:
        self.tell("failed", "given up after 1 attempt", lines)


class LogsTheToken(Writer):
    """Prints its token with every failure."""

    def send(self, lines: Sequence[str]) -> Reply:
        reply = super().send(lines)
        if reply.status >= 300:
            print(f"status {reply.status}, retrying; sent Authorization: Token {self.token}", file=sys.stderr)
        return reply


class FollowsRedirectWithToken(Writer):
    """Goes wherever it is sent, and shows its token there."""

    def send(self, lines: Sequence[str]) -> Reply:
        reply = super().send(lines)
        where = urlsplit(reply.headers.get("location", "")) if 300 <= reply.status < 400 else None
        if where is None or where.hostname is None:
            return reply
        self.close()
        self.host, self.port = where.hostname, where.port
        return super().send(lines)
