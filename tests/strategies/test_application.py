"""What applications hand over, and whether a serializer says it: every hazard drawn, every change of meaning told."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from faultlab.lineprotocol import DIALECTS
from faultlab.strategies import (
    HAZARDS,
    ApplicationPoint,
    Unfaithful,
    application_points,
    assert_serializer_is_faithful,
    unfaithful,
)
from faultlab.strategies.application import judge
from tests.strategies.draws import drawn, minimal
from tests.strategies.planted import NoQuoteInString, Serializer, WritesNone

faithful = Serializer()

UNSAYABLE = {
    "nan",
    "infinity",
    "too_large_integer",
    "two_fields_one_nan",
    "measurement_hash",
    *(f"{place}_empty" for place in ("measurement", "tag_key", "field_key")),
    *(
        f"{place}_{text}"
        for place in ("measurement", "tag_key", "tag_value", "field_key")
        for text in ("backslash_before_separator", "trailing_backslash", "newline", "carriage_return", "tab")
    ),
}
"""What line protocol cannot say so that every InfluxDB reads it alike, in all its forms or in some."""


@cache
def some() -> tuple[ApplicationPoint, ...]:
    """Give points with every hazard."""
    return tuple(drawn(application_points(), 2000))


def refuses(point: ApplicationPoint) -> bool:
    """Say whether the serializer that is faithful refuses a point."""
    try:
        faithful(point)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("dialect", ["strict", "influxdb1", "influxdb2", "influxdb3"])
def test_faithful_serializer_passes(dialect: str) -> None:
    """A serializer that says what can be said and refuses the rest passes, whichever InfluxDB reads it."""
    assert_serializer_is_faithful(faithful, dialect=dialect)

    assert [] == unfaithful(faithful, dialect=dialect)


def test_faithful_serializer_refuses_only_what_cannot_be_said() -> None:
    """What such a serializer refuses are the hazards known to be beyond line protocol, each of them."""
    seen = {hazard: {refuses(point) for point in drawn(application_points(hazards=[hazard]), 40)} for hazard in HAZARDS}

    assert UNSAYABLE == {hazard for hazard, refused in seen.items() if True in refused}


def test_every_hazard_is_drawn() -> None:
    """Every hazard is drawn alone and beside others, at most three in a point, and no other word names one."""
    seen = [tuple(point.hazard.split(" and ")) for point in some()]

    assert set(HAZARDS) == {hazard for names in seen for hazard in names}
    assert {1, 2, 3} == {len(names) for names in seen}
    assert set(HAZARDS) == {point.hazard for name in HAZARDS for point in drawn(application_points(hazards=[name]), 3)}


@pytest.mark.parametrize("hazard", ["measurement_space", "string_quote", "tag_value_empty", "none", "many", "no_time"])
def test_hazard_is_in_the_point(hazard: str) -> None:
    """A point has the hazard that it names, where it names it."""
    there: dict[str, Callable[[ApplicationPoint], bool]] = {
        "measurement_space": lambda point: " " in point.measurement,
        "string_quote": lambda point: any('"' in str(value) for value in point.fields.values()),
        "tag_value_empty": lambda point: "" in point.tags.values(),
        "none": lambda point: None in point.fields.values(),
        "many": lambda point: len(point.fields) == 60 and len(point.tags) >= 40,
        "no_time": lambda point: point.time is None,
    }
    seen = [point for point in some() if hazard in point.hazard.split(" and ")]

    assert ({True}, True) == ({there[hazard](point) for point in seen}, len(seen) > 5)


def test_tags_and_fields_have_names_of_their_own() -> None:
    """No point has a tag and a field of one name, which InfluxDB 3 takes for a type conflict."""

    assert [] == [point for point in some() if point.tags.keys() & point.fields.keys()]


@pytest.mark.parametrize(
    ("point", "meant"),
    [
        (ApplicationPoint(fields={"f": 1.0}), ("m", {}, {"f": ("float", 1.0)}, 1)),
        (
            ApplicationPoint("n", {"a": None, "b": "", "c": "v"}, {"f": True, "g": None, "h": 2, "i": "s"}, None),
            ("n", {"c": "v"}, {"f": ("boolean", True), "h": ("integer", 2), "i": ("string", "s")}, None),
        ),
    ],
)
def test_meaning_leaves_out_what_is_not_there(point: ApplicationPoint, meant: tuple[Any, ...]) -> None:
    """Tags of None or nothing and fields of None are not meant; the others are, with the types of their values."""

    assert meant == point.meant


POINT = ApplicationPoint("m", {"t": "v"}, {"f": 1.0}, 1, "whole_float")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("m,t=v f=1 1", ""),
        (b"m,t=v f=1 1\n", ""),
        ("n,t=v f=1 1", "measurement 'n'"),
        ("m f=1 1", "tags {}"),
        ("m,t=v f=1i 1", "fields {'f': integer 1}"),
        ("m,t=v f=1.5,g=t 1", "fields {'f': float 1.5, 'g': boolean True}"),
        ("m,t=v f=1 1000", "time 1000"),
        ("m,t=v f=1", "time None"),
        ("m,t=w f=2 2", "tags {'t': 'w'}; fields {'f': float 2.0}; time 2"),
        ("m,t=v f=1 1\nm,t=v f=1 1", "2 points; expected 1"),
        ("", "0 points; expected 1"),
        (None, "0 points; expected 1"),
        ("m,t=v f=\ud800 1", "line 1 is refused: body content is not valid utf8"),
        ("m,t=v f=x 1", "line 1 is refused: "),
    ],
)
def test_every_change_of_meaning_is_told(written: str | bytes | None, why: str) -> None:
    """Whatever the line says otherwise than the point is told; what it says alike is not."""
    seen = judge(lambda _: written, POINT)

    assert (bool(why), True) == (seen is not None, seen is None or seen.why.startswith(why))


@pytest.mark.parametrize(("value", "written", "same"), [(0.0, "-0", False), (-0.0, "-0", True), (1.0, "1.0", True)])
def test_zeros_are_told_apart(value: float, written: str, same: bool) -> None:
    """The two zeros are two values; one value may be spelt in many ways."""

    assert same is (judge(lambda _: f"m f={written} 1", ApplicationPoint(fields={"f": value})) is None)


def test_refusal_is_faithful_and_silence_is_not() -> None:
    """A point refused by any exception passes; one that is dropped without a word does not, unless it has no field."""

    def refuse(_: ApplicationPoint) -> str:
        raise KeyError("no")

    assert [] == unfaithful(refuse, hazards=["nan"])
    assert ["nan"] == [found.point.hazard for found in unfaithful(lambda _: "", hazards=["nan"])]
    assert [] == unfaithful(lambda _: None, hazards=["none"])


def test_simplest_point_is_told_for_each_hazard() -> None:
    """Of each hazard that shows a bug the simplest point is told, in the order of the hazards asked for."""
    hazards = ["string_quote", "measurement_space", "string_backslash_before_separator"]
    found = unfaithful(NoQuoteInString(), hazards=hazards)

    assert [
        (ApplicationPoint("m", {}, {"f": 'a"b'}, 1, "string_quote"), b'm f="a"b" 1'),
        (ApplicationPoint("m", {}, {"f": 'a\\"b'}, 1, "string_backslash_before_separator"), b'm f="a\\\\"b" 1'),
    ] == [(one.point, one.written) for one in found]


def test_failure_says_what_was_handed_over_written_and_read() -> None:
    """The message counts the hazards, and has for each the point, the line and what a server makes of it."""
    with pytest.raises(AssertionError) as caught:
        assert_serializer_is_faithful(WritesNone(), hazards=["none", "integer"])

    assert (
        "1 of 2 hazards\n"
        "none\n"
        "  handed over  measurement 'm', tags {}, fields {'f': None}, time 1\n"
        "  written      b'm f=None 1'\n"
        "  read         line 1 is refused: invalid number"
    ) == str(caught.value)


def test_dialect_decides_what_is_faithful() -> None:
    """A line that one server alone reads as it is meant is faithful to that one."""

    def unescaped(point: ApplicationPoint) -> str:
        return f"m{''.join(f',{key}={value}' for key, value in point.tags.items())} f=1 1"

    told = {name: bool(unfaithful(unescaped, hazards=["tag_value_equals"], dialect=name)) for name in DIALECTS}

    assert {"influxdb1": True, "influxdb2": True, "influxdb3": False, "victoriametrics": False, "strict": True} == told


def test_shrinks_towards_the_first_hazard() -> None:
    """A point shrinks towards the first hazard in a point of one field and no tags."""
    shrunk = minimal(application_points())

    assert ("m", {}, ["f"], 1, "nan") == (
        shrunk.measurement,
        shrunk.tags,
        list(shrunk.fields),
        shrunk.time,
        shrunk.hazard,
    )
    assert math.isnan(shrunk.fields["f"])


@pytest.mark.parametrize(
    ("condition", "simplest"),
    [
        (lambda p: " " in p.measurement, ApplicationPoint("a b", {}, {"f": 1.0}, 1, "measurement_space")),
        (lambda p: p.time == 0, ApplicationPoint("m", {}, {"f": 1.0}, 0, "zero_time")),
        (lambda p: "#" in p.tags.values(), ApplicationPoint("m", {"t": "#"}, {"f": 1.0}, 1, "tag_value_hash")),
    ],
)
def test_failure_shrinks_to_its_cause(
    condition: Callable[[ApplicationPoint], bool], simplest: ApplicationPoint
) -> None:
    """A failure shrinks to the hazard it takes, in the simplest point that has it."""

    assert simplest == minimal(application_points(), condition)


def test_failure_of_two_causes_shrinks_to_both() -> None:
    """A failure that takes two hazards shrinks to a point of those two and no tags."""
    shrunk = minimal(application_points(), lambda p: p.time == 0 and isinstance(p.fields.get("f"), str))

    assert (1, {}, "zero_time") == (
        shrunk.hazard.count(" and "),
        shrunk.tags,
        next(name for name in shrunk.hazard.split(" and ") if not name.startswith(("string_", "number_in"))),
    )


@pytest.mark.parametrize("call", [application_points, lambda hazards: unfaithful(faithful, hazards=hazards)])
def test_unknown_hazard_is_refused(call: Callable[..., Any]) -> None:
    """A hazard that does not exist is refused with the nearest that does."""
    with pytest.raises(ValueError, match=r"^no hazard named 'tag_value_coma'; did you mean 'tag_value_comma'\?$"):
        call(hazards=["tag_value_coma"])


@pytest.mark.parametrize("call", [application_points, lambda hazards: unfaithful(faithful, hazards=hazards)])
def test_no_hazard_is_refused(call: Callable[..., Any]) -> None:
    """Asking for no hazard at all is a mistake: no empty strategy, and no pass."""
    with pytest.raises(ValueError, match=r"^hazards is empty; expected at least one of HAZARDS$"):
        call(hazards=[])


def test_unknown_dialect_is_refused() -> None:
    """A dialect that does not exist is refused, and not taken for a fault of the serializer."""
    with pytest.raises(ValueError, match=r"^unknown dialect 'influxdb4'; known: "):
        unfaithful(faithful, dialect="influxdb4")


def test_failure_can_be_shown() -> None:
    """One failure is shown in four lines, its hazard first."""
    one = Unfaithful(POINT, b"m f=1 1", "tags {}")

    assert [
        "whole_float",
        "  handed over  measurement 'm', tags {'t': 'v'}, fields {'f': 1.0}, time 1",
        "  written      b'm f=1 1'",
        "  read         tags {}",
    ] == str(one).splitlines()
