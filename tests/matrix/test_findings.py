"""What the README says it found is found: each line names what exists, and those that take seconds are run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from faultlab import history, oracles, scenario
from faultlab.cli import run
from faultlab.clients import named
from faultlab.clients.environments import FOLDER_VARIABLE
from faultlab.verdict import Verdict
from tests.matrix.test_drivers import KEPT

README = (Path(__file__).parent.parent.parent / "README.md").read_text()
LINES = re.findall(r"^ +(faultlab run .* python -m faultlab\.clients \S+)$", README, re.MULTILINE)

FAILS = {
    ("partial-write", "influxdb-client-sync"): "loses_nothing_silently",
    ("rate-limit", "influxdb-client-js-close"): "delivers_through_transient_failures",
    ("rate-limit", "influxdb3-client-js"): "delivers_through_transient_failures",
    ("flaky-network", "influx-js"): "delivers_through_transient_failures",
    ("unavailable", "influxdb-python"): "delivers_through_transient_failures",
    ("flaky-network", "influx-import"): "delivers_through_transient_failures",
}
"""By scenario and client, for those that are over in seconds: the oracle that fails first."""


def test_there_are_ten() -> None:
    """Each of another client and scenario, and all that are run here are among them."""
    words = [shlex.split(line) for line in LINES]
    found = {(line[2], line[-1]) for line in words}

    assert 10 == len(LINES) == len(found)
    assert set(FAILS) <= found


@pytest.mark.parametrize("line", LINES)
def test_a_line_names_what_exists(line: str) -> None:
    """A built-in scenario, a driver, and the family the driver was made for."""
    words = shlex.split(line)
    driver = named(words[-1])
    profile = words[words.index("--profile") + 1] if "--profile" in words else scenario.load(words[2]).profile

    assert words[2] in scenario.names()
    assert driver.profile == profile


@pytest.mark.parametrize("line", [line for line in LINES if (line.split()[2], line.split()[-1]) in FAILS])
def test_what_was_found_is_found_again(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line makes the run that fails as it is said."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(KEPT / "drivers"))
    words = shlex.split(line)[1:]
    command = named(words[-1]).command
    words = [*words[: words.index("--")], "--quiet", "--history", str(tmp_path / "h"), "--", *command]

    assert 1 == run(words)
    findings = oracles.judge(history.read(tmp_path / "h")).findings
    failed = [one.oracle.name for one in findings if one.verdict is Verdict.FAIL]
    assert FAILS[words[1], command[-1]] == failed[0]
