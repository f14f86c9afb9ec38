"""A real VictoriaMetrics 1.79.5 as Debian packages it, with nothing in it, on loopback and a port of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faultlab.servers.process import Process, listening

FLAGS = (
    "-httpListenAddr=127.0.0.1:0",
    "-retentionPeriod=100y",
    "-memory.allowedBytes=512MB",  # else caches may take 60 % of the machine
)


@contextmanager
def started(program: Path, folder: Path) -> Iterator[tuple[Process, int]]:
    """Run it while the context lasts; give it and its port. Raises ServerError."""
    with Process([program, f"-storageDataPath={folder / 'data'}", *FLAGS], folder) as process:
        yield process, process.wait_for(listening)


__all__ = ["started"]
