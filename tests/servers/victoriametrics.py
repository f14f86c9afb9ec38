"""A real VictoriaMetrics 1.79.5: write line protocol as a client does, and read back every sample."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

from faultlab.servers import victoriametrics
from faultlab.servers.packages import VICTORIAMETRICS
from faultlab.servers.process import Process, workspace
from tests.servers.packages import SERVERS
from tests.servers.wire import Wire, Written

AHEAD = 3 * 86400
"""Seconds beyond now that are read; the server takes two days."""

DATABASE = "db"
"""The label that holds the database a line was written to."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one series. ``labels`` are sorted and without the database; ``timestamp`` is in milliseconds."""

    metric: str
    labels: tuple[tuple[str, str], ...]
    value: float
    timestamp: int


class VictoriaMetrics:
    """A server of its own, with nothing in it."""

    def __init__(self, process: Process, port: int) -> None:
        """Take a running server."""
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._wire = Wire(process, port)
        self._names = itertools.count(1)

    @classmethod
    @contextlib.contextmanager
    def start(cls) -> Iterator[Self]:
        """Run a server while the context lasts. Raises PackageError, or ServerError."""
        program = VICTORIAMETRICS.fetch(SERVERS)
        with (
            workspace("victoriametrics") as folder,
            victoriametrics.started(program, folder) as (process, port),
        ):
            server = cls(process, port)
            with contextlib.closing(server._wire):
                yield server

    @contextlib.contextmanager
    def fresh(self) -> Iterator[str]:
        """Give a database name that nothing was written to yet; it costs nothing, and what is written to it stays."""
        yield f"fresh{next(self._names)}"

    def write(
        self, database: str, body: bytes, *, precision: str | None = None, encoding: str = "", path: str = "/write"
    ) -> Written:
        """POST a body as it is, also to ``/api/v2/write``; raises ServerError when the server does not answer.

        ``database`` becomes the label ``db`` of every line that has no tag of that name, and fewer than thirty tags:
        of more labels the server drops some without a word.
        """
        query = {DATABASE: database} if precision is None else {DATABASE: database, "precision": precision}
        return self._wire.write(f"{path}?{urlencode(query)}", body, encoding)

    def samples(self, database: str | None = None) -> list[Sample]:
        """Give every sample of a database, or of the server; sorted by series and time, repetitions included."""
        self._get("/internal/force_flush")
        match = '{__name__!=""}' if database is None else f"{{{DATABASE}={json.dumps(database)}}}"
        query = {"match[]": match, "start": "0", "end": str(int(time.time()) + AHEAD)}
        exported = self._get(f"/api/v1/export?{urlencode(query)}")
        # Only a line feed ends a line: names may hold what Python takes for the end of one.
        samples = [sample for line in exported.split(b"\n") if line for sample in _samples(line)]
        return sorted(samples, key=lambda sample: (sample.metric, sample.labels, sample.timestamp))

    def _get(self, target: str) -> bytes:
        reply = self._wire.ask("GET", target)
        if reply.status != 200:
            raise self.process.error(f"{target}: {reply.status} {reply.body!r}")
        return reply.body


def _samples(line: bytes) -> Iterator[Sample]:
    """Read one line of an export, a series with its samples; infinities stand in it as no JSON has them."""
    series, _, rest = line.decode(errors="surrogateescape").rpartition(',"values":[')
    values, _, timestamps = rest.partition('],"timestamps":[')
    labels: dict[str, str] = json.loads(f"{series}}}")["metric"]
    metric = labels.pop("__name__", "")
    labels.pop(DATABASE, None)
    for value, timestamp in zip(values.split(","), timestamps.removesuffix("]}").split(","), strict=True):
        number = float("nan") if value == "null" else float(value)
        yield Sample(metric, tuple(sorted(labels.items())), number, int(timestamp))
