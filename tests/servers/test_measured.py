"""The data of ``tests/data`` and the real servers bear each other out, case by case."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from faultlab.lineprotocol import Point
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.victoriametrics import VictoriaMetrics
from tests.test_origin import CASES, body_of, unquoted

type Held = tuple[str, dict[str, str], dict[str, tuple[str, Any]], int | str]

SHORTENED = 1000
"""The data shows longer texts by their length and their two ends."""

T = 1_700_000_000_000_000_000
LATER = 1_702_592_000_000_000_000

# The query behind the data merged what stands in two measurements or two weeks: it gave the field one type, cast the
# integer to it, and hid the string. Each measurement and week read alone holds this.
MERGED: dict[str, list[Held]] = {
    "coll-meas-case": [("m", {}, {"f": ("float", 1.0)}, T), ("M", {}, {"f": ("string", "x")}, T)],
    "tc-other-measurement": [("m", {}, {"f": ("float", 1.5)}, T), ("n", {}, {"f": ("integer", 2)}, T + 1_000_000_000)],
    "tc-other-shard": [("m", {}, {"f": ("float", 1.5)}, T), ("m", {}, {"f": ("integer", 2)}, LATER)],
    "tc-other-shard-batch": [("m", {}, {"f": ("float", 1.5)}, T), ("m", {}, {"f": ("integer", 2)}, LATER)],
    "tc-two-shards-one-conflict": [("m", {}, {"f": ("float", 1.5)}, T), ("m", {}, {"f": ("integer", 3)}, LATER)],
}

# The data counts every sample. Found by the database they were written to they are none: of more than thirty labels the
# server drops some, that one among them.
UNLABELLED = dict.fromkeys(("tag-31", "tag-99", "tag-101"), 0)


def shown(value: Any) -> Any:
    """Give a value as the data shows it."""
    if isinstance(value, str) and len(value) > SHORTENED:
        return {"len": len(value), "head": value[:40], "tail": value[-20:]}
    return value


def held(point: Point, began: int, ended: int) -> Held:
    """Give a point as the data has it, a time between two others as the server's."""
    assert point.timestamp is not None
    by_server = began <= point.timestamp <= ended
    tags = {key: shown(value) for key, value in point.tags}
    fields: dict[str, tuple[str, Any]] = {key: (kind, shown(value)) for key, kind, value in point.fields}
    return shown(point.measurement), tags, fields, "server_time" if by_server else point.timestamp


def measured(point: dict[str, Any]) -> Held:
    """Give a point of the data; a key of its objects can only be text, so one that is no UTF-8 is JSON in it."""
    tags = {
        unquoted(json.loads(key)) if key.startswith('{"b64"') else key: unquoted(value)
        for key, value in point["tags"].items()
    }
    fields = {key: (kind, unquoted(value)) for key, (kind, value) in point["fields"].items()}
    return unquoted(point["m"]), tags, fields, point["ts"]


def in_order(points: list[Held]) -> list[Held]:
    return sorted(points, key=lambda point: json.dumps(point, sort_keys=True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_influxdb_does_as_measured(influxdb1: InfluxDB1, case: dict[str, Any]) -> None:
    """A measured body gets the same status and the same words again, and leaves the same points."""

    known = case["influxdb1"]
    with influxdb1.fresh() as database:
        for before in case.get("setup", ()):
            influxdb1.write(database, body_of(before))
        began = time.time_ns()
        said = influxdb1.write(database, body_of(case), precision=case["precision"])
        ended = time.time_ns()
        points = [held(point, began, ended) for point in influxdb1.points(database)]

    stored = MERGED.get(case["id"], [measured(point) for point in known["stored"]])
    assert (known["status"], known["error"] or "", in_order(stored)) == (
        said.status,
        shown(said.message),
        in_order(points),
    )


def test_the_deviations_are_some() -> None:
    """What is listed as differing from the data does."""

    stored = {case["id"]: in_order([measured(point) for point in case["influxdb1"]["stored"]]) for case in CASES}
    counts = {case["id"]: case["victoriametrics"]["stored"] for case in CASES}

    assert [] == [name for name, points in MERGED.items() if in_order(points) == stored[name]]
    assert [] == [name for name, count in UNLABELLED.items() if count == counts[name]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_victoriametrics_does_as_measured(victoriametrics: VictoriaMetrics, case: dict[str, Any]) -> None:
    """A measured body gets the same status again, and leaves as many samples."""

    known = case["victoriametrics"]
    with victoriametrics.fresh() as database:
        for before in case.get("setup", ()):
            victoriametrics.write(database, body_of(before))
        said = victoriametrics.write(database, body_of(case), precision=case["precision"])
        samples = victoriametrics.samples(database)

    stored = UNLABELLED.get(case["id"], known["stored"])
    assert (known["status"], stored) == (said.status, len(samples))
