"""Exchanges as columns of plain JSON values, which the page's script draws and lists."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from faultlab.exchange import Answer, Decision, Pairs, choice_to_json
from faultlab.oracles.waiting import waits_named
from faultlab.record import Ended, Event
from faultlab.reports.page.choosing import altered
from faultlab.reports.page.resends import Resend
from faultlab.reports.page.room import Room, Texts
from faultlab.reports.result import Asked
from faultlab.verdict import Verdict

BODY = 600
"""How many characters of a body the page has."""

NAME = 200
"""How many characters of a path, a query, a rule's name and the like the page has."""

HEADERS = 1200
"""How many characters of all headers of one message the page has."""


@dataclass(slots=True)
class Named:
    """What oracles say of one exchange: the worst verdict, and how many judgements by oracle and verdict."""

    worst: Verdict = Verdict.PASS
    by: dict[tuple[int, Verdict], int] = field(default_factory=dict)


def judged(oracles: Sequence[Asked]) -> dict[int, Named]:
    """Give what the kept judgements say of each exchange they name, by its number."""
    found: dict[int, Named] = {}
    for place, asked in enumerate(oracles):
        for judgement in asked.judgements:
            if judgement.exchange is not None:
                named = found.setdefault(judgement.exchange, Named())
                named.worst = max(named.worst, judgement.verdict)
                named.by[place, judgement.verdict] = named.by.get((place, judgement.verdict), 0) + 1
    return found


def columns(
    events: Iterable[Event], named: Mapping[int, Named], resends: Mapping[int, Resend], room: Room
) -> dict[str, Any]:
    """Give the page's data: ``texts``, and ``rows`` of values, most strings among them as numbers of texts."""
    texts = Texts(room)
    bodies: dict[str, int] = {}
    rows: list[list[Any]] = []
    for event in events:
        if event.batch not in bodies:
            # A body may have to be read from its file, and all attempts of a batch have the same.
            bodies[event.batch] = texts.number(_text(event.exchange.body.stored, BODY), BODY)
        rows.append(_row(event, named.get(event.exchange.seq), resends.get(event.exchange.seq), texts, bodies))
    return {"columns": COLUMNS, "rows": rows, "texts": texts.all}


COLUMNS = (
    "seq",
    "at",
    "end",
    "batch",
    "attempt",
    "method",
    "path",
    "query",
    "rule",
    "fault",
    "kind",
    "status",
    "upstream",
    "effect",
    "ended",
    "size",
    "wait",
    "retryAfter",
    "again",
    "delay",
    "decision",
    "request",
    "body",
    "reply",
    "replyBody",
    "problem",
    "worst",
    "judged",
)
"""The values of a row, in their order; the script reads them by these names."""


def _row(
    event: Event, named: Named | None, resend: Resend | None, texts: Texts, bodies: Mapping[str, int]
) -> list[Any]:
    exchange, decision, outcome = event.exchange, event.decision, event.outcome
    told = None if outcome is None else outcome.told
    again = None if resend is None or resend.again is None else resend.again.seq
    return [
        exchange.seq,
        _time(exchange.at) or 0.0,
        None if outcome is None else _time(outcome.at),
        texts.number(event.batch, NAME),
        event.attempt,
        texts.number(exchange.method, NAME),
        texts.number(exchange.path, NAME),
        texts.number("&".join(f"{name}={value}" for name, value in exchange.query), NAME),
        texts.number(decision.rule, NAME),
        texts.number(decision.fault, NAME),
        texts.number(kind_of(event), NAME),
        0 if told is None else told.status,
        None if outcome is None else outcome.status,
        texts.number("" if outcome is None else outcome.effect.value, NAME),
        texts.number("" if outcome is None else outcome.ended.value, NAME),
        event.wire_size,
        None if resend is None else _time(resend.told),
        0 if told is None else texts.number("".join(f"“{value[:NAME]}”" for value in waits_named(told)), NAME),
        again,
        None if resend is None else _time(resend.delay),
        texts.number(_spelt_out(decision), NAME),
        texts.number(_headers(exchange.headers), HEADERS),
        bodies[event.batch],
        0 if told is None else texts.number(_headers(told.headers), HEADERS),
        0 if told is None else texts.number(_text(told.body, BODY), BODY),
        texts.number(event.problem, NAME),
        None if named is None else named.worst.value,
        [] if named is None else [[place, verdict.value, count] for (place, verdict), count in named.by.items()],
    ]


def _time(seconds: float | None) -> float | None:
    """Give a time to a thousandth; None for what is none, as JSON has no other numbers than finite ones."""
    return None if seconds is None or not math.isfinite(seconds) else round(seconds, 3)


def kind_of(event: Event) -> str:
    """Give which mark an exchange has: how it ended for the client."""
    outcome = event.outcome
    if outcome is None:
        return "open"
    if outcome.told is None or outcome.ended in {Ended.CLOSED, Ended.GARBLED, Ended.CLIENT_LEFT, Ended.BROKEN}:
        return "dropped"
    status = outcome.told.status
    if status == 429:
        return "limited"
    return "stored" if status < 300 else "redirected" if status < 400 else "refused" if status < 500 else "failed"


def _text(data: bytes, most: int) -> str:
    # A character takes at most four bytes, and the one that is cut in two is beyond what is shown.
    return data[: 4 * (most + 1)].decode(errors="replace")


def _headers(pairs: Pairs) -> str:
    lines = []
    room = HEADERS
    for name, value in pairs:
        lines.append(f"{name[:NAME]}: {value[:HEADERS]}")
        room -= len(lines[-1])
        if room < 0:
            break
    return "\n".join(lines)


def _spelt_out(decision: Decision) -> str:
    """Say what was done beyond passing it on, one phrase a choice."""
    if not altered(decision):
        return ""
    choices = {
        "intake": decision.intake,
        "deliver": decision.deliver,
        "reply": decision.reply,
        "ending": decision.ending,
    }
    said = (f"{name} {_choice(choice)}" for name, choice in choices.items())
    return "; ".join(said)


def _choice(choice: Any) -> str:
    if isinstance(choice, Answer):
        return str(choice.status)
    values = choice_to_json(choice)
    kind = values.pop("kind").replace("_", " ")
    given = ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)
    return f"{kind} ({given})" if given else kind
