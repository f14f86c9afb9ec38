"""One run as one HTML file that needs nothing else: for whoever has to find out why a client failed.

Everything a history says is untrusted text. It goes through a template that escapes it, or stands as JSON in a block
that no browser executes; the page's policy lets nothing run but the scripts that were put there, and nothing be loaded.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import faultlab
from faultlab.history import History
from faultlab.ledger import Ledger
from faultlab.passport import State, passports
from faultlab.reports.page import points
from faultlab.reports.page.choosing import MOST, choose
from faultlab.reports.page.exchanges import NAME, columns, judged
from faultlab.reports.page.resends import EDGES, GROUPS, groups, resends, span
from faultlab.reports.page.room import Room
from faultlab.reports.page.said import ENDS, said
from faultlab.reports.result import Asked, Result, Standing
from faultlab.reports.wording import clean, counted, headline, reasons, standing
from faultlab.verdict import Judgement, Verdict

TEXT = 6_000_000
"""Bytes of text from a history that a page takes."""

SHOWN: Mapping[Verdict, int] = {Verdict.FAIL: 50, Verdict.INCONCLUSIVE: 50, Verdict.PASS: 5}
"""How many judgements of each verdict an oracle's detail shows, worst first."""

LINE = 600
"""How many characters of a sentence the page has."""

POINTS = 5
"""How many points of a judgement the page names."""

COMMAND = 20_000
"""How many characters of a command, which is to be copied whole."""

SIGNS: Mapping[str, str] = {
    Standing.PASS: "✓",
    Standing.FAIL: "✗",
    Standing.INCONCLUSIVE: "?",
    Standing.WARNING: "!",
    Standing.TOLERATED: "~",
    Standing.UNDECIDED: "–",
}
"""What tells standings apart where colours do not."""

WEIGHTS: Mapping[State, str] = {
    State.STORED: "good",
    State.REPEATED: "doubt",
    State.REFUSED_TOLD: "doubt",
    State.REFUSED_UNTOLD: "bad",
    State.LOST_TOLD: "doubt",
    State.LOST_SILENTLY: "bad",
    State.UNKNOWN: "doubt",
}
"""How the count of each state is coloured."""

_SCRIPTS = ("uPlot.iife.min.js", "data.js", "timeline.js", "table.js", "page.js")
_STYLES = ("uPlot.min.css", "page.css")


class HtmlError(Exception):
    """The page's library is not installed; the message says in one line what to install."""


def html(result: Result, history: History, *, most: int = MOST) -> str:
    """Give the whole page, in UTF-8 of less than 10 MB, with at most so many exchanges.

    Needs ``jinja2``, of the extra ``html``; raises HtmlError without it.
    """
    template = _template()
    room = Room(TEXT)
    ledger = Ledger(history)
    account = points.account(passports(ledger))
    named = judged(result.oracles)
    sent_again = list(resends(ledger))
    decided = {group.fate.exchange for group in account.groups if group.fate.exchange is not None}
    shown = choose(history.events, named.keys() | decided, most)
    scripts, styles = [_asset(name) for name in _SCRIPTS], [_asset(name) for name in _STYLES]
    delays = groups(sent_again)
    head = _head(result, history, room)
    oracles = [_oracle(asked, room) for asked in result.oracles]
    fates = [_fated(one, room) for one in account.groups]
    of_shown = {event.exchange.seq for event in shown}
    data = columns(shown, named, {one.send.seq: one for one in sent_again if one.send.seq in of_shown}, room)
    data["oracles"] = [room.fit(asked.name, LINE) for asked in result.oracles]
    data["rules"] = [room.fit(name, NAME) for name in list(result.fired)[:GROUPS]]
    written: str = template.render(
        policy=_policy(scripts, styles),
        scripts=scripts,
        styles=styles,
        data=_harmless(json.dumps(data, separators=(",", ":"))),
        version=faultlab.__version__,
        head=head,
        oracles=oracles,
        opened=result.verdict.word if result.verdict is not Verdict.PASS else "",
        account=account,
        weights=WEIGHTS,
        fates=fates,
        said=said(history, room),
        ends=ENDS,
        delays=[(group, room.fit(group.why, LINE)) for group in delays[:GROUPS]],
        delays_beyond=len(delays[GROUPS:]),
        edges=EDGES,
        exchanges=len(history.events),
        shown=of_shown,
        full=room.refused,
    )
    return written


@dataclass(frozen=True, slots=True)
class _Judged:
    """A judgement as the page has it."""

    verdict: str
    what: str
    exchange: int | None
    points: tuple[str, ...]
    beyond: int


@dataclass(frozen=True, slots=True)
class _Oracle:
    """An oracle as the page has it; ``beyond`` says of each verdict how many judgements are left out."""

    name: str
    level: str
    source: str
    about: str
    standing: str
    sign: str
    headline: str
    cases: tuple[tuple[str, int], ...]
    judgements: tuple[_Judged, ...]
    beyond: tuple[tuple[str, int], ...]
    crashed: str
    because: str


def _oracle(asked: Asked, room: Room) -> _Oracle:
    stands = standing(asked)
    shown = {verdict: asked.first_of(verdict)[:most] for verdict, most in SHOWN.items()}
    beyond = ((verdict.word, asked.cases.get(verdict, 0) - len(some)) for verdict, some in shown.items())
    return _Oracle(
        room.fit(asked.name, LINE),
        asked.level,
        room.fit(asked.source, LINE),
        room.fit(asked.about, LINE),
        stands.value,
        SIGNS[stands],
        room.fit(headline(asked), LINE),
        tuple((verdict.word, count) for verdict in SHOWN if (count := asked.cases.get(verdict, 0))),
        tuple(_judgement(one, room) for some in shown.values() for one in some),
        tuple((word, count) for word, count in beyond if count > 0),
        room.fit(asked.crashed, COMMAND),
        room.fit(asked.because, LINE),
    )


def _judgement(one: Judgement, room: Room) -> _Judged:
    some = tuple(room.fit(point, points.LONGEST) for point in one.points[:POINTS])
    return _Judged(one.verdict.word, room.fit(one.what, LINE), one.exchange, some, len(one.points) - len(some))


def _fated(group: points.Fated, room: Room) -> dict[str, Any]:
    return {
        "state": group.fate.state.value,
        "count": group.count,
        "points": [room.fit(point, points.LONGEST) for point in group.first],
        "batch": room.fit(group.fate.batch, LINE),
        "exchange": group.fate.exchange,
        "why": room.fit(group.fate.why, LINE),
    }


def _head(result: Result, history: History, room: Room) -> dict[str, Any]:
    client = history.client
    return {
        "verdict": result.verdict.word,
        "sign": SIGNS[result.verdict.word],
        "name": room.fit(result.name, LINE),
        "scenario": room.fit(result.scenario, LINE),
        "seed": result.seed,
        "profile": room.fit(result.profile, LINE),
        "strict": result.strict,
        "began": room.fit(str(history.run.get("began") or ""), LINE),
        "upstream": room.fit(str(history.run.get("upstream") or ""), LINE),
        "again": room.fit(result.again, COMMAND),
        "history": room.fit(result.history, LINE),
        "counts": ", ".join(
            (
                counted(result.counts.exchanges, "exchange"),
                f"{result.counts.batches} batch{'' if result.counts.batches == 1 else 'es'}",
                counted(result.counts.points, "point"),
            )
        ),
        "client": "" if client is None else _ended(client.status, client.signal, timed_out=client.timed_out),
        "seconds": None if result.seconds is None else span(result.seconds),
        "fired": [(room.fit(name, LINE), count) for name, count in list(result.fired.items())[:GROUPS]],
        "reasons": [room.fit(reason, LINE) for reason in reasons(result)[:GROUPS]],
        "notes": [room.fit(note, COMMAND) for note in result.notes],
        "coverage": [room.fit(str(one), COMMAND) for one in result.coverage],
    }


def _ended(status: int | None, signal: int | None, *, timed_out: bool) -> str:
    if timed_out:
        return "ended by the lab when its time was up"
    return f"exit status {status}" if signal is None else f"signal {signal}"


def _harmless(text: str) -> str:
    """Give JSON that ends no element and opens none, whatever its strings say."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {' '.join(map(_hash, styles))}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    text = resources.files("faultlab.reports.page").joinpath(name).read_text("utf-8")
    # Its licence goes wherever a copy goes.
    return f"/*\n{_asset('uPlot.LICENSE')}*/\n{text}" if name == "uPlot.iife.min.js" else text


@cache
def _template() -> Any:
    try:
        import jinja2  # noqa: PLC0415 - reading a history needs the standard library alone
    except ModuleNotFoundError as problem:
        raise HtmlError(f"an HTML page needs {problem.name}; pip install 'faultlab[html]'") from problem
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: clean(value) if type(value) is str else value,
    )
    environment.filters["span"] = span
    return environment.from_string(_asset("page.html.j2"))


__all__ = ["HtmlError", "html"]
