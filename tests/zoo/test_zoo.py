"""The judges judged: every writer that is wrong fails the question it is wrong in, the one that is right fails none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faultlab import oracles
from tests.zoo import table
from tests.zoo.mutants import MUTANTS
from tests.zoo.table import Cell

RECORDED = Path(__file__).parent / "table.txt"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> list[Cell]:
    """Play every cell."""
    return table.play(table.cells(), tmp_path_factory.mktemp("zoo"))


def test_every_writer_fails_what_it_is_wrong_in(played: list[Cell]) -> None:
    """Each writer that is wrong fails the question meant for it."""
    caught = {(cell.writer, cell.scenario): cell.failed for cell in played}

    assert [] == [cell for cell, meant in table.MEANT.items() if meant not in caught[cell]]


def test_the_right_writer_fails_nothing(played: list[Cell]) -> None:
    """Whoever is right in everything is told so."""
    assert [] == [cell for cell in played if cell.writer == "reference" and cell.failed]


def test_no_draw_makes_the_right_writer_fail(tmp_path: Path) -> None:
    """With other seeds other attempts fail, wait otherwise, and come in another order.

    Each seed takes half a minute: FAULTLAB_ZOO_SEEDS says how many, one if not given.
    """
    seeds = range(100, 100 + int(os.environ.get("FAULTLAB_ZOO_SEEDS", "1")))
    played = table.play([cell for seed in seeds for cell in table.right(seed)], tmp_path)

    assert [] == [(cell.scenario, cell.seed, cell.failed) for cell in played if cell.failed]


def test_no_cell_of_the_table_changes(played: list[Cell]) -> None:
    """What each writer passes and fails is what is recorded.

    If this fails for a good reason: python -m faultlab zoo > tests/zoo/table.txt
    """
    assert table.text(played) + "\n" == RECORDED.read_text()


def test_every_writer_and_every_question_has_a_row() -> None:
    """No writer stands idle, and no oracle is without a writer that fails it."""
    assert set(MUTANTS) == {writer for writer, _ in table.MEANT}
    assert {one.name for one in oracles.ALL} == set(table.MEANT.values())
