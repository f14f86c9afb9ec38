"""A small program that ships telemetry with influxdb-client in batching mode, as its documentation shows.

    faultlab run rate-limit -- python examples/write_batches.py

Nothing in it knows of faultlab but the two lines that write the manifest: what it hands to the client, as line
protocol, before it hands it over. Without them faultlab judges by what it sees on the wire.
"""

import argparse
import os
from pathlib import Path

from influxdb_client import InfluxDBClient, Point, WriteOptions

FIRST = 1_700_000_000_000_000_000


def points(count: int) -> list[Point]:
    """Give that many readings of a sensor, a second apart, each with its own time stamp."""
    return [
        Point("home").tag("room", f"r{number % 4}").field("temperature", 20 + number / 10).time(FIRST + number * 10**9)
        for number in range(count)
    ]


def main() -> None:
    """Write the points through the client's batching API and wait until it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=10)
    options = parser.parse_args()
    readings = points(options.points)
    if manifest := os.environ.get("FAULTLAB_MANIFEST"):
        Path(manifest).write_text("".join(f"{point.to_line_protocol()}\n" for point in readings))
    with (
        InfluxDBClient(
            os.environ["INFLUXDB_V2_URL"], os.environ["INFLUXDB_V2_TOKEN"], org=os.environ["INFLUXDB_V2_ORG"]
        ) as client,
        client.write_api(write_options=WriteOptions(batch_size=options.batch_size)) as write_api,
    ):
        for reading in readings:
            write_api.write(os.environ.get("INFLUX_BUCKET", "faultlab"), record=reading)


if __name__ == "__main__":
    main()
