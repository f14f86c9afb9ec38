"""What the benchmarks rest on: budgets that not measuring cannot meet, and corpora that every reader reads alike."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from faultlab.lineprotocol import DIALECTS, parse

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def benchmark_module(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    """Import a module of the benchmarks, which find one another as scripts do."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("table", "corpora", "readers", "lineprotocol"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module(request.param)


@pytest.mark.parametrize("benchmark_module", ["table"], indirect=True)
def test_what_was_not_measured_misses_its_budget(benchmark_module: ModuleType) -> None:
    """A figure has to lie within its bounds; none at all lies in no bounds, and in those of a row that has none."""
    row = benchmark_module.Row
    bounds: list[dict[str, float]] = [{"limit": 2.0}, {"floor": 2.0}, {}]
    expected = {1.0: [False, True, False], 2.0: [False, False, False], 3.0: [True, False, False]}

    assert expected == {figure: [row("r", figure, "", **given).missed for given in bounds] for figure in expected}
    assert [True, True, False] == [row("r", None, "", **given).missed for given in bounds]


@pytest.mark.parametrize("benchmark_module", ["lineprotocol"], indirect=True)
def test_the_headline_is_missed_without_its_peer(benchmark_module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the C extension is not installed a row says so, and what is a ratio to it does not pass."""
    monkeypatch.setattr(benchmark_module.readers, "INSTALLED", False)
    times = {name: [1e-8, 1e-8] for name in benchmark_module.compared()}
    rows = list(benchmark_module.ratios("A", 157.0, times))

    assert ["not installed"] == [row.unit for row in rows if row.name == "A: line-protocol-parser, dictionaries"]
    assert ["A: strict, identities"] == [row.name for row in rows if row.missed]


@pytest.mark.parametrize("benchmark_module", ["lineprotocol"], indirect=True)
@pytest.mark.parametrize("letter", "ABCM")
def test_readers_agree_on_a_corpus(benchmark_module: ModuleType, letter: str) -> None:
    """Every reader that should finds the points of the strict dialect, and every dialect refuses as many lines."""
    body = benchmark_module.CORPORA[letter](1_000)
    found = benchmark_module.compared()

    assert [0, 0] == [row.figure for row in benchmark_module.agreement(letter, body, found)]
    assert body == benchmark_module.CORPORA[letter](1_000)


@pytest.mark.parametrize("benchmark_module", ["corpora"], indirect=True)
def test_corpora_are_what_they_are_said_to_be(benchmark_module: ModuleType) -> None:
    """Lines of some 157 bytes with five tags and five fields; C has as many series as lines, A never more than 200."""
    corpora = {letter: make(2_000) for letter, make in benchmark_module.CORPORA.items()}
    points = {letter: parse(body, DIALECTS["strict"]).points for letter, body in corpora.items()}
    series = {letter: len({point.series for point in some}) for letter, some in points.items()}

    assert [] == [letter for letter, body in corpora.items() if not 150 <= len(body) / 2_000 <= 170]
    assert {(5, 5)} == {(len(one.tags), len(one.fields)) for some in points.values() for one in some}
    assert (200, 2_000) == (series["A"], series["C"])
    assert 0 < 2_000 - len(points["M"]) < 60
