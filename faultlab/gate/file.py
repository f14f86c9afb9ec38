"""Gate files: which scenarios a command has to get through, under which seeds, and what is tolerated; read strictly."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from faultlab import contract, oracles, scenario, servers
from faultlab.faults.knob import KnobError, nearest
from faultlab.lab import Settings
from faultlab.playing import Task
from faultlab.scenario import Scenario, ScenarioError
from faultlab.scenarios import checking, reading
from faultlab.scenarios.checking import DRAFT, PERCENTAGE
from faultlab.scenarios.reading import Document, Problem, TextError, shown
from faultlab.verdict import Verdict

SHOULDS = ("warning", "failure")


class GateError(ValueError):
    """A gate file cannot be used; the message is one line, that of the first problem by position."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How many of the cases an oracle judges in one run may fail: so many, or such a share of them."""

    cases: int = 0
    share: float = 0.0

    def allows(self, cases: Mapping[Verdict, int]) -> bool:
        """Whether the failures among some judged cases are within it."""
        failed, judged = cases.get(Verdict.FAIL, 0), sum(cases.values())
        return failed <= max(self.cases, self.share * judged)

    def __str__(self) -> str:
        """Say it as the file does."""
        return f"{self.share:.6%}".rstrip("0%").rstrip(".") + " %" if self.share else str(self.cases)


@dataclass(frozen=True, slots=True)
class Known:
    """A failure that is known: of which oracle, in which scenario (all if empty), why, and where the file says so."""

    oracle: str
    scenario: str
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One run to be made: a scenario under a seed, and the seconds its client may take.

    ``source`` is what ``faultlab run`` takes for the scenario: a name, or a file.
    """

    scenario: Scenario
    seed: int
    source: str
    profile: str | None = None
    deadline: float | None = None

    @property
    def name(self) -> str:
        """Tell one cell from another, as reports do."""
        return f"{self.scenario.name}[{self.seed}]"


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gate file asks for. ``jobs`` is how many runs go on at a time, None for as many as seems right."""

    file: str
    command: tuple[str, ...]
    cells: tuple[Cell, ...]
    strict: bool = False
    jobs: int | None = None
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    known: tuple[Known, ...] = ()
    upstream: str | None = None
    token: str = ""
    org: str = "faultlab"
    bucket: str = "faultlab"


def tasks(gate: Gate, folder: Path) -> list[Task]:
    """Give the runs of a gate, in the order of the file, whose histories go into a folder, one each."""
    out = []
    for cell in gate.cells:
        one = cell.scenario
        settings = Settings(
            history=folder / f"{one.name}-{cell.seed}",
            upstream=gate.upstream,
            token=gate.token,
            org=gate.org,
            bucket=gate.bucket,
            terms=one.terms if cell.deadline is None else replace(one.terms, deadline=cell.deadline),
            scenario=one.name,
            source=cell.source,
            checks=one.checks,
            command=gate.command,
        )
        out.append(Task(one.plan(cell.seed, cell.profile), settings, gate.strict))
    return out


def schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of gate files."""
    names = [oracle.name for oracle in oracles.ALL]
    seeds = {
        "description": "seeds of the draws, one run each; the scenario's own if not given",
        "type": "array",
        "minItems": 1,
        "items": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
    }
    deadline = {
        "description": "seconds a client may run before the lab ends it; the scenario's own if not given",
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": 86_400,
    }
    profile = {
        "description": "product family that is imitated; the scenario's own if not given",
        "type": "string",
        "enum": [one.name for one in contract.ALL],
    }
    return {
        "$schema": DRAFT,
        "title": "faultlab gate",
        "type": "object",
        "properties": {
            "command": {
                "description": "the client: a command's words, or one line that a shell would split alike;"
                " {url}, {token} and their kin are replaced as under faultlab run",
                "type": ["string", "array"],
                "items": {"type": "string"},
                "minItems": 1,
                "minLength": 1,
            },
            "scenarios": {
                "description": "what the client has to get through: built-in names, or files beside this one",
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": ["string", "object"],
                    "properties": {
                        "scenario": {"description": "a built-in name, or a file beside this one", "type": "string"},
                        "seeds": seeds,
                        "deadline": deadline,
                        "profile": profile,
                    },
                    "additionalProperties": False,
                    "required": ["scenario"],
                },
            },
            "seeds": seeds,
            "deadline": deadline,
            "profile": profile,
            "jobs": {
                "description": "runs that go on at a time; twice the processors if not given",
                "type": "integer",
                "minimum": 1,
                "maximum": 256,
            },
            "should": {
                "description": "what a failed 'should' is",
                "type": "string",
                "enum": list(SHOULDS),
                "default": "warning",
            },
            "budgets": {
                "description": "by oracle, how many of the cases it judges in one run may fail, or which share of them",
                "type": "object",
                "properties": {
                    name: {
                        "description": "cases that may fail, or a share",
                        "type": ["integer", "string"],
                        "minimum": 0,
                        "pattern": PERCENTAGE,
                    }
                    for name in names
                },
                "additionalProperties": False,
            },
            "known": {
                "description": "failures that are known; one that no longer happens fails the gate until it is removed",
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "oracle": {"description": "the oracle that fails", "type": "string", "enum": names},
                        "scenario": {
                            "description": "in which scenario, by its name; in all of them if not given",
                            "type": "string",
                        },
                        "reason": {"description": "why it is tolerated", "type": "string", "minLength": 1},
                    },
                    "additionalProperties": False,
                    "required": ["oracle", "reason"],
                },
            },
            "upstream": {
                "description": "URL of a real server behind the proxy, or the name of one that is started for the run",
                "type": "string",
                "minLength": 1,
            },
            "token": {"description": "token handed to the client; one of the lab's own if not given", "type": "string"},
            "org": {"description": "organization handed to the client", "type": "string", "default": "faultlab"},
            "bucket": {"description": "bucket handed to the client", "type": "string", "default": "faultlab"},
        },
        "additionalProperties": False,
        "required": ["command", "scenarios"],
    }


@lru_cache(maxsize=1)
def _validator() -> Any:
    return checking.validator_of(schema())


def load(file: str | Path) -> Gate:
    """Read a gate file; raises GateError."""
    try:
        with Path(file).open("rb") as stream:
            content = stream.read(reading.SIZE + 1)
    except OSError as problem:
        raise GateError(f"{file}: cannot be read ({problem.strerror}); expected a gate file") from problem
    try:
        document = reading.read(reading.decode(content))
        found = [*document.problems, *checking.problems(document, _validator())]
    except TextError as problem:
        raise GateError(problem.problem.said(str(file))) from problem
    cells: list[Cell] = []
    if not found:
        cells, found = _cells(document, Path(file).parent)
        found += _beyond_schema(document, {cell.scenario.name for cell in cells})
    if found:
        # A misspelt key, which is there, says more than the one that is missing for it.
        absent = {problem: problem.path not in document.places for problem in found}
        raise GateError(min(found, key=lambda problem: (absent[problem], problem.place)).said(str(file)))
    return _gate(document, str(file), tuple(cells))


def _gate(document: Document, file: str, cells: tuple[Cell, ...]) -> Gate:
    values = document.values
    command = values["command"]
    return Gate(
        file=file,
        command=tuple(shlex.split(command) if isinstance(command, str) else command),
        cells=cells,
        strict=values.get("should") == "failure",
        jobs=values.get("jobs"),
        budgets={name: _budget(given) for name, given in values.get("budgets", {}).items()},
        known=tuple(
            Known(one["oracle"], one.get("scenario", ""), one["reason"], document.places[("known", index)][0])
            for index, one in enumerate(values.get("known", ()))
        ),
        upstream=values["upstream"].rstrip("/") if "upstream" in values else None,
        **{name: values[name] for name in ("token", "org", "bucket") if name in values},
    )


def _budget(given: int | str) -> Budget:
    return Budget(given) if isinstance(given, int) else Budget(share=float(given.rstrip("%")) / 100)


def _cells(document: Document, beside: Path) -> tuple[list[Cell], list[Problem]]:
    """Give the runs a file asks for, and what is wrong with the scenarios it names."""
    values = document.values
    cells: list[Cell] = []
    found: list[Problem] = []
    for index, item in enumerate(values["scenarios"]):
        given = {"scenario": item} if isinstance(item, str) else item
        here = ("scenarios", index) if isinstance(item, str) else ("scenarios", index, "scenario")
        try:
            name = given["scenario"]
            is_file = "/" in name or name.endswith(scenario.ENDINGS)
            source = str(beside / name) if is_file else name
            one = scenario.load(source)
            settings = {name: given.get(name, values.get(name)) for name in ("profile", "deadline")}
            for seed in given.get("seeds", values.get("seeds", [one.seed])):
                cell = Cell(one, seed, source, **settings)
                one.plan(seed, cell.profile)
                if cell.name in {known.name for known in cells}:
                    what = f"asks for {cell.name} a second time; expected each run once"
                    found.append(Problem(document.places[here], what, here))
                cells.append(cell)
        except (ScenarioError, KnobError) as problem:
            found.append(Problem(document.places[here], str(problem), here))
    return cells, found


def _beyond_schema(document: Document, names: set[str]) -> Iterator[Problem]:
    """Yield what only the values themselves can say of a file that keeps to the schema."""
    values = document.values
    here: reading.Path
    if isinstance(values["command"], str):
        here = ("command",)
        try:
            words = shlex.split(values["command"])
        except ValueError as problem:
            yield Problem(document.places[here], f"cannot be split into words: {problem}; expected a command", here)
        else:
            if not words:
                yield Problem(document.places[here], "is empty; expected a command", here)
    upstream = values.get("upstream")
    if upstream is not None and not servers.is_upstream(upstream):
        here = ("upstream",)
        what = f"is {shown(upstream)}; expected {servers.EXPECTED}"
        yield Problem(document.places[here], what, here)
    for index, known in enumerate(values.get("known", ())):
        if names and known.get("scenario", next(iter(names))) not in names:
            here = ("known", index, "scenario")
            what = f"is {shown(known['scenario'])}; expected a scenario of this file, one of {', '.join(sorted(names))}"
            yield Problem(document.places[here], what + nearest(known["scenario"], sorted(names)), here)


__all__ = ["Budget", "Cell", "Gate", "GateError", "Known", "load", "schema", "tasks"]
