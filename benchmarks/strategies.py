"""What drawing costs, as ratios to the strategies one would write first, and whether every budget holds.

    python benchmarks/strategies.py [--quick] [--json FILE]

The exit status is 0, 1 when a budget is missed, 2 when the words are not understood. Times are CPU time of this
process while Hypothesis generates examples; nothing is shrunk, and nothing is done with what is drawn.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import table
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from faultlab.lineprotocol import write_line
from faultlab.lineprotocol.writer import measurement_token, name_token
from faultlab.strategies import (
    application_points,
    batches,
    bodies,
    exchanges,
    lines,
    malformed,
    mixed_batches,
    points,
    schedules,
    type_conflicts,
)
from faultlab.strategies.points import EARLIEST, LATEST, batch_of, wanted_batch
from faultlab.strategies.tape import Tape

LINES = 20
OURS = f"batches, {LINES} lines"
NAIVE = f"naive, {LINES} lines"
REGEX = f"from_regex, {LINES} lines"
BARE = "binary, 4 bytes"


@dataclass(frozen=True)
class Scale:
    """How many rounds are measured, and by how much the examples of a round are divided."""

    rounds: int
    part: int


FULL = Scale(rounds=9, part=1)
QUICK = Scale(rounds=4, part=3)


@dataclass(frozen=True)
class Row(table.Row):
    """One line of the table: what was drawn per second, and what one example took."""

    per_second: float | None = None
    lines_per_second: float | None = None
    example_us: float | None = None


def can_be_said(name: str) -> bool:
    """Say whether line protocol has a spelling for a name."""
    try:
        measurement_token(name)
        name_token(name)
    except ValueError:
        return False
    return True


def naive() -> st.SearchStrategy[bytes]:
    """Give what one writes first: names filtered from all text, dictionaries of tags and of fields, any number."""
    names = st.text(min_size=1).filter(can_be_said)
    values = (
        st.floats(allow_nan=False, allow_infinity=False).map(lambda value: ("float", value))
        | st.integers(-(2**63), 2**63 - 1).map(lambda value: ("integer", value))
        | st.booleans().map(lambda value: ("boolean", value))
        | st.text(st.characters(exclude_categories=["C"])).map(lambda value: ("string", value))
    )
    line = st.builds(
        lambda measurement, tags, fields, stamp: write_line(
            measurement, tuple(tags.items()), tuple((key, *value) for key, value in fields.items()), stamp
        ),
        names,
        st.dictionaries(names, names, max_size=3),
        st.dictionaries(names, values, min_size=1, max_size=4),
        st.integers(EARLIEST, LATEST),
    )
    return st.lists(line, min_size=LINES, max_size=LINES).map(b"\n".join)


def regex() -> st.SearchStrategy[bytes]:
    """Give the grammar as an expression, each line drawn from it."""
    name = r"[a-zA-Z_ż](?:[a-zA-Z0-9_ż]|\\[,= ]){0,8}"
    value = r'(?:-?[0-9]{1,9}(?:\.[0-9]{1,6})?|-?[0-9]{1,9}i|true|false|"(?:[a-z ]|\\["\\]){0,12}")'
    line = rf"{name}(?:,{name}={name}){{0,3}} {name}={value}(?:,{name}={value}){{0,3}} [0-9]{{1,18}}"
    drawn = st.from_regex(line, fullmatch=True).map(str.encode)
    return st.lists(drawn, min_size=LINES, max_size=LINES).map(b"\n".join)


CONTENDERS: dict[str, tuple[st.SearchStrategy[Any], int, int]] = {
    OURS: (batches(min_size=LINES, max_size=LINES), 600, LINES),
    NAIVE: (naive(), 18, LINES),
    REGEX: (regex(), 18, LINES),
    BARE: (st.binary(min_size=4, max_size=4), 1500, 0),
    "batches": (batches(), 1000, 0),
    "batches, names of one's own": (batches(measurements=st.text("abc", min_size=1)), 400, 0),
    "batches, 1,000 lines": (batches(min_size=1000, max_size=1000), 30, 1000),
    "lines": (lines(), 1000, 1),
    "points": (points(), 1000, 1),
    "malformed": (malformed(), 1000, 0),
    "type_conflicts": (type_conflicts(), 1000, 0),
    "mixed_batches": (mixed_batches(), 600, 0),
    "application_points": (application_points(), 1000, 0),
    "schedules": (schedules(), 1000, 0),
    "bodies": (bodies(limit=10_000), 600, 0),
    "exchanges": (exchanges(), 300, 0),
}
"""Of each contender the strategy, how many examples make a round, and how many lines one has, 0 where that varies."""


def drawing(values: st.SearchStrategy[Any], count: int, number: int) -> float:
    """Give the seconds that one of as many examples takes; what cannot be used counts as time and not as example.

    The first is the simplest there is, which tells nothing of the others, so the clock starts with it.
    """
    seen = 0
    began = 0.0

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(values)
    def draw(_: Any) -> None:
        nonlocal seen, began
        began = began or time.process_time()
        seen += 1

    draw()
    return (time.process_time() - began) / (seen - 1)


def contest(scale: Scale) -> Iterator[Row]:
    """Compare the contenders in interleaved rounds, so that a busy moment of the machine falls on all alike."""
    times: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for number in range(scale.rounds + 1):
        for name, (values, count, _) in CONTENDERS.items():
            took = drawing(values, max(count // scale.part, 2), number)
            if number:  # the first warms up
                times[name].append(took)
    typical = {name: table.typical(taken) for name, taken in times.items()}
    for other, floor in ((NAIVE, 100.0), (REGEX, 20.0)):
        yield row(OURS, typical[OURS], typical[other] / typical[OURS], f"× {other.split(',')[0]}", floor)
    for name, took in typical.items():
        if name != OURS:
            yield row(name, took, took / typical[BARE], "× a bare draw")


def row(name: str, took: float, figure: float, unit: str, floor: float | None = None) -> Row:
    """Give the row of one contender."""
    many = CONTENDERS[name][2]
    return Row(
        name,
        figure,
        unit,
        floor=floor,
        per_second=1 / took,
        lines_per_second=many / took if many else None,
        example_us=took * 1e6,
    )


def decoding(scale: Scale) -> Iterator[Row]:
    """Give what it takes to read a batch from its tape, which is our share of what drawing one costs."""
    wanted = wanted_batch((LINES, LINES))
    random = Random(1)
    tapes = [random.randbytes(wanted.bytes) for _ in range(1000 // scale.part)]
    times = []
    for _ in range(scale.rounds + 1):
        began = time.process_time()
        for tape in tapes:
            batch_of(Tape(tape), wanted)
        times.append((time.process_time() - began) / len(tapes))
    took = table.typical(times)
    yield Row(f"read from a tape, {LINES} lines", took * 1e6, "µs a batch", 250.0, lines_per_second=LINES / took)


HEADS = f"{'examples/s':>12}{'lines/s':>10}{'µs':>10}"


def columns(row: Row) -> str:
    """Give what drawing took, as it is printed."""
    return table.cells((row.per_second, 12, 1), (row.lines_per_second, 10, 0), (row.example_us, 10, 0))


def measures(quick: bool) -> Iterator[Row]:
    """Measure everything."""
    scale = QUICK if quick else FULL
    return itertools.chain(contest(scale), decoding(scale))


if __name__ == "__main__":
    sys.exit(table.run(__doc__, "half a minute instead of two", HEADS, columns, measures))
