"""What all strategies have in common: they say what they shrink towards, construct, warn of nothing and load fast."""

from __future__ import annotations

import inspect
import subprocess
import sys
import warnings
from typing import Any

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from faultlab import strategies
from faultlab.strategies import BODY_KINDS, EXTRAS, malformed
from faultlab.strategies.points import LATEST
from faultlab.strategies.tape import LONGEST
from tests.strategies.draws import statuses

FUNCTIONS: dict[str, Any] = {name: getattr(strategies, name) for name in strategies.__all__ if name.islower()}
SIGNATURES = {name: inspect.signature(function) for name, function in FUNCTIONS.items()}
STRATEGIES = [name for name, signature in SIGNATURES.items() if "SearchStrategy" in str(signature.return_annotation)]
HELPERS = {"assert_serializer_is_faithful", "unfaithful"}
"""What is no strategy but uses one's points."""

DRAWN: dict[str, st.SearchStrategy[Any]] = {
    **{name: FUNCTIONS[name]() for name in STRATEGIES},
    "batches of everything": strategies.batches(extras=EXTRAS, max_size=50),
    "long batches": strategies.batches(min_size=1000, max_size=1000),
    "batches of own names": strategies.batches(
        measurements=st.text("abc", min_size=1), timestamps=st.integers(1, LATEST)
    ),
    "malformed with quarantine": malformed(quarantine=True),
    "conflicts alike": strategies.type_conflicts(alike=True),
    "small bodies": strategies.bodies(kinds=[kind for kind in BODY_KINDS if not kind.startswith("oversized")]),
}


def test_every_public_function_is_known() -> None:
    """Every public function is a strategy, by its annotation, or one of the two that use them."""

    assert set(FUNCTIONS) - HELPERS == set(STRATEGIES)


def test_every_strategy_says_what_it_shrinks_towards() -> None:
    """The description of every public strategy tells what it shrinks towards."""

    assert [] == [
        name for name in STRATEGIES if "Shrinks towards" not in " ".join((FUNCTIONS[name].__doc__ or "").split())
    ]


def test_every_argument_is_named() -> None:
    """No public strategy takes an argument by its place."""
    kinds = {parameter.kind for name in STRATEGIES for parameter in SIGNATURES[name].parameters.values()}

    assert {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD} == kinds


@pytest.mark.parametrize("name", DRAWN)
def test_constructs_and_never_filters(name: str) -> None:
    """Every draw gives a value: none is thrown away for what it is."""
    seen = statuses(DRAWN[name], 100)

    assert (100, 0) == (seen["valid"], seen["invalid"])


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_is_warned_of_under_default_settings(name: str) -> None:
    """Under the settings that everybody starts with, no warning is given and no health check fails."""

    # A test is held to half a second a value, so a busy machine does not fail it.
    @settings(database=None, deadline=500)
    @seed(5)
    @given(DRAWN[name])
    def draw(value: Any) -> None:
        assert value is not None

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        draw()

    assert [] == [str(one.message) for one in told]


@pytest.mark.parametrize(
    "values",
    [
        malformed(classes=["long_name"]),
        strategies.bodies(kinds=["oversized"]),
        strategies.batches(min_size=2000, max_size=2000),
    ],
)
def test_large_values_are_shown_in_part(values: st.SearchStrategy[Any]) -> None:
    """A value of many thousand bytes is shown by its beginning and its end in a failure, without a warning."""

    @settings(database=None, deadline=None, max_examples=1, phases=[Phase.generate])
    @given(values)
    def fail(value: Any) -> None:
        raise LookupError

    with pytest.raises(LookupError) as caught:
        fail()
    shown = "".join(caught.value.__notes__)

    assert (True, True) == (" more …" in shown, len(shown) < LONGEST + 500)


def test_import_costs_little_beyond_hypothesis() -> None:
    """Importing the strategies takes less than 0.8 of what importing Hypothesis took before, in one of a few trials."""
    code = (
        "import time; began = time.process_time(); import hypothesis.strategies; half = time.process_time();"
        "import faultlab.strategies; print((time.process_time() - half) / (half - began))"
    )
    ratios = (
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout) for _ in range(8)
    )

    assert any(ratio < 0.8 for ratio in ratios)


def test_values_are_shown_as_what_they_are() -> None:
    """A falsifying example names the bytes of the body, not those of the tape it was made from."""

    @settings(database=None, deadline=None, max_examples=1, phases=[Phase.generate])
    @given(malformed(classes=["leading_plus"]))
    def fail(value: Any) -> None:
        raise LookupError

    with pytest.raises(LookupError) as caught:
        fail()

    shown = "".join(caught.value.__notes__)

    assert "value=Malformed(kind='leading_plus', body=b'bad f=+1 1700000000000000000\\n', span=(6, 8), line=1)" in shown
