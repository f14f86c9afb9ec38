"""What happened in a run, on disk and back.

A history is a folder: ``events.jsonl``, one JSON object a line, and ``bodies/``, where bodies too large or too strange
for a line of JSON lie under their digest. Each line goes to the system in one write as it happens, so a history is
readable after ``kill -9``; what it then lacks is the line that says the run ended.

The last line seals the folder: it has the digests of all that was written before it, so that a history which was cut,
reordered or put together from others is no proof of anything.

Lines, by ``event``: ``run`` (what was planned), ``exchange`` (a request and the decision on it), ``outcome`` (what
upstream did and what the client was told), ``client`` (how the client under test ended), ``app`` (what the application
said it was told), ``read_back`` (what upstream said it holds, which lies in ``stored.jsonl``), ``broken`` (the lab
failed), ``end``.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from faultlab.bodies import INLINE_LIMIT, keep, text_or_bytes
from faultlab.exchange import Decision, Exchange, Pairs
from faultlab.reading import BESIDE, FORMAT, digest_of, hasher, lines, read
from faultlab.record import (
    BODIES,
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
from faultlab.redact import Redactor

__all__ = [
    "BODIES",
    "EVENTS",
    "FORMAT",
    "INLINE_LIMIT",
    "MANIFEST",
    "STDERR",
    "STDOUT",
    "STORED",
    "Client",
    "Ended",
    "Event",
    "History",
    "HistoryError",
    "Outcome",
    "ReadBack",
    "Report",
    "Writer",
    "lines",
    "read",
]

HEADERS_LIMIT = 200
TAIL = 64 * 1024

# json.dumps would make an encoder for every line; and what is written here never holds itself.
encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode

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
            digest = hashlib.file_digest(events, hasher).hexdigest()
        seal = {EVENTS: digest, **{name: digest_of(self.folder / name) for name in BESIDE}}
        self.write("end", {"at": round(at, 6), "lag": round(lag, 6), "seal": seal})

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
            described |= keep(self.folder, body)
        usual = exchange.version == "HTTP/1.1" and exchange.nth == 1
        self.write(
            "exchange",
            {
                "seq": exchange.seq,
                "at": round(exchange.at, 6),
                "method": exchange.method,
                "host": exchange.host,
                **({} if usual else {"version": exchange.version, "nth": exchange.nth}),
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
                **({} if outcome.sent is None else {"sent": outcome.sent}),
            },
        )


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
