"""What reading line protocol costs, as ratios to a C extension in one run, and whether every budget holds.

    python benchmarks/lineprotocol.py [--quick] [--json FILE]

The exit status is 0, 1 when a budget is missed, 2 when the words are not understood. Times are CPU time of this
process, whose garbage is not collected meanwhile.
"""

from __future__ import annotations

import gc
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import readers
import table
from corpora import CORPORA, FIRST, HOSTILE, MEGABYTE

from faultlab.lineprotocol import DIALECTS, Dialect, parse

C_EXTENSION = "line-protocol-parser, dictionaries"
HEADLINE = "strict, identities"
INFLUXDB = ("influxdb1", "influxdb2", "influxdb3")
FAITHLESS = {"M": {"naive expressions, dictionaries"}}
"""Readers that are known to pass over what is malformed."""

TICK = 0.05
"""What takes fewer seconds than this is no risk, and caches decide how its times compare."""


@dataclass(frozen=True)
class Scale:
    """How much is measured: lines of a corpus, rounds, of which one in ``seldom`` has slow readers, with ``few`` lines.

    Hostile bodies are divided by ``part``, and after ``enough`` seconds one has been measured enough. ``body`` is how
    many bytes memory is measured with.
    """

    lines: int
    few: int
    rounds: int
    seldom: int
    part: int
    enough: float
    body: int


FULL = Scale(lines=100_000, few=100_000, rounds=9, seldom=3, part=1, enough=1.0, body=50 * MEGABYTE)
QUICK = Scale(lines=100_000, few=20_000, rounds=5, seldom=5, part=20, enough=0.3, body=10 * MEGABYTE)


@dataclass(frozen=True)
class Row(table.Row):
    """One line of the table; ``scans`` is time per byte, of what the dialect's own grammar needs for corpus A."""

    lines_per_second: float | None = None
    megabytes_per_second: float | None = None
    seconds: float | None = None
    scans: float | None = None


@dataclass(frozen=True)
class Reader:
    """One way to read a body. Slow ones are measured in fewer rounds; ``identities`` is None where it gives none."""

    read: Callable[[bytes], Any]
    identities: Callable[[Any], Iterator[readers.Identity]] | None = None
    slow: bool = False


def ours(dialect: str) -> Reader:
    """Give the reader that tells identities as one dialect does."""
    return Reader(lambda body: parse(body, dialect, precision="ns").identities, iter, slow=dialect == "victoriametrics")


def compared() -> dict[str, Reader]:
    """Give every reader by name, the C extension first if it is installed."""
    found = {C_EXTENSION: Reader(readers.c_extension, readers.dictionaries)} if readers.INSTALLED else {}
    found |= {HEADLINE: ours("strict")}
    found |= {f"{name}, identities": ours(name) for name in (*INFLUXDB, "victoriametrics")}
    found["strict, refused lines only"] = Reader(lambda body: len(parse(body, "strict").refused))
    found["strict, points built"] = Reader(
        lambda body: list(parse(body, "strict").points), lambda points: (one.identity for one in points), slow=True
    )
    for name, (read, identities) in readers.PEERS.items():
        found[name] = Reader(read, identities, slow=read is not readers.expression)
    return found


def timed(read: Callable[[bytes], Any], body: bytes) -> float:
    """Give the seconds that reading takes; what it gave is thrown away after the clock has stopped."""
    began = time.process_time()
    found = read(body)
    took = time.process_time() - began
    del found
    return took


def corpora(scale: Scale) -> Iterator[Row]:
    """Compare the readers in interleaved rounds, and whether they read the same points, corpus by corpus."""
    for letter, make in CORPORA.items():
        body, short = make(scale.lines), make(scale.few)
        found = compared()
        yield from agreement(letter, short, found)
        # Seconds per byte.
        times: dict[str, list[float]] = {name: [] for name in found}
        for number in range(scale.rounds):
            for name, reader in found.items():
                if not reader.slow or number % scale.seldom == 0:
                    given = short if reader.slow else body
                    times[name].append(timed(reader.read, given) / len(given))
        yield from ratios(letter, len(body) / scale.lines, times)


def ratios(letter: str, width: float, times: dict[str, list[float]]) -> Iterator[Row]:
    """Give how much faster than the C extension each reader is; only one on one corpus has a budget."""
    typical = {name: table.typical(taken) if len(taken) > 1 else taken[0] for name, taken in times.items()}
    base = typical.get(C_EXTENSION)
    if base is None:
        yield Row(f"{letter}: {C_EXTENSION}", None, "not installed")
    for name, taken in typical.items():
        yield Row(
            f"{letter}: {name}",
            base and base / taken,
            "× C extension",
            floor=2.0 if (letter, name) == ("A", HEADLINE) else None,
            lines_per_second=1 / taken / width,
            megabytes_per_second=1 / taken / MEGABYTE,
        )


def agreement(letter: str, body: bytes, found: dict[str, Reader]) -> Iterator[Row]:
    """Count the readers that find other points than the strict dialect does, or in another order."""
    expected = parse(body, "strict").identities
    odd = []
    for name, reader in found.items():
        if reader.identities is None or name in FAITHLESS.get(letter, ()):
            continue
        if list(reader.identities(reader.read(body))) != expected:
            odd.append(name)
    asked = sum(reader.identities is not None for reader in found.values()) - len(FAITHLESS.get(letter, ()))
    yield Row(f"{letter}: readers that disagree on {len(expected):,} points", len(odd), f"of {asked}", 0)
    for name in odd:
        yield Row(f"{letter}: {name} disagrees", None, "")
    refused = {name: len(parse(body, name, precision="ns").refused) for name in DIALECTS}
    unlike = sum(count != refused["strict"] for count in refused.values())
    yield Row(f"{letter}: dialects that refuse other than {refused['strict']:,} lines", unlike, f"of {len(refused)}", 0)


def hostile(scale: Scale) -> Iterator[Row]:
    """Compare a hostile body with one half as long: where it takes far more than twice the time, reading is not linear.

    Beside it stands its time per byte, relative to what the dialect's own grammar needs for corpus A.
    """
    own = {name: by_own_grammar(rules, scale) for name, rules in DIALECTS.items()}
    slowest: dict[str, tuple[float, str]] = {}
    for name, (make, size) in HOSTILE.items():
        whole, half = make(size // scale.part), make(size // scale.part // 2)
        for dialect in DIALECTS:
            short, long = doubled(dialect, half, whole, scale.enough)
            ten = long / len(whole) * 10 * MEGABYTE
            slowest[dialect] = max(slowest.get(dialect, (0.0, "")), (ten, name))
            yield Row(
                f"{len(whole) / MEGABYTE:.3g} MB, {name}, {dialect}",
                max(long, TICK) / max(short, TICK),
                "× half of it",
                3.0,
                megabytes_per_second=len(whole) / long / MEGABYTE,
                seconds=long,
                scans=long / len(whole) / own[dialect],
            )
    for dialect, (ten, name) in slowest.items():
        yield Row(f"slowest, {dialect}: {name}", ten, "s for 10 MB")


def by_own_grammar(rules: Dialect, scale: Scale) -> float:
    """Give the seconds per byte of corpus A when no line is read by the common expression."""
    body = CORPORA["A"](scale.lines // 10)
    alone = replace(rules, common_core=False)
    return min(timed(lambda given: parse(given, alone, precision="ns"), body) for _ in range(3)) / len(body)


def doubled(dialect: str, half: bytes, whole: bytes, enough: float) -> tuple[float, float]:
    """Give the least seconds that a body and one half as long take, measured in turn until that is enough."""
    times: tuple[list[float], list[float]] = [], []
    while not times[0] or (len(times[0]) < 5 and sum(map(sum, times)) < enough):
        for taken, body in zip(times, (half, whole), strict=True):
            taken.append(timed(lambda given: parse(given, dialect), body))
    return min(times[0]), min(times[1])


MEMORY = """
import json, pathlib, sys
from faultlab.lineprotocol import parse
def used(what):
    status = pathlib.Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(what))
body = pathlib.Path(sys.argv[1]).read_bytes()
before = used("VmRSS")
parsed = parse(body, sys.argv[2], precision="ns")
read = used("VmHWM")
identities = parsed.identities
print(json.dumps([(read - before) / len(body), (used("VmHWM") - before) / len(body)]))
"""


def memory(scale: Scale) -> Iterator[Row]:
    """Give the most memory that reading corpus A takes beyond the body, each dialect in a process of its own."""
    body = CORPORA["A"](scale.lines // 10)
    lines = itertools.chain.from_iterable(itertools.repeat(body.splitlines(keepends=True)))
    with tempfile.TemporaryDirectory(prefix="faultlab-bench-") as folder:
        path = Path(folder) / "body.lp"
        with path.open("wb") as file:
            # Each line has a timestamp of its own, as in the corpus.
            for number in range(scale.body * body.count(b"\n") // len(body)):
                file.write(b"%b %d\n" % (next(lines).rpartition(b" ")[0], FIRST + number * 10_000_000))
        size = path.stat().st_size / MEGABYTE
        for dialect in DIALECTS:
            done = subprocess.run(
                [sys.executable, "-c", MEMORY, str(path), dialect], capture_output=True, text=True, check=True
            )
            read, told = json.loads(done.stdout)
            yield Row(f"memory for {size:.0f} MB of A, {dialect}", read, "bytes per byte")
            yield Row(f"memory for {size:.0f} MB of A, {dialect}, identities", told, "bytes per byte")


MEASURES: tuple[Callable[[Scale], Iterator[Row]], ...] = (corpora, hostile, memory)
HEADS = f"{'lines/s':>11}{'MB/s':>8}{'s':>8}{'× own A':>9}"


def columns(row: Row) -> str:
    """Give what reading took, as it is printed."""
    return table.cells(
        (row.lines_per_second, 11, 0), (row.megabytes_per_second, 8, 1), (row.seconds, 8, 2), (row.scans, 9, 2)
    )


def measures(quick: bool) -> Iterator[Row]:
    """Measure everything, the garbage of one part collected before the next."""
    for part in MEASURES:
        gc.collect()
        gc.disable()
        yield from part(QUICK if quick else FULL)
        gc.enable()


if __name__ == "__main__":
    sys.exit(table.run(__doc__, "three minutes instead of fifteen", HEADS, columns, measures))
