"""Documented answers: every row of the profiles asked for, rendered by its profile."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from faultlab import contract
from faultlab.faults import InternalError, PartialWrite, RateLimit
from faultlab.strategies import documented_answers
from tests.strategies.draws import CALM, drawn, minimal


def test_answers_shrink_towards_the_first_row() -> None:
    """Documented answers shrink towards the first row of the first profile."""
    profile, row, answer = minimal(documented_answers())
    first = contract.ALL[0]

    assert (first.name, first.rows[0], first.render(first.rows[0])) == (profile.name, row, answer)


def test_every_documented_answer_is_drawn() -> None:
    """Sooner or later every row of the profiles and faults asked for is drawn, and no other."""
    profile = contract.named("oss2")
    seen = drawn(documented_answers(profiles=[profile], faults=[RateLimit, PartialWrite, InternalError]), 300)
    wanted = {row.id for kind in (RateLimit, PartialWrite, InternalError) for row in profile.of(kind.name)}

    assert wanted == {row.id for _, row, _ in seen}


@CALM
@given(documented_answers())
def test_answers_are_the_rows_own(drawn_answer: tuple[contract.Profile, contract.Row, Any]) -> None:
    """An answer is the one its profile renders for its row."""
    profile, row, answer = drawn_answer

    assert (True, row.status) == (row in profile.rows, answer.status)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (
            lambda: documented_answers(profiles=[contract.named("oss1")], faults=[RateLimit]),
            "oss1: nothing is documented for rate_limit",
        ),
        (lambda: documented_answers(profiles=[]), "no profiles: nothing is documented for any fault"),
    ],
)
def test_impossible_arguments_are_refused(make: Callable[[], Any], complaint: str) -> None:
    """What could draw nothing is refused in words."""
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        make()
