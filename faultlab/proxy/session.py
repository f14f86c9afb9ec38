"""One run inside a proxy: the arbiter, the origin, the history, and the clock all three are told by."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from faultlab import contract, lineprotocol
from faultlab.contract import Loss, Profile
from faultlab.exchange import (
    WRITES,
    Answer,
    Body,
    Decision,
    Effect,
    Everything,
    Exchange,
    Garbled,
    Lines,
    Nothing,
    Refusal,
    Twice,
)
from faultlab.history import Ended, Outcome, Writer
from faultlab.origin import Origin
from faultlab.plan import Arbiter, Plan
from faultlab.proxy.clock import CLOCK
from faultlab.steps import damaged

SENDERS = 16
"""How many held requests a real upstream may be slow with at a time."""


@dataclass(slots=True)
class Late:
    """A request that upstream is to have later: how, when, and what both sides came to."""

    deliver: Callable[[], Outcome]
    timer: asyncio.TimerHandle | None = None
    sending: concurrent.futures.Future[Outcome] | None = None
    told: Outcome | None = None
    stored: Outcome | None = None


class Session:
    """What a proxy needs to carry out one plan.

    ``origin`` answers in place of an upstream; None when there is a real one. ``writer`` is None when nobody wants a
    history. Times are seconds since the session was made, by the proxy's clock.
    """

    def __init__(self, plan: Plan, *, origin: Origin | None = None, writer: Writer | None = None) -> None:
        """Begin the run's clock."""
        self.plan = plan
        self.profile: Profile = contract.named(plan.profile)
        rows = {endpoint: self.profile.select("no_content", endpoint) for endpoint in WRITES}
        # Where a success says that the request was taken, not that anything was stored.
        self._noncommittal = {endpoint for endpoint, row in rows.items() if row and row.stored is Effect.UNKNOWN}
        self.arbiter = Arbiter(plan)
        self.origin = origin
        self.writer = writer
        self.epoch = CLOCK.time()
        self._zero = CLOCK.monotonic()
        self.seq = 0
        self.open = 0
        self.told: Counter[int] = Counter()
        self.broken = ""
        self.turn = asyncio.Lock()
        self.ending = asyncio.Event()
        self._late: dict[int, Late] = {}
        self._sender = concurrent.futures.ThreadPoolExecutor(SENDERS, "late")

    def at(self) -> float:
        """Seconds since the run began."""
        return CLOCK.monotonic() - self._zero

    def begin(self, run: dict[str, Any]) -> None:
        """Write the line a history starts with."""
        if self.writer is not None:
            self.writer.run({**run, "seed": self.plan.seed, "profile": self.plan.profile, "epoch": self.epoch})

    def next_seq(self) -> int:
        """Give the number of the next exchange, from 1."""
        self.seq += 1
        self.open += 1
        return self.seq

    def decide(self, exchange: Exchange, decided: Decision | None = None) -> tuple[int, Decision]:
        """Give the number of the attempt and the decision; only one exchange at a time, whoever holds ``turn``.

        ``decided`` is what was decided by the head already.
        """
        attempt = self.arbiter.attempt(exchange)
        return attempt, decided or self.arbiter.decide(exchange, attempt, CLOCK.time())

    def record(self, exchange: Exchange, attempt: int, decision: Decision) -> None:
        """Record an exchange and the decision on it, before anything is done about it."""
        if self.writer is not None:
            self.writer.exchange(exchange, attempt, decision)

    def settle(self, seq: int, outcome: Outcome) -> None:
        """Record what became of an exchange; of one that is held, once upstream has had it too."""
        if (late := self._late.get(seq)) is not None:
            late.told = outcome
            self._settle_late(seq, late)
            return
        self._settle(seq, outcome)

    def hold(self, exchange: Exchange, seconds: float, deliver: Callable[[], Outcome]) -> None:
        """Have upstream get a request in so many seconds, or when ``deliver_late`` is called.

        ``deliver`` is called in a thread where there is a real upstream, which may be slow.
        """
        late = self._late[exchange.seq] = Late(deliver)
        late.timer = asyncio.get_running_loop().call_later(seconds, self._due, exchange.seq)

    def deliver_late(self) -> None:
        """Let upstream have at once whatever is held, and wait until it does."""
        for seq, late in list(self._late.items()):
            if late.timer is not None:
                late.timer.cancel()
                self._delivered(seq, late.deliver())
            elif late.sending is not None:
                self._delivered(seq, late.sending.result())

    def _due(self, seq: int) -> None:
        late = self._late[seq]
        late.timer = None
        if self.origin is not None:
            self._delivered(seq, late.deliver())
            return
        late.sending = self._sender.submit(late.deliver)
        loop = asyncio.get_running_loop()
        late.sending.add_done_callback(
            lambda sent: loop.call_soon_threadsafe(lambda: self._delivered(seq, sent.result()))
        )

    def _delivered(self, seq: int, stored: Outcome) -> None:
        late = self._late.get(seq)
        if late is not None and late.stored is None:
            late.timer = late.sending = None
            late.stored = stored
            self._settle_late(seq, late)

    def _settle_late(self, seq: int, late: Late) -> None:
        told, stored = late.told, late.stored
        if told is not None and stored is not None:
            del self._late[seq]
            self._settle(seq, replace(told, effect=stored.effect, status=stored.status, refused=stored.refused))

    def _settle(self, seq: int, outcome: Outcome) -> None:
        self.open -= 1
        if outcome.told is not None:
            self.told[outcome.told.status] += 1
        if self.writer is not None:
            self.writer.outcome(seq, outcome)

    def breaks(self, why: str) -> None:
        """Record that the lab itself failed; the first reason is the one kept in memory."""
        self.broken = self.broken or why
        if self.writer is not None:
            self.writer.write("broken", {"at": round(self.at(), 6), "why": why})

    def answer_from_origin(self, exchange: Exchange, decision: Decision) -> Outcome:
        """Let the origin see what the decision delivers, and say what the client is to be told."""
        assert self.origin is not None
        now_ns = CLOCK.time_ns()
        if isinstance(decision.deliver, Nothing):
            told = decision.reply if isinstance(decision.reply, Answer) else None
            return Outcome(self.at(), Effect.NONE, Ended.REPLIED, told=told)
        delivered, original = self.delivered(exchange, decision)
        reply = self.origin.answer(delivered, now_ns)
        if isinstance(decision.deliver, Twice):
            self.origin.answer(delivered, CLOCK.time_ns())
        refused = tuple(replace(r, line=original(r.line)) for r in reply.refused)
        effect = reply.effect
        if effect is Effect.ALL and isinstance(decision.deliver, Lines):
            effect = Effect.PART
        stored = effect in {Effect.ALL, Effect.PART}
        told = self.told_to(exchange, decision, reply.answer, refused, accepted=stored)
        return Outcome(self.at(), effect, Ended.REPLIED, reply.answer.status, refused, told)

    def delivered(self, exchange: Exchange, decision: Decision) -> tuple[Exchange, Callable[[int], int]]:
        """Give the exchange upstream is to see, and how its line numbers read in the client's own body."""
        deliver = decision.deliver
        if isinstance(deliver, Everything | Twice):
            return exchange, int
        if not isinstance(deliver, Lines):
            raise NotImplementedError(f"this edge cannot deliver '{deliver.kind}'")
        data, dialect = exchange.body.data, self.profile.dialect
        kept = lineprotocol.without(data, deliver.refused, dialect)
        numbers = kept_numbers(data, deliver.refused, dialect)
        return replace(exchange, body=Body(kept)), lambda line: numbers.get(line, line)

    def told_to(
        self,
        exchange: Exchange,
        decision: Decision,
        upstream: Answer,
        refused: tuple[Refusal, ...],
        *,
        accepted: bool,
    ) -> Answer:
        """Give what the client is told, which never contradicts what upstream did.

        An answer that names the lines kept from upstream also names those upstream refused itself; when upstream took
        nothing of what it was given, its own answer is passed on instead.
        """
        if isinstance(decision.reply, Garbled):
            return damaged(upstream, decision.reply)
        if not isinstance(decision.reply, Answer):
            return upstream
        if isinstance(decision.deliver, Lines):
            if not accepted:
                return upstream
            if refused:
                return self._restated(exchange, decision, refused)
        return decision.reply

    def _restated(self, exchange: Exchange, decision: Decision, refused: tuple[Refusal, ...]) -> Answer:
        fault = next((rule.fault for rule in self.plan.rules if rule.name == decision.rule), None)
        everything = tuple(sorted((*decision.refused, *refused), key=lambda r: r.line))
        restate = getattr(fault, "restate", None)
        assert isinstance(decision.reply, Answer)
        if restate is None:
            return decision.reply
        answer: Answer = restate(exchange, self.profile, everything, decision.reply.status)
        return answer

    def effect_of(self, exchange: Exchange, decision: Decision, status: int) -> Effect:
        """Say what a real upstream stored, as far as its status tells; UNKNOWN where it does not."""
        if isinstance(decision.deliver, Nothing) or not exchange.is_write:
            return Effect.NONE
        if status in {200, 204}:
            if exchange.endpoint in self._noncommittal:
                return Effect.UNKNOWN
            return Effect.PART if isinstance(decision.deliver, Lines) else Effect.ALL
        if status in {401, 403, 404, 405, 413, 415, 429}:
            return Effect.NONE
        if status == 400 and Loss.LINES not in self.profile.loss.get(exchange.endpoint, ()):
            return Effect.NONE
        return Effect.UNKNOWN


def kept_numbers(data: bytes, refused: tuple[int, ...], dialect: str) -> dict[int, int]:
    """Map each kept line's first physical number in the shortened body to its number in the whole one."""
    out: dict[int, int] = {}
    dropped = set(refused)
    number = 1
    for line in lineprotocol.split(data, dialect):
        if line.number in dropped:
            continue
        out[number] = line.number
        number += max(data.count(b"\n", line.start, line.end), 1)
    return out
