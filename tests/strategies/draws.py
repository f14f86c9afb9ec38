"""Draws for tests: the simplest value of a strategy, many of its values, and the bugs that they find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from hypothesis.statistics import collector

from faultlab.lineprotocol import Point

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# To explain a failure, which comes after shrinking, takes a hundred runs and changes nothing.
PHASES = [Phase.generate, Phase.shrink]
SEARCH = settings(deadline=None, database=None, max_examples=1000, derandomize=True, phases=PHASES)
SEEDS = range(10)
ENOUGH = 9
"""In how many of the seeds a bug has to be found: no search is certain."""


def minimal[T](values: st.SearchStrategy[T], condition: Callable[[T], bool] = lambda _: True) -> T:
    """Give the simplest value that a strategy shrinks to."""
    return find(values, condition, settings=SEARCH)


def drawn[T](values: st.SearchStrategy[T], count: int = 500) -> list[T]:
    """Give as many values of a strategy, under Hypothesis' own health checks."""
    seen: list[T] = []

    @settings(SEARCH, max_examples=count, phases=[Phase.generate])
    @given(values)
    def draw(value: T) -> None:
        seen.append(value)

    draw()
    return seen


def statuses(values: st.SearchStrategy[Any], count: int = 200) -> Counter[str]:
    """Count what Hypothesis makes of its draws: a value, none because of a filter, or none for want of choices."""
    told: list[Any] = []
    with collector.with_value(told.append):  # type: ignore[arg-type] # declared for None alone
        drawn(values, count)
    return Counter(case["status"] for case in told[0]["generate-phase"]["test-cases"])


@dataclass(frozen=True)
class Hunt[T]:
    """What came of looking for a bug: the simplest value that shows it, and how many runs that took after the first."""

    shrunk: T
    first: int
    runs: int


def hunt[T](values: st.SearchStrategy[T], shows: Callable[[T], bool], seed: int, examples: int) -> Hunt[T] | None:
    """Look for a bug in as many examples and shrink what shows it; None if it is not found."""
    seen: list[bool] = []

    def look(value: T) -> bool:
        seen.append(shows(value))
        return seen[-1]

    try:
        shrunk = find(
            values,
            look,
            settings=settings(database=None, deadline=None, max_examples=examples, phases=PHASES),
            random=Random(seed),
        )
    except NoSuchExample:
        return None
    first = seen.index(True) + 1
    return Hunt(shrunk, first, len(seen) - first)


def hunts[T](values: st.SearchStrategy[T], shows: Callable[[T], bool], examples: int) -> list[Hunt[T]]:
    """Look for a bug with each of ten seeds, and give what was found."""
    return [found for seed in SEEDS if (found := hunt(values, shows, seed, examples)) is not None]


def exact(points: Sequence[Point]) -> list[tuple[Any, ...]]:
    """Give points so that equal means the same in every respect: 1 is not 1.0, and 0.0 is not -0.0."""
    return [
        (
            point.measurement,
            point.tags,
            tuple((key, kind, repr(value)) for key, kind, value in point.fields),
            point.timestamp,
            point.line,
            point.ordinal,
            point.span,
        )
        for point in points
    ]
