"""What the proxy costs beside stock mitmdump, and that load changes neither what is served nor what is decided.

Limits are far from what is measured; ``benchmarks/`` holds the figures and the budgets.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faultlab.faults import RateLimit
from faultlab.lab import Lab
from faultlab.plan import Rule, When
from tests.labs import finished, plan_of, running
from tests.mitm import mitmdump

LOAD = Path(__file__).parent.parent.parent / "benchmarks" / "load.py"


@contextlib.contextmanager
def upstream() -> Iterator[int]:
    """Run an upstream in a process of its own until the block ends; give its port."""
    with subprocess.Popen(
        [sys.executable, str(LOAD), "upstream"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(json.loads(process.stdout.readline())["port"])
        finally:
            process.stdin.close()


def load(kind: str, port: int, **given: Any) -> dict[str, Any]:
    """Run one of the benchmark's loads to its end and give what it measured."""
    command = [sys.executable, str(LOAD), kind, json.dumps({"port": port, **given})]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout))


def spent(pid: int, port: int, number: int) -> float:
    """Give the CPU seconds a proxy spends on 1,000 new writes over 16 connections, all of which must be accepted."""
    seen = load("drive", port, count=1000, connections=16, first=2000 * number, pid=pid)
    assert {"204": 1016} == seen["statuses"]
    return float(seen["cpu"])


def overflows() -> int:
    """Give how many connections this machine's full accept queues have turned away so far."""
    names, values = (
        line.split() for line in Path("/proc/net/netstat").read_text().splitlines() if line.startswith("TcpExt:")
    )
    return int(dict(zip(names[1:], values[1:], strict=True))["ListenOverflows"])


def process_of(lab: Lab) -> int:
    """Give the process number of a lab's proxy."""
    assert lab._proxy is not None
    return lab._proxy.pid


def test_costs_less_than_stock_mitmdump(tmp_path: Path) -> None:
    """With nothing injected an exchange costs less CPU than in stock mitmdump, decision and history included."""
    idle = plan_of(Rule(RateLimit(), when=When(probability=0)))
    ours, stock = 0.0, 0.0

    with (
        upstream() as port,
        mitmdump([], {"flow_detail": "0"}, tmp_path, mode=f"reverse:http://127.0.0.1:{port}") as other,
        running(idle, tmp_path / "history", upstream=f"http://127.0.0.1:{port}") as lab,
    ):
        for number in range(3):
            stock += spent(other.process.pid, other.port, number)
            ours += spent(process_of(lab), lab.port, number)
        recorded = len(finished(lab).events)

    assert 3048 == recorded
    assert 0 < ours < stock


def test_serves_a_burst_of_connections(tmp_path: Path) -> None:
    """Of 200 connections opened at once none is turned away, and every write over them is accepted."""
    with upstream() as port, running(plan_of(), tmp_path / "history", upstream=f"http://127.0.0.1:{port}") as lab:
        before = overflows()
        seen = load("burst", lab.port, connections=200)
        turned_away = overflows() - before

    # The counter is the machine's: somebody else's overflow makes none of our connects wait for a second SYN.
    assert ({"204": 200}, 0) == (seen["statuses"], min(turned_away, seen["slow"]))


def test_decides_alike_under_concurrency(tmp_path: Path) -> None:
    """One seed gives the same decisions in five runs of 32 threads, though each run has an order of its own."""
    plan = plan_of(Rule(RateLimit(), when=When(probability=0.4)))
    runs, orders = [], set()

    with upstream() as port:
        for number in range(5):
            with running(plan, tmp_path / str(number), upstream=f"http://127.0.0.1:{port}") as lab:
                load("storm", lab.port, threads=32, batches=100, shuffle=number)
                events = finished(lab).events
            runs.append({(event.batch, event.attempt): event.decision for event in events})
            orders.add(tuple((event.batch, event.attempt) for event in events))

    assert any(decision.rule for decision in runs[0].values())
    assert 1 < len(orders)
    assert 0 == sum(run != runs[0] for run in runs)
