"""How a fault turns a documented row into a decision; what the faults of this room share."""

from __future__ import annotations

from typing import Any

from faultlab.contract import Row
from faultlab.exchange import Decision, Deliver, Everything, Exchange, Nothing
from faultlab.faults.knob import Scene

NOTHING = Nothing()
EVERYTHING = Everything()


def facts_of(exchange: Exchange) -> dict[str, Any]:
    """Give what a message may say about a request; names it does not carry keep their sample values."""
    facts = {
        "method": exchange.method,
        "path": exchange.path,
        "bucket": exchange.parameter("bucket") or exchange.parameter("db"),
        "database": exchange.database,
        "org": exchange.parameter("org"),
        "query": exchange.parameter("q"),
        "user": exchange.parameter("u"),
    }
    return {name: value for name, value in facts.items() if value}


def find(name: str, exchange: Exchange, scene: Scene, *, cause: str = "", status: int | None = None) -> Row | None:
    """Give the row the profile documents for this fault at this exchange's endpoint; None when it documents none."""
    return scene.profile.select(name, exchange.endpoint, cause=cause, status=status) if exchange.endpoint else None


def refuse(
    name: str,
    exchange: Exchange,
    scene: Scene,
    *,
    cause: str = "",
    deliver: Deliver = NOTHING,
    **facts: Any,
) -> Decision | None:
    """Answer with the documented row instead of upstream; None when the profile documents none here."""
    row = find(name, exchange, scene, cause=cause)
    return None if row is None else answer_with(row, exchange, scene, deliver=deliver, **facts)


def answer_with(row: Row, exchange: Exchange, scene: Scene, *, deliver: Deliver = NOTHING, **facts: Any) -> Decision:
    """Answer with this row instead of upstream."""
    answer = scene.profile.render(row, {**facts_of(exchange), **facts})
    return Decision(deliver=deliver, reply=answer, row=row.id)
