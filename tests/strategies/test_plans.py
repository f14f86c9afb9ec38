"""Faults, rules and plans: within the bounds of their knobs, everything drawn, and simple when they fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab import contract, faults
from faultlab.faults import Catalogue, InternalError, PartialWrite, Quota, RateLimit, Success, UnsupportedMediaType
from faultlab.faults.knob import check_knobs, knobs
from faultlab.plan import Plan, Range, Rule
from faultlab.strategies import fault_values, plans, rules
from tests.strategies.draws import CALM, drawn, minimal


@pytest.mark.parametrize(
    ("values", "simplest"),
    [
        (fault_values(), Success()),
        (fault_values(faults=[RateLimit, Success]), RateLimit()),
        (rules(), Rule(Success())),
        (rules(faults=[Quota]), Rule(Quota())),
        (plans(), Plan((), 0, "serverless")),
        (plans(faults=[UnsupportedMediaType]), Plan((), 0, "serverless")),
    ],
)
def test_shrinks_towards_the_simplest(values: st.SearchStrategy[Any], simplest: Any) -> None:
    """Faults, rules and plans shrink towards what their descriptions say."""

    assert simplest == minimal(values)


def test_failing_plan_shrinks_to_one_rule() -> None:
    """A failure that takes one fault shrinks to a plan of that fault alone, knobs at their defaults."""
    shrunk = minimal(
        plans(faults=[Success, RateLimit, PartialWrite]),
        lambda plan: any(isinstance(rule.fault, PartialWrite) for rule in plan.rules),
    )

    assert Plan((Rule(PartialWrite()),), 0, "serverless") == shrunk


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: rules(faults=[]), "faults is empty; expected at least one fault class, or None for all"),
        (
            lambda: rules(faults=[Quota, Catalogue], counting=False),
            "quota, catalogue: only faults that count; expected one that does not",
        ),
    ],
)
def test_impossible_arguments_are_refused(make: Callable[[], Any], complaint: str) -> None:
    """What could draw nothing is refused in words."""
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        make()


@CALM
@given(fault_values())
def test_knobs_are_within_bounds(fault: Any) -> None:
    """Every knob of every drawn fault suits its declaration."""
    check_knobs(fault)

    assert type(fault) in faults.ALL


def test_every_fault_and_every_choice_is_drawn() -> None:
    """Every fault is drawn, and every choice of every knob."""
    seen: dict[tuple[str, str], set[Any]] = {}
    for kind in filter(fields, faults.ALL):
        most = max(len(item.metadata["choices"]) for item in knobs(kind))
        for fault in drawn(fault_values(faults=[kind]), 40 * max(most, 2)):
            for item in knobs(kind):
                seen.setdefault((kind.name, item.name), set()).add(getattr(fault, item.name))
    missing = {
        (kind.name, item.name): set(item.metadata["choices"]) - seen[kind.name, item.name]
        for kind in faults.ALL
        for item in knobs(kind)
    }
    constant = [place for place, values in seen.items() if len(values) < 2]

    assert ({place: set() for place in missing}, []) == (missing, constant)


def test_every_condition_is_drawn() -> None:
    """Every condition of a rule is drawn given and not given."""
    seen = drawn(rules(), 600)
    usual = [
        (part, item.name)
        for part in ("match", "when")
        for item in fields(getattr(seen[0], part))
        if len({repr(getattr(getattr(rule, part), item.name)) for rule in seen}) < 2
    ]

    assert [] == usual


@CALM
@given(rules())
def test_ranges_hold_something(rule: Rule) -> None:
    """No range of a rule is empty, and no span of time either."""
    ranges = [value for value in vars_of(rule.match) if isinstance(value, Range)]
    empty = [r for r in ranges if r.min is not None and r.max is not None and r.min > r.max]
    when = rule.when

    assert ([], True) == (empty, when.after is None or when.before is None or when.after < when.before)


def vars_of(value: Any) -> list[Any]:
    """Give the values of a dataclass's fields."""
    return [getattr(value, item.name) for item in fields(value)]


@CALM
@given(plans(counting=False))
def test_plans_without_counting_have_no_memory(plan: Plan) -> None:
    """Without ``counting`` no rule depends on the order in which exchanges arrive."""
    counted = [
        rule
        for rule in plan.rules
        if hasattr(rule.fault, "remember")
        or any(getattr(rule.when, name) is not None for name in ("first", "nth", "every", "times"))
    ]

    assert [] == counted


@CALM
@given(st.data(), st.integers(0, 4))
def test_plans_are_no_longer_than_asked(data: st.DataObject, size: int) -> None:
    """A plan has at most ``max_size`` rules, all of the faults asked for, each with a name of its own."""
    plan = data.draw(plans(faults=[RateLimit, InternalError], max_size=size))
    kinds = {type(rule.fault) for rule in plan.rules}

    assert len(plan.rules) <= size
    assert kinds <= {RateLimit, InternalError}
    assert len(plan.rules) == len({rule.name for rule in plan.rules})


def test_plans_are_drawn_under_every_profile() -> None:
    """Every profile that documents a fault is drawn for it."""
    seen = {plan.profile for plan in drawn(plans(faults=[RateLimit]), 100)}

    assert {profile.name for profile in contract.ALL if profile.of("rate_limit")} == seen
