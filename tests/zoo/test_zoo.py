"""The judges judged: every writer that is wrong fails the question it is wrong in, the one that is right fails none."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from faultlab import scenario
from tests.zoo.mutants import MUTANTS

PROJECT = Path(__file__).parent.parent.parent

# What each writer fails, in the scenario that is meant for it.
MEANT = {
    ("ignores_retry_after", "rate-limit"): {"waits_as_told"},
    ("reads_milliseconds", "rate-limit"): {"waits_as_told"},
    ("cannot_read_a_date", "rate-limit-date"): {"waits_as_told"},
    ("blocks_for_a_day", "rate-limit-hostile"): {"ends_well"},
    ("drops_on_garbage", "rate-limit-hostile"): {"loses_nothing_silently", "delivers_through_transient_failures"},
    ("retries_for_ever", "malformed"): {"leaves_permanent_failures_alone"},
    ("resends_unchanged", "too-large"): {"leaves_permanent_failures_alone"},
    ("resends_after_partial_write", "partial-write"): {"reports_partial_writes"},
    ("swallows_partial_writes", "partial-write"): {"loses_nothing_silently", "reports_partial_writes"},
    ("swallows_refusals", "malformed"): {"loses_nothing_silently"},
    ("loses_on_failure", "unavailable"): {"loses_nothing_silently", "delivers_through_transient_failures"},
    ("stops_at_poison", "malformed"): {"loses_nothing_silently"},
    ("never_flushes", "calm"): {"loses_nothing_silently"},
    ("hangs_in_close", "calm"): {"ends_well"},
}
CALM = [name for name in scenario.names() if name != "everything-once"]
RIGHT: dict[tuple[str, str], set[str]] = {("reference", name): set() for name in CALM}
# A hostile Retry-After of each kind, and time to be told by all of them; a client that hangs is ended sooner.
BATCHES = {"rate-limit-hostile": 14}
DEADLINES = {"hangs_in_close": 5, "blocks_for_a_day": 25}


def failed(cell: tuple[str, str], folder: Path) -> set[str]:
    """Give the questions a writer fails in a scenario."""
    writer, name = cell
    verdict = folder / f"{writer}-{name}.json"
    client = [sys.executable, "-m", "tests.zoo", writer, "--batches", str(BATCHES.get(name, 4))]
    limit = ["--deadline", str(DEADLINES.get(writer, 60))]
    files = ["--history", str(folder / f"{writer}-{name}"), "--json", str(verdict)]
    command = [sys.executable, "-m", "faultlab", "run", name, "--seed", "7", "--quiet", *limit, *files, "--", *client]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=180)
    assert verdict.exists(), done.stdout + done.stderr
    return {found["name"] for found in json.loads(verdict.read_text())["oracles"] if found["verdict"] == "fail"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], set[str]]:
    """Run every cell, several at a time, as they mostly wait."""
    folder = tmp_path_factory.mktemp("zoo")
    cells = [*MEANT, *RIGHT]
    with ThreadPoolExecutor(6) as pool:
        return dict(zip(cells, pool.map(lambda cell: failed(cell, folder), cells), strict=True))


def test_every_writer_fails_what_it_is_wrong_in(table: dict[tuple[str, str], set[str]]) -> None:
    """Each writer that is wrong fails the questions meant for it and no other; the one that is right fails none."""

    assert {**MEANT, **RIGHT} == table
    assert set(MUTANTS) == {writer for writer, _ in MEANT}
