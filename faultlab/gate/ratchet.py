"""What is tolerated of the runs of a gate: known failures, each with a reason, and failures within a budget.

Known failures only ever become fewer: one that no longer happens fails the gate until its line is removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from faultlab.gate.file import Gate, Known
from faultlab.reports import Asked, Result, Standing
from faultlab.verdict import Verdict


def tolerated(gate: Gate, results: Sequence[Result]) -> tuple[Result, ...]:
    """Give the results with what is tolerated in them no failure.

    Where all runs a known failure speaks of, and that put its oracle to the test, now hold, the first of them fails.
    """
    out = [_tolerant(gate, result) for result in results]
    for known in gate.known:
        found = [(place, asked.standing) for place, result in enumerate(results) for asked in _of(known, result)]
        tested = [(place, standing) for place, standing in found if standing is not Standing.UNDECIDED]
        if tested and all(standing is Standing.PASS for _, standing in tested):
            place = tested[0][0]
            why = (
                f"{gate.file}:{known.line}: the known failure of '{known.oracle}' ({known.reason}) did not happen;"
                " remove it from the file"
            )
            out[place] = replace(out[place], verdict=Verdict.FAIL, reasons=(*out[place].reasons, why))
    return tuple(out)


def _of(known: Known, result: Result) -> list[Asked]:
    """Give the finding a known failure speaks of, where it speaks of this run."""
    covered = not known.scenario or known.scenario == result.scenario
    return [asked for asked in result.oracles if covered and asked.name == known.oracle]


def _tolerant(gate: Gate, result: Result) -> Result:
    asked = tuple(_excused(gate, result, one) for one in result.oracles)
    standings = {one.standing for one in asked}
    if Standing.FAIL in standings:
        verdict = Verdict.FAIL
    elif Standing.INCONCLUSIVE in standings or result.reasons:
        verdict = Verdict.INCONCLUSIVE
    else:
        verdict = Verdict.PASS
    return replace(result, oracles=asked, verdict=verdict)


def _excused(gate: Gate, result: Result, asked: Asked) -> Asked:
    """Give a failure that is tolerated as such, with the reason; a crash never is."""
    if asked.standing not in {Standing.FAIL, Standing.WARNING} or asked.crashed:
        return asked
    because = next((f"known: {known.reason}" for known in gate.known if asked in _of(known, result)), "")
    budget = gate.budgets.get(asked.name)
    if not because and budget is not None and budget.allows(asked.cases):
        failed = asked.cases.get(Verdict.FAIL, 0)
        because = f"within its budget: {failed} of {asked.judged} cases failed, {budget} allowed"
    return replace(asked, standing=Standing.TOLERATED, because=because) if because else asked


__all__ = ["tolerated"]
