"""A hook that raises ends its flow, marks the run and can never look like a pass: each hook is made to raise."""

from __future__ import annotations

import stat
import sys
import time
from pathlib import Path

import pytest

from faultlab import history, oracles
from faultlab.history import Ended
from faultlab.lab import LabError
from faultlab.verdict import Verdict
from tests.labs import AUTH, finished, plan_of, running
from tests.mitm import mitmdump, upstream
from tests.raw import Raw

BREAKER = """
import asyncio
from mitmproxy import ctx
from faultlab.proxy import edge, script

def broken(*_args, **_kwargs):
    raise RuntimeError("made to raise")

{patch}
"""

PATCHES = {
    "request": "edge.Edge.on_request = broken",
    "response": "edge.Edge.on_response = broken",
    "error": "edge.Edge.on_error = broken",
    "running": "script.ScriptEdge.start = broken",
    "configure": """
def reconfigure():
    script.ScriptEdge.start = broken
    ctx.options.update(faultlab_seed="5")

def running():
    asyncio.get_running_loop().call_later(0.3, reconfigure)
""",
    "done": "script.ScriptEdge.close = broken",
}


def breaker(folder: Path, hook: str) -> Path:
    """Write a script that makes one of our hooks raise."""
    path = folder / "breaker.py"
    path.write_text(BREAKER.format(patch=PATCHES[hook]))
    return path


@pytest.mark.parametrize("hook", ["request", "response"])
def test_a_flow_hook_that_raises_lets_nothing_pass(tmp_path: Path, hook: str) -> None:
    """Under mitmdump the client gets no reply, nor does the next one, and the exit status is 3."""
    options = {"faultlab_probability": "0", "faultlab_history": str(tmp_path / "h")}
    with (
        upstream() as server,
        mitmdump(
            ["rate_limit", breaker(tmp_path, hook)], options, tmp_path, f"reverse:http://127.0.0.1:{server.port}"
        ) as dump,
    ):
        time.sleep(0.5)
        replies = []
        for _ in range(2):
            with Raw(dump.port) as raw:
                replies.append(raw.write().status)
        status = dump.stop()

    assert ([0, 0], 3) == (replies, status), dump.output
    assert (0 if hook == "request" else 1) == len(server.bodies)
    past = history.read(tmp_path / "h")
    assert "made to raise" in past.broken[0]
    assert Verdict.PASS != oracles.judge(past).verdict


def test_an_error_hook_that_raises_marks_the_run(tmp_path: Path) -> None:
    """A client that leaves, and a hook that fails on it, end with status 3 and no more traffic."""
    with mitmdump(
        ["rate_limit", breaker(tmp_path, "error")], {"faultlab_origin": "true"}, tmp_path, "reverse:http://127.0.0.1:9"
    ) as dump:
        time.sleep(0.5)
        with Raw(dump.port) as raw:
            raw.send(b"POST /api/v2/write HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\ncpu")
        time.sleep(0.3)
        with Raw(dump.port) as raw:
            reply = raw.write().status
        status = dump.stop()

    assert (0, 3) == (reply, status), dump.output


@pytest.mark.parametrize("hook", ["running", "configure", "done"])
def test_a_hook_outside_flows_that_raises_fails_the_proxy(tmp_path: Path, hook: str) -> None:
    """Start, reconfiguration and end: the exit status is not 0, and nothing passed after the failure."""
    options = {"faultlab_origin": "true", "faultlab_probability": "0", "faultlab_history": str(tmp_path / "h")}
    reply = 0
    with mitmdump(["rate_limit", breaker(tmp_path, hook)], options, tmp_path, "reverse:http://127.0.0.1:9") as dump:
        if hook != "running":
            time.sleep(1)
            with Raw(dump.port) as raw:
                reply = raw.write().status
        else:
            dump.process.wait(30)
        status = dump.stop()

    assert 3 == status, dump.output
    assert (204 if hook == "done" else 0) == reply


def broken_python(folder: Path, patch: str) -> str:
    """Make an executable that starts the runner with one of its hooks made to raise."""
    script = folder / "runner.py"
    script.write_text(
        "from faultlab.proxy import edge, runner\n"
        "def broken(*_a, **_k):\n    raise RuntimeError('made to raise')\n"
        f"{patch}\nrunner.start()\n"
    )
    path = folder / "python"
    path.write_text(f"#!/bin/sh\nexec {sys.executable} {script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_request_hook_that_raises_makes_a_run_inconclusive(tmp_path: Path) -> None:
    """Under the runner too: no reply, the exchange recorded as broken, and no pass."""
    python = broken_python(tmp_path, "edge.require_carriable = broken")
    with running(plan_of(), tmp_path / "h", python=python) as lab:
        with Raw(lab.port) as raw:
            reply = raw.write(headers=AUTH)
        assert "made to raise" in lab.ask("health")["broken"]
        past = finished(lab)

    assert 0 == reply.status
    assert Ended.BROKEN == (past.events[0].outcome and past.events[0].outcome.ended)
    assert "made to raise" in past.broken[0]
    assert Verdict.INCONCLUSIVE == oracles.judge(past).verdict


@pytest.mark.parametrize(
    "patch", ["runner.reach.raise_backlog = broken", "runner.LabEdge.make_session = broken"], ids=["running", "load"]
)
def test_a_start_that_raises_is_an_environment_failure(tmp_path: Path, patch: str) -> None:
    """A runner that fails before it is ready never becomes a lab, and the reason is in the message."""
    python = broken_python(tmp_path, patch)

    with pytest.raises(LabError, match="made to raise"), running(plan_of(), tmp_path / "h", python=python):
        pass


def test_an_end_that_raises_is_no_pass(tmp_path: Path) -> None:
    """A runner that fails while it ends leaves a broken history."""
    python = broken_python(tmp_path, "runner.LabEdge.close_history = broken")
    with running(plan_of(), tmp_path / "h", python=python) as lab:
        with Raw(lab.port) as raw:
            raw.write(headers=AUTH)
        past = finished(lab)

    assert past.broken
    assert Verdict.PASS != oracles.judge(past).verdict


@pytest.mark.parametrize(
    "patch",
    [
        "from faultlab.proxy import wire\nwire.Server1.send = wire.Http1Server.send",
        "from mitmproxy.proxy.layers.http import HttpStream\ndel HttpStream.state_consume_request_body",
    ],
    ids=["replies", "requests"],
)
def test_an_unknown_mitmproxy_is_refused_at_the_start(tmp_path: Path, patch: str) -> None:
    """Where its inside is not as the faults of transport need it, there is no lab, and the message says why."""
    python = broken_python(tmp_path, patch)

    with (
        pytest.raises(LabError, match="is not one that this faultlab knows"),
        running(plan_of(), tmp_path / "h", python=python),
    ):
        pass
