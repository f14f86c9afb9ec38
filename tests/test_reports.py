"""Reports of one run with every kind of finding, compared with the text they had when last looked at."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faultlab import oracles, reports
from faultlab.history import History
from faultlab.ledger import Ledger
from faultlab.oracles import judge
from faultlab.reports import Result, ResultError
from faultlab.reports.text import COLUMNS, DETAILED
from faultlab.verdict import KEPT, Judgement, Level, Oracle, Verdict, Verdicts, oracle
from tests.builders import history, lines, sent

GOLDEN = Path(__file__).parent / "golden"
GUILTY = history(
    sent(1, lines(1, 2), 429, retry_after="3", rule="quota"),
    sent(2, lines(1, 2)),
    sent(3, lines(*range(10, 40)), 400),
    sent(4, lines(5), None),
    rules=({"name": "quota"}, {"name": "outage"}),
    checks=("waits_as_told", "reports_partial_writes"),
)
CALM = history(sent(1, lines(1)), sent(2, lines(2)))


@oracle(level=Level.SHOULD, source="a test")
def crashes(ledger: Ledger) -> Iterator[Judgement]:
    """Nothing works."""
    yield Judgement(Verdict.INCONCLUSIVE, "half of it")
    raise ZeroDivisionError


def golden(name: str, text: str) -> str:
    """Give the text of a golden file; with FAULTLAB_GOLDEN=write in the environment, make it what it is now."""
    path = GOLDEN / name
    if os.environ.get("FAULTLAB_GOLDEN") == "write":
        path.write_text(text + "\n", encoding="utf-8")
    return path.read_text(encoding="utf-8").removesuffix("\n")


def without_traceback(verdicts: Verdicts) -> Verdicts:
    """Give the verdicts with a traceback that is the same on every machine."""
    findings = tuple(
        replace(f, crashed="Traceback (most recent call last):\n  …\nZeroDivisionError\n" if f.crashed else "")
        for f in verdicts.findings
    )
    return replace(verdicts, findings=findings)


def test_text_of_a_guilty_client() -> None:
    """Table, reasons, failures with their points, and the line that runs it again."""
    text = reports.text(judge(GUILTY), GUILTY)

    assert golden("guilty.txt", text) == text


def test_text_of_a_calm_run() -> None:
    """Nothing but the table where nothing went wrong."""
    text = reports.text(judge(CALM), CALM)

    assert golden("calm.txt", text) == text


def test_text_of_a_crash() -> None:
    """A traceback stands in the report as it is."""
    text = reports.text(without_traceback(judge(CALM, (crashes,))), CALM)

    assert golden("crash.txt", text) == text


def test_text_of_many_failures() -> None:
    """A report of a thousand failures is as readable as one of ten."""
    past = history(*(sent(n, lines(n), 400) for n in range(1000)))
    text = reports.text(judge(past), past)

    assert golden("many.txt", text) == text


def many(ledger: Ledger) -> Iterator[Judgement]:
    """Yield more judgements of two verdicts than a finding keeps."""
    yield from (Judgement(Verdict.FAIL, f"bad {number}") for number in range(KEPT + 234))
    yield from (Judgement(Verdict.PASS, f"good {number}") for number in range(KEPT + 1))


MANY = Oracle("own", Level.MUST, "us", "own", many)


def test_text_counts_what_it_does_not_show() -> None:
    """The table has all cases, and the detail says how many more there are."""
    text = reports.text(judge(CALM, (MANY,)), CALM)

    assert f"FAIL          own                                  must      {2 * KEPT + 235}\n" in text
    assert f"- bad {DETAILED - 1}\n- and {KEPT + 234 - DETAILED} more\n" in text


def test_json_counts_what_it_does_not_list() -> None:
    """The counts are exact where the list has the first of each verdict only."""
    [found] = json.loads(reports.json(Result.of(judge(CALM, (MANY,)), CALM)))["oracles"]

    assert {"pass": KEPT + 1, "inconclusive": 0, "fail": KEPT + 234} == found["cases"]
    assert [f"bad {KEPT - 1}", "good 0", f"good {KEPT - 1}"] == [
        found["judgements"][at]["what"] for at in (KEPT - 1, KEPT, -1)
    ]


@pytest.mark.parametrize("past", [GUILTY, CALM])
def test_json_lists_as_many_as_it_counts(past: History) -> None:
    """Where nothing was left out, list and counts are one."""
    found = json.loads(reports.json(Result.of(judge(past), past)))["oracles"]

    assert [one["cases"] for one in found] == [
        {word: sum(judged["verdict"] == word for judged in one["judgements"]) for word in one["cases"]} for one in found
    ]


@pytest.mark.parametrize("past", [GUILTY, CALM])
def test_lines_of_text_fit(past: History) -> None:
    """All but the line to be copied."""
    body, _, _ = reports.text(judge(past), past).rpartition("\n")

    assert max(len(line) for line in body.splitlines()) <= COLUMNS


def test_json_of_a_guilty_client() -> None:
    """Every documented key, for programs."""
    text = reports.json(Result.of(judge(GUILTY), GUILTY))

    assert golden("guilty.json", text) == text


def test_json_says_what_the_verdict_says() -> None:
    """Verdict, exit status and the verdict of each oracle."""
    value = json.loads(reports.json(Result.of(judge(GUILTY), GUILTY)))

    assert ("fail", 1, {"quota": 1, "outage": 0}) == (value["verdict"], value["exit_status"], value["counts"]["fired"])
    assert [one.name for one in oracles.ALL] == [one["name"] for one in value["oracles"]]


def test_json_of_a_crash_has_its_traceback() -> None:
    """A program may want to file it."""
    (found,) = json.loads(reports.json(Result.of(judge(CALM, (crashes,)), CALM)))["oracles"]

    assert found["crashed"].endswith("ZeroDivisionError\n")


def test_the_command_is_quoted() -> None:
    """The line can be pasted into a shell."""
    past = history(sent(1, lines(1)), command=("sh", "-c", "echo 'a b'; exit 1"))
    *_, last = reports.text(judge(past), past).splitlines()

    assert """  faultlab run rate-limit --seed 7 --profile serverless -- sh -c 'echo '"'"'a b'"'"'; exit 1'""" == last


def test_a_history_without_a_command_leaves_a_place_for_it() -> None:
    """Recorded beside a client, a run is repeated by whoever starts the client."""
    past = history(sent(1, lines(1)), command=())
    *_, last = reports.text(judge(past), past).splitlines()

    assert last.endswith(" -- COMMAND")


@pytest.mark.parametrize("strict", [False, True])
def test_json_is_read_back(*, strict: bool) -> None:
    """What was written is the same when read, kept judgements and tracebacks included."""
    for past, known in ((GUILTY, oracles.ALL), (CALM, (crashes,)), (history(), oracles.ALL)):
        result = Result.of(judge(past, known, strict=strict), past, strict=strict)
        assert result == Result.from_json(json.loads(reports.json(result)))


@pytest.mark.parametrize("value", [None, [], {}, {"format": 2}, {"format": 1}, {"format": 1, "counts": 3}])
def test_json_of_something_else_is_refused(value: object) -> None:
    """One line says what was found."""
    with pytest.raises(ResultError, match="no result of a run: "):
        Result.from_json(value)


def test_what_a_finding_means_for_its_run() -> None:
    """A should that fails is a warning, and a failure where the run is strict; what nobody asked is undecided."""

    @oracle(level=Level.SHOULD, source="a test")
    def advises(ledger: Ledger) -> Iterator[Judgement]:
        """Better not."""
        yield Judgement(Verdict.FAIL, "it did")

    @oracle(level=Level.MUST, source="a test")
    def silent(ledger: Ledger) -> Iterator[Judgement]:
        """Nothing to say."""
        yield from ()

    @oracle(level=Level.SHOULD, source="a test")
    def doubts(ledger: Ledger) -> Iterator[Judgement]:
        """Who knows."""
        yield Judgement(Verdict.INCONCLUSIVE, "maybe")

    known = (advises, silent, doubts, crashes)
    asked = [
        [one.standing.value for one in Result.of(judge(CALM, known, strict=strict), CALM, strict=strict).oracles]
        for strict in (False, True)
    ]

    assert ["warning", "undecided", "undecided", "inconclusive"] == asked[0]
    assert ["fail", "undecided", "undecided", "inconclusive"] == asked[1]


def test_words_are_the_same_for_every_oracle() -> None:
    """An oracle of a third party is reported like a built-in."""
    own = Oracle("own", Level.MUST, "us", "own", lambda _: iter((Judgement(Verdict.FAIL, "bad"),)))
    text = reports.text(judge(CALM, (own,)), CALM)

    assert "FAIL own (must: us)\n- bad" in text
