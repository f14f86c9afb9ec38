"""Writers that write other points than they were handed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.zoo.reference import Reply, Writer


class ResendsWithoutTimestamps(Writer):
    """Leaves it to the server to say when, once an attempt has failed."""

    again = False

    def send(self, lines: Sequence[str]) -> Reply:
        reply = super().send([line.rpartition(" ")[0] for line in lines] if self.again else lines)
        self.again = self.may_pass(reply)
        return reply


class ChangesIntegersToFloats(Writer):
    """Knows one type of number."""

    def send(self, lines: Sequence[str]) -> Reply:
        return super().send(floats(lines))


class ChangesTypeHalfWay(Writer):
    """Takes integers for floats from the second batch on."""

    batches = 0

    def write(self, lines: Sequence[str]) -> None:
        self.batches += 1
        super().write(lines)

    def send(self, lines: Sequence[str]) -> Reply:
        return super().send(floats(lines) if self.batches > 1 else lines)


class WritesNan(Writer):
    """Has no number for one of its points, and writes that."""

    def send(self, lines: Sequence[str]) -> Reply:
        return super().send([line.replace("value=7i ", "value=NaN ") for line in lines])


def floats(lines: Sequence[str]) -> list[str]:
    """Give the lines with their integers as floats."""
    return [re.sub(r"=(\d+)i ", r"=\1.0 ", line) for line in lines]
