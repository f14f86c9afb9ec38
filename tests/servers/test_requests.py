"""Requests that fail for their transport or their parameters, sent byte by byte to the real servers."""

from __future__ import annotations

import contextlib
import re
import socket
from typing import Any

import pytest

from tests.raw import Raw
from tests.request_cases import CASES, REQUESTS, Request
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.victoriametrics import VictoriaMetrics
from tests.servers.wire import message_of

TIMEOUT = 60

# A server that stops reading has answered 413 and closes. A client that is still sending may find the connection broken
# before it reads that: -1, as in the data. A socket that is read all the same mostly has the answer.
BROKEN = {"req-too-large": {(-1, ""), (413, "Request Entity Too Large")}}


def send(port: int, request: Request, *more: tuple[str, str]) -> tuple[int, str]:
    """Send a request, close this half of the connection, and give status and message; -1 where none came."""
    with Raw(port, TIMEOUT) as raw:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            raw.send(request.head(*more) + (request.body if request.sent is None else request.sent))
        # A server that has answered what it did not read to its end may have reset the connection by now; its answer
        # still stands in the socket.
        with contextlib.suppress(OSError):
            raw.socket.shutdown(socket.SHUT_WR)
        seen = raw.read()
    return seen.status or -1, message_of(seen.body)


def worded(message: str) -> str:
    """Give the part of VictoriaMetrics' message that no address and no time stands in."""
    return re.sub(r"in \d+\.\d+s", "in 0.000s", message.rpartition("; ")[2])


def test_every_case_has_a_request() -> None:
    """What is sent are all the requests of the data."""
    assert [case["id"] for case in CASES] == list(REQUESTS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_influxdb_does_as_measured(influxdb1: InfluxDB1, case: dict[str, Any]) -> None:
    """A measured request gets the same status and the same words again, and leaves as many points."""

    known = case["influxdb1"]
    with influxdb1.fresh() as database:
        said = send(influxdb1.port, REQUESTS[case["id"]](database))
        stored = len(influxdb1.points(database))

    assert said in BROKEN.get(case["id"], {(known["status"], known["error"])})
    assert known["stored"] == stored


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_victoriametrics_does_as_measured(victoriametrics: VictoriaMetrics, case: dict[str, Any]) -> None:
    """A measured request gets the same status and the same words again, and leaves as many samples."""

    known = case["victoriametrics"]
    with victoriametrics.fresh() as database:
        # What the request does not name as its database is found by a label of the same name.
        request = REQUESTS[case["id"]](database)
        more = () if ("db", database) in request.query else (("extra_label", f"db={database}"),)
        status, message = send(victoriametrics.port, request, *more)
        stored = len(victoriametrics.samples(database))

    assert (known["status"], known["error"], known["stored"]) == (status, worded(message), stored)
