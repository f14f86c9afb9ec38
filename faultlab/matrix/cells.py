"""The cells of a matrix: clients × scenarios × seeds, each one run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from faultlab import scenario, servers
from faultlab.clients import ALL, Driver, UnknownDriver, named
from faultlab.faults.knob import KnobError
from faultlab.lab import Settings
from faultlab.playing import Task
from faultlab.scenario import Scenario


class MatrixError(ValueError):
    """A matrix cannot be made of what was given; the message is one line."""


@dataclass(frozen=True, slots=True)
class Client:
    """One row: a client by its name, what it is run by, and the product family it was made for.

    ``version`` is empty where nobody says which it is.
    """

    name: str
    command: tuple[str, ...]
    profile: str | None = None
    version: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a client under a scenario and a seed; ``task`` is None where its family has no such answer."""

    client: str
    scenario: str
    seed: int
    task: Task | None
    why: str = ""


def of_driver(driver: Driver) -> Client:
    """Give the row of a driver, which anybody can run by the same command."""
    _, version = driver.package
    return Client(driver.name, driver.command, driver.profile, version)


def clients(names: Sequence[str] = (), file: Path | None = None) -> tuple[Client, ...]:
    """Give the rows: the drivers that are named, all if none is, and those of a file; raises MatrixError.

    A file has one command a line, ``NAME: COMMAND``, or ``NAME (PROFILE): COMMAND``; lines that begin with ``#`` are
    passed over.
    """
    added = () if file is None else tuple(_of_file(file))
    known = {one.name for one in added}
    try:
        drivers = [named(name) for name in names if name not in known] if names else list(ALL)
    except UnknownDriver as problem:
        raise MatrixError(str(problem)) from problem
    chosen = tuple(one for one in added if not names or one.name in names)
    return (*map(of_driver, drivers), *chosen)


def _of_file(file: Path) -> list[Client]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise MatrixError(f"{file}: cannot be read ({problem}); expected lines such as 'mine: ./writer'") from problem
    out: list[Client] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        head, colon, command = line.partition(":")
        name, _, rest = head.strip().partition(" (")
        try:
            words = tuple(shlex.split(command))
        except ValueError as problem:
            raise MatrixError(f"{file}:{number}: cannot be split into words: {problem}") from problem
        if not colon or not words or not name or "/" in name:
            raise MatrixError(f"{file}:{number}: is {line.strip()!r}; expected NAME: COMMAND")
        if name in {one.name for one in out} | {driver.name for driver in ALL}:
            raise MatrixError(f"{file}:{number}: a second client is named '{name}'; expected a name of its own")
        out.append(Client(name, words, rest.rstrip(")") or None))
    return out


def cells(
    rows: Sequence[Client],
    names: Sequence[str],
    seeds: Sequence[int],
    settings: Settings,
    *,
    deadline: float | None = None,
) -> list[Cell]:
    """Give every run, client by client, with its history's place in a folder; raises ScenarioError.

    ``settings`` are what all of them have in common; their history is the folder.
    """
    scenarios = [(name, scenario.load(name)) for name in names]
    return [
        _cell(row, source, one, seed, settings, deadline) for row in rows for source, one in scenarios for seed in seeds
    ]


def _cell(
    row: Client,
    source: str,
    one: Scenario,
    seed: int,
    common: Settings,
    deadline: float | None,
) -> Cell:
    kind = servers.KINDS.get(common.upstream or "")
    if kind is not None and row.profile != "oss1" and not kind.takes_v2:
        return Cell(row.name, one.name, seed, None, f"{common.upstream} has no endpoint for a client of InfluxDB 2")
    # A scenario says of a family what only that family answers; the others are asked in the client's own.
    try:
        plan = one.plan(seed, row.profile if row.profile and one.profile == "serverless" else None)
    except KnobError as problem:
        return Cell(row.name, one.name, seed, None, str(problem))
    name = f"{one.name}-{seed}"
    settings = replace(
        common,
        history=common.history / row.name / name,
        # What one cell stored in a server that others write to is told apart by its database.
        bucket=common.bucket if common.upstream is None or kind is not None else f"{row.name}-{name}",
        terms=one.terms if deadline is None else replace(one.terms, deadline=deadline),
        scenario=one.name,
        source=source,
        checks=one.checks,
        command=row.command,
    )
    return Cell(row.name, one.name, seed, Task(plan, settings, keeps=True))


__all__ = ["Cell", "Client", "MatrixError", "cells", "clients", "of_driver"]
