"""A property-based suite for a client: good, malformed and type-conflicting lines, mixed, through a real proxy.

    pytest examples/test_mixed_batches.py

Whatever the mixture: what is good arrives, what is bad is told to the application, and nothing waits behind it. A
failure is shrunk to the fewest lines that show it, and printed with the exchange and the judgement.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from faultlab.pytest_plugin import FaultLab
from faultlab.strategies import SETUP, MixedBatch, mixed_batches


@pytest.mark.faultlab(profile="oss2")
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=mixed_batches())
def test_every_line_arrives_or_is_told(faultlab: FaultLab, batch: MixedBatch) -> None:
    """Each example has an InfluxDB of its own, empty when it begins."""
    with faultlab.faults() as scope, InfluxDBClient(url=scope.url, token=scope.token, org=scope.org) as client:
        api = client.write_api(write_options=SYNCHRONOUS)
        for lines in ([SETUP], batch.lines):
            texts = [line.text.decode() for line in lines]
            try:
                api.write(bucket=scope.bucket, record=texts)
            except ApiException as refusal:
                scope.was_told("failed", str(refusal), "\n".join(texts))
            else:
                scope.was_told("ok")
    scope.assert_pass()
