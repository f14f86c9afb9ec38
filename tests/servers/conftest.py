"""A server of each kind for the whole session, and the marker that keeps ``make test`` from starting them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from faultlab.clients.packages import PackageError
from faultlab.servers.packages import INFLUXDB1, VICTORIAMETRICS, Package
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.packages import SERVERS
from tests.servers.victoriametrics import VictoriaMetrics

# What ends or damages servers is looked at only where that is asked for.
collect_ignore = [] if os.environ.get("FAULTLAB_QUARANTINE") else ["test_quarantine.py"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, before pytest chooses by markers."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.servers)


def had(package: Package) -> None:
    """Have a server's program, or fail with the one line that says why not."""
    problem = ""
    try:
        package.fetch(SERVERS)
    except PackageError as raised:
        problem = str(raised)
    if problem:
        pytest.fail(problem, pytrace=False)


@pytest.fixture(scope="session")
def influxdb1() -> Iterator[InfluxDB1]:
    """Give a real InfluxDB 1.6.7; a test takes a database of its own with ``influxdb1.fresh()``."""
    had(INFLUXDB1)
    with InfluxDB1.start() as server:
        yield server


@pytest.fixture(scope="session")
def victoriametrics() -> Iterator[VictoriaMetrics]:
    """Give a real VictoriaMetrics 1.79.5; a test takes a name of its own with ``victoriametrics.fresh()``."""
    had(VICTORIAMETRICS)
    with VictoriaMetrics.start() as server:
        yield server
