"""Whether this mitmproxy is one that the wire layers know: seen without a socket, before a proxy takes any traffic."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from mitmproxy import connection, ctx, http
from mitmproxy.proxy import commands, context, events, layer, mode_specs
from mitmproxy.proxy.layers.http import HttpLayer, HTTPMode
from mitmproxy.proxy.layers.http._hooks import HttpRequestHeadersHook, HttpRequestHook

from faultlab.exchange import Cut, Truncated
from faultlab.proxy import wire
from faultlab.record import Ended

HEAD = b"POST /write HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"
REPLY = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno\n"


class UnknownMitmproxyError(Exception):
    """mitmproxy's layers, or its connections, are not as faultlab's faults of transport need them."""


def check() -> None:
    """Raise UnknownMitmproxyError unless replies can be cut, given early and told of, in this proxy."""
    try:
        _check_reach()
        _check_cut()
        _check_early()
    except UnknownMitmproxyError:
        raise
    except Exception as problem:
        raise _unknown(f"{type(problem).__name__}: {problem}") from problem


def _unknown(what: str) -> UnknownMitmproxyError:
    return UnknownMitmproxyError(
        f"mitmproxy {version('mitmproxy')} is not one that this faultlab knows ({what}); expected 12.2"
    )


def _check_reach() -> None:
    proxyserver = ctx.master.addons.get("proxyserver")
    for owner, name in ((proxyserver, "connections"), *((one, "_servers") for one in proxyserver.servers)):
        if not hasattr(owner, name):
            raise _unknown(f"{type(owner).__name__} has no '{name}'")


def _check_cut() -> None:
    ended: list[tuple[Ended, int]] = []
    telling = wire.Telling(Truncated(after=9, how=Cut.FIN), lambda how, sent: ended.append((how, sent)))

    def answer(flow: http.HTTPFlow) -> None:
        flow.response = http.Response.make(413, b"no\n")
        wire.attach(flow.response, telling)

    told = _driven(HEAD + b"m f=", {HttpRequestHook: answer})
    if (told, ended) != ([REPLY[:9], "fin"], [(Ended.CLOSED, 9)]):
        raise _unknown(f"a reply cut after 9 bytes came to {told!r}")


def _check_early() -> None:
    taken: list[bytes] = []

    def hasten(flow: http.HTTPFlow) -> None:
        reply = http.Response.make(413, b"no\n")
        reply.reason = "Too Large"
        reply.headers.fields = ((b"Content-Length", b"3"),)
        wire.hasten(flow, wire.Early(taken.append, reply=reply))

    told = _driven(HEAD + b"m f=", {HttpRequestHeadersHook: hasten})
    if (b"".join(piece for piece in told if isinstance(piece, bytes)), taken) != (REPLY, [b"m f="]):
        raise _unknown(f"an early reply came to {told!r}")


def _driven(request: bytes, hooks: dict[type[Any], Callable[[http.HTTPFlow], None]]) -> list[bytes | str]:
    """Give what a client is told that sends a request to our layers: bytes, and ``fin`` where they end."""
    client = connection.Client(
        peername=("127.0.0.1", 1),
        sockname=("127.0.0.1", 2),
        timestamp_start=0.0,
        proxy_mode=mode_specs.ProxyMode.parse("reverse:http://127.0.0.1:9"),
        state=connection.ConnectionState.OPEN,
    )
    around = context.Context(client, ctx.options)
    around.server.address = ("127.0.0.1", 9)
    top = HttpLayer(around, HTTPMode.transparent)
    wire.install(layer.NextLayer(around))
    told: list[bytes | str] = []
    waiting: list[events.Event] = [events.Start(), events.DataReceived(client, request)]
    while waiting:
        for command in top.handle_event(waiting.pop(0)):
            if isinstance(command, commands.StartHook):
                if type(command) in hooks:
                    hooks[type(command)](command.args()[0])
                if command.blocking:
                    waiting.insert(0, events.HookCompleted(command))
            elif isinstance(command, commands.SendData):
                told.append(command.data)
            elif isinstance(command, commands.CloseTcpConnection):
                told.append("fin")
    return told


__all__ = ["UnknownMitmproxyError", "check"]
