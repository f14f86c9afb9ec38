"""Which server answers at a URL, and what it says it holds, written down beside a history's events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from faultlab.readback.influxdb1 import InfluxDB1
from faultlab.readback.server import Point, ReadBackError, Server, answer
from faultlab.readback.victoriametrics import VictoriaMetrics
from faultlab.record import STORED, ReadBack


def server_at(url: str, token: str = "") -> Server | None:
    """Give the server at a URL, None where it is of no kind that can be read back; raises ReadBackError."""
    with answer(url, "/ping", token=token) as reply:
        version = reply.headers.get("X-Influxdb-Version") or ""
    if version.startswith("1."):
        return InfluxDB1(url, version, token)
    try:
        with answer(url, "/metrics", token=token) as reply:
            is_victoria = any(line.startswith(b"vm_") for line in reply)
    except ReadBackError:
        return None
    return VictoriaMetrics(url, token) if is_victoria else None


def read_back(server: Server, database: str, folder: Path) -> ReadBack:
    """Write down what a server holds; where it does not say, that is void."""
    try:
        count = write(folder, server.read(database))
    except ReadBackError as problem:
        (folder / STORED).unlink(missing_ok=True)
        return ReadBack(server.name, database, server.is_exact, void=str(problem))
    return ReadBack(server.name, database, server.is_exact, count, server.unclear)


def write(folder: Path, points: Iterable[Point]) -> int:
    """Write points beside a history's events; gives how many there were."""
    count = 0
    with (folder / STORED).open("w", encoding="ascii") as file:
        for point in points:
            file.write(_encode(point) + "\n")
            count += 1
    return count


_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

__all__ = ["read_back", "server_at", "write"]
