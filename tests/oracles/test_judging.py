"""Putting a history to the oracles: worst wins, nothing judged is no pass, a crash is a doubt."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from faultlab import oracles
from faultlab.history import Event, History, Report
from faultlab.ledger import Ledger
from faultlab.oracles import UnknownOracle, judge, named
from faultlab.verdict import KEPT, Counts, Judgement, Level, Oracle, Verdict, oracle
from tests.builders import KILLED, history, lines, sent

CALM = (sent(1, lines(1)), sent(2, lines(2)))
FAILED = Judgement(Verdict.FAIL, "late")
RULE: dict[str, Any] = {"name": "quota", "fault": "rate_limit", "required": True}


class Held(Judgement):
    """A judgement of which can be seen whether anybody still holds it."""

    __slots__ = ("__weakref__",)


@oracle(level=Level.MUST, source="a test")
def passes(ledger: Ledger) -> Iterator[Judgement]:
    """Everything is fine."""
    yield Judgement(Verdict.PASS, "fine")


@oracle(level=Level.MUST, source="a test")
def finds_nothing(ledger: Ledger) -> Iterator[Judgement]:
    """Nothing is here.

    More about it.
    """
    yield from ()


@oracle(level=Level.MUST, source="a test")
def crashes(ledger: Ledger) -> Iterator[Judgement]:
    """Nothing works."""
    yield Judgement(Verdict.PASS, "so far, so good")
    raise ZeroDivisionError("oops")


@oracle(level=Level.MUST, source="a test")
def fails(ledger: Ledger) -> Iterator[Judgement]:
    """Something is wrong."""
    yield Judgement(Verdict.PASS, "one")
    yield Judgement(Verdict.FAIL, "two")
    yield Judgement(Verdict.INCONCLUSIVE, "three")


def verdict(*asked: Oracle, checks: tuple[str, ...] = (), strict: bool = False, past: History | None = None) -> Verdict:
    """Give the verdict of some oracles on a history."""
    return judge(past or history(*CALM), asked, checks, strict=strict).verdict


def test_an_oracle_is_named_after_its_function() -> None:
    """Name and sentence come from the function, so they cannot differ from it."""
    assert ("finds_nothing", "Nothing is here", Level.MUST, "a test") == (
        finds_nothing.name,
        finds_nothing.about,
        finds_nothing.level,
        finds_nothing.source,
    )
    assert ("More about it.",) == finds_nothing.explained


def test_all_oracles_have_a_name_a_sentence_and_a_source() -> None:
    """Reports, listings and scenario files rest on these."""
    assert (
        "loses_nothing_silently",
        "delivers_through_transient_failures",
        "waits_as_told",
        "survives_any_retry_after",
        "leaves_permanent_failures_alone",
        "reports_partial_writes",
        "splits_oversized_batches",
        "backs_off",
        "keeps_the_request_budget",
        "lets_good_lines_pass_bad_ones",
        "repeats_only_idempotently",
        "writes_valid_lines",
        "keeps_field_types",
        "recovers_promptly",
        "ends_well",
        "tells_the_truth",
        "keeps_its_secrets",
    ) == tuple(one.name for one in oracles.ALL)
    assert all(one.about and one.source for one in oracles.ALL)


@pytest.mark.parametrize("one", oracles.ALL, ids=lambda one: one.name)
def test_all_oracles_explain_themselves(one: Oracle) -> None:
    """What it looks at, what fails, what it considers, and what a client's author can do."""
    assert ["Looks at", "Fails", "Considered", "To mend"] == [text.partition(":")[0] for text in one.explained]


def test_the_worst_judgement_wins() -> None:
    """A failure outweighs a doubt outweighs a pass."""
    assert Verdict.FAIL == verdict(passes, fails)


def test_judgements_are_kept_in_order() -> None:
    """A report shows them as the oracle saw them."""
    assert ["one", "two", "three"] == [j.what for j in judge(history(*CALM), (fails,)).findings[0].first]


def test_a_finding_counts_what_it_does_not_keep() -> None:
    """A million judgements are counted to the last, and the first of each verdict are kept in order."""
    total = KEPT + 100
    some = [Judgement(verdict, str(number)) for number in range(total) for verdict in (Verdict.FAIL, Verdict.PASS)]
    last = Judgement(Verdict.INCONCLUSIVE, "last")
    [found] = judge(history(*CALM), (replace(fails, looks_at=lambda _: iter((*some, last))),)).findings

    assert {Verdict.PASS: total, Verdict.INCONCLUSIVE: 1, Verdict.FAIL: total} == found.cases
    assert (2 * total + 1, (*some[: 2 * KEPT], last)) == (found.judged, found.first)
    assert (last,) == found.first_of(Verdict.INCONCLUSIVE)
    assert some[: 2 * KEPT : 2] == [*found.first_of(Verdict.FAIL)]


def test_a_failure_after_many_passes_is_found() -> None:
    """A verdict rests on all judgements and not on those that are kept."""
    late = replace(fails, looks_at=lambda _: iter([Judgement(Verdict.PASS, "")] * 2 * KEPT + [FAILED]))

    assert (Verdict.FAIL, 2 * KEPT + 1) == (verdict(late), judge(history(*CALM), (late,)).findings[0].judged)


def test_what_is_not_kept_is_let_go() -> None:
    """An oracle is asked for its next judgement before more than those that are kept are held."""
    held: list[int] = []

    def looks(ledger: Ledger) -> Iterator[Judgement]:
        some: list[weakref.ref[Held]] = []
        for number in range(2 * KEPT):
            some.append(weakref.ref(one := Held(Verdict.PASS, str(number))))
            yield one
            del one
        held.append(sum(one() is not None for one in some))

    judge(history(*CALM), (replace(passes, looks_at=looks),))

    assert held[0] in {KEPT, KEPT + 1}


def test_a_check_without_a_case_is_inconclusive() -> None:
    """A check that looked at nothing is never a pass."""
    found = judge(history(*CALM), (passes, finds_nothing), ("finds_nothing",))

    assert (Verdict.INCONCLUSIVE, ("oracle 'finds_nothing' was not put to the test",)) == (found.verdict, found.reasons)


def test_an_oracle_nobody_asked_has_no_influence_without_a_case() -> None:
    """It has no verdict either."""
    found = judge(history(*CALM), (passes, finds_nothing))

    assert (Verdict.PASS, None, ()) == (found.verdict, found.findings[1].verdict, found.reasons)


def test_nothing_judged_at_all_is_inconclusive() -> None:
    """Silence is no pass."""
    found = judge(history(*CALM), (finds_nothing,))

    assert (Verdict.INCONCLUSIVE, ("no oracle found anything to judge",)) == (found.verdict, found.reasons)


def test_the_history_names_its_checks() -> None:
    """What the scenario asked for is recorded with the run."""
    assert Verdict.INCONCLUSIVE == judge(history(*CALM, checks=("waits_as_told",))).verdict


def test_a_crash_is_inconclusive_and_keeps_its_traceback() -> None:
    """A broken oracle proves nothing, and its author wants to know where."""
    found = judge(history(*CALM), (passes, crashes))

    assert (Verdict.INCONCLUSIVE, ("oracle 'crashes' crashed: ZeroDivisionError: oops",)) == (
        found.verdict,
        found.reasons,
    )
    assert found.findings[1].crashed.startswith("Traceback")
    assert [Verdict.PASS] == [judgement.verdict for judgement in found.findings[1].first]


def test_a_failure_outweighs_a_crash() -> None:
    """A doubt never lowers a failure."""
    assert Verdict.FAIL == verdict(crashes, fails)


def test_a_should_fails_only_when_strict() -> None:
    """It is printed all the same."""
    advice = replace(fails, looks_at=lambda _: iter((Judgement(Verdict.FAIL, "x"),)), level=Level.SHOULD)

    assert (Verdict.PASS, Verdict.FAIL) == (verdict(advice), verdict(advice, strict=True))
    assert Verdict.PASS == judge(history(*CALM), (advice,)).verdict
    assert Verdict.FAIL == judge(history(*CALM), (advice,)).findings[0].verdict


def test_a_strict_run_is_not_in_doubt_over_what_nobody_asked() -> None:
    """Strict lets a failed should fail; a question that nobody put has no answer in a short run, and needs none."""
    doubt = replace(fails, looks_at=lambda _: iter((Judgement(Verdict.INCONCLUSIVE, "x"),)), level=Level.SHOULD)

    assert Verdict.PASS == verdict(passes, doubt, strict=True)
    assert Verdict.INCONCLUSIVE == verdict(passes, doubt, checks=(doubt.name,), strict=True)


def test_a_should_keeps_its_doubts_where_it_was_asked() -> None:
    """Being lenient with a failure does not make its doubts a pass; what nobody asked is no reason to doubt."""
    advice = replace(fails, level=Level.SHOULD)

    assert (Verdict.INCONCLUSIVE, Verdict.PASS) == (verdict(advice, checks=("fails",)), verdict(advice))
    assert Verdict.FAIL == verdict(advice, strict=True)


def test_a_should_without_a_case_is_a_doubt_where_it_was_asked() -> None:
    """Whatever its level, a check that looked at nothing proves nothing."""
    advice = replace(finds_nothing, level=Level.SHOULD)

    assert Verdict.INCONCLUSIVE == verdict(passes, advice, checks=("finds_nothing",))


def test_a_should_that_crashes_is_a_doubt() -> None:
    """Whether it was asked or not: the lab itself is not to be trusted there."""
    assert Verdict.INCONCLUSIVE == verdict(passes, replace(crashes, level=Level.SHOULD))


@pytest.mark.parametrize(
    ("past", "reason"),
    [
        (history(*CALM, broken=("KeyError in hook",)), "the lab itself failed: KeyError in hook"),
        (history(*CALM, complete=False), "the history ends before the run did"),
        (history(), "the client made no exchange at all"),
        (history(*CALM, rules=(RULE,)), "rule 'quota' is required and never fired"),
        (history(*CALM, sent(3, lines(3), settled=False)), "1 exchange has no outcome: 3"),
        (history(*CALM, *(sent(n, lines(n), settled=False) for n in (3, 4))), "2 exchanges have no outcome: 3, 4"),
        (
            history(*(sent(n, lines(n), settled=False) for n in range(1, 6))),
            "5 exchanges have no outcome: 1, 2, 3, 4, 5",
        ),
        (
            history(*(sent(n, lines(n), settled=False) for n in range(1, 7))),
            "6 exchanges have no outcome: 1, 2, 3, 4, 5 and 1 more",
        ),
        (
            history(*(sent(n, lines(n), settled=False) for n in range(1, 9))),
            "8 exchanges have no outcome: 1, 2, 3, 4, 5 and 3 more",
        ),
    ],
)
def test_a_run_that_proves_nothing_is_inconclusive(past: History, reason: str) -> None:
    """A lab that failed, a history cut off, no exchange, a rule that never fired, an exchange without an outcome."""
    found = judge(past, (passes,))

    assert (Verdict.INCONCLUSIVE, (reason,)) == (found.verdict, found.reasons)


def test_reasons_do_not_lower_a_failure() -> None:
    """A failure seen is a failure."""
    assert Verdict.FAIL == verdict(fails, past=history(broken=("x",)))


@pytest.mark.parametrize(
    "past",
    [
        history(*CALM, sent(3, lines(3), settled=False), client=KILLED),
        history(sent(1, lines(1), rule="quota"), rules=(RULE,)),
        history(*CALM, rules=({**RULE, "required": False},)),
    ],
)
def test_a_run_as_planned_has_no_reasons(past: History) -> None:
    """A client that was ended leaves exchanges open; a rule that fired, or need not, is no reason."""
    assert () == judge(past, (passes,)).reasons


def test_a_check_nobody_knows_is_inconclusive() -> None:
    """A misspelt check, or one of another version, is never silently left out."""
    found = judge(history(*CALM, checks=("wait_as_told",)))

    assert (
        Verdict.INCONCLUSIVE,
        ("a check cannot be made: no oracle named 'wait_as_told'; did you mean 'waits_as_told'?",),
    ) == (found.verdict, found.reasons)


def test_an_oracle_is_found_by_name() -> None:
    """The name is the function's."""
    assert oracles.ends_well is named("ends_well")


def test_a_name_far_from_all_gets_the_whole_list() -> None:
    """Where nothing is near, everything is shown."""
    with pytest.raises(UnknownOracle, match=r"no oracle named 'xyzzy'; known: passes, fails"):
        named("xyzzy", (passes, fails))


def test_counts_say_how_much_there_was() -> None:
    """Reports print them."""
    past = history(sent(1, lines(1, 2), 429), sent(2, lines(1, 2)), sent(3, "q", 200, path="/api/v2/query"))

    assert Counts(exchanges=3, batches=1, points=2) == judge(past).counts


@pytest.mark.parametrize(
    ("word", "exit_status"),
    [(("pass", Verdict.PASS), 0), (("inconclusive", Verdict.INCONCLUSIVE), 3), (("fail", Verdict.FAIL), 1)],
)
def test_verdicts_have_exit_statuses(word: tuple[str, Verdict], exit_status: int) -> None:
    """They are part of the public interface and never renumbered."""
    assert (word[0], exit_status) == (word[1].word, word[1].exit_status)


def backing_off(first: int, began: float) -> list[Event]:
    """Give four batches refused four times each, whose delays double and vary."""
    events: list[Event] = []
    for batch in range(4):
        at = began + 100 * batch
        for step in range(5):
            status, rule = (503, "outage") if step < 4 else (204, "")
            events.append(sent(first + len(events), lines(100 + batch), status, at=at, rule=rule))
            at += 0.1 + 2**step * (0.7 + 0.1 * batch)
    return events


def test_a_good_client_passes_everything() -> None:
    """A run with every kind of trouble, handled as one hopes, is a pass and nothing less."""
    past = history(
        sent(1, lines(1, 2), 429, at=0, left=0, retry_after="3", rule="quota"),
        sent(2, lines(1, 2), at=3.01),
        sent(3, lines(3, 4), 201, at=4, refused=(2,)),
        sent(4, lines(5), 401, at=5),
        sent(5, lines(6, 7), 413, at=6),
        sent(6, lines(6), at=7),
        sent(7, lines(7), at=8),
        sent(8, lines(8), 429, at=9, retry_after="soon"),
        sent(9, lines(8), at=10),
        sent(10, lines(9), 400, at=11),
        *backing_off(11, 12),
        rules=(RULE, {**RULE, "name": "outage"}),
        checks=tuple(one.name for one in oracles.ALL),
        stderr="WARN 201: line 2 refused\nERROR unauthorized access\n",
        reports=(Report("rejected", "", lines(9)),),
    )
    found = judge(past)

    assert (Verdict.PASS, ()) == (found.verdict, found.reasons)
    assert {Verdict.PASS} == {finding.verdict for finding in found.findings}
