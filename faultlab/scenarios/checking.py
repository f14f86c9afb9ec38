"""What a schema finds wrong with a file: one line a mistake, with what was expected and the nearest thing that exists.

A schema for this has one place for each value's conditions (no alternatives to try), so every violation is about
exactly one value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from faultlab.faults.knob import nearest
from faultlab.scenarios.reading import Document, Path, Problem, shown

DRAFT = "https://json-schema.org/draft/2020-12/schema"
# Python's `$` also holds before a last line feed; an editor's does not.
NAME = "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$(?!\\n)"
"""What a scenario may be called: it becomes part of a folder's name."""
CAPITALS = "^[A-Z]+$"
PERCENTAGE = "^[0-9]{1,3}([.][0-9]{1,6})?%$(?!\\n)"


def problems(document: Document, validator: Any) -> Iterator[Problem]:
    """Yield what a validator of ``validator_of`` finds wrong with a file, each once."""
    seen = set()
    for error in validator.iter_errors(document.values):
        for problem in _of_error(error, document):
            if problem not in seen:
                seen.add(problem)
                yield problem


def validator_of(schema: Mapping[str, Any]) -> Any:
    """Give what judges values by a schema; raises ModuleNotFoundError without jsonschema."""
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 - an extra

    extend: Any = validators.extend

    # JSON Schema takes 1.0 for an integer, and cannot say NaN. A knob of whole numbers takes neither.
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _checker, value: isinstance(value, int) and not isinstance(value, bool),
            "number": lambda _checker, value: (
                isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            ),
        }
    )
    return extend(Draft202012Validator, type_checker=types)(schema)


def _of_error(error: Any, document: Document) -> Iterator[Problem]:
    path: Path = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and error.validator_value is False:
        known = list(error.schema["properties"])
        for key in error.instance:
            if key not in known:
                wanted = f"one of {', '.join(known)}{nearest(key, known)}" if known else "none, as there are no knobs"
                here = (*path, key)
                yield Problem(document.keys[here], f"no such key; expected {wanted}", here)
    elif error.validator == "required":
        for key in (one for one in error.validator_value if one not in error.instance):
            wanted = expected(error.schema["properties"][key])
            yield Problem(document.places[path], f"is missing; expected {wanted}", (*path, key))
    else:
        yield Problem(document.places[path], refusal(error.instance, error.schema), path)


def refusal(value: Any, part: Mapping[str, Any]) -> str:
    """Say what was given, what the schema expects there, and the nearest thing that exists."""
    words = [one for one in part.get("enum", ()) if isinstance(one, str)]
    near = nearest(value, words) if isinstance(value, str) else ""
    return f"is {shown(value)}; expected {expected(part)}{near}"


def expected(part: Mapping[str, Any]) -> str:
    """Give in words what a schema takes."""
    if "enum" in part:
        return "one of " + ", ".join(shown(one).strip("'") for one in part["enum"])
    kinds = [part["type"]] if isinstance(part["type"], str) else part["type"]
    return " or ".join(_WORDS[kind](part) for kind in kinds)


def _bounded(noun: str, part: Mapping[str, Any]) -> str:
    low, high, above = part.get("minimum"), part.get("maximum"), part.get("exclusiveMinimum")
    if low is not None and high is not None:
        return f"{noun} from {low} to {high}"
    if above is not None:
        return f"{noun} above {above}" + (f" and of at most {high}" if high is not None else "")
    if low is not None:
        return f"{noun} of at least {low}"
    return f"{noun} of at most {high}" if high is not None else noun


def _text(part: Mapping[str, Any]) -> str:
    if "pattern" in part:
        return _PATTERNS[part["pattern"]]
    low, high = part.get("minLength"), part.get("maxLength")
    if high is not None:
        return f"text of {low or 0} to {high} characters"
    return "text that is not empty" if low else "text"


def _mapping(part: Mapping[str, Any]) -> str:
    known = part.get("properties")
    return f"a mapping with {', '.join(known)}" if known else "a mapping"


_PATTERNS = {
    NAME: "1 to 80 letters, digits, '.', '_' and '-', a letter or digit first",
    CAPITALS: "text in capitals",
    PERCENTAGE: "a percentage such as 5%",
}
_WORDS = {
    "integer": lambda part: _bounded("a whole number", part),
    "number": lambda part: _bounded("a number", part),
    "string": _text,
    "boolean": lambda _part: "true or false",
    "null": lambda _part: "null",
    "array": lambda _part: "a list",
    "object": _mapping,
}
