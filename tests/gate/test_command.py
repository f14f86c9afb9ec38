"""``faultlab gate`` with real proxies and real clients: verdicts, reports, time limits, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from faultlab import history
from faultlab.cli import run
from tests.gate.commands import CURL, PERSISTENT, TWICE, gate_file
from tests.processes import gone


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of our own, and on no machine of GitHub's."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


def gated(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Run a gate and give its exit status and its JSON."""
    status = run(["gate", "gate.yaml", "--json", "gate.json", "--quiet", *arguments])
    return status, json.loads(Path("gate.json").read_text())


KNOWN = """
known:
  - {oracle: delivers_through_transient_failures, reason: curl writes once}
  - {oracle: loses_nothing_silently, reason: curl says nothing}
"""

STATUSES = {
    "pass": (CURL, ("calm",), "", (), 0),
    "fail": (CURL, ("calm", "unavailable"), "", (), 1),
    "inconclusive": ("true", ("calm",), "", (), 3),
    "a failure counts more than a doubt": (CURL, ("rate-limit-hostile", "tls"), "", (), 1),
    "environment": ("./no-such-program", ("calm",), "", (), 4),
    "should is a warning": (TWICE, ("once.yaml",), "", (), 0),
    "should is a failure by the file": (TWICE, ("once.yaml",), "should: failure\n", (), 1),
    "should is a failure by the option": (TWICE, ("once.yaml",), "", ("--strict",), 1),
    "within a budget": (TWICE, ("once.yaml",), "should: failure\nbudgets: {keeps_the_request_budget: 1}\n", (), 0),
    "known": (
        CURL,
        ("down.yaml",),
        KNOWN,
        (),
        0,
    ),
    "known and mended": (PERSISTENT, ("calm",), "known: [{oracle: loses_nothing_silently, reason: once}]\n", (), 1),
    "a file that is wrong": (CURL, ("clam",), "", (), 2),
    "a report that has no place": (CURL, ("calm",), "", ("--junit", "nowhere/junit.xml"), 2),
    "two reports in one place": (CURL, ("calm",), "", ("--junit", "x", "--sarif", "x"), 2),
    "nothing to compare with": (CURL, ("calm",), "", ("--compare", "none.json"), 2),
}


@pytest.mark.parametrize("name", STATUSES)
def test_exit_statuses(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One status for each way a gate may end, and for a mistake one line."""
    command, scenarios, more, flags, expected = STATUSES[name]
    gate_file(tmp_path, command, *scenarios, more=more)

    status = run(["gate", "gate.yaml", *flags])
    shown = capsys.readouterr()

    assert expected == status, shown
    assert (expected == 2) == (1 == len(shown.err.splitlines()) and shown.err.startswith("faultlab: "))
    assert (expected == 2) == (not shown.out)


def test_every_report_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by its option, those for GitHub by its variables; all of them speak of all runs."""
    gate_file(tmp_path, CURL, "calm", "unavailable", more="seeds: [1, 2]\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "step.md")
    options = ("--junit", "junit.xml", "--markdown", "gate.md", "--sarif", "gate.sarif", "--pages", "--history", "past")
    status, found = gated(*options)

    names = ["calm[1]", "calm[2]", "unavailable[1]", "unavailable[2]"]
    assert (1, "fail", 4) == (status, found["verdict"], found["asked"])
    assert names == [f"{one['scenario']}[{one['seed']}]" for one in found["results"]]
    assert names == [suite.name for suite in JUnitXml.fromfile("junit.xml")]
    assert Path("gate.md").read_text() == Path("step.md").read_text()
    assert all(name in Path("gate.md").read_text() for name in names)
    assert json.loads(Path("gate.sarif").read_text())["runs"][0]["results"]
    pages = sorted(path.parent.name for path in Path("past").glob("*/report.html"))
    assert ["unavailable-1", "unavailable-2"] == pages
    assert ["calm-1", "calm-2", "unavailable-1", "unavailable-2"] == sorted(
        path.name for path in Path("past").iterdir()
    )


def test_a_history_with_a_page_is_judged_as_before(tmp_path: Path) -> None:
    """What lies beside a history changes nothing in it."""
    gate_file(tmp_path, CURL, "unavailable")
    gated("--pages", "--history", "past")

    assert () == history.read(Path("past/unavailable-0")).altered


def test_runs_go_on_at_the_same_time(tmp_path: Path) -> None:
    """Clients that wait do so together: all of them have begun before the first has ended."""
    waits = f'sh -c "touch begun-$$; until [ $(ls | grep -c begun-) -ge 4 ]; do sleep 0.05; done; {CURL}"'
    gate_file(tmp_path, waits, "calm", more="seeds: [1, 2, 3, 4]\njobs: 4\ndeadline: 60\n")
    status, found = gated()

    assert (0, 4) == (status, len(found["results"]))


def test_a_client_that_never_ends_is_ended(tmp_path: Path) -> None:
    """The time limit leaves it dead, what it began as well, and the run is judged by what it did."""
    gate_file(tmp_path, f'sh -c "{CURL}; sleep 600 & echo $! > child; sleep 600"', "calm", more="deadline: 2\n")
    status, found = gated("--history", "past")

    [one] = found["results"]
    past = history.read(Path("past/calm-0"))
    failed = [asked["name"] for asked in one["oracles"] if asked["standing"] == "fail"]
    assert (1, ["ends_well"], 1) == (status, failed, len(past.events))
    assert past.client is not None
    assert past.client.timed_out
    assert gone({int(Path("child").read_text())})


def test_what_changed_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With an earlier gate to compare with; the verdict stays that of now."""
    gate_file(tmp_path, CURL, "calm", "unavailable")
    run(["gate", "gate.yaml", "--json", "before.json"])
    gate_file(tmp_path, PERSISTENT, "calm", "unavailable")
    capsys.readouterr()
    status = run(["gate", "gate.yaml", "--compare", "before.json"])
    shown = capsys.readouterr().out.partition("\nchanged\n")[2]

    assert 0 == status
    assert "- unavailable[0]: delivers_through_transient_failures was fail, is pass\n" in shown
    assert "- unavailable[0]: the run was fail, is pass\n" in shown
    assert "calm" not in shown


def test_ctrl_c_keeps_what_was_done(tmp_path: Path) -> None:
    """The clients are ended, the histories are whole, the reports speak of what was run, and the status is 130."""
    gate_file(tmp_path, f'sh -c "{CURL}; touch begun; sleep 600"', "calm", more="seeds: [1, 2, 3]\njobs: 1\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "faultlab", "gate", "gate.yaml", "--json", "gate.json", "--history", "past"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - one thread
    )
    until = time.monotonic() + 60
    while not Path("begun").exists() and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert 130 == process.returncode, err
    assert "1 of 3 runs" in out
    assert "Traceback" not in err
    assert history.read(Path("past/calm-1")).complete
    assert (3, 1) == (json.loads(Path("gate.json").read_text())["asked"], len(list(Path("past").iterdir())))


def test_progress_is_one_line_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, as each ends; quiet, there is none."""
    gate_file(tmp_path, CURL, "calm", more="seeds: [1, 2]\n")
    run(["gate", "gate.yaml"])
    lines = capsys.readouterr().err.splitlines()
    run(["gate", "gate.yaml", "--quiet"])

    assert {"calm[1]", "calm[2]"} == {line.split()[1] for line in lines}
    assert not capsys.readouterr().err
