"""The edge: see a flow as an exchange, have it decided, carry the decision out, record both.

One addon a proxy, named ``faultlab``: it is the same under our own runner and under stock mitmdump, mitmweb and
mitmproxy. Nothing is decided here.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from mitmproxy import connection, ctx, http, tls
from mitmproxy.proxy import layer

from faultlab.exchange import (
    Aborted,
    Answer,
    AtOnce,
    Body,
    Decision,
    Effect,
    Everything,
    Exchange,
    Garbled,
    Handshake,
    Held,
    Lines,
    Nothing,
    Refused,
    Severed,
    Slow,
    Truncated,
    Twice,
    Unread,
)
from faultlab.exits import Exit
from faultlab.history import Ended, Outcome
from faultlab.proxy import handshakes, reach, upstream, wire
from faultlab.proxy.clock import CLOCK
from faultlab.proxy.guard import ErrorTrap, end, failed, guarded
from faultlab.proxy.messages import as_answer, as_response, encoding_of, garble, in_chunks, see
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
class Head:
    """What was decided on a request whose body had not been read yet."""

    session: Session
    exchange: Exchange
    decision: Decision
    client: str


@dataclass(slots=True)
class Ongoing:
    """What the edge remembers of a flow between its hooks."""

    session: Session
    exchange: Exchange
    attempt: int
    decision: Decision
    client: str


class Edge:
    """Carries out the decisions of one session at a time.

    Until it has a session, and after anything in it has failed, every flow is ended without a reply.
    """

    name = "faultlab"

    def __init__(self, session: Session | None = None) -> None:
        """Take a session now, or later by ``arm``."""
        self.session = session
        self.broken = ""
        self._heads: dict[str, Head] = {}
        self._ongoing: dict[str, Ongoing] = {}
        self._requests: dict[str, int] = {}
        self._tellings: dict[str, set[wire.Telling]] = {}
        self._shaking: dict[str, tuple[Session, int]] = {}
        self.handshakes = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._trap = ErrorTrap(self)
        self.door = reach.Door()

    def arm(self, session: Session | None) -> None:
        """Go on with another session; flows that are under way end in the one they began in."""
        self.session = session
        self.handshakes = 0

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
    def client_connected(self, client: connection.Client) -> None:
        """Have the connection read by a reader that can be slowed."""
        self._requests[client.id] = 0
        reach.make_paced(client)

    @guarded
    def client_disconnected(self, client: connection.Client) -> None:
        """End what was under way for a client that is gone."""
        self._requests.pop(client.id, None)
        ended = Ended.CLOSED if reach.was_cut(client) else Ended.CLIENT_LEFT
        for telling in list(self._tellings.pop(client.id, ())):
            telling.finish(ended)
        self.shaken(client, Ended.CLIENT_LEFT)

    @guarded
    def tls_start_client(self, data: tls.TlsData) -> None:
        """Spoil a handshake where that was decided; what it came to is recorded as an exchange of its own."""
        session = self.session
        if session is None or self.broken or not session.arbiter.looks_at_handshakes:
            return
        self.handshakes += 1
        client = data.context.client
        shake = Exchange(0, session.at(), "TLS", "", host=client.sni or "", version="TLS", nth=self.handshakes)
        decision = session.arbiter.decide_handshake(shake, CLOCK.time())
        if decision is None:
            return
        assert isinstance(decision.intake, Handshake)
        shake = replace(shake, seq=session.next_seq())
        session.record(shake, session.arbiter.attempt(shake), decision)
        self._shaking[client.id] = session, shake.seq
        if decision.intake.problem == "abort":
            self.shaken(client, Ended.CLOSED)
        handshakes.spoil(data, decision.intake.problem)

    @guarded
    def tls_failed_client(self, data: tls.TlsData) -> None:
        """Record that a client refused to go on."""
        self.shaken(data.context.client, Ended.CLIENT_LEFT)

    def shaken(self, client: connection.Client, ended: Ended) -> None:
        """Settle a spoilt handshake."""
        if (known := self._shaking.pop(client.id, None)) is not None:
            session, seq = known
            session.settle(seq, Outcome(session.at(), Effect.NONE, ended))

    @guarded
    def next_layer(self, found: layer.NextLayer) -> None:
        """Put the layers in place that can do more to a reply than mitmproxy's own."""
        if found.layer is None:
            # Under mitmdump a script hears of it before the addon that chooses.
            ctx.master.addons.get("nextlayer").next_layer(found)
        if found.layer is not None:
            wire.install(found)

    @guarded
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """See the head, and have decided what cannot wait for the body."""
        client = flow.client_conn.id
        self._requests[client] = self._requests.get(client, 0) + 1
        if self._shaking:
            # Some clients look at the certificate's name only when the handshake is over: a request is the proof.
            self.shaken(flow.client_conn, Ended.REPLIED)
        session = self.session
        if session is None or self.broken or flow.error is not None or reach.was_cut(flow.client_conn):
            return
        if session.arbiter.looks_at_heads:
            self.on_head(session, flow)

    @guarded
    def request(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """See, decide, act: at once, or for a large body beside the event loop."""
        head = self._heads.pop(flow.id, None) if self._heads else None
        session = self.session if head is None else head.session
        if session is None or self.broken:
            end(flow)
            return None
        return self.on_request(session, flow, head)

    @guarded
    def response(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Replace upstream's reply where that was decided, and record what the client is told."""
        if KEY not in flow.metadata:
            end(flow)
        elif (ongoing := self._ongoing.pop(flow.id, None)) is not None:
            if isinstance(ongoing.decision.deliver, Twice) and flow.server_conn.timestamp_start is not None:
                return self.on_first_response(ongoing, flow)
            self.on_response(ongoing, flow)
        return None

    @guarded
    def error(self, flow: http.HTTPFlow) -> None:
        """Record an exchange that ended without a reply."""
        if flow.error is not None:
            self.on_error(flow, flow.error.msg)

    def on_head(self, session: Session, flow: http.HTTPFlow) -> None:
        """Do what is decided before the body is there."""
        seen = see(flow, 0, session.at(), self.nth(flow))
        decision = session.arbiter.decide_head(seen, CLOCK.time())
        if decision is None:
            return
        # A plain value: flows are saved with their metadata.
        seq = flow.metadata[KEY] = session.next_seq()
        self._heads[flow.id] = Head(session, replace(seen, seq=seq), decision, flow.client_conn.id)
        match decision.intake:
            case Slow(bytes_per_second) if not session.ending.is_set():
                reach.pace(flow.client_conn, bytes_per_second)
            case Severed(after, how):
                wire.hasten(flow, wire.Early(self.take(flow), after=after, how=how))
            case Unread():
                assert isinstance(decision.reply, Answer)
                reply = as_response(decision.reply, flow.request.http_version)
                if flow.request.headers.pop("Expect", None) is not None:
                    # A client that waited to be asked for its body sends none now, or sends it all the same.
                    reply.headers["Connection"] = "close"
                wire.hasten(flow, wire.Early(self.take(flow, session.at()), reply=reply))
            case Refused(seconds):
                self.take(flow)(b"")
                reach.mark_cut(flow.client_conn)
                self.spawn(self.door.refuse(seconds, self.busy()))
                end(flow)

    def take(self, flow: http.HTTPFlow, told_at: float | None = None) -> Callable[[bytes], None]:
        """Give what records an exchange whose body will not be read to its end, or not before the reply."""

        def taken(body: bytes) -> None:
            head = self._heads.pop(flow.id)
            exchange = replace(head.exchange, body=Body(body, encoding_of(head.exchange.headers)))
            if is_large(exchange.body):
                self.spawn(self.record_beside(head, flow, exchange, told_at))
            else:
                self.record_early(head, flow, exchange, told_at)

        return taken

    def record_early(self, head: Head, flow: http.HTTPFlow, exchange: Exchange, told_at: float | None) -> None:
        """Record an exchange that was decided by its head, and what became of it."""
        session, decision = head.session, head.decision
        session.record(exchange, session.arbiter.attempt(exchange), decision)
        if told_at is not None:
            assert isinstance(decision.reply, Answer)
            outcome = Outcome(told_at, Effect.NONE, Ended.REPLIED, told=decision.reply)
        else:
            cut = reach.was_cut(flow.client_conn) or isinstance(decision.intake, Refused)
            outcome = Outcome(session.at(), Effect.NONE, Ended.CLOSED if cut else Ended.CLIENT_LEFT, sent=0)
        session.settle(exchange.seq, outcome)

    async def record_beside(self, head: Head, flow: http.HTTPFlow, exchange: Exchange, told_at: float | None) -> None:
        """Do the same for a large body, once it was hashed beside the event loop."""
        async with head.session.turn:
            await asyncio.to_thread(lambda: exchange.batch)
            self.record_early(head, flow, exchange, told_at)

    def on_request(self, session: Session, flow: http.HTTPFlow, head: Head | None) -> Awaitable[None] | None:
        """See the exchange, decide it, and do what can be done before upstream is asked."""
        if head is None:
            exchange = see(flow, session.next_seq(), session.at(), self.nth(flow))
        else:
            exchange = see(flow, head.exchange.seq, head.exchange.at, head.exchange.nth)
        flow.metadata[KEY] = exchange.seq
        if reach.was_cut(flow.client_conn):
            # It had come when its connection was reset, so no reply would be heard; upstream is not asked either.
            ongoing = self.begin(flow, session, exchange, session.arbiter.attempt(exchange), Decision())
            self.settle(flow, ongoing, Outcome(session.at(), Effect.NONE, Ended.CLOSED, sent=0))
            end(flow)
            return None
        if flow.response is not None or flow.error is not None or not flow.live:
            self.begin(flow, session, exchange, session.arbiter.attempt(exchange), Decision())
            return None
        decided = None if head is None else head.decision
        if decided is not None and isinstance(decided.intake, Slow):
            return self.slowly(flow, session, exchange, decided, decided.intake)
        if is_large(exchange.body) or session.turn.locked():
            return self.beside(flow, session, exchange, decided)
        ongoing = self.begin(flow, session, exchange, *session.decide(exchange, decided))
        if session.origin is None or isinstance(ongoing.decision.deliver, Held):
            self.forward(flow, ongoing)
        else:
            self.reply(flow, ongoing, session.answer_from_origin(exchange, ongoing.decision))
        return None

    @guarded
    async def slowly(
        self, flow: http.HTTPFlow, session: Session, exchange: Exchange, decided: Decision, intake: Slow
    ) -> None:
        """Go on when a body that was read at a rate would have come to its end, what was read at once included.

        When the run ends before, go on then.
        """
        left = exchange.at + len(exchange.body.wire) / intake.bytes_per_second - session.at()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(session.ending.wait(), left)
        reach.pace(flow.client_conn, 0)
        if flow.client_conn.state & connection.ConnectionState.CAN_READ:
            await self.beside(flow, session, exchange, decided)
        else:
            ongoing = self.begin(flow, session, exchange, session.arbiter.attempt(exchange), decided)
            self.settle(flow, ongoing, Outcome(session.at(), Effect.NONE, Ended.CLIENT_LEFT))
            end(flow)

    @guarded
    async def beside(self, flow: http.HTTPFlow, session: Session, exchange: Exchange, decided: Decision | None) -> None:
        """Do the same where working on the body takes long: in a thread, and one exchange at a time."""
        async with session.turn:
            attempt, decision = await asyncio.to_thread(session.decide, exchange, decided)
            ongoing = self.begin(flow, session, exchange, attempt, decision)
            if session.origin is None or isinstance(decision.deliver, Held):
                self.forward(flow, ongoing)
            else:
                self.reply(flow, ongoing, await asyncio.to_thread(session.answer_from_origin, exchange, decision))

    def begin(
        self, flow: http.HTTPFlow, session: Session, exchange: Exchange, attempt: int, decision: Decision
    ) -> Ongoing:
        """Record what was decided before any of it is done."""
        session.record(exchange, attempt, decision)
        ongoing = self._ongoing[flow.id] = Ongoing(session, exchange, attempt, decision, flow.client_conn.id)
        require_carriable(decision, exchange)
        if decision.rule:
            annotate(flow, ongoing)
        return ongoing

    def forward(self, flow: http.HTTPFlow, ongoing: Ongoing) -> None:
        """Let a real upstream have what the decision delivers, or answer in its place."""
        session, decision = ongoing.session, ongoing.decision
        if isinstance(decision.deliver, Nothing):
            told = decision.reply if isinstance(decision.reply, Answer) else None
            self.reply(flow, ongoing, Outcome(session.at(), Effect.NONE, Ended.REPLIED, told=told))
        elif isinstance(decision.deliver, Held):
            assert isinstance(decision.reply, Answer)
            session.hold(ongoing.exchange, decision.deliver.seconds, self.deliverer(flow, ongoing))
            self.reply(flow, ongoing, Outcome(session.at(), Effect.UNKNOWN, Ended.REPLIED, told=decision.reply))
        elif isinstance(decision.deliver, Lines):
            delivered, _ = session.delivered(ongoing.exchange, decision)
            # .content, not .raw_content: it compresses again and keeps Content-Length true.
            flow.request.content = delivered.body.wire

    def deliverer(self, flow: http.HTTPFlow, ongoing: Ongoing) -> Callable[[], Outcome]:
        """Give what lets upstream have a request some time after its client was answered."""
        session, exchange, decision = ongoing.session, ongoing.exchange, ongoing.decision
        if session.origin is not None:
            return functools.partial(session.answer_from_origin, exchange, replace(decision, deliver=Everything()))
        copy = upstream.copied(flow.request)

        def delivered() -> Outcome:
            status = copy.send()
            effect = Effect.UNKNOWN if status is None else session.effect_of(exchange, decision, status)
            return Outcome(session.at(), effect, Ended.REPLIED, status)

        return delivered

    def reply(self, flow: http.HTTPFlow, ongoing: Ongoing, outcome: Outcome) -> None:
        """Answer without an upstream, and record it."""
        # Where nothing is told there still has to be a reply for mitmproxy to end the flow with; none of it is sent.
        told = outcome.told or Answer(204)
        flow.response = as_response(told, flow.request.http_version)
        self.tell(flow, ongoing, outcome)

    @guarded
    async def on_first_response(self, ongoing: Ongoing, flow: http.HTTPFlow) -> None:
        """Let upstream have the request a second time before the client is told what it said to the first."""
        copy = upstream.copied(flow.request)
        await asyncio.to_thread(copy.send)
        self.on_response(ongoing, flow)

    def on_response(self, ongoing: Ongoing, flow: http.HTTPFlow) -> None:
        """Settle an exchange that upstream, or another addon, has answered."""
        session, decision = ongoing.session, ongoing.decision
        assert flow.response is not None
        answer = as_answer(flow.response)
        forwarded = flow.server_conn.timestamp_start is not None
        status = answer.status if forwarded else None
        effect = session.effect_of(ongoing.exchange, decision, answer.status) if forwarded else Effect.NONE
        accepted = answer.status < 300
        told = session.told_to(ongoing.exchange, decision, answer, (), accepted=accepted)
        if told is not answer:
            flow.response = as_response(told, flow.request.http_version)
        self.tell(flow, ongoing, Outcome(session.at(), effect, Ended.REPLIED, status, told=told))

    def tell(self, flow: http.HTTPFlow, ongoing: Ongoing, outcome: Outcome) -> None:
        """Have the client told, and record the outcome: now, or once a reply that is not simply sent has ended."""
        decision = ongoing.decision
        broken = isinstance(decision.reply, Garbled) and not decision.reply.is_http
        if isinstance(decision.ending, AtOnce) and not broken:
            self.settle(flow, ongoing, outcome)
            return
        assert flow.response is not None
        if broken:
            assert isinstance(decision.reply, Garbled)
            garble(flow.response, decision.reply.what)
        if isinstance(decision.ending, Truncated) and decision.ending.chunked:
            in_chunks(flow.response)
        known = self._tellings.setdefault(flow.client_conn.id, set())

        def told(ended: Ended, sent: int) -> None:
            known.discard(telling)
            whole = ended is Ended.REPLIED
            at = ongoing.session.at()
            changed = replace(
                outcome, at=at, ended=ended, told=outcome.told if whole else None, sent=None if whole else sent
            )
            self.settle(flow, ongoing, changed)

        telling = wire.Telling(
            decision.ending,
            told,
            whole=Ended.GARBLED if broken else Ended.REPLIED,
            closes=broken,
            stored=not isinstance(decision.deliver, Nothing),
        )
        known.add(telling)
        wire.attach(flow.response, telling)
        self._ongoing.pop(flow.id, None)

    def on_error(self, flow: http.HTTPFlow, message: str) -> None:
        """Settle an exchange that ended without a reply, also one whose request never came to its end."""
        if (head := self._heads.pop(flow.id, None)) is not None:
            self.begin(flow, head.session, head.exchange, head.session.arbiter.attempt(head.exchange), head.decision)
        elif KEY not in flow.metadata:
            session = self.session
            if session is None:
                return
            exchange = see(flow, session.next_seq(), session.at(), self.nth(flow))
            flow.metadata[KEY] = exchange.seq
            self.begin(flow, session, exchange, session.arbiter.attempt(exchange), Decision())
        ongoing = self._ongoing.get(flow.id)
        if ongoing is None:
            return
        session = ongoing.session
        asked = flow.server_conn.timestamp_tcp_setup is not None
        stored = Effect.UNKNOWN if asked and ongoing.exchange.is_write else Effect.NONE
        if self.broken:
            self.settle(flow, ongoing, Outcome(session.at(), stored, Ended.BROKEN))
        elif reach.was_cut(flow.client_conn):
            self.settle(flow, ongoing, Outcome(session.at(), stored, Ended.CLOSED, sent=0))
        elif "client disconnected" in message.lower() or flow.request.timestamp_end is None:
            self.settle(flow, ongoing, Outcome(session.at(), stored, Ended.CLIENT_LEFT))
        else:
            # What the client sees then is mitmproxy's own 502 page.
            told = Answer(502, (), message.encode(errors="replace"))
            self.settle(flow, ongoing, Outcome(session.at(), stored, Ended.UPSTREAM_FAILED, told=told))

    def settle(self, flow: http.HTTPFlow, ongoing: Ongoing, outcome: Outcome) -> None:
        """Record an outcome and forget the flow."""
        self._ongoing.pop(flow.id, None)
        ongoing.session.settle(ongoing.exchange.seq, outcome)

    def nth(self, flow: http.HTTPFlow) -> int:
        """Give the number of a request on its connection, from 1."""
        return max(self._requests.get(flow.client_conn.id, 1), 1)

    def busy(self) -> set[str]:
        """Give the clients, by their ids, that wait for something."""
        waiting = {head.client for head in self._heads.values()}
        waiting |= {ongoing.client for ongoing in self._ongoing.values()}
        return waiting | {client for client, tellings in self._tellings.items() if tellings}

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on beside the hooks; what it raises marks the run."""

        async def kept() -> None:
            try:
                await work
            except Exception:  # noqa: BLE001 - whatever it is, nothing may pass
                failed(self, "background", None)

        task = asyncio.create_task(kept())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def annotate(flow: http.HTTPFlow, ongoing: Ongoing) -> None:
    """Mark a flow for mitmproxy's own screens and say which rule, draw and attempt decided it."""
    decision = ongoing.decision
    draw = "" if decision.draw is None else f", draw {decision.draw:.4f}"
    flow.marked = MARK
    flow.comment = f"faultlab: rule {decision.rule} ({decision.row or decision.fault}){draw}, attempt {ongoing.attempt}"


def require_carriable(decision: Decision, exchange: Exchange) -> None:
    """Raise NotImplementedError for a choice that the protocol of an exchange has no means for."""
    over2 = exchange.version == "HTTP/2"
    if isinstance(decision.ending, Aborted) and not over2:
        raise NotImplementedError(f"{exchange.version} has no frame '{decision.ending.frame}'; expected HTTP/2")
    if isinstance(decision.reply, Garbled) and not decision.reply.is_http and over2:
        raise NotImplementedError(f"HTTP/2 has no {decision.reply.what} to damage; expected HTTP/1.1")


__all__ = ["Edge"]
