"""The proxies that are compared, each a process of its own, and what the system says they used."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faultlab.faults import RateLimit
from faultlab.history import FORMAT
from faultlab.plan import Plan, Rule, When

HERE = Path(__file__).parent
START_WITHIN = 30.0
STOP_WITHIN = 10.0
LISTENING = "0A"
"""How the system's table of TCP sockets spells the state of one that listens."""

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Process:
    """A proxy or an upstream that listens at ``port`` on loopback; ``seconds`` is how long it took to do so."""

    pid: int
    port: int
    seconds: float

    def memory(self) -> int:
        """Bytes of memory that are resident."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE


def environment(folder: Path) -> dict[str, str]:
    """Give an environment in which modules are compiled once, into the folder, as an installation has them."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def plan_of(probability: float) -> Plan:
    """Give a plan of one rule, whose draw is made for every write."""
    return Plan((Rule(RateLimit(), when=When(probability=probability)),), seed=7)


@contextlib.contextmanager
def upstream(folder: Path) -> Iterator[Process]:
    """Run the upstream until the block ends."""
    with started([sys.executable, str(HERE / "load.py"), "upstream"], folder) as (process, began):
        yield _said(process, began)


@contextlib.contextmanager
def runner(folder: Path, plan: Plan, *, upstream: Process | None, history: bool = True) -> Iterator[Process]:
    """Run our own proxy until the block ends, before an upstream or with the origin in it."""
    name = f"runner-{time.monotonic_ns()}"
    url = f"http://127.0.0.1:{upstream.port}" if upstream else None
    config: dict[str, Any] = {
        "plan": plan.to_json(),
        "run": {"format": FORMAT, "plan": plan.to_json(), "upstream": url or "origin", "command": []},
        "history": str(folder / name) if history else None,
        "upstream": url,
        "confdir": str(folder / "conf"),
    }
    with started([sys.executable, "-m", "faultlab.proxy.runner"], folder) as (process, began):
        assert process.stdin is not None
        process.stdin.write(json.dumps(config).encode() + b"\n")
        process.stdin.flush()
        yield _said(process, began)


@contextlib.contextmanager
def mitmdump(folder: Path, upstream: Process, words: Sequence[str] = ()) -> Iterator[Process]:
    """Run stock ``mitmdump -q`` in reverse mode until the block ends."""
    command = [
        str(Path(sys.executable).with_name("mitmdump")),
        "-q",
        "--mode",
        f"reverse:http://127.0.0.1:{upstream.port}",
    ]
    command += ["--listen-host", "127.0.0.1", "--listen-port", "0", "--set", f"confdir={folder / 'conf'}", *words]
    with started(command, folder) as (process, began):
        until = began + START_WITHIN
        while (port := listening(process.pid)) is None:
            if process.poll() is not None or time.monotonic() > until:
                raise OSError(f"{' '.join(command)} did not listen within {START_WITHIN:g} s")
            time.sleep(0.005)
        yield Process(process.pid, port, time.monotonic() - began)


@contextlib.contextmanager
def started(command: Sequence[str], folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Run a command until the block ends; give it and when it was started, on the monotonic clock."""
    began = time.monotonic()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(folder), start_new_session=True
    ) as process:
        try:
            yield process, began
        finally:
            process.terminate()
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()


def _said(process: subprocess.Popen[bytes], began: float) -> Process:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise OSError(f"{' '.join(map(str, process.args))} ended before it was ready")  # type: ignore[arg-type]
    return Process(process.pid, int(json.loads(line)["port"]), time.monotonic() - began)


def listening(pid: int) -> int | None:
    """Give the port a process listens at; None while it does not. A quiet mitmdump tells nobody."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(str(link.readlink()))
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == LISTENING and f"socket:[{words[9]}]" in sockets:
            return int(words[1].rpartition(":")[2], 16)
    return None


def load(kind: str, port: int, **given: Any) -> dict[str, Any]:
    """Run one of the loads against a port, in a process of its own, and give what it measured."""
    done = subprocess.run(
        [sys.executable, str(HERE / "load.py"), kind, json.dumps({"port": port, **given})],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(f"the load '{kind}' failed: {done.stderr.strip().splitlines()[-1]}")
    return dict(json.loads(done.stdout))


def overflows() -> int:
    """Give how many connections this machine's full accept queues have turned away so far."""
    names, values = (
        line.split() for line in Path("/proc/net/netstat").read_text().splitlines() if line.startswith("TcpExt:")
    )
    return int(dict(zip(names[1:], values[1:], strict=True))["ListenOverflows"])
