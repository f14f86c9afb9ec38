"""What the network does between a client and a real InfluxDB 1.6.7: what the history says is what the server holds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from faultlab import history
from faultlab.exchange import Effect
from faultlab.faults import Duplicate, Hold, LoseResponse, Reset, Stall, Truncate
from faultlab.history import Ended
from tests.labs import plan_of, running
from tests.raw import Raw
from tests.servers.influxdb1 import InfluxDB1

BODY = b"cpu,host=a usage=1 1700000000000000000\ncpu,host=a usage=2 1700000000000000001\n"

SEEN: dict[str, tuple[Any, str, Ended, int | None, int]] = {
    "lose_response": (LoseResponse(), "0 rst", Ended.CLOSED, 0, 2),
    "lose_response-fin": (LoseResponse("fin"), "0 fin", Ended.CLOSED, 0, 2),
    "truncate": (Truncate(after=12), "0 fin", Ended.CLOSED, 12, 2),
    "stall-stored": (Stall(stored=True, seconds=0.1), "0 fin", Ended.CLOSED, 0, 2),
    "stall": (Stall(seconds=0.1), "0 fin", Ended.CLOSED, 0, 0),
    "reset-request": (Reset("request"), "0 rst", Ended.CLOSED, 0, 0),
    "reset-upload": (Reset("upload"), "0 rst", Ended.CLOSED, 0, 0),
    "duplicate": (Duplicate(), "204", Ended.REPLIED, None, 2),
    "hold": (Hold(86_400), "204", Ended.REPLIED, None, 2),
}


@pytest.mark.parametrize("name", SEEN)
def test_the_history_says_what_the_server_holds(tmp_path: Path, influxdb1: InfluxDB1, name: str) -> None:
    """The points are there or not, the client got an error or not, and the history says both as they are."""
    fault, expected, ended, sent, held = SEEN[name]
    with influxdb1.fresh() as database:
        upstream = f"http://127.0.0.1:{influxdb1.port}"
        with running(plan_of(fault, profile="oss1"), tmp_path / "h", upstream=upstream) as lab:
            with Raw(lab.port) as raw:
                seen = raw.write(BODY, f"/write?db={database}")
            if isinstance(fault, Hold):
                assert [] == influxdb1.points(database)
            past = history.read(lab.finish())
        points = influxdb1.points(database)

    [event] = past.events
    assert event.outcome is not None
    assert expected == f"{seen.status} {seen.end}".strip()
    assert held == len(points)
    assert (Effect.ALL if held else Effect.NONE) == event.outcome.effect
    assert (ended, sent) == (event.outcome.ended, event.outcome.sent)
    assert ((), True) == (past.broken, past.complete)


def test_a_second_delivery_is_stored(tmp_path: Path, influxdb1: InfluxDB1) -> None:
    """Without timestamps the server takes the second delivery for another point."""
    with influxdb1.fresh() as database:
        upstream = f"http://127.0.0.1:{influxdb1.port}"
        with (
            running(plan_of(Duplicate(), profile="oss1"), tmp_path / "h", upstream=upstream) as lab,
            Raw(lab.port) as raw,
        ):
            assert 204 == raw.write(b"cpu usage=1\n", f"/write?db={database}").status
        until = time.monotonic() + 10
        while len(influxdb1.points(database)) < 2 and time.monotonic() < until:
            time.sleep(0.05)

        assert 2 == len(influxdb1.points(database))
