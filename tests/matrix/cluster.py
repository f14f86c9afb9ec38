"""A Dask scheduler and workers as processes of this machine, each stopped by its own handle."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faultlab import farming

PATIENCE = 120.0
"""Seconds after which a test gives up to wait for what is sure to come on any machine."""


def until(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds; fails where it never does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"waited {PATIENCE:g} s in vain: {what}"
        time.sleep(0.02)


def lines(file: Path) -> list[str]:
    """Give the lines of a file; none where it is not there yet."""
    return file.read_text().splitlines() if file.exists() else []


@dataclass
class Cluster:
    """A running scheduler and its workers' processes, none of which has a process above it that would begin it anew."""

    folder: Path
    address: str = ""
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    scheduler: subprocess.Popen[bytes] | None = None

    def begin(self, words: Sequence[str], name: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a part, whose log goes to a file."""
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *words, "--host", "127.0.0.1", "--no-dashboard"],
                cwd=self.folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def known(self) -> int:
        """Give how many workers the scheduler knows."""
        return len(asyncio.run(farming._identity(self.address))["workers"])


@contextlib.contextmanager
def cluster(folder: Path, workers: int = 2, **environment: str) -> Iterator[Cluster]:
    """Give a scheduler that knows so many workers, each of which makes one run at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "scheduler.json"
    out = Cluster(folder)
    try:
        out.scheduler = out.begin(
            ["scheduler", "--port", "0", "--scheduler-file", str(file)], "scheduler", **environment
        )
        until(lambda: file.exists() and file.read_text().endswith("}"), "the scheduler's address")
        out.address = json.loads(file.read_text())["address"]
        for number in range(workers):
            words = ["worker", out.address, "--no-nanny", "--nthreads", "1", "--local-directory", str(folder / "work")]
            out.workers.append(out.begin(words, f"worker{number}"))
        until(lambda: out.known() == workers, "the workers")
        yield out
    finally:
        # They have nothing to put in order, and with a worker its clients go.
        for process in (*out.workers, out.scheduler):
            if process is not None:
                process.kill()
                process.wait()


__all__ = ["PATIENCE", "Cluster", "cluster", "lines", "until"]
