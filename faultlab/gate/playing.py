"""The runs of a gate, several at a time: each has a proxy, a client and a history of its own, and mostly waits."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from faultlab import history, oracles
from faultlab.gate.file import Cell, Gate
from faultlab.history import History, HistoryError
from faultlab.lab import Lab, LabError, Settings
from faultlab.plan import Plan
from faultlab.reports import Result
from faultlab.verdict import Verdict, Verdicts

ENVIRONMENT = "the environment failed: "
"""How the reason begins of a run that could not be made."""

type Done = Callable[[Result], None]


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """A run was told to end before its client did."""


def play(gate: Gate, folder: Path, done: Done) -> tuple[Result, ...]:
    """Make all runs of a gate and give their results in the order of the file; ``done`` hears of each as it ends.

    Histories are kept in ``folder``, one folder a run. Ctrl-C ends the clients, and the results are those of the runs
    that had begun: fewer than there are cells.
    """
    stopping = threading.Event()
    jobs = gate.jobs or 2 * (os.cpu_count() or 1)
    results: dict[int, Result] = {}
    with ThreadPoolExecutor(jobs, "cell") as pool:
        begun = {pool.submit(_play, gate, cell, folder, stopping): place for place, cell in enumerate(gate.cells)}
        try:
            for future in _as_they_end(begun):
                results[begun[future]] = future.result()
                done(results[begun[future]])
        except KeyboardInterrupt:
            stopping.set()
            for future in begun:
                future.cancel()
            for future, place in begun.items():
                with suppress(Stopped, CancelledError):
                    results[place] = future.result()
        except BaseException:
            stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return tuple(results[place] for place in sorted(results))


def _as_they_end(futures: Any) -> Iterator[Future[Result]]:
    left = set(futures)
    while left:
        # With a limit, because a wait without one is deaf to Ctrl-C.
        ended, left = wait(left, timeout=0.5, return_when=FIRST_COMPLETED)
        yield from ended


def _play(gate: Gate, cell: Cell, folder: Path, stopping: threading.Event) -> Result:
    """Make one run; one whose environment fails is inconclusive. Raises Stopped where it is not to begin."""
    if stopping.is_set():
        raise Stopped
    one = cell.scenario
    plan = one.plan(cell.seed, cell.profile)
    settings = Settings(
        history=folder / f"{one.name}-{cell.seed}",
        upstream=gate.upstream,
        token=gate.token,
        org=gate.org,
        bucket=gate.bucket,
        terms=one.terms if cell.deadline is None else replace(one.terms, deadline=cell.deadline),
        scenario=one.name,
        source=cell.source,
        checks=one.checks,
        command=gate.command,
    )

    def watch(_position: dict[str, Any]) -> None:
        if stopping.is_set():
            raise Stopped

    try:
        with Lab(plan, settings) as lab:
            try:
                with suppress(Stopped):
                    lab.run(gate.command, progress=watch)
            finally:
                lab.finish()
        past = history.read(settings.history)
    except (LabError, HistoryError) as problem:
        return _unplayed(plan, settings, str(problem))
    return Result.of(oracles.judge(past, strict=gate.strict), past, strict=gate.strict)


def _unplayed(plan: Plan, settings: Settings, why: str) -> Result:
    """Give the result of a run of which there is no history."""
    planned = {
        "scenario": settings.scenario,
        "source": settings.source,
        "seed": plan.seed,
        "profile": plan.profile,
        "upstream": settings.upstream or "origin",
        "command": settings.command,
    }
    nothing = Verdicts((), Verdict.INCONCLUSIVE, (f"{ENVIRONMENT}{why}",))
    return Result.of(nothing, History(run=planned))


__all__ = ["ENVIRONMENT", "play"]
