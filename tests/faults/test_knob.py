"""Knobs: the fields of a fault, each with its type, its bounds and its choices."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import pytest

from faultlab import faults
from faultlab.faults.knob import (
    KnobError,
    check_knobs,
    default_of,
    knob,
    knobs,
    nearest,
    parse_value,
    types_of,
)


@dataclass(frozen=True)
class _Sample:
    whole: int = knob(1, "a whole number", minimum=0, maximum=9)
    share: float = knob(0.5, "a share", minimum=0, maximum=1)
    flag: bool = knob(False, "a flag")
    text: str = knob("x", "a text")
    maybe: int | None = knob(None, "perhaps a number", minimum=1)
    choice: str | None = knob(None, "one of a few", choices=(None, "json", "html"))
    status: int | None = knob(None, "one of a few numbers", choices=(None, 201, 400))
    inner: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_knobs(self)


FIELDS = {item.name: item for item in fields(_Sample)}


def test_only_knobs_are_knobs() -> None:
    """A field that was not made by ``knob`` is none."""
    names = [item.name for item in knobs(_Sample)]

    assert ["whole", "share", "flag", "text", "maybe", "choice", "status"] == names


def test_default_is_known() -> None:
    """A knob's default can be told without making the fault; a field without one has None."""
    given = [default_of(item) for item in (FIELDS["whole"], FIELDS["maybe"], FIELDS["inner"])]

    assert [1, None, None] == given


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("whole", -1, "whole is -1; expected at least 0"),
        ("whole", 10, "whole is 10; expected at most 9"),
        ("whole", 1.0, "whole is 1.0; expected a whole number"),
        ("whole", "1", "whole is '1'; expected a whole number"),
        ("whole", None, "whole is None; expected a whole number"),
        ("whole", True, "whole is True; expected a whole number"),
        ("share", 1.5, "share is 1.5; expected at most 1"),
        ("share", float("nan"), "share is nan; expected a number"),
        ("share", float("inf"), "share is inf; expected at most 1"),
        ("share", "half", "share is 'half'; expected a number"),
        ("share", False, "share is False; expected a number"),
        ("flag", 1, "flag is 1; expected true or false"),
        ("flag", "yes", "flag is 'yes'; expected true or false"),
        ("text", 5, "text is 5; expected text"),
        ("maybe", 0, "maybe is 0; expected at least 1"),
        ("maybe", "1", "maybe is '1'; expected a whole number"),
        ("choice", "jsno", "choice is 'jsno'; expected one of None, json, html; did you mean 'json'?"),
        ("choice", [], "choice is []; expected one of None, json, html"),
        ("status", 204, "status is 204; expected one of None, 201, 400; did you mean '201'?"),
        ("status", 201.0, "status is 201.0; expected a whole number"),
    ],
)
def test_unsuitable_value_is_refused(name: str, value: Any, complaint: str) -> None:
    """A value out of type, bounds or choices is named with what was expected, in one line."""
    with pytest.raises(KnobError) as caught:
        _Sample(**{name: value})

    assert complaint == str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("whole", 0),
        ("whole", 9),
        ("share", 0),
        ("share", 1),
        ("share", 1.0),
        ("flag", True),
        ("text", ""),
        ("maybe", None),
        ("maybe", 10**30),
        ("choice", "html"),
        ("status", 400),
    ],
)
def test_suitable_value_is_taken(name: str, value: Any) -> None:
    """Bounds are included, None is taken where it is declared, a whole number is a number."""
    taken = getattr(_Sample(**{name: value}), name)

    assert value == taken


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("whole", "7", 7),
        ("share", "0.25", 0.25),
        ("share", "1", 1.0),
        ("flag", "true", True),
        ("flag", "False", False),
        ("text", "true", "true"),
        ("text", "", ""),
        ("maybe", "", None),
        ("maybe", "none", None),
        ("maybe", "12", 12),
        ("choice", "json", "json"),
        ("choice", "none", None),
        ("status", "201", 201),
    ],
)
def test_text_is_read_by_type(name: str, given: str, value: Any) -> None:
    """What a command line gives is read as the knob's type."""
    read = parse_value(FIELDS[name], types_of(_Sample)[name], given)

    assert (value, type(value)) == (read, type(read))


@pytest.mark.parametrize(
    ("name", "given", "complaint"),
    [
        ("whole", "seven", "whole is 'seven'; expected a whole number"),
        ("whole", "1.5", "whole is '1.5'; expected a whole number"),
        ("whole", "", "whole is ''; expected a whole number"),
        ("whole", "10", "whole is 10; expected at most 9"),
        ("share", "nan", "share is nan; expected a number"),
        ("flag", "1", "flag is '1'; expected true or false"),
        ("choice", "xml", "choice is 'xml'; expected one of None, json, html"),
    ],
)
def test_unreadable_text_is_refused(name: str, given: str, complaint: str) -> None:
    """Text that is no value of the knob is named with what was expected."""
    with pytest.raises(KnobError) as caught:
        parse_value(FIELDS[name], types_of(_Sample)[name], given)

    assert complaint == str(caught.value)


def test_nearest_is_silent_when_nothing_is_near() -> None:
    """A hint is given only where a known name is near."""
    hints = [nearest("rate_limt", ("rate_limit", "quota")), nearest("xyz", ("rate_limit", "quota"))]

    assert ["; did you mean 'rate_limit'?", ""] == hints


BOUNDS = [
    (kind, item, value)
    for kind in faults.ALL
    for item in knobs(kind)
    for value in (
        *(() if item.metadata["minimum"] is None else (item.metadata["minimum"] - 1,)),
        *(() if item.metadata["maximum"] is None else (item.metadata["maximum"] + 1,)),
        *(("no such choice",) if item.metadata["choices"] else ()),
        object(),
    )
]


@pytest.mark.parametrize(("kind", "item", "value"), BOUNDS)
def test_every_fault_keeps_its_bounds(kind: type[Any], item: Any, value: Any) -> None:
    """Every knob of every fault refuses what is outside its bounds, its choices or its type, and says its name."""
    with pytest.raises(KnobError, match=f"^{item.name} is "):
        kind(**{item.name: value})


@pytest.mark.parametrize("kind", [kind for kind in faults.ALL if "min_wait" in types_of(kind)])
def test_least_wait_never_exceeds_the_most(kind: type[Any]) -> None:
    """A range of waits that holds nothing is refused when the fault is made, not when it first fires."""
    with pytest.raises(KnobError, match=r"^min_wait is 5; expected at most max_wait, which is 4$"):
        kind(min_wait=5, max_wait=4)


@pytest.mark.parametrize("kind", faults.ALL)
def test_every_knob_says_what_it_means(kind: type[Any]) -> None:
    """Every field of a fault is a knob with a meaning and a default within its bounds."""
    made = kind()
    meanings = [item.metadata.get("meaning", "") for item in fields(kind)]

    assert ([True] * len(meanings), [item.name for item in fields(kind)]) == (
        [len(meaning) > 9 for meaning in meanings],
        [item.name for item in knobs(kind)],
    )
    assert {item.name: default_of(item) for item in knobs(kind)} == {
        item.name: getattr(made, item.name) for item in knobs(kind)
    }
