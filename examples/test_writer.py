"""A plain pytest suite for a program: what it does when InfluxDB fails, one test a promise.

    pytest examples/test_writer.py
    pytest examples/test_writer.py --faultlab-history histories    # and every run is kept

The program writes through influxdb-client. Where it is a function, a test calls it with an InfluxDB of the fixture's;
where it is a program of its own, the fixture runs it.
"""

import sys
from pathlib import Path

import pytest
from influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from faultlab.faults import MalformedLine, PartialWrite, RateLimit, Unavailable
from faultlab.plan import Match, Rule, When
from faultlab.pytest_plugin import FaultLab, Scope

PROGRAM = [sys.executable, str(Path(__file__).with_name("write_batches.py")), "--points", "20"]
LINES = [f"home,room=r{number} temperature=2{number} {1_700_000_000_000_000_000 + number}" for number in range(3)]

BRIEF = RateLimit("seconds", min_wait=1, max_wait=1)


def ship(scope: Scope, lines: list[str]) -> bool:
    """Write lines in one request and give whether that went well: this is the program under test."""
    with InfluxDBClient(url=scope.url, token=scope.token, org=scope.org) as client:
        try:
            client.write_api(write_options=SYNCHRONOUS).write(bucket=scope.bucket, record=lines)
        except ApiException as refusal:
            # A suite sees what no log shows, so it is the suite that says what the program would have been told.
            scope.was_told("failed", str(refusal), "\n".join(lines))
            return False
    return True


def test_nothing_goes_wrong(faultlab: FaultLab) -> None:
    """Without a marker nothing is failed; each test begins with an InfluxDB that is empty."""
    assert ship(faultlab, LINES)

    faultlab.assert_pass("loses_nothing_silently", "writes_valid_lines", "keeps_field_types")


@pytest.mark.faultlab("malformed", seed=7, profile="oss2")
def test_a_refusal_is_told_and_holds_up_nothing(faultlab: FaultLab) -> None:
    """A scenario is named by a marker: its rules apply, and its checks have to find something to judge."""
    for line in LINES:
        ship(faultlab, [line])

    faultlab.assert_pass()


@pytest.mark.faultlab(Rule(BRIEF, match=Match(endpoint="write"), when=When(first=1)), seed=7)
def test_a_program_of_its_own_waits_as_it_is_told(faultlab: FaultLab) -> None:
    """A client that is a process finds its InfluxDB in the usual variables, and how it ends is judged as well."""
    ended = faultlab.run(PROGRAM)

    assert ended.status == 0
    faultlab.assert_pass("waits_as_told", "delivers_through_transient_failures", "ends_well", strict=True)


@pytest.mark.faultlab(profile="oss2")
def test_each_failure_by_itself(faultlab: FaultLab) -> None:
    """Any number of scopes follow one another in a test, each with faults, a history and an InfluxDB of its own."""
    for fault in (RateLimit(), Unavailable(), MalformedLine()):
        with faultlab.faults(fault) as scope:
            assert not ship(scope, LINES), fault

        assert len(scope.history.events) == 1
        scope.assert_pass("loses_nothing_silently")


@pytest.mark.xfail(reason="influxdb-client 1.50 takes every 201 for a success", raises=AssertionError, strict=True)
def test_a_partial_write_is_told(faultlab: FaultLab) -> None:
    """What is known to fail is expected to; once it no longer does, this test fails until its marker is removed."""
    with faultlab.faults(PartialWrite()) as scope:
        ship(scope, LINES)

    scope.assert_pass("reports_partial_writes")
