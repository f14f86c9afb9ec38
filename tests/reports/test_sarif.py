"""SARIF: the standard's schema, what is a finding, and what makes two of them the same."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab import reports
from faultlab.reports import Result, Standing
from faultlab.reports.sarif import ROOT, RUN
from faultlab.verdict import Judgement, Verdict
from tests.reports.cases import ALL_RUNS, CALM_RUN, CRASHED_RUN, GUILTY_RUN, MIXED_RUN, any_run, results
from tests.test_reports import golden

SCHEMA = Path(__file__).parent.parent / "data" / "sarif-2.1.0-rtm.5.json"
BASE = Path("/builds/app")


@cache
def validator() -> jsonschema.Draft4Validator:
    """Give what checks a log by the standard's schema."""
    return jsonschema.Draft4Validator(json.loads(SCHEMA.read_text()), format_checker=jsonschema.FormatChecker())


def run_of(*runs: Result) -> dict[str, Any]:
    """Give the one run of the log."""
    [made] = json.loads(reports.sarif(runs, BASE))["runs"]
    return dict(made)


def found_of(*runs: Result) -> dict[str, dict[str, Any]]:
    """Give each finding by the rule it is of."""
    return {one["ruleId"]: one for one in run_of(*runs)["results"]}


def test_sarif_of_all_kinds_of_finding() -> None:
    """The oracles as rules, and a finding for each that did not pass."""
    text = reports.sarif(ALL_RUNS, BASE)

    assert golden("reports.sarif", text) == text


def test_sarif_finds_nothing_in_a_calm_run() -> None:
    """All oracles stand there as rules, so that a reader knows what was asked."""
    made = run_of(CALM_RUN)

    assert ([], [one.name for one in CALM_RUN.oracles]) == (
        made["results"],
        [rule["id"] for rule in made["tool"]["driver"]["rules"]],
    )


def test_sarif_says_how_bad_each_finding_is() -> None:
    """A failure is an error, a warning and a doubt are warnings, and a tolerated failure is suppressed."""
    found = found_of(MIXED_RUN)

    assert {
        "loses_nothing_silently": "error",
        "delivers_through_transient_failures": "error",
        "waits_as_told": "warning",
        "reports_partial_writes": "warning",
        RUN: "warning",
    } == {rule: one["level"] for rule, one in found.items()}
    assert ["loses_nothing_silently"] == [rule for rule, one in found.items() if one["suppressions"]]
    assert [{"kind": "external", "status": "accepted", "justification": "known since 1.4, issue 12"}] == found[
        "loses_nothing_silently"
    ]["suppressions"]


def test_sarif_points_at_the_rule() -> None:
    """The index of a finding's rule is that of the rule of its name."""
    made = run_of(*ALL_RUNS)
    rules = [rule["id"] for rule in made["tool"]["driver"]["rules"]]

    assert [one["ruleId"] for one in made["results"]] == [rules[one["ruleIndex"]] for one in made["results"]]


def test_a_finding_is_the_same_in_every_run() -> None:
    """Neither seed nor exchange nor time, words, points, profile or folder make another of it."""
    other = replace(
        GUILTY_RUN,
        seed=99,
        seconds=1.0,
        profile="tsm",
        history="elsewhere",
        again="faultlab run other",
        oracles=tuple(
            replace(one, judgements=(Judgement(Verdict.FAIL, "exchange 77 after 3.1 s", 77, "ff", ("n 1",)),))
            for one in GUILTY_RUN.oracles
        ),
    )
    one, two = found_of(GUILTY_RUN), found_of(other)

    assert {rule: found["partialFingerprints"] for rule, found in one.items()} == {
        rule: found["partialFingerprints"] for rule, found in two.items()
    }
    assert len({found["partialFingerprints"]["faultlabWeakness/v1"] for found in one.values()}) == len(one)


def test_a_finding_is_another_in_another_scenario() -> None:
    """The scenario is part of what a weakness is."""
    other = found_of(replace(GUILTY_RUN, scenario="outage"))

    assert all(
        found["partialFingerprints"] != other[rule]["partialFingerprints"]
        for rule, found in found_of(GUILTY_RUN).items()
    )


@pytest.mark.parametrize(
    ("folder", "place"),
    [
        ("/builds/app/runs/a b-7", {"uri": "runs/a%20b-7/", "uriBaseId": ROOT}),
        ("/builds/app", {"uri": "./", "uriBaseId": ROOT}),
        ("/builds/application/x", {"uri": "file:///builds/application/x/"}),
        ("faultlab-runs/calm-7/", {"uri": "faultlab-runs/calm-7/", "uriBaseId": ROOT}),
        ("../a:b", {"uri": "../a%3Ab/", "uriBaseId": ROOT}),
    ],
)
def test_sarif_says_where_the_history_is(folder: str, place: dict[str, str]) -> None:
    """Relative to the working directory where it is below it."""
    [location] = found_of(replace(GUILTY_RUN, history=folder))["waits_as_told"]["locations"]

    assert place == location["physicalLocation"]["artifactLocation"]


def test_sarif_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing else is said."""
    monkeypatch.chdir(tmp_path)

    assert '"uri": "runs/x/"' in reports.sarif([replace(GUILTY_RUN, history=str(tmp_path / "runs" / "x"))])


def test_sarif_without_a_history_has_no_place() -> None:
    """A scenario and an oracle are places in logic only."""
    assert [
        {"logicalLocations": [{"name": "waits_as_told", "fullyQualifiedName": "rate-limit/waits_as_told"}]}
    ] == found_of(replace(GUILTY_RUN, history=""))["waits_as_told"]["locations"]


def test_sarif_tells_a_run_that_did_not_do_its_job() -> None:
    """A run with reasons was not carried out well, and each reason is a notification."""
    calm, crashed = run_of(CALM_RUN, CRASHED_RUN)["invocations"]

    assert (True, 0, []) == (calm["executionSuccessful"], calm["exitCode"], calm["toolExecutionNotifications"])
    assert (False, 3, "oracle 'crashes' crashed: ZeroDivisionError") == (
        crashed["executionSuccessful"],
        crashed["exitCode"],
        crashed["toolExecutionNotifications"][0]["message"]["text"],
    )


def test_no_text_is_a_link_or_an_argument() -> None:
    """In a message, braces hold arguments and brackets with parentheses are a link."""
    run = replace(GUILTY_RUN, oracles=(), reasons=("see [here](http://x.example) {0}",))

    assert "see [here] (http://x.example) {{0}}" in found_of(run)[RUN]["message"]["text"]


@any_run
@given(st.lists(results(), max_size=3))
def test_sarif_keeps_to_the_schema(runs: list[Result]) -> None:
    """Whatever texts hold; and a run is no pass if and only if a finding, or its invocation, says so."""
    text = reports.sarif(runs, BASE)
    log = json.loads(text)
    validator().validate(log)
    text.encode()
    [made] = log["runs"]
    told = {Standing.FAIL, Standing.WARNING, Standing.INCONCLUSIVE, Standing.TOLERATED}

    assert sum(one.standing in told for run in runs for one in run.oracles) + sum(
        bool(run.reasons) for run in runs
    ) == len(made["results"])
    assert [run.verdict.exit_status for run in runs] == [one["exitCode"] for one in made["invocations"]]


def test_the_schema_can_refuse() -> None:
    """A level that is none is found."""
    log = json.loads(reports.sarif([GUILTY_RUN], BASE))
    log["runs"][0]["results"][0]["level"] = "bad"

    with pytest.raises(jsonschema.ValidationError):
        validator().validate(log)
