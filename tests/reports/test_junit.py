"""JUnit XML: what readers make of it, and that it is never green where a run is not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import junitparser
import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from faultlab import reports
from faultlab.reports import Result, Standing
from faultlab.reports.junit import RUN
from faultlab.verdict import Counts, Verdict
from tests.reports.cases import ALL_RUNS, CALM_RUN, CRASHED_RUN, GUILTY_RUN, MIXED_RUN, any_run, results
from tests.test_reports import golden

XSD = Path(__file__).parent.parent / "data" / "junit-10.xsd"
BARE = Result(Verdict.PASS, "bare", 0, "", "", Counts(), {}, ())


@cache
def schema() -> xmlschema.XMLSchema:
    """Give the schema that Jenkins reads test results by."""
    return xmlschema.XMLSchema(str(XSD))


def read(text: str) -> junitparser.JUnitXml:
    """Give the document as a reader has it."""
    return junitparser.JUnitXml.fromstring(text.encode())


def ended(text: str) -> dict[tuple[str, str], list[str]]:
    """Give what became of each test case, by suite and name."""
    return {
        (str(suite.name), str(case.name)): [type(one).__name__ for one in case.result]
        for suite in read(text)
        for case in suite
    }


def test_junit_of_all_kinds_of_finding() -> None:
    """One suite a run; failures with their points, doubts as errors, what is tolerated as skipped."""
    text = reports.junit(ALL_RUNS)

    assert golden("reports.junit.xml", text) == text


@pytest.mark.parametrize(("run", "counts"), [(CALM_RUN, (0, 0)), (GUILTY_RUN, (3, 2)), (CRASHED_RUN, (0, 2))])
def test_junit_counts_what_it_has(run: Result, counts: tuple[int, int]) -> None:
    """The totals are those of the test cases, and the time that of the run."""
    document = read(reports.junit([run]))
    [suite] = document

    assert (*counts, 60.0) == (document.failures, document.errors, document.time)
    assert (len(run.oracles) + 1, *counts, 60.0) == (suite.tests, suite.failures, suite.errors, suite.time)


def test_junit_says_what_each_standing_is() -> None:
    """A failure fails, a doubt is an error, what is tolerated or undecided is skipped, a warning passes."""
    found = {name: what for (_, name), what in ended(reports.junit([MIXED_RUN])).items()}

    assert ["Skipped"] == found["loses_nothing_silently"]
    assert ["Failure"] == found["delivers_through_transient_failures"]
    assert [] == found["waits_as_told"]
    assert ["Error"] == found["reports_partial_writes"] == found[RUN]
    assert ["Skipped"] == found["backs_off"]


def test_junit_of_a_crash_is_an_error_whatever_is_tolerated() -> None:
    """An oracle that crashed says nothing that could be known or within a budget."""
    [asked] = CRASHED_RUN.oracles
    crashed = replace(BARE, oracles=(replace(asked, standing=Standing.TOLERATED, because="known"),))

    assert ["Error"] == ended(reports.junit([crashed]))["bare[0]", "crashes"]


def test_junit_says_why_a_failure_is_tolerated() -> None:
    """A reader shows the message of what it skips."""
    assert 'message="tolerated: known since 1.4, issue 12; batch ' in reports.junit([MIXED_RUN])


def test_junit_keeps_runs_apart_that_are_called_alike() -> None:
    """GitLab shows the first of two test cases of one name, so no two have one."""
    text = reports.junit([CALM_RUN, replace(CALM_RUN, verdict=Verdict.FAIL), CALM_RUN])

    assert ["calm[7]", "calm[7] (2)", "calm[7] (3)"] == [suite.name for suite in read(text)]
    assert len(set(ended(text))) == 3 * (len(CALM_RUN.oracles) + 1)


def test_junit_of_a_run_that_nothing_explains() -> None:
    """A verdict that is no pass is an error even where neither an oracle nor a reason says why."""
    assert {("bare[0]", RUN): ["Error"]} == ended(reports.junit([replace(BARE, verdict=Verdict.INCONCLUSIVE)]))


def test_junit_reproduces() -> None:
    """The command stands in a property of the suite."""
    [suite] = read(reports.junit([GUILTY_RUN]))
    properties: Any = suite.properties()  # type: ignore[no-untyped-call]

    assert GUILTY_RUN.again in {one.value for one in properties if one.name == "reproduce"}


@any_run
@given(st.lists(results(), max_size=3))
def test_junit_is_green_only_where_every_run_passed(runs: list[Result]) -> None:
    """There is neither a failure nor an error if and only if every verdict is a pass."""
    root = ET.fromstring(reports.junit(runs))  # noqa: S314 - it was just made here
    red = root.findall(".//failure") + root.findall(".//error")

    assert all(run.verdict is Verdict.PASS for run in runs) == (not red)
    assert sum(int(suite.get(key, "0")) for suite in root for key in ("failures", "errors")) == len(red)


@any_run
@given(st.lists(results(), max_size=2), st.sampled_from(Verdict))
def test_junit_is_not_green_whatever_the_oracles_say(runs: list[Result], verdict: Verdict) -> None:
    """A verdict worse than all that is said of it is red all the same."""
    text = reports.junit([replace(run, verdict=max(run.verdict, verdict)) for run in runs])

    assert not runs or verdict is Verdict.PASS or "<error" in text or "<failure" in text


@any_run
@given(st.lists(results(), max_size=2))
def test_junit_keeps_to_the_schema(runs: list[Result]) -> None:
    """Whatever texts hold, Jenkins' schema takes the document, and a reader finds every test case in it."""
    text = reports.junit(runs)

    schema().validate(text)
    assert [len(run.oracles) + 1 for run in runs] == [suite.tests for suite in read(text)]
    assert len(ended(text)) == sum(len(run.oracles) + 1 for run in runs)


def test_the_schema_can_refuse() -> None:
    """A document without counts is none."""
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema().validate('<testsuites><testsuite name="a"/></testsuites>')
