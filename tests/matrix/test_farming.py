"""A matrix whose runs are made by the workers of a Dask scheduler: two real ones, on this machine."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from faultlab import farming, history
from faultlab.cli import run
from faultlab.clients.environments import FOLDER_VARIABLE
from tests.matrix.cluster import Cluster, cluster, lines, until

CURL = "curl -s -o /dev/null -H 'Authorization: Token {token}' '{url}/api/v2/write?bucket={bucket}' -d 'm f=1 1'"
MAIN = [sys.executable, "-m", "faultlab"]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and two workers that no test harms."""
    with cluster(tmp_path_factory.mktemp("cluster")) as out:
        yield out


def added(folder: Path, **scripts: str) -> list[str]:
    """Give the options for clients that are shell scripts."""
    file = folder / "mine.txt"
    file.write_text("".join(f'{name}: sh -c "{script}"\n' for name, script in scripts.items()))
    return ["--add", str(file)]


def matrix(
    words: Sequence[str], folder: Path, address: str | None, main: Sequence[str] = MAIN
) -> subprocess.Popen[str]:
    """Begin a matrix in a process of its own, which hears Ctrl-C."""
    return subprocess.Popen(
        [
            *main,
            "matrix",
            *words,
            "--history",
            str(folder),
            "--quiet",
            *([] if address is None else ["--scheduler", address]),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "GITHUB_ACTIONS": ""},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - one thread
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a matrix and give its status, and what it said on standard error."""
    _, err = process.communicate()
    return process.returncode, err


def entries(folder: Path) -> list[dict[str, Any]]:
    """Give the table's entries without what differs from one time to the next."""
    table = json.loads((folder / "matrix.json").read_text())
    return [{name: one[name] for name in one if name != "seconds"} for one in table["entries"]]


def test_the_table_is_that_of_this_machine(two: Cluster, tmp_path: Path) -> None:
    """Verdicts, failures, findings, commands and histories are the same; a run that is there is not made again."""
    made = tmp_path / "made"
    mine = added(tmp_path, good=f"echo >> {made}; {CURL}", idle="exit 3")
    words = [*mine, "--clients", "good,idle", "--scenarios", "calm,rate-limit"]
    assert (0, "") == ended(matrix(words, tmp_path / "near", None))
    assert (0, "") == ended(matrix(words, tmp_path / "far", two.address))

    near, far = entries(tmp_path / "near"), entries(tmp_path / "far")
    assert near == far
    assert ["pass", "fail", "inconclusive", "inconclusive"] == [one["verdict"] for one in far]
    for one in far:
        past = history.read(tmp_path / "far" / one["history"])
        assert (True, (), ()) == (past.complete, tuple(past.broken), tuple(past.altered))
    files = [{path.relative_to(root) for path in root.rglob("*")} for root in (tmp_path / "near", tmp_path / "far")]
    assert files[0] == files[1]

    assert 4 == len(lines(made))
    (tmp_path / "far" / "good" / "calm-7" / "events.jsonl").write_text("")
    assert (0, "") == ended(matrix(words, tmp_path / "far", two.address))
    assert 5 == len(lines(made))
    assert near == entries(tmp_path / "far")


def test_a_driver_is_run_by_the_worker_s_own_python(two: Cluster, tmp_path: Path) -> None:
    """The table and the history name the command as it is on the machine that asks, where it need not exist."""
    # Whatever multiprocessing starts is started by the one that there is, which it looks up when it is imported.
    code = (
        "import sys, multiprocessing.spawn; sys.executable = '/nowhere/python'; "
        "from faultlab.cli import run; sys.exit(run(sys.argv[1:]))"
    )
    words = ["--clients", "curl", "--scenarios", "calm"]
    assert (0, "") == ended(matrix(words, tmp_path / "m", two.address, [sys.executable, "-c", code]))

    (one,) = entries(tmp_path / "m")
    assert ("pass", True) == (one["verdict"], "/nowhere/python -m faultlab.clients curl" in one["again"])
    assert "/nowhere/python" == history.read(tmp_path / "m" / one["history"]).run["command"][0]


def test_another_version_is_one_line(two: Cluster, tmp_path: Path) -> None:
    """A worker with another faultlab is named before anything is made."""
    code = (
        "import sys, faultlab; faultlab.__version__ = '9.9'; from faultlab.cli import run; sys.exit(run(sys.argv[1:]))"
    )
    process = matrix(["--scenarios", "calm"], tmp_path / "m", two.address, [sys.executable, "-c", code])
    status, err = ended(process)

    assert (4, 1) == (status, len(err.splitlines())), err
    assert "has faultlab 0.1.0; expected 9.9" in err
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_ends_loses_no_cell(tmp_path: Path, how: signal.Signals) -> None:
    """What it was making is made again by the other, whether it was killed or asked to end."""
    begun, go = tmp_path / "begun", tmp_path / "go"
    mine = added(tmp_path, mine=f"echo $PPID >> {begun}; until test -e {go}; do sleep 0.1; done; {CURL}")
    with cluster(tmp_path / "cluster") as two:
        process = matrix(
            [*mine, "--clients", "mine", "--scenarios", "calm", "--seeds", "1,2"], tmp_path / "m", two.address
        )
        until(lambda: len(lines(begun)) == 2, "both cells")
        assert {str(worker.pid) for worker in two.workers} == set(lines(begun))
        two.workers[0].send_signal(how)
        two.workers[0].wait()
        until(lambda: two.known() == 1, "the scheduler to hear of it")
        go.touch()
        assert (0, "") == ended(process)

    assert ["pass", "pass"] == [one["verdict"] for one in entries(tmp_path / "m")]
    assert 3 == len(lines(begun))


def test_a_cell_that_kills_its_workers_is_inconclusive(tmp_path: Path) -> None:
    """It says so, and the rest of the matrix is made."""
    mine = added(tmp_path, bad="kill -9 $PPID; sleep 600", good=CURL)
    with cluster(tmp_path / "cluster", DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as two:
        words = [*mine, "--clients", "bad,good", "--scenarios", "calm", "-j", "1"]
        assert (4, "") == ended(matrix(words, tmp_path / "m", two.address))

    bad, good = entries(tmp_path / "m")
    assert ("inconclusive", True, "pass") == (bad["verdict"], bad["environment"], good["verdict"])
    assert bad["finding"].startswith(
        "the environment failed: every worker that was to make it died, 1 of them, at last "
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_whoever_interrupts_ends_the_clients(two: Cluster, tmp_path: Path, how: signal.Signals) -> None:
    """Ctrl-C gives the table of what had begun; a matrix that is killed leaves no client either."""
    begun = tmp_path / "begun"
    mine = added(tmp_path, mine=f"{CURL}; echo $$ >> {begun}; exec sleep 600")
    words = [*mine, "--clients", "mine", "--scenarios", "calm", "--seeds", "1,2,3"]
    process = matrix(words, tmp_path / "m", two.address)
    until(lambda: len(lines(begun)) == 2, "a cell at each worker")
    process.send_signal(how)
    status, err = ended(process)

    until(lambda: not any(is_there(int(one)) for one in lines(begun)), "the clients' end")
    assert 2 == len(lines(begun))
    if how is signal.SIGINT:
        assert (130, "") == (status, err)
        assert ["inconclusive", "inconclusive", "not run"] == sorted(one["verdict"] for one in entries(tmp_path / "m"))
        assert 2 == len(list((tmp_path / "m").glob("mine/*/report.html")))


def is_there(process: int) -> bool:
    """Give whether a process is there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False


def test_an_environment_that_a_worker_cannot_make_is_one_cell(tmp_path: Path) -> None:
    """The reason names what is missing, and where."""
    nowhere = tmp_path / "file"
    nowhere.touch()
    with cluster(tmp_path / "cluster", 0) as one:
        words = ["worker", one.address, "--no-nanny", "--nthreads", "1", "--local-directory", str(tmp_path / "work")]
        one.workers.append(
            one.begin(words, "worker", **{FOLDER_VARIABLE: str(tmp_path / "clients"), "PATH": str(tmp_path)})
        )
        until(one.known, "the worker")
        words = ["--clients", "influxdb3-client-js", "--scenarios", "calm"]
        assert (4, "") == ended(matrix(words, tmp_path / "m", one.address))

    (cell,) = entries(tmp_path / "m")
    said = (
        "the environment failed: influxdb3-client-js needs node and npm; expected both on the path, at the worker tcp:"
    )
    assert ("inconclusive", said) == (cell["verdict"], cell["finding"][: len(said)])


def test_a_scheduler_without_workers_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says how one is started."""
    with cluster(tmp_path / "cluster", 0) as none:
        assert 4 == run(["matrix", "--scheduler", none.address, "--history", str(tmp_path / "m")])
    said = f"the scheduler at {none.address} has no workers; start some: dask worker {none.address}"
    assert f"faultlab: {said}\n" == capsys.readouterr().err
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("127.0.0.1:1", 4, "no scheduler answers at 127.0.0.1:1 within 1 s"),
        (
            "here",
            2,
            "--scheduler is 'here': missing port number in address 'here'; expected an address such as tcp://host:8786",
        ),
    ],
)
def test_a_scheduler_that_does_not_answer_is_one_line(
    address: str,
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is made, and the status says whose fault it is."""
    monkeypatch.setattr(farming, "PATIENCE", 1.0)
    assert status == run(["matrix", "--scheduler", address, "--history", str(tmp_path / "m")])
    assert f"faultlab: {said}\n" == capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_without_the_library_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, and exit status 2, as where the command line's own libraries are missing."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert 2 == run(["matrix", "--scheduler", "127.0.0.1:1", "--history", str(tmp_path / "m")])
    assert "faultlab: --scheduler needs distributed; install faultlab[distributed]\n" == capsys.readouterr().err


def test_what_is_packed_is_unpacked(tmp_path: Path) -> None:
    """All files, the events last; nothing is put outside the folder."""
    root = tmp_path / "h"
    (root / "bodies").mkdir(parents=True)
    for name in ("bodies/ab", "events.jsonl", "manifest.lp"):
        (root / name).write_text(name)
    packed = farming.pack(root)
    farming.unpack(packed, tmp_path / "again" / "h")

    found = {path.relative_to(tmp_path / "again" / "h"): path.read_text() for path in tmp_path.glob("again/h/**/*.*")}
    assert {Path("events.jsonl"): "events.jsonl", Path("manifest.lp"): "manifest.lp"} == found
    assert "bodies/ab" == (tmp_path / "again" / "h" / "bodies" / "ab").read_text()
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        assert "events.jsonl" == tar.getnames()[-1]

    evil = io.BytesIO()
    with tarfile.open(fileobj=evil, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../evil"))
    with pytest.raises(tarfile.TarError):
        farming.unpack(evil.getvalue(), tmp_path / "again" / "h")
    assert not (tmp_path / "again" / "evil").exists()
