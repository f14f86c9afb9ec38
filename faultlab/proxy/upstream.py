"""A request sent to a real upstream by the lab itself: the second of two, or one that is late.

mitmproxy's own connections belong to the client's; these are to outlive it. Each is a connection of its own.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from mitmproxy import ctx, http

TIMEOUT = 30.0
_HOP = {"connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "transfer-encoding"}


@dataclass(frozen=True, slots=True)
class Copy:
    """A request as upstream is to see it, independent of the flow it came from."""

    tls: bool
    address: tuple[str, int]
    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def send(self) -> int | None:
        """Send it and give the status upstream answers with; None where it does not. Blocks, ``TIMEOUT`` s at most."""
        made = self._connection()
        try:
            made.putrequest(self.method, self.target, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers:
                made.putheader(name.decode("latin-1"), value)
            made.putheader("Content-Length", str(len(self.body)))
            made.endheaders(self.body)
            reply = made.getresponse()
            reply.read()
        except (OSError, HTTPException):
            return None
        else:
            return reply.status
        finally:
            made.close()

    def _connection(self) -> HTTPConnection:
        if not self.tls:
            return HTTPConnection(*self.address, timeout=TIMEOUT)
        context = ssl.create_default_context()
        if ctx.options.ssl_insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return HTTPSConnection(*self.address, timeout=TIMEOUT, context=context)


def copied(request: http.Request) -> Copy:
    """Give a copy of what mitmproxy sends, or would send, upstream."""
    host = (request.host_header or request.authority or f"{request.host}:{request.port}").encode()
    fields = [(name, value) for name, value in request.headers.fields if name.decode("latin-1").lower() not in _HOP]
    return Copy(
        request.scheme == "https",
        (request.host, request.port),
        request.method,
        request.path,
        ((b"Host", host), *fields),
        request.raw_content or b"",
    )
