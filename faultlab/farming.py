"""Many runs at the workers of a Dask scheduler: made there, kept and judged here, as ``playing`` makes them here.

A worker's disk is another one, so a history is made in a temporary folder and comes back as the task's result, packed.
Dask then holds it until it was fetched, puts it onto disk where memory is short, and makes the run again if the worker
that held it is lost. A stream would need a port at each worker that this machine can reach, and all that once more.
"""

from __future__ import annotations

import asyncio
import io
import logging
import tarfile
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import uuid4

import faultlab
from faultlab import history
from faultlab.clients import ALL, UnpreparedError, named, prepare
from faultlab.history import EVENTS, HistoryError
from faultlab.lab import LabError, Settings
from faultlab.plan import Plan
from faultlab.playing import Done, Stopped, Task, judged, kept, record, unmade
from faultlab.reports import Result

PATIENCE = 10.0
"""Seconds that a scheduler may take to answer, and to be found again once it was lost."""

STOPPED: set[str] = set()
"""The plays that were stopped, as a worker's process heard of them."""

type Play = Callable[[Sequence[Task], int, Done], dict[int, Result]]


class FarmError(Exception):
    """What was asked for cannot be: the library is missing, or an address is none; the message is one line."""


@contextmanager
def farm(address: str) -> Iterator[Play]:
    """Give what makes runs at the workers of a scheduler, called as ``playing.play`` is.

    Raises FarmError, and LabError unless a scheduler answers whose workers have this faultlab. When the block ends, so
    do clients that still run at workers.
    """
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as problem:
        raise FarmError(f"--scheduler needs {problem.name}; install faultlab[distributed]") from problem
    # A scheduler that is lost is one line of ours, and no traceback of its.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # Asked first by something small: a Client that was never connected takes its time to go, and has much to say.
    if not asyncio.run(_identity(address))["workers"]:
        raise LabError(f"the scheduler at {address} has no workers; start some: dask worker {address}")
    with Client(address, timeout=PATIENCE, set_as_default=False) as client:
        for worker, version in client.run(metadata.version, "faultlab", on_error="return").items():
            _check_version(faultlab.__version__, version, worker)
        yield partial(_play, client)


async def _identity(address: str) -> dict[str, Any]:
    from distributed import Security, rpc  # noqa: PLC0415 - an extra

    try:
        arguments = Security().get_connection_args("client")
        async with asyncio.timeout(PATIENCE), rpc(address, timeout=PATIENCE, connection_args=arguments) as there:
            said = await there.identity()
    except ValueError as problem:
        raise FarmError(
            f"--scheduler is '{address}': {problem}; expected an address such as tcp://host:8786"
        ) from problem
    except TimeoutError as problem:
        raise LabError(f"no scheduler answers at {address} within {PATIENCE:g} s") from problem
    except Exception as problem:
        # Whatever else listens there may say anything.
        raise LabError(f"no scheduler answers at {address}: {_line(problem)}") from problem
    if not isinstance(said, dict) or said.get("type") != "Scheduler":
        raise LabError(f"no scheduler is at {address}; expected the address that 'dask scheduler' prints")
    return said


def _check_version(wanted: str, version: object, worker: str) -> None:
    """Raise LabError unless a worker's faultlab is the one that is wanted."""
    if version != wanted:
        has = f"faultlab {version}" if isinstance(version, str) else f"no faultlab ({_line(version)})"
        raise LabError(f"the worker {worker} has {has}; expected {wanted}, as where the matrix is begun")


def _play(client: Any, tasks: Sequence[Task], jobs: int, done: Done) -> dict[int, Result]:
    """Make all runs, so many at a time over all workers; raises LabError where the scheduler is lost."""
    from distributed import as_completed  # noqa: PLC0415 - an extra

    play = uuid4().hex
    results: dict[int, Result] = {}
    begun: dict[Any, int] = {}
    ended = as_completed(loop=client.loop)
    # What may be there already comes last: it is judged while the workers make the rest.
    left = deque(sorted(range(len(tasks)), key=lambda place: (tasks[place].settings.history / EVENTS).exists()))
    try:
        while left or begun:
            while left and len(begun) < jobs:
                place = left.popleft()
                past = kept(tasks[place])
                if past is None:
                    future = _sent(client, tasks[place], play)
                    begun[future] = place
                    ended.add(future)
                else:
                    results[place] = judged(tasks[place], past)
                    done(place, results[place])
            if begun:
                future = next(ended)
                place = begun[future]
                results[place] = _result(tasks[place], future)
                del begun[future]
                done(place, results[place])
    except KeyboardInterrupt:
        _stop(client, play, begun)
        for future, place in begun.items():
            with suppress(Stopped, LabError):
                results[place] = _result(tasks[place], future)
    return dict(sorted(results.items()))


def _sent(client: Any, task: Task, play: str) -> Any:
    # A driver is run by the interpreter that is there; what a file has is run as it stands in it.
    driver = next((one.name for one in ALL if one.command == task.settings.command), None)
    return client.submit(
        _made, task.plan, task.settings, driver=driver, play=play, version=faultlab.__version__, pure=False
    )


def _stop(client: Any, play: str, begun: dict[Any, int]) -> None:
    """Have what has begun end, its history being still to come, and take back the rest."""
    # A scheduler that is gone has nothing to give back.
    with suppress(OSError):
        at_workers = {key for keys in client.processing().values() for key in keys}
        waiting = [future for future in begun if future.key not in at_workers and not future.done()]
        client.cancel(waiting)
        for future in waiting:
            del begun[future]
        client.run(_hear, play, on_error="ignore")


def _hear(play: str) -> None:
    STOPPED.add(play)


def _result(task: Task, future: Any) -> Result:
    """Give the result of a run that has ended at a worker; raises Stopped where it did not begin."""
    folder = task.settings.history
    try:
        packed = future.result()
    except CancelledError as problem:
        raise LabError("the scheduler is lost, or gave the runs up; the same --history is gone on with") from problem
    except Exception as problem:  # noqa: BLE001 - whatever a worker fails by, it is one run
        return unmade(task, _why(problem))
    if packed is None:
        raise Stopped
    try:
        unpack(packed, folder)
        past = history.read(folder)
    except (tarfile.TarError, HistoryError) as problem:
        return unmade(task, str(problem))
    return judged(task, past)


def _why(problem: Exception) -> str:
    from distributed import KilledWorker  # noqa: PLC0415 - an extra

    if isinstance(problem, KilledWorker):
        died = problem.allowed_failures + 1
        return f"every worker that was to make it died, {died} of them, at last {problem.last_worker.address}"
    return str(problem) if isinstance(problem, LabError) else f"the worker failed: {_line(problem)}"


def _line(problem: object) -> str:
    return " ".join(f"{type(problem).__name__}: {problem}".rstrip(": ").split())


@dataclass(frozen=True, slots=True)
class _Unwanted:
    """Whether the run that a worker is at is to end: it was stopped, nobody waits for it, or the worker ends."""

    worker: Any
    key: Any
    play: str

    def is_set(self) -> bool:
        """Give whether it is."""
        return self.play in STOPPED or self.is_lost

    @property
    def is_lost(self) -> bool:
        """Whether its history is to go nowhere, or is to be made by another worker."""
        task = self.worker.state.tasks.get(self.key)
        return task is None or task.state == "cancelled" or self.worker.status.name in {"closing", "closed"}


def _made(plan: Plan, settings: Settings, *, driver: str | None, play: str, version: str) -> bytes | None:
    """Make a run at the worker that this is, and give its history; None where it is not to begin. Raises LabError."""
    from distributed import Reschedule, get_worker  # noqa: PLC0415 - an extra

    worker = get_worker()
    # One that came later has not been asked yet.
    _check_version(version, faultlab.__version__, worker.address)
    command = settings.command
    if driver is not None:
        try:
            prepare(named(driver))
        except UnpreparedError as problem:
            raise LabError(f"{problem}, at the worker {worker.address}") from problem
        command = named(driver).command
    unwanted = _Unwanted(worker, worker.get_current_task(), play)
    packed = None
    # Where Dask keeps its own, and clears away what a worker that was killed has left.
    with tempfile.TemporaryDirectory(prefix="faultlab-", dir=worker.local_directory) as folder:
        here = replace(settings, history=Path(folder) / "history")
        with suppress(Stopped):
            record(plan, here, unwanted, command=command)
            packed = pack(here.history)
    if unwanted.is_lost:
        raise Reschedule
    return packed


def pack(folder: Path) -> bytes:
    """Give a history as bytes, its events last: a folder that they have not come to is none that was made."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        for path in sorted(folder.iterdir(), key=lambda path: path.name == EVENTS):
            tar.add(path, path.name)
    return out.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Put a history that was packed into a folder; raises TarError for what is none, or would lie elsewhere."""
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
        tar.extractall(folder, filter="data")


__all__ = ["FarmError", "Play", "farm", "pack", "unpack"]
