"""Exit statuses; part of the public interface, never renumbered."""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """What ``faultlab`` ends with; a gate takes anything but 0 for red."""

    PASS = 0
    FAIL = 1
    USAGE = 2
    INCONCLUSIVE = 3
    ENVIRONMENT = 4
    INTERRUPTED = 130
