"""Every writer before every judge: what each of them fails, in the scenario that is meant for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from faultlab import oracles, scenario

PROJECT = Path(__file__).parent.parent.parent
SCENARIOS = {path.stem: path for path in sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))}
"""The scenarios that only the zoo needs."""

MEANT = {
    ("ignores_retry_after", "rate-limit"): "waits_as_told",
    ("reads_milliseconds", "rate-limit"): "waits_as_told",
    ("cannot_read_a_date", "rate-limit-date"): "waits_as_told",
    ("blocks_for_a_day", "rate-limit-hostile"): "survives_any_retry_after",
    ("dies_on_hostile_retry_after", "rate-limit-hostile"): "survives_any_retry_after",
    ("drops_on_garbage", "rate-limit-hostile"): "survives_any_retry_after",
    ("retries_without_backoff", "backoff"): "backs_off",
    ("retries_in_step", "backoff"): "backs_off",
    ("hammers", "down"): "keeps_the_request_budget",
    ("recovers_late", "down"): "recovers_promptly",
    ("retries_for_ever", "malformed"): "leaves_permanent_failures_alone",
    ("blocked_by_poison", "poison"): "lets_good_lines_pass_bad_ones",
    ("resends_unchanged", "too-large"): "leaves_permanent_failures_alone",
    ("resends_after_partial_write", "partial-write"): "reports_partial_writes",
    ("sends_twice_on_success", "calm"): "keeps_the_request_budget",
    ("resends_without_timestamps", "lost-reply"): "repeats_only_idempotently",
    ("changes_integers_to_floats", "calm"): "keeps_field_types",
    ("changes_type_half_way", "calm"): "keeps_field_types",
    ("writes_nan", "calm"): "writes_valid_lines",
    ("loses_on_failure", "unavailable"): "delivers_through_transient_failures",
    ("loses_on_reset", "flaky-network"): "loses_nothing_silently",
    ("drops_the_oldest", "down"): "loses_nothing_silently",
    ("splits_never", "too-large"): "splits_oversized_batches",
    ("stops_at_poison", "malformed"): "lets_good_lines_pass_bad_ones",
    ("swallows_partial_writes", "partial-write"): "reports_partial_writes",
    ("swallows_400_partial", "partial-write-400"): "reports_partial_writes",
    ("swallows_refusals", "malformed"): "loses_nothing_silently",
    ("reports_success_for_failed", "malformed"): "tells_the_truth",
    ("reports_failure_for_stored", "calm"): "tells_the_truth",
    ("logs_the_token", "unavailable"): "keeps_its_secrets",
    ("follows_redirect_with_token", "redirect"): "keeps_its_secrets",
    ("never_times_out", "silence"): "ends_well",
    ("never_flushes", "calm"): "loses_nothing_silently",
    ("exits_zero_with_points_unsent", "unavailable"): "loses_nothing_silently",
    ("hangs_in_close", "calm"): "ends_well",
    ("grows_without_bound", "down"): "ends_well",
}
"""The question each writer is to fail, and the scenario in which it does."""

FAIR = tuple(dict.fromkeys((*(name for name in scenario.names() if name != "everything-once"), *SCENARIOS)))
"""The scenarios for a writer that is right: all but a survey that judges nothing by itself."""

BATCHES = {"rate-limit-hostile": 14}
"""Batches written where four are too few: a hostile Retry-After of each kind, and time to be told by all of them."""

DEADLINES = {"hangs_in_close": 5, "never_times_out": 8, "blocks_for_a_day": 25, "blocked_by_poison": 12}
"""Seconds after which a client that hangs is ended."""

ATONCE = 6
MARKS = {"pass": "+", "inconclusive": "?", "fail": "F", None: "."}


@dataclass(frozen=True, slots=True)
class Cell:
    """One writer in one scenario with one seed, and the verdict of each oracle; None where it had nothing to judge."""

    writer: str
    scenario: str
    seed: int = 7
    verdicts: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def failed(self) -> set[str]:
        """The oracles it failed."""
        return {name for name, verdict in self.verdicts.items() if verdict == "fail"}

    def played(self, folder: Path) -> Cell:
        """Play it, and give it with its verdicts; raises RuntimeError with what was printed when there are none."""
        writer, name, seed = self.writer, self.scenario, self.seed
        verdict = folder / f"{writer}-{name}-{seed}.json"
        client = [sys.executable, "-m", "tests.zoo", writer, "--batches", str(BATCHES.get(name, 4))]
        options = ["--seed", str(seed), "--quiet", "--deadline", str(DEADLINES.get(writer, 60))]
        files = ["--history", str(folder / f"{writer}-{name}-{seed}"), "--json", str(verdict)]
        run = [sys.executable, "-m", "faultlab", "run", str(SCENARIOS.get(name, name))]
        command = [*run, *options, *files, "--", *client]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=180)
        if not verdict.exists():
            raise RuntimeError(done.stdout + done.stderr)
        found = {one["name"]: one["verdict"] for one in json.loads(verdict.read_text())["oracles"]}
        return Cell(writer, name, seed, found)


def cells(seed: int = 7) -> Iterator[Cell]:
    """Yield every wrong writer in its scenario, and the right one in all."""
    for writer, name in MEANT:
        yield Cell(writer, name, seed)
    yield from right(seed)


def right(seed: int) -> Iterator[Cell]:
    """Yield the right writer in all scenarios."""
    for name in FAIR:
        yield Cell("reference", name, seed)


def play(some: Iterable[Cell], folder: Path, seen: Callable[[Cell], None] = lambda _cell: None) -> list[Cell]:
    """Play cells, several at a time, as they mostly wait, and give them in order; ``seen`` has each as it ends."""

    def one(cell: Cell) -> Cell:
        played = cell.played(folder)
        seen(played)
        return played

    with ThreadPoolExecutor(max(ATONCE, os.cpu_count() or 1)) as pool:
        return list(pool.map(one, some))


def text(some: Iterable[Cell]) -> str:
    """Give the table: a row a cell, a column an oracle; F fail, ? inconclusive, + pass, . nothing to judge."""
    names = [one.name for one in oracles.ALL]
    lines = [f"{number:>2}  {name}" for number, name in enumerate(names, 1)]
    lines += ["", f"{'writer':<30}{'scenario':<20}" + "".join(f"{number:>3}" for number in range(1, len(names) + 1))]
    for cell in some:
        marks = "".join(f"{MARKS[cell.verdicts.get(name)]:>3}" for name in names)
        lines.append(f"{cell.writer:<30}{cell.scenario:<20}{marks}")
    return "\n".join(lines)
