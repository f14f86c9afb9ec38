"""Writes the manifest with influxdb3-python and its defaults: ``write.py sync`` or ``batching``."""

import sys
from functools import partial

import driving
from driving import BUCKET, ORG, TOKEN, URL
from influxdb_client_3 import SYNCHRONOUS, InfluxDBClient3, WriteOptions, write_client_options


def sync() -> None:
    """One request a tick; the caller hears of what went wrong by exception."""
    options = write_client_options(write_options=SYNCHRONOUS)
    with InfluxDBClient3(host=URL, token=TOKEN, org=ORG, database=BUCKET, write_client_options=options) as client:
        for lines in driving.ticks():
            driving.call(lines, partial(client.write, record=lines))


def batching() -> None:
    """The client's own batches, sent in the background; the application hears of them by callback."""
    options = write_client_options(
        write_options=WriteOptions(),
        success_callback=lambda _where, data: driving.tell("ok", data),
        error_callback=lambda _where, data, problem: driving.tell("failed", data, problem),
    )
    with InfluxDBClient3(host=URL, token=TOKEN, org=ORG, database=BUCKET, write_client_options=options) as client:
        for lines in driving.ticks():
            client.write(record=lines)


if __name__ == "__main__":
    {"sync": sync, "batching": batching}[sys.argv[1]]()
    sys.exit(driving.failed)
