"""Fault schedules: one decision for each write in the order of arrival, over all four choices, harmless first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from hypothesis import strategies as st

from faultlab import contract
from faultlab.contract import Profile
from faultlab.exchange import (
    V2_WRITE,
    Answer,
    Closed,
    Cut,
    Decision,
    Delayed,
    Deliver,
    Dribbled,
    Ending,
    Held,
    Lines,
    Never,
    Nothing,
    Refusal,
    Refused,
    Severed,
    Slow,
    Truncated,
    Twice,
)
from faultlab.plan import Plan
from faultlab.strategies.tape import Shown

_REFUSAL = Refusal(1, "", "refused by the schedule")
_PASS, _NOTHING = Decision(), Nothing()
# Faults a schedule draws its answers from, those a client meets most first.
_ANSWERS = (
    "rate_limit",
    "unavailable",
    "internal_error",
    "malformed_line",
    "type_conflict",
    "unauthorized",
    "forbidden",
    "not_found",
    "too_large",
    "unprocessable",
    "bad_gateway",
    "gateway_timeout",
)
_WAITS = ("1", "0", "2", "5", "30")


@dataclass(frozen=True)
class Schedule(Shown):
    """What is done with the first writes of a run, one decision each; the writes after them pass.

    ``profile`` is the contract its answers are taken from.
    """

    decisions: tuple[Decision, ...] = ()
    profile: str = "serverless"

    @property
    def faults(self) -> int:
        """How many of the decisions do something."""
        return sum(decision != _PASS for decision in self.decisions)

    def plan(self, *, seed: int = 0) -> Plan:
        """Give the plan that plays the schedule."""
        return Plan((), seed, self.profile, self.decisions)

    def __repr__(self) -> str:
        """Name the decisions in order."""
        return f"Schedule([{', '.join(map(_shown, self.decisions))}], profile={self.profile!r})"


def schedules(
    *, profile: str = "serverless", endpoint: str = V2_WRITE, max_size: int = 10, transport: bool = True
) -> st.SearchStrategy[Schedule]:
    """Schedules of at most ``max_size`` decisions, whose answers a profile documents for an endpoint.

    A decision is one byte: what is done, and how much of it. ``transport`` admits what the network does: cuts, stalls,
    delays, delivery twice and late. No probability and no time stands in a schedule, so one plays alike every time.
    Raises UnknownProfile, and ValueError where the profile documents no answer there. Shrinks towards the schedule
    without decisions, and each decision towards letting the write pass.
    """
    kinds = _kinds(profile, endpoint, transport=transport)
    return st.binary(min_size=max_size, max_size=max_size).map(lambda data: _schedule(data, kinds, profile))


def _schedule(data: bytes, kinds: tuple[tuple[Decision, ...], ...], profile: str) -> Schedule:
    decisions = []
    # Shrinking moves what is left to the end of the bytes; read from there, it comes to stand at the beginning.
    for byte in reversed(data.lstrip(b"\x00")):
        much, kind = divmod(byte, len(kinds))
        decisions.append(kinds[kind][much % len(kinds[kind])])
    while decisions and decisions[-1] == _PASS:
        decisions.pop()
    return Schedule(tuple(decisions), profile)


@cache
def _kinds(name: str, endpoint: str, *, transport: bool) -> tuple[tuple[Decision, ...], ...]:
    """Give every kind of decision, each with its degrees, the mildest first."""
    profile = contract.named(name)
    answers = [(fault, _answers(profile, endpoint, fault)) for fault in _ANSWERS]
    given = [some for _, some in answers if some]
    if not given:
        raise ValueError(f"profile '{profile.name}' documents no failure at '{endpoint}'")
    unavailable = dict(answers)["unavailable"]
    stored = tuple(replace(one, deliver=_PASS.deliver, fault="unavailable_but_stored") for one in unavailable)
    partial = tuple(
        replace(one, deliver=Lines((1,)), refused=(_REFUSAL,)) for one in _answers(profile, endpoint, "partial_write")
    )
    faults = [*given, stored, *([partial] if partial else []), *(_TRANSPORT if transport else ())]
    return (_PASS,), *(tuple(replace(one, rule="schedule") for one in kind) for kind in faults)


def _answers(profile: Profile, endpoint: str, fault: str) -> tuple[Decision, ...]:
    """Give the decisions to answer with each row of a fault, for one that tells how long to wait with each wait."""
    rows = [row for row in profile.of(fault) if row.answers(endpoint)]
    facts = {"refusals": (_REFUSAL,)} if fault == "partial_write" else {}
    out = (
        Decision(deliver=_NOTHING, reply=profile.render(row, {**facts, "retry_after": wait}), fault=fault, row=row.id)
        for wait in _WAITS
        for row in rows
    )
    return tuple(dict.fromkeys(out))


def _ending(fault: str, *endings: Ending, deliver: Deliver = _PASS.deliver) -> tuple[Decision, ...]:
    return tuple(Decision(deliver=deliver, ending=ending, fault=fault) for ending in endings)


_CUTS = (Cut.RST, Cut.FIN)
_TRANSPORT = (
    _ending("latency", *(Delayed(seconds) for seconds in (0.01, 0.1, 1.0))),
    _ending("lose_response", *map(Closed, _CUTS)),
    _ending("reset", *map(Closed, _CUTS), deliver=_NOTHING),
    tuple(Decision(Severed(after, how), _NOTHING, fault="sever") for how in _CUTS for after in (0, 1, 64)),
    (Decision(Refused(), _NOTHING, fault="refuse"),),
    _ending("truncate", *(Truncated(after, how) for how in _CUTS for after in (0, 1, 20))),
    _ending("dribble", Dribbled(1024), Dribbled(16)),
    _ending("stall", Never()),
    tuple(Decision(Slow(speed), fault="bandwidth") for speed in (65_536, 1024)),
    (Decision(deliver=Twice(), fault="duplicate"),),
    tuple(Decision(deliver=Held(seconds), fault="hold") for seconds in (0.1, 1.0)),
)


def _shown(decision: Decision) -> str:
    """Give a decision in a few words: its fault, the answer, and every other choice that is not the harmless one."""
    if decision == _PASS:
        return "pass"
    words = [decision.fault]
    if isinstance(decision.reply, Answer):
        wait = decision.reply.header("Retry-After")
        words += [str(decision.reply.status), *([f"Retry-After {wait}"] if wait else [])]
    harmless = (_PASS.intake, _PASS.deliver, _PASS.ending, _NOTHING)
    choices = (decision.intake, decision.deliver, decision.ending)
    return " ".join([*words, *(repr(choice) for choice in choices if choice not in harmless)])
