"""A raw HTTP/1.1 client over one socket, which says exactly what it saw: bytes, FIN or RST."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

LINE = b"cpu,host=a usage=1 1700000000000000000\n"


@dataclass(frozen=True)
class Seen:
    """What came back: status and headers when there was a reply, the body, and how the stream ended if it did."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    end: str = ""

    def all(self, name: str) -> list[str]:
        """Give every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)


def connect(port: int, timeout: float) -> socket.socket:
    """Give a connection to a port on loopback."""
    return socket.create_connection(("127.0.0.1", port), timeout=timeout)


class Raw:
    """One connection, over TLS if an authority is given."""

    def __init__(self, port: int, timeout: float = 20, authority: Path | None = None) -> None:
        """Connect to a port on loopback."""
        self.socket = connect(port, timeout)
        if authority is not None:
            context = ssl.create_default_context(cafile=str(authority))
            self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self._left = b""
        self._end = ""

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are; a reset that comes meanwhile is seen by whoever reads next."""
        try:
            self.socket.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            # The system tells of a reset once.
            self._end = "rst"

    def write(
        self, body: bytes = LINE, target: str = "/api/v2/write?org=o&bucket=b", headers: dict[str, str] | None = None
    ) -> Seen:
        """POST a body and give what came back."""
        return self.ask("POST", target, body, headers)

    def ask(self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Seen:
        """Send one request and give what came back."""
        given = {"Host": "influx.test", "Content-Length": str(len(body)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
        return self.read()

    def read(self) -> Seen:
        """Read one reply to its end, by Content-Length; what ends the stream before that is in ``end``."""
        while b"\r\n\r\n" not in self._left:
            if end := self._more():
                return Seen(body=self._left, end=end)
        head, _, self._left = self._left.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = tuple((name, value.lstrip(" ")) for name, _, value in (line.partition(":") for line in lines))
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        while len(self._left) < length:
            if end := self._more():
                return Seen(int(first.split()[1]), headers, self._left, end)
        body, self._left = self._left[:length], self._left[length:]
        return Seen(int(first.split()[1]), headers, body)

    def drain(self) -> tuple[bytes, str]:
        """Read until the stream ends; give every byte and how it ended."""
        while not (end := self._more()):
            pass
        return self._left, end

    def _more(self) -> str:
        if self._end:
            return self._end
        try:
            chunk = self.socket.recv(65536)
        except ConnectionResetError:
            return "rst"
        except ssl.SSLEOFError:
            # FIN without the close_notify of TLS before it.
            return "fin"
        if not chunk:
            return "fin"
        self._left += chunk
        return ""
