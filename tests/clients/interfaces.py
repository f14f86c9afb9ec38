"""The writing interfaces of the real Python clients, each as one function: what it is given, what its caller hears.

Each takes a scope to write to and writes, one call each; it gives, for each write, what the caller was told went wrong
with it, None where it was told that all is well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import SYNCHRONOUS, WriteOptions
from influxdb_client_3 import SYNCHRONOUS as SYNCHRONOUS_3
from influxdb_client_3 import InfluxDBClient3, write_client_options
from influxdb_client_3 import Point as Point3
from influxdb_client_3 import WriteOptions as WriteOptions3

from faultlab.pytest_plugin import Scope
from faultlab.strategies import MixedLine

type Write = Sequence[MixedLine]
type Told = str | None
type Interface = Callable[[Scope, Sequence[Write]], list[Told]]

# Sent as soon as it is closed, and given up before a test loses its patience.
_BATCHING: dict[str, Any] = {"batch_size": 1000, "flush_interval": 1_000, "retry_interval": 100, "max_retries": 2}


def texts(write: Write) -> list[str]:
    """Give the lines as text, the form that every client takes."""
    return [line.text.decode() for line in write]


def points(kind: Any) -> Callable[[Write], list[Any]]:
    """Give what turns lines into a client's own points."""

    def made(write: Write) -> list[Any]:
        out = []
        for line in write:
            assert line.point is not None
            point = kind(line.point.measurement)
            for key, value in line.point.tags.items():
                point = point.tag(key, value)
            for key, value in line.point.fields.items():
                point = point.field(key, value)
            out.append(point.time(line.point.time, "ns"))
        return out

    return made


def told_by(call: Callable[[], object]) -> Told:
    """Give what a call raises, as its caller would log it."""
    try:
        call()
    except Exception as problem:  # noqa: BLE001 - whatever it is, the application has heard of it
        return said(problem)
    return None


def said(problem: BaseException) -> str:
    """Give a problem as a log has it."""
    return f"{type(problem).__name__}: {problem}"


def sync(form: Callable[[Write], list[Any]]) -> Interface:
    """``influxdb-client``, one request a call."""

    def write(scope: Scope, writes: Sequence[Write]) -> list[Told]:
        with InfluxDBClient(url=scope.url, token=scope.token, org=scope.org) as client:
            api = client.write_api(write_options=SYNCHRONOUS)
            return [told_by(partial(api.write, bucket=scope.bucket, record=form(one))) for one in writes]

    return write


def batching(form: Callable[[Write], list[Any]]) -> Interface:
    """``influxdb-client``, sent in the background when it is closed; errors come by callback.

    Each write but the first goes to a bucket of its own, because what goes to one bucket is one batch.
    """

    def write(scope: Scope, writes: Sequence[Write]) -> list[Told]:
        first = sync(form)(scope, writes[:1])
        heard: dict[str, str] = {}
        buckets = buckets_of(scope, writes[1:])
        with (
            InfluxDBClient(url=scope.url, token=scope.token, org=scope.org) as client,
            client.write_api(
                write_options=WriteOptions(**_BATCHING),
                error_callback=lambda where, _data, problem: heard.setdefault(where[0], said(problem)),
            ) as api,
        ):
            for bucket, one in zip(buckets, writes[1:], strict=True):
                api.write(bucket=bucket, record=form(one))
        return first + [heard.get(bucket) for bucket in buckets]

    return write


def buckets_of(scope: Scope, writes: Sequence[Write]) -> list[str]:
    """Give a bucket for each write, the scope's own for the first."""
    return [scope.bucket, *(f"{scope.bucket}-{number}" for number in range(1, len(writes)))]


@contextmanager
def _client3(scope: Scope, options: Any, **given: Any) -> Iterator[InfluxDBClient3]:
    client = InfluxDBClient3(
        host=scope.url,
        token=scope.token,
        org=scope.org,
        database=scope.bucket,
        write_client_options=write_client_options(write_options=options, **given),
        # Profiles that have the endpoint of version 3 are written to by it.
        write_use_v2_api=scope.profile != "core",
    )
    try:
        yield client
    finally:
        client.close()


def sync3(form: Callable[[Write], list[Any]]) -> Interface:
    """``influxdb3-python``, one request a call."""

    def write(scope: Scope, writes: Sequence[Write]) -> list[Told]:
        with _client3(scope, SYNCHRONOUS_3) as client:
            return [told_by(partial(client.write, record=form(one))) for one in writes]

    return write


def batching3(form: Callable[[Write], list[Any]]) -> Interface:
    """``influxdb3-python``, as ``batching``."""

    def write(scope: Scope, writes: Sequence[Write]) -> list[Told]:
        first = sync3(form)(scope, writes[:1])
        heard: dict[str, str] = {}
        buckets = buckets_of(scope, writes[1:])
        with _client3(
            scope,
            WriteOptions3(**_BATCHING),
            error_callback=lambda where, _data, problem: heard.setdefault(where[0], said(problem)),
        ) as client:
            for bucket, one in zip(buckets, writes[1:], strict=True):
                client.write(record=form(one), database=bucket)
        return first + [heard.get(bucket) for bucket in buckets]

    return write


INTERFACES: Mapping[tuple[str, str], tuple[Interface, Interface]] = {
    ("influxdb-client", "lines"): (sync(texts), batching(texts)),
    ("influxdb-client", "points"): (sync(points(Point)), batching(points(Point))),
    ("influxdb3-python", "lines"): (sync3(texts), batching3(texts)),
    ("influxdb3-python", "points"): (sync3(points(Point3)), batching3(points(Point3))),
}
"""By client and by what it is handed, line protocol or points: the interface that waits, and the one that batches."""
