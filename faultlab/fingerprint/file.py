"""A fingerprint's file: JSON with a format number, every key always there and in the same order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from faultlab.faults import nearest
from faultlab.fingerprint.policy import Fingerprint

FORMAT = 1

LARGEST = 1e12
"""What no figure of a fingerprint reaches."""


class FingerprintError(ValueError):
    """What was given is no fingerprint; the message is one line that says where, and what was expected."""


def dumps(policy: Fingerprint) -> str:
    """Give a fingerprint as the text of its file, without a last line feed."""
    return json.dumps({"format": FORMAT, **asdict(policy)}, indent=2)


def loads(data: str | bytes) -> Fingerprint:
    """Read what ``dumps`` gave; raises FingerprintError with the place and what was expected there."""
    try:
        given = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise FingerprintError(f"not JSON ({problem}); expected a fingerprint") from problem
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        found = f"format {given['format']!r:.40}" if isinstance(given, dict) and "format" in given else "no format"
        raise FingerprintError(f"{found}; expected a fingerprint of format {FORMAT}")
    del given["format"]
    policy: Fingerprint = _read(Fingerprint, given, "")
    return policy


def load(path: Path) -> Fingerprint:
    """Read a fingerprint's file; raises FingerprintError with its name, what is wrong and what was expected."""
    try:
        return loads(path.read_bytes())
    except OSError as problem:
        raise FingerprintError(f"{path}: {problem.strerror}; expected a fingerprint or a history") from problem
    except FingerprintError as problem:
        raise FingerprintError(f"{path}: {problem}") from problem


def _read(kind: Any, value: Any, where: str) -> Any:
    """Read a value of a type that a fingerprint is made of; ``where`` is its name in the file."""
    if type(None) in get_args(kind):
        [kind] = (one for one in get_args(kind) if one is not type(None))
        return None if value is None else _read(kind, value, where)
    if kind in {int, float}:
        fits = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
        if not fits or not abs(value) < LARGEST:
            raise FingerprintError(f"{where} is {value!r:.40}; expected a {'whole ' if kind is int else ''}number")
        return value
    if not isinstance(value, dict):
        raise FingerprintError(f"{where} is {value!r:.40}; expected an object")
    inside = f"{where}." if where else ""
    if get_origin(kind) is Mapping:
        return {name: _read(get_args(kind)[1], one, f"{inside}{name}") for name, one in value.items()}
    return _of_fields(kind, value, inside)


def _of_fields(kind: Any, given: dict[str, Any], inside: str) -> Any:
    hints = get_type_hints(kind)
    unknown = next((name for name in given if name not in hints), None)
    missing = next((name for name in hints if name not in given), None)
    if unknown is not None:
        raise FingerprintError(f"unknown '{inside}{unknown:.40}'{nearest(unknown, hints)}; known: {', '.join(hints)}")
    if missing is not None:
        raise FingerprintError(f"no '{inside}{missing}'; expected {', '.join(hints)}")
    parts = {name: _read(hint, given[name], f"{inside}{name}") for name, hint in hints.items()}
    try:
        return kind(**parts)
    except ValueError as problem:
        raise FingerprintError(f"{inside.rstrip('.')}: {problem}") from problem
