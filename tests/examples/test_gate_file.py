"""``examples/faultlab.yaml`` passes as it stands, and every line in it is needed for that, or is used."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from faultlab import history, oracles
from faultlab.gate.file import Gate, load, schema
from faultlab.gate.ratchet import tolerated
from faultlab.reports import Result, Standing
from faultlab.verdict import Verdict
from tests.examples.running import EXAMPLES, run

FILE = EXAMPLES / "faultlab.yaml"


@pytest.fixture(scope="module")
def gate() -> Gate:
    """What the file asks for."""
    return load(FILE)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """The results of the gate, run as its first lines say."""
    folder = tmp_path_factory.mktemp("gate")
    report = folder / "gate.json"
    done = run(["faultlab", "gate", "examples/faultlab.yaml", "--quiet", "--history", folder / "h", "--json", report])
    assert 0 == done.returncode, done.stdout + done.stderr
    return [Result.from_json(one) for one in json.loads(report.read_text())["results"]]


def test_every_run_passes(gate: Gate, played: list[Result]) -> None:
    """There is a run for each scenario and seed, and each is a pass."""
    assert {cell.name: Verdict.PASS for cell in gate.cells} == {
        f"{one.scenario}[{one.seed}]": one.verdict for one in played
    }


def test_every_known_failure_happens(gate: Gate, played: list[Result]) -> None:
    """Each line of ``known`` is the reason by which something is tolerated."""
    because = {one.because for result in played for one in result.oracles if one.standing is Standing.TOLERATED}

    assert {f"known: {known.reason}" for known in gate.known} <= because


def test_the_budget_is_used_up_and_no_more(gate: Gate, played: list[Result]) -> None:
    """The oracle with a budget failed in as many cases as the budget allows."""
    [(name, budget)] = gate.budgets.items()
    [found] = [
        one for result in played for one in result.oracles if one.name == name and one.standing is Standing.TOLERATED
    ]

    assert found.cases[Verdict.FAIL] == budget.share * found.judged


@pytest.mark.parametrize("left_out", ["known", "budgets"])
def test_without_what_is_tolerated_the_gate_fails(gate: Gate, played: list[Result], left_out: str) -> None:
    """The same histories, judged for a gate that tolerates less, are a failure."""
    stricter = replace(gate, known=()) if left_out == "known" else replace(gate, budgets={})
    pasts = [history.read(Path(one.history)) for one in played]
    judged = [Result.of(oracles.judge(past, strict=gate.strict), past, strict=gate.strict) for past in pasts]

    assert Verdict.FAIL in {result.verdict for result in tolerated(stricter, judged)}
    assert {Verdict.PASS} == {result.verdict for result in tolerated(gate, judged)}


def test_every_key_is_there() -> None:
    """Each key of the schema is used, but for the one that takes a real InfluxDB, which stands in a comment."""
    text = FILE.read_text()
    keys = schema()["properties"]

    assert {"upstream"} == {key for key in keys if not re.search(rf"^{key}:", text, re.MULTILINE)}
    assert re.search(r"^# upstream: http://", text, re.MULTILINE)
    inside = schema()["properties"]["scenarios"]["items"]["properties"]
    assert set() == {key for key in inside if not re.search(rf"^    {key}:|^  - {key}:", text, re.MULTILINE)}
