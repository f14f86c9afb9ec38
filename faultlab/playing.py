"""Many runs, several at a time: each has a proxy, a client and a history of its own, and mostly waits."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from faultlab import history, oracles
from faultlab.history import EVENTS, History, HistoryError
from faultlab.lab import Lab, LabError, Settings
from faultlab.plan import Plan
from faultlab.reports import Result
from faultlab.verdict import Verdict, Verdicts

ENVIRONMENT = "the environment failed: "
"""How the reason begins of a run that could not be made."""


@dataclass(frozen=True, slots=True)
class Task:
    """One run to be made, and how it is to be judged.

    ``keeps`` has a history judged that is there already, whole, instead of making it again.
    """

    plan: Plan
    settings: Settings
    strict: bool = False
    keeps: bool = False


type Done = Callable[[int, Result], None]


class Stopped(Exception):  # noqa: N818 - no error: somebody asked for it
    """A run was told to end before its client did."""


class Stopping(Protocol):
    """What says whether a run is to end, as ``threading.Event`` does."""

    def is_set(self) -> bool:
        """Give whether it is."""


def play(tasks: Sequence[Task], jobs: int, done: Done) -> dict[int, Result]:
    """Make all runs, so many at a time, and give their results by the tasks' places.

    ``done`` hears of each as it ends, by its place. Ctrl-C ends the clients, and the results are then those of the runs
    that had begun.
    """
    stopping = threading.Event()
    results: dict[int, Result] = {}
    with ThreadPoolExecutor(jobs, "run") as pool:
        begun = {pool.submit(make, task, stopping): place for place, task in enumerate(tasks)}
        try:
            for future in _as_they_end(begun):
                results[begun[future]] = future.result()
                done(begun[future], results[begun[future]])
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
    return dict(sorted(results.items()))


def _as_they_end(futures: Any) -> Iterator[Future[Result]]:
    left = set(futures)
    while left:
        # With a limit, because a wait without one is deaf to Ctrl-C.
        ended, left = wait(left, timeout=0.5, return_when=FIRST_COMPLETED)
        yield from ended


def make(task: Task, stopping: Stopping | None = None) -> Result:
    """Make one run; one whose environment fails is inconclusive. Raises Stopped where it is not to begin."""
    try:
        past = kept(task)
        if past is None:
            record(task.plan, task.settings, stopping)
            past = history.read(task.settings.history)
    except (LabError, HistoryError) as problem:
        return unmade(task, str(problem))
    return judged(task, past)


def record(plan: Plan, settings: Settings, stopping: Stopping | None = None, *, command: Sequence[str] = ()) -> None:
    """Make the history of one run; raises LabError, and Stopped where it is not to begin.

    ``command`` is what the client is run by, where that is not what the history is to name.
    """
    if stopping is not None and stopping.is_set():
        raise Stopped

    def watch(_position: dict[str, Any]) -> None:
        if stopping is not None and stopping.is_set():
            raise Stopped

    with Lab(plan, settings) as lab:
        try:
            with suppress(Stopped):
                lab.run(command or settings.command, progress=watch)
        finally:
            lab.finish()


def judged(task: Task, past: History) -> Result:
    """Give the result of a run by its history."""
    return Result.of(oracles.judge(past, strict=task.strict), past, strict=task.strict)


def kept(task: Task) -> History | None:
    """Give the history of a run that was made before; what is left of one that was not made to its end is removed."""
    folder = task.settings.history
    if not task.keeps or not (folder / EVENTS).exists():
        return None
    with suppress(HistoryError):
        past = history.read(folder)
        whole = past.complete and not past.broken and not past.altered and past.client is not None
        wanted = task.settings.upstream or "origin"
        # Of a URL with a password the history has another text.
        alike = "@" in wanted or past.run.get("upstream") == wanted
        if whole and alike and past.time_scale == task.settings.time_scale:
            return past
    shutil.rmtree(folder)
    return None


def unmade(task: Task, why: str) -> Result:
    """Give the result of a run of which there is no history."""
    plan, settings = task.plan, task.settings
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


__all__ = ["ENVIRONMENT", "Done", "Stopped", "Stopping", "Task", "judged", "kept", "make", "play", "record", "unmade"]
