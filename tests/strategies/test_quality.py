"""What the strategies are for: bugs planted in serializers and parsers are found soon, and shown by little."""

from __future__ import annotations

import pytest

from faultlab.lineprotocol import parse
from faultlab.strategies import Batch, application_points, batches, lines
from faultlab.strategies.application import judge
from tests.strategies.draws import ENOUGH, Hunt, drawn, hunts
from tests.strategies.planted import (
    BooleanAsNumber,
    CommentAnywhere,
    DropsEmptyString,
    IntegerByFloat,
    IntegerWithoutI,
    KeepsBackslashesInStrings,
    KeepsEscapesInTags,
    KeepsNewlines,
    Milliseconds,
    NoBackslashInString,
    NoCommaInTags,
    NoEquals,
    NoQuoteInString,
    NoSpaceInMeasurement,
    NoTimeForZero,
    Reader,
    Serializer,
    SixDigits,
    SplitsAtEscapedCommas,
    SplitsAtEveryLineEnd,
    StampByFloat,
    StripsQuotes,
    WritesNan,
    WritesNone,
    misread,
)

EXAMPLES = 200
LONGEST = 80
"""Examples within which a bug has to be found, and characters by which it has to be shown."""


def few[T](found: list[Hunt[T]], sizes: list[int]) -> None:
    """Raise AssertionError unless nearly every seed found the bug, and shows it by little."""
    assert len(found) >= ENOUGH
    assert max(sizes) <= LONGEST


@pytest.mark.parametrize(
    "bug",
    [
        NoCommaInTags,
        NoSpaceInMeasurement,
        NoEquals,
        NoQuoteInString,
        NoBackslashInString,
        IntegerWithoutI,
        BooleanAsNumber,
        SixDigits,
        Milliseconds,
        WritesNan,
        WritesNone,
        KeepsNewlines,
        DropsEmptyString,
        NoTimeForZero,
    ],
)
def test_bugs_of_serializers_are_found(bug: type[Serializer]) -> None:
    """A bug of a serializer is found within 200 points of an application, and shown by one short line."""
    found = hunts(application_points(), lambda point: judge(bug(), point) is not None, EXAMPLES)
    judged = [judge(bug(), one.shrunk) for one in found]

    few(found, [len(one.written) for one in judged if one is not None])
    assert {0} == {one.shrunk.hazard.count(" and ") for one in found}


def misread_line(reader: Reader, line: bytes) -> bool:
    """Say whether a parser reads a line otherwise than every InfluxDB does."""
    return misread(reader, line, parse(line, "strict").points)


PARSER_BUGS = [
    SplitsAtEscapedCommas,
    KeepsEscapesInTags,
    IntegerByFloat,
    SplitsAtEveryLineEnd,
    CommentAnywhere,
    StripsQuotes,
    KeepsBackslashesInStrings,
    StampByFloat,
]


@pytest.mark.parametrize("bug", PARSER_BUGS)
def test_bugs_of_parsers_are_found_by_lines(bug: type[Reader]) -> None:
    """A bug of a parser is found within 200 lines, and shown by a short one."""
    found = hunts(lines(), lambda line: misread_line(bug(), line), EXAMPLES)

    few(found, [len(one.shrunk) for one in found])


@pytest.mark.parametrize("bug", [IntegerByFloat, SplitsAtEveryLineEnd])
def test_bugs_of_parsers_are_found_by_batches(bug: type[Reader]) -> None:
    """A bug of a parser is found within 200 batches, and shown by one short line."""
    found: list[Hunt[Batch]] = hunts(batches(), lambda batch: misread(bug(), batch.body, batch.points), EXAMPLES)

    few(found, [len(one.shrunk.body) for one in found])
    assert {1} == {len(one.shrunk.points) for one in found}


def test_what_has_no_bug_is_never_found_guilty() -> None:
    """The serializer and the parser without bugs pass every time, so what is found above are the bugs."""
    points = drawn(application_points(), 1000)

    assert [] == [point for point in points if judge(Serializer(), point) is not None]
    assert [] == [batch for batch in drawn(batches(), 500) if misread(Reader(), batch.body, batch.points)]
