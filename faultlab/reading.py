"""A history read back from its folder: every line checked, what repeats held once, and bodies left where they are.

A run of a million exchanges is read in about a kilobyte for each, because a client sends the same few headers with
every write and is told the same few things.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self

from faultlab.bodies import Bodies, Kept, bytes_of
from faultlab.exchange import Answer, Decision, Effect, Exchange, Pairs, Refusal
from faultlab.record import (
    EVENTS,
    MANIFEST,
    STDERR,
    STDOUT,
    STORED,
    Client,
    Ended,
    Event,
    History,
    HistoryError,
    Outcome,
    ReadBack,
    Report,
)

FORMAT = 1
BESIDE = (MANIFEST, STDERR, STDOUT, STORED)
"""The files beside the events that a seal covers."""

SHARED = 4096
"""How many of each thing that repeats are remembered, to be held once."""

_PASS = Decision()


def hasher() -> Any:
    """Give what all digests of a seal are made with."""
    return hashlib.blake2b(digest_size=16)


def digest_of(path: Path) -> str | None:
    """Give the digest of a file, None for one that is not there."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, hasher).hexdigest()
    except FileNotFoundError:
        return None


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


def read(folder: Path) -> History:
    """Read a history; raises HistoryError with file and line where it is none.

    Bodies and the manifest stay on disk until somebody asks for them; that all bodies are there is seen to here.
    """
    reader = _Reader(folder).read()
    manifest = folder / MANIFEST
    return History(
        run=reader.run,
        events=tuple(map(reader.events.__getitem__, sorted(reader.events))),
        client=reader.client,
        reports=tuple(reader.reports),
        broken=tuple(reader.broken),
        read_back=reader.read_back,
        complete=reader.complete,
        lag=reader.lag,
        altered=reader.altered,
        manifest=manifest if manifest.exists() else None,
        stderr=_text(reader.printed[STDERR]),
        stdout=_text(reader.printed[STDOUT]),
        path=folder,
    )


class _Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run: dict[str, Any] = {}
        self.events: dict[int, Event] = {}
        self.client: Client | None = None
        self.reports: list[Report] = []
        self.broken: list[str] = []
        self.read_back: ReadBack | None = None
        self.complete = False
        self.lag = 0.0
        self.altered: tuple[str, ...] = ()
        self._offset = 0
        self._digest = hasher()
        self._bodies = Bodies(folder)
        self._known: dict[str, Kept] = {}
        self._share = _Share()

    def read(self) -> Self:
        handlers: dict[Any, Callable[[dict[str, Any]], None]] = {
            "run": self._on_run,
            "exchange": self._on_exchange,
            "outcome": self._on_outcome,
            "client": self._on_client,
            "app": self._on_app,
            "read_back": self._on_read_back,
            "broken": self._on_broken,
            "end": self._on_end,
        }
        for number, line, value in lines(self.folder):
            self.complete = False
            event = value.get("event")
            handler = handlers.get(event) if isinstance(event, str) else None
            if handler is None:
                raise self._error(number, f"unknown event {event!r}")
            if not self.run and event != "run":
                raise self._error(number, f"'{event}' before the 'run' line; expected that one before everything else")
            try:
                handler(value)
            except HistoryError as problem:
                raise self._error(number, str(problem)) from problem
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as problem:
                raise self._error(number, f"not a valid '{event}' ({problem!r})") from problem
            self._digest.update(line)
            self._offset += len(line)
        if not self.run:
            msg = f"{self.folder / EVENTS}: no 'run' line; expected one before everything else"
            raise HistoryError(msg)
        return self

    @cached_property
    def printed(self) -> dict[str, bytes | None]:
        """What the client printed, by the name of the file."""
        paths = {name: self.folder / name for name in (STDERR, STDOUT)}
        return {name: path.read_bytes() if path.exists() else None for name, path in paths.items()}

    def _error(self, number: int, what: str) -> HistoryError:
        return HistoryError(f"{self.folder / EVENTS}:{number}: {what}")

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
        described = value["body"]
        body = self._known.get(described["digest"])
        if body is None:
            body = self._known[described["digest"]] = self._bodies.find(described, self._offset)
        seq = value["seq"]
        if not isinstance(seq, int):
            msg = f"seq is {seq!r}; expected a whole number"
            raise TypeError(msg)
        if seq in self.events:
            msg = f"exchange {seq} stands twice"
            raise ValueError(msg)
        share = self._share
        self.events[seq] = Event(
            Exchange(
                seq,
                float(value["at"]),
                share.same(value["method"]),
                share.same(value["path"]),
                share.pairs(value["query"]),
                share.pairs(value["headers"]),
                body,
                share.same(value["host"]),
                share.same(value.get("version", "HTTP/1.1")),
                int(value.get("nth", 1)),
            ),
            share.same(value["batch"]),
            value["attempt"],
            share.decision(value["decision"]),
            None,
            described["wire"],
            share.same(described.get("encoding", "")),
            share.same(described.get("problem", "")),
        )

    def _on_outcome(self, value: dict[str, Any]) -> None:
        event = self.events[value["seq"]]
        if event.outcome is not None:
            msg = f"exchange {value['seq']} has two outcomes"
            raise ValueError(msg)
        told, share = value["told"], self._share
        outcome = Outcome(
            float(value["at"]),
            Effect(value["effect"]),
            Ended(value["ended"]),
            value["status"],
            tuple([share.refusal(int(n), t, why) for n, t, why in value["refused"]]),
            told
            and share.answer(
                told["status"], share.pairs(told["headers"]), bytes_of(told) or b"", told.get("reason", "")
            ),
            value.get("sent"),
        )
        # Nobody has seen the event yet, so it is still being made; a copy of each would take as long as reading it.
        object.__setattr__(event, "outcome", outcome)

    def _on_client(self, value: dict[str, Any]) -> None:
        known = {item.name for item in fields(Client)}
        self.client = Client(**{name: given for name, given in value.items() if name in known})

    def _on_app(self, value: dict[str, Any]) -> None:
        self.reports.append(Report(str(value["told"]), str(value.get("message", "")), str(value.get("lines", ""))))

    def _on_read_back(self, value: dict[str, Any]) -> None:
        known = {item.name for item in fields(ReadBack)}
        given = {name: given for name, given in value.items() if name in known}
        self.read_back = ReadBack(**{**given, "unclear": tuple(given["unclear"])})

    def _on_broken(self, value: dict[str, Any]) -> None:
        self.broken.append(str(value["why"]))

    def _on_end(self, value: dict[str, Any]) -> None:
        self.complete = True
        self.lag = float(value.get("lag", 0.0))
        sealed = value.get("seal")
        if sealed is None:
            self.altered = ("it has no seal",)
            return
        found = {EVENTS: self._digest.hexdigest(), **self._beside}
        self.altered = tuple(f"{name} is another" for name in found if found[name] != sealed.get(name))

    @cached_property
    def _beside(self) -> dict[str, str | None]:
        """The digests of the files beside the events; what is held anyway is not read twice."""
        digests = {
            name: None if data is None else hashlib.blake2b(data, digest_size=16).hexdigest()
            for name, data in self.printed.items()
        }
        return {**{name: digest_of(self.folder / name) for name in (MANIFEST, STORED)}, **digests}


class _Share:
    """Gives values that were met lately once more instead of their equals."""

    def __init__(self) -> None:
        self.same = lru_cache(maxsize=SHARED)(_same)
        self.answer = lru_cache(maxsize=SHARED)(Answer)
        self.refusal = lru_cache(maxsize=SHARED)(Refusal)
        self._pair = lru_cache(maxsize=SHARED)(self._new_pair)
        self._pairs = lru_cache(maxsize=SHARED)(self._new_pairs)

    def pairs(self, values: Any) -> Pairs:
        return self._pairs(tuple(map(tuple, values)))

    def _new_pairs(self, values: tuple[Any, ...]) -> Pairs:
        return tuple([self._pair(name, value) for name, value in values])

    def _new_pair(self, name: Any, value: Any) -> tuple[str, str]:
        return self.same(str(name)), str(value)

    def decision(self, values: dict[str, Any] | None) -> Decision:
        if values is None:
            return _PASS
        made, same = Decision.from_json(values), self.same
        return Decision(
            same(made.intake),
            same(made.deliver),
            same(made.reply),
            same(made.ending),
            same(made.rule),
            same(made.fault),
            same(made.row),
            made.draw,
            same(made.refused),
        )


def _same[T](value: T) -> T:
    return value


def _text(data: bytes | None) -> str:
    # As a text file is read: whatever ends a line becomes a line feed.
    return "" if data is None else data.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
