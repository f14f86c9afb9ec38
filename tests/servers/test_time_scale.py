"""Time that runs faster, for real clients: what they wait is what they were told, and costs a part of it.

It stands here because libfaketime is a package of Debian's.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faultlab import history, oracles, reports, warp
from faultlab.exchange import V2_WRITE
from faultlab.faults import Latency, RateLimit, Refuse
from faultlab.history import History
from faultlab.lab import Lab, LabError, Settings
from faultlab.plan import Rule, When
from faultlab.terms import Terms
from faultlab.verdict import Verdict
from tests.labs import AUTH, plan_of, running
from tests.raw import Raw
from tests.servers.packages import SERVERS

SHARED = Path("/dev/shm")
SCALE = 30.0
WAIT = 60
ONCE = Rule(RateLimit(min_wait=WAIT, max_wait=WAIT), when=When(first=1))

WAITS = {
    "sleep": "time.sleep(wait)",
    "event": "threading.Event().wait(wait)",
    "lock": "lock = threading.Lock(); lock.acquire(); lock.acquire(timeout=wait)",
    "queue": "with contextlib.suppress(queue.Empty): queue.Queue().get(timeout=wait)",
    "condition": "with (some := threading.Condition()): some.wait(wait)",
    "timer": "timer = threading.Timer(wait, print); timer.start(); timer.join()",
    "select": "select.select([], [], [], wait)",
    "asyncio": "asyncio.run(asyncio.sleep(wait))",
    "child": "subprocess.run([sys.executable, '-c', f'import time; time.sleep({wait})'], check=True)",
}
"""The ways in which a program in Python may wait."""

PYTHON = """\
import asyncio, contextlib, os, queue, select, subprocess, sys, threading, time, urllib.error, urllib.request
url = f"{{os.environ['INFLUX_HOST']}}/api/v2/write?org=o&bucket=b"
def write():
    request = urllib.request.Request(url, b"m v=1 1", {{"Authorization": f"Token {{os.environ['INFLUX_TOKEN']}}"}})
    urllib.request.urlopen(request, timeout=300).read()
try:
    write()
except urllib.error.HTTPError as problem:
    wait = int(problem.headers["Retry-After"])
    began, clock = time.monotonic(), time.time()
    {wait}
    assert time.monotonic() - began > wait - 0.5, time.monotonic() - began
    assert abs((time.time() - clock) - (time.monotonic() - began)) < 0.5
    write()
"""

NODE = """\
const url = `${process.env.INFLUX_HOST}/api/v2/write?org=o&bucket=b`
const headers = {Authorization: `Token ${process.env.INFLUX_TOKEN}`}
const write = () => fetch(url, {method: 'POST', body: 'm v=1 1', headers})
const first = await write()
await new Promise(resolve => setTimeout(resolve, 1000 * first.headers.get('Retry-After')))
process.exitCode = (await write()).status === 204 ? 0 : 1
"""

CURL = """\
curl -sS --fail --retry 3 -d 'm v=1 1' -H "Authorization: Token $INFLUX_TOKEN" \
    "$INFLUX_HOST/api/v2/write?org=o&bucket=b"
"""


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have what is preloaded beside the servers, fetched and compiled once."""
    monkeypatch.setenv("FAULTLAB_CLIENTS", str(SERVERS))
    warp.prepare.cache_clear()
    yield
    warp.prepare.cache_clear()


def ran(folder: Path, command: list[str], *rules: Rule, scale: float = SCALE, deadline: float = 600) -> History:
    """Run a client in fast time, and give its history."""
    settings = Settings(folder / "h", command=tuple(command), time_scale=scale, terms=Terms(deadline=deadline))
    with Lab(plan_of(*rules), settings) as lab:
        try:
            lab.run(command)
        finally:
            lab.finish()
    return history.read(folder / "h")


def waited(past: History) -> float:
    """Give the seconds from the first reply to the second request."""
    first, second = past.events
    assert first.outcome is not None
    return second.exchange.at - first.outcome.at


@pytest.mark.parametrize("way", WAITS)
def test_python_waits_as_it_was_told_whatever_it_waits_by(tmp_path: Path, way: str) -> None:
    """A minute by the client's clock is a minute by the lab's, and a fraction of one by everybody else's."""
    began = time.monotonic()
    past = ran(tmp_path, [sys.executable, "-c", PYTHON.format(wait=WAITS[way])], ONCE)
    took = time.monotonic() - began

    assert past.client is not None
    assert (0, "") == (past.client.status, past.stderr)
    assert waited(past) >= WAIT
    assert took < waited(past)


@pytest.mark.parametrize(
    "command", [["node", "--input-type=module", "-e", NODE], ["sh", "-c", CURL]], ids=["node", "curl"]
)
def test_other_clients_wait_as_they_were_told(tmp_path: Path, command: list[str]) -> None:
    """Node by its event loop and curl by poll."""
    past = ran(tmp_path, command, ONCE)

    assert past.client is not None
    assert 0 == past.client.status, past.stderr
    assert waited(past) >= WAIT
    waiting = next(one for one in oracles.judge(past).findings if one.oracle.name == "waits_as_told")
    assert Verdict.PASS is waiting.verdict


def test_client_and_lab_have_one_time_of_day(tmp_path: Path) -> None:
    """A program that the client starts late, in a process of its own, has the lab's time too."""
    say = "import time; print(time.time())"
    late = f"import subprocess, sys, time; time.sleep(100); subprocess.run([sys.executable, '-c', {say!r}]); {say}"
    past = ran(tmp_path, [sys.executable, "-c", late])
    child, parent = map(float, past.stdout.split())
    assert past.client is not None
    ended = float(past.run["epoch"]) + past.client.ended

    assert child <= parent <= ended
    # The client began between two looks at the true clock, and all times are as many times as far apart.
    assert parent - child < ended - float(past.run["epoch"]) - 100
    assert child > float(past.run["epoch"]) + 100 - SCALE


def test_an_outage_ends_by_the_fast_clock(tmp_path: Path) -> None:
    """Faults last as long by the client's clock as the scenario says."""
    began = time.monotonic()
    with running(plan_of(Rule(Refuse(60.0), when=When(first=1))), tmp_path / "h", time_scale=SCALE) as lab:
        with Raw(lab.port) as raw:
            raw.write(b"m v=1 1", f"{V2_WRITE}?bucket=b", headers=AUTH)
        while True:
            try:
                with Raw(lab.port) as raw:
                    assert 204 == raw.write(b"m v=1 1", f"{V2_WRITE}?bucket=b", headers=AUTH).status
                break
            except ConnectionError:
                time.sleep(0.01)
        past = history.read(lab.finish())
    took = time.monotonic() - began
    first, second = past.events

    assert second.exchange.at - first.exchange.at >= 60.0
    assert took < 60.0


def test_a_pause_in_a_reply_is_by_the_fast_clock(tmp_path: Path) -> None:
    """What mitmproxy waits for is by the proxy's clock too."""
    began = time.monotonic()
    with running(plan_of(Latency(seconds=60.0)), tmp_path / "h", time_scale=SCALE) as lab:
        with Raw(lab.port) as raw:
            raw.write(b"m v=1 1", f"{V2_WRITE}?bucket=b", headers=AUTH)
        past = history.read(lab.finish())
    took = time.monotonic() - began
    [event] = past.events

    assert event.outcome is not None
    assert event.outcome.at - event.exchange.at >= 60.0
    assert took < 60.0


def test_a_client_that_never_ends_is_ended_in_part_of_its_time(tmp_path: Path) -> None:
    """The deadline is by the client's clock, but for what a client may compute."""
    began = time.monotonic()
    past = ran(tmp_path, [sys.executable, "-c", "import time; time.sleep(10**6)"], deadline=3000)
    took = time.monotonic() - began

    assert past.client is not None
    assert past.client.timed_out
    assert past.client.ended - past.client.began >= 3000
    assert took < 3000


def test_a_program_with_true_time_is_refused(tmp_path: Path) -> None:
    """Nothing can be preloaded into a static program; it is ended, wherever it stands among the client's."""
    source, program = tmp_path / "static.c", tmp_path / "static"
    source.write_text("#include <unistd.h>\nint main(void) { return sleep(600); }\n")
    subprocess.run(["cc", "-static", "-o", program, source], check=True)

    with pytest.raises(LabError, match=r"the client's program 'static' keeps true time; run it without --time-scale"):
        ran(tmp_path, ["sh", "-c", f"{program} & wait"])


def test_nothing_is_preloaded_into_the_proxy_and_nothing_stays(tmp_path: Path) -> None:
    """The proxy's time comes from its own clock, and what the client's programs shared is gone."""
    shared = {path.name for path in SHARED.iterdir()}
    with Lab(plan_of(), Settings(tmp_path / "h", time_scale=SCALE)) as lab:
        maps = Path(f"/proc/{lab.ask('holds')['pid']}/maps").read_text()
        lab.run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
        lab.finish()

    assert "faketime" not in maps
    assert not [path for path in SHARED.iterdir() if path.name not in shared and "faketime" in path.name]


def test_a_run_in_fast_time_says_so(tmp_path: Path) -> None:
    """In the history, in every report's notes, and in the line that reproduces it."""
    past = ran(tmp_path, [sys.executable, "-c", ""])
    result = reports.Result.of(oracles.judge(past), past)

    assert SCALE == past.time_scale
    assert "time ran 30 times as fast for proxy and client" in result.notes[0]
    assert " --time-scale 30 -- " in result.again


def test_a_machine_without_a_compiler_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what is missing; it is asked for once, and never again once it is compiled."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "env"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    monkeypatch.delenv("CC", raising=False)
    warp.prepare()
    monkeypatch.setenv("PATH", str(programs))
    warp.prepare.cache_clear()
    warp.prepare()

    monkeypatch.setenv("FAULTLAB_CLIENTS", str(tmp_path / "new"))
    warp.prepare.cache_clear()
    with pytest.raises(LabError, match=r"needs a C compiler once; expected cc, gcc or clang on the path, or one in CC"):
        ran(tmp_path, [sys.executable, "-c", ""])


def test_a_compiler_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it said first is passed on."""
    monkeypatch.setenv("FAULTLAB_CLIENTS", str(tmp_path / "new"))
    monkeypatch.setenv("CC", "sh -c 'echo no such thing >&2; exit 1'")

    with pytest.raises(warp.WarpError, match=r"^sh failed: no such thing$"):
        warp.prepare()


def test_a_library_that_is_not_there_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody names libfaketime's file, it has to be there."""
    monkeypatch.setenv("FAULTLAB_FAKETIME", str(tmp_path / "none.so"))

    with pytest.raises(warp.WarpError, match=r"none\.so'; expected the file of libfaketime\.so\.1"):
        warp.prepare()
