"""What a history holds, as values: exchanges with what became of them, and what is known of the run around them."""

from __future__ import annotations

import enum
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from faultlab.exchange import Answer, Decision, Effect, Exchange, Refusal
from faultlab.lineprotocol.pieces import PIECE, pieces

EVENTS = "events.jsonl"
BODIES = "bodies"
MANIFEST = "manifest.lp"
STDERR = "stderr.txt"
STDOUT = "stdout.txt"
STORED = "stored.jsonl"
"""What upstream said it holds: measurement, tags, time and fields, a point a line."""


class HistoryError(ValueError):
    """A folder or file is not a history; the message names the file, the line and what is wrong with it."""


class Ended(enum.StrEnum):
    """How an exchange ended for the client.

    ``garbled`` is a reply that does not follow the grammar of HTTP; ``closed`` a connection that the lab ended before
    the reply's last byte.
    """

    REPLIED = "replied"
    GARBLED = "garbled"
    CLOSED = "closed"
    CLIENT_LEFT = "client_left"
    UPSTREAM_FAILED = "upstream_failed"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one exchange.

    ``status`` is upstream's, None when it was not asked or did not answer. ``refused`` are the lines that upstream
    itself refused. ``told`` is the reply the client was sent from its first byte to its last, None if it was sent none
    that is whole. ``sent`` is how many bytes of a reply went out that never became whole; None of any other.
    """

    at: float
    effect: Effect
    ended: Ended
    status: int | None = None
    refused: tuple[Refusal, ...] = ()
    told: Answer | None = None
    sent: int | None = None


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


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What upstream said after a run: who it is, of which database, and how many points it holds.

    ``exact`` says that they are points as they were written; else each is one sample. ``unclear`` are measurements of
    which not everything is known. ``void`` says why it proves nothing; empty where it does.
    """

    server: str
    database: str
    exact: bool = True
    points: int = 0
    unclear: tuple[str, ...] = ()
    void: str = ""


class _Bytes:
    """A field of bytes that may be a file instead: its bytes are read each time somebody asks for them."""

    def __get__(self, history: History | None, owner: type[History]) -> bytes | None:
        """Give the bytes; asked of the class, what the field is by default."""
        if history is None:
            return None
        held = _manifest_of(history)
        if not isinstance(held, Path):
            return held
        with _opened(held) as stream:
            return stream.read()

    def __set__(self, history: History, value: bytes | Path | None) -> None:
        """Take bytes, or the path of a file that has them."""
        vars(history)["_manifest"] = value


@dataclass(frozen=True)
class History:
    """One run, read back. ``complete`` is false when the last line does not say that the run ended.

    ``lag`` is the most seconds by which the lab itself ran late; 0 where nobody measured it. ``altered`` says in what
    the folder is not as it was when the run ended. ``manifest`` may be given as the path of a file; it is read each
    time it is asked for, and ``manifest_pieces`` never holds it whole. ``read_back`` is None where upstream was not
    asked what it holds.
    """

    run: dict[str, Any] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    client: Client | None = None
    reports: tuple[Report, ...] = ()
    broken: tuple[str, ...] = ()
    complete: bool = False
    lag: float = 0.0
    altered: tuple[str, ...] = ()
    manifest: _Bytes = _Bytes()
    stderr: str = ""
    stdout: str = ""
    read_back: ReadBack | None = None
    path: Path | None = None

    @property
    def time_scale(self) -> float:
        """How many times as fast as true time the time ran of which all its times are."""
        return float(self.run.get("time_scale") or 1.0)

    @property
    def in_true_time(self) -> bool:
        """Whether time ran as it does; where it ran faster, a wait that this did not reach is much too long."""
        return self.time_scale == 1.0

    @property
    def has_manifest(self) -> bool:
        """Whether there is a manifest, found without reading it."""
        return _manifest_of(self) is not None

    def manifest_pieces(self, dialect: str, size: int = PIECE) -> Iterator[bytes]:
        """Yield the manifest in pieces of about ``size`` bytes, each ending where a line does in that dialect.

        There are none where there is no manifest. Raises HistoryError when its file cannot be read any more.
        """
        held = _manifest_of(self)
        if held is not None:
            with _opened(held) if isinstance(held, Path) else io.BytesIO(held) as stream:
                yield from pieces(stream, dialect, size)

    @property
    def fired(self) -> dict[str, int]:
        """How often each planned rule fired."""
        counts = {rule["name"]: 0 for rule in self.run.get("plan", {}).get("rules", ())}
        for event in self.events:
            if event.decision.rule:
                counts[event.decision.rule] = counts.get(event.decision.rule, 0) + 1
        return counts


def _manifest_of(history: History) -> bytes | Path | None:
    held: bytes | Path | None = vars(history)["_manifest"]
    return held


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as problem:
        msg = f"{path}: {problem.strerror}; it was there when the history was read"
        raise HistoryError(msg) from problem
