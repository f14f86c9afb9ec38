"""What the public hooks cannot do, through attributes of mitmproxy that carry no underscore but no promise either."""

from __future__ import annotations

import time
from typing import Any

from mitmproxy import http

BACKLOG = 4096


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
    import socket  # noqa: PLC0415
    from os import dup  # noqa: PLC0415

    with socket.socket(fileno=dup(fd)) as again:
        again.listen(BACKLOG)
