"""A server's process: started with nothing of the user's, stopped by its handle, gone when its starter is."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

PATIENCE = 30
"""Seconds a server has to come up."""

GRACE = 10
"""Seconds a server has to end after SIGTERM."""

SHOWN = 4000
"""Characters of its output that an error about a server shows."""

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - folders in it are made by tempfile
"""A file system in memory, where there is one: servers wait for every write to reach their disk."""

ROOM = 2**28
"""Bytes that have to be free there: many times what the tests of this folder leave, and more than a container has."""

LISTEN = "0A"
"""The state of a listening socket in the kernel's table."""


@contextlib.contextmanager
def workspace(name: str) -> Iterator[Path]:
    """Give a new folder for a server: where ``TMPDIR`` says, else in memory if there is room, else on disk."""
    chosen = None if "TMPDIR" in os.environ or not _has_room(IN_MEMORY) else IN_MEMORY
    with tempfile.TemporaryDirectory(prefix=f"faultlab-{name}-", dir=chosen) as folder:
        yield Path(folder)


def _has_room(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= ROOM


class ServerError(Exception):
    """A server did not come up, has ended, or does not answer; the message ends in the last of its output."""


class Process:
    """One server program, from its start to its end.

    It has a home and a working folder of its own, no variable of the user's, and no terminal. The kernel kills it when
    the thread that started it ends, however that comes about.
    """

    def __init__(self, command: Sequence[str | Path], folder: Path) -> None:
        """Start it; ``folder`` is its home, and has its output in ``output.txt``."""
        self.name = Path(command[0]).name
        self.output = folder / "output.txt"
        with self.output.open("wb") as output:
            self._handle = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *command],  # noqa: S607 - wherever the system has it
                cwd=folder,
                env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,  # Ctrl-C ends the tests, which then end the server
            )

    @property
    def pid(self) -> int:
        """Its number, which setpriv passes on to the server."""
        return self._handle.pid

    def ended(self, within: float = 0) -> int | None:
        """Give its exit status, negative for a signal; None while it runs, after waiting so many seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._handle.wait(within)
        return self._handle.returncode

    def wait_for[T](self, find: Callable[[Process], T | None]) -> T:
        """Ask until there is an answer; raises ServerError when the server ends or its time is up."""
        deadline = time.monotonic() + PATIENCE
        while (found := find(self)) is None:
            if time.monotonic() > deadline:
                raise self.error(f"not ready after {PATIENCE} s")
            if self.ended(within=0.005) is not None:
                raise self.error("did not come up")
        return found

    def error(self, what: str, *, within: float = 0) -> ServerError:
        """Give an error about this server, with the last of its output and its state after so many seconds."""
        status = self.ended(within)
        state = "it still runs" if status is None else f"it ended with status {status}"
        return ServerError(f"{self.name}: {what}; {state}\n{self.said()[-SHOWN:]}")

    def said(self) -> str:
        """Give its output so far."""
        return self.output.read_text(errors="replace")

    def stop(self) -> None:
        """End it: by SIGTERM, and by SIGKILL if that takes too long."""
        self._handle.terminate()
        if self.ended(within=GRACE) is None:
            self._handle.kill()
            self._handle.wait()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()


def listening(process: Process) -> int | None:
    """Give the TCP port that a process listens on, for a server that is told port 0 and does not say what it got."""
    folder = Path("/proc") / str(process.pid)
    with contextlib.suppress(OSError):
        held = {str(link.readlink()) for link in (folder / "fd").iterdir()}
        for line in (folder / "net" / "tcp").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTEN and f"socket:[{inode}]" in held:
                return int(local.partition(":")[2], 16)
    return None


def announced(pattern: str) -> Callable[[Process], int | None]:
    """Give what finds the port in the output of a server that says what it got."""

    def find(process: Process) -> int | None:
        found = re.search(pattern, process.said())
        return int(found[1]) if found else None

    return find
