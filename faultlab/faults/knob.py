"""Knobs: the fields of a fault, each with its default, its meaning and its bounds.

A fault is a frozen dataclass whose fields were made by ``knob``. Scenario files, ``--set`` options of mitmproxy, the
JSON Schema and the catalogue all read the same fields, so a new fault needs no further code.
"""

from __future__ import annotations

import difflib
import enum
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from random import Random
from typing import Any, ClassVar, Protocol, runtime_checkable

from faultlab.contract import Profile
from faultlab.exchange import Decision, Exchange


class Stage(enum.Enum):
    """When a fault is decided: at a TLS handshake, when the head of a request is there, or when all of it is."""

    HANDSHAKE = "handshake"
    HEAD = "head"
    WHOLE = "whole"


class KnobError(ValueError):
    """A knob was given a value it cannot take; the message names the knob, the value and what was expected."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault may know beyond the exchange.

    ``draw`` is seeded by run seed, rule, batch and attempt; ``at`` is in seconds since the run began, ``now`` in
    seconds since 1970. ``memory`` is what the fault's ``remember`` made for this rule, None for a fault without one.
    """

    draw: Random
    profile: Profile
    attempt: int
    at: float
    now: float
    memory: Any = None


@runtime_checkable
class Fault(Protocol):
    """What can be done to an exchange: a frozen dataclass, its knobs as fields, one method.

    A fault that has to remember something between exchanges also has ``remember()``, which makes that memory once a
    rule. One that cannot wait for the whole request has a ``stage`` that says so.
    """

    name: ClassVar[str]

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Say what is done; None when the fault does not apply to this exchange."""


def knob(
    default: Any,
    meaning: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[Any, ...] = (),
    examples: tuple[Any, ...] = (),
) -> Any:
    """Make a dataclass field that says what it means and what it may be; ``examples`` are for those who draw one."""
    return field(
        default=default,
        metadata={"meaning": meaning, "minimum": minimum, "maximum": maximum, "choices": choices, "examples": examples},
    )


def types_of(kind: type[Any]) -> Mapping[str, Any]:
    """Give the type of each field, resolved."""
    hashable: Any = kind  # every class is, yet a type checker doubts it of one it knows nothing about
    return _types_of(hashable)


@cache
def _types_of(kind: Any) -> Mapping[str, Any]:
    # Resolving takes some hundred microseconds, and faults are made while a proxy decides.
    return typing.get_type_hints(kind)


def knobs(kind: type[Any]) -> Iterator[Field[Any]]:
    """Yield the fields of a fault that are knobs, in order."""
    return (item for item in fields(kind) if "meaning" in item.metadata)


def stage_of(fault: Any) -> Stage:
    """Say when a fault is decided: once the whole request is there, unless it says otherwise."""
    stage: Stage = getattr(fault, "stage", Stage.WHOLE)
    return stage


def default_of(item: Field[Any]) -> Any:
    """Give a field's default; None if it has none."""
    return None if item.default is MISSING else item.default


def check_knobs(fault: Any) -> None:
    """Raise KnobError unless every knob has the type and bounds it declares."""
    kinds = types_of(type(fault))
    for item in knobs(type(fault)):
        check_value(item, kinds[item.name], getattr(fault, item.name))


class Checked:
    """A dataclass whose knobs are checked when it is made."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Raise KnobError for a knob out of its type or bounds."""
        check_knobs(self)


def check_value(item: Field[Any], kind: Any, value: Any) -> None:
    """Raise KnobError unless one value suits its knob."""
    allowed = typing.get_args(kind) or (kind,)
    choices = item.metadata["choices"]
    if choices and value not in choices:
        raise KnobError(
            f"{item.name} is {value!r}; expected one of {', '.join(map(str, choices))}{nearest(value, choices)}"
        )
    if value is None and type(None) in allowed:
        return
    fits = isinstance(value, allowed) or (float in allowed and isinstance(value, int))
    if not fits or (isinstance(value, bool) and bool not in allowed):
        names = " or ".join(_SPELT.get(a, a.__name__) for a in allowed if a is not type(None))
        raise KnobError(f"{item.name} is {value!r}; expected {names}")
    low, high = item.metadata["minimum"], item.metadata["maximum"]
    if isinstance(value, int | float):
        if value != value:  # noqa: PLR0124 - only NaN differs from itself
            raise KnobError(f"{item.name} is {value!r}; expected a number")
        if low is not None and value < low:
            raise KnobError(f"{item.name} is {value!r}; expected at least {low:g}")
        if high is not None and value > high:
            raise KnobError(f"{item.name} is {value!r}; expected at most {high:g}")


_SPELT = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def parse_value(item: Field[Any], kind: Any, given: str) -> Any:
    """Read a knob's value from text, as command lines give it; raises KnobError."""
    allowed = typing.get_args(kind) or (kind,)
    if given in {"", "none"} and type(None) in allowed:
        return None
    value: Any = given
    try:
        if bool in allowed and given.lower() in {"true", "false"}:
            value = given.lower() == "true"
        elif int in allowed:
            value = int(given)
        elif float in allowed:
            value = float(given)
    except ValueError:
        value = given
    check_value(item, kind, value)
    return value


def nearest(name: Any, known: Any) -> str:
    """Give ``; did you mean …?`` for the nearest known name; empty when none is near."""
    near = difflib.get_close_matches(str(name), [str(k) for k in known], n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
