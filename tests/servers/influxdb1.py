"""A real InfluxDB 1.6.7: write as a client does, and read back everything it holds with exact types."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

import msgpack  # type: ignore[import-untyped]  # it has none

from faultlab.lineprotocol import Point
from faultlab.lineprotocol.value import FieldType
from faultlab.servers import influxdb1
from faultlab.servers.packages import INFLUXDB1
from faultlab.servers.process import Process, workspace
from tests.servers.packages import SERVERS
from tests.servers.wire import Wire, Written

TYPES: dict[type, FieldType] = {float: "float", int: "integer", str: "string", bool: "boolean"}

SHOWN = 500
"""Characters of a query, and of a reply, that an error shows."""

UNNAMED = "val0"
"""What a query calls the field whose key is empty, which is then the first; a key that is one tab is stored as that."""

EVERYTHING = "SELECT * FROM /.*/ GROUP BY *"


class Field(NamedTuple):
    """One field of a measurement, in one of the types it has; a field may have another type in another week."""

    measurement: str
    key: str
    type: FieldType


class Rows(NamedTuple):
    """One series of a reply: rows with the same name and tags."""

    statement: int
    name: str
    tags: dict[str, str]
    columns: list[str]
    values: list[list[Any]]


class InfluxDB1:
    """A server of its own, with no database in it."""

    def __init__(self, process: Process, port: int) -> None:
        """Take a running server."""
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._wire = Wire(process, port)
        self._names = itertools.count(1)

    @classmethod
    @contextlib.contextmanager
    def start(cls, kept: Path | None = None) -> Iterator[Self]:
        """Run a server while the context lasts, on what another one left in a folder that is kept, if one is given.

        Raises PackageError, or ServerError.
        """
        program = INFLUXDB1.fetch(SERVERS)
        with (
            workspace("influxdb1") if kept is None else contextlib.nullcontext(kept) as folder,
            influxdb1.started(program, folder) as (process, port),
        ):
            server = cls(process, port)
            with contextlib.closing(server._wire):
                yield server

    def create(self, database: str) -> None:
        """Create a database; one that is there stays as it is."""
        self._ask(f"CREATE DATABASE {quoted(database)}")

    def drop(self, database: str) -> None:
        """Drop a database with everything in it; one that is not there is dropped all the same."""
        self._ask(f"DROP DATABASE {quoted(database)}")

    @contextlib.contextmanager
    def fresh(self) -> Iterator[str]:
        """Give the name of a new database, and drop it afterwards: cheap enough for every example of a property."""
        name = f"fresh{next(self._names)}"
        self.create(name)
        try:
            yield name
        finally:
            self.drop(name)

    def write(self, database: str, body: bytes, *, precision: str | None = None, encoding: str = "") -> Written:
        """POST a body as it is to ``/write``; raises ServerError when the server does not answer."""
        query = {"db": database} if precision is None else {"db": database, "precision": precision}
        return self._wire.write(f"/write?{urlencode(query)}", body, encoding)

    def points(self, database: str) -> list[Point]:
        """Give everything a database holds, sorted by identity.

        Types are those of storage, also where a field has another type in another measurement or another week, which
        InfluxQL would hide. Fields are sorted by key. ``line``, ``ordinal`` and ``span`` are 0. Not there are points of
        measurements that are not ``readable``.
        """
        return self.everything(database)[0]

    def everything(self, database: str) -> tuple[list[Point], set[Field]]:
        """Give the points and the fields of a database, for little more than the points alone."""
        replies = self._ask("SHOW FIELD KEYS", EVERYTHING, database=database)
        fields = set(_fields(rows for rows in replies if rows.statement == 0))
        everything = [rows for rows in replies if rows.statement == 1]
        types = defaultdict(set)
        for field in fields:
            types[field.key].add(field.type)
        if any(len(each) > 1 for each in types.values()):
            everything = self._apart(database, {field.measurement for field in fields})
        points = [point for rows in everything for point in _points(rows, nameless="" in types)]
        return sorted(points, key=lambda point: (point.measurement, point.tags, point.timestamp or 0)), fields

    def fields(self, database: str) -> set[Field]:
        """Give the fields of a database, those included whose every point was refused."""
        return set(_fields(self._ask("SHOW FIELD KEYS", database=database)))

    def series(self, database: str) -> set[str]:
        """Give the series of a database as the server writes them, those included whose every point was refused."""
        return {row[0] for rows in self._ask("SHOW SERIES", database=database) for row in rows.values}

    def _apart(self, database: str, measurements: Iterable[str]) -> list[Rows]:
        """Read each measurement and each shard alone: a statement gives a name one type, and casts what has another."""
        spans = sorted(
            (row[rows.columns.index("start_time")], row[rows.columns.index("end_time")])
            for rows in self._ask("SHOW SHARDS")
            if rows.name == database
            for row in rows.values
        )
        wanted = [(measurement, each) for measurement in sorted(measurements) for each in within(spans)]
        statements = [f"SELECT * FROM {matching(name)}{condition} GROUP BY *" for name, condition in wanted]  # noqa: S608 - escaped
        replies = self._ask(*statements, database=database)
        return [rows for rows in replies if rows.name == wanted[rows.statement][0]]

    def _ask(self, *statements: str, database: str = "") -> list[Rows]:
        """Run InfluxQL; raises ServerError for what the server refuses."""
        form = {"q": ";".join(statements), "db": database, "epoch": "ns", "chunked": "true"}
        reply = self._wire.ask(
            "POST",
            "/query",
            urlencode(form, errors="surrogateescape").encode(),
            {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/x-msgpack"},
        )
        if reply.status != 200:
            raise self.process.error(f"{form['q'][:SHOWN]}: {reply.status} {reply.body[:SHOWN]!r}")
        # Bytes that are no UTF-8 stand in the reply as they were written.
        unpacker = msgpack.Unpacker(unicode_errors="surrogateescape", max_buffer_size=max(len(reply.body), 1))
        unpacker.feed(reply.body)
        results = [result for chunk in unpacker for result in chunk["results"]]
        for result in results:
            if "error" in result:
                raise self.process.error(f"{statements[result['statement_id']][:SHOWN]}: {result['error']}")
        return [
            Rows(result["statement_id"], each.get("name", ""), each.get("tags", {}), each["columns"], each["values"])
            for result in results
            for each in result.get("series", ())
        ]


def readable(measurement: str) -> bool:
    r"""Whether any query finds what is stored under a name.

    The index in memory unescapes a name once more than storage does, so ``m\,x`` is indexed as ``m,x`` and found under
    neither name: only ``series`` shows that it was taken. Such a name is written with two backslashes in line protocol.
    """
    return not re.search(r'\\[,"= ]', measurement)


def quoted(name: str) -> str:
    """Write a name as an identifier of InfluxQL."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def within(spans: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield what restricts a query to each span, given in order.

    The first and the last are open: the bounds that the server tells of the extreme weeks are out of range, or cut.
    """
    for number, (start, end) in enumerate(spans, 1):
        bounds = [f"time >= '{start}'"] * (number > 1) + [f"time < '{end}'"] * (number < len(spans))
        yield f" WHERE {' AND '.join(bounds)}" if bounds else ""


def matching(measurement: str) -> str:
    """Write a measurement as a regular expression, where no name needs quoting.

    A byte that is no UTF-8, which no expression can hold, matches as U+FFFD does: of names that differ in nothing else,
    the fields of one may be read as those of another, cast or not at all.
    """
    escaped = re.sub(r"[^0-9A-Za-z]", lambda found: _escaped(ord(found[0])), measurement)
    return f"/(?s)^{escaped}$/"


def _escaped(code: int) -> str:
    # The class of two is for the matcher, which compares a single character as bytes.
    return r"[\x{fffd}-\x{fffe}]" if 0xDC80 <= code <= 0xDCFF else f"\\x{{{code:x}}}"


def _fields(given: Iterable[Rows]) -> Iterator[Field]:
    for rows in given:
        for key, kind in rows.values:
            yield Field(rows.name, key, kind)


def _points(rows: Rows, *, nameless: bool) -> Iterator[Point]:
    """Make points of rows: a tag that is empty and a field that is null are not there."""
    tags = tuple(sorted((key, value) for key, value in rows.tags.items() if value))
    keys = rows.columns[1:]
    if nameless and keys[0] == UNNAMED:
        keys[0] = ""
    for time, *values in rows.values:
        fields = tuple(
            (key, TYPES[type(value)], value) for key, value in zip(keys, values, strict=True) if value is not None
        )
        yield Point(rows.name, tags, fields, time, 0, 0, (0, 0))
