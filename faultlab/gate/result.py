"""What a gate came to: its runs, its verdict, to JSON and back, and what is not as it was in an earlier one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import faultlab
from faultlab.exits import Exit
from faultlab.playing import ENVIRONMENT
from faultlab.reports import Result, ResultError, Standing
from faultlab.verdict import Verdict

FORMAT = 1


@dataclass(frozen=True, slots=True)
class GateResult:
    """The results of a gate's runs. ``asked`` is how many runs the file asks for; Ctrl-C leaves some of them out."""

    file: str
    results: tuple[Result, ...]
    asked: int

    @property
    def verdict(self) -> Verdict:
        """The worst of the runs; no pass where one of them is missing."""
        worst = max((result.verdict for result in self.results), default=Verdict.INCONCLUSIVE)
        return max(worst, Verdict.INCONCLUSIVE) if len(self.results) < self.asked else worst

    @property
    def exit_status(self) -> Exit:
        """What ``faultlab gate`` ends with: a failure counts most, then an environment that failed, then a doubt."""
        if self.verdict is Verdict.FAIL:
            return Exit.FAIL
        if any(reason.startswith(ENVIRONMENT) for result in self.results for reason in result.reasons):
            return Exit.ENVIRONMENT
        return Exit(self.verdict.exit_status)

    def to_json(self) -> dict[str, Any]:
        """Give it as plain JSON values; ``results`` are as the JSON report of a run."""
        return {
            "format": FORMAT,
            "faultlab": faultlab.__version__,
            "gate": self.file,
            "verdict": self.verdict.word,
            "exit_status": int(self.exit_status),
            "asked": self.asked,
            "results": [result.to_json() for result in self.results],
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what ``to_json`` wrote; raises ResultError for anything else."""
        try:
            if value["format"] != FORMAT:
                raise ResultError(f"no result of a gate: format is {value['format']!r}; expected {FORMAT}")
            return cls(value["gate"], tuple(map(Result.from_json, value["results"])), value["asked"])
        except (KeyError, TypeError) as problem:
            raise ResultError(f"no result of a gate: {type(problem).__name__}: {problem}") from problem


def changes(before: Sequence[Result], after: Sequence[Result]) -> Iterator[str]:
    """Yield a sentence for each oracle that stands otherwise than it did, and for each run that is new or missing.

    Runs are the same that have the scenario and the seed in common.
    """
    old = {result.name: result for result in before}
    new = {result.name: result for result in after}
    for name, result in new.items():
        if name not in old:
            yield f"{name}: was not run before; {result.verdict.word} now"
            continue
        earlier = {asked.name: asked.standing for asked in old[name].oracles}
        for asked in result.oracles:
            was = earlier.get(asked.name, Standing.UNDECIDED)
            if was is not asked.standing:
                yield f"{name}: {asked.name} was {was}, is {asked.standing}"
        if result.verdict is not old[name].verdict:
            yield f"{name}: the run was {old[name].verdict.word}, is {result.verdict.word}"
    for name, result in old.items():
        if name not in new:
            yield f"{name}: was {result.verdict.word}, is not run any more"


__all__ = ["GateResult", "changes"]
