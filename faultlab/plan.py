"""Rules and a seed make a plan; an arbiter turns exchanges into decisions by it.

A draw is keyed by seed, rule, batch and attempt, never by arrival order, so the same seed decides alike with one
connection and with sixty-four. A fault that is decided before the body is there knows its batch by the head alone:
method, path, parameters and Content-Length. Conditions that count (``first``, ``nth``, ``every``, ``times``) look at
arrival order by nature; ``match: {attempt: …}`` is the condition of that kind that does not.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from random import Random
from typing import Any, Self

from faultlab import contract, faults, lineprotocol
from faultlab.exchange import (
    EARLY,
    ENDPOINTS,
    QUERIES,
    WRITES,
    Aborted,
    Answer,
    Closed,
    Decision,
    Exchange,
    Handshake,
    Held,
    Never,
    Nothing,
    Refused,
    Severed,
    header,
)
from faultlab.faults import Fault, KnobError, Scene, Stage, nearest, stage_of

BATCHES_REMEMBERED = 1 << 18
"""How many batches an arbiter tells apart; one not seen for so many others counts as new again."""

GROUPS: Mapping[str, tuple[str, ...]] = {"write": WRITES, "query": QUERIES}

PASS = Decision()
"""The decision where no rule has anything to say."""


@dataclass(frozen=True, slots=True)
class Range:
    """A closed range of whole numbers; None leaves an end open."""

    min: int | None = None
    max: int | None = None

    def __contains__(self, value: int) -> bool:
        """Whether a number lies in the range, ends included."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)


@dataclass(frozen=True, slots=True)
class Match:
    """Which exchanges a rule speaks of; every condition given must hold.

    ``endpoint`` is a path or one of the groups ``write`` and ``query``; ``header`` maps names to shell patterns,
    which a header that is missing never matches; sizes are in bytes, ``size`` on the wire and ``decoded_size``
    after decompression; ``lines`` counts line feeds, a last line without one included. A body that does not decode
    has no decoded size, no lines and no measurement.
    """

    method: str | None = None
    endpoint: str | None = None
    header: Mapping[str, str] = field(default_factory=dict)
    size: Range | None = None
    decoded_size: Range | None = None
    lines: Range | None = None
    measurement: str | None = None
    database: str | None = None
    attempt: Range | None = None

    def __post_init__(self) -> None:
        """Raise KnobError for an endpoint that does not exist."""
        known = (*GROUPS, *ENDPOINTS)
        if self.endpoint is not None and self.endpoint not in known:
            raise KnobError(
                f"endpoint is {self.endpoint!r}; expected one of {', '.join(known)}{nearest(self.endpoint, known)}"
            )

    def holds(self, exchange: Exchange, attempt: int) -> bool:
        """Whether the exchange is one of those meant; the dear conditions are looked at last."""
        if self.method is not None and exchange.method != self.method:
            return False
        if self.endpoint is not None and exchange.path not in GROUPS.get(self.endpoint, (self.endpoint,)):
            return False
        if self.attempt is not None and attempt not in self.attempt:
            return False
        if self.database is not None and exchange.database != self.database:
            return False
        if self.header and not all(self._has(exchange, name, pattern) for name, pattern in self.header.items()):
            return False
        if self.size is not None and exchange.size not in self.size:
            return False
        return self._body_holds(exchange)

    @staticmethod
    def _has(exchange: Exchange, name: str, pattern: str) -> bool:
        value = header(exchange.headers, name)
        return value is not None and fnmatch.fnmatchcase(value, pattern)

    def _body_holds(self, exchange: Exchange) -> bool:
        body = exchange.body
        if self.decoded_size is None and self.lines is None and self.measurement is None:
            return True
        if body.problem:
            return False
        if self.decoded_size is not None and len(body.data) not in self.decoded_size:
            return False
        if self.lines is not None:
            count = body.data.count(b"\n") + (bool(body.data) and not body.data.endswith(b"\n"))
            if count not in self.lines:
                return False
        if self.measurement is not None:
            parsed = lineprotocol.parse(body.data, "influxdb3")
            return any(point.measurement == self.measurement for point in parsed.points)
        return True


@dataclass(frozen=True, slots=True)
class When:
    """How often a rule fires on the exchanges it matches; every condition given must hold.

    ``first``, ``nth`` and ``every`` count from 1 the matching exchanges that no earlier rule decided; ``times`` limits
    how often the rule fires; ``after`` and ``before`` are seconds since the run began.
    """

    probability: float = 1.0
    first: int | None = None
    nth: int | None = None
    every: int | None = None
    times: int | None = None
    after: float | None = None
    before: float | None = None

    def __post_init__(self) -> None:
        """Raise KnobError for a value that could never fire or is no probability."""
        if not 0 <= self.probability <= 1:
            raise KnobError(f"probability is {self.probability!r}; expected a number from 0 to 1")
        for name in ("first", "nth", "every", "times"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise KnobError(f"{name} is {value!r}; expected at least 1")
        for name in ("after", "before"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise KnobError(f"{name} is {value!r}; expected at least 0")

    def counts(self, seen: int, fired: int, at: float) -> bool:
        """Whether all but the probability allow the rule to fire on the ``seen``-th matching exchange."""
        return (
            (self.first is None or seen <= self.first)
            and (self.nth is None or seen == self.nth)
            and (self.every is None or seen % self.every == 0)
            and (self.times is None or fired < self.times)
            and (self.after is None or at >= self.after)
            and (self.before is None or at < self.before)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault, on which exchanges, how often. ``required`` makes a run inconclusive when the rule never fires."""

    fault: Fault
    name: str = ""
    match: Match = Match()
    when: When = When()
    required: bool = True

    def __post_init__(self) -> None:
        """Take the fault's name where none is given; raises KnobError for a condition that is known too late."""
        if not self.name:
            object.__setattr__(self, "name", self.fault.name)
        stage = stage_of(self.fault)
        given = plain(self.match)
        if stage is Stage.HANDSHAKE and given:
            raise KnobError(f"match has {', '.join(given)}; expected nothing, as a handshake has no request yet")
        late = [name for name in ("decoded_size", "lines", "measurement") if name in given]
        if stage is Stage.HEAD and late:
            raise KnobError(
                f"match has {', '.join(late)}; expected conditions on the head only, as '{self.fault.name}' is decided"
                " before the body is read"
            )

    def to_json(self) -> dict[str, Any]:
        """Give the rule as plain JSON values, defaults included."""
        return {
            "name": self.name,
            "fault": self.fault.name,
            "with": {item.name: getattr(self.fault, item.name) for item in faults.knobs(type(self.fault))},
            "match": plain(self.match),
            "when": plain(self.when),
            "required": self.required,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote, or a rule of a scenario file; raises KnobError."""
        kind = faults.named(values["fault"])
        match = dict(values.get("match") or {})
        for item in ("size", "decoded_size", "lines", "attempt"):
            if match.get(item) is not None:
                given = match[item]
                match[item] = Range(given, given) if isinstance(given, int) else Range(**given)
        return cls(
            fault=kind(**(values.get("with") or {})),
            name=values.get("name") or "",
            match=Match(**match),
            when=When(**(values.get("when") or {})),
            required=values.get("required", True),
        )


def plain(value: Any) -> Any:
    """Give a dataclass as a dict of what differs from None and from empty, recursively."""
    if isinstance(value, Match | When | Range):
        pairs = ((item.name, getattr(value, item.name)) for item in fields(value))
        return {name: plain(given) for name, given in pairs if given is not None and given != {}}
    return value


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules of a run in order, the first that fires deciding; the seed of its draws; the contract it answers by.

    ``schedule`` decides the first writes by itself, one decision a write in the order of arrival; the rules decide on
    what comes after, and on what is no write.
    """

    rules: tuple[Rule, ...] = ()
    seed: int = 0
    profile: str = "serverless"
    schedule: tuple[Decision, ...] = ()

    def __post_init__(self) -> None:
        """Raise KnobError for two rules of one name, or a fault the profile has no documented answer for."""
        profile = contract.named(self.profile)
        seen: set[str] = set()
        for rule in self.rules:
            if rule.name in seen:
                raise KnobError(f"two rules are named '{rule.name}'; expected a name of its own for each")
            seen.add(rule.name)
            if not faults.is_documented(rule.fault, profile):
                answer = "/".join(filter(None, (faults.family_of(rule.fault), getattr(rule.fault, "cause", None))))
                having = ", ".join(p.name for p in contract.ALL if faults.is_documented(rule.fault, p)) or "none"
                raise KnobError(f"profile '{profile.name}' documents no '{answer}'; profiles that do: {having}")

        for number, step in enumerate(self.schedule, 1):
            if isinstance(step.intake, Handshake):
                raise KnobError(f"step {number} of the schedule is a handshake; expected what is done to a write")
            if isinstance(step.deliver, Nothing | Held) and not answers_itself(step):
                raise KnobError(f"step {number} of the schedule delivers '{step.deliver.kind}'; expected an answer too")

    def to_json(self) -> dict[str, Any]:
        """Give the plan as plain JSON values."""
        out = {"seed": self.seed, "profile": self.profile, "rules": [rule.to_json() for rule in self.rules]}
        return {**out, "schedule": [step.to_json() for step in self.schedule]} if self.schedule else out

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote; raises KnobError."""
        return cls(
            tuple(Rule.from_json(rule) for rule in values["rules"]),
            values["seed"],
            values["profile"],
            tuple(Decision.from_json(step) for step in values.get("schedule", ())),
        )

    @property
    def needs_tls(self) -> bool:
        """Whether a fault of it never shows without TLS."""
        return any(getattr(rule.fault, "needs_tls", False) for rule in self.rules)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that equal plans share, and no others."""
        text = json.dumps(_same(self.to_json()), sort_keys=True, default=str)
        return blake2b(text.encode(), digest_size=8).hexdigest()


def answers_itself(decision: Decision) -> bool:
    """Whether nothing of upstream's reply is needed: another is given, or none at all."""
    if isinstance(decision.reply, Answer) or isinstance(decision.ending, Closed | Never | Aborted):
        return True
    return isinstance(decision.intake, Refused | Severed)


def _same(value: Any) -> Any:
    """Give a JSON value with equal numbers in one spelling: 1 for 1.0."""
    if isinstance(value, dict):
        return {name: _same(given) for name, given in value.items()}
    if isinstance(value, list):
        return [_same(given) for given in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(slots=True)
class _Tally:
    seen: int = 0
    fired: int = 0
    memory: Any = None


class Arbiter:
    """Decides each exchange of one run, once.

    It is the only place where a run's state lives: how often each batch was attempted, how often each rule matched and
    fired, and what stateful faults remember. It reads no clock: time is an argument.
    """

    def __init__(self, plan: Plan) -> None:
        """Begin with nothing seen."""
        self._attempts: dict[int, int] = {}
        self.arm(plan)

    def arm(self, plan: Plan) -> None:
        """Go on with another plan, its rules starting afresh; attempts of batches already seen go on counting."""
        self.plan = plan
        self._profile = contract.named(plan.profile)
        self._seed = str(plan.seed)
        self._tallies = {rule.name: _Tally(memory=_memory_of(rule.fault)) for rule in plan.rules}
        self._rules = {stage: tuple(r for r in plan.rules if stage_of(r.fault) is stage) for stage in Stage}
        self._steps = iter(plan.schedule)
        # Writes are given their steps in the order in which their heads come, if a single step cannot wait longer.
        self._early_steps = any(isinstance(step.intake, EARLY) for step in plan.schedule)

    @property
    def fired(self) -> dict[str, int]:
        """How often each rule has fired."""
        return {name: tally.fired for name, tally in self._tallies.items()}

    @property
    def looks_at_heads(self) -> bool:
        """Whether anything may be decided before a request's body is there."""
        return bool(self._rules[Stage.HEAD]) or self._early_steps

    @property
    def looks_at_handshakes(self) -> bool:
        """Whether a TLS handshake may be spoilt."""
        return bool(self._rules[Stage.HANDSHAKE])

    def attempt(self, exchange: Exchange) -> int:
        """Count the exchange as an attempt of its batch and give its number, from 1."""
        return self._count(int(exchange.batch, 16))

    def _count(self, key: int) -> int:
        number = self._attempts.pop(key, 0) + 1
        self._attempts[key] = number
        if len(self._attempts) > BATCHES_REMEMBERED:
            del self._attempts[next(iter(self._attempts))]
        return number

    def decide(self, exchange: Exchange, attempt: int, now: float) -> Decision:
        """Give the schedule's next decision, or the first rule's that fires on this attempt; ``PASS`` if none does."""
        if exchange.is_write and not self._early_steps and (step := next(self._steps, None)) is not None:
            return step
        return self._first(Stage.WHOLE, exchange, exchange.batch, attempt, now) or PASS

    def decide_head(self, head: Exchange, now: float) -> Decision | None:
        """Give what is decided on a request whose body is not there yet; None to wait for it."""
        if head.is_write and self._early_steps and (step := next(self._steps, None)) is not None:
            return step
        if not self._rules[Stage.HEAD]:
            return None
        identity = f"{head.batch}+{head.size}"
        # One bit more than a batch has, so that a head is never taken for a batch.
        attempt = self._count(1 << 64 | int.from_bytes(blake2b(identity.encode(), digest_size=8).digest()))
        return self._first(Stage.HEAD, head, identity, attempt, now)

    def decide_handshake(self, handshake: Exchange, now: float) -> Decision | None:
        """Give what is done to a connection's TLS handshake; None to leave it alone.

        There is nothing to know it by but its number, so these draws do depend on the order of arrival.
        """
        return self._first(Stage.HANDSHAKE, handshake, str(handshake.nth), 1, now)

    def _first(self, stage: Stage, exchange: Exchange, identity: str, attempt: int, now: float) -> Decision | None:
        for rule in self._rules[stage]:
            if not rule.match.holds(exchange, attempt):
                continue
            tally = self._tallies[rule.name]
            tally.seen += 1
            if not rule.when.counts(tally.seen, tally.fired, exchange.at):
                continue
            key = f"{self._seed}|{rule.name}|{identity}|{attempt}"
            draw = None
            if rule.when.probability < 1:
                draw = uniform(key)
                if draw >= rule.when.probability:
                    continue
            scene = Scene(Random(key), self._profile, attempt, exchange.at, now, tally.memory)
            decision = rule.fault.decide(exchange, scene)
            if decision is None:
                continue
            tally.fired += 1
            return replace(decision, rule=rule.name, fault=rule.fault.name, draw=draw)
        return None


def _memory_of(fault: Fault) -> Any:
    remember = getattr(fault, "remember", None)
    return None if remember is None else remember()


def uniform(key: str) -> float:
    """Give the number in [0, 1) that a key stands for."""
    # 53 bits are what a float holds; 64 would round the largest draws up to 1.
    return (int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) >> 11) / 2**53
