"""The pytest plugin: whoever asks for the fixture ``faultlab`` has a lab for the length of one test.

One proxy serves all tests of a worker, one after the other, each on a port of its own.

Nothing but pytest is imported here: the plugin is loaded into every pytest run of everyone who has faultlab installed,
also into those that never ask for a lab.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import typing
from collections.abc import Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

import pytest

if typing.TYPE_CHECKING:
    from faultlab.exchange import Decision
    from faultlab.history import Client, History
    from faultlab.lab import Lab
    from faultlab.labs import Labs
    from faultlab.plan import Plan
    from faultlab.scenario import Scenario
    from faultlab.strategies import Schedule
    from faultlab.verdict import Verdicts

MARKER = "faultlab"
SIGNATURE = "faultlab(scenario_or_rules, *, seed=None, profile=None)"
DEFAULT = "calm"
LONGEST = 100
"""Characters of a test's name that its history's folder has."""

ENDS_WELL = "ends_well"


SETTINGS = {
    "seed": ("N", "Seed of every draw, whatever the markers say."),
    "history": (
        "DIR",
        "Folder for the tests' histories; a temporary one if not given.",
    ),
    "profile": ("NAME", "Product family that is imitated where a marker names none."),
    "upstream": ("URL", "A real InfluxDB behind the proxy instead of the embedded one."),
    "python": ("PATH", "Interpreter of an environment with faultlab[proxy], where this one cannot hold mitmproxy."),
}
"""What may stand in pytest's configuration as ``faultlab_NAME``, and before that in an option ``--faultlab-NAME``."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options and settings, each under a name that begins with ours."""
    group = parser.getgroup("faultlab", "faultlab: an InfluxDB that fails as documented")
    for name, (kind, meaning) in SETTINGS.items():
        group.addoption(f"--faultlab-{name}", type=int if kind == "N" else str, metavar=kind, help=meaning)
        parser.addini(f"faultlab_{name}", meaning)
    group.addoption(
        "--faultlab-replay",
        metavar="DIR",
        help="Decide each write as an earlier run did, which kept its histories in DIR; rules are passed over.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    meaning = "what the fixture 'faultlab' does to the client: a scenario's name or file, or faults and rules."
    config.addinivalue_line("markers", f"{SIGNATURE}: {meaning}")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what was asked of us; nothing to those who asked nothing."""
    given = {name: setting(config, name) for name in (*SETTINGS, "replay")}
    said = ", ".join(f"{name} {value}" for name, value in given.items() if value)
    return f"faultlab: {said}" if said else None


def setting(config: pytest.Config, name: str) -> str:
    """Give the text of one of our options, or of the setting of that name; empty if neither is given."""
    given = config.getoption(f"--faultlab-{name}")
    if given is None and name in SETTINGS:
        given = config.getini(f"faultlab_{name}")
    return "" if given is None else str(given)


@pytest.fixture(scope="session", name="_faultlab_labs")
def labs_fixture() -> Iterator[Labs]:
    """Keep the proxy of this worker; gone when its last test is."""
    from faultlab.labs import Labs

    with contextlib.closing(Labs()) as labs:
        yield labs


@pytest.fixture(name="faultlab")
def faultlab_fixture(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _faultlab_labs: Labs
) -> Iterator[FaultLab]:
    """Give an InfluxDB that fails for this test as marked, or not at all if it is not marked; empty when it begins."""
    from faultlab.contract import UnknownProfile
    from faultlab.faults import KnobError
    from faultlab.history import HistoryError
    from faultlab.lab import LabError, Settings
    from faultlab.scenario import ScenarioError

    node, config = request.node, request.config
    name = re.sub(r"[^A-Za-z0-9._]+", "-", node.nodeid).strip("-.")[-LONGEST:]
    try:
        scenario, profile, seed = marked(node)
        plan = scenario.plan(seed=given_seed(config, seed), profile=profile or setting(config, "profile") or None)
        replay = Replay(config, name)
        plan = replay.of(plan)
    except (ScenarioError, KnobError, UnknownProfile, MarkerError, HistoryError) as problem:
        fail(problem)
    settings = Settings(
        history=folder_of(name, config, tmp_path_factory),
        upstream=setting(config, "upstream").rstrip("/") or None,
        python=setting(config, "python"),
        terms=scenario.terms,
        scenario=scenario.name,
        source=scenario.source,
        # How the test's own process ends is pytest's to tell; a client it runs is asked all the same.
        checks=tuple(check for check in scenario.checks if check != ENDS_WELL),
    )
    again = f"pytest {shlex.quote(node.nodeid)} --faultlab-seed {plan.seed}"
    try:
        lab = _faultlab_labs.lab(plan, settings)
    except LabError as problem:
        fail(problem)
    running = FaultLab(lab, again, replay)
    yield running
    running.end()


class Replay:
    """The decisions of earlier runs, where some are asked for."""

    def __init__(self, config: pytest.Config, name: str, number: int = 0) -> None:
        """Look for the history of a test, or of one of its scopes; raises HistoryError if there is none."""
        from faultlab.history import EVENTS, HistoryError

        self._config, self._name = config, name
        given = setting(config, "replay")
        self._folder = None
        if given:
            root = Path(config.invocation_params.dir, given)
            wanted = root if (root / EVENTS).exists() else root / (f"{name}-{number}" if number else name)
            if not (wanted / EVENTS).exists():
                raise HistoryError(f"{wanted}: no history to replay; expected one of --faultlab-history")
            self._folder = wanted

    def of(self, plan: Plan) -> Plan:
        """Give the plan that decides as that run did; the given one if nothing is to be replayed."""
        from faultlab import history
        from faultlab.plan import Plan

        if self._folder is None:
            return plan
        past = history.read(self._folder)
        steps = tuple(event.decision for event in past.events if event.exchange.is_write)
        return Plan((), plan.seed, str(past.run["profile"]), steps)

    def scope(self, number: int) -> Replay:
        """Give what is replayed in a scope of the test, numbered from 1; raises HistoryError."""
        return Replay(self._config, self._name, number)


class Scope:
    """A stretch of a test with a plan and a history of its own; the embedded InfluxDB is empty when it begins.

    A client in the test's own process is handed ``url``, ``token``, ``org`` and ``bucket``; one that has a process of
    its own is run by ``run``. ``profile`` names the contract that is imitated. Asking for ``history``, or for anything
    that is judged by it, ends the scope.
    """

    def __init__(self, lab: Lab, again: str) -> None:
        """Take a lab that runs and has been armed, and the command that runs the test again."""
        self._lab = lab
        self._again = again
        self._history: History | None = None
        self._finished = False
        self._scopes = 0
        self.org = lab.settings.org
        self.bucket = lab.settings.bucket
        self.token = lab.token
        self.url = lab.url
        self.profile = lab.plan.profile
        self.folder = lab.folder

    def run(self, command: Sequence[str]) -> Client:
        """Run a client in a process of its own to its end, and give how it ended.

        It finds its InfluxDB as under ``faultlab run``: by ``{url}`` and its kin in the command's words, or by the
        usual variables. The scenario's deadline holds.
        """
        return self._ask(lambda: self._lab.run(command))

    def hands_over(self, lines: str) -> None:
        """Record what the client is about to be given, as line protocol; what it then never sends counts as lost."""
        from faultlab.history import MANIFEST

        with (self.folder / MANIFEST).open("a") as manifest:
            manifest.write(lines if lines.endswith("\n") else f"{lines}\n")

    def was_told(self, told: str, message: str = "", lines: str = "") -> None:
        """Record what the application was told: ``ok``, ``error``, ``failed``, ``partial`` or ``rejected``.

        ``message`` is that in its own words; ``lines`` are the points it is about, as line protocol, none in particular
        if empty.
        """
        from faultlab.lab import REPORT

        with (self.folder / REPORT).open("a") as report:
            report.write(json.dumps({"told": told, "message": message, "lines": lines}) + "\n")

    @property
    def history(self) -> History:
        """What happened, secrets redacted; the scope is ended first, if it still runs."""
        if self._history is None:
            from faultlab import history

            self._ask(self.finish)
            self._history = history.read(self.folder)
        return self._history

    def verdict(self, *names: str, strict: bool = False) -> Verdicts:
        """Judge what happened by all oracles, or by those named, each of which then must find something to judge.

        ``strict`` lets a failed ``should`` fail it.
        """
        from faultlab import oracles

        if not names:
            return oracles.judge(self.history, strict=strict)
        try:
            chosen = tuple(oracles.named(name) for name in names)
        except oracles.UnknownOracle as problem:
            fail(problem)
        return oracles.judge(self.history, chosen, names, strict=strict)

    def assert_pass(self, *names: str, strict: bool = False) -> None:
        """Raise AssertionError for any verdict but a pass: with the report, the exchanges and what runs it again."""
        __tracebackhide__ = True
        from faultlab import reports
        from faultlab.verdict import Verdict

        verdicts = self.verdict(*names, strict=strict)
        if verdicts.verdict is not Verdict.PASS:
            again = f"{self._again}\n  faultlab judge {shlex.quote(str(self.folder))}"
            parts = (reports.text(verdicts, self.history, again), reports.around(verdicts, self.history))
            raise AssertionError("\n\n".join(filter(None, parts)))

    def finish(self) -> None:
        """Complete the history; the second time, do nothing. Raises LabError."""
        if not self._finished:
            self._finished = True
            self._lab.complete()

    def _ask[T](self, what: typing.Callable[[], T]) -> T:
        __tracebackhide__ = True
        from faultlab.lab import LabError

        try:
            return what()
        except LabError as problem:
            fail(problem)


class FaultLab(Scope):
    """The lab of one test: a scope that lasts until the test begins another, of which it may begin any number."""

    def __init__(self, lab: Lab, again: str, replay: Replay | None = None) -> None:
        """Take a lab that has been armed, and what earlier run it repeats."""
        super().__init__(lab, again)
        self._replay = replay

    def faults(self, *given: object) -> contextlib.AbstractContextManager[Scope]:
        """Give a scope in which these faults and rules apply, or those of a scenario; none if nothing is given."""
        from faultlab.faults import KnobError
        from faultlab.plan import Plan
        from faultlab.scenario import ScenarioError

        plan = self._lab.plan
        try:
            rules = chosen(given, Path.cwd(), "").rules if given else ()
            return self._scope(Plan(rules, plan.seed, plan.profile))
        except (ScenarioError, KnobError, MarkerError) as problem:
            fail(problem)

    def play(self, schedule: Schedule | Sequence[Decision]) -> contextlib.AbstractContextManager[Scope]:
        """Give a scope whose first writes are decided by a schedule, in the order of arrival."""
        from faultlab.plan import Plan

        steps = schedule if isinstance(schedule, Sequence) else schedule.decisions
        return self._scope(Plan((), self._lab.plan.seed, self._lab.plan.profile, tuple(steps)))

    @contextlib.contextmanager
    def _scope(self, plan: Plan) -> Iterator[Scope]:
        from faultlab.history import HistoryError

        self._ask(self.finish)
        self._scopes += 1
        try:
            if self._replay is not None:
                plan = self._replay.scope(self._scopes).of(plan)
        except HistoryError as problem:
            fail(problem)
        self._ask(lambda: self._lab.arm(plan, self.folder.with_name(f"{self.folder.name}-{self._scopes}")))
        scope = Scope(self._lab, self._again)
        try:
            yield scope
        finally:
            self._ask(scope.finish)

    def end(self) -> None:
        """Complete the history; fail the test where the lab itself did, whatever the test asserted."""
        from faultlab.lab import LabError

        try:
            self.finish()
            broken = self._lab.ask("health")["broken"]
        except LabError as problem:
            fail(problem)
        if broken:
            fail(RuntimeError(f"the lab was broken: {broken}"))


class MarkerError(ValueError):
    """The marker was given what it cannot take; the message says what was expected, in one line."""


def fail(problem: Exception) -> typing.NoReturn:
    """End the test with one line; raises pytest's own exception."""
    __tracebackhide__ = True
    raise pytest.fail.Exception(f"faultlab: {' '.join(str(problem).split())}", pytrace=False) from None


def marked(node: pytest.Item) -> tuple[Scenario, str | None, int | None]:
    """Give what a test's nearest marker asks for: scenario, profile, seed; raises MarkerError or ScenarioError."""
    from faultlab import scenario
    from faultlab.faults import nearest

    marker = node.get_closest_marker(MARKER)
    if marker is None:
        return scenario.load(DEFAULT), None, None
    known = ("seed", "profile")
    for name in marker.kwargs:
        if name not in known:
            raise MarkerError(f"marker has no argument '{name}'{nearest(name, known)}; expected {SIGNATURE}")
    seed, profile = marker.kwargs.get("seed"), marker.kwargs.get("profile")
    if seed is not None and type(seed) is not int:
        raise MarkerError(f"marker's seed is {seed!r}; expected a whole number")
    if profile is not None and not isinstance(profile, str):
        raise MarkerError(f"marker's profile is {profile!r}; expected a profile's name such as 'core'")
    return chosen(marker.args, node.path.parent, node.name), profile, seed


def chosen(given: Sequence[object], folder: Path, name: str) -> Scenario:
    """Give the scenario that what a marker or a scope is given stands for; files are looked up from ``folder``.

    Raises MarkerError or ScenarioError.
    """
    from faultlab import scenario
    from faultlab.faults import Fault
    from faultlab.plan import Rule

    match given:
        case ():
            return scenario.load(DEFAULT)
        case (str() | PathLike() as one,):
            wanted = str(one)
            is_file = isinstance(one, PathLike) or "/" in wanted or wanted.endswith(scenario.ENDINGS)
            return scenario.load(str(folder / wanted) if is_file else wanted)
    rules = []
    for item in flat(given):
        if isinstance(item, Rule):
            rules.append(item)
        elif isinstance(item, Fault) and not isinstance(item, type):
            rules.append(Rule(item))
        else:
            expected = "one scenario, or faults and rules such as RateLimit(max_wait=3)"
            raise MarkerError(f"'faultlab' was given {item!r}; expected {expected}")
    return replace(scenario.Scenario(name), rules=tuple(rules))


def flat(given: Sequence[object]) -> Iterator[object]:
    """Yield what is given, the members of lists and tuples in their place."""
    for item in given:
        if isinstance(item, list | tuple):
            yield from flat(item)
        else:
            yield item


def given_seed(config: pytest.Config, marked: int | None) -> int | None:
    """Give the seed: that of the command line, then the marker's, then the configuration's; raises MarkerError."""
    asked = config.getoption("--faultlab-seed")
    if asked is None and marked is not None:
        return marked
    text = setting(config, "seed")
    try:
        return int(text) if text else None
    except ValueError:
        raise MarkerError(f"seed is {text!r}; expected a whole number") from None


def folder_of(name: str, config: pytest.Config, temporary: pytest.TempPathFactory) -> Path:
    """Make an empty folder for a test's history, named after the test, and give it."""
    given = setting(config, "history")
    wanted = Path(config.invocation_params.dir, given, name) if given else Path(temporary.mktemp("faultlab"), name)
    number, folder = 1, wanted
    while True:
        try:
            # Two workers may be at it at once.
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
            folder = wanted.with_name(f"{name}-{number}")
        else:
            return folder
