"""The edge: see a flow as an exchange, have it decided, carry the decision out, record both.

One addon a proxy, named ``faultlab``: it is the same under our own runner and under stock mitmdump, mitmweb and
mitmproxy. Nothing is decided here.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from mitmproxy import http

from faultlab.exchange import Answer, AtOnce, Body, Decision, Effect, Exchange, Lines, Nothing, Pairs, Whole, phrase
from faultlab.history import Ended, Outcome
from faultlab.proxy import reach
from faultlab.proxy.guard import ErrorTrap, end, guarded
from faultlab.proxy.session import Session

KEY = "faultlab"
MARK = ":collision:"
LARGE = 256 * 1024
LARGE_ENCODED = 16 * 1024
"""Bytes on the wire above which a body is decompressed, hashed and parsed beside the event loop."""

BROKEN_STATUS = 3


type Work = Callable[..., Awaitable[Any]]
"""How a piece of work is done: here, or in a thread."""


async def at_once(function: Callable[..., Any], *args: Any) -> Any:
    """Do a piece of work here and now."""
    return function(*args)


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
            sys.exit(BROKEN_STATUS)

    @guarded
    async def request(self, flow: http.HTTPFlow) -> None:
        """See, decide, act."""
        session = self.session
        if session is None or self.broken:
            end(flow)
            return
        await self.on_request(session, flow)

    @guarded
    async def response(self, flow: http.HTTPFlow) -> None:
        """Replace upstream's reply where that was decided, and record what the client is told."""
        if KEY not in flow.metadata:
            end(flow)
        elif (ongoing := self._ongoing.pop(flow.id, None)) is not None:
            await self.on_response(ongoing, flow)

    @guarded
    def error(self, flow: http.HTTPFlow) -> None:
        """Record an exchange that ended without a reply."""
        if flow.error is not None:
            self.on_error(flow, flow.error.msg)

    async def on_request(self, session: Session, flow: http.HTTPFlow) -> None:
        """See the exchange, decide it, and do what can be done before upstream is asked."""
        exchange = see(flow, session.next_seq(), session.at())
        # One at a time, in the order they were read; a large body is worked on beside the event loop, not on it.
        async with session.turn:
            work = asyncio.to_thread if is_large(exchange.body) else at_once
            await self.carry_out(session, exchange, flow, work)

    async def carry_out(self, session: Session, exchange: Exchange, flow: http.HTTPFlow, work: Work) -> None:
        """Decide an exchange and do what can be done before upstream is asked."""
        if flow.response is not None or flow.error is not None or not flow.live:
            attempt, decision = await work(session.arbiter.attempt, exchange), Decision()
            session.record(exchange, attempt, decision)
            self.follow(flow, Ongoing(session, exchange, attempt, decision))
            return
        attempt, decision = await work(session.decide, exchange)
        session.record(exchange, attempt, decision)
        ongoing = Ongoing(session, exchange, attempt, decision)
        self.follow(flow, ongoing)
        require_carriable(decision)
        if decision.rule:
            annotate(flow, ongoing)
        if session.origin is not None:
            outcome = await work(session.answer_from_origin, exchange, decision)
            assert outcome.told is not None
            flow.response = as_response(outcome.told)
            self.settle(flow, ongoing, outcome)
        elif isinstance(decision.deliver, Nothing):
            assert isinstance(decision.reply, Answer)
            flow.response = as_response(decision.reply)
            self.settle(flow, ongoing, Outcome(session.at(), Effect.NONE, Ended.REPLIED, told=decision.reply))
        elif isinstance(decision.deliver, Lines):
            delivered, _ = session.delivered(exchange, decision)
            # .content, not .raw_content: it compresses again and keeps Content-Length true.
            flow.request.content = delivered.body.wire

    async def on_response(self, ongoing: Ongoing, flow: http.HTTPFlow) -> None:
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
            flow.response = as_response(told)
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

    def follow(self, flow: http.HTTPFlow, ongoing: Ongoing) -> None:
        """Remember a flow until it is settled; its own metadata holds plain values only, because flows are saved."""
        self._ongoing[flow.id] = ongoing
        flow.metadata[KEY] = ongoing.exchange.seq

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


def as_response(answer: Answer) -> http.Response:
    """Give an answer as mitmproxy sends it: our headers as they are, and the length of the body."""
    fields = [
        (name.encode("utf-8", "surrogateescape"), value.encode("utf-8", "surrogateescape"))
        for name, value in answer.headers
        if name.lower() != "content-length"
    ]
    if answer.status != HTTPStatus.NO_CONTENT or answer.body:
        fields.append((b"Content-Length", b"%d" % len(answer.body)))
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
