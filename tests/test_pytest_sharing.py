"""The pytest plugin's one proxy a worker: what tests share, and what they must not; how it ends, whatever happens."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.processes import alive, gone
from tests.test_pytest_plugin import CLIENT, LINE, listens

pytest_plugins = ["pytester"]

KNOWN = f"""
import os
import pathlib

import pytest
from client import write
from faultlab.exchange import Answer, Decision, Nothing
from faultlab.faults import InternalError, RateLimit, Unavailable

LINE = {LINE!r}


def note(lab):
    \"\"\"Keep the port and the proxy's process.\"\"\"
    with pathlib.Path("known").open("a") as file:
        print(lab._lab.port, lab._lab._proxy.pid, file=file)


"""


@pytest.fixture
def users(pytester: pytest.Pytester) -> pytest.Pytester:
    """Give a folder with a client in it, whose pytest runs are processes of their own."""
    pytester.makepyfile(client=CLIENT)
    pytester.makefile(".ini", pytest="[pytest]\npythonpath = .\naddopts = -p no:cacheprovider\n")
    return pytester


def given(users: pytest.Pytester, text: str) -> None:
    """Write the tests, which may note what lab they had."""
    users.path.joinpath("test_it.py").write_text(KNOWN + text)


def known(users: pytest.Pytester) -> list[tuple[int, int]]:
    """Give port and process of each lab that a test noted."""
    return [
        (int(port), int(pid)) for port, pid in map(str.split, users.path.joinpath("known").read_text().splitlines())
    ]


def histories(users: pytest.Pytester) -> dict[str, str]:
    """Give the last event of each history that was kept."""
    return {
        path.parent.name: json.loads(path.read_text().splitlines()[-1])["event"]
        for path in users.path.glob("past/*/events.jsonl")
    }


def test_importing_the_plugin_takes_no_time() -> None:
    """Under 20 ms beyond pytest itself, in the best of five processes."""
    script = (
        "import time, pytest\n"
        "began = time.perf_counter()\n"
        "import faultlab.pytest_plugin\n"
        "print(time.perf_counter() - began)"
    )
    took = [float(subprocess.check_output([sys.executable, "-c", script])) for _ in range(5)]
    assert min(took) < 0.02


def test_tests_share_a_process_and_nothing_else(users: pytest.Pytester) -> None:
    """One proxy, but another port for each test, another history, and an InfluxDB that is empty."""
    given(
        users,
        """
@pytest.mark.parametrize("number", range(3))
def test_conflicting(faultlab, number):
    note(faultlab)
    assert 204 == write(faultlab, ["m v=1 1", "m v=1i 1", 'm v="1" 1'][number])
    assert 1 == len(faultlab.history.events)

@pytest.mark.faultlab("unavailable")
def test_marked(faultlab):
    note(faultlab)
    assert 503 == write(faultlab, LINE, attempts=1)

@pytest.mark.faultlab("tls")
def test_over_tls(faultlab):
    note(faultlab)
    assert faultlab.url.startswith("https://")

def test_after_tls(faultlab):
    note(faultlab)
    assert faultlab.url.startswith("http://")
    assert 204 == write(faultlab, LINE)
""",
    )
    users.runpytest_subprocess().assert_outcomes(passed=6)
    ports, pids = zip(*known(users), strict=True)

    assert 6 == len(set(ports))
    assert (1, 2) == (len(set(pids[:4])), len(set(pids)))
    assert gone(set(pids))


def test_a_client_left_over_meets_nobody(users: pytest.Pytester) -> None:
    """What goes on writing after its test has ended is cut off, and refused: it does not show in the next test."""
    given(
        users,
        """
import http.client
import socket

def connect(url):
    return http.client.HTTPConnection(url.partition("//")[2], timeout=20)

def ask(client):
    client.request("GET", "/ping")
    return client.getresponse().read()

LEFT = []

def test_leaves(faultlab):
    LEFT.append(connect(faultlab.url))
    ask(LEFT[0])

def test_is_alone(faultlab):
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        ask(LEFT[0])
    LEFT[0].close()
    with pytest.raises(ConnectionRefusedError):
        ask(LEFT[0])
    assert 204 == write(faultlab, LINE)
    assert ["/api/v2/write"] == [event.exchange.path for event in faultlab.history.events]
""",
    )
    users.runpytest_subprocess().assert_outcomes(passed=2)


def test_workers_have_a_proxy_each(users: pytest.Pytester) -> None:
    """Under pytest-xdist nothing is shared between workers, and no process is left."""
    given(
        users,
        """
@pytest.mark.parametrize("number", range(16))
def test_each(faultlab, number):
    note(faultlab)
    with faultlab.faults(RateLimit(min_wait=0, max_wait=0)) as scope:
        assert 429 == write(scope, LINE, attempts=1)
    assert 1 == len(scope.history.events)
""",
    )
    users.runpytest_subprocess("-n", "4", "--faultlab-history", "past").assert_outcomes(passed=16)
    ports, pids = zip(*known(users), strict=True)

    assert 16 == len(set(ports))
    assert 1 < len(set(pids)) <= 4
    assert gone(set(pids))
    assert ["end"] * 32 == list(histories(users).values())


def test_without_the_plugin(users: pytest.Pytester) -> None:
    """Switched off, it is not there, and tests that do not ask for it go on."""
    users.makepyfile(test_other="def test_other():\n    pass\n\n\ndef test_wants_it(faultlab):\n    pass\n")
    result = users.runpytest_subprocess("-p", "no:faultlab")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fixture 'faultlab' not found"])


def test_ctrl_c_keeps_the_history(users: pytest.Pytester) -> None:
    """Interrupted in the midst of a test, the history is whole and the proxy gone."""
    given(
        users,
        """
import time

def test_waits(faultlab):
    write(faultlab, LINE)
    note(faultlab)
    time.sleep(60)
""",
    )
    process = users.popen([sys.executable, "-m", "pytest", "--faultlab-history", "past"], stdin=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not users.path.joinpath("known").exists() and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)

    assert pytest.ExitCode.INTERRUPTED == process.returncode
    assert {"test_it.py-test_waits": "end"} == histories(users)
    assert gone({pid for _, pid in known(users)})


def test_a_client_that_forks_holds_nothing_up(users: pytest.Pytester) -> None:
    """A process forked in a test inherits all that is open; pytest and the proxy end all the same, and before it."""
    given(
        users,
        """
import time

def test_forks(faultlab):
    note(faultlab)
    child = os.fork()
    if not child:
        time.sleep(120)
        os._exit(0)
    pathlib.Path("child").write_text(str(child))
    assert 204 == write(faultlab, LINE)

def test_goes_on(faultlab):
    assert 204 == write(faultlab, LINE)
""",
    )
    process = users.popen([sys.executable, "-m", "pytest", "--faultlab-history", "past"], stdin=subprocess.DEVNULL)
    status = process.wait(60)
    child = int(users.path.joinpath("child").read_text())
    try:
        assert (0, True) == (status, alive(child))
        assert gone({pid for _, pid in known(users)})
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate(timeout=60)
    assert ["end", "end"] == list(histories(users).values())


def test_a_forked_process_that_ends_as_pytest_does_stops_nobody(users: pytest.Pytester) -> None:
    """A child that leaves through pytest's own clean-up leaves the parent its proxy."""
    given(
        users,
        """
from faultlab.labs import Labs

@pytest.fixture
def labs(request):
    return request.getfixturevalue("_faultlab_labs")

def test_forks(faultlab, labs):
    note(faultlab)
    child = os.fork()
    if not child:
        labs.close()
        os._exit(0)
    assert 0 == os.waitpid(child, 0)[1]
    assert 204 == write(faultlab, LINE)
    faultlab.was_told("ok")
    faultlab.assert_pass()
""",
    )
    users.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_broken_lab_fails_its_test_and_no_other(users: pytest.Pytester) -> None:
    """Nothing a test asserts makes up for a lab that failed; the next test has another one."""
    given(
        users,
        """
import signal

def test_breaks(faultlab):
    note(faultlab)
    os.kill(faultlab._lab._proxy.pid, signal.SIGKILL)

def test_goes_on(faultlab):
    note(faultlab)
    assert 204 == write(faultlab, LINE)
""",
    )
    result = users.runpytest_subprocess()

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["faultlab: the proxy *"])
    assert 2 == len({pid for _, pid in known(users)})


def test_an_earlier_run_is_replayed(users: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write is decided as in the history of that name, in scopes as well, whatever the rules say now."""
    given(
        users,
        """
FAULTS = [RateLimit(min_wait=0, max_wait=0)] if "FIRST" in os.environ else []

@pytest.mark.faultlab(FAULTS or "calm")
def test_it(faultlab):
    assert 429 == write(faultlab, LINE, attempts=1)
    with faultlab.faults(*[InternalError() for _ in FAULTS]) as scope:
        assert 500 == write(scope, LINE, attempts=1)
    steps = [Decision(deliver=Nothing(), reply=Answer(503))] if FAULTS else []
    with faultlab.play(steps) as scope:
        assert [503, 204] == [write(scope, LINE, attempts=1) for _ in range(2)]
""",
    )
    monkeypatch.setenv("FIRST", "1")
    users.runpytest_subprocess("--faultlab-history", "past").assert_outcomes(passed=1)
    monkeypatch.delenv("FIRST")
    users.runpytest_subprocess().assert_outcomes(failed=1)
    users.runpytest_subprocess("--faultlab-replay", "past").assert_outcomes(passed=1)
    result = users.runpytest_subprocess("--faultlab-replay", "nowhere")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["faultlab: *nowhere/test_it.py-test_it: no history to replay; expected one of --faultlab-history"]
    )


def test_settings_stand_in_the_configuration(users: pytest.Pytester) -> None:
    """Seed, folder and profile come from the file; an option goes before it, and the header says what holds."""
    with users.path.joinpath("pytest.ini").open("a") as file:
        file.write("\nfaultlab_seed = 11\nfaultlab_history = kept\nfaultlab_profile = tsm\n")
    given(
        users,
        """
def test_plain(faultlab):
    assert (11, "tsm") == (faultlab.history.run["seed"], faultlab.history.run["profile"])

@pytest.mark.faultlab(seed=3, profile="core")
def test_marked(faultlab):
    assert (3, "core") == (faultlab.history.run["seed"], faultlab.history.run["profile"])
""",
    )
    result = users.runpytest_subprocess()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["faultlab: seed 11, history kept, profile tsm"])
    assert ["test_it.py-test_marked", "test_it.py-test_plain"] == sorted(p.name for p in users.path.glob("kept/*"))
    users.runpytest_subprocess("--faultlab-seed", "0", "-k", "plain").assert_outcomes(failed=1)
    users.path.joinpath("pytest.ini").write_text("[pytest]\npythonpath = .\nfaultlab_seed = x\n")
    users.runpytest_subprocess("-k", "plain").stdout.fnmatch_lines(["faultlab: seed is 'x'; expected a whole number"])


def test_a_proxy_from_another_environment(users: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where mitmproxy cannot be had beside the client, one line names an interpreter that has it."""
    bare = users.path / "bare"
    given(users, "def test_it(faultlab):\n    assert 204 == write(faultlab, LINE)\n")
    bare.write_text(f"#!{sys.executable}\nimport sys\nsys.exit(\"No module named 'mitmproxy'\")\n")
    bare.chmod(0o755)
    monkeypatch.setenv("FAULTLAB_PROXY_PYTHON", str(bare))
    result = users.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["faultlab: *no mitmproxy there; install faultlab?proxy?, or name another Python in *"])
    with users.path.joinpath("pytest.ini").open("a") as file:
        file.write(f"\nfaultlab_python = {sys.executable}\n")
    users.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_failure_shows_what_happened_around_it(users: pytest.Pytester) -> None:
    """Judgement, exchanges, and the command; of the plugin's own code nothing."""
    given(
        users,
        """
@pytest.mark.faultlab("unavailable", seed=7)
def test_lossy(faultlab):
    faultlab.hands_over(LINE)
    write(faultlab, LINE, attempts=1)
    faultlab.was_told("ok")
    faultlab.assert_pass()
""",
    )
    result = users.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    text = result.stdout.str()

    assert re.search(r"E +FAIL loses_nothing_silently", text)
    assert re.search(r"E +> +1 +0\.\d+ s  POST /api/v2/write  attempt 1 of [0-9a-f]{8}  503", text)
    assert "pytest test_it.py::test_lossy --faultlab-seed 7" in text
    assert "pytest_plugin.py" not in text


def test_ports_are_given_back(users: pytest.Pytester) -> None:
    """A port of an ended test is closed while the process goes on."""
    given(
        users,
        """
@pytest.mark.parametrize("number", range(2))
def test_each(faultlab, number):
    note(faultlab)
""",
    )
    users.runpytest_subprocess().assert_outcomes(passed=2)
    assert [False, False] == [listens(port) for port, _ in known(users)]
