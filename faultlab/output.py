"""Where reports go: the options of the commands that judge, and what is written for them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from faultlab import reports, servers, warp
from faultlab.exits import Exit
from faultlab.history import History
from faultlab.history import read as read_history
from faultlab.reports import Result

RUNS = Path("faultlab-runs")
STDOUT = Path("-")
STYLES = {"pass": "green", "fail": "bold red", "inconclusive": "yellow"}
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"

_FILES = {
    "json": "Write the verdict as JSON to a file; - for standard output.",
    "junit": "Write JUnit XML to a file, as CI servers read it.",
    "markdown": "Write Markdown to a file, for a comment or a summary.",
    "sarif": "Write SARIF 2.1.0 to a file, for code scanning.",
    "html": "Write a page to a file that shows what happened, for a browser.",
    "har": "Write the exchanges as HAR 1.2 to a file.",
}


class Usage(click.ClickException):
    """The caller can put this right: one line on standard error, exit status 2."""

    exit_code = Exit.USAGE


def options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options of these reports and that for GitHub; it is called with ``wanted``, a ``Wanted``."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        def called(**given: Any) -> Any:
            files = {name: given.pop(f"{name}_file") for name in names}
            return command(wanted=Wanted(github=given.pop("github"), **files), **given)

        called.__name__, called.__doc__ = command.__name__, command.__doc__
        vars(called).update(vars(command))
        made = click.option(
            "--github/--no-github",
            default=None,
            help="Print GitHub's annotations and write its step's summary; by itself where GITHUB_ACTIONS is true.",
        )(called)
        for name in reversed(names):
            kind = click.Path(path_type=Path, allow_dash=True, dir_okay=False)
            made = click.option(f"--{name}", f"{name}_file", type=kind, metavar="FILE", help=_FILES[name])(made)
        return made

    return decorate


def schema_option(made: Callable[[], dict[str, Any]], of: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the option ``--schema``, which prints a schema and leaves."""

    def printed(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
        if asked:
            click.echo(json.dumps(made(), indent=2))
            context.exit(Exit.PASS)

    return click.option(
        "--schema",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=printed,
        help=f"Print the JSON Schema of {of}.",
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """The reports that were asked for, each by the file it goes to; ``-`` is standard output, for one of them."""

    json: Path | None = None
    junit: Path | None = None
    markdown: Path | None = None
    sarif: Path | None = None
    html: Path | None = None
    har: Path | None = None
    github: bool | None = None

    def __post_init__(self) -> None:
        """Raise Usage where two reports are to go to one place, or one to a place there is not."""
        given = [file for file in self._files().values() if file is not None]
        for file in given:
            if given.count(file) > 1:
                raise Usage(f"two reports are to go to {file}; expected a file of its own for each")
            if file != STDOUT and not file.parent.is_dir():
                raise Usage(f"{file}: {file.parent} is no folder; expected a file in a folder there is")

    def _files(self) -> dict[str, Path | None]:
        return {name: getattr(self, name) for name in _FILES}

    @property
    def takes_stdout(self) -> bool:
        """Whether a report goes to standard output, which then holds nothing else."""
        return STDOUT in self._files().values()

    def of_run(self, result: Result, history: History) -> None:
        """Write what was asked for of one run; raises Usage for a file that cannot be written."""
        self._write(self.json, lambda: [reports.json(result)])
        self._write(self.html, lambda: [html(result, history)])
        self._write(self.har, lambda: reports.har_pieces(history))
        self.of_runs([result])

    def of_runs(self, results: Sequence[Result]) -> None:
        """Write what says the same of any number of runs; raises Usage for a file that cannot be written."""
        self._write(self.junit, lambda: [reports.junit(results)])
        self._write(self.markdown, lambda: [reports.markdown(results)])
        self._write(self.sarif, lambda: [reports.sarif(results)])
        if self.github or (self.github is None and os.environ.get("GITHUB_ACTIONS") == "true"):
            self._annotate(results)

    def _annotate(self, results: Sequence[Result]) -> None:
        if not self.takes_stdout and (text := reports.github(results)):
            click.echo(text)
        if summary := os.environ.get(SUMMARY_VARIABLE):
            try:
                with Path(summary).open("a", encoding="utf-8") as file:
                    file.write(reports.markdown(results) + "\n")
            except OSError as problem:
                raise Usage(f"{SUMMARY_VARIABLE} is {summary}: {problem.strerror}") from problem

    @staticmethod
    def _write(file: Path | None, made: Callable[[], Iterable[str]]) -> None:
        if file is not None:
            write(file, made())


def new_folder(name: str) -> Path:
    """Give a folder for a history that does not exist yet, named after the time."""
    wanted = RUNS / f"{name}-{datetime.now(UTC).strftime('%Y%m%dT%H%M%S')}"
    number, folder = 1, wanted
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def coloured(text: str) -> Text:
    """Give the report with its verdicts in colour, which a console leaves out where nobody would see it."""
    out = Text(text)
    for word, style in STYLES.items():
        out.highlight_regex(rf"(?mi)^{word}\b", style)
        out.highlight_regex(rf"(?mi)(?<=^verdict: ){word}", style)
    return out


def earlier[T](file: Path, read: Callable[[Any], T], expected: str) -> T:
    """Read the JSON of an earlier command; raises Usage with what was expected there."""
    try:
        return read(json.loads(file.read_text(encoding="utf-8")))
    except OSError as problem:
        raise Usage(f"{file}: cannot be read ({problem.strerror}); expected {expected}") from problem
    except ValueError as problem:
        raise Usage(f"{file}: {problem}; expected {expected}") from problem


upstream_option = click.option(
    "--upstream",
    metavar="URL|" + "|".join(servers.KINDS),
    help="A real server behind the proxy instead of the embedded InfluxDB; by a name, one that is started for the run.",
)


time_scale_option = click.option(
    "--time-scale",
    type=click.FloatRange(1, warp.LARGEST),
    default=1.0,
    metavar="N",
    help=f"Let time run N times as fast for proxy and client, at most {warp.LARGEST}; needs a C compiler once.",
)


def upstream(given: str | None) -> str | None:
    """Give the upstream that an option names; raises Usage for what is none."""
    if given is not None and not servers.is_upstream(given):
        raise Usage(f"--upstream is '{given}'; expected {servers.EXPECTED}")
    return given and given.rstrip("/")


def of_one_time(old: tuple[Path | str, float], new: tuple[Path | str, float]) -> None:
    """Raise Usage where time ran faster in one of two things that are to be compared than in the other."""
    if old[1] != new[1]:
        said = " and ".join(f"{name} has time {scale:g} times as fast" for name, scale in (old, new))
        raise Usage(f"{said}; expected two of one time")


def show_changes(changes: Iterable[str]) -> None:
    """Print what is not as it was, a line each."""
    click.echo("\n".join(("\nchanged", *(f"- {one}" for one in list(changes) or ["nothing"]))))


def write_page(result: Result) -> None:
    """Write the page of a run into the folder of its history; raises Usage."""
    folder = Path(result.history)
    write(folder / "report.html", [html(result, read_history(folder))])


def html(result: Result, history: History) -> str:
    """Give a run's page; raises Usage where the library for it is missing."""
    from faultlab.reports.html import HtmlError  # noqa: PLC0415 - with its template, for those who want a page
    from faultlab.reports.html import html as page  # noqa: PLC0415

    try:
        return page(result, history)
    except HtmlError as problem:
        raise Usage(str(problem)) from problem


def write(file: Path, pieces: Iterable[str]) -> None:
    """Write a text that ends with a line feed to a file, or to standard output for ``-``; raises Usage."""
    if file == STDOUT:
        last = ""
        for piece in pieces:
            click.echo(piece, nl=False)
            last = piece or last
        click.echo(nl=not last.endswith("\n"))
        return
    try:
        with file.open("w", encoding="utf-8") as stream:
            last = ""
            for piece in pieces:
                stream.write(piece)
                last = piece or last
            stream.write("" if last.endswith("\n") else "\n")
    except OSError as problem:
        raise Usage(
            f"{file}: cannot be written ({problem.strerror}); expected a file in a folder there is"
        ) from problem


__all__ = [
    "Usage",
    "Wanted",
    "coloured",
    "earlier",
    "html",
    "new_folder",
    "options",
    "schema_option",
    "show_changes",
    "write",
    "write_page",
]
