"""The pytest plugin: whoever asks for the fixture ``faultlab`` has a lab for the length of one test.

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
    from faultlab.plan import Plan
    from faultlab.scenario import Scenario
    from faultlab.verdict import Verdicts

MARKER = "faultlab"
SIGNATURE = "faultlab(scenario_or_rules, *, seed=None, profile=None)"
DEFAULT = "calm"
LONGEST = 100
"""Characters of a test's name that its history's folder has."""

ENDS_WELL = "ends_well"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options, each under a name that begins with ours."""
    group = parser.getgroup("faultlab", "faultlab: an InfluxDB that fails as documented")
    group.addoption("--faultlab-seed", type=int, metavar="N", help="Seed of every draw, whatever the markers say.")
    group.addoption(
        "--faultlab-history", metavar="DIR", help="Folder for the tests' histories; a temporary one if not given."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    meaning = "what the fixture 'faultlab' does to the client: a scenario's name or file, or faults and rules."
    config.addinivalue_line("markers", f"{SIGNATURE}: {meaning}")


@pytest.fixture(name="faultlab")
def faultlab_fixture(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultLab]:
    """Run a proxy for this test, under the marked scenario or ``calm``; it is gone when the test is."""
    from faultlab.contract import UnknownProfile
    from faultlab.faults import KnobError
    from faultlab.lab import Lab, LabError, Settings
    from faultlab.scenario import ScenarioError

    node = request.node
    try:
        scenario, profile, seed = marked(node)
        given = request.config.getoption("--faultlab-seed")
        plan = scenario.plan(seed=seed if given is None else given, profile=profile)
    except (ScenarioError, KnobError, UnknownProfile, MarkerError) as problem:
        fail(problem)
    settings = Settings(
        history=folder_of(node, request.config, tmp_path_factory),
        terms=scenario.terms,
        scenario=scenario.name,
        source=scenario.source,
        # How the test's own process ends is pytest's to tell; a client it runs is asked all the same.
        checks=tuple(name for name in scenario.checks if name != ENDS_WELL),
    )
    again = f"pytest {shlex.quote(node.nodeid)} --faultlab-seed {plan.seed}"
    with contextlib.ExitStack() as stack:
        try:
            lab = stack.enter_context(Lab(plan, settings))
        except LabError as problem:
            fail(problem)
        running = FaultLab(lab, again)
        yield running
        with contextlib.suppress(LabError):
            running.finish()


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

    def verdict(self, *, strict: bool = False) -> Verdicts:
        """Judge what happened; ``strict`` lets a failed ``should`` fail it."""
        from faultlab import oracles

        return oracles.judge(self.history, strict=strict)

    def assert_pass(self, *, strict: bool = False) -> None:
        """Raise AssertionError with the report, and the command that runs the test again, for anything but a pass."""
        __tracebackhide__ = True
        from faultlab import reports
        from faultlab.verdict import Verdict

        verdicts = self.verdict(strict=strict)
        if verdicts.verdict is not Verdict.PASS:
            again = f"{self._again}\n  faultlab judge {shlex.quote(str(self.folder))}"
            raise AssertionError(reports.text(verdicts, self.history, again))

    def finish(self) -> None:
        """Complete the history; the second time, do nothing. Raises LabError."""
        if not self._finished:
            self._finished = True
            self._end()

    def _end(self) -> None:
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

    def play(self, schedule: Sequence[Decision]) -> contextlib.AbstractContextManager[Scope]:
        """Give a scope whose first writes are decided by a schedule, in the order of arrival."""
        from faultlab.plan import Plan

        return self._scope(Plan((), self._lab.plan.seed, self._lab.plan.profile, tuple(schedule)))

    @contextlib.contextmanager
    def _scope(self, plan: Plan) -> Iterator[Scope]:
        if not self._finished:
            self._finished = True
            self._ask(self._lab.complete)
        self._scopes += 1
        self._ask(lambda: self._lab.arm(plan, self.folder.with_name(f"{self.folder.name}-{self._scopes}")))
        scope = Scope(self._lab, self._again)
        try:
            yield scope
        finally:
            self._ask(scope.finish)

    def _end(self) -> None:
        self._lab.finish()


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


def folder_of(node: pytest.Item, config: pytest.Config, temporary: pytest.TempPathFactory) -> Path:
    """Give a folder that does not exist yet for a test's history, named after the test."""
    name = re.sub(r"[^A-Za-z0-9._]+", "-", node.nodeid).strip("-.")[-LONGEST:]
    given = config.getoption("--faultlab-history")
    if given is None:
        return Path(temporary.mktemp("faultlab"), name)
    wanted = Path(config.invocation_params.dir, given, name)
    number, folder = 1, wanted
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{name}-{number}")
    return folder
