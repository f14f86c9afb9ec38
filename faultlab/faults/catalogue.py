"""Every documented answer of a profile, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from faultlab.contract import Profile, Row
from faultlab.exchange import Answer, Decision, Exchange, Refusal
from faultlab.faults.answering import answer_with
from faultlab.faults.http import MalformedLine, PartialWrite, TypeConflict, check_range, told_to_wait
from faultlab.faults.knob import Scene, check_knobs, knob
from faultlab.faults.retry_after import LONGEST


@dataclass(slots=True)
class _Walked:
    done: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Give each documented answer of the endpoint once, in the order of the contract, and let the rest pass.

    Only first attempts are answered, so a client that sends again gets through. Which answers were given is read back
    from the history by ``coverage``.
    """

    name: ClassVar[str] = "catalogue"
    family: ClassVar[str] = ""
    min_wait: int = knob(0, "least seconds of a drawn Retry-After", minimum=0, maximum=LONGEST)
    max_wait: int = knob(1, "most seconds of a drawn Retry-After", minimum=0, maximum=LONGEST)
    outside: bool = knob(True, "whether answers outside the response-code page are given too")

    def __post_init__(self) -> None:
        """Raise KnobError for a knob out of bounds, or a range that is empty."""
        check_knobs(self)
        check_range(self.min_wait, self.max_wait)

    def remember(self) -> _Walked:
        """Begin with nothing given."""
        return _Walked()

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Give the next answer that applies to this exchange."""
        if not exchange.endpoint or scene.attempt > 1:
            return None
        walked: _Walked = scene.memory
        for row in rows_at(scene.profile, exchange.endpoint, outside=self.outside):
            mark = f"{exchange.endpoint} {row.id}"
            if mark in walked.done:
                continue
            decision = self._give(row, exchange, scene)
            if decision is not None:
                walked.done.add(mark)
                return decision
        return None

    def restate(self, exchange: Exchange, profile: Profile, refusals: tuple[Refusal, ...], status: int) -> Answer:
        """Give the partial-write answer of that status that names these lines."""
        return PartialWrite(status=status).restate(exchange, profile, refusals, status)

    def _give(self, row: Row, exchange: Exchange, scene: Scene) -> Decision | None:
        if row.fault in {"success", "no_content"}:
            return Decision(row=row.id)
        if row.fault == "partial_write":
            return PartialWrite().decide_by(row, exchange, scene)
        if row.fault == "malformed_line":
            return MalformedLine().decide_by(row, exchange, scene)
        if row.fault == "type_conflict":
            return TypeConflict().decide_by(row, exchange, scene)
        given = answer_with(row, exchange, scene, retry_after="")
        if row.fault not in {"rate_limit", "unavailable"}:
            return given
        return told_to_wait(given, row.fault, "documented", self.min_wait, self.max_wait, exchange, scene)


def rows_at(profile: Profile, endpoint: str, *, outside: bool = True) -> tuple[Row, ...]:
    """Give a profile's rows for an endpoint, one of each identity, in the order of the contract."""
    seen: dict[str, Row] = {}
    for row in profile.rows:
        if row.answers(endpoint) and (outside or row.on_page):
            seen.setdefault(row.id, row)
    return tuple(seen.values())
