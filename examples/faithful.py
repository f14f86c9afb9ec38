"""Whether the Python clients of InfluxDB write what an application hands over, or refuse it.

python examples/faithful.py

In a test suite of one's own, ``assert_serializer_is_faithful(serializer(Point))`` fails with the same text.
"""

import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from influxdb_client import Point
from influxdb_client_3 import Point as Point3

from faultlab.strategies import HAZARDS, ApplicationPoint, unfaithful

CLIENTS = {"influxdb-client": Point, "influxdb3-python": Point3}


def serializer(kind: Any) -> Callable[[ApplicationPoint], str]:
    """Give what a client makes of a point, by its own class for one."""

    def serialize(point: ApplicationPoint) -> str:
        made = kind(point.measurement)
        for key, value in point.tags.items():
            made.tag(key, value)
        for key, value in point.fields.items():
            made.field(key, value)
        if point.time is not None:
            made.time(point.time)
        return str(made.to_line_protocol())

    return serialize


def main() -> None:
    """Print each client's failures, each by the simplest point that shows it."""
    # A client that warns has told the application.
    warnings.simplefilter("error")
    for name, kind in CLIENTS.items():
        found = unfaithful(serializer(kind))
        print(
            f"{name} {version(name)}: {len(found)} of {len(HAZARDS)} hazards come out as something else, or not at all"
        )
        for failure in found:
            print(failure)


if __name__ == "__main__":
    main()
