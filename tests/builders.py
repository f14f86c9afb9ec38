"""Tiny builders of histories: one call an exchange, everything but the point of the test by default."""

from __future__ import annotations

import json
from typing import Any

from faultlab.exchange import (
    V2_WRITE,
    Answer,
    Body,
    Decision,
    Deliver,
    Effect,
    Everything,
    Exchange,
    Intake,
    Lines,
    Nothing,
    Pairs,
    Refusal,
    Upstream,
    Whole,
)
from faultlab.history import Client, Ended, Event, History, Outcome, Report

EPOCH = 1_767_225_600.0
"""2026-01-01 00:00:00 UTC."""

ENDED = Client(began=0.0, ended=60.0, status=0)
TOLD = Client(began=0.0, ended=60.0, status=1)
KILLED = Client(began=0.0, ended=60.0, status=None, signal=9, timed_out=True)

TOO_MANY = "org 04014de4ed590000 has exceeded limited_write plan limit"
DEFAULT_MESSAGES = {
    201: "failed to parse line protocol: errors encountered on line(s): error parsing line 2",
    400: "failed to parse line protocol: errors encountered on line(s)",
    401: "unauthorized access",
    413: "Request Entity Too Large",
    429: TOO_MANY,
    503: "service unavailable temporarily",
}


def lines(*numbers: int) -> str:
    """Give one point a number: ``m,k=a v=1 <number>``."""
    return "".join(f"m,k=a v=1 {number}\n" for number in numbers)


def answer(status: int, *, message: str | None = None, headers: Pairs = (), body: bytes | None = None) -> Answer:
    """Give a v2 answer of a status; its message is the status's default where none is given."""
    said = DEFAULT_MESSAGES.get(status, "") if message is None else message
    given = json.dumps({"code": "x", "message": said}).encode() if said else b""
    return Answer(status, headers, given if body is None else body)


def sent(
    seq: int,
    body: str | bytes,
    status: int | None = 204,
    *,
    at: float | None = None,
    left: float | None = None,
    retry_after: str | None = None,
    headers: Pairs = (),
    message: str | None = None,
    reply: bytes | None = None,
    effect: Effect | None = None,
    deliver: Deliver | None = None,
    intake: Intake | None = None,
    refused: tuple[int, ...] = (),
    named: tuple[int, ...] = (),
    ended: Ended | None = None,
    path: str = V2_WRITE,
    query: Pairs = (("bucket", "b"),),
    authorization: str = "Token [redacted aaaaaa]",
    declared: int | None = None,
    encoding: str = "",
    problem: str = "",
    method: str = "POST",
    rule: str = "",
    settled: bool = True,
) -> Event:
    """Give one exchange; ``at`` is its number in seconds and the reply leaves 0.1 s later unless told otherwise.

    ``refused`` are the lines that the decision refuses, ``named`` those that upstream itself did. A status of None is a
    connection closed without a reply. What was stored follows from the status: all for a 2xx,
    else nothing.
    """
    data = body.encode() if isinstance(body, str) else body
    began = float(seq) if at is None else at
    request: Pairs = (("Authorization", authorization),)
    if declared is not None:
        request += (("Content-Length", str(declared)),)
    exchange = Exchange(seq, began, method, path, query, request, Body(data), "localhost:8086")
    good = status is not None and status < 300
    retry: Pairs = () if retry_after is None else (("Retry-After", retry_after),)
    told = None if status is None else answer(status, message=message, headers=headers + retry, body=reply)
    if effect is None:
        effect = Effect.ALL if good and not refused else Effect.PART if refused else Effect.NONE
    if deliver is None:
        deliver = Lines(refused) if refused else Everything() if effect is not Effect.NONE else Nothing()
    decision = Decision(
        intake=intake or Whole(),
        deliver=deliver,
        reply=told if told is not None and rule else Upstream(),
        rule=rule,
        fault=rule,
        refused=tuple(Refusal(number, "bad", "bad line") for number in refused),
    )
    outcome = Outcome(
        at=began + 0.1 if left is None else left,
        effect=effect,
        ended=ended or (Ended.CLOSED if status is None else Ended.REPLIED),
        status=status,
        refused=tuple(Refusal(number, "bad", "bad line") for number in named),
        told=told,
    )
    return Event(
        exchange,
        exchange.batch,
        attempt=1,
        decision=decision,
        outcome=outcome if settled else None,
        wire_size=len(data),
        encoding=encoding,
        problem=problem,
    )


def history(
    *events: Event,
    client: Client | None = ENDED,
    reports: tuple[Report, ...] = (),
    stderr: str = "",
    manifest: str | None = None,
    checks: tuple[str, ...] = (),
    rules: tuple[dict[str, Any], ...] = (),
    broken: tuple[str, ...] = (),
    complete: bool = True,
    memory_mb: int | None = None,
    attempts: int | None = None,
    profile: str = "serverless",
    command: tuple[str, ...] = ("python", "app.py", "two words"),
) -> History:
    """Give a whole history of the exchanges, with a client that ended by itself with status 0."""
    return History(
        run={
            "format": 1,
            "scenario": "rate-limit",
            "seed": 7,
            "profile": profile,
            "plan": {"seed": 7, "profile": profile, "rules": list(rules)},
            "checks": list(checks),
            "epoch": EPOCH,
            "upstream": "origin",
            "command": list(command),
            "deadline": 60,
            "memory_mb": memory_mb,
            **({} if attempts is None else {"attempts": attempts}),
        },
        events=events,
        client=client,
        reports=reports,
        broken=broken,
        complete=complete,
        manifest=None if manifest is None else manifest.encode(),
        stderr=stderr,
    )
