"""What upstream says it holds: written down beside a history, and believed by its ledger."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from faultlab import contract, history, oracles, readback, reports
from faultlab.exchange import V2_WRITE, Effect
from faultlab.faults import Duplicate, LoseResponse
from faultlab.history import STORED, History, HistoryError, ReadBack
from faultlab.ledger import Ledger
from faultlab.ledger.holding import SOME, UNKNOWN, Holding
from faultlab.origin import Origin
from faultlab.readback import Point, ReadBackError
from tests import builders
from tests.builders import lines, sent
from tests.labs import AUTH, plan_of, running
from tests.raw import Raw

BODY = lines(1, 2).encode()
SAMPLES = ReadBack("VictoriaMetrics", "b", exact=False)
POINTS = ReadBack("InfluxDB 1.6.7", "b")


def with_stored(past: History, folder: Path, said: ReadBack, *points: Point) -> History:
    """Give a history to which upstream said that it holds these points."""
    count = readback.write(folder, points)
    return replace(past, read_back=replace(said, points=count), path=folder)


def stored(past: History) -> dict[str, tuple[int, int | None, str]]:
    """Give for each point its copies, the send that stored it, and the doubt about it."""
    return {row.shown: (entry.stored, entry.stored_by, entry.doubt) for row, entry in Ledger(past).points()}


def number(time: int, value: float = 1.0, field: str = "v") -> Point:
    """Give a point as ``builders.lines`` writes it."""
    return Point("m", (("k", "a"),), time, ((field, "float", value),))


def test_what_upstream_holds_is_stored_whatever_the_client_was_told(tmp_path: Path) -> None:
    """A point that upstream holds is stored, though no answer said so; the send that may have done it did."""
    past = builders.history(
        sent(1, lines(1, 2), 429), sent(2, lines(1, 2), None, effect=Effect.UNKNOWN), sent(3, lines(1, 2), 429)
    )

    assert {"m,k=a 1": (1, 1, ""), "m,k=a 2": (0, None, "")} == stored(with_stored(past, tmp_path, POINTS, number(1)))


def test_what_upstream_does_not_hold_is_not_stored_whatever_it_answered(tmp_path: Path) -> None:
    """A point that upstream said it took and does not hold is lost by the server: a doubt, and no failure."""
    past = with_stored(builders.history(sent(1, lines(1, 2))), tmp_path, POINTS, number(1))
    judged = next(one for one in oracles.judge(past).findings if one.oracle.name == "loses_nothing_silently")

    assert {"m,k=a 1": (1, 0, ""), "m,k=a 2": (0, None, "")} == stored(past)
    assert judged.verdict is not None
    assert ("INCONCLUSIVE", True) == (judged.verdict.name, "although the server said success" in judged.first[0].what)


def test_a_server_that_keeps_one_of_each_point_does_not_count(tmp_path: Path) -> None:
    """Two copies that were delivered stay two where upstream can only say that it holds some."""
    past = builders.history(sent(1, lines(1)), sent(2, lines(1)))

    assert {"m,k=a 1": (2, 0, "")} == stored(with_stored(past, tmp_path, POINTS, number(1)))


def test_a_server_that_keeps_them_all_counts(tmp_path: Path) -> None:
    """Of samples there are as many copies as upstream holds."""
    past = builders.history(sent(1, lines(1_000_000)), sent(2, lines(1_000_000)))
    one = Point("m_v", (("k", "a"),), 1, (("value", "float", 1.0),))

    assert {"m,k=a 1000000": (1, 0, "")} == stored(with_stored(past, tmp_path, SAMPLES, one))
    assert {"m,k=a 1000000": (3, 0, "")} == stored(with_stored(past, tmp_path, SAMPLES, one, one, one))


def test_another_database_was_not_asked_about(tmp_path: Path) -> None:
    """What was written elsewhere, or under a retention policy of its own, stays as the proxy saw it."""
    for query in ((("bucket", "other"),), (("db", "b"), ("rp", "week"))):
        past = builders.history(sent(1, lines(1), query=query))

        assert {"m,k=a 1": (1, 0, "")} == stored(with_stored(past, tmp_path, POINTS))


@pytest.mark.parametrize(
    ("there", "asked", "expected"),
    [
        ([number(1)], number(1), SOME),
        ([number(1)], number(2), 0),
        ([number(1, -0.0)], number(1, 0.0), SOME),
        ([number(1, 2.0)], number(1), UNKNOWN),
        ([number(1, 2.0, "w")], number(1), 0),
        ([Point("m", (("k", "a"),), 1, (("v", "float", 1.0), ("w", "float", 2.0)))], number(1), SOME),
        ([number(1)], Point("m", (("k", "a"),), 1, (("v", "float", 1.0), ("w", "float", 2.0))), UNKNOWN),
        ([Point("m", (("k", "a"),), 1, (("v", "integer", 1),))], number(1), UNKNOWN),
        ([], Point("m", (("k", "\udc80"),), 1, (("v", "float", 1.0),)), UNKNOWN),
        ([], Point("m", (("k", "a"),), 1, (("v", "string", "\udc80"),)), UNKNOWN),
        ([], Point("m\\,x", (("k", "a"),), 1, (("v", "float", 1.0),)), UNKNOWN),
        ([], Point("several", (("k", "a"),), 1, (("v", "float", 1.0),)), UNKNOWN),
    ],
)
def test_a_point_is_there_or_not_or_nobody_knows(
    tmp_path: Path, there: list[Point], asked: Point, expected: int
) -> None:
    """A point is there with all its values; another value in a field of its is no proof of either."""
    readback.write(tmp_path, there)
    holding = Holding(History(path=tmp_path), replace(POINTS, unclear=("several",)))

    assert expected == holding.copies(asked)


@pytest.mark.parametrize(
    ("there", "fields", "expected"),
    [
        ([1.0], (("v", "float", 1.0),), 1),
        ([1.0, 1.0], (("v", "integer", 1),), 2),
        ([0.1 + 1e-16], (("v", "float", 0.1),), 1),
        ([1.00001], (("v", "float", 1.0),), UNKNOWN),
        ([12.5], (("v", "string", "12.5"),), 1),
        ([0.0], (("v", "string", "text"),), 1),
        ([1.0], (("v", "boolean", True),), 1),
        ([], (("v", "float", 1.0),), 0),
        ([1.0], (("v", "float", 1.0), ("w", "float", 1.0)), UNKNOWN),
    ],
)
def test_a_sample_is_there_as_often_as_it_is(
    tmp_path: Path, there: list[float], fields: tuple[tuple[str, str, object], ...], expected: int
) -> None:
    """A field is a sample of its own, with a value that twelve digits tell from others."""
    readback.write(tmp_path, (Point("m_v", (("k", "a"),), 5, (("value", "float", value),)) for value in there))
    holding = Holding(History(path=tmp_path), SAMPLES)

    assert expected == holding.copies(("m", (("k", "a"),), 5_999_999, fields))
    assert UNKNOWN == holding.copies(("m", (("db", "a"),), 5_999_999, fields))


@pytest.mark.parametrize("line", ["{", '["m",[],1]', '["m",[],"x",[]]', "7"])
def test_a_file_that_is_no_answer_is_refused(tmp_path: Path, line: str) -> None:
    """The error names file and line."""
    (tmp_path / STORED).write_text(f'["m",[],1,[]]\n{line}\n')

    with pytest.raises(HistoryError, match=r"stored\.jsonl:2: not a point"):
        Holding(History(path=tmp_path), POINTS)


def test_the_embedded_influxdb_is_read_back(tmp_path: Path) -> None:
    """What the proxy's own InfluxDB holds lies beside the events, under the seal, and comes back with the history."""
    with running(plan_of(LoseResponse(), Duplicate()), tmp_path / "h", bucket="b", read_back=True) as lab:
        with Raw(lab.port) as raw:
            raw.write(BODY, f"{V2_WRITE}?bucket=b", headers=AUTH)
        past = history.read(lab.finish())

    assert ReadBack("the embedded InfluxDB", "b", points=2) == past.read_back
    assert {"m,k=a 1", "m,k=a 2"} == set(stored(past))
    assert all(copies for copies, _, _ in stored(past).values())
    assert ((), True) == (past.altered, past.complete)

    (tmp_path / "h" / STORED).write_text("")
    assert ("stored.jsonl is another",) == history.read(tmp_path / "h").altered


def test_it_is_not_read_back_unless_that_is_asked(tmp_path: Path) -> None:
    """By default nothing is written for the embedded one: the proxy has seen all it did."""
    with running(plan_of(), tmp_path / "h") as lab:
        past = history.read(lab.finish())

    assert past.read_back is None
    assert not (tmp_path / "h" / STORED).exists()


def test_each_history_of_a_lab_is_read_back_for_itself(tmp_path: Path) -> None:
    """A lab that is armed again begins with an empty InfluxDB, and its second history has what came after."""
    with running(plan_of(), tmp_path / "one", bucket="b", read_back=True) as lab:
        with Raw(lab.port) as raw:
            raw.write(lines(1).encode(), f"{V2_WRITE}?bucket=b", headers=AUTH)
        first = history.read(lab.complete())
        lab.arm(plan_of(), tmp_path / "two")
        with Raw(lab.port) as raw:
            raw.write(lines(2, 3).encode(), f"{V2_WRITE}?bucket=b", headers=AUTH)
        second = history.read(lab.finish())

    assert first.read_back is not None
    assert second.read_back is not None
    assert (1, 2) == (first.read_back.points, second.read_back.points)


def test_an_embedded_influxdb_that_forgot_points_says_so() -> None:
    """Points beyond what it holds are counted, so that nobody takes them for never stored."""
    origin = Origin(contract.named("serverless"), max_points=1)
    for event in (sent(1, lines(1)), sent(2, lines(2))):
        origin.answer(event.exchange, 0)

    assert (1, 1) == (len(origin.stored("b")), origin.dropped)


class Silent(http.server.BaseHTTPRequestHandler):
    """Answers as a server does that nobody can ask what it holds."""

    def do_GET(self) -> None:
        """Be there, and no more."""
        self.send_response(204 if self.path == "/ping" else 404)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Print nothing."""


@pytest.fixture
def silent() -> Iterator[str]:
    """Give the URL of such a server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_server_of_another_kind_is_not_read_back(tmp_path: Path, silent: str) -> None:
    """A run against it goes on, and says that what is stored is what the proxy saw."""
    with running(plan_of(), tmp_path / "h", upstream=silent) as lab:
        past = history.read(lab.finish())

    assert past.read_back is not None
    said = "what is stored is what the proxy saw; upstream was not read back: it is no server that faultlab can ask"
    assert (said,) == reports.Result.of(oracles.judge(past), past).notes
    assert said in " ".join(reports.text(oracles.judge(past), past).split())


def test_a_server_that_is_not_there_is_not_read_back() -> None:
    """The error says in one line what was asked."""
    with pytest.raises(ReadBackError, match=r"^/ping is not answered: "):
        readback.server_at("http://127.0.0.1:9")


def test_what_was_read_back_is_noted(tmp_path: Path) -> None:
    """Every report has the sentence, with the measurements that are not clear."""
    said = ReadBack("InfluxDB 1.6.7", "b", points=1, unclear=("m", "n"))
    past = builders.history(sent(1, lines(1)))
    (note,) = reports.Result.of(oracles.judge(past), with_stored(past, tmp_path, said, number(1))).notes

    assert note == (
        "what is stored is what InfluxDB 1.6.7 says: 1 point in 'b'; not of m, n, whose fields have several types"
    )
    assert asdict(said)["unclear"] == ("m", "n")
