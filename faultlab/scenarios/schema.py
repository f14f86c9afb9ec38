"""The JSON Schema of scenario files, made from the dataclasses, and what a value that breaks it is told.

Whatever an editor shows and whatever a message expects come from the same schema.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from types import UnionType
from typing import Any

from faultlab import plan
from faultlab.exchange import ENDPOINTS
from faultlab.faults import ALIASES
from faultlab.faults.knob import default_of, knobs, types_of
from faultlab.scenarios import checking
from faultlab.scenarios.checking import CAPITALS, DRAFT, NAME
from faultlab.scenarios.reading import Document, Problem
from faultlab.terms import TELLS, Terms

_TERMS = Terms()
_TYPES = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}

_MATCH: Mapping[str, Mapping[str, Any]] = {
    "method": {"description": "HTTP method, in capitals", "pattern": CAPITALS},
    "endpoint": {"description": "a path of InfluxDB's API, or a group of them", "enum": [*plan.GROUPS, *ENDPOINTS]},
    "header": {"description": "request headers, each with a shell pattern its value has to match"},
    "size": {"description": "bytes of the request's body on the wire"},
    "decoded_size": {"description": "bytes of the request's body after decompression"},
    "lines": {"description": "lines in the request's body"},
    "measurement": {"description": "a measurement that at least one line writes to", "minLength": 1},
    "database": {"description": "bucket or database the request names", "minLength": 1},
    "attempt": {
        "description": "which sending of a batch is meant, from 1; bounds how often a batch is failed",
        "minimum": 1,
    },
}

_WHEN: Mapping[str, Mapping[str, Any]] = {
    "probability": {"description": "probability of each exchange that matches", "minimum": 0, "maximum": 1},
    "first": {"description": "only among the first so many exchanges that match", "minimum": 1},
    "nth": {"description": "only on the exchange of this number that matches, from 1", "minimum": 1},
    "every": {"description": "only on each exchange whose number is divisible by this", "minimum": 1},
    "times": {"description": "how often the rule fires at most", "minimum": 1},
    "after": {"description": "only from so many seconds after the run began", "minimum": 0},
    "before": {"description": "only until so many seconds after the run began", "minimum": 0},
}


def schema(faults: Sequence[type[Any]], profiles: Sequence[str], checks: Sequence[str]) -> dict[str, Any]:
    """Give the schema of scenario files that may use these faults, profiles and checks (oracles, by name)."""
    return {
        "$schema": DRAFT,
        "title": "faultlab scenario",
        "type": "object",
        "properties": {
            "name": {
                "description": "the scenario's name; the file's name without its ending if not given",
                "type": "string",
                "pattern": NAME,
            },
            "about": {"description": "one sentence, shown in listings", "type": "string", "maxLength": 200},
            "profile": {
                "description": "product family whose documented answers are given",
                "type": "string",
                "enum": list(profiles),
                "default": "serverless",
            },
            "seed": {
                "description": "seed of every draw, unless the command line gives another",
                "type": "integer",
                "minimum": 0,
                "maximum": 2**63 - 1,
                "default": 0,
            },
            "rules": {
                "description": "what is done to which exchanges; the first rule that fires decides",
                "type": "array",
                "items": {"$ref": "#/$defs/rule"},
            },
            "checks": {
                "description": "oracles that must find something to judge; without it the run is inconclusive",
                "type": "array",
                "items": {"type": "string", "enum": list(checks)},
                "default": [],
            },
            "client": {
                "description": "what the client under test may use",
                "type": "object",
                "properties": {
                    "deadline": {
                        "description": "seconds the client may run before the lab ends it",
                        "type": "number",
                        "exclusiveMinimum": 0,
                        "maximum": 86400,
                        "default": _TERMS.deadline,
                    },
                    "memory_mb": {
                        "description": "megabytes of memory the client may hold; no bound if not given",
                        "type": "integer",
                        "minimum": 1,
                    },
                    "attempts": {
                        "description": "how often a point may be sent",
                        "type": "integer",
                        "minimum": 1,
                        "default": _TERMS.attempts,
                    },
                    "recovery": {
                        "description": "seconds after the last fault within which everything pending has to arrive",
                        "type": "number",
                        "exclusiveMinimum": 0,
                        "maximum": 86400,
                        "default": _TERMS.recovery,
                    },
                    "told_by": {
                        "description": "what counts as telling the application",
                        "type": "array",
                        "items": {"type": "string", "enum": list(TELLS)},
                        "default": list(TELLS),
                    },
                },
                "additionalProperties": False,
            },
        },
        # Before ``required``: where both complain, the misspelt key says more than the missing one.
        "additionalProperties": False,
        "required": ["rules"],
        "$defs": {
            "rule": _rule(faults),
            "match": _object(plan.Match, _MATCH, "which exchanges the rule speaks of; every condition must hold"),
            "when": _object(plan.When, _WHEN, "how often the rule fires on them; every condition must hold"),
            **{f"with_{kind.name}": _with(kind) for kind in faults},
        },
    }


def _rule(faults: Sequence[type[Any]]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "fault": {
                "description": "what is done; Toxiproxy's names are taken too",
                "type": "string",
                "enum": [name for kind in faults for name in _names(kind)],
            },
            "name": {
                "description": "the rule's own name, as reports print it; the fault's if not given",
                "type": "string",
                "minLength": 1,
                "maxLength": 80,
            },
            "with": {"description": "the fault's knobs"},
            "match": {"$ref": "#/$defs/match"},
            "when": {"$ref": "#/$defs/when"},
            "required": {
                "description": "whether a run in which the rule never fires is inconclusive",
                "type": "boolean",
                "default": True,
            },
        },
        "additionalProperties": False,
        "required": ["fault"],
        "allOf": [
            {
                "if": {"type": "object", "properties": {"fault": _one_of(_names(kind))}, "required": ["fault"]},
                "then": {"properties": {"with": {"$ref": f"#/$defs/with_{kind.name}"}}},
            }
            for kind in faults
        ],
    }


def _names(kind: type[Any]) -> tuple[str, ...]:
    return kind.name, *(alias for alias, name in ALIASES.items() if name == kind.name)


def _one_of(names: tuple[str, ...]) -> dict[str, Any]:
    return {"const": names[0]} if len(names) == 1 else {"enum": list(names)}


def _with(kind: type[Any]) -> dict[str, Any]:
    types = types_of(kind)
    return {
        "description": (inspect.getdoc(kind) or "").partition("\n")[0],
        "type": "object",
        "properties": {item.name: _knob(item, types[item.name]) for item in knobs(kind)},
        "additionalProperties": False,
    }


def _knob(item: Any, kind: Any) -> dict[str, Any]:
    told = item.metadata
    out: dict[str, Any] = {"description": told["meaning"], "type": _type(kind)}
    if told["choices"]:
        out["enum"] = list(told["choices"])
    for bound in ("minimum", "maximum"):
        if told[bound] is not None:
            out[bound] = told[bound]
    return {**out, "default": default_of(item)}


def _type(kind: Any) -> str | list[str]:
    names = [_TYPES[one] for one in _alternatives(kind)]
    return names[0] if len(names) == 1 else names


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if isinstance(kind, UnionType) else (kind,)


def _object(kind: type[Any], told: Mapping[str, Mapping[str, Any]], meaning: str) -> dict[str, Any]:
    """Give the schema of a dataclass whose fields may be left out; each field must be told about."""
    types = types_of(kind)
    properties: dict[str, Any] = {}
    for item in fields(kind):
        # None is what a field is that was left out; nobody has to write it.
        given = next(one for one in _alternatives(types[item.name]) if one is not type(None))
        shape: dict[str, Any]
        if given is plan.Range:
            shape = _range(told[item.name].get("minimum", 0))
        elif given in _TYPES:
            shape = {"type": _TYPES[given]}
        else:
            shape = {"type": "object", "additionalProperties": {"type": "string"}}
        default = default_of(item)
        properties[item.name] = {**shape, **told[item.name], **({} if default is None else {"default": default})}
    return {"description": meaning, "type": "object", "properties": properties, "additionalProperties": False}


def _range(least: int) -> dict[str, Any]:
    return {
        "type": ["integer", "object"],
        "minimum": least,
        "properties": {
            "min": {"description": "least number meant", "type": "integer", "minimum": least},
            "max": {"description": "greatest number meant", "type": "integer", "minimum": least},
        },
        "minProperties": 1,
        "additionalProperties": False,
    }


def problems(
    document: Document, faults: tuple[type[Any], ...], profiles: tuple[str, ...], checks: tuple[str, ...]
) -> Iterator[Problem]:
    """Yield what the schema finds wrong with a file, each once; raises ModuleNotFoundError without jsonschema."""
    yield from checking.problems(document, _validator(faults, profiles, checks))


@lru_cache(maxsize=8)
def _validator(faults: tuple[type[Any], ...], profiles: tuple[str, ...], checks: tuple[str, ...]) -> Any:
    return checking.validator_of(schema(faults, profiles, checks))
