"""What happened in a run, on disk and back.

A history is a folder: ``events.jsonl``, one JSON object a line, and ``bodies/``, where bodies too large or too strange
for a line of JSON lie under their digest. Each line goes to the system in one write as it happens, so a history is
readable after ``kill -9``; what it then lacks is the line that says the run ended.

The last line seals the folder: it has the digests of all that was written before it, so that a history which was cut,
reordered or put together from others is no proof of anything.

Lines, by ``event``: ``run`` (what was planned), ``exchange`` (a request and the decision on it), ``outcome`` (what
upstream did and what the client was told), ``client`` (how the client under test ended), ``app`` (what the application
said it was told), ``broken`` (the lab failed), ``end``.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from faultlab.exchange import Answer, Body, Decision, Effect, Exchange, Pairs, Refusal
from faultlab.redact import Redactor

FORMAT = 1
INLINE_LIMIT = 4096
HEADERS_LIMIT = 200
EVENTS = "events.jsonl"
BODIES = "bodies"
TAIL = 64 * 1024
MANIFEST = "manifest.lp"
STDERR = "stderr.txt"
STDOUT = "stdout.txt"

# json.dumps would make an encoder for every line; and what is written here never holds itself.
encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class HistoryError(ValueError):
    """A folder or file is not a history; the message names the file, the line and what is wrong with it."""


class Ended(enum.StrEnum):
    """How an exchange ended for the client."""

    REPLIED = "replied"
    CLOSED = "closed"
    CLIENT_LEFT = "client_left"
    UPSTREAM_FAILED = "upstream_failed"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one exchange.

    ``status`` is upstream's, None when it was not asked or did not answer. ``refused`` are the lines that upstream
    itself refused. ``told`` is the reply the client was sent, None if it was sent none.
    """

    at: float
    effect: Effect
    ended: Ended
    status: int | None = None
    refused: tuple[Refusal, ...] = ()
    told: Answer | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One exchange, whole: the request (secrets redacted, body decoded), the decision and the outcome.

    ``outcome`` is None when the history ends before it. ``problem`` says why the body did not decode.
    """

    exchange: Exchange
    batch: str
    attempt: int
    decision: Decision
    outcome: Outcome | None = None
    wire_size: int = 0
    encoding: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """How the client under test ended; times in seconds since the run began, memory in bytes.

    ``status`` is its exit status, None when ``signal`` ended it; ``timed_out`` says that the lab had to end it.
    """

    began: float
    ended: float
    status: int | None
    signal: int | None = None
    timed_out: bool = False
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One line of the application's report: what it says it was told, in its own words, and about which lines."""

    told: str
    message: str = ""
    lines: str = ""


@dataclass(frozen=True)
class History:
    """One run, read back. ``complete`` is false when the last line does not say that the run ended.

    ``lag`` is the most seconds by which the lab itself ran late; 0 where nobody measured it. ``altered`` says in what
    the folder is not as it was when the run ended.
    """

    run: dict[str, Any] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    client: Client | None = None
    reports: tuple[Report, ...] = ()
    broken: tuple[str, ...] = ()
    complete: bool = False
    lag: float = 0.0
    altered: tuple[str, ...] = ()
    manifest: bytes | None = None
    stderr: str = ""
    stdout: str = ""
    path: Path | None = None

    @property
    def fired(self) -> dict[str, int]:
        """How often each planned rule fired."""
        counts = {rule["name"]: 0 for rule in self.run.get("plan", {}).get("rules", ())}
        for event in self.events:
            if event.decision.rule:
                counts[event.decision.rule] = counts.get(event.decision.rule, 0) + 1
        return counts


def text_or_bytes(data: bytes) -> dict[str, str]:
    """Give ``{"text": …}`` for UTF-8 and ``{"latin1": …}`` for anything else."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"latin1": data.decode("latin-1")}


def bytes_of(values: dict[str, Any]) -> bytes | None:
    """Read what ``text_or_bytes`` wrote; None when there is neither."""
    if "text" in values:
        return str(values["text"]).encode()
    return values["latin1"].encode("latin-1") if "latin1" in values else None


_PASS = Decision()


@lru_cache(maxsize=64)
def bounded(headers: Pairs) -> Pairs:
    """Give headers as a history keeps them: the first 200, of each value the first 4096 characters and its length."""
    if len(headers) <= HEADERS_LIMIT and all(len(value) <= INLINE_LIMIT for _, value in headers):
        return headers
    kept = (
        (name, value if len(value) <= INLINE_LIMIT else f"{value[:INLINE_LIMIT]}… ({len(value)} characters)")
        for name, value in headers[:HEADERS_LIMIT]
    )
    return tuple(kept)


class Writer:
    """Writes a history line by line; the only writer of its folder while it is open."""

    def __init__(self, folder: Path, redactor: Redactor) -> None:
        """Create the folder and its parents if need be; go on after the last whole line that is there."""
        self.folder = folder
        self._redactor = redactor
        # A client sends the same few headers and parameters with every write, and gets the same few back.
        self._headers = functools.lru_cache(maxsize=64)(redactor.headers)
        self._query = functools.lru_cache(maxsize=64)(redactor.query)
        folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(folder / EVENTS, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        _drop_torn_line(self._file)

    def close(self) -> None:
        """Close the file; what was written stays."""
        os.close(self._file)

    def write(self, event: str, values: dict[str, Any]) -> None:
        """Append one line, whole or not at all as far as the system allows."""
        line = encode({"event": event, **values}).encode() + b"\n"
        while line:
            line = line[os.write(self._file, line) :]

    def end(self, at: float, lag: float = 0.0) -> None:
        """Record that the run ended, after so many seconds, and seal the folder; the report and all files are there."""
        with (self.folder / EVENTS).open("rb") as events:
            digest = hashlib.file_digest(events, _hasher).hexdigest()
        self.write("end", {"at": round(at, 6), "lag": round(lag, 6), "seal": {EVENTS: digest, **_digests(self.folder)}})

    def run(self, planned: dict[str, Any]) -> None:
        """Record what is planned; a password in the upstream's URL is redacted."""
        if "upstream" in planned:
            planned = {**planned, "upstream": self._redactor.url(planned["upstream"])}
        self.write("run", planned)

    def exchange(self, exchange: Exchange, attempt: int, decision: Decision) -> None:
        """Record a request and the decision on it, before anything is done about it."""
        body = self._redactor.body(exchange)
        described: dict[str, Any] = {
            "digest": body.digest,
            "wire": len(exchange.body.wire),
            "size": len(body.stored),
        }
        if exchange.body.encoding:
            described["encoding"] = exchange.body.encoding
        if body.problem:
            described["problem"] = body.problem
        if attempt == 1:
            described |= self._keep(body)
        self.write(
            "exchange",
            {
                "seq": exchange.seq,
                "at": round(exchange.at, 6),
                "method": exchange.method,
                "host": exchange.host,
                "path": exchange.path,
                "query": self._query(exchange.query),
                "headers": bounded(self._headers(exchange.headers)),
                "body": described,
                "batch": exchange.batch,
                "attempt": attempt,
                "decision": None if decision == _PASS else decision.to_json(),
            },
        )

    def outcome(self, seq: int, outcome: Outcome) -> None:
        """Record what became of an exchange."""
        told = outcome.told
        self.write(
            "outcome",
            {
                "seq": seq,
                "at": round(outcome.at, 6),
                "effect": outcome.effect,
                "ended": outcome.ended,
                "status": outcome.status,
                "refused": [[r.line, r.text, r.reason] for r in outcome.refused],
                "told": told
                and {
                    "status": told.status,
                    "headers": bounded(self._headers(told.headers)),
                    "size": len(told.body),
                    **({"reason": told.reason} if told.reason else {}),
                    **text_or_bytes(told.body[:INLINE_LIMIT]),
                },
            },
        )

    def _keep(self, body: Body) -> dict[str, str]:
        stored = body.stored
        if len(stored) <= INLINE_LIMIT:
            return text_or_bytes(stored)
        path = self.folder / BODIES / body.digest
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            draft = path.with_suffix(".part")
            draft.write_bytes(stored)
            draft.rename(path)
        return {}


def _hasher() -> Any:
    return hashlib.blake2b(digest_size=16)


def _digests(folder: Path) -> dict[str, str | None]:
    """Give the digest of each file beside the events, None for one that is not there."""
    found: dict[str, str | None] = {}
    for name in (MANIFEST, STDERR, STDOUT):
        try:
            with (folder / name).open("rb") as file:
                found[name] = hashlib.file_digest(file, _hasher).hexdigest()
        except FileNotFoundError:
            found[name] = None
    return found


def _drop_torn_line(file: int) -> None:
    """Cut off what follows the last line feed, so that the next line does not go on with one a killed writer left."""
    end = os.fstat(file).st_size
    while end:
        start = max(end - TAIL, 0)
        feed = os.pread(file, end - start, start).rfind(b"\n")
        if feed >= 0:
            end = start + feed + 1
            break
        end = start
    os.ftruncate(file, end)


def lines(folder: Path) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Yield number, bytes and value of each line of a history's events, from 1.

    A last line without line feed is what a killed writer leaves and is passed over; anything else that is no JSON
    object raises HistoryError, and so does a folder without events.
    """
    path = folder / EVENTS
    try:
        stream = path.open("rb")
    except OSError as problem:
        msg = f"{folder} is no history: {problem.strerror} ({EVENTS})"
        raise HistoryError(msg) from problem
    with stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith(b"\n"):
                return
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as problem:
                msg = f"{path}:{number}: not JSON ({problem})"
                raise HistoryError(msg) from problem
            if not isinstance(value, dict):
                msg = f"{path}:{number}: {type(value).__name__}; expected a JSON object"
                raise HistoryError(msg)
            yield number, line, value


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run: dict[str, Any] = {}
        self.events: dict[int, Event] = {}
        self.client: Client | None = None
        self.reports: list[Report] = []
        self.broken: list[str] = []
        self.complete = False
        self.lag = 0.0
        self.altered: tuple[str, ...] = ()
        self._digest = _hasher()
        self._bodies: dict[str, bytes] = {}

    def read(self) -> Self:
        for number, line, value in lines(self.folder):
            self.complete = False
            where, event = f"{self.folder / EVENTS}:{number}", value.get("event")
            handler = getattr(self, f"_on_{event}", None)
            if handler is None:
                msg = f"{where}: unknown event {event!r}"
                raise HistoryError(msg)
            if not self.run and event != "run":
                msg = f"{where}: '{event}' before the 'run' line; expected that one before everything else"
                raise HistoryError(msg)
            try:
                handler(value)
            except HistoryError as problem:
                msg = f"{where}: {problem}"
                raise HistoryError(msg) from problem
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as problem:
                msg = f"{where}: not a valid '{event}' ({problem!r})"
                raise HistoryError(msg) from problem
            self._digest.update(line)
        if not self.run:
            msg = f"{self.folder / EVENTS}: no 'run' line; expected one before everything else"
            raise HistoryError(msg)
        return self

    def _on_run(self, value: dict[str, Any]) -> None:
        if value["format"] != FORMAT:
            msg = f"format {value['format']!r}; this faultlab reads {FORMAT}"
            raise HistoryError(msg)
        if self.run:
            msg = "a second run in one history"
            raise ValueError(msg)
        rules, checks = value.get("plan", {}).get("rules", ()), value.get("checks") or ()
        if not all(isinstance(name, str) for name in (*(rule["name"] for rule in rules), *checks)):
            msg = "a rule or a check has no name"
            raise TypeError(msg)
        self.run = value

    def _on_exchange(self, value: dict[str, Any]) -> None:
        body = value["body"]
        digest = body["digest"]
        if digest not in self._bodies:
            self._bodies[digest] = self._body(body)
        seq = value["seq"]
        if not isinstance(seq, int):
            msg = f"seq is {seq!r}; expected a whole number"
            raise TypeError(msg)
        if seq in self.events:
            msg = f"exchange {seq} stands twice"
            raise ValueError(msg)
        decision = value["decision"]
        self.events[seq] = Event(
            Exchange(
                seq=seq,
                at=float(value["at"]),
                method=value["method"],
                path=value["path"],
                query=_pairs(value["query"]),
                headers=_pairs(value["headers"]),
                body=Body(self._bodies[digest]),
                host=value["host"],
            ),
            batch=value["batch"],
            attempt=value["attempt"],
            decision=Decision() if decision is None else Decision.from_json(decision),
            wire_size=body["wire"],
            encoding=body.get("encoding", ""),
            problem=body.get("problem", ""),
        )

    def _body(self, described: dict[str, Any]) -> bytes:
        data = bytes_of(described)
        if data is not None:
            return data
        path = self.folder / BODIES / Path(described["digest"]).name
        try:
            data = path.read_bytes()
        except OSError as problem:
            msg = f"{path}: {problem.strerror}; the history lacks a body it names"
            raise HistoryError(msg) from problem
        if Body(data).digest != path.name:
            msg = f"{path}: not the body its name says"
            raise HistoryError(msg)
        return data

    def _on_outcome(self, value: dict[str, Any]) -> None:
        event = self.events[value["seq"]]
        if event.outcome is not None:
            msg = f"exchange {value['seq']} has two outcomes"
            raise ValueError(msg)
        told = value["told"]
        answer = told and Answer(told["status"], _pairs(told["headers"]), bytes_of(told) or b"", told.get("reason", ""))
        outcome = Outcome(
            at=float(value["at"]),
            effect=Effect(value["effect"]),
            ended=Ended(value["ended"]),
            status=value["status"],
            refused=tuple(Refusal(int(n), t, why) for n, t, why in value["refused"]),
            told=answer,
        )
        self.events[value["seq"]] = _with_outcome(event, outcome)

    def _on_client(self, value: dict[str, Any]) -> None:
        known = {item.name for item in fields(Client)}
        self.client = Client(**{name: given for name, given in value.items() if name in known})

    def _on_app(self, value: dict[str, Any]) -> None:
        self.reports.append(Report(str(value["told"]), str(value.get("message", "")), str(value.get("lines", ""))))

    def _on_broken(self, value: dict[str, Any]) -> None:
        self.broken.append(str(value["why"]))

    def _on_end(self, value: dict[str, Any]) -> None:
        self.complete = True
        self.lag = float(value.get("lag", 0.0))
        sealed = value.get("seal")
        if sealed is None:
            self.altered = ("it has no seal",)
            return
        found = {EVENTS: self._digest.hexdigest(), **_digests(self.folder)}
        self.altered = tuple(f"{name} is another" for name in found if found[name] != sealed.get(name))


def _pairs(values: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(value)) for name, value in values)


def _with_outcome(event: Event, outcome: Outcome) -> Event:
    return Event(
        event.exchange,
        event.batch,
        event.attempt,
        event.decision,
        outcome,
        event.wire_size,
        event.encoding,
        event.problem,
    )


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def read(folder: Path) -> History:
    """Read a history; raises HistoryError with file and line where it is none."""
    reader = _Reader(folder).read()
    manifest = folder / MANIFEST
    return History(
        run=reader.run,
        events=tuple(event for _, event in sorted(reader.events.items())),
        client=reader.client,
        reports=tuple(reader.reports),
        broken=tuple(reader.broken),
        complete=reader.complete,
        lag=reader.lag,
        altered=reader.altered,
        manifest=manifest.read_bytes() if manifest.exists() else None,
        stderr=_text(folder / STDERR),
        stdout=_text(folder / STDOUT),
        path=folder,
    )
