"""Type conflicts: a field of one type where it has, or is about to have, another."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from hypothesis import strategies as st

from faultlab import contract
from faultlab.faults import nearest
from faultlab.lineprotocol import FieldType, Outcome, State, outcome
from faultlab.strategies.malformed import NOW
from faultlab.strategies.tape import Shown, Tape

WEEK = 7 * 24 * 3600 * 10**9
"""Nanoseconds of the time for which InfluxDB 1 and 2 keep the type of a field."""

LATER = NOW + 2 * WEEK
"""The time, in nanoseconds since 1970, at which the bodies are taken to arrive: none of their points is to come."""


class Placement(enum.StrEnum):
    """Where the second type of the field stands, seen from the first."""

    NEW_FIELD = "new_field"
    """In the same batch, on a field that did not exist."""
    SAME_LINE = "same_line"
    """In the same line."""
    EXISTING_FIELD = "existing_field"
    """In a batch with the first type again, on a field that existed."""
    NEXT_BATCH = "next_batch"
    """In a batch of its own."""
    OTHER_SERIES = "other_series"
    """In a batch of its own, under other tags."""
    OTHER_WEEK = "other_week"
    """In a batch of its own, a week later."""
    TAG = "tag"
    """In the same batch, the first being no field but a tag of that name."""
    OTHER_MEASUREMENT = "other_measurement"
    """In the same batch, under another measurement: no conflict anywhere."""


TYPES: tuple[FieldType, ...] = ("integer", "float", "string", "boolean", "unsigned")

_VALUES: dict[FieldType, tuple[str, ...]] = {
    "integer": ("1i", "0i", "-9223372036854775808i"),
    "float": ("1", "1.5", "-1e3"),
    "string": ('"s"', '""', '"1"', '"a,b=c d"'),
    "boolean": ("t", "false", "TRUE"),
    "unsigned": ("1u", "18446744073709551615u"),
}
_MEASUREMENTS = ("m", "a\\ b", "ż")
_FIELDS = ("f", "a\\,b", "#")


@dataclass(frozen=True)
class TypeConflict(Shown):
    """The bodies of one conflict: those of ``setup`` are written first, each in a request of its own, then ``body``.

    ``warm`` says whether the week held a point before; on InfluxDB 1 that alone changes what is lost.
    """

    first: FieldType
    second: FieldType
    placement: Placement
    warm: bool
    setup: tuple[bytes, ...]
    body: bytes

    def verdict(self, profile: str, *, endpoint: str = "") -> Outcome:
        """Give what a server of this profile answers to ``body``, and stores of it, after the setup."""
        state = State()
        for before in self.setup:
            state.learn(outcome(before, profile, state, endpoint=endpoint, now=LATER))
        return outcome(self.body, profile, state, endpoint=endpoint, now=LATER)

    @cached_property
    def verdicts(self) -> dict[str, Outcome]:
        """The verdict of every profile at its first write endpoint."""
        return {profile.name: self.verdict(profile.name) for profile in (*contract.ALL, *contract.OTHERS)}


def type_conflicts(
    *,
    types: Collection[FieldType] = TYPES,
    placements: Collection[Placement] = tuple(Placement),
    alike: bool = False,
) -> st.SearchStrategy[TypeConflict]:
    """Two types for one field, in every placement, in a week that held a point before and in one that did not.

    ``types`` are those of the first and the second value, ``alike`` admits that both are the same, which is no
    conflict. Up to two good lines stand around. Raises ValueError when nothing is left to draw. Shrinks towards an
    integer and a float in two lines of one body.
    """
    if unknown := [place for place in placements if place not in set(Placement)]:
        raise ValueError(f"no placement named '{unknown[0]}'{nearest(unknown[0], tuple(Placement))}")
    chosen, places = tuple(types), tuple(map(Placement, placements))
    pairs = tuple((one, other) for one in chosen for other in chosen if alike or one != other)
    if strange := [kind for kind in chosen if kind not in TYPES]:
        raise ValueError(f"no field type {strange[0]!r}; known: {', '.join(TYPES)}")
    if not (pairs and places):
        raise ValueError(f"types {chosen} and placements {places} leave nothing; expected two types and a placement")
    return st.binary(min_size=12, max_size=12).map(lambda data: _conflict(Tape(data), pairs, places))


def _conflict(
    tape: Tape, pairs: tuple[tuple[FieldType, FieldType], ...], places: tuple[Placement, ...]
) -> TypeConflict:
    placement, warm = tape.pick(places), bool(tape.below(2))
    first, second = tape.pick(pairs)
    m, f = tape.pick(_MEASUREMENTS), tape.pick(_FIELDS)
    one, other = tape.pick(_VALUES[first]), tape.pick(_VALUES[second])
    good, late = tape.below(4), NOW + 1
    begin = f"{m} {f}={one} {NOW}"
    setup: list[str] = [f"warm up=1 {NOW}"] if warm else []
    body = [f"good v=1 {NOW}"] * (good & 1)
    match placement:
        case Placement.SAME_LINE:
            body += [f"{m} {f}={one},{f}={other} {NOW}"]
        case Placement.EXISTING_FIELD:
            setup, body = [*setup, begin], [*body, begin, f"{m} {f}={other} {late}"]
        case Placement.NEXT_BATCH:
            setup, body = [*setup, begin], [*body, f"{m} {f}={other} {late}"]
        case Placement.OTHER_SERIES:
            setup, body = [*setup, f"{m},h=a {f}={one} {NOW}"], [*body, f"{m},h=b {f}={other} {late}"]
        case Placement.OTHER_WEEK:
            setup, body = [*setup, begin], [*body, f"{m} {f}={other} {NOW + WEEK}"]
        case Placement.TAG:
            body += [f"{m},{f}=v g={one} {NOW}", f"{m} {f}={other} {late}"]
        case Placement.OTHER_MEASUREMENT:
            body += [begin, f"{m}2 {f}={other} {late}"]
        case Placement.NEW_FIELD:
            body += [begin, f"{m} {f}={other} {late}"]
    body += [f"good v=2 {late}"] * (good >> 1)
    setups = tuple(f"{text}\n".encode() for text in setup)
    return TypeConflict(first, second, placement, warm, setups, "".join(f"{line}\n" for line in body).encode())
