"""What the benchmarks share: rows with budgets, the table they are printed as, and the exit status they add up to."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = 56
"""How wide the names are."""


@dataclass(frozen=True)
class Row:
    """One line of the table; without ``limit`` (no more than) and ``floor`` (no less) its figure is for information.

    A figure that could not be measured is None and holds no budget.
    """

    name: str
    figure: float | None
    unit: str
    limit: float | None = None
    floor: float | None = None

    @property
    def missed(self) -> bool:
        """Whether the budget does not hold."""
        if self.figure is None:
            return not (self.limit is None and self.floor is None)
        return (self.limit is not None and self.figure > self.limit) or (
            self.floor is not None and self.figure < self.floor
        )


def typical(values: Iterable[float]) -> float:
    """Give the lower quartile: caches that others empty and time that a hypervisor takes only ever add."""
    return statistics.quantiles(values, n=4, method="inclusive")[0]


def cells(*columns: tuple[float | None, int, int]) -> str:
    """Give numbers as they stand under their heads, each with its width and its digits; None leaves the place empty."""
    return "".join(" " * wide if value is None else f"{value:{wide},.{digits}f}" for value, wide, digits in columns)


def head(columns: str) -> str:
    """Give the line above the table, with the heads of the columns between name and figure."""
    return f"{'':{NAME}}{columns}  {'figure':>8} {'':22}{'budget':>8}"


def line(row: Row, columns: str) -> str:
    """Give a row as it is printed, with the columns between name and figure."""
    figure = "-" if row.figure is None else f"{row.figure:.2f}"
    bounds = [f"{sign}{bound:7.2f}" for sign, bound in (("≤", row.limit), ("≥", row.floor)) if bound is not None]
    budget = f"{' '.join(bounds)}  {'MISSED' if row.missed else 'ok'}" if bounds else ""
    return f"{row.name:{NAME}}{columns}  {figure:>8} {row.unit:22}{budget}".rstrip()


def run[R: Row](
    about: str | None, times: str, heads: str, columns: Callable[[R], str], measure: Callable[[bool], Iterator[R]]
) -> int:
    """Read the command line, print what is measured as it comes, and give the exit status: 1 when a budget is missed.

    ``measure`` is told whether it has to be quick; ``times`` says how quick that is.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0] if about else None)
    parser.add_argument("--quick", action="store_true", help=times)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    given = parser.parse_args()
    rows = []
    print(head(heads))
    for row in measure(given.quick):
        print(line(row, columns(row)), flush=True)
        rows.append(row)
    if given.json:
        given.json.write_text(json.dumps([{**asdict(row), "missed": row.missed} for row in rows], indent=1) + "\n")
    missed = [row.name for row in rows if row.missed]
    print(f"{len(missed)} missed: {'; '.join(missed)}" if missed else "every budget holds")
    sys.stdout.flush()
    return 1 if missed else 0
