"""InfluxDB 1 read back by InfluxQL, each measurement by itself.

Source: InfluxDB OSS 1.8, InfluxDB HTTP API reference, ``/query``; 1.6.7 measured.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, cast

from faultlab.lineprotocol.value import FieldType
from faultlab.readback.server import Point, ReadBackError, answer

CHUNK = 10_000
"""Points in one piece of an answer."""


class InfluxDB1:
    """An InfluxDB 1 at a URL.

    A field that has two types, which different weeks may give it, makes its measurement unclear: a query gives such a
    field one type, and says nothing of what has the other.
    """

    is_exact = True

    def __init__(self, url: str, version: str, token: str = "") -> None:
        """Remember where it is; nothing is asked yet."""
        self.name = f"InfluxDB {version}"
        self.unclear: tuple[str, ...] = ()
        self._url = url
        self._token = token

    def prepare(self, database: str) -> None:
        """Create the database, unless it is there."""
        for _ in self._ask(f"CREATE DATABASE {quoted(database)}", ""):
            pass

    def is_empty(self, database: str) -> bool:
        """Whether the database has no series, or is not there."""
        return not any(rows["values"] for rows in self._ask("SHOW SERIES LIMIT 1", database))

    def read(self, database: str) -> Iterator[Point]:
        """Yield each point, with the types its fields have in storage."""
        types: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for rows in self._ask("SHOW FIELD KEYS", database):
            for field, kind in rows["values"]:
                types[rows["name"]][field].add(kind)
        self.unclear = tuple(name for name, fields in types.items() if any(len(kinds) > 1 for kinds in fields.values()))
        for measurement, fields in types.items():
            kinds = {field: next(iter(found)) for field, found in fields.items()}
            for rows in self._ask(f"SELECT * FROM {quoted(measurement)} GROUP BY *", database):  # noqa: S608 - quoted
                yield from _points(rows, kinds)

    def _ask(self, statement: str, database: str) -> Iterator[dict[str, Any]]:
        """Yield each series of an answer, a piece at a time."""
        form = {"q": statement, "db": database, "epoch": "ns", "chunked": "true", "chunk_size": str(CHUNK)}
        with answer(self._url, "/query", form=form, token=self._token) as reply:
            for line in reply:
                try:
                    results = json.loads(line)["results"]
                except (ValueError, KeyError, TypeError) as problem:
                    raise ReadBackError(f"/query is answered by what is no result: {line[:100]!r}") from problem
                for result in results:
                    # What was never written to is as good as empty.
                    if "error" in result and "database not found" not in result["error"]:
                        raise ReadBackError(f"/query is answered '{result['error']}'")
                    yield from result.get("series", ())


def _points(rows: dict[str, Any], kinds: dict[str, str]) -> Iterator[Point]:
    tags = tuple(sorted((key, value) for key, value in rows.get("tags", {}).items() if value))
    keys = rows["columns"][1:]
    for time, *values in rows["values"]:
        fields = tuple(
            (key, cast("FieldType", kinds[key]), float(value) if kinds[key] == "float" else value)
            for key, value in zip(keys, values, strict=True)
            if value is not None and key in kinds
        )
        yield Point(rows["name"], tags, time, fields)


def quoted(name: str) -> str:
    """Write a name as an identifier of InfluxQL."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


__all__ = ["InfluxDB1", "quoted"]
