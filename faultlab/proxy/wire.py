"""What no hook of mitmproxy can do: replies in pieces, with pauses, cut short, or given before the request was read.

The ``next_layer`` hook is the documented part of it. What is put in there subclasses the layers by which mitmproxy
speaks HTTP to its client, and uses no more of them than their events; ``self_test`` sees at the start of a proxy to it
that this mitmproxy still is as this module expects it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import h2.errors
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import connection, http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import DropStream, HttpLayer, HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import (
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
)
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.layers.http._http2 import Http2Server

from faultlab.exchange import Aborted, Closed, Cut, Ending, Never, Truncated
from faultlab.proxy import reach
from faultlab.proxy.clock import CLOCK
from faultlab.record import Ended
from faultlab.steps import Pause, Step, steps

LINGER = 2.0
"""True seconds after our FIN in which what the client sends is read and thrown away; a close at once would reset."""

PIPELINED = 1 << 20
"""Bytes of further requests that are held while a reply is under way; no more are read until it has ended."""

type Commands = layer.CommandGenerator[None]


class Telling:
    """A reply under way that does not simply go out; it comes to its end once, and says how and after how many bytes.

    ``whole`` says how it ended when nothing of it was withheld; ``closes`` that the connection ends with it even so.
    ``stored`` says whether an HTTP/2 GOAWAY counts the request among those that were taken up.
    """

    __slots__ = ("_finish", "_steps", "closes", "ending", "sent", "stored", "whole")

    def __init__(
        self,
        ending: Ending,
        finish: Callable[[Ended, int], None],
        *,
        whole: Ended = Ended.REPLIED,
        closes: bool = False,
        stored: bool = True,
    ) -> None:
        """Begin with nothing sent."""
        self.ending = ending
        self.whole = whole
        self.closes = closes
        self.stored = stored
        self.sent = 0
        self._finish: Callable[[Ended, int], None] | None = finish
        self._steps: Iterator[Step] = iter(())

    @property
    def over(self) -> bool:
        """Whether it has come to its end."""
        return self._finish is None

    def begin(self, head: bytes, body: bytes, ending: Ending | None = None) -> None:
        """Take the reply; ``ending`` stands in for its own where the protocol has another way to do the same."""
        self._steps = steps(ending or self.ending, head, body)

    def left(self) -> Iterator[Step]:
        """Give the steps that are still to be done; one that was given is done."""
        return self._steps

    def finish(self, ended: Ended) -> None:
        """Say how it ended, unless that was said before."""
        finish, self._finish = self._finish, None
        if finish is not None:
            finish(ended, self.sent)


class Early:
    """What is done to a request before its body is read: the edge's order, attached to the flow by ``hasten``.

    ``after`` is how many bytes of the body are read before the connection is cut by ``how``; None where ``reply`` is
    given instead, and the body is thrown away but for a copy. ``done`` is called once with the body that came.
    """

    __slots__ = ("after", "done", "how", "reply")

    def __init__(
        self,
        done: Callable[[bytes], None],
        *,
        after: int | None = None,
        how: Cut = Cut.RST,
        reply: http.Response | None = None,
    ) -> None:
        """Keep the order."""
        self.done = done
        self.after = after
        self.how = how
        self.reply = reply


def attach(response: http.Response, telling: Telling) -> None:
    """Have a response told in that way once mitmproxy sends it."""
    response.telling = telling  # type: ignore[attr-defined]


def hasten(flow: http.HTTPFlow, early: Early) -> None:
    """Have that done to a flow as soon as its ``requestheaders`` hook is over."""
    flow.early = early  # type: ignore[attr-defined]


class Server1(Http1Server):
    """HTTP/1 towards a client, with tellings."""

    telling: Telling | None = None
    head = b""
    body = b""
    cut = False
    held = False

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Wakeup):
            if self.cut:
                yield commands.CloseConnection(self.conn)
            elif self.telling is not None:
                yield from self.go_on(self.telling)
        elif isinstance(event, events.DataReceived):
            if self.cut:
                return
            yield from super()._handle_event(event)
            if len(self.buf) > PIPELINED and self.state == self.wait:
                self.bound()
        else:
            yield from super()._handle_event(event)

    def bound(self) -> None:
        """Read no further requests until the present one is answered; or throw them away if it never will be."""
        if self.telling is not None and self.telling.ending == Never():
            # They cannot be answered either, and a connection that is not read does not tell that its client left.
            self.buf = ReceiveBuffer()
        else:
            self.held = True
            reach.hold(self.conn)

    def send(self, event: Any) -> Commands:
        """Send a part of a reply, or gather it where it is told in another way."""
        if isinstance(event, ResponseHeaders):
            self.telling = getattr(event.response, "telling", None)
            self.head = self.body = b""
        telling = self.telling
        if telling is None:
            yield from super().send(event)
        elif isinstance(event, ResponseHeaders):
            self.head = gathered(super().send(event))
        elif isinstance(event, ResponseData):
            self.body += gathered(super().send(event))
        elif isinstance(event, ResponseEndOfMessage):
            assert self.response is not None
            if "chunked" in self.response.headers.get("transfer-encoding", "").lower():
                self.body += b"0\r\n\r\n"
            telling.begin(self.head, self.body)
            yield from self.go_on(telling)
        else:
            self.telling = None
            yield from super().send(event)

    def go_on(self, telling: Telling) -> Commands:
        """Do what is left of a telling, up to its next pause."""
        for step in telling.left():
            if isinstance(step, Pause):
                if step.seconds is not None:
                    yield commands.RequestWakeup(step.seconds)
                return
            if isinstance(step, Cut):
                telling.finish(Ended.CLOSED)
                yield from self.end(step)
                return
            if isinstance(step, Aborted):
                raise NotImplementedError(f"HTTP/1 has no frame '{step.frame}'")
            if not self.conn.state & connection.ConnectionState.CAN_WRITE:
                return
            yield commands.SendData(self.conn, step)
            telling.sent += len(step)
        telling.finish(telling.whole)
        self.telling = None
        if telling.closes:
            yield from self.end(Cut.FIN)
        else:
            yield from self.mark_done(response=True)

    def end(self, how: Cut) -> Commands:
        """End the connection as said, whatever the client still sends."""
        self.cut = True
        reach.mark_cut(self.conn)
        if how is Cut.RST:
            reach.reset(self.conn)
        else:
            yield commands.CloseTcpConnection(self.conn, half_close=True)
            yield commands.RequestWakeup(CLOCK.of_true(LINGER))

    def mark_done(self, *, request: bool = False, response: bool = False) -> Commands:
        """Read on once a reply has ended."""
        if self.held and response:
            self.held = False
            reach.release(self.conn)
        yield from super().mark_done(request=request, response=response)


class Server2(Http2Server):
    """HTTP/2 towards a client, with tellings: one a stream, which leave the other streams alone unless they cut."""

    def __init__(self, context: Any) -> None:
        """Begin without streams."""
        super().__init__(context)
        # Its Huffman code takes time that grows with the square of a value's length: minutes for a megabyte.
        self.h2_conn.encoder.encode = partial(self.h2_conn.encoder.encode, huffman=False)  # type: ignore[method-assign]
        self.tellings: dict[int, Telling] = {}
        self.heads: dict[int, ResponseHeaders] = {}
        self.bodies: dict[int, bytes] = {}
        self.waking: dict[commands.Command, int] = {}

    @property
    def cut(self) -> bool:
        """Whether we have ended the connection; it is not to be ended twice."""
        return reach.was_cut(self.conn)

    def _handle_event(self, event: events.Event) -> Commands:
        for command in self.handle(event):
            # After our FIN nothing may be sent, which a stream that cut may have been followed by.
            if not (self.cut and isinstance(command, commands.SendData)):
                yield command

    def handle(self, event: events.Event) -> Commands:
        """Do what an event asks for."""
        if self.cut:
            # The tellings of other streams end with the connection.
            if isinstance(event, events.Wakeup):
                yield commands.CloseConnection(self.conn)
            elif isinstance(event, events.ConnectionClosed):
                yield from super()._handle_event(event)
        elif isinstance(event, events.Wakeup):
            stream_id = self.waking.pop(event.command, 0)
            if stream_id in self.tellings:
                yield from self.go_on(stream_id)
        elif isinstance(event, ResponseHeaders) and (telling := getattr(event.response, "telling", None)):
            self.tellings[event.stream_id] = telling
            self.heads[event.stream_id] = ResponseHeaders(event.stream_id, event.response, end_stream=False)
            self.bodies[event.stream_id] = b""
        elif isinstance(event, ResponseData | ResponseEndOfMessage) and event.stream_id in self.tellings:
            if isinstance(event, ResponseData):
                self.bodies[event.stream_id] += event.data
            else:
                self.begin(event.stream_id)
                yield from self.go_on(event.stream_id)
        else:
            yield from super()._handle_event(event)
            if isinstance(event, events.DataReceived):
                self.forget_left()

    def begin(self, stream_id: int) -> None:
        """Take a reply whole: its head counts as one byte, as HTTP/2 knows no part of one."""
        telling = self.tellings[stream_id]
        ending = telling.ending
        if isinstance(ending, Truncated) and ending.of in {"status_line", "headers"}:
            ending = Closed(ending.how)
        telling.begin(b"\0", self.bodies.pop(stream_id), ending)

    def forget_left(self) -> None:
        """End the tellings of streams that the client has reset."""
        for stream_id in [known for known in self.tellings if self.is_closed(known)]:
            self.tellings.pop(stream_id).finish(Ended.CLIENT_LEFT)
            self.heads.pop(stream_id, None)

    def go_on(self, stream_id: int) -> Commands:
        """Do what is left of a stream's telling, up to its next pause."""
        telling = self.tellings[stream_id]
        for step in telling.left():
            if isinstance(step, Pause):
                if step.seconds is not None:
                    wakeup = commands.RequestWakeup(step.seconds)
                    self.waking[wakeup] = stream_id
                    yield wakeup
                return
            if isinstance(step, Cut):
                yield from self.end(step)
                return
            if isinstance(step, Aborted):
                yield from self.abort(stream_id, step)
                return
            data = step
            if (head := self.heads.pop(stream_id, None)) is not None:
                yield from super()._handle_event(head)
                data = step[1:]
            telling.sent += len(data)
            if data:
                yield from super()._handle_event(ResponseData(stream_id, data))
        yield from super()._handle_event(ResponseEndOfMessage(stream_id))
        self.tellings.pop(stream_id).finish(telling.whole)

    def abort(self, stream_id: int, how: Aborted) -> Commands:
        """Send the frame that ends a stream, or all of them."""
        code = h2.errors.ErrorCodes[how.code]
        telling = self.tellings.pop(stream_id)
        self.heads.pop(stream_id, None)
        if how.frame == "rst_stream":
            self.h2_conn.reset_stream(stream_id, code)
            self.streams.pop(stream_id, None)
            yield commands.SendData(self.conn, self.h2_conn.data_to_send())
            telling.finish(Ended.CLOSED)
        else:
            # What the client may send again without a second thought is above the last stream named.
            last = stream_id if telling.stored else stream_id - 2
            self.h2_conn.close_connection(code, last_stream_id=max(last, 0))
            yield commands.SendData(self.conn, self.h2_conn.data_to_send())
            telling.finish(Ended.CLOSED)
            yield from self.end(Cut.FIN)

    def end(self, how: Cut) -> Commands:
        """End the connection, and with it whatever is under way on it."""
        for telling in self.tellings.values():
            telling.finish(Ended.CLOSED)
        if how is Cut.RST:
            reach.reset(self.conn)
        else:
            reach.mark_cut(self.conn)
            yield commands.CloseTcpConnection(self.conn, half_close=True)
            yield commands.RequestWakeup(CLOCK.of_true(LINGER))


class Stream(HttpStream):
    """One request and its reply, with what is done before the body is there."""

    early: Early | None = None

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Wakeup):
            yield commands.CloseConnection(self.context.client)
        elif self.early is not None and isinstance(event, RequestProtocolError):
            self.over()
            yield from super()._handle_event(event)
        else:
            yield from super()._handle_event(event)

    def state_wait_for_request_headers(self, event: RequestHeaders) -> Commands:
        """Do at once what needs nothing of the body."""
        # Before mitmproxy puts upstream's name there, as it does unless it is told to keep the client's.
        reach.note_host(event.request)
        yield from super().state_wait_for_request_headers(event)
        if self.client_state != self.state_consume_request_body:
            return
        self.early = getattr(self.flow, "early", None)
        if self.early is None:
            return
        if self.early.reply is not None:
            yield from self.answer(self.early.reply)
        elif not self.early.after:
            yield from self.sever()

    def state_consume_request_body(self, event: events.Event) -> Commands:
        """Gather the body; cut in the midst of it where that was ordered."""
        early = self.early
        if early is None or early.after is None:
            yield from super().state_consume_request_body(event)
        elif isinstance(event, RequestData):
            self.request_body_buf += event.data
            if len(self.request_body_buf) >= early.after:
                yield from self.sever()
        elif isinstance(event, RequestEndOfMessage):
            yield from self.sever()

    def sever(self) -> Commands:
        """Cut the connection, and say what had come until then."""
        early, client = self.early, self.context.client
        assert early is not None
        again = reach.was_cut(client)
        reach.mark_cut(client)
        self.over()
        self.flow.live = False
        self.client_state = self.server_state = self.state_errored
        if again:
            return
        if early.how is Cut.RST:
            reach.reset(client)
        else:
            yield commands.CloseTcpConnection(client, half_close=True)
            yield commands.RequestWakeup(CLOCK.of_true(LINGER))

    def answer(self, reply: http.Response) -> Commands:
        """Reply while the client still sends."""
        client = self.context.client
        self.flow.response = reply
        content = reply.raw_content or b""
        yield SendHttp(ResponseHeaders(self.stream_id, reply, not content), client)
        if content:
            yield SendHttp(ResponseData(self.stream_id, content), client)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), client)
        self.client_state = self.state_discard_request_body
        self.server_state = self.state_done

    def state_discard_request_body(self, event: events.Event) -> Commands:
        """Take what the client goes on to send, to the end."""
        if isinstance(event, RequestData):
            self.request_body_buf += event.data
        elif isinstance(event, RequestEndOfMessage | RequestTrailers):
            self.over()
            self.flow.live = False
            self.client_state = self.state_done
            yield DropStream(self.stream_id)

    def over(self) -> None:
        """Hand over the body that came, once."""
        early, self.early = self.early, None
        if early is not None:
            body = bytes(self.request_body_buf)
            self.request_body_buf.clear()
            early.done(body if early.after is None else body[: early.after])


def gathered(sent: Commands) -> bytes:
    """Give the bytes that would have been sent."""
    return b"".join(command.data for command in sent if isinstance(command, commands.SendData))


def install(found: layer.NextLayer) -> None:
    """Put our layers in place of mitmproxy's where a client's connection is about to speak HTTP."""
    for known in found.context.layers:
        if isinstance(known, HttpLayer) and not known.connections and "make_stream" not in vars(known):
            known.make_stream = partial(make_stream, known)  # type: ignore[method-assign]
            # The protocol is known when the layer starts, which under TLS is later than now.
            known._handle_event = partial(start, known)  # type: ignore[method-assign]  # noqa: SLF001 - as its subclass


def start(http_layer: HttpLayer, event: events.Event) -> Commands:
    """Choose the client's protocol at a layer's first event, and be in its way no more."""
    del http_layer._handle_event  # noqa: SLF001 - ours
    client = http_layer.context.client
    if client.alpn == b"h2":
        http_layer.connections[client] = Server2(http_layer.context.fork())
    elif client.transport_protocol == "tcp":
        http_layer.connections[client] = Server1(http_layer.context.fork())
    yield from http_layer._handle_event(event)  # noqa: SLF001 - as its subclass


def make_stream(http_layer: HttpLayer, stream_id: int) -> Commands:
    """Begin a stream of ours."""
    stream = http_layer.streams[stream_id] = Stream(http_layer.context.fork(), stream_id)
    yield from http_layer.event_to_child(stream, events.Start())


__all__ = ["Early", "Telling", "attach", "hasten", "install"]
