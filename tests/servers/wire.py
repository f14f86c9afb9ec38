"""One kept-alive connection to a server, which sends bytes as they are and says exactly what came back."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass

from faultlab.servers.process import Process

TIMEOUT = 60
"""Seconds a server has for one reply."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """What a server said to a write. ``message`` is the ``error`` of a JSON body, else the body as text."""

    status: int
    message: str
    body: bytes


class Wire:
    """One connection, made anew once when the server dropped the old one between two requests."""

    def __init__(self, process: Process, port: int) -> None:
        """Take a server; the connection is made by the first request."""
        self._process = process
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)

    def ask(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """Send one request and give the reply; raises ServerError when there is none."""
        kept = self._http.sock is not None
        try:
            try:
                return self._ask(method, target, body, headers or {})
            except ConnectionError:
                self._http.close()
                if not kept:
                    raise
                return self._ask(method, target, body, headers or {})
        except (OSError, http.client.HTTPException) as problem:
            self._http.close()
            # A server that is going down takes a moment to be gone.
            raise self._process.error(f"no reply to {method} {target}: {problem!r}", within=1) from problem

    def _ask(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        # A server that refuses a long body stops reading it, and its reply can be read all the same.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._http.request(method, target, body, headers)
        reply = self._http.getresponse()
        return Reply(reply.status, reply.read())

    def write(self, target: str, body: bytes, encoding: str) -> Written:
        """POST a body, under a Content-Encoding if one is named, and give what was said."""
        reply = self.ask("POST", target, body, {"Content-Encoding": encoding} if encoding else {})
        return Written(reply.status, message_of(reply.body), reply.body)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def message_of(body: bytes) -> str:
    """Give the ``error`` of a JSON body, else the body as text."""
    text = body.decode(errors="surrogateescape").strip()
    with contextlib.suppress(ValueError):
        said = json.loads(text)
        if isinstance(said, dict):
            return str(said.get("error", ""))
    return text
