"""What a scenario grants the client under test, and what it takes for telling the application."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

TELLS = ("exit_status", "stderr", "report")
"""The ways an application may be told: the client's exit status, a line it logs, a line of its report."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a client may use, and by what it may tell; stands in the first line of a history.

    ``deadline`` is in seconds, ``memory_mb`` in megabytes, None for no bound. ``attempts`` is how often a point may be
    sent, ``recovery`` the seconds after the last fault within which everything pending has to arrive. ``told_by`` are
    the ways of ``TELLS`` that count.
    """

    deadline: float = 120.0
    memory_mb: int | None = None
    attempts: int = 30
    recovery: float = 60.0
    told_by: tuple[str, ...] = TELLS

    def to_json(self) -> dict[str, Any]:
        """Give the terms as plain JSON values; what has no bound is left out."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return given | {"told_by": list(self.told_by)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote, beside which other keys may stand; what is not given has its default."""
        given = {item.name: values[item.name] for item in fields(cls) if values.get(item.name) is not None}
        if "deadline" in given:
            given["deadline"] = float(given["deadline"])
        if "told_by" in given:
            given["told_by"] = tuple(given["told_by"])
        return cls(**given)
