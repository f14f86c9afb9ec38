"""``faultlab gate``: the runs of a gate file, what they came to, and the reports."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from faultlab import output, reports
from faultlab.exits import Exit
from faultlab.gate.file import GateError, load, schema, tasks
from faultlab.gate.ratchet import tolerated
from faultlab.gate.result import GateResult, changes
from faultlab.output import Usage, Wanted, coloured, new_folder
from faultlab.playing import Done, play
from faultlab.reports import Result
from faultlab.verdict import Verdict


@click.command(
    "gate",
    epilog="""\b
Examples:
  faultlab gate faultlab.yaml
  faultlab gate faultlab.yaml --junit junit.xml --markdown summary.md
  faultlab gate faultlab.yaml --json now.json --compare main.json
  faultlab gate --schema > gate.schema.json

\b
A gate file names a command and the scenarios it has to get through:
  command: [python, write_batches.py]
  scenarios: [rate-limit, partial-write, ./mine.yaml]
  seeds: [1, 2, 3]
""",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--jobs", "-j", type=click.IntRange(1, 256), help="Runs that go on at a time; the file's if not given.")
@click.option(
    "--history",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder for the histories; a new one in faultlab-runs/ if not given.",
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    metavar="JSON",
    help="Say what is not as it was in an earlier gate, by what --json wrote then; the verdict stays what it is.",
)
@click.option("--pages", is_flag=True, help="Write a page, report.html, into the folder of each run that is no pass.")
@click.option("--strict", is_flag=True, help="Let a failed 'should' fail the gate, whatever the file says.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@output.schema_option(schema, "gate files")
@output.options("json", "junit", "markdown", "sarif")
def gate_command(
    file: Path,
    jobs: int | None,
    folder: Path | None,
    compare: Path | None,
    pages: bool,
    strict: bool,
    quiet: bool,
    wanted: Wanted,
) -> int:
    """Have a command get through scenarios under seeds, several at a time; known failures only ever become fewer."""
    try:
        gate = load(file)
    except GateError as problem:
        raise Usage(str(problem)) from problem
    gate = replace(gate, jobs=jobs or gate.jobs, strict=gate.strict or strict)
    before = None if compare is None else output.earlier(compare, GateResult.from_json, "what --json wrote")
    folder = folder or new_folder("gate")
    with progress(len(gate.cells), quiet=quiet) as done:
        made = play(tasks(gate, folder), gate.jobs or 2 * (os.cpu_count() or 1), done)
    results = tuple(made.values())
    interrupted = len(results) < len(gate.cells)
    outcome = GateResult(str(file), results if interrupted else tolerated(gate, results), len(gate.cells))
    if not wanted.takes_stdout:
        show(outcome, before)
        click.echo(f"\nhistories\n  {folder}")
    if wanted.json is not None:
        output.write(wanted.json, [json.dumps(outcome.to_json(), indent=2)])
    if pages:
        write_pages(outcome)
    wanted.of_runs(outcome.results)
    return Exit.INTERRUPTED if interrupted else outcome.exit_status


def show(outcome: GateResult, before: GateResult | None) -> None:
    """Print the table, what failed, and what is not as it was."""
    console = Console(highlight=False, soft_wrap=True)
    head = f"verdict: {outcome.verdict.name}\n{len(outcome.results)} of {outcome.asked} runs"
    console.print(coloured(f"{head}\n\n{reports.summary(outcome.results)}"))
    if before is not None:
        output.show_changes(changes(before.results, outcome.results))


def write_pages(outcome: GateResult) -> None:
    """Write the page of each run that is no pass beside its history."""
    for result in outcome.results:
        if result.history and result.verdict is not Verdict.PASS:
            output.write_page(result)


@contextlib.contextmanager
def progress(asked: int, *, quiet: bool) -> Iterator[Done]:
    """Give what shows a run that ended: a line each on standard error, above one that counts them on a terminal."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    ended = 0
    with contextlib.ExitStack() as stack:
        counting = not quiet and console.is_terminal
        line = stack.enter_context(console.status(f"0 of {asked} runs")) if counting else None

        def done(_place: int, result: Result) -> None:
            nonlocal ended
            ended += 1
            if not quiet:
                console.print(coloured(reports.line(result)))
            if line is not None:
                line.update(f"{ended} of {asked} runs")

        yield done


__all__ = ["gate_command"]
