"""The quota of a plan, kept as the plan documents it: bytes of line protocol per fixed window."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from faultlab.contract import Quota as Allowance
from faultlab.exchange import Decision, Exchange
from faultlab.faults.answering import refuse
from faultlab.faults.knob import Checked, Scene, knob


@dataclass(slots=True)
class _Used:
    """Bytes accepted in the window of each bucket, and when that window began."""

    windows: dict[str, tuple[float, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quota(Checked):
    """Refuse writes with 429 once a window's bytes are used up, with the true number of seconds that remain.

    A window begins with the first write after the last one ended. Source: InfluxDB Cloud Serverless limits page
    (2026-08): 5 MB in 5 minutes on the free plan, 300 MB on the usage-based one, counted before compression.
    """

    name: ClassVar[str] = "quota"
    family: ClassVar[str] = "rate_limit"
    cause: ClassVar[str] = "write"
    plan: str = knob("free", "whose allowance holds", choices=("free", "usage"))
    size: int | None = knob(None, "bytes a window; the plan's if none", minimum=1)
    window: int | None = knob(None, "seconds a window; the plan's if none", minimum=1)

    def remember(self) -> _Used:
        """Begin with nothing used."""
        return _Used()

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Count the write and let it pass, or refuse it until the window ends."""
        if not exchange.is_write:
            return None
        documented = scene.profile.quotas.get(self.plan, Allowance(5_000_000, 300))
        size, window = self.size or documented.size, self.window or documented.window
        used: _Used = scene.memory
        began, spent = used.windows.get(exchange.database, (exchange.at, 0))
        if exchange.at >= began + window:
            began, spent = exchange.at, 0
        asked = len(exchange.body.stored)
        if spent + asked <= size:
            used.windows[exchange.database] = (began, spent + asked)
            return None
        remaining = max(math.ceil(began + window - exchange.at), 1)
        return refuse("rate_limit", exchange, scene, cause=self.cause, retry_after=str(remaining))
