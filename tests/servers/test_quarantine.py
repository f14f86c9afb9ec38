"""What is drawn only with ``quarantine=True`` does to a real InfluxDB 1.6.7 what it is kept apart for.

Collected only where ``FAULTLAB_QUARANTINE`` is set. Every body gets a server of its own, which it ends or damages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from faultlab.exchange import V1_WRITE
from faultlab.servers.packages import INFLUXDB1
from faultlab.servers.process import ServerError, workspace
from faultlab.strategies import CLASSES, Group, Malformed, malformed
from faultlab.strategies.malformed import NOW
from tests.servers.compare import Trial, held
from tests.servers.conftest import had
from tests.servers.influxdb1 import InfluxDB1

BODIES = 50
PANIC = 2
"""The exit status of a Go program that panics."""


@contextmanager
def sacrificed(kept: Path | None = None) -> Iterator[InfluxDB1]:
    """Give a server of its own with a database ``d``."""
    with InfluxDB1.start(kept) as server:
        server.create("d")
        yield server


def ends_the_server(body: Malformed) -> None:
    """The server panics, and no answer comes."""
    with sacrificed() as server:
        with pytest.raises(ServerError):
            server.write("d", body.body)

        assert PANIC == server.process.ended(within=10)


def costs_every_line(body: Malformed, message: str) -> None:
    """The body is answered with 500 and nothing of it stored, however often it is sent; the server goes on."""
    with sacrificed() as server:
        said = [server.write("d", body.body) for _ in range(2)]
        stored, after = server.points("d"), server.write("d", b"m f=1 1")

    assert [(500, True)] * 2 == [(each.status, each.message.startswith(message)) for each in said]
    assert ([], 204) == (stored, after.status)


def fails_in_the_engine(body: Malformed) -> None:
    """The body costs every line: the engine reads a value otherwise than what checked it."""
    costs_every_line(body, "engine: unable to parse floating point value ")


def fails_in_the_parser(body: Malformed) -> None:
    """The body costs every line: the parser panics, and the handler catches that."""
    costs_every_line(body, "Internal Server Error")


def poisons_its_week(body: Malformed) -> None:
    """The body is answered with 500 as its verdict says, then taken; after a restart its week is gone for good."""
    with workspace("poisoned") as folder:
        with sacrificed(folder) as server:
            attempt = Trial(server, "d")
            first = attempt.write(body.body, body.verdict("oss1", endpoint=V1_WRITE))
            again = attempt.write(body.body)
        with sacrificed(folder) as server:
            left, after = server.points("d"), server.write("d", b"m f=1 %d" % NOW)

    assert ((500, ()), 204) == ((first.status, first.stored), again.status)
    assert held(first.lost) == held(again.stored)
    assert ([], 500, True) == (left, after.status, "contains invalid UTF-8" in after.message)


DONE: dict[str, Callable[[Malformed], None]] = {
    "server_crash": ends_the_server,
    "server_error": fails_in_the_engine,
    "name_is_no_utf8": poisons_its_week,
    "hundred_tags": fails_in_the_parser,
}


def test_every_quarantined_class_is_looked_at() -> None:
    """What is looked at here is all that the strategies keep apart."""
    kept_apart = [one.name for one in CLASSES if one.group is Group.QUARANTINE]

    assert sorted(kept_apart) == sorted(DONE)


@pytest.mark.parametrize("kind", DONE)
def test_a_quarantined_body_does_its_damage(kind: str) -> None:
    """Each body does to a server of its own what its class is kept apart for."""
    had(INFLUXDB1)
    seen: Counter[str] = Counter()

    @settings(database=None, deadline=None, max_examples=BODIES, suppress_health_check=list(HealthCheck))
    @given(malformed(classes=[kind], quarantine=True))
    def trial(body: Malformed) -> None:
        DONE[kind](body)
        seen[body.kind] += 1

    trial()
    assert {kind: BODIES} == seen
