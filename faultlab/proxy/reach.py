"""What the public hooks cannot do, through attributes of mitmproxy that carry no underscore but no promise either.

Below HTTP and TLS: the sockets of clients, how fast they are read, and the sockets that listen.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
import termios
import time
from typing import Any

from mitmproxy import connection, ctx, http

from faultlab.proxy.clock import CLOCK

BACKLOG = 4096
RESET_WITHIN = 5.0
"""Seconds a reset waits for what was sent before it to arrive; a client that reads nothing loses it then."""

_ESTABLISHED = 1
_NO_LINGER = struct.pack("ii", 1, 0)
_tasks: set[asyncio.Task[None]] = set()


def make_response(status: int, reason: bytes, headers: http.Headers, content: bytes) -> http.Response:
    """Make a response without the check of every field's type, which costs more than sending a short one.

    mitmproxy checks in the constructor of what a message holds, unless Python runs without asserts.
    """
    now = time.time()
    response = object.__new__(http.Response)
    response.data = object.__new__(http.ResponseData)
    vars(response.data).update(
        http_version=b"HTTP/1.1",
        status_code=status,
        reason=reason,
        headers=headers,
        content=content,
        trailers=None,
        timestamp_start=now,
        timestamp_end=now,
    )
    return response


def note_host(request: http.Request) -> None:
    """Remember the host that a client asked for."""
    request.asked_host = request.host_header or request.authority or ""  # type: ignore[attr-defined]


def asked_host(request: http.Request) -> str:
    """Give the host, with its port, that a client asked for; that which upstream is to see if nobody noted it."""
    noted = getattr(request, "asked_host", "")
    return noted or request.host_header or f"{request.host}:{request.port}"


def transport_of(client: connection.Connection) -> Any:
    """Give the streams of a client's connection, below TLS; None once it is gone."""
    handler = ctx.master.addons.get("proxyserver").connections.get(client.id)
    return None if handler is None else handler.transports.get(client)


def mark_cut(client: connection.Connection) -> None:
    """Remember that the end of a connection is our doing, not its client's."""
    client.cut = True  # type: ignore[attr-defined]


def was_cut(client: connection.Connection) -> bool:
    """Whether a connection was ended by us."""
    return bool(getattr(client, "cut", False))


def write(client: connection.Connection, data: bytes) -> None:
    """Send bytes as they are, below TLS."""
    found = transport_of(client)
    if found is not None:
        found.writer.write(data)


def reset(client: connection.Connection) -> None:
    """End a connection with RST, once all that was sent before has arrived."""
    mark_cut(client)
    found = transport_of(client)
    if found is None or found.writer is None:
        return
    transport = found.writer.transport
    sock = transport.get_extra_info("socket")
    if unsent(transport, sock):
        task = asyncio.get_running_loop().create_task(_reset_later(transport, sock))
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
    else:
        _abort(transport, sock)


async def _reset_later(transport: Any, sock: Any) -> None:
    until = time.monotonic() + RESET_WITHIN
    # The kernel tells nobody when the last byte was acknowledged.
    while not transport.is_closing() and unsent(transport, sock) and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    _abort(transport, sock)


def _abort(transport: Any, sock: Any) -> None:
    if not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()


def unsent(transport: Any, sock: Any) -> int:
    """Give how many bytes the peer has not acknowledged: a reset would take them back."""
    if transport.is_closing():
        return 0
    left: int = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
    return left + int(transport.get_write_buffer_size())


class PacedReader:
    """A client's stream that can be read slowly, or not at all for a while; in place of ``transports[client].reader``.

    A connection that is not read notices its end even so.
    """

    __slots__ = ("_go", "_reader", "_socket", "rate")

    def __init__(self, reader: asyncio.StreamReader, sock: Any) -> None:
        """Read as fast as data comes."""
        self._reader = reader
        self._socket = sock
        self._go: asyncio.Event | None = None
        self.rate = 0

    async def read(self, size: int) -> bytes:
        """Read at most ``size`` bytes; empty at the end."""
        while self._go is not None and self._established():
            try:
                await asyncio.wait_for(self._go.wait(), 0.5)
            except TimeoutError:
                continue
        if not self.rate:
            return await self._reader.read(size)
        data = await self._reader.read(min(size, max(1, self.rate // 20)))
        if rate := self.rate:
            await asyncio.sleep(len(data) / rate)
        return data

    def hold(self) -> None:
        """Read nothing until ``release``."""
        if self._go is None:
            self._go = asyncio.Event()

    def release(self) -> None:
        """Read on."""
        if self._go is not None:
            self._go.set()
            self._go = None

    def _established(self) -> bool:
        try:
            return bool(self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED)
        except OSError:
            return False


def make_paced(client: connection.Client) -> None:
    """Have a new connection read by a reader that can be slowed."""
    found = transport_of(client)
    if found is not None:
        found.reader = PacedReader(found.reader, found.writer.get_extra_info("socket"))


def _paced(client: connection.Connection) -> PacedReader | None:
    found = transport_of(client)
    return found.reader if found is not None and isinstance(found.reader, PacedReader) else None


def pace(client: connection.Connection, bytes_per_second: int) -> None:
    """Read a client's connection at a rate from now on; 0 for as fast as data comes."""
    if (reader := _paced(client)) is not None:
        reader.rate = bytes_per_second


def hold(client: connection.Connection) -> None:
    """Read nothing of a client until ``release``."""
    if (reader := _paced(client)) is not None:
        reader.hold()


def release(client: connection.Connection) -> None:
    """Read a client's connection again."""
    if (reader := _paced(client)) is not None:
        reader.release()


class Door:
    """The listening sockets of a proxy, which can be closed for a while without losing their ports."""

    def __init__(self) -> None:
        """Begin open."""
        self._until = 0.0
        self._ends = asyncio.Event()
        self._opened = asyncio.Event()
        self._opened.set()

    async def refuse(self, seconds: float, busy: set[str]) -> None:
        """Refuse connections for a while, and reset those that are open but for the ``busy`` clients'.

        Refused while it is closed already, it stays closed for as long as the later of both would have it.
        """
        was_closed, self._until = self._until, max(self._until, CLOCK.monotonic() + seconds)
        proxyserver = ctx.master.addons.get("proxyserver")
        self._opened.clear()
        closed = [] if was_closed else [(instance, _closed(instance)) for instance in proxyserver.servers]
        for handler in list(proxyserver.connections.values()):
            if handler.client.id not in busy:
                reset(handler.client)
        if was_closed:
            return
        try:
            while (left := self._until - CLOCK.monotonic()) > 0 and not self._ends.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ends.wait(), left)
        finally:
            self._until = 0.0
            self._ends.clear()
            for instance, sockets in closed:
                for sock in sockets:
                    await _listen(instance, sock)
            self._opened.set()

    def open(self) -> None:
        """Let connections in again at once."""
        if self._until:
            self._ends.set()

    async def move(self) -> int:
        """Listen on another port in place of the present one, reset whoever is connected, and give the port."""
        self.open()
        await self._opened.wait()
        proxyserver = ctx.master.addons.get("proxyserver")
        for handler in list(proxyserver.connections.values()):
            reset(handler.client)
        [instance] = proxyserver.servers
        [known] = _closed(instance)
        with known:
            address = known.getsockname()[0]
        sock = socket.create_server((address, 0), family=known.family, backlog=BACKLOG)
        await _listen(instance, sock)
        return int(sock.getsockname()[1])


async def _listen(instance: Any, sock: socket.socket) -> None:
    """Have an instance accept connections on a socket."""
    server = await asyncio.start_server(instance.handle_stream, sock=sock, backlog=BACKLOG)
    instance._servers.append(server)  # noqa: SLF001 - where it keeps what it is to close


def _closed(instance: Any) -> list[socket.socket]:
    """Close what an instance listens on; give sockets of the same ports that refuse connections until they listen."""
    kept = []
    for server in instance._servers:  # noqa: SLF001 - the listening sockets are offered nowhere else
        for sock in server.sockets:
            same = socket.socket(fileno=os.dup(sock.fileno()))
            kept.append(same)
        server.close()
    instance._servers.clear()  # noqa: SLF001
    for same in kept:
        # The last reference to the open description is ours: it stays bound, and no longer listens.
        same.shutdown(socket.SHUT_RD)
    return kept


def raise_backlog(proxyserver: Any) -> None:
    """Let as many connections wait to be accepted as the system allows.

    mitmproxy listens with a backlog of 100: a burst of 200 connections then waits for SYN retransmissions of a second,
    which no client could tell from a fault.
    """
    for instance in proxyserver.servers:
        for server in instance._servers:  # noqa: SLF001 - the listening sockets are offered nowhere else
            for sock in server.sockets:
                # The event loop's sockets are views that cannot listen; a duplicate of the descriptor can.
                with_backlog(sock.fileno())


def with_backlog(fd: int) -> None:
    """Call listen(2) again on a listening descriptor, which only changes its backlog."""
    with socket.socket(fileno=os.dup(fd)) as again:
        again.listen(BACKLOG)
