"""Writes the manifest with influxdb-client and its defaults: ``write.py sync``, ``batching`` or ``async``."""

import asyncio
import sys
from functools import partial

import driving
from driving import BUCKET, ORG, TOKEN, URL
from influxdb_client import InfluxDBClient
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.client.write_api import SYNCHRONOUS


def sync() -> None:
    """One request a tick; the caller hears of what went wrong by exception."""
    with InfluxDBClient(URL, TOKEN, org=ORG) as client:
        api = client.write_api(write_options=SYNCHRONOUS)
        for lines in driving.ticks():
            driving.call(lines, partial(api.write, BUCKET, record=lines))


def batching() -> None:
    """The client's own batches, sent in the background; the application hears of them by callback."""
    with (
        InfluxDBClient(URL, TOKEN, org=ORG) as client,
        client.write_api(
            success_callback=lambda _where, data: driving.tell("ok", data),
            error_callback=lambda _where, data, problem: driving.tell("failed", data, problem),
        ) as api,
    ):
        for lines in driving.ticks():
            api.write(BUCKET, record=lines)


async def asynchronously() -> None:
    """One request a tick, awaited."""
    async with InfluxDBClientAsync(URL, TOKEN, org=ORG) as client:
        api = client.write_api()
        for lines in driving.ticks():
            try:
                await api.write(BUCKET, record=lines)
            except Exception as problem:  # noqa: BLE001 - whatever it is, the application has heard of it
                driving.tell("failed", lines, f"{type(problem).__name__}: {problem}")
            else:
                driving.tell("ok", lines)


if __name__ == "__main__":
    {"sync": sync, "batching": batching, "async": lambda: asyncio.run(asynchronously())}[sys.argv[1]]()
    sys.exit(driving.failed)
