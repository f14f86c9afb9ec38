"""What the proxy costs, as ratios to stock mitmdump in one run, and whether every budget holds.

    python benchmarks/proxy.py [--quick] [--json FILE]

The exit status is 0, 1 when a budget is exceeded, 2 when the words are not understood. CPU per exchange is the figure
to go by: on a shared machine it is far steadier than requests per second.
"""

from __future__ import annotations

import contextlib
import itertools
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import proxies
import table
from proxies import Process

from faultlab import history
from faultlab.lab import Lab, Settings

STOCK = "mitmdump -q"
SCRIPT = "mitmdump -q -s rate_limit.py"
BARE = "runner, no history"
RUNNER = "runner"
ANSWERED = "runner, every write 429"
ORIGIN = "runner, embedded origin"

MEGABYTE = 1024 * 1024
CONNECTIONS = 16


@dataclass(frozen=True)
class Scale:
    """How much is measured: exchanges of a round, rounds, exchanges between which memory may not grow, starts."""

    exchanges: int
    rounds: int
    memory: tuple[int, int]
    starts: int


FULL = Scale(exchanges=1_000, rounds=15, memory=(10_000, 100_000), starts=5)
QUICK = Scale(exchanges=300, rounds=7, memory=(2_000, 10_000), starts=3)


@dataclass(frozen=True)
class Row(table.Row):
    """One line of the table; times are in the unit they name."""

    per_second: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu_us: float | None = None


@dataclass(frozen=True)
class Round:
    """What one round of one proxy gave; times in seconds, ``cpu`` of the proxy process per exchange."""

    per_second: float
    p50: float
    p99: float
    cpu: float


def measure(proxy: Process, serials: Iterator[int], count: int, status: str) -> Round:
    """Drive one round over 16 connections; raises OSError unless every reply has the status that is expected."""
    first = next(serials) * (count + CONNECTIONS)
    seen = proxies.load("drive", proxy.port, count=count, connections=CONNECTIONS, first=first, pid=proxy.pid)
    if set(seen["statuses"]) != {status}:
        raise OSError(f"statuses {seen['statuses']}; expected {status} only")
    return Round(count / seen["seconds"], seen["p50"], seen["p99"], seen["cpu"] / count)


def costs(folder: Path, upstream: Process, scale: Scale) -> Iterator[Row]:
    """Compare the proxies in many short rounds, interleaved so that a busy moment of the machine falls on all alike."""
    script = [
        *("-s", str(proxies.HERE.parent / "addons" / "rate_limit.py")),
        *("--set", "faultlab_probability=0", "--set", f"faultlab_history={folder / 'script'}"),
    ]
    never, always = proxies.plan_of(0), proxies.plan_of(1)
    with contextlib.ExitStack() as stack:
        compared = {
            STOCK: (stack.enter_context(proxies.mitmdump(folder, upstream)), "204"),
            BARE: (stack.enter_context(proxies.runner(folder, never, upstream=upstream, history=False)), "204"),
            RUNNER: (stack.enter_context(proxies.runner(folder, never, upstream=upstream)), "204"),
            SCRIPT: (stack.enter_context(proxies.mitmdump(folder, upstream, script)), "204"),
            ANSWERED: (stack.enter_context(proxies.runner(folder, always, upstream=upstream)), "429"),
            ORIGIN: (stack.enter_context(proxies.runner(folder, never, upstream=None)), "204"),
        }
        serials = itertools.count()
        rounds: dict[str, list[Round]] = {name: [] for name in compared}
        for number in range(scale.rounds + 1):
            for name, (proxy, status) in compared.items():
                given = measure(proxy, serials, scale.exchanges, status)
                if number:  # the first warms up
                    rounds[name].append(given)
    limits = {RUNNER: 0.65, SCRIPT: 1.15}
    for name, measured in rounds.items():
        if name == ANSWERED:
            yield _cost(name, measured, RUNNER, rounds[RUNNER], 1.0)
        else:
            yield _cost(name, measured, STOCK, rounds[STOCK], limits.get(name))


def _cost(name: str, given: list[Round], other: str, others: list[Round], limit: float | None) -> Row:
    return Row(
        name,
        _typical_cpu(given) / _typical_cpu(others),
        f"of {other}",
        limit,
        per_second=statistics.median(one.per_second for one in given),
        p50_ms=statistics.median(one.p50 for one in given) * 1e3,
        p99_ms=statistics.median(one.p99 for one in given) * 1e3,
        cpu_us=_typical_cpu(given) * 1e6,
    )


def _typical_cpu(rounds: list[Round]) -> float:
    return table.typical(one.cpu for one in rounds)


def readiness(folder: Path, upstream: Process, scale: Scale) -> Iterator[Row]:
    """Time from starting the proxy's process to its READY line, its modules compiled as an installation has them.

    The best of several starts counts: whatever else the machine does can only add.
    """
    seconds = []
    for _ in range(scale.starts):
        with proxies.runner(folder, proxies.plan_of(0), upstream=upstream) as proxy:
            seconds.append(proxy.seconds)
    yield Row(f"READY, best of {scale.starts} starts", min(seconds), "s", 1.0)


def latency(folder: Path, upstream: Process, scale: Scale) -> Iterator[Row]:
    """Median latency over one connection, less that of the upstream itself."""
    count, rounds = 500, 3
    with proxies.runner(folder, proxies.plan_of(0), upstream=upstream) as proxy:
        proxies.load("drive", proxy.port, count=100, connections=1)
        added = []
        for number in range(rounds):
            first = 200 + number * 2 * count
            direct = proxies.load("drive", upstream.port, count=count, connections=1, first=first)["p50"]
            added.append(proxies.load("drive", proxy.port, count=count, connections=1, first=first)["p50"] - direct)
    yield Row("added p50, one connection", statistics.median(added) * 1e3, "ms", 1.5)


def memory(folder: Path, upstream: Process, scale: Scale) -> Iterator[Row]:
    """Resident memory of the runner, history on, after few exchanges and after many."""
    few, many = scale.memory
    with proxies.runner(folder, proxies.plan_of(0), upstream=upstream) as proxy:
        proxies.load("drive", proxy.port, count=few, connections=CONNECTIONS)
        before = proxy.memory()
        proxies.load("drive", proxy.port, count=many - few, connections=CONNECTIONS, first=few + CONNECTIONS)
        after = proxy.memory()
    yield Row(f"memory after {few}", before / MEGABYTE, "MB")
    yield Row(f"memory after {many}", after / MEGABYTE, "MB")
    yield Row("memory grown", (after - before) / MEGABYTE, "MB", 16.0)


def bursts(folder: Path, upstream: Process, scale: Scale) -> Iterator[Row]:
    """How many of 200 connections opened at once waited a second, a SYN having been dropped; three bursts each."""
    with contextlib.ExitStack() as stack:
        compared = {
            STOCK: (stack.enter_context(proxies.mitmdump(folder, upstream)), None),
            RUNNER: (stack.enter_context(proxies.runner(folder, proxies.plan_of(0), upstream=upstream)), 0),
        }
        for name, (proxy, limit) in compared.items():
            proxies.load("drive", proxy.port, count=100, connections=4)
            dropped = proxies.overflows()
            seen = [proxies.load("burst", proxy.port, connections=200) for _ in range(3)]
            yield Row(f"burst of 200: connects over 1 s, {name}", sum(one["slow"] for one in seen), "of 600", limit)
            yield Row(f"burst of 200: slowest connect, {name}", max(one["slowest"] for one in seen), "s")
            yield Row(f"burst of 200: accept queue overflows, {name}", proxies.overflows() - dropped, "", limit)


def decisions(folder: Path, upstream: Process, scale: Scale) -> Iterator[Row]:
    """How many of five runs of one seed decided otherwise than the first; 32 threads write, each run in its own order.

    Raises OSError when nothing was refused or every run happened in one order: then it would have shown nothing.
    """
    plan = proxies.plan_of(0.4)
    runs = []
    orders = set()
    for number in range(5):
        place = folder / f"storm-{number}"
        with Lab(plan, Settings(history=place, upstream=f"http://127.0.0.1:{upstream.port}")) as lab:
            proxies.load("storm", lab.port, threads=32, batches=150, shuffle=number)
            lab.finish()
        events = history.read(place).events
        runs.append({(event.batch, event.attempt): event.decision for event in events})
        orders.add(tuple((event.batch, event.attempt) for event in events))
    refused = sum(bool(decision.rule) for decision in runs[0].values())
    if not refused or len(orders) == 1:
        raise OSError(f"{refused} writes refused in {len(orders)} orders; expected some, in several")
    yield Row("same seed, 32 threads: writes refused", refused, f"of {len(runs[0])}")
    yield Row("same seed, 32 threads: orders of arrival", len(orders), f"of {len(runs)} runs")
    differing = sum(run != runs[0] for run in runs[1:])
    yield Row("same seed, 32 threads: runs unlike the first", differing, f"of {len(runs) - 1}", 0)


MEASURES: tuple[Callable[[Path, Process, Scale], Iterator[Row]], ...] = (
    costs,
    readiness,
    latency,
    memory,
    bursts,
    decisions,
)

HEADS = f"{'req/s':>7}{'p50 ms':>8}{'p99 ms':>8}{'CPU µs':>8}"


def columns(row: Row) -> str:
    """Give what a load measured, as it is printed."""
    return table.cells((row.per_second, 7, 0), (row.p50_ms, 8, 2), (row.p99_ms, 8, 2), (row.cpu_us, 8, 0))


def measures(quick: bool) -> Iterator[Row]:
    """Measure everything, one part after the other, all before one upstream."""
    with tempfile.TemporaryDirectory(prefix="faultlab-bench-") as name:
        folder = Path(name)
        with proxies.upstream(folder) as upstream, proxies.runner(folder, proxies.plan_of(0), upstream=upstream):
            pass  # compiles every module once
        with proxies.upstream(folder) as upstream:
            for part in MEASURES:
                yield from part(folder, upstream, QUICK if quick else FULL)


if __name__ == "__main__":
    sys.exit(table.run(__doc__, "a minute or so instead of six", HEADS, columns, measures))
