"""The points of a run that are not simply stored, by what became of them and where that was decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from faultlab.passport import Passport, State

GROUPS = 200
"""How many groups of each state a page shows."""

SHOWN = 3
"""How many points of a group a page shows."""

LONGEST = 300
"""How many characters of a point are held."""

WORST_FIRST = (
    State.LOST_SILENTLY,
    State.REFUSED_UNTOLD,
    State.UNKNOWN,
    State.REPEATED,
    State.LOST_TOLD,
    State.REFUSED_TOLD,
)


@dataclass(frozen=True, slots=True)
class Fate:
    """What points of one batch share that ended alike; ``exchange`` decided it, None where they were never sent."""

    state: State
    why: str
    batch: str
    exchange: int | None
    copies: int


@dataclass(frozen=True, slots=True)
class Fated:
    """Points that share a fate: the first of them, and how many there are."""

    fate: Fate
    count: int
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """How many points ended in each state, and those that are not simply stored, the worst first.

    ``beyond`` says how many points of a state are in no group, because it has more than a page shows.
    """

    counts: Mapping[State, int]
    groups: tuple[Fated, ...]
    beyond: Mapping[State, int]


def account(passports: Iterable[Passport]) -> Account:
    """Group passports; holds a bounded number of them, however many there are."""
    counts: Counter[State] = Counter()
    beyond: Counter[State] = Counter()
    open_: Counter[State] = Counter()
    first: dict[Fate, list[str]] = {}
    sizes: Counter[Fate] = Counter()
    for one in passports:
        counts[one.state] += 1
        if one.state is State.STORED:
            continue
        fate = Fate(one.state, one.why, one.batch, one.decided, one.copies)
        if fate not in first:
            if open_[one.state] == GROUPS:
                beyond[one.state] += 1
                continue
            open_[one.state] += 1
            first[fate] = []
        sizes[fate] += 1
        if len(first[fate]) < SHOWN:
            first[fate].append(one.point[:LONGEST])
    ranked = sorted(first, key=lambda fate: WORST_FIRST.index(fate.state))
    return Account(
        {state: counts[state] for state in (*WORST_FIRST, State.STORED) if counts[state]},
        tuple(Fated(fate, sizes[fate], tuple(first[fate])) for fate in ranked),
        {state: beyond[state] for state in WORST_FIRST if beyond[state]},
    )
