"""Which of a profile's documented answers a run gave, and which it did not."""

from __future__ import annotations

from dataclasses import dataclass

from faultlab import contract
from faultlab.faults import Catalogue
from faultlab.faults.catalogue import rows_at
from faultlab.history import History


@dataclass(frozen=True, slots=True)
class Coverage:
    """The documented answers of one endpoint, by the identity of their rows, in the order of the contract."""

    endpoint: str
    given: tuple[str, ...]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in one sentence."""
        total = len(self.given) + len(self.missing)
        rest = f"; not given: {', '.join(self.missing)}" if self.missing else ""
        return f"{len(self.given)} of {total} documented answers given at {self.endpoint}{rest}"


def coverage(history: History) -> tuple[Coverage, ...]:
    """Give the coverage of each endpoint the client asked; none when no rule of the run walks the catalogue."""
    plan = history.run.get("plan", {})
    walks = [rule for rule in plan.get("rules", ()) if rule.get("fault") == Catalogue.name]
    if not walks:
        return ()
    profile = contract.named(plan["profile"])
    outside = any(rule.get("with", {}).get("outside", True) for rule in walks)
    given: dict[str, set[str]] = {}
    for event in history.events:
        if event.exchange.endpoint:
            rows = given.setdefault(event.exchange.endpoint, set())
            if event.decision.row:
                rows.add(event.decision.row)
    out = []
    for endpoint, rows in given.items():
        known = [row.id for row in rows_at(profile, endpoint, outside=outside)]
        out.append(
            Coverage(
                endpoint,
                tuple(row for row in known if row in rows),
                tuple(row for row in known if row not in rows),
            )
        )
    return tuple(out)
