"""What a gate tolerates, and that what is known must go on failing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from faultlab.gate import GateResult, changes, tolerated
from faultlab.gate.file import Budget, Gate, Known
from faultlab.playing import ENVIRONMENT
from faultlab.reports import Asked, Result, ResultError, Standing
from faultlab.verdict import Counts, Verdict

VERDICTS = {
    Standing.PASS: Verdict.PASS,
    Standing.FAIL: Verdict.FAIL,
    Standing.WARNING: Verdict.FAIL,
    Standing.INCONCLUSIVE: Verdict.INCONCLUSIVE,
    Standing.UNDECIDED: None,
    Standing.TOLERATED: Verdict.FAIL,
}


def asked(name: str, standing: Standing, failed: int = 1, judged: int = 10, crashed: str = "") -> Asked:
    """Give an oracle's finding."""
    cases = {Verdict.PASS: judged - failed, Verdict.FAIL: failed, Verdict.INCONCLUSIVE: 0}
    return Asked(name, "must", "a test", "it holds", standing, VERDICTS[standing], cases, (), crashed)


def result(scenario: str, *oracles: Asked, reasons: tuple[str, ...] = (), seed: int = 1) -> Result:
    """Give a run's result, with the verdict its findings come to."""
    standings = {one.standing for one in oracles}
    verdict = Verdict.FAIL if Standing.FAIL in standings else Verdict.PASS
    if verdict is Verdict.PASS and (Standing.INCONCLUSIVE in standings or reasons):
        verdict = Verdict.INCONCLUSIVE
    return Result(verdict, scenario, seed, "core", f"again {scenario}", Counts(), {}, oracles, reasons)


def gate(*known: Known, budgets: Mapping[str, Budget] | None = None) -> Gate:
    """Give a gate that tolerates that."""
    return Gate("gate.yaml", ("x",), (), budgets=budgets or {}, known=known)


FAILS = asked("loses", Standing.FAIL)
HOLDS = asked("loses", Standing.PASS, failed=0)
KNOWN = Known("loses", "", "issue 12", 4)


@pytest.mark.parametrize(
    ("known", "budgets", "finding", "standing", "verdict"),
    [
        ((), {}, FAILS, Standing.FAIL, Verdict.FAIL),
        ((KNOWN,), {}, FAILS, Standing.TOLERATED, Verdict.PASS),
        ((Known("loses", "a", "x", 4),), {}, FAILS, Standing.TOLERATED, Verdict.PASS),
        ((Known("loses", "b", "x", 4),), {}, FAILS, Standing.FAIL, Verdict.FAIL),
        ((Known("other", "", "x", 4),), {}, FAILS, Standing.FAIL, Verdict.FAIL),
        ((KNOWN,), {}, asked("loses", Standing.WARNING), Standing.TOLERATED, Verdict.PASS),
        ((KNOWN,), {}, asked("loses", Standing.FAIL, crashed="Traceback"), Standing.FAIL, Verdict.FAIL),
        ((KNOWN,), {}, asked("loses", Standing.INCONCLUSIVE, 0), Standing.INCONCLUSIVE, Verdict.INCONCLUSIVE),
        ((), {"loses": Budget(1)}, FAILS, Standing.TOLERATED, Verdict.PASS),
        ((), {"loses": Budget(share=0.1)}, FAILS, Standing.TOLERATED, Verdict.PASS),
        ((), {"loses": Budget(share=0.09)}, FAILS, Standing.FAIL, Verdict.FAIL),
        ((), {"other": Budget(1)}, FAILS, Standing.FAIL, Verdict.FAIL),
        ((), {"loses": Budget(1)}, asked("loses", Standing.FAIL, 2), Standing.FAIL, Verdict.FAIL),
    ],
)
def test_what_is_tolerated(
    known: tuple[Known, ...], budgets: Mapping[str, Budget], finding: Asked, standing: Standing, verdict: Verdict
) -> None:
    """A failure that is known or within its budget is none; a crash and a doubt stay what they are."""
    [found] = tolerated(gate(*known, budgets=budgets), [result("a", finding)])

    assert (standing, verdict) == (found.oracles[0].standing, found.verdict)
    assert (standing is Standing.TOLERATED) == bool(found.oracles[0].because)


def test_the_reason_is_kept() -> None:
    """Reports can say why."""
    found = tolerated(gate(KNOWN), [result("a", FAILS)])
    within = tolerated(gate(budgets={"loses": Budget(3)}), [result("a", FAILS)])

    assert "known: issue 12" == found[0].oracles[0].because
    assert "within its budget: 1 of 10 cases failed, 3 allowed" == within[0].oracles[0].because


def test_what_else_is_wrong_with_a_run_stays() -> None:
    """A tolerated failure hides neither another one nor a reason."""
    other = tolerated(gate(KNOWN), [result("a", FAILS, asked("waits", Standing.FAIL))])
    doubt = tolerated(gate(KNOWN), [result("a", FAILS, reasons=("rule 'x' never fired",))])

    assert (Verdict.FAIL, Verdict.INCONCLUSIVE) == (other[0].verdict, doubt[0].verdict)


@pytest.mark.parametrize(
    ("findings", "stale"),
    [
        ([HOLDS], True),
        ([HOLDS, HOLDS], True),
        ([FAILS, HOLDS], False),
        ([HOLDS, FAILS], False),
        ([HOLDS, asked("loses", Standing.UNDECIDED, 0, 0)], True),
        ([asked("loses", Standing.UNDECIDED, 0, 0)], False),
        ([HOLDS, asked("loses", Standing.INCONCLUSIVE, 0)], False),
        ([HOLDS, asked("loses", Standing.WARNING)], False),
        ([asked("waits", Standing.PASS, 0)], False),
        ([], False),
    ],
)
def test_what_no_longer_fails_must_go(findings: list[Asked], stale: bool) -> None:
    """Once every run that tested it holds, the gate fails and says which line to remove; a doubt is no proof."""
    found = tolerated(gate(KNOWN), [result("a", one, seed=seed) for seed, one in enumerate(findings)])
    said = [reason for one in found for reason in one.reasons]

    assert stale == any(one.verdict is Verdict.FAIL for one in found)
    assert stale == (
        ["gate.yaml:4: the known failure of 'loses' (issue 12) did not happen; remove it from the file"] == said
    )


def test_a_known_failure_is_one_of_its_scenario() -> None:
    """What happens in another scenario neither excuses nor keeps it."""
    known = Known("loses", "a", "x", 4)
    found = tolerated(gate(known), [result("a", HOLDS), result("b", FAILS)])

    assert [Verdict.FAIL, Verdict.FAIL] == [one.verdict for one in found]
    assert [1, 0] == [len(one.reasons) for one in found]


@pytest.mark.parametrize(
    ("results", "asked_for", "status"),
    [
        ([result("a", HOLDS)], 1, 0),
        ([result("a", HOLDS), result("b", FAILS)], 2, 1),
        ([result("a", reasons=("x",)), result("b", FAILS)], 2, 1),
        ([result("a", HOLDS), result("b", reasons=("x",))], 2, 3),
        ([result("a", HOLDS), result("b", reasons=(f"{ENVIRONMENT}x",))], 2, 4),
        ([result("a", reasons=("x",)), result("b", reasons=(f"{ENVIRONMENT}x",))], 2, 4),
        ([result("a", FAILS), result("b", reasons=(f"{ENVIRONMENT}x",))], 2, 1),
        ([result("a", HOLDS)], 2, 3),
        ([result("a", FAILS)], 2, 1),
        ([], 1, 3),
        ([result("a", asked("loses", Standing.WARNING))], 1, 0),
        ([result("a", asked("loses", Standing.TOLERATED))], 1, 0),
    ],
)
def test_exit_statuses(results: list[Result], asked_for: int, status: int) -> None:
    """A failure counts most, then an environment that failed, then a doubt; a run that is missing is one."""
    outcome = GateResult("gate.yaml", tuple(results), asked_for)

    assert (status, status) == (int(outcome.exit_status), outcome.to_json()["exit_status"])
    assert outcome == GateResult.from_json(outcome.to_json())


@pytest.mark.parametrize(
    "value", [None, [], {}, {"format": 2}, {"format": 1, "gate": "x"}, {"format": 1, "results": 3, "gate": ""}]
)
def test_json_of_something_else_is_refused(value: object) -> None:
    """One line says what was found."""
    with pytest.raises(ResultError, match="no result of a gate: "):
        GateResult.from_json(value)


def test_changes_are_named() -> None:
    """Each oracle that stands otherwise, each verdict that did, runs that are new and that are gone."""
    before = [result("a", FAILS, asked("waits", Standing.PASS, 0)), result("b", HOLDS), result("gone", HOLDS)]
    after = [result("a", HOLDS, asked("waits", Standing.WARNING)), result("b", HOLDS), result("new", FAILS)]

    assert [
        "a[1]: loses was fail, is pass",
        "a[1]: waits was pass, is warning",
        "a[1]: the run was fail, is pass",
        "new[1]: was not run before; fail now",
        "gone[1]: was pass, is not run any more",
    ] == list(changes(before, after))
    assert [] == list(changes(after, after))
