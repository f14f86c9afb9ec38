"""The command line: parse, call, print, exit."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import batched
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

import faultlab
from faultlab import (
    contract,
    faults,
    fingerprint,
    history,
    lab,
    lint,
    listing,
    oracles,
    output,
    passport,
    reports,
    scenario,
    terminal,
)
from faultlab.exits import Exit
from faultlab.faults import KnobError, nearest
from faultlab.fingerprint import Fingerprint, FingerprintError
from faultlab.gate.command import gate_command
from faultlab.ledger import Ledger
from faultlab.lineprotocol import DIALECTS, Dialect
from faultlab.matrix.command import clients_command, matrix_command
from faultlab.output import Usage, Wanted, coloured, new_folder
from faultlab.passport import State, passports
from faultlab.scenario import Scenario, ScenarioError
from faultlab.verdict import Verdicts


class Commands(click.Group):
    """A group that says which command is nearest to one that does not exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; raises Usage with the nearest one."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            known = self.list_commands(ctx)
            raise Usage(f"no command '{name}'{nearest(name, known) or '; known: ' + ', '.join(known)}")
        return super().resolve_command(ctx, args)


EPILOG = """\b
Examples:
  faultlab run rate-limit -- python write_batches.py {url}
  faultlab run partial-write --seed 7 --profile serverless -- node writer.js
  faultlab judge faultlab-runs/rate-limit-7
  faultlab fingerprint faultlab-runs/rate-limit-7 --json policy.json
  faultlab faults rate_limit --profile tsm
  faultlab lint telegraf.lp --dialect influxdb2
  mitmdump -s "$(faultlab addon rate_limit)" --set faultlab_seed=7

Exit statuses: 0 pass, 1 fail, 2 usage or bad file, 3 inconclusive,
4 the environment failed, 130 interrupted.
"""


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(faultlab.__version__, prog_name="faultlab")
def cli() -> None:
    """Fail a real InfluxDB client exactly as InfluxDB documents it may fail, and judge what the client did."""


profiles = click.Choice([profile.name for profile in contract.ALL])


def load(name: str) -> Scenario:
    """Read a scenario; raises Usage with the reader's one line."""
    try:
        return scenario.load(name)
    except ScenarioError as problem:
        raise Usage(str(problem)) from problem


@cli.command(
    "run",
    epilog="""\b
Examples:
  faultlab run calm -- python write_batches.py
  faultlab run rate-limit --seed 7 -- node writer.js --url {url} --token {token}
  faultlab run my-scenario.yaml --upstream http://127.0.0.1:8086 --token "$TOKEN" -- ./writer
  faultlab run unavailable --forward -- telegraf --config telegraf.conf

In the command's words {url}, {host}, {port}, {token}, {org} and {bucket} are replaced; the same is in INFLUX_HOST,
INFLUX_TOKEN, INFLUXDB_V2_URL and their kin. The client may write line protocol to the file FAULTLAB_MANIFEST before
it writes it to InfluxDB, and what it was told to FAULTLAB_REPORT (JSON Lines).
""",
)
@click.argument("name", metavar="SCENARIO|FILE")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@click.option("--seed", type=int, help="Seed of every draw; the scenario's own if not given.")
@click.option("--profile", type=profiles, help="Product family that is imitated; the scenario's own if not given.")
@output.upstream_option
@click.option("--token", default="", help="Token handed to the client; one of the lab's own if not given.")
@click.option("--org", default=lab.TARGET, show_default=True, help="Organization handed to the client.")
@click.option("--bucket", default=lab.TARGET, show_default=True, help="Bucket or database handed to the client.")
@click.option(
    "--history",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder for the history; a new one in faultlab-runs/ if not given.",
)
@click.option(
    "--deadline", type=click.FloatRange(min=0.1), help="Seconds the client may run; the scenario's own if not given."
)
@click.option(
    "--forward", is_flag=True, help="Be a forward proxy with TLS interception instead of an address of its own."
)
@click.option(
    "--tls",
    is_flag=True,
    default=None,
    help="Have the client come over TLS; done by itself where a fault needs it.",
)
@click.option(
    "--read-back/--no-read-back",
    default=None,
    help="Ask upstream afterwards what it holds; done by itself where upstream is a real one.",
)
@output.time_scale_option
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the proxy; any free one if not given.")
@click.option("--strict", is_flag=True, help="Let a failed 'should' fail the run.")
@click.option("--quiet", is_flag=True, help="Do not pass on what the client prints, and show no progress.")
@output.options("json", "junit", "markdown", "sarif", "html", "har")
def run_command(
    name: str,
    command: tuple[str, ...],
    seed: int | None,
    profile: str | None,
    upstream: str | None,
    token: str,
    org: str,
    bucket: str,
    folder: Path | None,
    wanted: Wanted,
    deadline: float | None,
    forward: bool,
    tls: bool | None,
    read_back: bool | None,
    time_scale: float,
    port: int,
    strict: bool,
    quiet: bool,
) -> int:
    """Run a client through the proxy under a scenario, and judge it."""
    chosen = load(name)
    try:
        plan = chosen.plan(seed=seed, profile=profile)
    except KnobError as problem:
        raise Usage(f"{name}: {problem}") from problem
    upstream = output.upstream(upstream)
    settings = lab.Settings(
        history=folder or new_folder(f"{chosen.name}-{plan.seed}"),
        upstream=upstream,
        forward=forward,
        tls=tls,
        port=port,
        token=token,
        org=org,
        bucket=bucket,
        terms=chosen.terms if deadline is None else replace(chosen.terms, deadline=deadline),
        scenario=chosen.name,
        source=name,
        checks=chosen.checks,
        command=command,
        read_back=read_back,
        time_scale=time_scale,
    )
    interrupted = False
    with lab.Lab(plan, settings) as running:
        try:
            with terminal.shown(quiet=quiet) as (progress, echo):
                running.run(command, progress=progress, echo=echo)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            with contextlib.suppress(lab.LabError):
                running.finish()
    verdicts = report(settings.history, wanted, strict=strict)
    if not wanted.takes_stdout:
        click.echo(f"\nhistory\n  {settings.history}")
    return Exit.INTERRUPTED if interrupted else verdicts.verdict.exit_status


def read_history(folder: Path) -> history.History:
    """Read a history; raises Usage with the one line that says why it is none."""
    try:
        past = history.read(folder)
        contract.named(str(past.run.get("profile")))
    except history.HistoryError as problem:
        raise Usage(str(problem)) from problem
    except contract.UnknownProfile as problem:
        raise Usage(f"{folder}: {problem}") from problem
    return past


def report(folder: Path, wanted: Wanted, *, strict: bool) -> Verdicts:
    """Judge a history, print the table, and write the reports that are wanted; raises Usage for what is no history."""
    past = read_history(folder)
    verdicts = oracles.judge(past, strict=strict)
    if not wanted.takes_stdout:
        Console(highlight=False, soft_wrap=True).print(coloured(reports.text(verdicts, past)))
    wanted.of_run(reports.Result.of(verdicts, past, strict=strict), past)
    return verdicts


def coloured_paragraph(paragraph: str) -> Any:
    """Give a paragraph of lint with the class of the refused line, or the number of refused lines, in colour."""
    from rich.text import Text  # noqa: PLC0415

    out = Text(paragraph)
    out.highlight_regex(r"\A.*?:\d+: (?P<red>[^:]+)(?=: )")
    out.highlight_regex(r"\A\d+ points? accepted, (?P<red>[1-9]\d* lines? refused)")
    return out


@cli.command(
    epilog="""\b
Examples:
  faultlab judge faultlab-runs/rate-limit-7
  faultlab judge faultlab-runs/rate-limit-7 --json - | jq .verdict
  faultlab judge faultlab-runs/rate-limit-7 --html report.html --junit junit.xml
"""
)
@click.argument("folder", type=click.Path(path_type=Path), metavar="HISTORY")
@click.option("--strict", is_flag=True, help="Let a failed 'should' fail the run.")
@output.schema_option(reports.schema, "what --json writes")
@output.options("json", "junit", "markdown", "sarif", "html", "har")
def judge(folder: Path, strict: bool, wanted: Wanted) -> int:
    """Judge a history again, without a proxy."""
    return report(folder, wanted, strict=strict).verdict.exit_status


@cli.command(
    "ledger",
    epilog="""\b
Examples:
  faultlab ledger faultlab-runs/partial-write-7 --state 'refused and not told'
  faultlab ledger faultlab-runs/partial-write-7 --json | jq -r 'select(.copies > 1).point'
""",
)
@click.argument("folder", metavar="HISTORY", type=click.Path(path_type=Path))
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only points that ended so.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a point.")
def ledger_command(folder: Path, state: str | None, as_json: bool) -> int:
    """Say of each point how it ended, and which exchange decided that."""
    past = read_history(folder)
    found = (one for one in passports(Ledger(past)) if state in {None, one.state})
    for line in map(json.dumps, map(asdict, found)) if as_json else passport.text(found):
        click.echo(line)
    return Exit.PASS


@cli.command(
    "fingerprint",
    epilog="""\b
Examples:
  faultlab fingerprint faultlab-runs/backoff-7
  faultlab fingerprint faultlab-runs/backoff-7 --json policy.json
  faultlab fingerprint faultlab-runs/backoff-7 --json - | jq .resent
""",
)
@click.argument("folder", type=click.Path(path_type=Path), metavar="HISTORY")
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write the fingerprint as JSON to a file; - for standard output.",
)
def fingerprint_command(folder: Path, json_file: Path | None) -> int:
    """Say by what policy a client retried: what it sent again, after how long, and what it made of Retry-After."""
    policy = fingerprint_of(folder)
    if str(json_file) == "-":
        click.echo(fingerprint.dumps(policy))
        return Exit.PASS
    if json_file is not None:
        try:
            json_file.write_text(fingerprint.dumps(policy) + "\n")
        except OSError as problem:
            raise Usage(f"{json_file}: {problem.strerror}; expected a file that can be written") from problem
    click.echo(fingerprint.text(policy))
    return Exit.PASS


@cli.command(
    "diff",
    epilog="""\b
Examples:
  faultlab diff policy.json faultlab-runs/backoff-7
  faultlab diff old.json new.json --json | jq -r '.[] | select(.differs).name'

Exit statuses: 0 alike, 1 a fact differs, 2 usage or a bad file, 3 not one fact could be compared.

A fact that only one of the two has met, or that rests on too few samples, is listed and is no difference.
""",
)
@click.argument("old", type=click.Path(path_type=Path), metavar="OLD")
@click.argument("new", type=click.Path(path_type=Path), metavar="NEW")
@click.option("--json", "as_json", is_flag=True, help="Print every fact as JSON.")
def diff_command(old: Path, new: Path, as_json: bool) -> int:
    """Say in what two retry policies differ; OLD and NEW are files of fingerprints, or histories."""
    before, after = fingerprint_at(old), fingerprint_at(new)
    output.of_one_time((old, before.time_scale), (new, after.time_scale))
    facts = list(fingerprint.compare(before, after))
    click.echo(json.dumps([asdict(fact) for fact in facts], indent=2) if as_json else fingerprint.comparison(facts))
    if all(fact.differs is None for fact in facts):
        return Exit.INCONCLUSIVE
    return Exit.FAIL if any(fact.differs for fact in facts) else Exit.PASS


def fingerprint_at(path: Path) -> Fingerprint:
    """Read a fingerprint from its file, or off a history where that is a folder; raises Usage with what is wrong."""
    try:
        return fingerprint_of(path) if path.is_dir() else fingerprint.load(path)
    except FingerprintError as problem:
        raise Usage(str(problem)) from problem


def fingerprint_of(folder: Path) -> Fingerprint:
    """Read the fingerprint off a history; raises Usage with what is wrong with that."""
    past = read_history(folder)
    if past.altered:
        raise Usage(f"{folder}: {past.altered[0]}; expected a history as its run left it")
    if past.broken:
        # What is missing in such a history looks like a client that did not send again.
        raise Usage(f"{folder}: the lab failed ({past.broken[0]}); expected a history of a run that did not")
    return fingerprint.take(past)


@cli.command(
    "lint",
    epilog="""\b
Examples:
  faultlab lint telegraf.lp --dialect influxdb2
  some-client --dry-run | faultlab lint --precision s
  faultlab lint telegraf.lp --json | jq -r '.refused[] | "\\(.line): \\(.reason)"'

Exit statuses: 0 every line is taken, 1 a line is refused, 2 usage or a file that cannot be read.

In JSON integers and timestamps (nanoseconds) are numbers with all their digits, which some readers round; a float that
is not finite is "Infinity" or "-Infinity". An entry with bytes that are no UTF-8 says "encoding": "latin1", and each
character of its texts and keys then stands for one byte. Where a tag or field key is repeated, the last one is there.
""",
)
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True), metavar="[FILE|-]")
@click.option(
    "--dialect", "name", default="strict", show_default=True, metavar="NAME", help=f"One of {', '.join(DIALECTS)}."
)
@click.option("--precision", metavar="UNIT", help="Unit of the timestamps; the dialect's own if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print points and refused lines as JSON.")
def lint_command(file: Path, name: str, precision: str | None, as_json: bool) -> int:
    """Say which lines of line protocol a server refuses, and why; strict takes what every InfluxDB takes alike."""
    rules, unit = reading_of(name, precision)
    try:
        with os.fdopen(0, "rb", closefd=False) if str(file) == "-" else file.open("rb") as source:
            checked = lint.Lint(source.read(), rules, unit)
    except OSError as problem:
        raise Usage(f"{file}: {problem.strerror}") from problem
    try:
        if as_json:
            for part in checked.document():
                click.echo(part, nl=False)
        else:
            show_paragraphs(checked.text(str(file)))
    except BrokenPipeError:
        hang_up()
    return Exit.FAIL if checked.refused else Exit.PASS


def reading_of(name: str, precision: str | None) -> tuple[Dialect, str]:
    """Find a dialect and one of its precisions; raises Usage with the nearest and all known names."""
    if name not in DIALECTS:
        raise Usage(f"unknown dialect '{name}'{nearest(name, DIALECTS)}; known: {', '.join(DIALECTS)}")
    rules = DIALECTS[name]
    unit = rules.default_precision if precision is None else precision
    # Some servers take any name without a word; a typo is what the caller wants to hear of.
    if unit not in rules.precisions:
        known = ", ".join(rules.precisions)
        raise Usage(f"unknown precision '{unit}' for {name}{nearest(unit, rules.precisions)}; known: {known}")
    return rules, unit


def show_paragraphs(paragraphs: Iterator[str]) -> None:
    """Print one after the other, on a terminal with the class of each refused line in colour."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        # A console takes its time over every line, and there may be millions.
        for some in batched(paragraphs, 256):
            click.echo("\n".join(some))
        return
    for paragraph in paragraphs:
        console.print(coloured_paragraph(paragraph))


@cli.command(
    "faults",
    epilog="""\b
Examples:
  faultlab faults
  faultlab faults rate_limit --profile serverless
  faultlab faults --json | jq -r '.[].name'
""",
)
@click.argument("name", required=False)
@click.option("--profile", type=profiles, default="serverless", show_default=True, help="Product family.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def faults_command(name: str | None, profile: str, as_json: bool) -> int:
    """List the documented failures, or print one's exact answers."""
    chosen = contract.named(profile)
    if name is None:
        if as_json:
            click.echo(json.dumps([listing.fault_to_json(kind, chosen) for kind in faults.ALL], indent=2))
        else:
            list_faults(chosen)
        return Exit.PASS
    try:
        kind = faults.named(name)
    except KnobError as problem:
        raise Usage(str(problem)) from problem
    if faults.family_of(kind) and not listing.rows_of(kind, chosen):
        having = ", ".join(p.name for p in contract.ALL if listing.rows_of(kind, p))
        raise Usage(f"profile '{profile}' documents no '{name}'; profiles that do: {having}")
    click.echo(json.dumps(listing.fault_to_json(kind, chosen), indent=2) if as_json else listing.page(kind, chosen))
    return Exit.PASS


def list_faults(profile: contract.Profile) -> None:
    """Print one line for each documented answer of each fault; on a terminal long ones are wrapped."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=400)
    title = f"{profile.product}: documented failures"
    table = Table("fault", "status", "cause", "when", "Source", title=title, title_justify="left", box=None)
    for kind in faults.ALL:
        rows = listing.representatives(listing.rows_of(kind, profile))
        if not rows:
            table.add_row(kind.name, "", "", listing.summary(kind), "")
        for row in rows:
            mark = "" if row.on_page else " *"
            table.add_row(kind.name, f"{row.status}{mark}", row.cause, row.when, str(row.source))
    console.print(table)
    console.print("* not on the Cloud Serverless response-code page")


@cli.command(
    epilog="""\b
Example:
  mitmdump -s "$(faultlab addon rate_limit)" --set faultlab_seed=7
"""
)
@click.argument("name")
def addon(name: str) -> int:
    """Print the path of a script for mitmdump -s."""
    package = importlib.util.find_spec("faultlab.addons")
    assert package is not None
    known = sorted(
        path.stem
        for folder in package.submodule_search_locations or ()
        for path in Path(folder).glob("*.py")
        if not path.stem.startswith("_")
    )
    if name not in known:
        raise Usage(f"no script named '{name}'{nearest(name, known) or '; known: ' + ', '.join(known)}")
    spec = importlib.util.find_spec(f"faultlab.addons.{name}")
    assert spec is not None
    click.echo(spec.origin)
    return Exit.PASS


@cli.command(
    "scenarios",
    epilog="""\b
Examples:
  faultlab scenarios
  faultlab scenarios rate-limit > my-scenario.yaml
  faultlab scenarios --schema > scenario.schema.json
""",
)
@click.argument("name", required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of scenario files.")
def scenarios_command(name: str | None, schema: bool) -> int:
    """List the built-in scenarios, or print one's file."""
    if schema:
        click.echo(json.dumps(scenario.schema(), indent=2))
    elif name is None:
        for known in scenario.names():
            click.echo(f"{known:20} {scenario.load(known).about}")
    else:
        click.echo(Path(load(name).source).read_text(), nl=False)
    return Exit.PASS


@cli.command(
    "oracles",
    epilog="""\b
Examples:
  faultlab oracles waits_as_told
  faultlab oracles --json | jq -r '.[].name'
""",
)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def oracles_command(name: str | None, as_json: bool) -> int:
    """List the questions a client is judged by, or explain one."""
    try:
        chosen = oracles.ALL if name is None else (oracles.named(name),)
    except oracles.UnknownOracle as problem:
        raise Usage(str(problem)) from problem
    if as_json:
        rows = [listing.oracle_to_json(one) for one in chosen]
        click.echo(json.dumps(rows if name is None else rows[0], indent=2))
        return Exit.PASS
    for one in chosen:
        click.echo(listing.oracle_entry(one) if name is None else listing.oracle_page(one))
    return Exit.PASS


@cli.command(
    "zoo",
    epilog="""\b
Examples:
  faultlab zoo
  faultlab zoo --seed 8 --history zoo-runs
""",
)
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True, help="Seed of every draw.")
@click.option("--history", "folder", type=click.Path(path_type=Path), help="Folder to keep the histories in.")
def zoo_command(seed: int, folder: Path | None) -> int:
    """Put writers that are wrong in one way each before every oracle, and print who fails what."""
    source = Path(faultlab.__file__).parent.parent
    if not (source / "tests" / "zoo" / "table.py").exists():
        raise Usage(f"no zoo in {source}; expected faultlab's source tree, which has its writers in tests/zoo")
    sys.path.insert(0, str(source))
    table = importlib.import_module("tests.zoo.table")
    cells = list(table.cells(seed))
    with tempfile.TemporaryDirectory() as scratch, Console(stderr=True).status("") as line:
        seen: list[Any] = []

        def show(cell: Any) -> None:
            seen.append(cell)
            line.update(f"{len(seen)} of {len(cells)}: {cell.writer} in {cell.scenario}")

        kept = folder or Path(scratch)
        kept.mkdir(parents=True, exist_ok=True)
        played = table.play(cells, kept, show)
    click.echo(table.text(played))
    return Exit.PASS


for command in (gate_command, clients_command, matrix_command):
    cli.add_command(command)


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit status; every expected failure is one line on standard error."""
    try:
        status = cli.main(list(arguments), prog_name="faultlab", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as problem:
        click.echo(problem.format_message(), err=True)
        return Exit.USAGE
    except click.ClickException as problem:
        return complain(problem.format_message(), problem.exit_code)
    except lab.LabError as problem:
        return complain(str(problem), Exit.ENVIRONMENT)
    except (click.Abort, KeyboardInterrupt):
        return complain("interrupted", Exit.INTERRUPTED)
    except BrokenPipeError:
        hang_up()
        return Exit.PASS
    return int(status or Exit.PASS)


def hang_up() -> None:
    """Let what is still to be written to a standard output that nobody reads any more go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(message: str, status: int) -> int:
    """Say one line on standard error and give the status."""
    click.echo("faultlab: " + " ".join(message.split()), err=True)
    return int(status)
