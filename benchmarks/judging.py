"""What judging a history costs, by the point and by the exchange, and whether that stays the same as histories grow.

    python benchmarks/judging.py [--quick] [--json FILE]

The exit status is 0, 1 when a budget is missed, 2 when the words are not understood. Each history is written by the
lab's own writer and judged in a process of its own; times are that process's CPU time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import table

from faultlab import history, lineprotocol, oracles, readback
from faultlab.exchange import Answer, Body, Decision, Effect, Everything, Exchange, Nothing
from faultlab.history import Ended, Outcome, ReadBack, Writer
from faultlab.readback import Point
from faultlab.redact import Redactor
from faultlab.verdict import Verdict

LINES = 5_000
"""Lines of a body, as many as the documents recommend."""

FLAT = 1.3
"""How much more a point or an exchange may cost in the largest history than in the smallest."""

READ_BACK = 2.5
"""How much more a point may cost of which upstream said that it holds it."""

GIGABYTES = 2.0
MICRO = 1e6


@dataclass(frozen=True)
class Judged:
    """What judging one history took: seconds, bytes at most, and how much there was to judge."""

    seconds: float
    peak: int
    exchanges: int
    points: int


def batch(number: int, count: int) -> bytes:
    """Give one body; no two have a point in common."""
    first = number * count
    return "".join(
        f"cpu,host=h{n % 50},region=eu usage={n % 10_000 / 100},n={n}i {1_700_000_000_000_000_000 + n * 1_000}\n"
        for n in range(first, first + count)
    ).encode()


class Past:
    """A history in the making."""

    def __init__(self, folder: Path) -> None:
        """Begin a run without rules."""
        self.folder = folder
        self.writer = Writer(folder, Redactor(b"benchmark"))
        self.seq = 0
        self.writer.run({"format": history.FORMAT, "profile": "oss2", "plan": {"rules": []}, "seed": 1, "epoch": 0.0})

    def sent(self, data: bytes, status: int, attempt: int = 1) -> None:
        """Write one exchange and its outcome."""
        self.seq += 1
        at = self.seq * 0.01
        headers = (
            ("Host", "127.0.0.1:8086"),
            ("Authorization", "Token [redacted aaaaaa]"),
            ("Content-Length", str(len(data))),
            ("User-Agent", "influxdb-client-python/1.50.0"),
        )
        query = (("org", "o"), ("bucket", "b"), ("precision", "ns"))
        exchange = Exchange(self.seq, at, "POST", "/api/v2/write", query, headers, Body(data), "127.0.0.1:8086")
        stored = status < 300
        self.writer.exchange(exchange, attempt, Decision(deliver=Everything() if stored else Nothing()))
        told = Answer(status, (("X-Influxdb-Version", "v2.9.1"), ("Date", f"day {self.seq % 86_400}")), b"")
        effect = Effect.ALL if stored else Effect.NONE
        self.writer.outcome(self.seq, Outcome(at + 0.005, effect, Ended.REPLIED, status, (), told))

    def end(self) -> None:
        """Say how the client ended, and seal it."""
        self.writer.write("client", {"began": 0.0, "ended": self.seq * 0.01 + 1, "status": 0})
        self.writer.end(self.seq * 0.01 + 1)
        self.writer.close()


def of_points(folder: Path, points: int, *, read_back: bool = False) -> None:
    """Write large bodies: every tenth is told 503 first, every hundredth 413, and is then sent in halves."""
    past = Past(folder)
    with (folder / history.MANIFEST).open("wb") as manifest:
        for number in range(points // LINES):
            data = batch(number, LINES)
            manifest.write(data)
            if number % 100 == 50:
                past.sent(data, 413)
                lines = data.splitlines(keepends=True)
                past.sent(b"".join(lines[: LINES // 2]), 204)
                past.sent(b"".join(lines[LINES // 2 :]), 204)
            elif number % 10 == 0:
                past.sent(data, 503)
                past.sent(data, 204, attempt=2)
            else:
                past.sent(data, 204)
    if read_back:
        held = (
            Point(one.measurement, one.tags, one.timestamp or 0, one.fields)
            for number in range(points // LINES)
            for one in lineprotocol.parse(batch(number, LINES), "influxdb2").points
        )
        said = ReadBack("InfluxDB", "b", points=readback.write(folder, held))
        past.writer.write("read_back", asdict(said))
    past.end()


def of_points_read_back(folder: Path, points: int) -> None:
    """Write the same, and that upstream said afterwards that it holds all of them."""
    of_points(folder, points, read_back=True)


def of_exchanges(folder: Path, exchanges: int) -> None:
    """Write bodies of one line, of which every tenth is told 503 first."""
    past = Past(folder)
    with (folder / history.MANIFEST).open("wb") as manifest:
        number = 0
        while past.seq < exchanges:
            data = batch(number, 1)
            manifest.write(data)
            if number % 10 == 0:
                past.sent(data, 503)
            past.sent(data, 204, attempt=2 if number % 10 == 0 else 1)
            number += 1
    past.end()


def judge(folder: Path) -> None:
    """Judge a history, and print what it took as JSON."""
    began = time.process_time()
    past = history.read(folder)
    found = oracles.judge(past)
    seconds = time.process_time() - began
    status = Path("/proc/self/status").read_text()
    peak = next(int(one.split()[1]) * 1024 for one in status.splitlines() if one.startswith("VmHWM"))
    failed = [one.oracle.name for one in found.findings if one.crashed or one.counts(strict=False) is Verdict.FAIL]
    counts = found.counts
    print(json.dumps({"taken": [seconds, peak, counts.exchanges, counts.points], "failed": failed}))


def judged(write: Callable[[Path, int], None], size: int) -> Judged:
    """Write a history of a size, and judge it in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="faultlab-judging-") as scratch:
        folder = Path(scratch) / "history"
        write(folder, size)
        command = [sys.executable, __file__, "--judge", str(folder)]
        printed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if printed["failed"]:
        sys.exit(f"a history without a fault of the client's fails: {', '.join(printed['failed'])}")
    return Judged(*printed["taken"])


def measure(quick: bool) -> Iterator[table.Row]:
    """Yield the rows for points, then those for exchanges."""
    sizes = (100_000, 400_000) if quick else (100_000, 1_000_000, 10_000_000)
    yield from rows("point", sizes, [judged(of_points, size) for size in sizes], lambda one: one.points)
    size = sizes[0]
    ratio = judged(of_points_read_back, size).seconds / judged(of_points, size).seconds
    yield table.Row("time a point read back, by one that is not", ratio, "x", limit=READ_BACK)
    sizes = (10_000, 40_000) if quick else (10_000, 100_000, 1_000_000)
    yield from rows("exchange", sizes, [judged(of_exchanges, size) for size in sizes], lambda one: one.exchanges)


def rows(unit: str, sizes: tuple[int, ...], taken: list[Judged], count: Callable[[Judged], int]) -> Iterator[table.Row]:
    """Yield time of each size, then how flat it is, then memory."""
    each = [one.seconds / count(one) for one in taken]
    for size, seconds in zip(sizes, each, strict=True):
        yield table.Row(f"{size:,} {unit}s, time a {unit}", seconds * MICRO, "us")
    yield table.Row(f"time a {unit}, largest by smallest", each[-1] / each[0], "x", limit=FLAT)
    grown = (taken[-1].peak - taken[0].peak) / (count(taken[-1]) - count(taken[0]))
    yield table.Row(f"memory a {unit} more", grown, "bytes")
    yield table.Row(f"memory of {sizes[-1]:,} {unit}s", taken[-1].peak / 1e9, "GB", limit=GIGABYTES)


def main() -> int:
    """Measure, or judge one history for whoever measures."""
    if sys.argv[1:2] == ["--judge"]:
        judge(Path(sys.argv[2]))
        return 0
    return table.run(__doc__, "a minute: histories up to 400,000 points", "", lambda _: "", measure)


if __name__ == "__main__":
    sys.exit(main())
