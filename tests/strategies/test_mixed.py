"""Mixed batches: good, malformed and conflicting lines together, each called what it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from faultlab.lineprotocol import parse
from faultlab.strategies import CLASSES, CONFLICT, GOOD, SETUP, Group, MixedBatch, mixed_batches
from faultlab.strategies.malformed import NOW
from tests.strategies.draws import drawn, minimal

FIRST = b"m,i=0 f=1 %d" % NOW


def texts(batch: MixedBatch) -> list[bytes]:
    """Give the text of each line."""
    return [line.text for line in batch.lines]


def test_every_kind_of_line_is_drawn() -> None:
    """Good lines, conflicts and every malformed class of the core are drawn, in batches of every size."""
    seen = drawn(mixed_batches(), 600)
    core = {one.name for one in CLASSES if one.group is Group.CORE}

    assert {GOOD, CONFLICT, *core} == {line.kind for batch in seen for line in batch.lines}
    assert set(range(1, 9)) == {len(batch.lines) for batch in seen}


@pytest.mark.parametrize(("profile", "status"), [("oss1", 400), ("oss2", 422), ("core", 400)])
def test_lines_are_what_they_are_called(profile: str, status: int) -> None:
    """After the setup a server stores the good lines and refuses the others, unless one costs the whole batch."""
    for batch in drawn(mixed_batches(), 150):
        seen = batch.verdict(profile)
        good = [number for number, line in enumerate(batch.lines, 1) if line.kind == GOOD]
        whole = profile == "oss2" and any(line.kind not in {GOOD, CONFLICT, "time_field"} for line in batch.lines)

        assert ([] if whole else good) == [point.line for point in seen.stored]
        assert (204 if len(good) == len(batch.lines) else 400 if whole else status) == seen.status


def test_points_are_those_of_the_lines() -> None:
    """A line that an application can hand over has its point, which the line says; a malformed one has none."""
    for batch in drawn(mixed_batches(), 100):
        for line in batch.lines:
            read = parse(line.text, "strict").points if line.point else ()

            assert (line.kind in {GOOD, CONFLICT}) is (line.point is not None)
            assert [line.point.meant if line.point else ()][: len(read)] == [
                (p.measurement, dict(p.tags), {key: (kind, value) for key, kind, value in p.fields}, p.timestamp)
                for p in read
            ]


@pytest.mark.parametrize(
    ("wanted", "kinds"),
    [
        ({"classes": ()}, {GOOD, CONFLICT}),
        ({"conflicts": False, "classes": ["leading_plus"]}, {GOOD, "leading_plus"}),
        ({"conflicts": False, "classes": ()}, {GOOD}),
    ],
)
def test_kinds_are_those_asked_for(wanted: dict[str, Any], kinds: set[str]) -> None:
    """Without classes no line is malformed, without conflicts none is in conflict."""

    assert kinds == {line.kind for batch in drawn(mixed_batches(**wanted), 60) for line in batch.lines}


@pytest.mark.parametrize(
    ("wanted", "condition", "simplest"),
    [
        ({}, lambda _: True, [FIRST]),
        ({"min_size": 0}, lambda _: True, []),
        ({"min_size": 2}, lambda _: True, [FIRST, b"m,i=1 f=1 %d" % (NOW + 1)]),
        ({"classes": ["leading_plus"]}, lambda batch: batch.of("leading_plus"), [b"bad f=+1 %d" % NOW]),
    ],
)
def test_shrinks_towards_good_lines(
    wanted: dict[str, Any], condition: Callable[[MixedBatch], Any], simplest: list[bytes]
) -> None:
    """A batch shrinks towards the fewest lines, all good, and a failure to the line that fails."""

    assert simplest == texts(minimal(mixed_batches(**wanted), lambda batch: bool(condition(batch))))


def test_of_names_lines() -> None:
    """Lines are asked for by what they are called, and without a name those that are not good are given."""
    batch = minimal(mixed_batches(), lambda batch: len(batch.of(GOOD)) == 1 and len(batch.of(CONFLICT)) == 2)

    assert (1, 2, 2) == (len(batch.of(GOOD)), len(batch.of(CONFLICT)), len(batch.of()))
    assert SETUP.text == b"m f=0 %d" % (NOW - 1)


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ({"min_size": 3, "max_size": 2}, "sizes 3 to 2 admit nothing; expected 0 <= min_size <= max_size"),
        ({"classes": ["torn"]}, "'torn' is no line among others; expected classes that are"),
        ({"classes": ["leading_pluss"]}, "no class named 'leading_pluss'; did you mean 'leading_plus'?; groups: "),
    ],
)
def test_impossible_arguments_are_refused(wanted: dict[str, Any], complaint: str) -> None:
    """What could draw nothing is refused in words that name what was given."""
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}"):
        mixed_batches(**wanted)
