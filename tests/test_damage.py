"""Histories that are not what a run left: each ends in a clear message or in a doubt, never in a pass."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from faultlab import contract, history
from faultlab.history import EVENTS, MANIFEST, STDERR, STDOUT, HistoryError, Writer
from faultlab.oracles import judge
from faultlab.redact import Redactor
from faultlab.verdict import Verdict
from tests.builders import history as built
from tests.builders import lines, sent

type Lines = list[bytes]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the history of a run that is a pass: refused, sent again, stored, told."""
    past = built(
        sent(1, lines(1, 2), 429, at=0, left=0.1, retry_after="1"),
        sent(2, lines(1, 2), at=1.2),
        sent(3, lines(3), 401, at=2),
        sent(4, lines(4), at=3),
        manifest=lines(1, 2, 3, 4),
    )
    folder = tmp_path_factory.mktemp("whole") / "h"
    writer = Writer(folder, Redactor(b""))
    writer.write("run", past.run)
    for event in past.events:
        writer.exchange(event.exchange, event.attempt, event.decision)
        assert event.outcome is not None
        writer.outcome(event.exchange.seq, event.outcome)
    writer.write("client", {"began": 0.0, "ended": 9.0, "status": 0})
    writer.write("app", {"told": "rejected", "lines": lines(3)})
    (folder / MANIFEST).write_text(lines(1, 2, 3, 4))
    (folder / STDERR).write_text("ERROR unauthorized access\n")
    (folder / STDOUT).write_text("")
    writer.end(9)
    writer.close()
    assert Verdict.PASS == judge(history.read(folder)).verdict
    return folder


def verdict(folder: Path) -> Verdict | str:
    """Judge a folder; give the message where it is no history."""
    try:
        return judge(history.read(folder)).verdict
    except (HistoryError, contract.UnknownProfile) as problem:
        return str(problem)


def changed(whole: Path, folder: Path, change: Callable[[Lines], Lines]) -> Verdict | str:
    """Judge what remains of the history after a change of its lines."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    events = folder / EVENTS
    events.write_bytes(b"".join(change(events.read_bytes().splitlines(keepends=True))))
    return verdict(folder)


def is_no_pass(found: Verdict | str) -> bool:
    """Whether it is a doubt, a failure, or one line that says what is wrong."""
    return found is not Verdict.PASS if isinstance(found, Verdict) else bool(found) and "\n" not in found


QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@QUIET
@given(data=st.data())
def test_a_history_that_was_cut_is_no_pass(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    """At any byte."""
    size = (whole / EVENTS).stat().st_size
    keep = data.draw(st.integers(0, size - 1))

    assert is_no_pass(changed(whole, tmp_path / "h", lambda given: [b"".join(given)[:keep]]))


@QUIET
@given(data=st.data())
def test_a_history_that_lacks_lines_is_no_pass(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Any of them, the failure that would have shown among them."""
    count = len((whole / EVENTS).read_bytes().splitlines())
    gone = data.draw(st.sets(st.integers(0, count - 1), min_size=1))

    assert is_no_pass(changed(whole, tmp_path / "h", lambda given: [x for n, x in enumerate(given) if n not in gone]))


@QUIET
@given(data=st.data())
def test_a_history_in_another_order_is_no_pass(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Whoever sorted it."""
    given = (whole / EVENTS).read_bytes().splitlines(keepends=True)
    order = data.draw(st.permutations(given))
    assume(order != given)

    assert is_no_pass(changed(whole, tmp_path / "h", lambda _given: order))


@QUIET
@given(data=st.data())
def test_a_history_with_lines_twice_is_no_pass(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Wherever the second one stands."""
    count = len((whole / EVENTS).read_bytes().splitlines())
    which, where = data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, count))

    assert is_no_pass(changed(whole, tmp_path / "h", lambda given: [*given[:where], given[which], *given[where:]]))


@QUIET
@given(data=st.data())
def test_a_history_with_other_bytes_is_no_pass(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    """One byte is enough, unless it only spells the seal itself, or its own line, otherwise."""
    given = (whole / EVENTS).read_bytes()
    where = data.draw(st.integers(0, given.rindex(b"\n", 0, -1)))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != given[where]))

    found = changed(whole, tmp_path / "h", lambda _given: [given[:where] + bytes([other]) + given[where + 1 :]])
    assert is_no_pass(found)


@pytest.mark.parametrize("name", [MANIFEST, STDERR, STDOUT])
@pytest.mark.parametrize("how", ["gone", "other"])
def test_files_of_another_run_are_no_proof(whole: Path, tmp_path: Path, name: str, how: str) -> None:
    """What was handed over and what was printed belong to the run as well."""
    shutil.copytree(whole, tmp_path / "h")
    path = tmp_path / "h" / name
    path.unlink() if how == "gone" else path.write_text(path.read_text() + "\n")
    found = judge(history.read(tmp_path / "h"))

    assert found.verdict is not Verdict.PASS
    assert f"the history is not as it was when the run ended: {name} is another" in found.reasons


def test_an_outcome_of_another_run_is_no_proof(whole: Path, tmp_path: Path) -> None:
    """A refusal that another history calls a success."""

    def better(given: Lines) -> Lines:
        values = [json.loads(line) for line in given]
        for value in values:
            if value["event"] == "outcome" and value["told"]["status"] == 401:
                value["told"] = {"status": 204, "headers": [], "size": 0, "text": ""}
        return [json.dumps(value).encode() + b"\n" for value in values]

    assert Verdict.INCONCLUSIVE == changed(whole, tmp_path / "h", better)


def test_a_history_without_a_seal_is_no_pass(whole: Path, tmp_path: Path) -> None:
    """Nobody knows whether it is what the run left."""

    def unsealed(given: Lines) -> Lines:
        return [*given[:-1], b'{"event":"end","at":9}\n']

    assert Verdict.INCONCLUSIVE == changed(whole, tmp_path / "h", unsealed)


@pytest.mark.parametrize(
    "text", ["", "\n", "{}\n", "[]\n", "<html>\n", '{"log": {"version": "1.2"}}\n', "\x00\x01\n", '{"event": null}\n']
)
def test_what_another_tool_wrote_is_no_history(tmp_path: Path, text: str) -> None:
    """One line says so."""
    (tmp_path / EVENTS).write_text(text)
    found = verdict(tmp_path)

    assert isinstance(found, str)
    assert is_no_pass(found)
    assert EVENTS in found
