"""The table of a matrix: entries, JSON, what changed, and its forms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from faultlab.exits import Exit
from faultlab.lab import Settings
from faultlab.matrix import Cell, Entry, Table, changes, summary
from faultlab.matrix.pages import html, markdown
from faultlab.matrix.table import entry, finding
from faultlab.plan import Plan
from faultlab.playing import ENVIRONMENT, Task
from faultlab.reports import ResultError, Standing
from tests.gate.test_ratchet import FAILS, HOLDS, asked, result

HOSTILE = '<script>alert(1)</script> | `x` & "y"\n# z'


def table(*entries: Entry, wall: float = 10.0) -> Table:
    """Give a table of these."""
    return Table({"one": "1.0", "two": ""}, entries, wall)


PASSED = Entry("one", "calm", 7, "pass", again="run it", history="one/calm-7", exchanges=3, seconds=40.0)
FAILED = Entry("one", "tls", 7, "fail", ("loses",), "loses: all of it", "run that", "one/tls-7", 3, 20.0)
ABSENT = Entry("two", "calm", 7, "not applicable", finding="no such answer")
DOUBT = Entry("two", "tls", 7, "inconclusive", (), HOSTILE, "run <it>", "two/tls-7", 1, 5.0)
ALL = table(PASSED, FAILED, ABSENT, DOUBT)


def test_json_is_read_back() -> None:
    """What was written is the same when read."""
    assert ALL == Table.from_json(ALL.to_json())


@pytest.mark.parametrize("value", [None, {}, {"format": 2}, {"format": 1, "entries": [{}]}, {"format": 1}])
def test_json_of_something_else_is_refused(value: object) -> None:
    """One line says what was found."""
    with pytest.raises(ResultError, match="no matrix: "):
        Table.from_json(value)


def test_changes_are_named() -> None:
    """Another verdict, other failures, another version, cells that are new and gone."""
    now = Table(
        {"one": "1.1", "two": ""},
        (
            PASSED,
            Entry("one", "tls", 7, "pass"),
            Entry("two", "tls", 7, "fail", ("a", "b")),
            Entry("two", "auth", 7, "pass"),
        ),
    )

    assert [
        "one: was 1.0, is 1.1",
        "one × tls[7]: was fail (loses), is pass",
        "two × tls[7]: was inconclusive, is fail (a, b)",
        "two × auth[7]: was not run before; pass now",
        "two × calm[7]: was not applicable, is not run any more",
    ] == list(changes(ALL, now))
    assert [] == list(changes(ALL, ALL))


def test_how_it_was_made_is_said_where_that_matters() -> None:
    """Time that ran faster, and a real server, in the summary and on both pages; a change of server is one."""
    other = replace(ALL, time_scale=20.0, upstream="influxdb1")
    said = ("20 times as fast for proxies and clients", "behind the proxies was influxdb1")

    assert other == Table.from_json(other.to_json())
    for text in (summary(other), html(other), markdown(other)):
        assert all(one.casefold() in text.casefold() for one in said)
    assert not any("behind the proxies" in text for text in (summary(ALL), html(ALL), markdown(ALL)))
    assert ["upstream: was origin, is influxdb1"] == list(changes(ALL, other))


def test_the_summary_counts_and_explains() -> None:
    """A line a client, each cell that is no pass, and how much waiting went into how much time."""
    text = summary(ALL)

    assert "one                           1.0           1     1             0    0" in text
    assert "two                                         0     0             1    1" in text
    assert "FAIL          one × tls[7]\n  loses: all of it\n  run that" in text
    assert "the clients ran 65 s in all, the matrix took 10 s: 6.5 to 1" in text


def test_pages_show_each_cell_and_trust_nobody() -> None:
    """Each verdict has its mark; what a client said stays text; a cell that is no pass links to what happened."""
    page, text = html(ALL), markdown(ALL)

    assert "<script>" not in page
    assert 'href="two/tls-7/report.html"' in page
    assert 'href="one/tls-7/report.html"' in page
    assert "one/calm-7/report.html" not in page
    assert "| one 1.0 | ✓ | ✗ |" in text
    assert "| two  | – | ? |" in text
    assert "`<script>alert(1)</script> | 'x' & \"y\" # z`" in text


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ((PASSED, FAILED, ABSENT, DOUBT), Exit.PASS),
        ((PASSED, Entry("one", "x", 7, "not run")), Exit.INTERRUPTED),
        ((PASSED, Entry("one", "x", 7, "inconclusive", environment=True)), Exit.ENVIRONMENT),
    ],
)
def test_exit_statuses(entries: tuple[Entry, ...], status: Exit) -> None:
    """A matrix finds; it fails only where something could not be run."""
    assert status == table(*entries).exit_status


def test_entries_of_cells(tmp_path: Path) -> None:
    """The worst is said first: a failure, a doubt, a reason; what has no answer, and what was not run, says so."""
    cell = Cell("one", "calm", 7, Task(Plan(), Settings(tmp_path)))
    absent = Cell("one", "calm", 7, None, "no such answer")
    doubt = asked("waits", Standing.INCONCLUSIVE, 0)

    assert ("fail", ("loses",)) == (entry(cell, result("calm", FAILS, doubt), "").verdict, ("loses",))
    assert ("loses",) == entry(cell, result("calm", FAILS), "").failed
    assert "not run" == entry(cell, None, "").verdict
    assert ("not applicable", "no such answer") == (entry(absent, None, "").verdict, entry(absent, None, "").finding)
    assert "why" == finding(result("calm", HOLDS, reasons=("why",)))
    assert "" == finding(result("calm", HOLDS))
    assert entry(cell, result("calm", reasons=(f"{ENVIRONMENT}x",)), "").environment
