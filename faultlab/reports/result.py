"""What a judged run came to, as plain values: what reports are made of, and what is read back from their JSON."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import faultlab
from faultlab.coverage import Coverage, coverage
from faultlab.history import History
from faultlab.reports.notes import notes
from faultlab.reports.reproduce import reproduce
from faultlab.verdict import Counts, Finding, Judgement, Verdict, Verdicts

FORMAT = 1
"""Number of the JSON's form; a reader that knows another does not guess."""


class ResultError(ValueError):
    """JSON is not a result; the message says in one line what was found and what was expected."""


class Standing(enum.StrEnum):
    """What an oracle's finding means for its run.

    ``warning``: a ``should`` that failed, which fails no run that is not strict. ``tolerated``: a failure that is known
    or within its budget. ``undecided``: there was nothing to judge, or only doubts that weigh nothing.
    """

    PASS = "pass"  # noqa: S105 - a word of a verdict
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    WARNING = "warning"
    TOLERATED = "tolerated"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Asked:
    """One oracle and its finding.

    ``verdict`` is None when it had nothing to judge and nobody asked it to. ``cases`` says how many judgements of each
    verdict there were, ``judgements`` are the first ``faultlab.verdict.KEPT`` of each. ``because`` says why a failure
    is tolerated. ``crashed`` is a traceback.
    """

    name: str
    level: str
    source: str
    about: str
    standing: Standing
    verdict: Verdict | None
    cases: Mapping[Verdict, int]
    judgements: tuple[Judgement, ...] = ()
    crashed: str = ""
    because: str = ""

    def first_of(self, verdict: Verdict) -> tuple[Judgement, ...]:
        """Give the judgements of one verdict that are kept, in order."""
        return tuple(judgement for judgement in self.judgements if judgement.verdict is verdict)

    @property
    def judged(self) -> int:
        """How many cases there were, whether kept or not."""
        return sum(self.cases.values())


@dataclass(frozen=True, slots=True)
class Result:
    """One judged run.

    ``source`` is the scenario's file or name as it was given, empty where rules were given instead. ``again`` is a
    shell command that runs the same again, ``history`` the folder it was judged by (empty where there is none),
    ``fired`` how often each planned rule fired, ``seconds`` how long the client ran, None if it never did. ``reasons``
    say why the run is no pass beyond what the oracles found, ``notes`` how it was made where that bears on the verdict.
    """

    verdict: Verdict
    scenario: str
    seed: int
    profile: str
    again: str
    counts: Counts
    fired: Mapping[str, int]
    oracles: tuple[Asked, ...]
    reasons: tuple[str, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    history: str = ""
    source: str = ""
    command: tuple[str, ...] = ()
    seconds: float | None = None
    strict: bool = False
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What tells one run of a scenario from another: the scenario and the seed."""
        return f"{self.scenario}[{self.seed}]"

    @classmethod
    def of(cls, verdicts: Verdicts, history: History, *, strict: bool = False, again: str = "") -> Self:
        """Give the result of a history's verdicts; ``strict`` says whether they were reached so."""
        run, client = history.run, history.client
        return cls(
            verdict=verdicts.verdict,
            scenario=str(run.get("scenario") or ""),
            seed=int(run.get("seed") or 0),
            profile=str(run.get("profile") or ""),
            again=again or reproduce(history),
            counts=verdicts.counts,
            fired=history.fired,
            oracles=tuple(_asked(finding, strict=strict) for finding in verdicts.findings),
            reasons=verdicts.reasons,
            coverage=coverage(history),
            history="" if history.path is None else str(history.path),
            source=str(run.get("source") or ""),
            command=tuple(map(str, run.get("command") or ())),
            seconds=None if client is None else round(client.ended - client.began, 6),
            strict=strict,
            notes=notes(history),
        )

    def to_json(self) -> dict[str, Any]:
        """Give the result as plain JSON values, by ``faultlab/reports/schema.json``."""
        return {
            "format": FORMAT,
            "faultlab": faultlab.__version__,
            "verdict": self.verdict.word,
            "exit_status": self.verdict.exit_status,
            "scenario": self.scenario,
            "source": self.source or None,
            "seed": self.seed,
            "profile": self.profile,
            "strict": self.strict,
            "reproduce": self.again,
            "history": self.history or None,
            "command": list(self.command),
            "seconds": self.seconds,
            "counts": {**asdict(self.counts), "fired": dict(self.fired)},
            "oracles": [_asked_to_json(asked) for asked in self.oracles],
            "reasons": list(self.reasons),
            "notes": list(self.notes),
            "coverage": [asdict(one) for one in self.coverage],
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what ``to_json`` wrote; raises ResultError for anything else."""
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            found = value.get("format") if isinstance(value, dict) else type(value).__name__
            raise ResultError(f"no result of a run: format is {found!r}; expected {FORMAT}")
        try:
            counts = dict(value["counts"])
            fired = counts.pop("fired")
            return cls(
                verdict=Verdict[value["verdict"].upper()],
                scenario=value["scenario"],
                seed=value["seed"],
                profile=value["profile"],
                again=value["reproduce"],
                counts=Counts(**counts),
                fired=fired,
                oracles=tuple(_asked_from_json(one) for one in value["oracles"]),
                reasons=tuple(value["reasons"]),
                coverage=tuple(
                    Coverage(one["endpoint"], tuple(one["given"]), tuple(one["missing"])) for one in value["coverage"]
                ),
                history=value["history"] or "",
                source=value["source"] or "",
                command=tuple(value["command"]),
                seconds=value["seconds"],
                strict=value["strict"],
                notes=tuple(value["notes"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise ResultError(f"no result of a run: {type(problem).__name__}: {problem}") from problem


def _standing(finding: Finding, *, strict: bool) -> Standing:
    weighs = finding.counts(strict=strict)
    if weighs is Verdict.FAIL:
        return Standing.FAIL
    if weighs is Verdict.INCONCLUSIVE:
        return Standing.INCONCLUSIVE
    if finding.verdict is Verdict.FAIL:
        return Standing.WARNING
    return Standing.PASS if finding.verdict is Verdict.PASS else Standing.UNDECIDED


def _asked(finding: Finding, *, strict: bool) -> Asked:
    oracle = finding.oracle
    return Asked(
        oracle.name,
        oracle.level.value,
        oracle.source,
        oracle.about,
        _standing(finding, strict=strict),
        finding.verdict,
        finding.cases,
        finding.first,
        finding.crashed,
    )


def _asked_to_json(asked: Asked) -> dict[str, Any]:
    return {
        "name": asked.name,
        "level": asked.level,
        "source": asked.source,
        "about": asked.about,
        "standing": asked.standing.value,
        "because": asked.because or None,
        "verdict": None if asked.verdict is None else asked.verdict.word,
        "crashed": asked.crashed or None,
        "cases": {verdict.word: count for verdict, count in asked.cases.items()},
        "judgements": [
            {
                "verdict": judgement.verdict.word,
                "what": judgement.what,
                "exchange": judgement.exchange,
                "batch": judgement.batch or None,
                "points": list(judgement.points),
            }
            for judgement in asked.judgements
        ],
    }


def _asked_from_json(value: Mapping[str, Any]) -> Asked:
    return Asked(
        value["name"],
        value["level"],
        value["source"],
        value["about"],
        Standing(value["standing"]),
        None if value["verdict"] is None else Verdict[value["verdict"].upper()],
        {Verdict[word.upper()]: count for word, count in value["cases"].items()},
        tuple(
            Judgement(
                Verdict[one["verdict"].upper()], one["what"], one["exchange"], one["batch"] or "", tuple(one["points"])
            )
            for one in value["judgements"]
        ),
        value["crashed"] or "",
        value["because"] or "",
    )


__all__ = ["FORMAT", "Asked", "Result", "ResultError", "Standing"]
