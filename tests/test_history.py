"""What happened in a run, on disk and back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultlab import history
from faultlab.exchange import (
    V1_QUERY,
    V2_WRITE,
    Answer,
    Body,
    Closed,
    Decision,
    Effect,
    Exchange,
    Lines,
    Nothing,
    Refusal,
)
from faultlab.history import (
    BODIES,
    EVENTS,
    FORMAT,
    INLINE_LIMIT,
    MANIFEST,
    STDERR,
    STDOUT,
    Client,
    Ended,
    Event,
    History,
    HistoryError,
    Outcome,
    Report,
    Writer,
)
from faultlab.redact import Redactor
from faultlab.strategies import exchanges

RUN = {"format": FORMAT, "plan": {"rules": [{"name": "limit"}, {"name": "never"}]}}
FIRED = Decision(deliver=Nothing(), reply=Answer(429, (("Retry-After", "1"),)), rule="limit", fault="rate_limit")
WRITE = Exchange(1, 0.5, "POST", V2_WRITE, (("bucket", "b"),), (("User-Agent", "x"),), Body(b"m v=1 1\n"), "host")
REPLIED = Outcome(0.75, Effect.NONE, Ended.REPLIED, told=Answer(429, (("Retry-After", "1"),), b"{}"))
REDACTOR = Redactor(b"salt")


def written(folder: Path, *events: tuple[str, dict[str, Any]]) -> Writer:
    """Give an open writer of a history that has begun."""
    writer = Writer(folder, REDACTOR)
    for event, values in (("run", RUN), *events):
        writer.write(event, values)
    return writer


TEXTS = st.text(max_size=6)
HEADERS = st.lists(st.tuples(st.sampled_from(("Server", "x")), TEXTS | st.just("\udcff")), max_size=2).map(tuple)
ANSWERS = st.builds(Answer, st.integers(100, 599), HEADERS, st.binary(max_size=9) | st.just(b"{}"), TEXTS)
REFUSALS = st.lists(st.builds(Refusal, st.integers(1, 99), TEXTS, TEXTS), max_size=2).map(tuple)
OUTCOMES = st.none() | st.builds(
    Outcome,
    st.integers(0, 10_000).map(float),
    st.sampled_from(Effect),
    st.sampled_from(Ended),
    st.none() | st.integers(100, 599),
    REFUSALS,
    st.none() | ANSWERS,
)
DECISIONS = st.builds(
    Decision,
    deliver=st.just(Nothing()),
    reply=ANSWERS,
    ending=st.just(Closed()),
    rule=st.sampled_from(("", "limit")),
    refused=REFUSALS,
) | st.just(Decision())
TRIPS = st.lists(st.tuples(exchanges(), st.integers(2, 3), DECISIONS, OUTCOMES), max_size=5)


@settings(deadline=None, max_examples=60)
@given(trips=TRIPS)
def test_history_is_read_as_written(trips: list[tuple[Exchange, int, Decision, Outcome | None]]) -> None:
    """Every exchange, decision and outcome that was written is read back, with secrets replaced and bodies decoded."""
    expected, seen = [], set()
    with tempfile.TemporaryDirectory() as folder:
        writer = written(Path(folder))
        for seq, (drawn, later, decision, outcome) in enumerate(trips, 1):
            exchange = replace(drawn, seq=seq)
            attempt = later if exchange.batch in seen else 1
            seen.add(exchange.batch)
            writer.exchange(exchange, attempt, decision)
            if outcome is not None:
                writer.outcome(seq, outcome)
            expected.append(_as_read(exchange, attempt, decision, outcome))
        writer.end(1)
        writer.close()
        run = history.read(Path(folder))

    assert (tuple(expected), True) == (run.events, run.complete)


def _as_read(exchange: Exchange, attempt: int, decision: Decision, outcome: Outcome | None) -> Event:
    body = exchange.body
    return Event(
        replace(
            exchange,
            query=REDACTOR.query(exchange.query),
            headers=REDACTOR.headers(exchange.headers),
            body=Body(body.stored),
        ),
        exchange.batch,
        attempt,
        decision,
        outcome,
        len(body.wire),
        body.encoding,
        body.problem,
    )


def test_everything_else_is_read_as_written(tmp_path: Path) -> None:
    """The client's end, the application's report, the lab's failures and the files beside the events are read back."""
    client = Client(began=0.1, ended=2.5, status=None, signal=9, timed_out=True, memory=1 << 20)
    report = {"told": "error", "message": "429", "lines": "m v=1 1\n"}
    writer = written(
        tmp_path,
        ("client", {"command": ["x"], **asdict(client)}),
        ("app", report),
        ("app", {"told": "success"}),
        ("broken", {"why": "edge"}),
    )
    writer.close()
    (tmp_path / MANIFEST).write_bytes(b"m v=1\n")
    (tmp_path / STDERR).write_bytes(b"oh\xff")
    run = history.read(tmp_path)

    assert (client, (Report(**report), Report("success")), ("edge",), b"m v=1\n", "oh�", False, tmp_path) == (
        run.client,
        run.reports,
        run.broken,
        run.manifest,
        run.stderr,
        run.complete,
        run.path,
    )


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("printed", [None, b"", b"a\r\nb\rc\xff\n"])
def test_what_a_client_printed_is_read_as_text(tmp_path: Path, printed: bytes | None, ended: bool) -> None:
    """Whatever ends a line is a line feed; a file that is empty or missing is as the seal says."""
    writer = written(tmp_path)
    if printed is not None:
        (tmp_path / STDERR).write_bytes(printed)
        (tmp_path / STDOUT).write_bytes(printed)
    if ended:
        writer.end(1)
    writer.close()
    run = history.read(tmp_path)

    assert (run.stderr, (), ended) == (run.stdout, run.altered, run.complete)
    assert run.stderr == ("a\nb\nc�\n" if printed else "")


MANIFESTS = [b"", b"m v=1 1\n", b'm v="x\ny" 1\nm v=2', b"m v=1 1\n" * 1000]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=range(4))
def test_a_manifest_is_read_in_pieces(tmp_path: Path, manifest: bytes) -> None:
    """From the file of a folder as from bytes, as often as one likes, and together they are all of it."""
    written(tmp_path).close()
    (tmp_path / MANIFEST).write_bytes(manifest)
    run, made = history.read(tmp_path), History(manifest=manifest)
    pieces = [list(one.manifest_pieces("influxdb2", 100)) for one in (run, made, run, made)]

    assert [pieces[0]] * 3 == pieces[1:]
    assert (manifest, manifest, manifest) == (b"".join(pieces[0]), run.manifest, made.manifest)
    assert (True, True, True) == (run.has_manifest, made.has_manifest, max(map(len, pieces[0]), default=0) <= 200)


def test_a_history_without_a_manifest_has_no_pieces(tmp_path: Path) -> None:
    """One that is empty is something else."""
    written(tmp_path).close()
    for run in (history.read(tmp_path), History()):
        assert (False, None, []) == (run.has_manifest, run.manifest, list(run.manifest_pieces("influxdb2")))


def test_a_manifest_that_has_gone_is_named(tmp_path: Path) -> None:
    """It is read when somebody asks for it, which may be too late."""
    written(tmp_path).close()
    (tmp_path / MANIFEST).write_bytes(b"m v=1\n")
    run = history.read(tmp_path)
    (tmp_path / MANIFEST).unlink()
    message = f"{tmp_path / MANIFEST}: No such file or directory; it was there when the history was read"
    with pytest.raises(HistoryError, match=re.escape(message)):
        run.manifest  # noqa: B018 - asking is what fails
    with pytest.raises(HistoryError, match=re.escape(message)):
        list(run.manifest_pieces("influxdb2"))


def test_a_history_is_read_in_little_memory(tmp_path: Path) -> None:
    """A kilobyte for an exchange whose body and time are its own; a manifest and large bodies are not held."""
    count = 2_000
    headers = (("Host", "h"), *((f"X-{number}", "x" * 40) for number in range(8)))
    writer = written(tmp_path)
    for seq in range(1, count + 1):
        body = Body(b"m v=%d 1700000000000000000\n" % seq)
        length = ("Content-Length", str(seq % 100))
        exchange = Exchange(seq, seq / 7, "POST", V2_WRITE, (("bucket", "b"),), (*headers, length), body, "h")
        writer.exchange(exchange, 1, FIRED if seq % 10 == 0 else Decision())
        told = Answer(204, (("Server", "x"), ("Date", str(seq // 10))))
        writer.outcome(seq, Outcome(seq / 7 + 1, Effect.ALL, Ended.REPLIED, 204, told=told))
    writer.end(1)
    writer.close()
    (tmp_path / MANIFEST).write_bytes(b"m v=1 1\n" * 1_000_000)
    tracemalloc.start()
    try:
        run = history.read(tmp_path)
        now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (count, True, True) == (len(run.events), now < 1_200 * count, most < now + 2_000_000)


def test_what_repeats_is_held_once(tmp_path: Path) -> None:
    """Equal headers, decisions and answers of two exchanges are the same object."""
    refusing = replace(FIRED, draw=0.25, refused=(Refusal(1, "m", "bad"),), deliver=Lines((1,)))
    writer = written(tmp_path)
    for seq in (1, 2):
        writer.exchange(replace(WRITE, seq=seq), seq, refusing)
        writer.outcome(seq, replace(REPLIED, refused=(Refusal(2, "n", "worse"),)))
    writer.close()
    one, other = history.read(tmp_path).events
    assert one.outcome is not None
    assert other.outcome is not None

    assert (replace(one.exchange, seq=2), one.decision, one.outcome) == (other.exchange, other.decision, other.outcome)
    for name in ("path", "host", "query", "headers", "body"):
        assert getattr(one.exchange, name) is getattr(other.exchange, name)
    for name in ("intake", "deliver", "reply", "ending", "rule", "refused"):
        assert getattr(one.decision, name) is getattr(other.decision, name)
    assert (True, True) == (one.outcome.told is other.outcome.told, one.outcome.refused[0] is other.outcome.refused[0])
    assert one.batch is other.batch


def test_rules_that_fired_are_counted(tmp_path: Path) -> None:
    """A rule that never fired counts 0, so that nobody takes silence for a pass."""
    writer = written(tmp_path)
    for seq in (1, 2, 3):
        writer.exchange(replace(WRITE, seq=seq), seq, FIRED if seq < 3 else Decision())
    writer.close()

    assert {"limit": 2, "never": 0} == history.read(tmp_path).fired


def test_events_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Exchanges are read in the order of their numbers, whatever the order of the lines."""
    writer = written(tmp_path)
    for seq in (3, 1, 2):
        writer.exchange(replace(WRITE, seq=seq), 1, Decision())
    writer.close()

    assert [1, 2, 3] == [event.exchange.seq for event in history.read(tmp_path).events]


@pytest.mark.parametrize(("size", "files"), [(INLINE_LIMIT, 0), (INLINE_LIMIT + 1, 1)])
def test_large_body_has_a_file_of_its_own(tmp_path: Path, size: int, files: int) -> None:
    """A body over the limit goes to bodies/ under its digest, once for all its attempts, and is read back."""
    body = Body(b"x" * size)
    writer = written(tmp_path)
    for seq in (1, 2):
        writer.exchange(replace(WRITE, seq=seq, body=body), seq, Decision())
    writer.close()
    stored = sorted(path.name for path in (tmp_path / BODIES).glob("*"))

    assert ([body.digest] * files, [body.data] * 2) == (
        stored,
        [event.exchange.body.data for event in history.read(tmp_path).events],
    )


def test_large_body_of_two_batches_is_kept_once(tmp_path: Path) -> None:
    """A body sent to two buckets is one file, written once."""
    body = Body(b"x" * (INLINE_LIMIT + 1))
    writer = written(tmp_path)
    writer.exchange(replace(WRITE, body=body), 1, Decision())
    (kept,) = (tmp_path / BODIES).iterdir()
    before = kept.stat()
    writer.exchange(replace(WRITE, seq=2, body=body, query=(("bucket", "c"),)), 1, Decision())
    writer.close()

    assert [before] == [path.stat() for path in (tmp_path / BODIES).iterdir()]
    assert [body.data] * 2 == [event.exchange.body.data for event in history.read(tmp_path).events]


def test_long_answer_is_cut_and_says_its_size(tmp_path: Path) -> None:
    """Of a long answer the history keeps the beginning and the size."""
    writer = written(tmp_path)
    writer.exchange(WRITE, 1, Decision())
    writer.outcome(1, replace(REPLIED, told=Answer(500, (), b"y" * 5000)))
    writer.close()
    told = history.read(tmp_path).events[0].outcome
    size = [value["told"]["size"] for _, _, value in history.lines(tmp_path) if value["event"] == "outcome"]

    assert told is not None
    assert (Answer(500, (), b"y" * INLINE_LIMIT), [5000]) == (told.told, size)


def test_events_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Nobody else may read the events of a run."""
    written(tmp_path).close()

    assert 0o600 == (tmp_path / EVENTS).stat().st_mode & 0o777


def test_secrets_never_reach_the_disk(tmp_path: Path) -> None:
    """No byte of the folder holds a token, a cookie or a password, of a request or of an answer."""
    secret = "s3cret-of-the-run"
    large = b"p=" + secret.encode() + b"&q=" + b"x" * INLINE_LIMIT
    headers = (
        ("Authorization", f"Token {secret}"),
        ("cookie", f"id={secret}"),
        ("X-Api-Key", f"a {secret}"),
        ("Proxy-Authorization", f"Basic {secret}"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    )
    writer = written(tmp_path)
    for seq, body in enumerate((b"", f"q=x&token={secret}".encode(), large), 1):
        query = (("p", secret), ("u", "me"), ("access_token", secret))
        writer.exchange(Exchange(seq, 0, "POST", V1_QUERY, query, headers, Body(body)), 1, Decision())
        writer.outcome(seq, replace(REPLIED, told=Answer(200, (("Set-Cookie", secret),))))
    writer.close()
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]

    assert (2, False) == (len(files), any(secret.encode() in data for data in files))
    assert 3 == len(history.read(tmp_path).events)


def test_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    """Wherever a killed writer's last line was torn, the lines before it are read."""
    writer = written(tmp_path)
    writer.exchange(WRITE, 1, FIRED)
    writer.outcome(1, REPLIED)
    writer.close()
    path = tmp_path / EVENTS
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    read = set()
    for end in range(last, len(whole)):
        path.write_bytes(whole[:end])
        run = history.read(tmp_path)
        read.add((len(run.events), run.events[0].outcome, run.complete))

    assert {(1, None, False)} == read


@pytest.mark.parametrize("torn", [b"", b'{"event": "brok', b'{"event":"app"' + b" " * 200_000])
def test_writer_goes_on_after_a_torn_line(tmp_path: Path, torn: bytes) -> None:
    """A second writer goes on after the last whole line, so a history of a killed proxy can be completed."""
    written(tmp_path, ("broken", {"why": "killed"})).close()
    with (tmp_path / EVENTS).open("ab") as file:
        file.write(torn)
    writer = Writer(tmp_path, REDACTOR)
    writer.end(1)
    writer.close()
    run = history.read(tmp_path)

    assert (("killed",), True) == (run.broken, run.complete)


def test_writer_begins_anew_where_nothing_but_a_torn_line_is(tmp_path: Path) -> None:
    """A file that is one torn line is begun anew."""
    (tmp_path / EVENTS).write_bytes(b'{"event":"ru')
    written(tmp_path).close()

    assert 1 == history.read(tmp_path).run["format"]


def test_line_behind_the_end_makes_it_incomplete(tmp_path: Path) -> None:
    """A history is complete only while its last line says so."""
    written(tmp_path, ("end", {}), ("broken", {"why": "late"})).close()

    assert False is history.read(tmp_path).complete


_BODY = {"digest": Body(b"x").digest, "wire": 1, "size": 1, "text": "x"}
_EXCHANGE = {
    "event": "exchange",
    "seq": 1,
    "at": 0,
    "method": "POST",
    "host": "h",
    "path": "/write",
    "query": [],
    "headers": [],
    "body": _BODY,
    "batch": "0" * 16,
    "attempt": 1,
    "decision": None,
}
_OUTCOME = {
    "event": "outcome",
    "seq": 1,
    "at": 1,
    "effect": "all",
    "ended": "replied",
    "status": 204,
    "refused": [],
    "told": None,
}


@pytest.mark.parametrize(
    ("lines", "number", "complaint"),
    [
        (["{"], 2, "not JSON ("),
        ([""], 2, "not JSON ("),
        (["\udcff"], 2, "not JSON ("),
        (["[" * 200_000], 2, "not JSON ("),
        (["[1]"], 2, "list; expected a JSON object"),
        (['"x"'], 2, "str; expected a JSON object"),
        ([{}], 2, "unknown event None"),
        ([{"event": "exchnage"}], 2, "unknown event 'exchnage'"),
        ([{"event": ["run"]}], 2, "unknown event ['run']"),
        ([RUN | {"event": "run"}], 2, "not a valid 'run' (ValueError('a second run in one history'))"),
        ([{"event": "exchange"}], 2, "not a valid 'exchange' (KeyError('body'))"),
        ([_EXCHANGE, _EXCHANGE], 3, "not a valid 'exchange' (ValueError('exchange 1 stands twice'))"),
        ([_EXCHANGE | {"seq": "1"}], 2, "not a valid 'exchange' (TypeError(\"seq is '1'; expected a whole number\"))"),
        ([_EXCHANGE | {"seq": [1]}], 2, "not a valid 'exchange' (TypeError("),
        ([_EXCHANGE | {"at": "now"}], 2, "not a valid 'exchange' (ValueError("),
        ([_EXCHANGE | {"at": 10**400}], 2, "not a valid 'exchange' (OverflowError("),
        ([_EXCHANGE | {"at": None}], 2, "not a valid 'exchange' (TypeError("),
        ([_EXCHANGE | {"query": 5}], 2, "not a valid 'exchange' (TypeError("),
        ([_EXCHANGE | {"headers": [["a"]]}], 2, "not a valid 'exchange' (ValueError("),
        ([_EXCHANGE | {"decision": {}}], 2, "not a valid 'exchange' (ValueError("),
        ([_EXCHANGE | {"decision": "x"}], 2, "not a valid 'exchange' (ValueError("),
        ([_EXCHANGE | {"body": _BODY | {"text": "\ud800"}}], 2, "not a valid 'exchange' (UnicodeEncodeError("),
        ([_EXCHANGE | {"body": {"digest": 5}}], 2, "not a valid 'exchange' (TypeError("),
        ([_EXCHANGE | {"body": "x"}], 2, "not a valid 'exchange' (TypeError("),
        (
            [_EXCHANGE | {"body": {"digest": "gone", "wire": 1}}],
            2,
            "{folder}/bodies/gone: No such file or directory; the",
        ),
        ([_EXCHANGE | {"body": {"digest": "../events.jsonl", "wire": 1}}], 2, "{folder}/bodies/events.jsonl: No such"),
        ([_EXCHANGE | {"body": {"digest": "..", "wire": 1}}], 2, "{folder}/bodies/..: Is a directory; the"),
        (
            [_EXCHANGE | {"body": {"digest": "wrong", "wire": 1}}],
            2,
            "{folder}/bodies/wrong: not the body its name says",
        ),
        ([_OUTCOME], 2, "not a valid 'outcome' (KeyError(1))"),
        ([_EXCHANGE, _OUTCOME, _OUTCOME], 4, "not a valid 'outcome' (ValueError('exchange 1 has two outcomes'))"),
        ([_EXCHANGE, _OUTCOME | {"effect": "some"}], 3, "not a valid 'outcome' (ValueError("),
        ([_EXCHANGE, _OUTCOME | {"ended": "well"}], 3, "not a valid 'outcome' (ValueError("),
        ([_EXCHANGE, _OUTCOME | {"refused": [[1]]}], 3, "not a valid 'outcome' (ValueError("),
        ([_EXCHANGE, _OUTCOME | {"told": {"status": 1}}], 3, "not a valid 'outcome' (KeyError('headers'))"),
        ([{"event": "client", "began": 0}], 2, "not a valid 'client' (TypeError("),
        ([{"event": "app"}], 2, "not a valid 'app' (KeyError('told'))"),
        ([{"event": "broken"}], 2, "not a valid 'broken' (KeyError('why'))"),
    ],
)
def test_damage_is_located(tmp_path: Path, lines: list[Any], number: int, complaint: str) -> None:
    """Whatever is wrong with a line, the error is one line that begins with file and line number."""
    (tmp_path / BODIES).mkdir()
    (tmp_path / BODIES / "wrong").write_bytes(b"something else")
    text = [line if isinstance(line, str) else json.dumps(line) for line in (RUN | {"event": "run"}, *lines)]
    (tmp_path / EVENTS).write_bytes("".join(line + "\n" for line in text).encode(errors="surrogateescape"))
    with pytest.raises(HistoryError) as caught:
        history.read(tmp_path)
    expected = f"{tmp_path / EVENTS}:{number}: {complaint.replace('{folder}', str(tmp_path))}"

    assert (expected, 1) == (str(caught.value)[: len(expected)], len(str(caught.value).split("\n")))


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "{events}: no 'run' line; expected one before everything else"),
        (['{"event":"run","format":1'], "{events}: no 'run' line; expected one before everything else"),
        (['{"event":"run"}\n'], "{events}:1: not a valid 'run' (KeyError('format'))"),
        (['{"event":"run","format":2}\n'], "{events}:1: format 2; this faultlab reads 1"),
        (['{"event":"end"}\n'], "{events}:1: 'end' before the 'run' line; expected that one before everything else"),
    ],
)
def test_history_begins_with_its_run(tmp_path: Path, lines: list[str], complaint: str) -> None:
    """A history without the line that says what was planned is none."""
    (tmp_path / EVENTS).write_text("".join(lines))
    with pytest.raises(HistoryError) as caught:
        history.read(tmp_path)

    assert complaint.replace("{events}", str(tmp_path / EVENTS)) == str(caught.value)


def test_folder_without_events_is_no_history(tmp_path: Path) -> None:
    """A folder that holds no events is named, with the file it lacks."""
    with pytest.raises(HistoryError) as caught:
        history.read(tmp_path)

    assert f"{tmp_path} is no history: No such file or directory (events.jsonl)" == str(caught.value)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_damage_is_a_history_error(data: st.DataObject) -> None:
    """A history with any byte changed or removed is read, or refused with HistoryError; nothing else is raised."""
    whole = "".join(json.dumps(line) + "\n" for line in (RUN | {"event": "run"}, _EXCHANGE, _OUTCOME)).encode()
    start = data.draw(st.integers(0, len(whole) - 1))
    removed = data.draw(st.integers(0, 4))
    damaged = whole[:start] + data.draw(st.binary(max_size=3)) + whole[start + removed :]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / EVENTS).write_bytes(damaged)
        try:
            events = history.read(Path(folder)).events
        except HistoryError:
            events = ()

    assert len(events) <= 1


WRITER = """
import sys
from pathlib import Path
from faultlab.exchange import Body, Decision, Effect, Exchange
from faultlab.history import Ended, Outcome, Writer
from faultlab.redact import Redactor
writer = Writer(Path(sys.argv[1]), Redactor(b"x"))
writer.write("run", {"format": 1})
for seq in range(1, 10**9):
    size = 10_000 if seq % 3 == 0 else 10
    body = Body(str(seq).encode().rjust(size, b"#"))
    writer.exchange(Exchange(seq, seq, "POST", "/write", (), (), body), 1, Decision())
    writer.outcome(seq, Outcome(seq, Effect.ALL, Ended.REPLIED, 204))
    if seq == 200:
        print("under way", flush=True)
"""


def test_history_is_readable_after_kill_9(tmp_path: Path) -> None:
    """What a writer wrote before kill -9 is read back, all but its last exchange settled, bodies included."""
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    run = history.read(tmp_path)
    numbers = [event.exchange.seq for event in run.events]
    bodies = [int(event.exchange.body.data.lstrip(b"#")) for event in run.events]
    settled = all(event.outcome is not None for event in run.events[:-1])

    assert (True, numbers, False, True) == (len(numbers) >= 200, bodies, run.complete, settled)


def test_body_that_is_no_text_is_read_back(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 stand in the line as latin-1."""
    writer = written(tmp_path)
    writer.exchange(replace(WRITE, body=Body(b"\xff\x00")), 1, Decision())
    writer.close()

    assert b"\xff\x00" == history.read(tmp_path).events[0].exchange.body.data


def test_each_line_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line goes to the system in one piece, and the rest of it when the system takes only a part."""
    sizes: list[int] = []
    write: Callable[[int, bytes], int] = os.write

    def short(file: int, line: bytes) -> int:
        sizes.append(len(line))
        return write(file, line[:10])

    writer = written(tmp_path)
    monkeypatch.setattr(os, "write", short)
    writer.write("broken", {"why": "x"})
    monkeypatch.undo()
    writer.end(1)
    writer.close()

    assert ([29, 19, 9], ("x",)) == (sizes, history.read(tmp_path).broken)


def test_digest_of_a_form_is_that_of_what_is_kept(tmp_path: Path) -> None:
    """A form that lost its password is named by what is kept of it, so the name tells nothing about the password."""
    form = Body(b"q=x&p=s3cret")
    headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    writer = written(tmp_path)
    writer.exchange(Exchange(1, 0, "POST", V1_QUERY, (), headers, form), 1, Decision())
    writer.close()
    (kept,) = [value["body"] for _, _, value in history.lines(tmp_path) if value["event"] == "exchange"]

    assert (True, len(form.wire)) == (kept["digest"] == Body(kept["text"].encode()).digest != form.digest, kept["wire"])
    assert re.fullmatch(r"q=x&p=\[redacted [0-9a-f]{6}\]", kept["text"])


def test_huge_headers_are_cut(tmp_path: Path) -> None:
    """A header of a megabyte leaves its beginning and its length, and a thousand headers leave two hundred."""
    headers = (("X-Long", "x" * 1_000_000), *((f"X-{n}", "v") for n in range(1000)))
    writer = Writer(tmp_path, Redactor(b"salt"))
    writer.write("run", {"format": FORMAT})
    writer.exchange(Exchange(1, 0.0, "GET", "/ping", headers=headers), 1, Decision())
    writer.close()
    kept = history.read(tmp_path).events[0].exchange.headers

    assert (200, "x" * 4096 + "… (1000000 characters)", ("X-198", "v")) == (len(kept), kept[0][1], kept[199])


@pytest.mark.parametrize(
    ("upstream", "kept"), [("origin", "origin"), ("http://127.0.0.1:8086", "http://127.0.0.1:8086")]
)
def test_an_upstream_without_a_password_is_recorded_as_it_is(tmp_path: Path, upstream: str, kept: str) -> None:
    """The reproducing line needs the URL as it was given."""
    writer = Writer(tmp_path, REDACTOR)
    writer.run({**RUN, "upstream": upstream})
    writer.close()

    assert kept == history.read(tmp_path).run["upstream"]


def test_a_password_in_the_upstream_reaches_no_disk(tmp_path: Path) -> None:
    """A URL may carry credentials; the history holds a tag in their place."""
    writer = Writer(tmp_path, REDACTOR)
    writer.run({**RUN, "upstream": "http://user:hunter2@influx.test:8086"})
    writer.close()

    assert b"hunter2" not in (tmp_path / EVENTS).read_bytes()
    assert "influx.test:8086" in history.read(tmp_path).run["upstream"]
