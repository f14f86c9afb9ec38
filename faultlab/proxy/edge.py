"""The edge: see a flow as an exchange, have it decided, carry the decision out, record both.

One addon a proxy, named ``faultlab``: it is the same under our own runner and under stock mitmdump, mitmweb and
mitmproxy. Nothing is decided here.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from collections.abc import Awaitable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl

from mitmproxy import http

from faultlab.exchange import Answer, AtOnce, Body, Decision, Effect, Exchange, Lines, Nothing, Pairs, Whole, phrase
from faultlab.exits import Exit
from faultlab.history import Ended, Outcome
from faultlab.proxy import reach
from faultlab.proxy.guard import ErrorTrap, end, guarded
from faultlab.proxy.session import Session

KEY = "faultlab"
MARK = ":collision:"
LARGE = 256 * 1024
LARGE_ENCODED = 16 * 1024
"""Bytes on the wire above which a body is decompressed, hashed and parsed beside the event loop."""


def is_large(body: Body) -> bool:
    """Whether work on a body would hold up every other connection."""
    return len(body.wire) > (LARGE_ENCODED if body.encoding else LARGE)


@dataclass(slots=True)
class Ongoing:
    """What the edge remembers of a flow between its hooks."""

    session: Session
    exchange: Exchange
    attempt: int
    decision: Decision


class Edge:
    """Carries out the decisions of one session at a time.

    Until it has a session, and after anything in it has failed, every flow is ended without a reply.
    """

    name = "faultlab"

    def __init__(self, session: Session | None = None) -> None:
        """Take a session now, or later by ``arm``."""
        self.session = session
        self.broken = ""
        self._ongoing: dict[str, Ongoing] = {}
        self._trap = ErrorTrap(self)

    def arm(self, session: Session | None) -> None:
        """Go on with another session; flows that are under way end in the one they began in."""
        self.session = session

    def breaks(self, why: str) -> None:
        """Mark the run: no more traffic passes, and the proxy's exit status is 3."""
        self.broken = self.broken or why
        if self.session is not None:
            self.session.breaks(why)

    def listen(self) -> None:
        """Take an error that mitmproxy itself logs from here on for a failure of the lab."""
        logging.getLogger().addHandler(self._trap)

    def leave(self) -> None:
        """End the process with a status that no gate takes for a pass when the lab was broken."""
        logging.getLogger().removeHandler(self._trap)
        if self.broken:
            sys.exit(Exit.INCONCLUSIVE)

    @guarded
    def request(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """See, decide, act: at once, or for a large body beside the event loop."""
        session = self.session
        if session is None or self.broken:
            end(flow)
            return None
        return self.on_request(session, flow)

    @guarded
    def response(self, flow: http.HTTPFlow) -> None:
        """Replace upstream's reply where that was decided, and record what the client is told."""
        if KEY not in flow.metadata:
            end(flow)
        elif (ongoing := self._ongoing.pop(flow.id, None)) is not None:
            self.on_response(ongoing, flow)

    @guarded
    def error(self, flow: http.HTTPFlow) -> None:
        """Record an exchange that ended without a reply."""
        if flow.error is not None:
            self.on_error(flow, flow.error.msg)

    def on_request(self, session: Session, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """See the exchange, decide it, and do what can be done before upstream is asked."""
        exchange = see(flow, session.next_seq(), session.at())
        # A plain value: flows are saved with their metadata.
        flow.metadata[KEY] = exchange.seq
        if flow.response is not None or flow.error is not None or not flow.live:
            self.begin(flow, session, exchange, session.arbiter.attempt(exchange), Decision())
            return None
        if is_large(exchange.body) or session.turn.locked():
            return self.beside(flow, session, exchange)
        ongoing = self.begin(flow, session, exchange, *session.decide(exchange))
        if session.origin is not None:
            self.reply(flow, ongoing, session.answer_from_origin(exchange, ongoing.decision))
        else:
            self.forward(flow, ongoing)
        return None

    @guarded
    async def beside(self, flow: http.HTTPFlow, session: Session, exchange: Exchange) -> None:
        """Do the same where working on the body takes long: in a thread, and one exchange at a time."""
        async with session.turn:
            attempt, decision = await asyncio.to_thread(session.decide, exchange)
            ongoing = self.begin(flow, session, exchange, attempt, decision)
            if session.origin is not None:
                self.reply(flow, ongoing, await asyncio.to_thread(session.answer_from_origin, exchange, decision))
            else:
                self.forward(flow, ongoing)

    def begin(
        self, flow: http.HTTPFlow, session: Session, exchange: Exchange, attempt: int, decision: Decision
    ) -> Ongoing:
        """Record what was decided before any of it is done."""
        session.record(exchange, attempt, decision)
        ongoing = self._ongoing[flow.id] = Ongoing(session, exchange, attempt, decision)
        require_carriable(decision)
        if decision.rule:
            annotate(flow, ongoing)
        return ongoing

    def forward(self, flow: http.HTTPFlow, ongoing: Ongoing) -> None:
        """Let a real upstream have what the decision delivers, or answer in its place."""
        session, decision = ongoing.session, ongoing.decision
        if isinstance(decision.deliver, Nothing):
            assert isinstance(decision.reply, Answer)
            self.reply(flow, ongoing, Outcome(session.at(), Effect.NONE, Ended.REPLIED, told=decision.reply))
        elif isinstance(decision.deliver, Lines):
            delivered, _ = session.delivered(ongoing.exchange, decision)
            # .content, not .raw_content: it compresses again and keeps Content-Length true.
            flow.request.content = delivered.body.wire

    def reply(self, flow: http.HTTPFlow, ongoing: Ongoing, outcome: Outcome) -> None:
        """Answer without an upstream, and record it."""
        assert outcome.told is not None
        flow.response = as_response(outcome.told, flow.request.http_version)
        self.settle(flow, ongoing, outcome)

    def on_response(self, ongoing: Ongoing, flow: http.HTTPFlow) -> None:
        """Settle an exchange that upstream, or another addon, has answered."""
        session, decision = ongoing.session, ongoing.decision
        assert flow.response is not None
        upstream = as_answer(flow.response)
        forwarded = flow.server_conn.timestamp_start is not None
        status = upstream.status if forwarded else None
        effect = session.effect_of(ongoing.exchange, decision, upstream.status) if forwarded else Effect.NONE
        accepted = upstream.status < 300
        told = session.told_to(ongoing.exchange, decision, upstream, (), accepted=accepted)
        if told is not upstream:
            flow.response = as_response(told, flow.request.http_version)
        self.settle(flow, ongoing, Outcome(session.at(), effect, Ended.REPLIED, status, told=told))

    def on_error(self, flow: http.HTTPFlow, message: str) -> None:
        """Settle an exchange that ended without a reply, also one whose request never came to its end."""
        if KEY not in flow.metadata:
            session = self.session
            if session is None:
                return
            exchange = see(flow, session.next_seq(), session.at())
            session.record(exchange, session.arbiter.attempt(exchange), Decision())
            flow.metadata[KEY] = exchange.seq
            left = Ended.BROKEN if self.broken else Ended.CLIENT_LEFT
            session.settle(exchange.seq, Outcome(session.at(), Effect.NONE, left))
            return
        ongoing = self._ongoing.get(flow.id)
        if ongoing is None:
            return
        session = ongoing.session
        asked = flow.server_conn.timestamp_tcp_setup is not None
        stored = Effect.UNKNOWN if asked and ongoing.exchange.is_write else Effect.NONE
        if self.broken:
            self.settle(flow, ongoing, Outcome(session.at(), stored, Ended.BROKEN))
        elif "client disconnected" in message.lower():
            self.settle(flow, ongoing, Outcome(session.at(), stored, Ended.CLIENT_LEFT))
        else:
            # What the client sees then is mitmproxy's own 502 page.
            told = Answer(502, (), message.encode(errors="replace"))
            self.settle(flow, ongoing, Outcome(session.at(), stored, Ended.UPSTREAM_FAILED, told=told))

    def settle(self, flow: http.HTTPFlow, ongoing: Ongoing, outcome: Outcome) -> None:
        """Record an outcome and forget the flow."""
        self._ongoing.pop(flow.id, None)
        ongoing.session.settle(ongoing.exchange.seq, outcome)


def see(flow: http.HTTPFlow, seq: int, at: float) -> Exchange:
    """Give a flow's request as an exchange; bytes that are no UTF-8 survive as surrogates."""
    request = flow.request
    path, _, query = request.path.partition("?")
    headers = pairs(request.headers)
    encoding = ", ".join([value for name, value in headers if name.lower() == "content-encoding"]).strip().lower()
    return Exchange(
        seq=seq,
        at=at,
        method=request.method,
        path=path,
        query=parameters(query),
        headers=headers,
        body=Body(request.raw_content or b"", encoding),
        host=request.host_header or f"{request.host}:{request.port}",
    )


@functools.lru_cache(maxsize=64)
def parameters(query: str) -> Pairs:
    """Give the parameters of a query; a client sends the same few with every write."""
    return tuple(parse_qsl(query, keep_blank_values=True, errors="surrogateescape")) if query else ()


def pairs(headers: http.Headers) -> Pairs:
    """Give headers as text."""
    return tuple(
        [(n.decode("utf-8", "surrogateescape"), v.decode("utf-8", "surrogateescape")) for n, v in headers.fields]
    )


def as_response(answer: Answer, version: str) -> http.Response:
    """Give an answer as mitmproxy sends it in a version of HTTP: our headers as they are, and the length of the body.

    A 204 with a body, which HTTP/1 does not allow, closes its connection: the client would take the body for the
    beginning of the next reply, and be judged for one it never saw.
    """
    fields = [
        (name.encode("utf-8", "surrogateescape"), value.encode("utf-8", "surrogateescape"))
        for name, value in answer.headers
        if name.lower() != "content-length"
    ]
    if answer.status != HTTPStatus.NO_CONTENT or answer.body:
        fields.append((b"Content-Length", b"%d" % len(answer.body)))
    if answer.status == HTTPStatus.NO_CONTENT and answer.body and version.startswith("HTTP/1"):
        fields.append((b"Connection", b"close"))
    reason = (answer.reason or phrase(answer.status)).encode("iso-8859-1", "surrogateescape")
    return reach.make_response(answer.status, reason, http.Headers(fields), answer.body)


def as_answer(response: http.Response) -> Answer:
    """Give upstream's response as an answer."""
    return Answer(response.status_code, pairs(response.headers), response.raw_content or b"", response.reason)


def annotate(flow: http.HTTPFlow, ongoing: Ongoing) -> None:
    """Mark a flow for mitmproxy's own screens and say which rule, draw and attempt decided it."""
    decision = ongoing.decision
    draw = "" if decision.draw is None else f", draw {decision.draw:.4f}"
    flow.marked = MARK
    flow.comment = f"faultlab: rule {decision.rule} ({decision.row or decision.fault}){draw}, attempt {ongoing.attempt}"


def require_carriable(decision: Decision) -> None:
    """Raise NotImplementedError for a choice this edge has no means to carry out."""
    for choice, able in ((decision.intake, Whole), (decision.ending, AtOnce)):
        if not isinstance(choice, able):
            raise NotImplementedError(f"this edge cannot carry out '{choice.kind}'")


__all__ = ["Edge", "see"]
