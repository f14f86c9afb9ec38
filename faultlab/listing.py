"""The documented failures and the oracles as text and as JSON: what ``faultlab faults`` and ``oracles`` print."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable
from typing import Any

from faultlab import faults
from faultlab.contract import Profile, Row
from faultlab.exchange import QUERIES, WRITES, Answer, Refusal, phrase
from faultlab.faults.http import NO_FIELDS
from faultlab.faults.knob import default_of, knobs
from faultlab.verdict import Oracle

COLUMNS = 100


def summary(kind: type[Any]) -> str:
    """Give the first line of a fault's description."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def rows_of(kind: type[Any], profile: Profile) -> tuple[Row, ...]:
    """Give the documented answers a fault can give under a profile, the default first."""
    cause = getattr(kind, "cause", None)  # a knob is no text here, only a cause that the fault is bound to
    return tuple(row for row in profile.of(faults.family_of(kind)) if not isinstance(cause, str) or row.cause == cause)


def representatives(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Give one row of each identity: that of a write where there is one, else that of a query, else the first."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(row)
    wanted = (*WRITES, *QUERIES)
    return tuple(
        min(same, key=lambda row: min((wanted.index(e) for e in row.endpoints if e in wanted), default=len(wanted)))
        for same in found.values()
    )


def wire(answer: Answer) -> str:
    """Give an answer as it stands on the wire, its length header left out."""
    head = [f"HTTP/1.1 {answer.status} {answer.reason or phrase(answer.status)}".rstrip()]
    head += [f"{name}: {value}" for name, value in answer.headers]
    return "\n".join(head) + "\n\n" + answer.body.decode(errors="replace")


def fault_to_json(kind: type[Any], profile: Profile) -> dict[str, Any]:
    """Give a fault, its knobs and every answer it can give under a profile, as plain JSON values."""
    return {
        "name": kind.name,
        "about": summary(kind),
        "profile": profile.name,
        "knobs": [
            {
                "name": item.name,
                "meaning": item.metadata["meaning"],
                "default": default_of(item),
                "minimum": item.metadata["minimum"],
                "maximum": item.metadata["maximum"],
                "choices": list(item.metadata["choices"]),
            }
            for item in knobs(kind)
        ],
        "answers": [row_to_json(row, profile) for row in rows_of(kind, profile)],
    }


def sample(row: Row, profile: Profile) -> Answer:
    """Give the exact answer a row stands for, about a line that the row could be about."""
    if row.fault == "type_conflict" or row.cause == "schema":
        reason = profile.conflict("home", "temperature", "string", "float")
        refusal = Refusal(2, 'home,room=kitchen temperature="hot"', reason)
    else:
        refusal = Refusal(2, "home,room=kitchen", NO_FIELDS[profile.dialect])
    return profile.render(row, {"refusals": (refusal,)})


def row_to_json(row: Row, profile: Profile) -> dict[str, Any]:
    """Give one documented answer, rendered with sample facts, as plain JSON values."""
    answer = sample(row, profile)
    return {
        "id": row.id,
        "status": row.status,
        "reason": answer.reason or phrase(answer.status),
        "cause": row.cause,
        "endpoints": list(row.endpoints),
        "when": row.when,
        "stored": row.stored,
        "retry": row.retry,
        "on_page": row.on_page,
        "source": {"document": row.source.document, "edition": row.source.edition},
        "headers": [list(pair) for pair in answer.headers],
        "body": answer.body.decode(errors="replace"),
    }


def page(kind: type[Any], profile: Profile) -> str:
    """Give the page of one fault: what it does, its knobs, and each exact answer with its source."""
    lines = [f"{kind.name}: {summary(kind)}", ""]
    items = list(knobs(kind))
    if items:
        lines.append("Knobs (scenario key 'with'; mitmproxy option faultlab_" + kind.name + "_NAME):")
        width = max(len(item.name) for item in items)
        lines += [
            f"  {item.name:{width}}  {item.metadata['meaning']} (default {_shown(default_of(item))})" for item in items
        ]
        lines.append("")
    for row in rows_of(kind, profile):
        where = ", ".join(row.endpoints) or "every endpoint"
        outside = "" if row.on_page else "; not on the Cloud Serverless response-code page"
        lines += [
            f"{row.id} at {where}{outside}",
            f"  {row.when}",
            f"  upstream stores {row.stored}; documents on sending again: {row.retry}",
            f"  Source: {row.source}",
            "",
            *("    " + line for line in wire(sample(row, profile)).rstrip("\n").split("\n")),
            "",
        ]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def oracle_entry(one: Oracle) -> str:
    """Give an oracle's name, level, sentence and source in the lines of a listing."""
    return f"{one.name} ({one.level})\n  {one.about}\n  Source: {one.source}\n"


def oracle_page(one: Oracle) -> str:
    """Give all that an oracle says of itself, in lines of at most ``COLUMNS``."""
    paragraphs = (f"{one.about}.", *one.explained, f"Source: {one.source}")
    wrapped = (textwrap.fill(text, COLUMNS, break_on_hyphens=False) for text in paragraphs)
    return "\n\n".join((f"{one.name} ({one.level})", *wrapped))


def oracle_to_json(one: Oracle) -> dict[str, Any]:
    """Give an oracle as plain JSON values."""
    explained = list(one.explained)
    return {"name": one.name, "level": one.level, "source": one.source, "about": one.about, "explained": explained}
