"""What a history has a real server say it holds is what is there; and a ledger believes the server, not the proxy."""

from __future__ import annotations

import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultlab import history, oracles, readback, reports, servers
from faultlab.exchange import V1_WRITE, V2_WRITE
from faultlab.faults import Duplicate, Hold, LoseResponse, Stall, Unavailable
from faultlab.history import History, ReadBack
from faultlab.lab import LabError
from faultlab.ledger import Ledger, read
from faultlab.ledger.holding import SOME, UNKNOWN, Holding
from faultlab.ledger.rows import Kind
from faultlab.lineprotocol import Point
from faultlab.readback.server import ReadBackError, Server
from faultlab.servers.packages import VICTORIAMETRICS
from faultlab.strategies import Batch, Placement, TypeConflict, batches, type_conflicts
from faultlab.strategies.malformed import NOW
from tests.labs import plan_of, running
from tests.raw import Raw
from tests.servers.compare import Held, held, samples_of
from tests.servers.conftest import had
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.packages import SERVERS
from tests.servers.test_strategies import DRAWN, MS
from tests.servers.victoriametrics import VictoriaMetrics

BODY = b"cpu,host=a usage=1 1700000000000000000\ncpu,host=a usage=2 1700000001000000000\n"


@pytest.fixture(scope="module")
def victoriametrics() -> Iterator[VictoriaMetrics]:
    """Give a server of this module's own: what other tests write as buckets stands under no name, and is read too."""
    had(VICTORIAMETRICS)
    with VictoriaMetrics.start() as server:
        yield server


def server_at(url: str) -> Server:
    """Give the server at a URL, which is of a kind that can be read back."""
    found = readback.server_at(url)
    assert found is not None
    return found


def holding_of(server: Server, database: str, folder: Path) -> tuple[Holding, ReadBack]:
    """Have a server read back, and give what the ledger makes of it."""
    count = readback.write(folder, server.read(database))
    said = ReadBack(server.name, database, server.is_exact, count, server.unclear)
    return Holding(History(path=folder), said), said


def point_of(loose: Any) -> Point:
    """Give the point that a row says."""
    measurement, tags, time, fields = loose
    return Point(measurement, tags, fields, time, 0, 0, (0, 0))


def is_there(point: Point, everything: Held) -> bool:
    """Whether a database holds a point with just these values in its fields."""
    found = everything.get(point.identity, {})
    return all(found.get(key) == given for key, given in held([point])[point.identity].items())


def decided(holding: Holding, points: Iterable[Point], everything: Held) -> Counter[str]:
    """Compare what is said of points with what is there; count what was decided."""
    seen: Counter[str] = Counter()
    for point in points:
        copies = holding.copies((point.measurement, point.tags, point.timestamp, point.fields))
        if copies != UNKNOWN:
            assert (SOME if is_there(point, everything) else 0) == copies
        seen["unknown" if copies == UNKNOWN else "there" if copies else "absent"] += 1
    return seen


@pytest.mark.parametrize(
    "drawn", [batches(min_size=20, max_size=20), batches(min_size=20, max_size=20, dialect="influxdb1")]
)
def test_influxdb_is_read_back_point_by_point(
    influxdb1: InfluxDB1, tmp_path: Path, drawn: st.SearchStrategy[Batch]
) -> None:
    """Of drawn points of which every other one was written, those are there and the others are not."""
    seen: Counter[str] = Counter()

    @settings(DRAWN, max_examples=100)
    @given(drawn)
    def trial(batch: Batch) -> None:
        points = [point for point in batch.points if point.timestamp is not None]
        with influxdb1.fresh() as database:
            influxdb1.write(database, batch.body)
            holding, said = holding_of(server_at(influxdb1.url), database, tmp_path)
            everything = held(influxdb1.points(database))
        assert len(everything) == said.points
        moved = [replace(point, timestamp=(point.timestamp or 0) + 1) for point in points]
        seen.update(decided(holding, [*points, *moved], everything))

    trial()
    assert seen["unknown"] < (seen["there"] + seen["absent"]) / 10
    assert min(seen["there"], seen["absent"]) > 500


@pytest.mark.parametrize("placement", Placement)
def test_a_type_conflict_is_read_back(influxdb1: InfluxDB1, tmp_path: Path, placement: Placement) -> None:
    """Of points whose types meet others, none is said to be there that is not, nor the other way round."""
    seen: Counter[str] = Counter()

    @settings(DRAWN, max_examples=60)
    @given(type_conflicts(placements=[placement], alike=True))
    def trial(conflict: TypeConflict) -> None:
        bodies = [*conflict.setup, conflict.body]
        with influxdb1.fresh() as database:
            for body in bodies:
                influxdb1.write(database, body)
            holding, _ = holding_of(server_at(influxdb1.url), database, tmp_path)
            everything = held(influxdb1.points(database))
        rows = (row for body in bodies for row in read(body, "influxdb1") if row.kind is Kind.TIMED)
        points = [point_of(row.loose) for row in rows]
        seen.update(decided(holding, points, everything))

    trial()
    assert sum(seen.values())


def test_victoriametrics_is_read_back_sample_by_sample(victoriametrics: VictoriaMetrics, tmp_path: Path) -> None:
    """Of drawn points each is there as often as it was written, and what was not written is not."""
    seen: Counter[str] = Counter()

    @settings(DRAWN, max_examples=100)
    @given(batches(min_size=20, max_size=20, min_timestamp=MS, max_timestamp=NOW), st.sampled_from([1, 2]))
    def trial(batch: Batch, times: int) -> None:
        points = [point for point in batch.points if point.timestamp is not None]
        with victoriametrics.fresh() as database:
            for _ in range(times):
                victoriametrics.write(database, batch.body, precision=batch.precision)
            holding, said = holding_of(server_at(victoriametrics.url), database, tmp_path)
        assert said.points == times * len(samples_of(batch.points))
        # Points of one millisecond are one to it, and may lend each other their copies.
        alone = Counter((sample.metric, sample.labels, sample.timestamp) for sample in samples_of(points))
        for point in points:
            if all(alone[s.metric, s.labels, s.timestamp] == 1 for s in samples_of([point])):
                copies = holding.copies((point.measurement, point.tags, point.timestamp, point.fields))
                assert copies in {times, UNKNOWN}
                seen["unknown" if copies == UNKNOWN else "there"] += 1
            gone = replace(point, timestamp=(point.timestamp or 0) + 400 * 86_400 * 10**9)
            assert holding.copies((gone.measurement, gone.tags, gone.timestamp, gone.fields)) == 0

    trial()
    assert seen["there"] > 10 * seen["unknown"]


STORED = {
    "plain": (None, 1),
    "lose_response": (LoseResponse(), 1),
    "stall": (Stall(seconds=0.1), 0),
    "hold": (Hold(86_400), 1),
    "duplicate": (Duplicate(), 2),
    "unavailable": (Unavailable(), 0),
}


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("kind", ["influxdb1", "victoriametrics"])
def test_a_ledger_has_what_the_server_says(
    tmp_path: Path, influxdb1: InfluxDB1, victoriametrics: VictoriaMetrics, kind: str, name: str
) -> None:
    """Each point is stored as often as the server holds it, whatever the client was told."""
    fault, copies = STORED[name]
    server: InfluxDB1 | VictoriaMetrics = influxdb1 if kind == "influxdb1" else victoriametrics
    plan = plan_of(*([fault] if fault else ()), profile="oss1")
    with running(plan, tmp_path / "h", upstream=server.url, bucket=f"ledger-{name}") as lab:
        with Raw(lab.port) as raw:
            raw.write(BODY, f"{V1_WRITE}?db=ledger-{name}")
        past = history.read(lab.finish())

    assert past.read_back is not None
    assert ("", 2 * (1 if copies and kind == "influxdb1" else copies)) == (past.read_back.void, past.read_back.points)
    assert {(copies, "")} == {(entry.stored, entry.doubt) for _, entry in Ledger(past).points()}


def test_what_a_server_drops_in_silence_is_not_stored(tmp_path: Path, victoriametrics: VictoriaMetrics) -> None:
    """VictoriaMetrics answers 204 to a point of the far future and keeps nothing of it: the proxy could not know."""
    far = b"cpu,host=a usage=1 4102444800000000000\n"
    with running(plan_of(profile="oss2"), tmp_path / "h", upstream=victoriametrics.url, bucket="far") as lab:
        with Raw(lab.port) as raw:
            assert 204 == raw.write(BODY + far, f"{V2_WRITE}?db=far&bucket=far").status
        past = history.read(lab.finish())

    stored = {row.shown: entry.stored for row, entry in Ledger(past).points()}
    assert {"cpu,host=a 1700000000000000000": 1, "cpu,host=a 1700000001000000000": 1} | {
        "cpu,host=a 4102444800000000000": 0
    } == stored


def test_what_was_found_empty_is_not_remembered_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """VictoriaMetrics remembers what a question found: what comes after an empty answer is found all the same.

    Seldom enough for one server to show it, so eight are asked at a time.
    """
    monkeypatch.setenv("FAULTLAB_CLIENTS", str(SERVERS))

    def found(_number: int) -> tuple[bool, int]:
        with servers.started("victoriametrics") as url:
            server = server_at(url)
            empty = server.is_empty("b")
            time.sleep(1)
            for second in range(12):
                lines = (f"m,h=h{n} v={n} {1_700_000_000 + second}000000000\n" for n in range(1000))
                with urllib.request.urlopen(f"{url}{V2_WRITE}?bucket=b", "".join(lines).encode()):  # noqa: S310 - ours
                    pass
            return empty, sum(1 for _ in server.read("b"))

    with ThreadPoolExecutor(8) as pool:
        assert [(True, 12_000)] * 8 == list(pool.map(found, range(8)))


def test_what_was_there_before_proves_nothing(tmp_path: Path, influxdb1: InfluxDB1) -> None:
    """Where a database is not empty when the run begins, the ledger has what the proxy saw, and the run says so."""
    with influxdb1.fresh() as database:
        influxdb1.write(database, BODY)
        with running(plan_of(profile="oss1"), tmp_path / "h", upstream=influxdb1.url, bucket=database) as lab:
            past = history.read(lab.finish())

    assert past.read_back is not None
    assert past.read_back.void == f"there were points in '{database}' before the run"
    assert not (tmp_path / "h" / history.STORED).exists()


def test_a_server_that_is_gone_proves_nothing(tmp_path: Path) -> None:
    """Where the server does not answer any more after the run, the run says so and is judged by what the proxy saw."""
    with InfluxDB1.start() as server, running(plan_of(profile="oss1"), tmp_path / "h", upstream=server.url) as lab:
        with Raw(lab.port) as raw:
            raw.write(BODY, f"{V1_WRITE}?db=faultlab")
        server.process.stop()
        past = history.read(lab.finish())

    assert past.read_back is not None
    assert past.read_back.void.startswith("/query is not answered: ")
    assert {1} == {entry.stored for _, entry in Ledger(past).points()}


@pytest.mark.parametrize(("name", "said"), [("influxdb1", "InfluxDB 1.6.7"), ("victoriametrics", "VictoriaMetrics")])
def test_a_lab_starts_a_server_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    """It is empty, it is read back, it is gone with the lab, and the run is reproduced by its name."""
    monkeypatch.setenv("FAULTLAB_CLIENTS", str(SERVERS))
    for folder in (tmp_path / "one", tmp_path / "two"):
        with running(plan_of(profile="oss1"), folder, upstream=name) as lab:
            with Raw(lab.port) as raw:
                assert 204 == raw.write(BODY, f"{V1_WRITE}?db=faultlab").status
            past = history.read(lab.finish())
            url = lab.upstream
        assert past.read_back is not None
        assert ("", 2) == (past.read_back.void, past.read_back.points)
        assert past.read_back.server.startswith(said)
        with pytest.raises(ReadBackError):
            readback.server_at(str(url))
        assert f" --upstream {name} " in reports.Result.of(oracles.judge(past), past).again


def test_a_server_that_cannot_be_had_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment failed; the line names the server, and what was tried."""
    monkeypatch.setenv("FAULTLAB_CLIENTS", str(tmp_path / "new"))
    monkeypatch.setenv("PATH", str(tmp_path))

    with (
        pytest.raises(LabError, match=r"^upstream influxdb1 could not start: cannot get influxdb 1\.6\.7: .*$"),
        running(plan_of(), tmp_path / "h", upstream="influxdb1"),
    ):
        pass
