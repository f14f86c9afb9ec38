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
    Garbled,
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
    Unread,
)
from faultlab.plan import Plan
from faultlab.strategies.tape import Shown

_REFUSAL = Refusal(1, "", "refused by the schedule")
_PASS, _NOTHING = Decision(), Nothing()
# Faults a schedule draws its answers from, those a client meets most first; those of one line are one kind.
_ANSWERS = (
    ("rate_limit",),
    ("unavailable",),
    ("internal_error",),
    ("malformed_line", "type_conflict", "unprocessable"),
    ("unauthorized", "forbidden"),
    ("not_found",),
    ("too_large",),
    ("bad_gateway", "gateway_timeout"),
)
_WAITS = ("1", "0", "2", "5", "30")
# What a client has to get through rather than to give up, and how many kinds each counts for.
_WEIGHTS = {"unavailable": 3, "rate_limit": 2, "internal_error": 2, "partial_write": 2}
# A byte is so many times the kind, and the degree; the first kinds are what was done before, as outages last.
_DEGREES, _AGAIN = 8, 4


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

    A decision is one byte: what is done, and how much of it; one in eight does what the one before it did.
    ``transport`` admits what the network does: cuts, stalls, delays, damage, delivery twice and late. No probability
    and no time stands in a schedule, so one plays alike every time. Raises UnknownProfile, and ValueError where the
    profile has no such endpoint to write to or documents no failure there. Shrinks towards the schedule without
    decisions, and each decision towards letting the write pass.
    """
    kinds = _kinds(profile, endpoint, transport=transport)
    # Three of four are of full length, which finds most; the first is what all of them are shortened to in shrinking.
    sizes = (0, max_size, max_size, max_size)
    return st.one_of(
        [
            st.binary(min_size=size, max_size=max_size).map(lambda data: _schedule(data, kinds, profile))
            for size in sizes
        ]
    )


def _schedule(data: bytes, kinds: tuple[tuple[Decision, ...], ...], profile: str) -> Schedule:
    decisions: list[Decision] = []
    decision = _PASS
    for byte in data:
        # A byte of zero is no decision at all: shrinking one away moves those after it forward.
        if not byte:
            continue
        kind, degree = divmod(byte, _DEGREES)
        if kind >= _AGAIN:
            degrees = kinds[(kind - _AGAIN) % len(kinds)]
            decision = degrees[degree % len(degrees)]
        decisions.append(decision)
    while decisions and decisions[-1] == _PASS:
        decisions.pop()
    return Schedule(tuple(decisions), profile)


@cache
def _kinds(name: str, endpoint: str, *, transport: bool) -> tuple[tuple[Decision, ...], ...]:
    """Give every kind of decision, each with its degrees, the mildest first."""
    profile = contract.named(name)
    if endpoint not in profile.loss:
        raise ValueError(
            f"profile '{profile.name}' has no write endpoint '{endpoint}'; it has: {', '.join(profile.loss)}"
        )
    given = [kind for faults in _ANSWERS if (kind := _answers(profile, endpoint, *faults))]
    if not given:
        raise ValueError(f"profile '{profile.name}' documents no failure at '{endpoint}'")
    unavailable = _answers(profile, endpoint, "unavailable")
    stored = tuple(replace(one, deliver=_PASS.deliver, fault="unavailable_but_stored") for one in unavailable)
    partial = [
        replace(one, deliver=Lines((1,)), refused=(_REFUSAL,)) for one in _answers(profile, endpoint, "partial_write")
    ]
    # A part stored is told by its own status, or looks like something else.
    told = tuple(one for one in partial if isinstance(one.reply, Answer) and one.reply.status == 201)
    hidden = tuple(one for one in partial if one not in told)
    faults = [*given, *filter(None, (stored, told, hidden))]
    if transport:
        early = tuple(replace(one, intake=Unread()) for one in _answers(profile, endpoint, "too_large"))
        # What is stored later is answered before anybody knows whether it will be.
        held = tuple(
            replace(one, deliver=Held(seconds), fault="hold")
            for one in _answers(profile, endpoint, "no_content")[:1]
            for seconds in (0.1, 1.0)
        )
        faults += [*_TRANSPORT, *filter(None, (early, held))]
    first = {kind[0].fault: kind for kind in reversed(faults)}
    # The mildest degree first here too; the others from the far end, so that all of them have a byte.
    more = [
        kind[:1] + kind[:0:-1]
        for fault, weight in _WEIGHTS.items()
        if (kind := first.get(fault, ()))
        for _ in range(1, weight)
    ]
    return (_PASS,), *(tuple(replace(one, rule="schedule") for one in kind) for kind in (*faults, *more))


def _answers(profile: Profile, endpoint: str, *faults: str) -> tuple[Decision, ...]:
    """Give the decisions to answer with each row of some faults, for one that tells how long to wait with each wait."""
    rows = [row for fault in faults for row in profile.of(fault) if row.answers(endpoint)]
    facts = {"refusals": (_REFUSAL,)} if "partial_write" in faults else {}
    out = (
        Decision(
            deliver=_NOTHING, reply=profile.render(row, {**facts, "retry_after": wait}), fault=row.fault, row=row.id
        )
        for wait in _WAITS
        for row in rows
    )
    return tuple(dict.fromkeys(out))


def _ending(fault: str, *endings: Ending, deliver: Deliver = _PASS.deliver) -> tuple[Decision, ...]:
    return tuple(Decision(deliver=deliver, ending=ending, fault=fault) for ending in endings)


_CUTS = (Cut.RST, Cut.FIN)
_TRANSPORT = (
    (
        *_ending("latency", *(Delayed(seconds) for seconds in (0.01, 0.1, 1.0))),
        *_ending("dribble", Dribbled(1024), Dribbled(16)),
        *(Decision(Slow(speed), fault="bandwidth") for speed in (65_536, 1024)),
    ),
    _ending("lose_response", *map(Closed, _CUTS)),
    _ending("reset", *map(Closed, _CUTS), deliver=_NOTHING),
    tuple(Decision(Severed(after, how), _NOTHING, fault="reset") for how in _CUTS for after in (0, 1, 64)),
    (Decision(Refused(), _NOTHING, fault="refuse"),),
    _ending("truncate", *(Truncated(after=after, how=how) for how in _CUTS for after in (0, 1, 20))),
    _ending("stall", Never()),
    (Decision(deliver=Twice(), fault="duplicate"),),
    tuple(Decision(reply=Garbled(what), fault="corrupt") for what in ("body", "content_type")),
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
