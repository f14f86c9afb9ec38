"""The exchanges of a history as HAR 1.2, for browsers' network panels and whatever else reads one.

A history keeps the reply that the client was sent; where that is none that is whole there is no status, as browsers
write it: 0, and ``_error`` says what happened. Names that begin with ``_`` are no part of HAR and are passed over by
its readers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import faultlab
from faultlab.bodies import INLINE_LIMIT
from faultlab.exchange import Exchange, Pairs, header, phrase
from faultlab.record import Ended, Event, History, Outcome
from faultlab.reports.wording import clean

HANDSHAKE = "TLS"
"""The method by which a spoilt handshake stands in a history."""

_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
_ENDINGS = {
    Ended.REPLIED: "no reply was recorded",
    Ended.GARBLED: "the reply was not HTTP",
    Ended.CLOSED: "the lab ended the connection before the reply was whole",
    Ended.CLIENT_LEFT: "the client left before the reply was whole",
    Ended.UPSTREAM_FAILED: "upstream did not answer",
    Ended.BROKEN: "the lab itself failed",
}


def har(history: History) -> str:
    """Give the whole document, with a last line feed; ``har_pieces`` gives the same without holding it."""
    return "".join(har_pieces(history))


def har_pieces(history: History) -> Iterator[str]:
    """Yield the document in pieces, one for each exchange, so that one body at a time is held.

    Raises HistoryError when a body that is kept in a file cannot be read any more.
    """
    skipped = sum(event.exchange.method == HANDSHAKE for event in history.events)
    run = history.run
    about = f"faultlab: scenario {run.get('scenario')}, seed {run.get('seed')}, profile {run.get('profile')}"
    if skipped:
        about += f"; left out: {skipped} TLS handshake{'' if skipped == 1 else 's'}, which are no HTTP exchanges"
    head = {"version": "1.2", "creator": {"name": "faultlab", "version": faultlab.__version__}, "comment": clean(about)}
    yield f'{{"log": {json.dumps(head)[:-1]}, "entries": ['
    between = "\n"
    for event in history.events:
        if event.exchange.method != HANDSHAKE:
            yield between + json.dumps(_entry(event, run))
            between = ",\n"
    yield "\n]}}\n"


def _entry(event: Event, run: dict[str, Any]) -> dict[str, Any]:
    exchange, outcome = event.exchange, event.outcome
    took = 0.0 if outcome is None else round(max(outcome.at - exchange.at, 0.0) * 1000, 3)
    began = _BEGAN + timedelta(seconds=float(run.get("epoch") or 0) + exchange.at)
    return {
        "startedDateTime": began.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "time": took,
        "request": _request(event, "https" if run.get("tls") else "http"),
        "response": _response(event),
        "cache": {},
        # A history says when a request was there and when its reply had gone out, and nothing between.
        "timings": {"send": 0, "wait": took, "receive": 0},
        "comment": clean(_comment(event)),
        "_faultlab": _facts(event),
    }


def _request(event: Event, scheme: str) -> dict[str, Any]:
    exchange = event.exchange
    made: dict[str, Any] = {
        "method": clean(exchange.method),
        "url": _url(exchange, scheme),
        "httpVersion": exchange.version,
        "cookies": [],
        "headers": _pairs(exchange.headers),
        "queryString": _pairs(exchange.query),
        "headersSize": -1,
        "bodySize": event.wire_size,
    }
    data = exchange.body.stored
    if data:
        text, encoding = _text(data)
        posted = {"mimeType": clean(header(exchange.headers, "Content-Type") or ""), "text": text}
        # HAR has no encoding here, only for a reply's content.
        posted |= {"_encoding": encoding} if encoding else {}
        comment = [f"decoded from {clean(event.encoding)}"] if event.encoding and not event.problem else []
        comment += ["base64, because it is no UTF-8"] if encoding else []
        posted |= {"comment": "; ".join(comment)} if comment else {}
        made["postData"] = posted
    return made


def _url(exchange: Exchange, scheme: str) -> str:
    host = quote(exchange.host or "localhost", safe=":[]@", errors="replace")
    path = quote(exchange.path or "/", safe="/:@!$&'()*+,;=~%", errors="replace")
    query = urlencode(exchange.query, errors="replace")
    return f"{scheme}://{host}{path if path.startswith('/') else f'/{path}'}{f'?{query}' if query else ''}"


def _response(event: Event) -> dict[str, Any]:
    outcome = event.outcome
    told = None if outcome is None else outcome.told
    made: dict[str, Any] = {
        "status": 0,
        "statusText": "",
        "httpVersion": event.exchange.version,
        "cookies": [],
        "headers": [],
        "content": {"size": 0, "mimeType": "x-unknown"},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": -1,
    }
    if told is None:
        return {**made, "_error": _error(outcome)}
    text, encoding = _text(told.body)
    content = {"size": len(told.body), "mimeType": clean(told.header("Content-Type") or "x-unknown"), "text": text}
    content |= {"encoding": encoding} if encoding else {}
    if len(told.body) == INLINE_LIMIT:
        content["comment"] = f"a history keeps the first {INLINE_LIMIT} bytes of a reply"
    return {
        **made,
        "status": told.status,
        "statusText": clean(told.reason or phrase(told.status)),
        "headers": _pairs(told.headers),
        "content": content,
        "redirectURL": clean(told.header("Location") or ""),
    }


def _error(outcome: Outcome | None) -> str:
    if outcome is None:
        return "the history ends before the exchange does"
    sent = "" if outcome.sent is None else f"; {outcome.sent} byte{'' if outcome.sent == 1 else 's'} of it went out"
    return f"{_ENDINGS[outcome.ended]}{sent}"


def _comment(event: Event) -> str:
    """Say in one line what faultlab did with the exchange."""
    decision, outcome = event.decision, event.outcome
    did = f"rule {decision.rule} ({decision.fault or 'no fault'})" if decision.rule else "passed on"
    drew = "" if decision.draw is None else f", drew {decision.draw:.6f}"
    stored = "unknown" if outcome is None else outcome.effect.value
    return (
        f"exchange {event.exchange.seq}, batch {event.batch[:8]}, attempt {event.attempt}: {did}{drew}; stored {stored}"
    )


def _facts(event: Event) -> dict[str, Any]:
    decision, outcome = event.decision, event.outcome
    return {
        "seq": event.exchange.seq,
        "batch": event.batch,
        "attempt": event.attempt,
        "rule": clean(decision.rule) or None,
        "fault": clean(decision.fault) or None,
        "row": clean(decision.row) or None,
        "draw": decision.draw,
        "intake": decision.intake.kind,
        "deliver": decision.deliver.kind,
        "reply": decision.reply.kind,
        "ending": decision.ending.kind,
        "effect": None if outcome is None else outcome.effect.value,
        "ended": None if outcome is None else outcome.ended.value,
        "upstream_status": None if outcome is None else outcome.status,
    }


def _pairs(pairs: Pairs) -> list[dict[str, str]]:
    return [{"name": clean(name), "value": clean(value)} for name, value in pairs]


def _text(data: bytes) -> tuple[str, str]:
    """Give a body as text, and the encoding of that: none for UTF-8, else base64."""
    try:
        return data.decode(), ""
    except UnicodeDecodeError:
        return base64.b64encode(data).decode(), "base64"
