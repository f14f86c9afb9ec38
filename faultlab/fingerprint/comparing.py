"""Two fingerprints, fact by fact: what differs in a way that chance and two machines do not explain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from faultlab.fingerprint.policy import Fingerprint, Spread, Tally, words
from faultlab.oracles.waiting import SLACK

FACTOR = 1.5
"""How many times as much one figure may be as another and still be the same policy."""

ENOUGH = 4
"""Samples below which a figure is compared with nothing."""

LEAST = {"growth": 0.0, "jitter": 0.1}
"""By how much two figures have to differ at least; a time by the slack of two clocks."""

SIGMAS = 3.0
"""Standard errors by which two medians have to differ beyond what their own spread explains."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of two fingerprints; ``differs`` is None where it cannot be compared, and ``why`` then says why."""

    name: str
    before: Tally | Spread | None
    after: Tally | Spread | None
    differs: bool | None
    why: str = ""


def compare(old: Fingerprint, new: Fingerprint) -> Iterator[Fact]:
    """Yield each fact that at least one of the two has met.

    What a client always, sometimes or never does differs when the word does, and attempts when the most of them do. A
    figure differs when it rests on 4 samples in both, when the medians are further apart than a factor of 1.5 and than
    two clocks or machines may be, and when the spread of the samples does not explain it.
    """
    before, after = old.facts(), new.facts()
    for name in before | after:
        one, other = before.get(name), after.get(name)
        if one is not None or other is not None:
            yield _fact(name, one, other)


def text(facts: Iterable[Fact]) -> str:
    """Say what differs and what could not be compared, one line each, and last how many facts were compared."""
    lines, compared, differing = [], 0, 0
    for fact in facts:
        if fact.differs is None:
            lines.append(f"not compared  {fact.name}: {fact.why}")
            continue
        compared += 1
        if fact.differs:
            differing += 1
            before, after = words(fact.name, fact.before), words(fact.name, fact.after)
            lines.append(f"differs       {fact.name}: {before} before, {after} after")
    total = f"{compared} fact{'' if compared == 1 else 's'} compared, {differing} differ{'s' if differing == 1 else ''}"
    return "\n".join([*lines, total])


def _fact(name: str, before: Tally | Spread | None, after: Tally | Spread | None) -> Fact:
    if before is None or after is None:
        return Fact(name, before, after, None, f"not met in the {'old' if before is None else 'new'} one")
    if isinstance(before, Tally) and isinstance(after, Tally):
        return Fact(name, before, after, before.word != after.word)
    assert isinstance(before, Spread)
    assert isinstance(after, Spread)
    if name == "gives_up_after":
        return Fact(name, before, after, before.maximum != after.maximum)
    if min(before.samples, after.samples) < ENOUGH:
        why = f"{before.samples} before and {after.samples} after; {ENOUGH} samples needed"
        return Fact(name, before, after, None, why)
    return Fact(name, before, after, _apart(before, after, LEAST.get(name, SLACK)))


def _apart(before: Spread, after: Spread, least: float) -> bool:
    noise = SIGMAS * math.hypot(_error(before), _error(after))
    share = (FACTOR - 1) * min(abs(before.median), abs(after.median))
    return abs(before.median - after.median) > max(least, noise, share)


def _error(spread: Spread) -> float:
    """Give the standard error of the median of ``ENOUGH`` samples or more, were the figures spread evenly."""
    # The range of a few draws falls short of the range they were drawn from by this factor.
    width = (spread.maximum - spread.minimum) * (spread.samples + 1) / (spread.samples - 1)
    return width / (2 * math.sqrt(spread.samples + 2))
