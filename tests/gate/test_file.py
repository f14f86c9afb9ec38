"""Gate files: what they ask for, and the one line said of each mistake."""

from __future__ import annotations

import fnmatch
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from faultlab.cli import run
from faultlab.gate import GateError, load, schema
from faultlab.gate.file import Budget
from faultlab.verdict import Verdict

WHOLE = """
command: [python, "write batches.py", "{url}"]
scenarios:
  - rate-limit
  - {scenario: ./mine.yaml, seeds: [5], deadline: 9, profile: core}
seeds: [1, 2]
deadline: 30
profile: tsm
jobs: 3
should: failure
budgets: {waits_as_told: 2, backs_off: 5%}
known:
  - {oracle: reports_partial_writes, scenario: mine, reason: "the client ignores 201"}
  - {oracle: ends_well, reason: "exits 0"}
upstream: http://127.0.0.1:8086/
token: t
org: o
bucket: b
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a scenario of ours."""
    (tmp_path / "mine.yaml").write_text("rules: []\n")
    return tmp_path


def read(folder: Path, text: str) -> str:
    """Read a gate file that is wrong and give what is said of it, without the folder's name."""
    file = folder / "gate.yaml"
    file.write_text(text)
    with pytest.raises(GateError) as problem:
        load(file)
    assert "\n" not in str(problem.value)
    return str(problem.value).replace(f"{folder}/", "")


def test_every_key_is_read(folder: Path) -> None:
    """Runs in the order of the file, each with what its scenario or the file says."""
    (folder / "gate.yaml").write_text(WHOLE)
    gate = load(folder / "gate.yaml")

    assert ("python", "write batches.py", "{url}") == gate.command
    assert [("rate-limit[1]", "tsm", 30), ("rate-limit[2]", "tsm", 30), ("mine[5]", "core", 9)] == [
        (cell.name, cell.profile, cell.deadline) for cell in gate.cells
    ]
    assert ["rate-limit", "rate-limit", str(folder / "mine.yaml")] == [cell.source for cell in gate.cells]
    assert (True, 3, "http://127.0.0.1:8086", "t", "o", "b") == (
        gate.strict,
        gate.jobs,
        gate.upstream,
        gate.token,
        gate.org,
        gate.bucket,
    )
    assert [("reports_partial_writes", "mine", 13), ("ends_well", "", 14)] == [
        (known.oracle, known.scenario, known.line) for known in gate.known
    ]
    assert {"waits_as_told": Budget(2), "backs_off": Budget(share=0.05)} == gate.budgets
    assert ["2", "5 %"] == [str(budget) for budget in gate.budgets.values()]


def test_what_is_left_out_is_as_the_scenario_has_it(folder: Path) -> None:
    """A line of shell is split as a shell would; a scenario brings its own seed."""
    (folder / "mine.yaml").write_text("rules: []\nseed: 17\n")
    (folder / "gate.yaml").write_text("command: sh -c 'exit 0'\nscenarios: [calm, mine.yaml]\n")
    gate = load(folder / "gate.yaml")

    assert ("sh", "-c", "exit 0") == gate.command
    assert ["calm[0]", "mine[17]"] == [cell.name for cell in gate.cells]
    assert (False, None, None, (), {}) == (gate.strict, gate.jobs, gate.upstream, gate.known, gate.budgets)


HEAD = "command: x\nscenarios: [calm]\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "gate.yaml:1:1: is empty; expected *"),
        ("command: x\n", "gate.yaml:1:1: key 'scenarios': is missing; expected a list"),
        ("command: x\nscenario: [calm]\n", "gate.yaml:2:1: key 'scenario': no such key; *did you mean 'scenarios'?"),
        ("command: x\nscenarios: []\n", "gate.yaml:2:12: key 'scenarios': *"),
        (
            "command: x\nscenarios: [clam]\n",
            "gate.yaml:2:13: key 'scenarios[0]': no scenario is *'clam'; *'calm'?",
        ),
        ("command: x\nscenarios: [./no.yaml]\n", "gate.yaml:2:13: key 'scenarios[0]': no.yaml: cannot be read *"),
        (
            "command: x\nscenarios: [calm, calm]\n",
            "gate.yaml:2:19: key 'scenarios[1]': asks for calm[[]0] a second *",
        ),
        (
            "command: x\nscenarios: [{scenario: calm, seds: [1]}]\n",
            "gate.yaml:2:30: *no such key; *'seeds'?",
        ),
        ('command: "x \'y"\nscenarios: [calm]\n', "gate.yaml:1:10: key 'command': cannot be split into words: *"),
        ("command: ' '\nscenarios: [calm]\n", "gate.yaml:1:10: key 'command': is empty; expected a command"),
        ("command: 3\nscenarios: [calm]\n", "gate.yaml:1:10: key 'command': is 3; expected text * or a list"),
        (HEAD + "seeds: [-1]\n", "gate.yaml:3:9: key 'seeds[0]': is -1; expected a whole number from 0 to *"),
        (HEAD + "seeds: [1.5]\n", "gate.yaml:3:9: key 'seeds[0]': is 1.5; expected a whole number *"),
        (HEAD + "deadline: 0\n", "gate.yaml:3:11: key 'deadline': is 0; expected a number above 0 *"),
        (HEAD + "jobs: 0\n", "gate.yaml:3:7: key 'jobs': is 0; expected a whole number from 1 to 256"),
        (
            HEAD + "should: fail\n",
            "gate.yaml:3:9: key 'should': is 'fail'; expected one of *; *'failure'?",
        ),
        (HEAD + "profile: corr\n", "gate.yaml:3:10: key 'profile': is 'corr'; *did you mean 'core'?"),
        (HEAD + "budgets: {waits: 1}\n", "gate.yaml:3:11: key 'budgets.waits': no such key; *"),
        (HEAD + "budgets: {ends_well: 5 percent}\n", "gate.yaml:3:22: *is '5 percent'; *or a percentage such as 5%"),
        (HEAD + "budgets: {ends_well: -1}\n", "gate.yaml:3:22: *is -1; expected a whole number of at least 0 or *"),
        (HEAD + "known: [{oracle: ends_well}]\n", "gate.yaml:3:9: key 'known[[]0].reason': is missing; *"),
        (HEAD + "known: [{oracle: ends_wel, reason: x}]\n", "gate.yaml:3:18: *did you mean 'ends_well'?"),
        (
            HEAD + "known: [{oracle: ends_well, scenario: clam, reason: x}]\n",
            "gate.yaml:3:39: key 'known[[]0].scenario': is 'clam'; expected a scenario of this file, *'calm'?",
        ),
        (HEAD + "upstream: 127.0.0.1\n", "gate.yaml:3:11: key 'upstream': is '127.0.0.1'; expected a URL such as *"),
        (
            "command: x\nscenarios: [{scenario: type-conflict, profile: oss1}, {scenario: auth, profile: v1}]\n",
            "gate.yaml:2:*",
        ),
    ],
)
def test_a_mistake_is_one_line(folder: Path, text: str, said: str) -> None:
    """File, line, column, key, what was given, what was expected, and the nearest thing there is."""
    found = read(folder, text)
    pattern = said.replace("[0]'", "[[]0]'").replace("[1]'", "[[]1]'")

    assert matches(found, pattern), found


def matches(text: str, pattern: str) -> bool:
    """Whether a text is like a shell pattern."""
    return fnmatch.fnmatchcase(text, pattern)


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on standard error, and exit status 2."""
    assert 2 == run(["gate", str(tmp_path / "none.yaml")])
    assert f"faultlab: {tmp_path}/none.yaml: cannot be read (No such file or directory); expected a gate file\n" == (
        capsys.readouterr().err
    )


def test_the_schema_is_printed_and_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """An editor can use it; every key is described."""
    assert 0 == run(["gate", "--schema"])
    printed = json.loads(capsys.readouterr().out)

    Draft202012Validator.check_schema(printed)
    assert schema() == printed
    assert all("description" in part for part in printed["properties"].values())


@pytest.mark.parametrize(
    ("budget", "failed", "judged", "allowed"),
    [
        (Budget(0), 0, 9, True),
        (Budget(0), 1, 9, False),
        (Budget(2), 2, 9, True),
        (Budget(2), 3, 9, False),
        (Budget(share=0.1), 1, 10, True),
        (Budget(share=0.1), 1, 9, False),
        (Budget(share=0.1), 2, 20, True),
    ],
)
def test_budgets(budget: Budget, failed: int, judged: int, allowed: bool) -> None:
    """A number is one of cases; a share is of all that were judged."""
    cases = {Verdict.PASS: judged - failed, Verdict.FAIL: failed, Verdict.INCONCLUSIVE: 0}

    assert allowed is budget.allows(cases)
