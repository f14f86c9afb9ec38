"""The real servers as tests see them: what is written comes back identical, and nothing stays behind."""

from __future__ import annotations

import contextlib
import gzip
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from faultlab.lineprotocol import Point, Value
from faultlab.servers import process
from faultlab.servers.packages import INFLUXDB1
from faultlab.servers.process import Process, ServerError, workspace
from tests.servers.influxdb1 import TYPES, Field, InfluxDB1, readable
from tests.servers.packages import SERVERS
from tests.servers.victoriametrics import Sample, VictoriaMetrics

T = 1_700_000_000_000_000_000
WEEK = 7 * 24 * 3600 * 1_000_000_000
PROJECT = Path(__file__).parent.parent.parent
TWO_GOOD_ONE_BAD = b"m,i=1 f=1 1700000000000000000\nbad\nm,i=2 f=2 1700000000000000000"

STARTER = """\
import sys, time
from tests.servers.influxdb1 import InfluxDB1
with InfluxDB1.start() as server:
    print(server.process.pid, flush=True)
    time.sleep(600)
"""


def point(
    measurement: str, fields: Mapping[str, Value], at: int = T, tags: Mapping[str, str] = MappingProxyType({})
) -> Point:
    """Give a point as it is read back."""
    typed = tuple((key, TYPES[type(value)], value) for key, value in sorted(fields.items()))
    return Point(measurement, tuple(sorted(tags.items())), typed, at, 0, 0, (0, 0))


def runs(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet reaped does not."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return bool((Path("/proc") / str(pid) / "cmdline").read_bytes())
    return False


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1.0),
        ("-0", -0.0),
        ("5e-324", 5e-324),
        ("1.7976931348623157e+308", 1.7976931348623157e308),
        ("0.1", 0.1),
        ("1i", 1),
        ("9223372036854775807i", 2**63 - 1),
        ("-9223372036854775808i", -(2**63)),
        ("t", True),
        ("FALSE", False),
        ('""', ""),
        ('"1"', "1"),
        ('"a \\"b\\" \\\\ c"', 'a "b" \\ c'),
        ('"one\ntwo"', "one\ntwo"),
        ('"tab\there, nul\x00there"', "tab\there, nul\x00there"),
        ('"Łódź 🦀 \u2028"', "Łódź 🦀 \u2028"),
    ],
)
def test_a_value_comes_back_identical(influxdb1: InfluxDB1, written: str, value: Value) -> None:
    """Every type keeps its type, and every value itself to the last bit."""

    with influxdb1.fresh() as database:
        said = influxdb1.write(database, f"m,t=a f={written} {T}".encode())
        stored = influxdb1.points(database)

    assert (204, repr([point("m", {"f": value}, tags={"t": "a"})])) == (said.status, repr(stored))


@pytest.mark.parametrize("at", [-(2**63) + 2, -1, 0, 1, T, 2**63 - 2])
def test_a_timestamp_comes_back_identical(influxdb1: InfluxDB1, at: int) -> None:
    """Times before 1970 and at both ends of what InfluxDB takes are read back to the nanosecond."""

    with influxdb1.fresh() as database:
        influxdb1.write(database, f"m f=1 {at}".encode())
        stored = influxdb1.points(database)

    assert [point("m", {"f": 1.0}, at)] == stored


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (r"a\,b\ c,d\,\ \=e=f\,\ \=g h\,\ \=i=1", point("a,b c", {"h, =i": 1.0}, tags={"d, =e": "f, =g"})),
        ('"m",t"="v" "f"=1', point('"m"', {'"f"': 1.0}, tags={'t"': '"v"'})),
        ("/m/;DROP,t=$1 f'=1", point("/m/;DROP", {"f'": 1.0}, tags={"t": "$1"})),
        (r"C:\dir,path=D:\x E:\y=1", point(r"C:\dir", {r"E:\y": 1.0}, tags={"path": r"D:\x"})),
        ("Łódź,miasto=Kraków wilgotność=1", point("Łódź", {"wilgotność": 1.0}, tags={"miasto": "Kraków"})),
        ("🦀,🦀=🦀 🦀=1", point("🦀", {"🦀": 1.0}, tags={"🦀": "🦀"})),
        ("m,x=tag x=2i", point("m", {"x": 2}, tags={"x": "tag"})),
        ("m \t=1,val0=2", point("m", {"": 1.0, "val0": 2.0})),
    ],
)
def test_a_name_comes_back_identical(influxdb1: InfluxDB1, line: str, expected: Point) -> None:
    """Names are read back without having to be quoted, whatever stands in them."""

    with influxdb1.fresh() as database:
        influxdb1.write(database, f"{line} {T}".encode())
        stored = influxdb1.points(database)

    assert [expected] == stored


def test_bytes_that_are_no_utf8_come_back(influxdb1: InfluxDB1) -> None:
    """Tags and strings are read back byte by byte, as surrogate escapes."""

    with influxdb1.fresh() as database:
        influxdb1.write(database, b'm,t=\xff f="caf\xe9" %d' % T)
        stored = influxdb1.points(database)

    assert [point("m", {"f": "caf\udce9"}, tags={"t": "\udcff"})] == stored


def test_fields_that_are_absent_stay_absent(influxdb1: InfluxDB1) -> None:
    """A point has its own tags and fields, not those of its neighbours."""

    with influxdb1.fresh() as database:
        influxdb1.write(database, b"m,a=1 f=1 %d\nm,b=2 g=2 %d\nm f=3,g=4 %d\nn h=5 %d" % (T, T, T, T))
        stored = influxdb1.points(database)

    assert [
        point("m", {"f": 3.0, "g": 4.0}),
        point("m", {"f": 1.0}, tags={"a": "1"}),
        point("m", {"g": 2.0}, tags={"b": "2"}),
        point("n", {"h": 5.0}),
    ] == stored


def test_types_are_those_of_each_measurement_and_week(influxdb1: InfluxDB1) -> None:
    """A field keeps the type it has in each measurement and each week, which one query would cast or hide."""

    points = [
        point("a/'\"b\\n", {"f": "x"}, T + 1),
        point("m", {"f": 1.5}),
        point("m", {"f": 2}, T + 5 * WEEK),
        point("\udcff", {"f": True}, T + 1),
    ]
    with influxdb1.fresh() as database:
        influxdb1.write(database, b"m f=1.5 %d\nm f=2i %d" % (T, T + 5 * WEEK))
        influxdb1.write(database, b'a/\'"b\\n f="x" %d\n\xff f=t %d' % (T + 1, T + 1))
        stored = influxdb1.points(database)

    assert points == stored


def test_more_points_come_back_than_a_chunk_holds(influxdb1: InfluxDB1) -> None:
    """Reading has no limit: a reply that the server sends in pieces is read to its end."""

    body = b"\n".join(b"m,t=%d f=%di %d" % (number % 3, number, T + number) for number in range(45_000))
    with influxdb1.fresh() as database:
        influxdb1.write(database, body)
        stored = influxdb1.points(database)

    assert list(range(45_000)) == sorted(value for each in stored for _, _, value in each.fields)


def test_a_new_database_is_empty(influxdb1: InfluxDB1) -> None:
    """Databases have different names and nothing in common, and are gone afterwards."""

    with influxdb1.fresh() as one, influxdb1.fresh() as other:
        influxdb1.write(one, b"m f=1")
        held = influxdb1.points(other)

    assert (True, [], 404) == (one != other, held, influxdb1.write(one, b"m f=1").status)


def test_a_refused_point_leaves_its_series(influxdb1: InfluxDB1) -> None:
    """Series and fields are listed although no point of them was stored."""

    with influxdb1.fresh() as database:
        influxdb1.write(database, b"m f=1 %d" % T)
        influxdb1.write(database, b"m,new=series f=1i,g=1 %d" % T)
        series, fields = influxdb1.series(database), influxdb1.fields(database)

    assert ({"m", "m,new=series"}, True) == (series, Field("m", "f", "float") in fields)


def test_some_measurements_are_found_by_no_query(influxdb1: InfluxDB1) -> None:
    """A measurement with a backslash before a separator is taken and only listed; such names are not ``readable``."""

    with influxdb1.fresh() as database:
        said = influxdb1.write(database, rb"m\\,a=b f=1 %d" % T)
        held = influxdb1.points(database)
        series = influxdb1.series(database)

    assert (204, [], {r"m\,a=b"}) == (said.status, held, series)
    assert [False, True] == [readable(r"m\,a=b"), readable("m,a=b")]


def test_a_malformed_line_costs_itself(influxdb1: InfluxDB1) -> None:
    """InfluxDB 1 answers 400 to one bad line among good ones, names it, and stores the others."""

    with influxdb1.fresh() as database:
        said = influxdb1.write(database, TWO_GOOD_ONE_BAD)
        stored = influxdb1.points(database)

    assert (400, "partial write: unable to parse 'bad': missing fields dropped=0") == (said.status, said.message)
    assert [point("m", {"f": 1.0}, tags={"i": "1"}), point("m", {"f": 2.0}, tags={"i": "2"})] == stored


def test_precision_and_encoding_are_passed_on(influxdb1: InfluxDB1) -> None:
    """A compressed body with timestamps in seconds is stored like any other."""

    with influxdb1.fresh() as database:
        body = gzip.compress(b"m f=1 1700000000")
        said = influxdb1.write(database, body, precision="s", encoding="gzip")
        stored = influxdb1.points(database)

    assert (204, [point("m", {"f": 1.0})]) == (said.status, stored)


def test_an_unknown_database_is_not_found(influxdb1: InfluxDB1) -> None:
    """A write to a database that is not there is 404, and the server's own words come with it."""

    said = influxdb1.write("nowhere", b"m f=1")

    assert (404, 'database not found: "nowhere"') == (said.status, said.message)


def test_a_body_that_is_too_large_gets_its_answer(influxdb1: InfluxDB1) -> None:
    """The reply of a server that stops reading is read all the same, and the next request goes through."""

    with influxdb1.fresh() as database:
        long = influxdb1.write(database, b"m f=1\n" * 5_000_000)
        short = influxdb1.write(database, b"m f=1")

    assert (413, "Request Entity Too Large", 204) == (long.status, long.message, short.status)


def test_a_dropped_connection_is_made_anew(influxdb1: InfluxDB1) -> None:
    """A connection that was closed between two requests goes unnoticed."""

    with influxdb1.fresh() as database:
        kept = influxdb1._wire._http.sock
        assert kept is not None
        kept.shutdown(socket.SHUT_RDWR)
        said = influxdb1.write(database, b"m f=1")

    assert 204 == said.status


def test_two_servers_are_two(influxdb1: InfluxDB1) -> None:
    """Servers side by side have their own ports and their own databases."""

    with InfluxDB1.start() as other:
        influxdb1.create("only_here")
        statuses = [server.write("only_here", b"m f=1").status for server in (influxdb1, other)]
        influxdb1.drop("only_here")
        ports = {influxdb1.port, other.port}

    assert ([204, 404], 2) == (statuses, len(ports))


def test_a_stopped_server_is_gone(victoriametrics: VictoriaMetrics) -> None:
    """After its context neither process nor port nor folder is left, and other servers still run."""

    gone = []
    for kind in (InfluxDB1, VictoriaMetrics):
        with kind.start() as server:
            folder = server.process.output.parent
            before = runs(server.process.pid), folder.exists()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port))
        gone.append((before, (runs(server.process.pid), folder.exists())))

    assert [((True, True), (False, False))] * 2 == gone
    assert runs(victoriametrics.process.pid)


def test_a_server_ends_with_its_starter(tmp_path: Path) -> None:
    """A server whose starter is killed without a word is killed too."""

    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", STARTER]
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        before = runs(pid)
        starter.kill()
    deadline = time.monotonic() + 10
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert (True, False) == (before, runs(pid))


def test_a_server_keeps_its_data_in_memory_where_there_is_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A workspace lies where memory is a file system, on disk if that is full, and is gone afterwards."""

    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(process, "IN_MEMORY", tmp_path)
    with workspace("one") as roomy:
        found = roomy.parent
    monkeypatch.setattr(process, "ROOM", 2**62)
    with workspace("other") as full:
        elsewhere = full.parent

    assert (tmp_path, Path(tempfile.gettempdir())) == (found, elsewhere)
    assert (False, False) == (roomy.exists(), full.exists())


def test_a_dead_server_shows_its_last_words() -> None:
    """A request to a server that has ended says so, with the end of what it printed."""

    with InfluxDB1.start() as server:
        os.kill(server.process.pid, signal.SIGKILL)
        with pytest.raises(ServerError) as raised:
            server.write("any", b"m f=1")

    first, _, rest = str(raised.value).partition("\n")
    assert (True, True) == (first.startswith("influxd: no reply to POST /write?db=any: "), "Listening on HTTP" in rest)
    assert first.endswith("; it ended with status -9")


def test_a_server_that_does_not_come_up_shows_why(tmp_path: Path) -> None:
    """A start that fails is an error with the server's own reason in it, at once."""

    command: list[str | Path] = [INFLUXDB1.fetch(SERVERS), "run", "-config", tmp_path / "missing.conf"]
    with Process(command, tmp_path) as process, pytest.raises(ServerError) as raised:
        process.wait_for(lambda _: None)

    assert str(raised.value).startswith("influxd: did not come up; it ended with status 1\n")
    assert "missing.conf: no such file or directory" in str(raised.value)


@pytest.mark.parametrize("path", ["/write", "/api/v2/write"])
def test_samples_come_back(victoriametrics: VictoriaMetrics, path: str) -> None:
    """A field is a sample of its own series, its name made of measurement and field, its time in milliseconds."""

    body = f'm,t=Łódź,"=\\ x f=1.5,g=2i,h=t,i="x" {T + 1_999_999}'.encode()
    with victoriametrics.fresh() as database:
        said = victoriametrics.write(database, body, path=path)
        held = victoriametrics.samples(database)

    labels, at = (('"', " x"), ("t", "Łódź")), T // 1_000_000 + 1
    values = {"m_f": 1.5, "m_g": 2.0, "m_h": 1.0, "m_i": 0.0}
    assert (204, [Sample(name, labels, value, at) for name, value in values.items()]) == (said.status, held)


def test_samples_that_are_no_numbers_come_back(victoriametrics: VictoriaMetrics) -> None:
    """Infinities are values like others."""

    with victoriametrics.fresh() as database:
        victoriametrics.write(database, b"m f=1e309,g=-1e309 %d" % T)
        held = victoriametrics.samples(database)

    assert [math.inf, -math.inf] == [sample.value for sample in held]


def test_every_write_is_a_sample(victoriametrics: VictoriaMetrics) -> None:
    """What is written twice is there twice, and one name's samples are not another's."""

    with victoriametrics.fresh() as one, victoriametrics.fresh() as other:
        for database, body in ((one, b"m f=1 %d" % T), (other, b"m f=2 %d" % T), (one, b"m f=1 %d" % T)):
            victoriametrics.write(database, body)
        held = [[sample.value for sample in victoriametrics.samples(database)] for database in (one, other)]

    assert [[1.0, 1.0], [2.0]] == held


def test_a_malformed_line_is_not_reported(victoriametrics: VictoriaMetrics) -> None:
    """VictoriaMetrics answers 204 to one bad line among good ones, and stores the others."""

    with victoriametrics.fresh() as database:
        said = victoriametrics.write(database, TWO_GOOD_ONE_BAD)
        held = victoriametrics.samples(database)

    expected = [Sample("m_f", (("i", str(number)),), float(number), T // 1_000_000) for number in (1, 2)]
    assert (204, "", expected) == (said.status, said.message, held)


def test_victoriametrics_takes_precision_and_encoding(victoriametrics: VictoriaMetrics) -> None:
    """A compressed body with timestamps in seconds is stored like any other; one that is not compressed is refused."""

    with victoriametrics.fresh() as database:
        body = b"m f=1 1700000000"
        said = victoriametrics.write(database, gzip.compress(body), precision="s", encoding="gzip")
        refused = victoriametrics.write(database, body, encoding="gzip")
        held = victoriametrics.samples(database)

    assert (204, 400, [Sample("m_f", (), 1.0, T // 1_000_000)]) == (said.status, refused.status, held)
    assert "gzip: invalid header" in refused.message


def test_many_tags_cost_the_database_its_label() -> None:
    """Of more than thirty labels the server drops some, the database among them; all samples together still show it."""

    tags = ",".join(f"t{number:02}=v" for number in range(31))
    with VictoriaMetrics.start() as server:
        said = server.write("d", f"m,{tags} f=1 {T}".encode())
        found, everything = server.samples("d"), server.samples()

    assert (204, [], [30]) == (said.status, found, [len(sample.labels) for sample in everything])
