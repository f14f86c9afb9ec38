"""Every driver, with its real client, where nothing goes wrong; and a small matrix from end to end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from faultlab import history, oracles, scenario
from faultlab.cli import run
from faultlab.clients import ALL, Driver
from faultlab.clients.environments import FOLDER_VARIABLE
from faultlab.lab import Lab, Settings
from faultlab.matrix.cells import cells, clients
from faultlab.matrix.table import Table
from faultlab.playing import kept, make
from faultlab.verdict import Verdict

KEPT = Path(__file__).parent.parent.parent / ".clients"
WAITING = {"influxdb-client-js-live", "ruby-influxdb-live"}
"""These differ from another only in that they wait."""


@pytest.fixture(autouse=True)
def environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the clients' environments in the project, as other tests do theirs."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(KEPT / "drivers"))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


@pytest.mark.parametrize("driver", [one for one in ALL if one.name not in WAITING], ids=lambda one: one.name)
def test_a_driver_writes_its_manifest(driver: Driver, tmp_path: Path) -> None:
    """All points arrive, none was invented, and the application was told so where the client tells it."""
    calm = scenario.load("calm")
    settings = Settings(
        tmp_path / "h", terms=calm.terms, scenario="calm", checks=calm.checks, command=(sys.executable, "-m", "x")
    )
    with Lab(calm.plan(profile=driver.profile), settings) as lab:
        client = lab.run([sys.executable, "-m", "faultlab.clients", driver.name])
        past = history.read(lab.finish())
    verdicts = oracles.judge(past)

    assert (0, Verdict.PASS) == (client.status, verdicts.verdict), past.stderr
    assert (12_000, True) == (verdicts.counts.points, past.has_manifest)
    assert {"ok"} >= {report.told for report in past.reports}
    # The rest are programs that tell by what they log, and Ruby's threads do so as well.
    by_report = driver.language in {"python", "node"} or driver.name == "ruby-influxdb"
    assert by_report == bool(past.reports)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "faultlab: one name of a client is expected; faultlab clients lists them\n"),
        (["crul"], 2, "faultlab: no client named 'crul'; did you mean 'curl'?\n"),
        (["curl"], 2, "faultlab: FAULTLAB_REPORT is not set; expected to be run by faultlab run\n"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], status: int, said: str) -> None:
    """A driver that cannot be run says why."""
    done = subprocess.run(
        [sys.executable, "-m", "faultlab.clients", *arguments], capture_output=True, text=True, check=False
    )
    assert (status, "", said) == (done.returncode, done.stdout, done.stderr)


def test_an_environment_that_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without what makes it, the status says that the environment failed, and nothing is run."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "clients"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert 4 == run(["matrix", "--clients", "influxdb3-client-js", "--history", str(tmp_path / "m"), "--quiet"])
    said = "influxdb3-client-js needs node and npm; expected both on the path; leave it out by --clients"
    assert f"faultlab: {said}\n" == capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_the_list_names_versions(capsys: pytest.CaptureFixture[str]) -> None:
    """As text, and as JSON."""
    assert 0 == run(["clients"])
    out = capsys.readouterr().out
    assert re.search(r"^influxdb-client-sync +influxdb-client 1\.50\.0 ", out, re.MULTILINE)
    assert re.search(r"^syslog-ng +syslog-ng-core 3\.38\.1 ", out, re.MULTILINE)
    assert 0 == run(["clients", "--json"])
    assert [driver.name for driver in ALL] == [row["name"] for row in json.loads(capsys.readouterr().out)]


def test_a_matrix_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two clients, two scenarios: the table, its pages and the page of what failed; once more, nothing is run again."""
    folder = tmp_path / "m"
    words = [
        "matrix",
        "--clients",
        "curl,influxdb-client-sync",
        "--scenarios",
        "calm,rate-limit",
        "--history",
        str(folder),
    ]

    assert 0 == run(words)
    first = json.loads((folder / "matrix.json").read_text())
    out = capsys.readouterr()
    assert 4 == len(out.err.splitlines())
    assert "influxdb-client-sync × rate-limit[7]" in out.out
    assert {"delivers_through_transient_failures"} == {name for one in first["entries"] for name in one["failed"]}
    assert [folder / "influxdb-client-sync" / "rate-limit-7" / "report.html"] == list(folder.glob("*/*/report.html"))
    assert "rate-limit" in (folder / "matrix.html").read_text()

    written = {path: path.stat().st_mtime_ns for path in folder.glob("*/*/events.jsonl")}
    assert 0 == run([*words, "--compare", str(folder / "matrix.json"), "--quiet"])
    assert capsys.readouterr().out.partition("\nchanged\n")[2].startswith("- nothing\n")
    assert written == {path: path.stat().st_mtime_ns for path in folder.glob("*/*/events.jsonl")}


def test_an_interrupted_matrix_is_gone_on_with(tmp_path: Path) -> None:
    """What was run to its end is kept; what was cut off is run again."""
    folder = tmp_path / "m"
    mine = tmp_path / "mine.txt"
    curl = "curl -s -o /dev/null -H 'Authorization: Token {token}' '{url}/api/v2/write?bucket={bucket}' -d 'm f=1 1'"
    mine.write_text(f'mine: sh -c "{curl}; test -e {tmp_path}/go || {{ touch {tmp_path}/begun; sleep 600; }}"\n')
    words = ["matrix", "--add", str(mine), "--clients", "mine", "--scenarios", "calm", "--seeds", "1,2", "-j", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "faultlab", *words, "--history", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - one thread
    )
    until = time.monotonic() + 60
    while not (tmp_path / "begun").exists() and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (130, "Traceback" in err) == (process.returncode, False), err
    verdicts = [one["verdict"] for one in json.loads((folder / "matrix.json").read_text())["entries"]]
    assert ["inconclusive", "not run"] == verdicts

    (tmp_path / "go").touch()
    assert 0 == run([*words, "--history", str(folder), "--quiet"])
    verdicts = [one["verdict"] for one in json.loads((folder / "matrix.json").read_text())["entries"]]
    assert ["pass", "pass"] == verdicts


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--clients", "crul"], "no client named 'crul'; did you mean 'curl'?"),
        (["--scenarios", "clam"], "no scenario is named 'clam'; *"),
        (["--seeds", "x"], "--seeds is x; expected whole numbers with commas"),
        (["--compare", "none.json"], "none.json: cannot be read (No such file or directory); expected a matrix.json"),
        (["--add", "none.txt"], "none.txt: cannot be read *"),
    ],
)
def test_mistakes_of_a_matrix(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on standard error, and exit status 2."""
    assert 2 == run(["matrix", *words])
    shown = capsys.readouterr()
    assert re.fullmatch(re.escape(f"faultlab: {said}\n").replace(r"\*", ".*"), shown.err), shown.err
    assert not shown.out


def test_fast_time_is_compared_with_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table of true time is refused before anything is run."""
    table = Table({}, ())
    (tmp_path / "m.json").write_text(json.dumps(table.to_json()))

    assert 2 == run(["matrix", "--clients", "curl", "--time-scale", "20", "--compare", str(tmp_path / "m.json")])
    assert capsys.readouterr().err == (
        f"faultlab: {tmp_path / 'm.json'} has time 1 times as fast and this one has time 20 times as fast; "
        "expected two of one time\n"
    )


def test_a_history_of_another_time_is_not_kept(tmp_path: Path) -> None:
    """What lies in the folder counts only where it was made as it is asked for now."""
    (cell,) = cells(clients(("curl",)), ("calm",), (1,), Settings(tmp_path))
    assert cell.task is not None
    folder = cell.task.settings.history
    assert Verdict.PASS is make(cell.task).verdict
    assert kept(cell.task) is not None

    with_other_server = replace(cell.task, settings=replace(cell.task.settings, upstream="http://127.0.0.1:9"))
    assert kept(with_other_server) is None
    assert not folder.exists()
