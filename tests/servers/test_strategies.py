"""What the strategies say is what real servers do: drawn bodies are written, and everything is read back and compared.

A failure shows the smallest bodies that differ, what was foretold and what the server did: written to an empty database
they show it again. Nothing that stops a server is drawn here; ``test_quarantine.py`` has that.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from faultlab.exchange import V1_WRITE
from faultlab.lineprotocol import Point, outcome
from faultlab.strategies import (
    CLASSES,
    Batch,
    Group,
    Malformed,
    Placement,
    TypeConflict,
    batches,
    malformed,
    type_conflicts,
)
from faultlab.strategies.conflicts import LATER, WEEK
from faultlab.strategies.malformed import NOW
from tests.servers.compare import Seen, Trial, compare, samples_of, written
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.victoriametrics import VictoriaMetrics
from tests.test_outcome import SEQUENCES, TIMES, bodies_of, error_of

DRAWN = settings(database=None, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))

# Points to a batch: a database of its own costs InfluxDB as much as writing thirty points to it.
SIZE = 50
STRICT, OF_A_DIALECT = 400, 100
OF_A_CLASS, OF_A_PLACEMENT = 50, 200
DRAWN_SEQUENCES = 300

MS = 1_000_000
NOTHING = outcome(b"", "oss1", endpoint=V1_WRITE)
DEFAULT = [one.name for one in CLASSES if one.group is not Group.QUARANTINE]


def placed(batch: Batch) -> tuple[Point, ...]:
    """Give the points that a batch was made to say; those without a timestamp at the time at which it is written."""
    return tuple(replace(point, timestamp=NOW) if point.timestamp is None else point for point in batch.points)


def identical(server: InfluxDB1, drawn: st.SearchStrategy[Batch], examples: int) -> int:
    """Write batches to InfluxDB, each to a database of its own; give how many points came back as they were meant."""
    seen: Counter[str] = Counter()

    @settings(DRAWN, max_examples=examples)
    @given(drawn)
    def trial(batch: Batch) -> None:
        points = placed(batch)
        columns: dict[tuple[str, int], dict[str, str]] = {}
        for point in points:
            columns.setdefault((point.measurement, 0), {}).update((key, kind) for key, kind, _ in point.fields)
        with server.fresh() as database:
            # Not what our own parser makes of the body: what the batch says without having been parsed.
            Trial(server, database).write(batch.body, replace(NOTHING, stored=points, columns=columns), now=NOW)
        seen["points"] += len(points)

    trial()
    return seen["points"]


def as_samples(server: VictoriaMetrics, drawn: st.SearchStrategy[Batch], examples: int) -> int:
    """Write batches to VictoriaMetrics, each under a name of its own; give how many points came back in full."""
    seen: Counter[str] = Counter()

    @settings(DRAWN, max_examples=examples)
    @given(drawn)
    def trial(batch: Batch) -> None:
        points = placed(batch)
        samples = samples_of(points)
        actual = written(server, [batch.body], now=NOW, precision=batch.precision)
        seen["blurred"] += compare([batch.body], Seen(204, "", samples), actual)
        seen["samples"] += len(samples)
        seen["points"] += len(points)

    trial()
    assert seen["blurred"] < seen["samples"] / 200
    return seen["points"]


def test_every_strict_point_comes_back_from_influxdb(influxdb1: InfluxDB1) -> None:
    """InfluxDB holds 20,000 points exactly as meant: names, tags, types, values to the last bit, timestamps."""
    drawn = batches(min_size=SIZE, max_size=SIZE)

    assert 20_000 == identical(influxdb1, drawn, STRICT)


def test_every_strict_point_comes_back_from_victoriametrics(victoriametrics: VictoriaMetrics) -> None:
    """VictoriaMetrics holds a sample for every field of 20,000 points, at times it stores: after 1970, not to come."""
    drawn = batches(min_size=SIZE, max_size=SIZE, min_timestamp=MS, max_timestamp=NOW)

    assert 20_000 == as_samples(victoriametrics, drawn, STRICT)


def test_every_point_of_its_dialect_comes_back_from_influxdb(influxdb1: InfluxDB1) -> None:
    """InfluxDB reads every extra of its dialect as it is meant: blanks, comments, quotes, line feeds and the others."""
    drawn = batches(min_size=SIZE, max_size=SIZE, dialect="influxdb1")

    assert 5_000 == identical(influxdb1, drawn, OF_A_DIALECT)


def test_every_point_of_its_dialect_comes_back_from_victoriametrics(victoriametrics: VictoriaMetrics) -> None:
    """VictoriaMetrics reads every extra of its dialect as it is meant."""
    drawn = batches(min_size=SIZE, max_size=SIZE, dialect="victoriametrics", min_timestamp=MS, max_timestamp=NOW)

    assert 5_000 == as_samples(victoriametrics, drawn, OF_A_DIALECT)


@pytest.mark.parametrize("kind", DEFAULT)
def test_influxdb_does_with_a_malformed_body_as_foretold(influxdb1: InfluxDB1, kind: str) -> None:
    """Status and words are those of the verdict, and exactly the points stand there that it says are stored."""
    seen: Counter[str] = Counter()

    @settings(DRAWN, max_examples=OF_A_CLASS)
    @given(malformed(classes=[kind]))
    def trial(body: Malformed) -> None:
        with influxdb1.fresh() as database:
            attempt = Trial(influxdb1, database)
            attempt.write(body.body, body.verdict("oss1", endpoint=V1_WRITE), now=NOW)
        seen["bodies"] += 1
        seen["unreadable"] += attempt.unreadable

    trial()
    assert (OF_A_CLASS, 0) == (seen["bodies"], seen["unreadable"])


@pytest.mark.parametrize("kind", DEFAULT)
def test_victoriametrics_does_with_a_malformed_body_as_foretold(victoriametrics: VictoriaMetrics, kind: str) -> None:
    """VictoriaMetrics says 204 whatever it drops, and holds exactly the samples of the points that are stored."""
    seen: Counter[str] = Counter()

    @settings(DRAWN, max_examples=OF_A_CLASS)
    @given(malformed(classes=[kind]))
    def trial(body: Malformed) -> None:
        verdict = body.verdict("victoriametrics")
        samples = samples_of(verdict.stored)
        foretold = Seen(verdict.status, verdict.message, samples)
        seen["blurred"] += compare([body.body], foretold, written(victoriametrics, [body.body], now=NOW))
        seen["samples"] += len(samples)
        seen[str(verdict.status)] += 1

    trial()
    assert OF_A_CLASS == seen["204"]
    assert seen["blurred"] <= seen["samples"] / 50


def test_no_class_is_left_out() -> None:
    """The classes looked at are those that ``malformed`` draws when it is not told which."""
    seen: Counter[str] = Counter()

    @settings(DRAWN, max_examples=3000)
    @given(malformed())
    def draw(body: Malformed) -> None:
        seen[body.kind] += 1

    draw()
    assert sorted(DEFAULT) == sorted(seen)


@pytest.mark.parametrize("placement", Placement)
def test_influxdb_does_with_a_type_conflict_as_foretold(influxdb1: InfluxDB1, placement: Placement) -> None:
    """What comes before, the conflict, and the conflict sent again: each is answered and stored as foretold.

    Sent again, what cost a whole week costs its own lines: the first attempt left its columns behind.
    """
    seen: Counter[str] = Counter()

    @settings(DRAWN, max_examples=OF_A_PLACEMENT)
    @given(type_conflicts(placements=[placement], alike=True))
    def trial(conflict: TypeConflict) -> None:
        with influxdb1.fresh() as database:
            attempt = Trial(influxdb1, database)
            for body in conflict.setup:
                attempt.write(body, now=LATER)
            attempt.write(conflict.body, conflict.verdict("oss1", endpoint=V1_WRITE), now=LATER)
            attempt.write(conflict.body, now=LATER)
        seen["conflicts"] += 1
        seen["unreadable"] += attempt.unreadable

    trial()
    assert (OF_A_PLACEMENT, 0) == (seen["conflicts"], seen["unreadable"])


@pytest.mark.parametrize("placement", Placement)
def test_victoriametrics_knows_no_type_conflict(victoriametrics: VictoriaMetrics, placement: Placement) -> None:
    """VictoriaMetrics says 204 to every conflict, and holds every value, those sent again twice."""
    seen: Counter[str] = Counter()

    @settings(DRAWN, max_examples=OF_A_PLACEMENT)
    @given(type_conflicts(placements=[placement], alike=True))
    def trial(conflict: TypeConflict) -> None:
        bodies = [*conflict.setup, conflict.body, conflict.body]
        verdict = conflict.verdict("victoriametrics")
        before = [outcome(body, "victoriametrics", now=LATER) for body in conflict.setup]
        stored = [point for each in (*before, verdict, verdict) for point in each.stored]
        foretold = Seen(verdict.status, verdict.message, samples_of(stored))
        seen["blurred"] += compare(bodies, foretold, written(victoriametrics, bodies, now=LATER))
        seen["lines"] += conflict.body.count(b"\n")
        seen["stored"] += len(verdict.stored)
        seen[str(verdict.status)] += 1

    trial()
    assert (OF_A_PLACEMENT, seen["lines"]) == (seen["204"], seen["stored"])
    assert seen["blurred"] <= seen["stored"] / 3


def several() -> st.SearchStrategy[tuple[bytes, ...]]:
    """Bodies that meet in the same few columns, within three weeks and the present one; some put together of others."""
    meeting = batches(
        max_size=6,
        min_timestamp=NOW,
        max_timestamp=NOW + 2 * WEEK,
        extras=["no_timestamps"],
        measurements=st.sampled_from(["m", "a b", "bad", "cpu"]),
        field_keys=st.sampled_from(["f", "v", "a,b", "up"]),
        tag_keys=st.sampled_from(["t", "h"]),
        tag_values=st.sampled_from(["v", "a"]),
    ).map(lambda batch: (batch.body,))
    wrong = malformed().map(lambda body: (body.body,))
    clashing = type_conflicts(alike=True).map(lambda conflict: (*conflict.setup, conflict.body))
    parts = st.lists(st.one_of(meeting, wrong, clashing), min_size=1, max_size=4)
    apart = parts.map(lambda bodies: tuple(body for each in bodies for body in each))
    joined = st.lists(apart.map(b"".join), max_size=3)
    return st.builds(lambda one, other: (*one, *other), apart, joined)


def test_influxdb_does_with_one_body_after_the_other_as_foretold(influxdb1: InfluxDB1) -> None:
    """In one database, each body's outcome follows from the body and from what the outcomes before it left behind.

    Where several weeks of a body fail, any of their answers is right: the server writes them side by side, tells
    whichever fails first and goes on writing the others. Which one that is, nobody can foretell.
    """
    seen: Counter[str] = Counter()

    @settings(DRAWN, max_examples=DRAWN_SEQUENCES)
    @given(several())
    def trial(bodies: tuple[bytes, ...]) -> None:
        refused = [line.kind for body in bodies for line in outcome(body, "oss1", endpoint=V1_WRITE).refused]
        # Put together, bodies might come to hold what stops the server.
        assume(not any(kind.startswith("server-") for kind in refused))
        with influxdb1.fresh() as database:
            attempt = Trial(influxdb1, database)
            for body in bodies:
                verdict = attempt.write(body)
                seen[str(verdict.status)] += 1
                seen["points"] += len(verdict.stored)
                seen[verdict.unit] += 1
                seen["undecided"] += bool(verdict.instead)
        seen["sequences"] += 1
        seen["unreadable"] += attempt.unreadable

    trial()
    assert DRAWN_SEQUENCES == seen["sequences"]
    assert min(seen["204"], seen["400"]) > DRAWN_SEQUENCES
    assert min(seen["lines"], seen["week"], seen["undecided"]) > 0
    assert seen["unreadable"] <= seen["points"] / 100


@pytest.mark.parametrize("name", SEQUENCES)
def test_influxdb_does_as_the_examples_of_outcome_say(influxdb1: InfluxDB1, name: str) -> None:
    """What ``tests/test_outcome.py`` has been told InfluxDB says, it says."""
    with influxdb1.fresh() as database:
        attempt = Trial(influxdb1, database)
        said = [error_of(attempt.write(body).answer) for body in bodies_of(name)]

    assert [error for _, error in SEQUENCES[name]] == said


@pytest.mark.parametrize(("stamp", "precision", "stored"), TIMES)
def test_victoriametrics_does_as_the_examples_of_outcome_say(
    victoriametrics: VictoriaMetrics, stamp: int, precision: str, stored: list[int]
) -> None:
    """Where ``tests/test_outcome.py`` has been told VictoriaMetrics stores a point, it does."""
    body = b"m f=1 %d\n" % stamp
    points = [Point("m", (), (("f", "float", 1.0),), time, 1, 1, (0, 0)) for time in stored]
    actual = written(victoriametrics, [body], now=NOW, precision=precision or None)

    assert 0 == compare([body], Seen(204, "", samples_of(points)), actual)
