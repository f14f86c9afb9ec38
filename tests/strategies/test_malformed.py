"""Malformed line protocol: wrong where it says, in the way it says, with the verdict of every server."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from faultlab import contract
from faultlab.lineprotocol import DIALECTS, Outcome, Point, Unit, parse
from faultlab.strategies import CLASSES, Group, Malformed, malformed
from faultlab.strategies.malformed import NOW, Class
from tests.strategies.draws import drawn, minimal

PROFILES = {"oss1": "influxdb1", "oss2": "influxdb2", "core": "influxdb3"}
KIND = {one.name: one for one in CLASSES}
EVERY_SERVER = [profile.name for profile in (*contract.ALL, *contract.OTHERS)]
ONE_BY_ONE = [one.name for one in CLASSES if one.group in {Group.CORE, Group.DIVERGENT, Group.SILENT}]
"""Classes that leave the lines around them alone."""
NO_UTF8 = "invalid_utf8"
"""The class that InfluxDB 3 refuses whole bodies for, before it looks at lines."""


@cache
def some(name: str, count: int = 40) -> tuple[Malformed, ...]:
    """Give bodies of one class."""
    return tuple(drawn(malformed(classes=[name], quarantine=True), count))


@cache
def verdict(one: Malformed, profile: str) -> Outcome:
    """Give the verdict of a profile, once."""
    return one.verdict(profile)


def parts(way: str) -> tuple[str, str, str]:
    """Give what stands before the wrong part of a way to be wrong, the wrong part, and what stands after it."""
    before, wrong, after = re.split("[«»]", way, maxsplit=2)
    return before, wrong, after


def lines_of(one: Malformed) -> list[bytes]:
    """Give the physical lines of a body, without the feeds."""
    return one.body.split(b"\n")


def bad_lines(one: Malformed) -> set[int]:
    """Give the numbers of the lines that the class is about: as many as it has in its data."""
    return set(range(one.line, one.line + 1 + KIND[one.kind].ways[0].count("\n")))


def said(points: Any) -> list[tuple[Any, ...]]:
    """Give what points say, wherever they stand."""
    return [(p.measurement, p.tags, p.fields, p.timestamp) for p in points]


def neighbours(one: Malformed) -> list[tuple[Any, ...]]:
    """Give the good points around: what is read where the bad lines have been taken out."""
    kept = [line for number, line in enumerate(lines_of(one), 1) if number not in bad_lines(one)]
    read = parse(b"\n".join(kept), "strict")
    assert not read.refused
    return said(read.points)


def takes(seen: Outcome, one: Malformed) -> bool:
    """Say whether a server takes the bad line."""
    return not any(line.span[0] <= one.span[0] <= line.span[1] for line in seen.refused)


def test_every_class_is_drawn() -> None:
    """By default every class is drawn but the quarantined, with leave those too."""
    names = {one.name for one in CLASSES}
    safe = {one.name for one in CLASSES if one.group is not Group.QUARANTINE}

    assert safe == {one.kind for one in drawn(malformed(), 1000)}
    assert names == {one.kind for one in drawn(malformed(quarantine=True), 1000)}


def test_classes_have_names_of_their_own() -> None:
    """No two classes share a name, nor a class and another's group; only the torn have no line of their own."""

    assert len(CLASSES) == len(KIND)
    assert [Group.TORN] == [one.group for one in CLASSES if one.name in {*Group} or not one.ways]


def test_each_way_is_wrong_in_one_place() -> None:
    """Every way to be wrong marks exactly one part."""

    assert [] == [way for one in CLASSES for way in one.ways if re.sub("[^«»]", "", way) != "«»"]


@pytest.mark.parametrize("kind", [one for one in CLASSES if one.ways], ids=lambda one: one.name)
def test_span_is_the_wrong_part(kind: Class) -> None:
    """The span is what the class marks as wrong, on the line that it names; every way to be wrong is drawn."""
    seen = some(kind.name)
    wrong = [one.body[one.span[0] : one.span[1]].decode(errors="surrogateescape") for one in seen]
    marked = {re.sub("{t}", r"[0-9]+", re.escape(parts(way)[1]).replace(r"\{t\}", "{t}")) for way in kind.ways}
    lines = [1 + one.body[: one.span[0]].count(b"\n") for one in seen]
    starts = {lines_of(one)[one.line - 1][: one.span[0] - one.body.rfind(b"\n", 0, one.span[0]) - 1] for one in seen}

    assert [] == [text for text in wrong if not any(re.fullmatch(form, text) for form in marked)]
    assert marked == {form for form in marked if any(re.fullmatch(form, text) for text in wrong)}
    assert lines == [one.line for one in seen]
    assert all(b"\n" not in start for start in starts)


@pytest.mark.parametrize("kind", [one for one in CLASSES if one.ways], ids=lambda one: one.name)
def test_there_are_up_to_two_good_lines_on_each_side(kind: Class) -> None:
    """Before and after stand none, one or two good lines, and every server reads them."""
    seen = some(kind.name)
    before = {one.line - 1 for one in seen}
    after = {one.body.count(b"\n") - max(bad_lines(one)) for one in seen}

    assert ({0, 1, 2}, {0, 1, 2}) == (before, after)
    assert [one.body.count(b"\n") - len(bad_lines(one)) for one in seen] == [len(neighbours(one)) for one in seen]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_taken_by_agrees_with_the_verdict(name: str, profile: str) -> None:
    """The line is taken by the servers whose dialects the class names, and refused by the others."""
    seen = some(name)

    assert [PROFILES[profile] in KIND[name].taken_by] * len(seen) == [takes(verdict(one, profile), one) for one in seen]
    assert [(KIND[name].group, KIND[name].taken_by)] == list({(one.group, one.taken_by) for one in seen})


@pytest.mark.parametrize("name", [name for name in ONE_BY_ONE if KIND[name].group is Group.CORE])
def test_core_classes_are_refused_by_all(name: str) -> None:
    """What is wrong to every InfluxDB is refused by every profile, that line alone, and never told as success."""
    for one in some(name, 15):
        seen = {profile: verdict(one, profile) for profile in EVERY_SERVER if profile != "victoriametrics"}

        assert set() == {profile for profile, told in seen.items() if told.status < 300 and not told.refused}
        assert [{one.line}] * len(seen) == [{line.line for line in told.refused} for told in seen.values()]
        assert {"oss1": 400, "core": 400} == {profile: seen[profile].status for profile in ("oss1", "core")}


@pytest.mark.parametrize("profile", ["oss1", "core"])
@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_good_neighbours_are_kept(name: str, profile: str) -> None:
    """A server that loses lines alone keeps every good line around the bad one, whatever it makes of that."""
    for one in some(name):
        kept = said(p for p in verdict(one, profile).stored if p.line not in bad_lines(one))

        assert ([] if name == NO_UTF8 and profile == "core" else neighbours(one)) == kept


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_whole_batch_is_lost_where_that_is_the_unit(name: str) -> None:
    """InfluxDB 2 stores all that it takes; with a line that does not parse it stores nothing at all."""
    for one in some(name):
        seen = verdict(one, "oss2")
        parses = all(line.is_schema for line in seen.refused)
        good = neighbours(one) if parses else []

        assert good == said(p for p in seen.stored if p.line not in bad_lines(one))
        assert {True: Unit.LINES, False: Unit.BATCH}.get(parses) == seen.unit or not seen.refused


@pytest.mark.parametrize("name", [one.name for one in CLASSES if one.group is Group.SILENT])
def test_silent_classes_are_stored_in_silence(name: str) -> None:
    """Some server answers 204 and stores something of the line, or nothing, without a word."""
    silent = [
        profile
        for profile in PROFILES
        if all((seen := verdict(one, profile)).status == 204 and not seen.refused for one in some(name))
    ]

    assert {PROFILES[profile] for profile in silent} == KIND[name].taken_by != frozenset()


@pytest.mark.parametrize("name", [one.name for one in CLASSES if one.group is Group.BLAST])
def test_blast_takes_others_along(name: str) -> None:
    """Around such a line, a server that loses lines alone loses good ones with it, or takes what is not there."""
    # One body is enough, as not every neighbourhood holds what can be taken along; that none does is what fails.
    assert any(
        point not in said(verdict(one, profile).stored)
        for one in some(name, 100)
        for profile in ("oss1", "core")
        for point in neighbours(one)
    )


@pytest.mark.parametrize("name", [*(one.name for one in CLASSES if one.group is Group.BLAST), "torn"])
def test_nothing_raises(name: str) -> None:
    """Whatever a line takes along, every dialect reads the body and every server has a verdict at every endpoint."""
    for one in some(name):
        for dialect in DIALECTS:
            parse(one.body, dialect)
        for profile in (*contract.ALL, *contract.OTHERS):
            for endpoint in profile.loss:
                seen = one.verdict(profile.name, endpoint=endpoint)

                assert 200 <= seen.status < 600


def test_torn_is_a_beginning() -> None:
    """A torn body is what a good one begins with: every line but its last is good."""
    for one in some("torn", 200):
        *whole, rest = lines_of(one)
        read = parse(b"".join(line + b"\n" for line in whole), "strict")

        assert (0, len(whole), len(one.body)) == (len(read.refused), len(read.points), one.span[0])
        assert one.line == len(whole) + bool(rest) or not rest


def test_torn_reaches_every_part_of_a_line() -> None:
    """Bodies are torn in names, in tags, in values and in timestamps, and the silent and the loud sort are both met."""
    seen = some("torn", 300)
    told = {one.verdict("oss1").status for one in seen}
    lasts = {lines_of(one)[-1].count(b" ") for one in seen}

    assert {204, 400} <= told
    assert {0, 1, 2} <= lasts


def test_quarantined_are_drawn_with_leave_only() -> None:
    """A class that stops a server is refused by name and by group, and never drawn, without ``quarantine``."""
    unsafe = [one.name for one in CLASSES if one.group is Group.QUARANTINE]
    words = "stops or poisons a real server; expected quarantine=True beside it"

    for name in (*unsafe, Group.QUARANTINE):
        with pytest.raises(ValueError, match=f"^'[a-z_0-9]+' {words}$"):
            malformed(classes=[name])
    assert set(unsafe) == {one.kind for one in drawn(malformed(classes=[Group.QUARANTINE], quarantine=True), 100)}


@pytest.mark.parametrize(
    ("classes", "complaint"),
    [
        (["missing_field"], "no class named 'missing_field'; did you mean 'missing_fields'?; groups: "),
        (["core", "blasts"], "no class named 'blasts'; did you mean 'blast'?; groups: "),
        ([], "classes is empty; expected at least one class, or None for all"),
    ],
)
def test_unknown_classes_are_refused(classes: list[str], complaint: str) -> None:
    """A class that does not exist is refused with the nearest that does and the groups there are."""
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}"):
        malformed(classes=classes)


def test_groups_and_classes_can_be_mixed() -> None:
    """Names of groups stand for all their classes."""
    wanted = {one.name for one in CLASSES if one.group is Group.BLAST} | {"missing_fields"}

    assert wanted == {one.kind for one in drawn(malformed(classes=["missing_fields", Group.BLAST]), 200)}


@pytest.mark.parametrize("kind", [one for one in CLASSES if one.ways], ids=lambda one: one.name)
def test_shrinks_to_the_bad_line_alone(kind: Class) -> None:
    """Each class shrinks to the first way it can be written, with no line around it."""
    shrunk = minimal(malformed(classes=[kind.name], quarantine=True))
    before, wrong, after = (
        part.format(m="bad", s="bad", t=NOW).encode(errors="surrogateescape") for part in parts(kind.ways[0])
    )

    assert (before + wrong + after + b"\n", (len(before), len(before + wrong))) == (shrunk.body, shrunk.span)


def test_torn_shrinks_to_one_letter() -> None:
    """A torn body shrinks to the first letter of the simplest line."""

    assert Malformed("torn", b"m", (1, 1), 1) == minimal(malformed(classes=["torn"]))


@pytest.mark.parametrize(
    ("condition", "simplest"),
    [
        (lambda _: True, Malformed("missing_fields", b"bad\n", (3, 3), 1)),
        (
            lambda one: b"nan" in one.body,
            Malformed("not_a_number", b"bad f=nan %d\n" % NOW, (6, 9), 1),
        ),
        (
            lambda one: one.line == 2 and b"host=a" in one.body,
            Malformed("missing_fields", b"m f=1 %d\nbad,host=a\\ b\n" % NOW, (39, 39), 2),
        ),
    ],
)
def test_failure_shrinks_to_its_cause(condition: Callable[[Malformed], bool], simplest: Malformed) -> None:
    """A failure shrinks to the class, the way and the lines it takes."""

    assert simplest == minimal(malformed(), condition)


def test_verdicts_are_those_of_every_profile() -> None:
    """The verdicts have every profile there is, each as at the first endpoint it is written to."""
    one = minimal(malformed())

    assert EVERY_SERVER == list(one.verdicts)
    assert [one.verdict(name) for name in EVERY_SERVER] == list(one.verdicts.values())


def test_verdict_is_that_of_the_endpoint() -> None:
    """InfluxDB 3 Core keeps good lines at its own endpoint, and loses the batch at those of older versions."""
    one = minimal(malformed(classes=["leading_plus"]), lambda one: one.line == 2)

    assert [(400, 1), (400, 0)] == [
        ((seen := one.verdict("core", endpoint=path)).status, len(seen.stored))
        for path in ("/api/v3/write_lp", "/api/v2/write")
    ]


def test_points_without_a_timestamp_arrive_now() -> None:
    """What comes without a timestamp is taken to arrive at the time the good lines have."""
    stored: list[Point] = [p for one in some("timestamp_missing_twice", 5) for p in one.verdict("oss1").stored]

    assert {NOW} == {point.timestamp for point in stored if point.measurement.startswith("b") and not point.tags}
