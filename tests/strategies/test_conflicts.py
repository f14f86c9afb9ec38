"""Type conflicts: every pair of types in every place, and what each server keeps of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from faultlab import contract
from faultlab.lineprotocol import FieldType, Unit, parse
from faultlab.strategies import Placement, TypeConflict, type_conflicts
from faultlab.strategies.conflicts import TYPES
from faultlab.strategies.malformed import NOW
from tests.strategies.draws import drawn, minimal

ALONE = {Placement.NEXT_BATCH, Placement.OTHER_SERIES, Placement.OTHER_WEEK, Placement.SAME_LINE}
"""Placements whose body has one line of the two types."""
BEFORE = {Placement.EXISTING_FIELD, Placement.NEXT_BATCH, Placement.OTHER_SERIES, Placement.OTHER_WEEK}
"""Placements whose first type is written in a request before."""


@cache
def all_conflicts() -> tuple[TypeConflict, ...]:
    """Give every pair of types in every place, types alike as well, with each number of good lines around."""
    seen = drawn(type_conflicts(alike=True), 5000)
    apart = {(case.first, case.second, case.placement, case.warm, case.body.count(b"good ")): case for case in seen}
    return tuple(apart.values())


@dataclass(frozen=True)
class Told:
    """What a server tells and keeps: its status, what goes with bad lines, and whether each line of two types stays."""

    status: int
    unit: Unit
    kept: tuple[bool, ...]
    others: bool = True

    @classmethod
    def of(cls, kept: Collection[bool], status: int) -> Told:
        """Give what is told by a server that loses lines alone, with this status where it loses any."""
        return cls(204 if all(kept) else status, Unit.NOTHING if all(kept) else Unit.LINES, tuple(kept))


def oss1(case: TypeConflict) -> Told:
    """Give what InfluxDB 1.6.7 did: it has no unsigned, types hold for a week, and a new week is lost with a clash."""
    first, second = case.first != "unsigned", case.second != "unsigned"
    clash = first and second and case.first != case.second
    apart = {Placement.TAG, Placement.OTHER_MEASUREMENT, Placement.OTHER_WEEK}
    match case.placement:
        case place if place in apart:
            clash = False
        case Placement.NEW_FIELD | Placement.SAME_LINE if clash and not case.warm:
            return Told(400, Unit.WEEK, (False,) * (1 + (case.placement not in ALONE)), others=False)
    if case.placement is Placement.SAME_LINE:
        return Told.of([first and second and not clash], 400)
    last = second and not clash
    return Told.of([last] if case.placement in ALONE else [first, last], 400)


def oss2(case: TypeConflict) -> Told:
    """Give what InfluxDB 2.9.1 does: types hold for a week, and the first one wins."""
    apart = {Placement.TAG, Placement.OTHER_MEASUREMENT, Placement.OTHER_WEEK}
    clash = case.first != case.second and case.placement not in apart
    return Told.of([not clash] if case.placement in ALONE else [True, not clash], 422)


def core(case: TypeConflict) -> Told:
    """Give what InfluxDB 3.10.1 does: a name has one type for ever, tag being one, and a line names a field once."""
    match case.placement:
        case Placement.OTHER_MEASUREMENT:
            clash = False
        case Placement.TAG | Placement.SAME_LINE:
            clash = True
        case _:
            clash = case.first != case.second
    return Told.of([not clash] if case.placement in ALONE else [True, not clash], 400)


def told(case: TypeConflict, profile: str) -> Told:
    """Give what the verdict says of a server."""
    seen = case.verdict(profile)
    lines = case.body.splitlines()
    kept = {point.line for point in seen.stored}
    good = {number for number, line in enumerate(lines, 1) if line.startswith(b"good ")}
    ours = [number for number in range(1, len(lines) + 1) if number not in good]
    return Told(seen.status, seen.unit, tuple(number in kept for number in ours), others=good <= kept)


@pytest.mark.parametrize(("profile", "expected"), [("oss1", oss1), ("oss2", oss2), ("core", core)])
def test_verdicts_are_those_of_the_tables(profile: str, expected: Callable[[TypeConflict], Told]) -> None:
    """For every pair of types in every place, status, unit of loss and lines kept are those of the tables.

    Source: InfluxDB 1.6.7, measured; 2.9.1 and 3.10.1, their parsers run and their validation read.
    """
    wrong = {}
    for case in all_conflicts():
        wanted = expected(case)
        if b"good " not in case.body:
            wanted = replace(wanted, others=True)
        if (seen := told(case, profile)) != wanted:
            wrong[case.placement, case.first, case.second, case.warm] = (wanted, seen)

    assert {} == wrong


def test_every_pair_is_drawn_in_every_place() -> None:
    """Five types by five, in every place, in a week that held a point before and in one that did not."""
    everything = {
        (first, second, place, warm)
        for first in TYPES
        for second in TYPES
        for place in Placement
        for warm in (False, True)
    }

    assert everything == {(case.first, case.second, case.placement, case.warm) for case in all_conflicts()}


def test_alike_is_drawn_when_asked_for_only() -> None:
    """By default the two types differ."""

    assert set() == {case.first for case in drawn(type_conflicts()) if case.first == case.second}


def test_every_number_of_good_lines_is_drawn() -> None:
    """None, one or two good lines stand around, on either side or both."""
    seen = {
        (case.body.startswith(b"good "), bool(re.search(rb"\ngood [^\n]*\n\Z", case.body))) for case in all_conflicts()
    }

    assert {(before, after) for before in (False, True) for after in (False, True)} == seen


@pytest.mark.parametrize("kind", ["float", "integer", "string", "boolean"])
def test_one_type_is_no_conflict(kind: FieldType) -> None:
    """The same type again is no conflict to anybody, but a name that is a tag already or stands twice in a line."""
    same = [case for case in all_conflicts() if case.first == case.second == kind]
    odd = {Placement.TAG, Placement.SAME_LINE}
    seen = {
        profile: {case.verdict(profile).status for case in same if profile != "core" or case.placement not in odd}
        for profile in ("oss1", "oss2", "core")
    }

    assert {"oss1": {204}, "oss2": {204}, "core": {204}} == seen


def test_setups_are_written_alone() -> None:
    """What comes before is one line a request, good to whoever knows its type; the body has its own lines only."""
    for case in all_conflicts()[:500]:
        reads = [parse(body, "influxdb2") for body in case.setup]

        assert [(0, 1)] * (case.warm + (case.placement in BEFORE)) == [(len(r.refused), len(r.points)) for r in reads]
        assert not parse(case.body, "influxdb2").refused


def test_types_are_those_of_the_values() -> None:
    """The first and the second type are those of the values that stand there."""
    for case in all_conflicts()[:500]:
        bodies = [body for body in case.setup if not body.startswith(b"warm ")][:1] or [case.body]
        points = [p for p in parse(bodies[0], "influxdb2").points if p.measurement != "good"]
        last = [p for p in parse(case.body, "influxdb2").points if p.measurement != "good"][-1]

        assert case.placement is Placement.SAME_LINE or case.first == points[0].fields[0][1]
        assert case.second == last.fields[-1][1]


def test_shrinks_to_two_lines_of_one_field() -> None:
    """A conflict shrinks to an integer and a float in two lines of one body, in an empty database."""
    body = b"m f=1i %d\nm f=1 %d\n" % (NOW, NOW + 1)

    assert TypeConflict("integer", "float", Placement.NEW_FIELD, False, (), body) == minimal(type_conflicts())


@pytest.mark.parametrize(
    ("condition", "simplest"),
    [
        (lambda case: case.verdict("oss2").status == 422, b"m f=1i %d\nm f=1 %d\n" % (NOW, NOW + 1)),
        (lambda case: case.second == "string", b'm f=1i %d\nm f="s" %d\n' % (NOW, NOW + 1)),
        (lambda case: case.placement is Placement.TAG, b"m,f=v g=1i %d\nm f=1 %d\n" % (NOW, NOW + 1)),
    ],
)
def test_failure_shrinks_to_its_cause(condition: Callable[[TypeConflict], bool], simplest: bytes) -> None:
    """A failure shrinks to the types and the place it takes, without lines around."""

    assert simplest == minimal(type_conflicts(), condition).body


def test_types_and_placements_are_those_asked_for() -> None:
    """Only the types and placements asked for are drawn."""
    seen = drawn(type_conflicts(types=["string", "unsigned"], placements=[Placement.TAG, Placement.SAME_LINE]), 60)

    assert {("string", "unsigned"), ("unsigned", "string")} == {(case.first, case.second) for case in seen}
    assert {Placement.TAG, Placement.SAME_LINE} == {case.placement for case in seen}


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"types": ["flaot"], "alike": True}, f"no field type 'flaot'; known: {', '.join(TYPES)}"),
        (
            {"types": ["float"]},
            f"types ('float',) and placements {tuple(Placement)} leave nothing; expected two types and a placement",
        ),
        (
            {"placements": []},
            f"types {TYPES} and placements () leave nothing; expected two types and a placement",
        ),
        ({"placements": ["next_weak"]}, "no placement named 'next_weak'; did you mean 'next_batch'?"),
    ],
)
def test_impossible_arguments_are_refused(wanted: dict[str, Any], complaint: str) -> None:
    """What could draw nothing is refused in words that name what was given."""
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}"):
        type_conflicts(**wanted)


def test_verdicts_are_those_of_every_profile() -> None:
    """The verdicts have every profile there is."""
    case = minimal(type_conflicts())

    assert [profile.name for profile in (*contract.ALL, *contract.OTHERS)] == list(case.verdicts)
    assert {"victoriametrics"} == {name for name, verdict in case.verdicts.items() if not verdict.refused}
