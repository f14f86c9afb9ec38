"""A raw HTTP/2 client over one TLS socket, which says what it saw of each stream and how the connection ended."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import h2.config
import h2.connection
import h2.events

from tests.raw import LINE, connect


@dataclass
class Reply:
    """What came back on a stream; ``end`` is ``whole``, a code of RST_STREAM, or empty."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    end: str = ""


class Raw2:
    """One connection; ``end`` is ``fin`` or ``rst`` once it has ended, ``goaway`` the code and last stream it named."""

    def __init__(self, port: int, authority: Path, timeout: float = 20) -> None:
        """Connect to a port on loopback and shake hands."""
        context = ssl.create_default_context(cafile=str(authority))
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(connect(port, timeout), server_hostname="127.0.0.1")
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.replies: dict[int, Reply] = {}
        self.end = ""
        self.goaway: tuple[str, int] | None = None
        self.flush()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.socket.close()

    def flush(self) -> None:
        """Send what is to be sent."""
        try:
            self.socket.sendall(self.h2.data_to_send())
        except (ConnectionResetError, BrokenPipeError):
            self.end = "rst"

    def start(self, body: bytes = LINE, *, headers: dict[str, str] | None = None, ends: bool = True) -> int:
        """Begin a write and give its stream."""
        stream = self.h2.get_next_available_stream_id()
        given = {
            ":method": "POST",
            ":scheme": "https",
            ":authority": "influx.test",
            ":path": "/api/v2/write?org=o&bucket=b",
            "content-length": str(len(body)),
            **(headers or {}),
        }
        self.h2.send_headers(stream, list(given.items()))
        self.replies[stream] = Reply()
        if body and ends:
            self.h2.send_data(stream, body, end_stream=True)
        self.flush()
        return stream

    def wait(self, *streams: int) -> None:
        """Read until each of the streams, or the connection, has ended."""
        while not self.end and not all(self.replies[stream].end for stream in streams):
            try:
                data = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLEOFError) as problem:
                self.end = "rst" if isinstance(problem, ConnectionResetError) else "fin"
                return
            if not data:
                self.end = "fin"
                return
            for event in self.h2.receive_data(data):
                self._see(event)
            self.flush()

    def _see(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = (getattr(event.error_code, "name", str(event.error_code)), event.last_stream_id or 0)
            return
        reply = self.replies.get(getattr(event, "stream_id", None) or 0)
        if reply is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            reply.headers = {str(name): str(value) for name, value in event.headers}
            reply.status = int(reply.headers.pop(":status"))
        elif isinstance(event, h2.events.DataReceived):
            reply.body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            reply.end = "whole"
        elif isinstance(event, h2.events.StreamReset):
            reply.end = getattr(event.error_code, "name", str(event.error_code))
