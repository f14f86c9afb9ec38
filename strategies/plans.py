"""Faults, rules and plans, drawn from the types, bounds and choices their knobs declare."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import Field, replace
from functools import cache
from typing import Any

from hypothesis import strategies as st

from faultlab import contract, faults
from faultlab.exchange import ENDPOINTS
from faultlab.faults import Fault, Stage, knobs, stage_of
from faultlab.faults.knob import default_of, types_of
from faultlab.plan import GROUPS, Match, Plan, Range, Rule, When

PROBABILITIES = (1.0, 0.5, 0.25, 0.0)
_SHARES = (0.0, 0.25, 0.5, 1.0)


def fault_values(*, faults: Sequence[type[Any]] | None = None) -> st.SearchStrategy[Fault]:
    """Faults of these classes, every knob within its bounds; of all classes if None.

    A knob ``min_x`` never exceeds the knob ``max_x``. Shrinks towards the first class with every knob at its default.
    """
    return _fault_values(_kinds(faults), None)


def rules(*, faults: Sequence[type[Any]] | None = None, counting: bool = True) -> st.SearchStrategy[Rule]:
    """Rules about faults of these classes; of all classes if None.

    ``counting`` admits conditions and faults that depend on the order in which exchanges arrive. Shrinks towards the
    first class with every knob at its default, on every exchange.
    """
    return _rules(_counted(_kinds(faults), counting=counting), None, counting=counting)


@st.composite
def plans(
    draw: st.DrawFn, *, faults: Sequence[type[Any]] | None = None, max_size: int = 3, counting: bool = True
) -> Plan:
    """Plans of at most ``max_size`` rules, about faults of these classes that the plan's profile documents.

    ``counting`` admits conditions and faults that depend on the order in which exchanges arrive. Rules of one fault are
    told apart by a number behind their name. Shrinks towards the plan without rules, seed 0, of the first profile.
    """
    kinds = _counted(_kinds(faults), counting=counting)
    documented = _documented(kinds)
    profile = draw(st.sampled_from(tuple(documented)))
    drawn = draw(st.lists(_rules(documented[profile], profile, counting=counting), max_size=max_size))
    names = [rule.name for rule in drawn]
    numbered = (
        replace(rule, name=f"{rule.name}-{names[:index].count(rule.name) + 1}" if rule.name in names[:index] else "")
        for index, rule in enumerate(drawn)
    )
    return Plan(tuple(numbered), draw(st.integers(0, 2**32 - 1)), profile)


def _kinds(given: Sequence[type[Any]] | None) -> tuple[type[Any], ...]:
    kinds = faults.ALL if given is None else tuple(given)
    if not kinds:
        raise ValueError("faults is empty; expected at least one fault class, or None for all")
    return kinds


def _counted(kinds: tuple[type[Any], ...], *, counting: bool) -> tuple[type[Any], ...]:
    left = tuple(kind for kind in kinds if counting or not hasattr(kind, "remember"))
    if not left:
        raise ValueError(f"{', '.join(k.name for k in kinds)}: only faults that count; expected one that does not")
    return left


@cache
def _documented(kinds: tuple[type[Any], ...]) -> dict[str, tuple[type[Any], ...]]:
    """Give, for each profile that documents any of the faults, those it documents."""
    found = {p.name: tuple(k for k in kinds if faults.is_documented(k(), p)) for p in contract.ALL}
    return {name: some for name, some in found.items() if some}


@cache
def _rules(kinds: tuple[type[Any], ...], profile: str | None, *, counting: bool) -> st.SearchStrategy[Rule]:
    faults = _fault_values(kinds, profile)
    return st.builds(_rule, faults, match=_matches(), when=_whens(counting=counting), required=_later(True, False))


def _rule(fault: Fault, match: Match, when: When, required: bool) -> Rule:
    """Make a rule, without the conditions that are known too late for its fault."""
    stage = stage_of(fault)
    if stage is Stage.HANDSHAKE:
        match = Match()
    elif stage is Stage.HEAD:
        match = replace(match, decoded_size=None, lines=None, measurement=None)
    return Rule(fault, match=match, when=when, required=required)


@cache
def _fault_values(kinds: tuple[type[Any], ...], profile: str | None) -> st.SearchStrategy[Fault]:
    values = {kind: st.builds(kind) | _made(kind, profile) for kind in kinds}
    return st.sampled_from(kinds).flatmap(values.__getitem__)


def _made(kind: type[Any], profile: str | None) -> st.SearchStrategy[Fault]:
    drawn = {
        item.name: _causes(kind, item, profile) if item.name == "cause" else _knob_values(kind, item)
        for item in knobs(kind)
    }
    return st.fixed_dictionaries(drawn).map(lambda given: kind(**_in_order(given)))


def _in_order(given: dict[str, Any]) -> dict[str, Any]:
    out = dict(given)
    for name, value in given.items():
        partner = name.replace("min_", "max_", 1)
        if name.startswith("min_") and partner in given:
            out |= {name: min(value, given[partner]), partner: max(value, given[partner])}
    return out


def _causes(kind: type[Any], item: Field[Any], profile: str | None) -> st.SearchStrategy[Any]:
    profiles = contract.ALL if profile is None else (contract.named(profile),)
    known = {None, *(row.cause for p in profiles for row in p.of(faults.family_of(kind)))}
    default = default_of(item)
    return _later(default, *(c for c in item.metadata["choices"] if c != default and c in known))


def _knob_values(fault: type[Any], item: Field[Any]) -> st.SearchStrategy[Any]:
    kind = types_of(fault)[item.name]
    default, low, high = default_of(item), item.metadata["minimum"], item.metadata["maximum"]
    choices = item.metadata["choices"]
    if choices:
        return _later(default, *(choice for choice in choices if choice != default))
    allowed = typing.get_args(kind) or (kind,)
    if bool in allowed:
        return _later(default, not default)
    if item.metadata["examples"]:
        return _later(default, *item.metadata["examples"])
    others: st.SearchStrategy[Any] = st.nothing()
    if int in allowed:
        others = st.integers(low, high)
    elif float in allowed:
        others = _later(*(s for s in _SHARES if (low is None or s >= low) and (high is None or s <= high)))
    return st.just(default) | others


def _later(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def _optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def _ranges(low: int, high: int) -> st.SearchStrategy[Range]:
    # Both ends from one sorted pair: a range that holds nothing would make a rule that never fires.
    ends = st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)
    return st.one_of(
        ends.map(lambda pair: Range(min=pair[0])),
        ends.map(lambda pair: Range(max=pair[1])),
        ends.map(lambda pair: Range(pair[0], pair[1])),
    )


def _matches() -> st.SearchStrategy[Match]:
    patterns = st.sampled_from(("*", "", "Token *", "*gzip*"))
    return st.just(Match()) | st.builds(
        Match,
        method=_optional(st.sampled_from(("POST", "GET"))),
        endpoint=_optional(st.sampled_from((*GROUPS, *ENDPOINTS))),
        header=st.dictionaries(st.sampled_from(("Authorization", "content-encoding")), patterns, max_size=1),
        size=_optional(_ranges(0, 200)),
        decoded_size=_optional(_ranges(0, 200)),
        lines=_optional(_ranges(0, 8)),
        measurement=_optional(st.sampled_from(("m", "other"))),
        database=_optional(st.sampled_from(("b", "other"))),
        attempt=_optional(_ranges(1, 4)),
    )


def _whens(*, counting: bool) -> st.SearchStrategy[When]:
    numbers = _optional(st.integers(1, 5)) if counting else st.none()
    times = st.tuples(st.integers(0, 3600), st.integers(1, 3600))
    return st.just(When()) | st.builds(
        lambda probability, first, nth, every, limit, span: When(
            probability, first, nth, every, limit, *((None, None) if span is None else (span[0], span[0] + span[1]))
        ),
        st.sampled_from(PROBABILITIES),
        numbers,
        numbers,
        numbers,
        numbers,
        _optional(times),
    )
