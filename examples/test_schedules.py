"""A property-based suite for a client: one payload and one schedule of faults, drawn together, through a real proxy.

    pytest examples/test_schedules.py

Whatever fails, and whenever: no line is lost without the application hearing of it. A failure is shrunk to the fewest
faults and lines that show it, and printed with the exchanges and the judgement.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from faultlab.pytest_plugin import FaultLab, Scope
from faultlab.strategies import Batch, Schedule, batches, schedules


def write(scope: Scope, lines: list[str]) -> None:
    """Write each line by itself, and say what the application was told: this is the program under test."""
    with InfluxDBClient(url=scope.url, token=scope.token, org=scope.org) as client:
        api = client.write_api(write_options=SYNCHRONOUS)
        for line in lines:
            scope.hands_over(line)
            try:
                api.write(bucket=scope.bucket, record=line)
            except ApiException as refusal:
                scope.was_told("failed", str(refusal), line)
            else:
                scope.was_told("ok", lines=line)


@pytest.mark.faultlab(profile="oss2")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=batches(), schedule=schedules(profile="oss2", transport=False))
def test_no_line_is_lost_in_silence(faultlab: FaultLab, payload: Batch, schedule: Schedule) -> None:
    """Each example has an InfluxDB of its own, empty when it begins; nothing in it waits, so 200 take seconds."""
    with faultlab.play(schedule) as scope:
        write(scope, payload.body.decode().rstrip("\n").split("\n"))
    scope.assert_pass("loses_nothing_silently", "tells_the_truth")
