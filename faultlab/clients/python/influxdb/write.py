"""Writes the manifest with influxdb, the client of InfluxDB 1, and its defaults."""

import sys
from functools import partial
from urllib.parse import urlsplit

import driving
from driving import BUCKET, TOKEN, URL
from influxdb import InfluxDBClient


def main() -> None:
    """One request a tick; the caller hears of what went wrong by exception."""
    where = urlsplit(URL)
    tls = where.scheme == "https"
    client = InfluxDBClient(where.hostname, where.port, "faultlab", TOKEN, BUCKET, ssl=tls, verify_ssl=tls)
    for lines in driving.ticks():
        driving.call(lines, partial(client.write_points, lines, protocol="line", time_precision="n"))


if __name__ == "__main__":
    main()
    sys.exit(driving.failed)
