"""``faultlab matrix`` and ``faultlab clients``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import click
from rich.console import Console

from faultlab import output, scenario, warp
from faultlab.clients import ALL, UnpreparedError, named, prepare
from faultlab.exits import Exit
from faultlab.farming import FarmError, Play, farm
from faultlab.lab import LabError, Settings
from faultlab.matrix.cells import Cell, MatrixError, cells, clients
from faultlab.matrix.pages import html, markdown
from faultlab.matrix.table import Table, changes, entry, summary
from faultlab.output import Usage, coloured, new_folder
from faultlab.playing import play
from faultlab.reports import Result
from faultlab.scenario import ScenarioError

RUNS_A_CORE = 6
"""How many clients run at a time on each processor, where nobody says: most of them wait most of the time."""


def split(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Give the parts of a list with commas."""
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())


@click.command(
    "clients",
    epilog="""\b
Examples:
  faultlab clients
  faultlab run rate-limit -- python -m faultlab.clients influxdb-client-batching
""",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def clients_command(as_json: bool) -> int:
    """List the real clients that can be driven, with their versions."""
    rows = [
        {
            "name": one.name,
            "package": one.package[0],
            "version": one.package[1],
            "about": one.about,
            "profile": one.profile,
        }
        for one in ALL
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return Exit.PASS
    for row in rows:
        package = f"{row['package']} {row['version']}".strip()
        click.echo(f"{row['name']:<26}  {package:<36}  {row['about']}")
    return Exit.PASS


@click.command(
    "matrix",
    epilog="""\b
Examples:
  faultlab matrix
  faultlab matrix --clients influxdb-client-sync,curl --scenarios rate-limit,outage
  faultlab matrix --history nightly --compare last-week/matrix.json
  faultlab matrix --add mine.txt --clients my-writer

\b
A folder with histories in it is gone on with: what was run to its end is judged, not run again.
A file for --add has a command a line:
  my-writer: ./writer --url {url} --token {token}
""",
)
@click.option("--clients", "names", callback=split, metavar="NAMES", help="Clients, with commas; all if not given.")
@click.option("--scenarios", callback=split, metavar="NAMES", help="Scenarios, with commas; all built-in if not given.")
@click.option("--seeds", callback=split, metavar="NUMBERS", help="Seeds, with commas; 7 if not given.")
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1, 1024),
    help="Runs that go on at a time; if not given six a processor, or one for each thread of the scheduler's workers.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Have the runs made by the workers of a Dask scheduler, such as tcp://host:8786.",
)
@click.option(
    "--add", type=click.Path(path_type=Path), metavar="FILE", help="File with more clients, a command a line."
)
@output.upstream_option
@output.time_scale_option
@click.option(
    "--deadline", type=click.FloatRange(min=0.1), help="Seconds a client may run; the scenario's if not given."
)
@click.option(
    "--history",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for everything; a new one in faultlab-runs/ if not given.",
)
@click.option(
    "--compare", type=click.Path(path_type=Path), metavar="JSON", help="Say what is not as it was in an earlier one."
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
def matrix_command(
    names: tuple[str, ...],
    scenarios: tuple[str, ...],
    seeds: tuple[str, ...],
    jobs: int | None,
    scheduler: str | None,
    add: Path | None,
    upstream: str | None,
    time_scale: float,
    deadline: float | None,
    folder: Path | None,
    compare: Path | None,
    quiet: bool,
) -> int:
    """Run real clients under scenarios, several at a time, and print what each did wrong."""
    before = None if compare is None else output.earlier(compare, Table.from_json, "a matrix.json")
    if compare is not None and before is not None:
        output.of_one_time((compare, before.time_scale), ("this one", time_scale))
    folder = folder or new_folder("matrix")
    settings = Settings(folder, upstream=output.upstream(upstream), read_back=True, time_scale=time_scale)
    try:
        rows = clients(names, add)
        numbers = [int(seed) for seed in seeds] or [7]
        planned = cells(rows, scenarios or scenario.names(), numbers, settings, deadline=deadline)
    except (MatrixError, ScenarioError) as problem:
        raise Usage(str(problem)) from problem
    except ValueError as problem:
        raise Usage(f"--seeds is {','.join(seeds)}; expected whole numbers with commas") from problem
    with players(planned, scheduler, quiet=quiet) as (player, slots):
        began = time.monotonic()
        made = run(planned, player, jobs or slots, quiet=quiet)
        wall = time.monotonic() - began
    root = str(folder.absolute())
    table = Table(
        {row.name: row.version for row in rows},
        tuple(entry(cell, made.get(place), root) for place, cell in enumerate(planned)),
        wall,
        time_scale,
        settings.upstream or "origin",
    )
    write_all(table, folder)
    write_pages([made[place] for place, one in enumerate(table.entries) if one.history and one.is_no_pass], quiet=quiet)
    Console(highlight=False, soft_wrap=True).print(coloured(summary(table)))
    if before is not None:
        output.show_changes(changes(before, table))
    click.echo(f"\nmatrix\n  {folder}/matrix.html\n  {folder}/matrix.md\n  {folder}/matrix.json")
    return table.exit_status


@contextmanager
def players(planned: list[Cell], scheduler: str | None, *, quiet: bool) -> Iterator[tuple[Play, int]]:
    """Give what makes the runs, and how many at a time if nobody says; raises Usage and LabError."""
    if scheduler is None:
        prepared(planned, quiet=quiet)
        yield play, RUNS_A_CORE * (os.cpu_count() or 1)
        return
    try:
        with farm(scheduler) as there:
            # All of them are handed over: the workers take one for each of their threads, those that come later too.
            yield there, max(len(planned), 1)
    except FarmError as problem:
        raise Usage(str(problem)) from problem


def prepared(planned: list[Cell], *, quiet: bool) -> None:
    """Have the environment of each driver made, and what warps time, before any run is timed; raises LabError."""
    names = {cell.client for cell in planned if cell.task is not None}
    if any(cell.task is not None and cell.task.settings.time_scale != 1.0 for cell in planned):
        try:
            warp.prepare()
        except warp.WarpError as problem:
            raise LabError(str(problem)) from problem
    with Console(stderr=True, quiet=quiet).status("preparing the clients") as line:
        for driver in ALL:
            if driver.name in names:
                line.update(f"preparing {driver.name}")
                try:
                    prepare(named(driver.name))
                except UnpreparedError as problem:
                    raise LabError(f"{problem}; leave it out by --clients") from problem


def run(planned: list[Cell], player: Play, jobs: int, *, quiet: bool) -> dict[int, Result]:
    """Make the runs, and show each as it ends."""
    given = [(place, cell.task) for place, cell in enumerate(planned) if cell.task is not None]
    # What may take longest begins first, so that nothing long is left alone at the end.
    given.sort(key=lambda one: -one[1].settings.terms.deadline)
    places, tasks = [place for place, _ in given], [task for _, task in given]
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    ended = 0
    with Console(stderr=True, quiet=quiet or not console.is_terminal).status(f"0 of {len(tasks)} runs") as line:

        def done(place: int, result: Result) -> None:
            nonlocal ended
            ended += 1
            if not quiet:
                cell = planned[places[place]]
                console.print(coloured(f"{result.verdict.name:<12}  {cell.client} × {result.name}"))
            line.update(f"{ended} of {len(tasks)} runs")

        made = player(tasks, jobs, done)
    return {places[place]: result for place, result in made.items()}


def write_all(table: Table, folder: Path) -> None:
    """Write the table in its three forms."""
    folder.mkdir(parents=True, exist_ok=True)
    output.write(folder / "matrix.json", [json.dumps(table.to_json(), indent=2)])
    output.write(folder / "matrix.md", [markdown(table)])
    output.write(folder / "matrix.html", [html(table)])


def write_pages(results: list[Result], *, quiet: bool) -> None:
    """Write the page of each run beside its history, on all processors: it takes a second or more each."""
    console = Console(stderr=True)
    with (
        Console(stderr=True, quiet=quiet or not console.is_terminal).status("writing pages") as line,
        ProcessPoolExecutor(mp_context=get_context("forkserver")) as pool,
    ):
        for number, _ in enumerate(pool.map(output.write_page, results), 1):
            line.update(f"writing pages: {number} of {len(results)}")


__all__ = ["clients_command", "matrix_command"]
