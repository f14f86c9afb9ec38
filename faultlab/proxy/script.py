"""What the scripts of ``addons/`` are made of: one arbiter a proxy, to which each script adds its rule.

Scripts never race: the first one to load puts the edge in place, and all that follow only add rules to it. Every option
is text to mitmproxy and read strictly by us, because mitmproxy silently drops a script whose option has the wrong type.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mitmproxy import ctx

import faultlab
from faultlab import contract, scenario
from faultlab.faults import KnobError, nearest
from faultlab.faults.knob import default_of, knobs, parse_value, types_of
from faultlab.history import Writer
from faultlab.origin import Origin
from faultlab.plan import Plan, Rule, When
from faultlab.proxy import selftest
from faultlab.proxy.edge import Edge
from faultlab.proxy.guard import failed, guarded
from faultlab.proxy.session import Session
from faultlab.redact import Redactor

logger = logging.getLogger("faultlab")
PREFIX = "faultlab_"
WHEN: dict[str, Callable[[str], Any]] = {
    "probability": float,
    "first": int,
    "nth": int,
    "every": int,
    "times": int,
}

COMMON = {
    "seed": ("0", "Seed of every draw; the same seed decides the same requests alike."),
    "profile": ("serverless", "Product family whose documented answers are given."),
    "probability": ("1", "Probability per request, from 0 to 1, of every script that is given none of its own."),
    "history": ("", "Folder for the history of the run; none is written if empty."),
    "origin": ("false", "Whether the embedded InfluxDB answers in place of an upstream."),
}


class OptionError(ValueError):
    """An option of ours cannot be used; the message names it, its value and what was expected."""


class ScriptEdge(Edge):
    """The edge as scripts use it: its plan is read from mitmproxy's options when the proxy starts."""

    def __init__(self) -> None:
        """Begin without rules; the scripts add them."""
        super().__init__()
        self.kinds: list[type[Any]] = []
        self.scenario = False
        self._ready = False

    @guarded
    def running(self) -> None:
        """Read the options and begin; what is wrong with them stops the start with one line each."""
        self.listen()
        # mitmproxy would dial upstream for every client first, also for those that are never to reach it.
        ctx.options.update(connection_strategy="lazy")
        if ctx.options.tcp_timeout == ctx.options.default("tcp_timeout"):
            # A stalled client is to leave by itself.
            ctx.options.update(tcp_timeout=86_400)
        self._ready = True
        self.start()

    @guarded
    def configure(self, updated: set[str]) -> None:
        """Begin again when an option of ours is changed in a running proxy."""
        if self._ready and any(name.startswith(PREFIX) for name in updated):
            self.start()

    def done(self) -> None:
        """Close the history and leave."""
        try:
            self.close()
        except Exception:  # noqa: BLE001 - the status has to say it, and this hook is the last
            failed(self, "done", None)
        self.leave()

    def close(self) -> None:
        """Say in the history that the run ended."""
        if self.session is not None:
            self.session.deliver_late()
        if self.session is not None and self.session.writer is not None:
            self.session.writer.end(self.session.at())
            self.session.writer.close()
            self.session.writer = None

    def start(self) -> None:
        """Make a session of the options; on a bad one log a line, which ends mitmproxy's start, and pass no traffic."""
        self.arm(None)
        problems = unknown_options()
        if ctx.options.stream_large_bodies:
            problems.append("stream_large_bodies is set; expected none, as a body is decided on as a whole")
        try:
            selftest.check()
            if not problems:
                self.arm(self.make_session())
        except (OptionError, KnobError, scenario.ScenarioError, selftest.UnknownMitmproxyError) as problem:
            problems = [str(problem)]
        for line in problems:
            logger.error("%s", line)

    def make_session(self) -> Session:
        """Give the session the options ask for; raises OptionError, KnobError or ScenarioError."""
        plan, name, checks = self.make_plan()
        profile = contract.named(plan.profile)
        origin = Origin(profile) if flag("origin") else None
        folder = option("history")
        writer = Writer(Path(folder), Redactor(os.urandom(16))) if folder else None
        session = Session(plan, origin=origin, writer=writer)
        session.begin(
            {
                "format": 1,
                "faultlab": faultlab.__version__,
                "scenario": name,
                "plan": plan.to_json(),
                "checks": checks,
                "upstream": "origin" if origin else "proxy",
                "command": [],
            }
        )
        return session

    def make_plan(self) -> tuple[Plan, str, list[str]]:
        """Give the plan, its scenario's name and the checks it names."""
        try:
            seed = int(option("seed"))
        except ValueError:
            raise OptionError(f"{PREFIX}seed is {option('seed')!r}; expected a whole number") from None
        try:
            contract.named(option("profile"))
        except ValueError as problem:
            raise OptionError(f"{PREFIX}profile: {problem}") from None
        rules = tuple(self.rule(kind) for kind in self.kinds)
        if not self.scenario:
            return Plan(rules, seed, option("profile")), "+".join(rule.name for rule in rules), []
        if not option("scenario"):
            raise OptionError(f"{PREFIX}scenario is empty; expected a file, or one of {', '.join(scenario.names())}")
        given = scenario.load(option("scenario"))
        profile = option("profile") if ctx.options.faultlab_profile != COMMON["profile"][0] else given.profile
        return Plan((*given.rules, *rules), seed or given.seed, profile), given.name, list(given.checks)

    def rule(self, kind: type[Any]) -> Rule:
        """Give the rule a script stands for; raises OptionError for a value it cannot take."""
        types = types_of(kind)
        values = {}
        for item in knobs(kind):
            full = f"{kind.name}_{item.name}"
            try:
                values[item.name] = parse_value(item, types[item.name], option(full))
            except KnobError as problem:
                raise OptionError(f"{PREFIX}{kind.name}_{problem}") from None
        when = {}
        for name, read in WHEN.items():
            full = f"{kind.name}_{name}"
            given = option(full) or (option("probability") if name == "probability" else "")
            try:
                if given:
                    when[name] = read(given)
            except ValueError:
                spelt = "a number" if read is float else "a whole number"
                raise OptionError(f"{PREFIX}{full} is {given!r}; expected {spelt}") from None
        try:
            return Rule(kind(**values), when=When(**when))
        except KnobError as problem:
            raise OptionError(f"{PREFIX}{kind.name}_{problem}") from None


def option(name: str) -> str:
    """Give the text of one of our options."""
    return str(getattr(ctx.options, PREFIX + name))


def flag(name: str) -> bool:
    """Give one of our options as true or false; raises OptionError for anything else."""
    given = option(name).lower()
    if given not in {"true", "false"}:
        raise OptionError(f"{PREFIX}{name} is {given!r}; expected true or false")
    return given == "true"


def unknown_options() -> list[str]:
    """Give one line for each option that has our prefix and that no loaded script declares."""
    known = [name for name in ctx.options.keys() if name.startswith(PREFIX)]  # noqa: SIM118 - no mapping
    deferred = [name for name in ctx.options.deferred if name.startswith(PREFIX)]
    return [f"{name}: no such option{nearest(name, known) or '; known: ' + ', '.join(known)}" for name in deferred]


def declare(name: str, default: str, meaning: str) -> None:
    """Make an option of ours known to mitmproxy."""
    if PREFIX + name not in ctx.options:
        ctx.master.options.add_option(PREFIX + name, str, default, meaning)


def the_edge() -> ScriptEdge:
    """Give this proxy's one edge, put in place if it is not there yet."""
    edge = ctx.master.addons.get(Edge.name)
    if edge is None:
        for name, (default, meaning) in COMMON.items():
            declare(name, default, meaning)
        edge = ScriptEdge()
        ctx.master.addons.add(edge)
    assert isinstance(edge, ScriptEdge)
    return edge


def inject(kind: type[Any]) -> list[Any]:
    """Add a fault to this proxy's one arbiter and declare its knobs as options; give the script's own addons: none."""
    edge = the_edge()
    types = types_of(kind)
    for item in knobs(kind):
        default = default_of(item)
        text = "" if default is None else str(default).lower() if types[item.name] is bool else str(default)
        declare(f"{kind.name}_{item.name}", text, f"{item.metadata['meaning']}.")
    for name in WHEN:
        declare(f"{kind.name}_{name}", "", f"When {kind.name} fires: {name}.")
    if kind not in edge.kinds:
        edge.kinds.append(kind)
    finish()
    return []


def inject_scenario() -> list[Any]:
    """Add the rules of a scenario file to this proxy's one arbiter; give the script's own addons: none."""
    edge = the_edge()
    declare("scenario", "", f"Scenario: a file, or one of {', '.join(scenario.names())}.")
    edge.scenario = True
    finish()
    return []


def finish() -> None:
    """Take over options that were given before they were known."""
    ctx.master.options.process_deferred()
    if (edge := ctx.master.addons.get(Edge.name)) is not None and edge._ready:  # noqa: SLF001 - our own class
        edge.start()
