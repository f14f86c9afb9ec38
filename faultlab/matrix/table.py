"""What a matrix came to: one entry a cell, to JSON and back, and what is not as it was in an earlier one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import faultlab
from faultlab.exits import Exit
from faultlab.matrix.cells import Cell
from faultlab.playing import ENVIRONMENT
from faultlab.reports import Result, ResultError, Standing
from faultlab.verdict import Verdict

FORMAT = 1
WORDS = ("pass", "fail", "inconclusive", "not applicable", "not run")


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of the table. ``verdict`` is one of ``WORDS``; ``failed`` names the oracles that did not hold.

    ``finding`` says in a sentence why it is no pass; ``again`` is the command that makes the same run, ``history`` its
    folder within that of the matrix, ``seconds`` how long the client ran.
    """

    client: str
    scenario: str
    seed: int
    verdict: str
    failed: tuple[str, ...] = ()
    finding: str = ""
    again: str = ""
    history: str = ""
    exchanges: int = 0
    seconds: float = 0.0
    environment: bool = False

    @property
    def is_no_pass(self) -> bool:
        """Whether something went wrong that a history shows, or may have."""
        return self.verdict in {"fail", "inconclusive"}

    @property
    def name(self) -> str:
        """Tell one cell from another."""
        return f"{self.client} × {self.scenario}[{self.seed}]"


@dataclass(frozen=True, slots=True)
class Table:
    """A matrix: its clients with their versions, its entries, and the seconds it took.

    ``time_scale`` is how many times as fast time ran for the clients; their seconds are of that time. ``upstream`` is
    what stood behind the proxies.
    """

    versions: Mapping[str, str]
    entries: tuple[Entry, ...]
    wall: float = 0.0
    time_scale: float = 1.0
    upstream: str = "origin"
    faultlab: str = field(default=faultlab.__version__)

    @property
    def clients(self) -> list[str]:
        """The rows, in order."""
        return list(dict.fromkeys(entry.client for entry in self.entries))

    @property
    def columns(self) -> list[tuple[str, int]]:
        """The columns, in order: scenario and seed."""
        return list(dict.fromkeys((entry.scenario, entry.seed) for entry in self.entries))

    @property
    def waited(self) -> float:
        """The seconds that all clients together ran."""
        return sum(entry.seconds for entry in self.entries)

    def at(self, client: str, column: tuple[str, int]) -> Entry:
        """Give a cell; raises KeyError."""
        found = {(entry.client, (entry.scenario, entry.seed)): entry for entry in self.entries}
        return found[client, column]

    @property
    def exit_status(self) -> Exit:
        """What ``faultlab matrix`` ends with: it finds, it does not fail; only what could not be run counts."""
        if any(entry.environment for entry in self.entries):
            return Exit.ENVIRONMENT
        return Exit.INTERRUPTED if any(entry.verdict == "not run" for entry in self.entries) else Exit.PASS

    def to_json(self) -> dict[str, Any]:
        """Give the table as plain JSON values."""
        return {
            "format": FORMAT,
            "faultlab": self.faultlab,
            "clients": dict(self.versions),
            "wall": round(self.wall, 3),
            "waited": round(self.waited, 3),
            "time_scale": self.time_scale,
            "upstream": self.upstream,
            "entries": [asdict(entry) for entry in self.entries],
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what ``to_json`` wrote; raises ResultError for anything else."""
        try:
            if value["format"] != FORMAT:
                raise ResultError(f"no matrix: format is {value['format']!r}; expected {FORMAT}")
            entries = tuple(Entry(**{**one, "failed": tuple(one["failed"])}) for one in value["entries"])
            return cls(
                value["clients"], entries, value["wall"], value["time_scale"], value["upstream"], value["faultlab"]
            )
        except (KeyError, TypeError) as problem:
            raise ResultError(f"no matrix: {type(problem).__name__}: {problem}") from problem


def entry(cell: Cell, result: Result | None, root: str) -> Entry:
    """Give the entry of a cell whose run came to that; None for one that was not made."""
    if cell.task is None:
        return Entry(cell.client, cell.scenario, cell.seed, "not applicable", finding=cell.why)
    if result is None:
        return Entry(cell.client, cell.scenario, cell.seed, "not run")
    failed = tuple(asked.name for asked in result.oracles if asked.standing is Standing.FAIL)
    return Entry(
        cell.client,
        cell.scenario,
        cell.seed,
        result.verdict.word,
        failed,
        finding(result),
        result.again,
        result.history.removeprefix(root).lstrip("/"),
        result.counts.exchanges,
        result.seconds or 0.0,
        any(reason.startswith(ENVIRONMENT) for reason in result.reasons),
    )


def finding(result: Result) -> str:
    """Say in a sentence why a run is no pass: the first failure, else the first doubt, else the first reason."""
    for standing, verdict in ((Standing.FAIL, Verdict.FAIL), (Standing.INCONCLUSIVE, Verdict.INCONCLUSIVE)):
        for asked in result.oracles:
            if asked.standing is standing and (first := asked.first_of(verdict)):
                return f"{asked.name}: {first[0].what}"
    return result.reasons[0] if result.reasons else ""


def changes(before: Table, after: Table) -> Iterator[str]:
    """Yield a sentence for each cell whose verdict or failures differ, for each client of another version, and more."""
    if before.upstream != after.upstream:
        yield f"upstream: was {before.upstream}, is {after.upstream}"
    for client, version in after.versions.items():
        if client in before.versions and before.versions[client] != version:
            yield f"{client}: was {before.versions[client] or 'of no known version'}, is {version}"
    old = {one.name: one for one in before.entries}
    for one in after.entries:
        was = old.pop(one.name, None)
        if was is None:
            yield f"{one.name}: was not run before; {one.verdict} now"
        elif (was.verdict, was.failed) != (one.verdict, one.failed):
            yield f"{one.name}: was {_said(was)}, is {_said(one)}"
    for name, was in old.items():
        yield f"{name}: was {was.verdict}, is not run any more"


def _said(one: Entry) -> str:
    return f"{one.verdict} ({', '.join(one.failed)})" if one.failed else one.verdict


def summary(table: Table) -> str:
    """Give the table as plain text: a line a client, then each cell that is no pass."""
    counts = [f"{'CLIENT':<28}  {'VERSION':<9}  PASS  FAIL  INCONCLUSIVE  N/A"]
    for client in table.clients:
        verdicts = [one.verdict for one in table.entries if one.client == client]
        passed, failed, doubt, absent = (verdicts.count(word) for word in WORDS[:4])
        counts.append(
            f"{client:<28}  {table.versions.get(client, ''):<9}  {passed:>4}  {failed:>4}  {doubt:>12}  {absent:>3}"
        )
    found = [line for one in table.entries if one.is_no_pass for line in _of_entry(one)]
    ratio = table.waited / table.wall if table.wall else 0.0
    took = f"the clients ran {table.waited:.0f} s in all, the matrix took {table.wall:.0f} s: {ratio:.1f} to 1"
    return "\n\n".join(filter(None, ("\n".join(counts), "\n".join(found), "\n".join((took, *notes(table))))))


def notes(table: Table) -> Iterator[str]:
    """Yield how a matrix was made, where that bears on its verdicts: a sentence each."""
    if table.time_scale != 1.0:
        yield f"time ran {table.time_scale:g} times as fast for proxies and clients, and those seconds are of that time"
    if table.upstream != "origin":
        yield f"behind the proxies was {table.upstream}"


def _of_entry(one: Entry) -> Sequence[str]:
    return (f"{one.verdict.upper():<12}  {one.name}", f"  {one.finding}", f"  {one.again}")


__all__ = ["WORDS", "Entry", "Table", "changes", "entry", "finding", "notes", "summary"]
