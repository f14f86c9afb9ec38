"""What a scenario grants a client, out and in again."""

from __future__ import annotations

import pytest

from faultlab.terms import TELLS, Terms


@pytest.mark.parametrize(
    "terms",
    [Terms(), Terms(deadline=1.5, memory_mb=7, attempts=2, recovery=3.5, told_by=("report",)), Terms(told_by=())],
)
def test_terms_come_back_as_they_were(terms: Terms) -> None:
    """A history's first line holds them among other things."""
    assert terms == Terms.from_json({"scenario": "x", **terms.to_json()})


def test_what_is_not_given_has_its_default() -> None:
    """No bound on memory, and every way of telling."""
    assert (Terms(), TELLS, None) == (
        Terms.from_json({}),
        Terms.from_json({"told_by": None}).told_by,
        Terms().memory_mb,
    )


def test_what_has_no_bound_is_left_out() -> None:
    """A file cannot say null."""
    assert {"deadline", "attempts", "recovery", "told_by"} == Terms().to_json().keys()


def test_a_deadline_is_a_number_of_seconds() -> None:
    """A file may write it as a whole number."""
    assert isinstance(Terms.from_json({"deadline": 3}).deadline, float)
