"""Scenario files: rules, checks and what a client may use, read strictly.

Whatever is wrong with a file is one line that names file, line, column, key, value, what was expected and the nearest
thing that exists; nothing is ignored. Importing this module needs nothing; reading a file needs the extra ``cli``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Self, get_args

from faultlab import contract, scenarios
from faultlab import faults as catalogue
from faultlab.faults.knob import KnobError, nearest, types_of
from faultlab.plan import Match, Plan, Range, Rule
from faultlab.scenarios import reading
from faultlab.scenarios import schema as shape
from faultlab.scenarios.reading import Document, Problem, TextError, shown
from faultlab.terms import Terms

ENDINGS = (".yaml", ".yml")
RANGES = frozenset(name for name, kind in types_of(Match).items() if Range in get_args(kind))
"""The conditions that are a range of whole numbers."""


class ScenarioError(ValueError):
    """A scenario cannot be used; the message is one line, that of the first problem by position.

    ``problems`` are the lines of all that was found.
    """

    def __init__(self, *problems: str) -> None:
        """Keep the lines; the first is the message."""
        super().__init__(problems[0])
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario: what is done to the client, and what it is asked.

    ``checks`` names the oracles that must find something to judge. ``source`` is the file it was read from.
    """

    name: str
    about: str = ""
    profile: str = "serverless"
    seed: int = 0
    rules: tuple[Rule, ...] = ()
    checks: tuple[str, ...] = ()
    terms: Terms = field(default_factory=Terms)
    source: str = ""

    def plan(self, seed: int | None = None, profile: str | None = None) -> Plan:
        """Give the plan of a run; raises KnobError when the profile documents no answer for one of the faults."""
        return Plan(self.rules, self.seed if seed is None else seed, self.profile if profile is None else profile)

    def to_json(self) -> dict[str, Any]:
        """Give the scenario as plain JSON values; all but ``source`` is what a file may hold."""
        return {
            "name": self.name,
            "about": self.about,
            "profile": self.profile,
            "seed": self.seed,
            "rules": [rule.to_json() for rule in self.rules],
            "checks": list(self.checks),
            "client": self.terms.to_json(),
            "source": self.source,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote, or a file's values that keep to the schema; raises KnobError."""
        return cls(
            name=values["name"],
            about=values.get("about", ""),
            profile=values.get("profile", "serverless"),
            seed=values.get("seed", 0),
            rules=tuple(Rule.from_json(rule) for rule in values["rules"]),
            checks=tuple(values.get("checks", ())),
            terms=Terms.from_json(values.get("client", {})),
            source=values.get("source", ""),
        )


def names() -> tuple[str, ...]:
    """Give the names of the built-in scenarios, in listing order."""
    return scenarios.ALL


def schema(
    faults: Collection[type[Any]] | None = None,
    profiles: Collection[str] | None = None,
    checks: Collection[str] | None = None,
) -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of scenario files; everything built in may be used if not said otherwise."""
    return shape.schema(
        catalogue.ALL if faults is None else tuple(faults),
        _profiles() if profiles is None else tuple(profiles),
        _oracles() if checks is None else tuple(checks),
    )


def load(name_or_path: str, *, known_checks: Collection[str] | None = None) -> Scenario:
    """Read a built-in scenario by its name, or a file; raises ScenarioError.

    A built-in name is never taken for a file, so a run does not depend on the folder it is started in; ``./calm`` is.
    """
    is_path = "/" in name_or_path or name_or_path.endswith(ENDINGS)
    if not is_path and name_or_path in names():
        file = str(resources.files(scenarios) / f"{name_or_path}.yaml")
    elif is_path or os.path.exists(name_or_path):  # noqa: PTH110 - False, too, for what no path can be
        file = name_or_path
    else:
        known = names()
        expected = f"a file, or one of {', '.join(known)}{nearest(name_or_path, known)}"
        raise ScenarioError(f"no scenario is named {shown(name_or_path)}; expected {expected}")
    return _read(_bytes_of(file), file, known_checks)


def parse(text: str, file: str, *, known_checks: Collection[str] | None = None) -> Scenario:
    """Read a scenario from the text of ``file``, whose stem is the default name; raises ScenarioError."""
    return _read(text, file, known_checks)


def _bytes_of(file: str) -> bytes:
    try:
        with Path(file).open("rb") as stream:
            return stream.read(reading.SIZE + 1)
    except (OSError, ValueError) as problem:
        why = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
        said = f"{file}: cannot be read ({why}); expected a scenario file, or one of {', '.join(names())}"
        stem = Path(file).stem if file.endswith(ENDINGS) else Path(file).name
        raise ScenarioError(reading.on_one_line(said + nearest(stem, names()))) from problem


def _read(content: bytes | str, file: str, known_checks: Collection[str] | None) -> Scenario:
    known = _oracles() if known_checks is None else tuple(known_checks)
    try:
        document = reading.read(content if isinstance(content, str) else reading.decode(content))
        found = [*document.problems, *shape.problems(document, catalogue.ALL, _profiles(), known)]
    except TextError as problem:
        raise ScenarioError(problem.problem.said(file)) from problem
    except ModuleNotFoundError as problem:
        if problem.name is None or problem.name.partition(".")[0] not in {"ruamel", "jsonschema"}:
            raise
        raise ScenarioError(f"reading a scenario needs {problem.name}; install faultlab[cli]") from problem
    found = found or list(_beyond_schema(document))
    if found:
        found.sort(key=lambda problem: problem.place)
        raise ScenarioError(*(problem.said(file) for problem in found))
    return Scenario.from_json({"name": _stem(file), **document.values, "source": file})


def _stem(file: str) -> str:
    """Give a file's name without its ending, whatever cannot stand in a scenario's name replaced."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(file).stem).strip("-._")[:80] or "scenario"


def _beyond_schema(document: Document) -> Iterator[Problem]:
    """Yield what only the values themselves can say of a file that keeps to the schema."""
    values = document.values
    profile = values.get("profile", "serverless")
    named: dict[str, int] = {}
    here: reading.Path
    for index, given in enumerate(values["rules"]):
        path = ("rules", index)
        yield from _empty_ranges(document, given, path)
        yield from _faulty_rule(document, given, path, profile)
        name = given.get("name", catalogue.ALIASES.get(given["fault"], given["fault"]))
        first = named.setdefault(name, index)
        if first != index:
            here = (*path, "name" if "name" in given else "fault")
            what = f"names the rule {shown(name)}, as rules[{first}] is; expected a 'name' of its own for each"
            yield Problem(document.places[here], what, here)
    checks = values.get("checks", [])
    for index, check in enumerate(checks):
        if check in checks[:index]:
            here = ("checks", index)
            what = f"is {shown(check)}, as checks[{checks.index(check)}] is; expected each check once"
            yield Problem(document.places[here], what, here)


def _faulty_rule(document: Document, given: Mapping[str, Any], path: reading.Path, profile: str) -> Iterator[Problem]:
    try:
        rule = Rule.from_json(given)
    except KnobError as problem:
        of = "match" if str(problem).startswith("match ") else "with"
        here = (*path, of) if of in given else path
        yield Problem(document.places[here], str(problem), here)
        return
    try:
        Plan((rule,), profile=profile)
    except KnobError as problem:
        # Where the profile has other answers of the fault, it is the cause that it does not know.
        of_cause = "cause" in given.get("with", {}) and contract.named(profile).of(catalogue.family_of(rule.fault))
        what, here = ("cause", (*path, "with", "cause")) if of_cause else ("fault", (*path, "fault"))
        value = given["with"]["cause"] if of_cause else given["fault"]
        said = f"is {shown(value)}; expected a {what} that the profile has an answer for, but {problem}"
        yield Problem(document.places[here], said, here)


def _empty_ranges(document: Document, given: Mapping[str, Any], path: reading.Path) -> Iterator[Problem]:
    match = given.get("match", {})
    for name in RANGES & match.keys():
        span = match[name]
        if isinstance(span, dict) and span.get("min", 0) > span.get("max", span.get("min", 0)):
            here = (*path, "match", name, "min")
            what = f"is {span['min']}; expected at most {span['max']}, which is its 'max'"
            yield Problem(document.places[here], what, here)
    when = given.get("when", {})
    if "after" in when and "before" in when and when["after"] >= when["before"]:
        here = (*path, "when", "after")
        what = f"is {when['after']}; expected less than {when['before']}, which is its 'before'"
        yield Problem(document.places[here], what, here)


def _profiles() -> tuple[str, ...]:
    return tuple(profile.name for profile in contract.ALL)


def _oracles() -> tuple[str, ...]:
    from faultlab import oracles  # noqa: PLC0415 - whoever names the checks does not need the judges

    return tuple(oracle.name for oracle in oracles.ALL)
