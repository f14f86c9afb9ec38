"""The published schema of the JSON report: real results keep to it, and it says what each property is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from faultlab import reports
from faultlab.cli import run
from faultlab.reports import Result
from faultlab.verdict import Level, Verdict
from tests.reports.cases import ALL_RUNS, GUILTY_RUN, any_run, results

TOP = "https://json-schema.org/draft/2020-12/schema"


def closed(schema: Any) -> Any:
    """Give the schema so that it refuses whatever it does not name; as published it lets later properties pass."""
    made = deepcopy(schema)
    for _, one in within(made):
        if "properties" in one:
            one["additionalProperties"] = False
    return made


def within(schema: dict[str, Any], place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each schema inside a schema, itself included, with the names that lead to it."""
    yield place, schema
    for name, one in schema.get("properties", {}).items():
        yield from within(one, f"{place}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from within(schema[key], f"{place}[]")


STRICT = jsonschema.Draft202012Validator(closed(reports.schema()))


def test_the_schema_is_one() -> None:
    """By the draft it names."""
    jsonschema.Draft202012Validator.check_schema(reports.schema())

    assert TOP == reports.schema()["$schema"]


@pytest.mark.parametrize("run", ALL_RUNS)
def test_results_keep_to_the_schema(run: Result) -> None:
    """What is written as JSON has nothing that the schema does not name, and lacks nothing."""
    STRICT.validate(json.loads(reports.json(run)))


@any_run
@given(results())
def test_any_result_keeps_to_the_schema(run: Result) -> None:
    """Whatever a run comes to, and what is read back is the same."""
    value = json.loads(reports.json(run))
    STRICT.validate(value)

    assert run == Result.from_json(value)


def test_every_property_is_described() -> None:
    """At every depth."""
    undescribed = [
        f"{place}.{name}"
        for place, one in within(reports.schema())
        for name, inner in one.get("properties", {}).items()
        if not inner.get("description")
    ]

    assert [] == undescribed


def test_every_property_is_required() -> None:
    """A reader need not ask whether a key is there."""
    assert [] == [
        place for place, one in within(reports.schema()) if list(one.get("properties", {})) != one.get("required", [])
    ]


def test_the_words_are_those_of_the_values() -> None:
    """Verdicts, exit statuses, levels and standings."""
    named = dict(within(reports.schema()))

    assert [one.word for one in Verdict] == named[".verdict"]["enum"]
    assert sorted(one.exit_status for one in Verdict) == named[".exit_status"]["enum"]
    assert [one.value for one in Level] == named[".oracles[].level"]["enum"]
    assert [one.value for one in reports.Standing] == named[".oracles[].standing"]["enum"]


@pytest.mark.parametrize("key", list(GUILTY_RUN.to_json()))
def test_the_schema_can_refuse(key: str) -> None:
    """A report that lacks a key, or has another kind of value in its place, is found."""
    lacking, other = GUILTY_RUN.to_json(), GUILTY_RUN.to_json()
    del lacking[key]
    other[key] = {"what": "else"}

    assert not STRICT.is_valid(json.loads(json.dumps(lacking)))
    assert not STRICT.is_valid(json.loads(json.dumps(other)))


def test_a_later_property_passes() -> None:
    """As published the schema does not refuse what a later version adds."""
    jsonschema.Draft202012Validator(reports.schema()).validate({**json.loads(reports.json(GUILTY_RUN)), "later": 1})


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has the command line has the schema, without a history."""
    assert 0 == run(["judge", "--schema"])
    assert reports.schema() == json.loads(capsys.readouterr().out)
