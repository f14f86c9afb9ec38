"""Workflow commands: one a line, escaped as GitHub unescapes them, the worst first."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab import reports
from faultlab.reports import Result, Standing
from faultlab.verdict import Verdict
from tests.reports.cases import ALL_RUNS, CALM_RUN, CRASHED_RUN, GUILTY_RUN, MIXED_RUN, any_run, results
from tests.test_reports import golden

COMMAND = re.compile(r"::(error|warning|notice) (title=[^:,\r\n]*(?:,file=[^:,\r\n]*)?)::([^\r\n]*)")


def unescaped(text: str) -> str:
    """Give text as GitHub's runner shows it: these, in this order."""
    for escape, meant in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, meant)
    return text


def read(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Give kind, properties and message of each line; each has to be a command and no more than one."""
    found = []
    for line in re.split("\r\n|\r|\n", text) if text else []:
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        pairs = dict(pair.split("=", 1) for pair in match[2].split(","))
        found.append((match[1], {name: unescaped(value) for name, value in pairs.items()}, unescaped(match[3])))
    return found


def test_github_of_all_kinds_of_finding() -> None:
    """Errors, then warnings, then notices."""
    text = reports.github(ALL_RUNS)

    assert golden("reports.github.txt", text) == text


def test_github_says_nothing_of_a_calm_run() -> None:
    """An annotation is for what went wrong."""
    assert reports.github([CALM_RUN]) == ""


def test_github_says_what_each_standing_is() -> None:
    """A failure, a doubt and a reason are errors, a warning is one, what is tolerated is a notice."""
    found = [(kind, properties["title"]) for kind, properties, _ in read(reports.github([MIXED_RUN]))]

    assert [
        ("error", "rate-limit[7]: delivers_through_transient_failures"),
        ("error", "rate-limit[7]: no pass"),
        ("error", "rate-limit[7]: inconclusive: reports_partial_writes"),
        ("warning", "rate-limit[7]: waits_as_told"),
        ("notice", "rate-limit[7]: tolerated: loses_nothing_silently"),
    ] == found


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("scenarios/a,b.yaml", "scenarios/a,b.yaml"),
        ("my scenario.yml", "my scenario.yml"),
        ("rate-limit", None),
        ("", None),
    ],
)
def test_github_names_the_scenario_file(source: str, file: str | None) -> None:
    """Where there is one, and no line of it."""
    kinds = {properties.get("file") for _, properties, _ in read(reports.github([replace(GUILTY_RUN, source=source)]))}

    assert {file} == kinds


def test_github_leaves_out_the_least() -> None:
    """Ten errors and ten warnings are shown, every oracle that failed before any twice, and the rest is counted."""
    runs = [replace(run, seed=seed) for seed in range(6) for run in (MIXED_RUN, CRASHED_RUN)]
    found = read(reports.github([*runs, *[replace(MIXED_RUN, scenario="late")] * 6, GUILTY_RUN]))
    kinds = [kind for kind, _, _ in found]

    assert (10, 10, 10) == tuple(kinds.count(kind) for kind in ("error", "warning", "notice"))
    assert {"loses_nothing_silently", "delivers_through_transient_failures", "waits_as_told"} == {
        properties["title"].rpartition(": ")[2] for _, properties, _ in found[:3]
    }
    assert (
        "notice",
        {"title": "faultlab"},
        "Left out, because GitHub shows no more: 43 errors, 2 warnings, 3 notices",
    ) == found[-1]


@any_run
@given(st.lists(results(), max_size=3))
def test_github_of_any_text_is_commands(runs: list[Result]) -> None:
    """Whatever texts hold, each line is one command, and there is an error if and only if a run is no pass."""
    text = reports.github(runs)
    kinds = {kind for kind, _, _ in read(text)}
    text.encode()

    assert ("error" in kinds) == any(run.verdict is not Verdict.PASS for run in runs)
    assert ("warning" in kinds) == any(one.standing is Standing.WARNING for run in runs for one in run.oracles)


@given(st.lists(st.sampled_from(["%", "%25", "%0A", "%0D", "%3A", ":", ",", "\r", "\n", "a"]), max_size=9).map("".join))
def test_github_escapes_what_it_says(text: str) -> None:
    """The message is read back as it was meant."""
    run = replace(GUILTY_RUN, again=text, oracles=(), reasons=("why",))

    assert [("error", {"title": "rate-limit[7]: no pass"}, f"why\nreproduce: {text}")] == read(reports.github([run]))


def test_github_bounds_a_message() -> None:
    """A traceback or a command of any length is cut."""
    run = replace(CRASHED_RUN, again="x" * 100_000, scenario="y" * 100_000, reasons=("z" * 100_000,))

    assert len(reports.github([run])) < 20_000
