"""The embedded InfluxDB: takes an exchange and the time, gives the answer, and remembers what it stored.

It answers from the rows of its profile. Only what no row describes, such as a missing parameter, is worded here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from faultlab.contract.habits import OWN, Fault, habits_of, say
from faultlab.contract.row import Profile, Row, Shape
from faultlab.exchange import (
    DECODED_LIMIT,
    HEALTH,
    PING,
    QUERIES,
    V1_QUERY,
    V1_WRITE,
    V2_QUERY,
    V3_INFLUXQL,
    V3_SQL,
    WRITES,
    Answer,
    Effect,
    Exchange,
    Refusal,
    header,
)
from faultlab.lineprotocol import FieldType, Outcome, Point, State, Value, outcome
from faultlab.lineprotocol.value import text_of

_METHODS = {
    **dict.fromkeys(WRITES, ("POST",)),
    V1_QUERY: ("GET", "POST"),
    V2_QUERY: ("POST",),
    V3_SQL: ("GET", "POST"),
    V3_INFLUXQL: ("GET", "POST"),
    HEALTH: ("GET",),
    PING: ("GET", "HEAD"),
}


@dataclass(frozen=True)
class Reply:
    """What one exchange came to: the answer, what was stored of it, and which lines were refused.

    ``refused`` carries physical line numbers whatever the answer counts; ``points`` is how many points were stored.
    """

    answer: Answer
    effect: Effect = Effect.NONE
    refused: tuple[Refusal, ...] = ()
    points: int = 0


class _Refused(Exception):  # noqa: N818 - it carries an answer and never leaves the module
    """An answer that ends the handling of an exchange."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


type Key = tuple[str, str, tuple[tuple[str, str], ...], int | None]


class Origin:
    """An InfluxDB of one family in memory: one call an exchange, no clock of its own.

    A bucket or database exists once it is written to. At most ``max_points`` points are held; the oldest goes first,
    and ``dropped`` counts those that went.
    """

    def __init__(self, profile: Profile, *, token: str | None = None, max_points: int = 1_000_000) -> None:
        """Start empty. Without a token everybody may do everything."""
        self.profile = profile
        self._token = token
        self._max_points = max_points
        self._habits = habits_of(profile)
        self._points: OrderedDict[Key, Point] = OrderedDict()
        self.dropped = 0
        self._databases: dict[str, State] = {}

    def stored(self, database: str) -> tuple[Point, ...]:
        """Give the points a bucket or database holds, in the order first written, with their timestamps set."""
        return tuple(point for key, point in self._points.items() if key[0] == database)

    def answer(self, exchange: Exchange, now_ns: int) -> Reply:
        """Answer one exchange at a time in nanoseconds since 1970."""
        try:
            self._check_route(exchange)
            self._check_token(exchange)
            if exchange.endpoint in WRITES:
                return self._write(exchange, now_ns)
            if exchange.endpoint in QUERIES:
                return Reply(self._query(exchange))
            return Reply(self._up(exchange))
        except _Refused as refused:
            return Reply(refused.answer)

    def _serves(self, endpoint: str) -> bool:
        if endpoint in WRITES:
            return endpoint in self.profile.loss
        rows = self.profile.of("success") + self.profile.of("no_content")
        return any(endpoint in row.endpoints for row in rows)

    def _check_route(self, exchange: Exchange) -> None:
        endpoint = exchange.endpoint
        no_path = self._row("not_found", endpoint, "path")
        if not endpoint or not self._serves(endpoint):
            raise self._refusal(exchange, no_path, (404, "not found"))
        if exchange.method not in _METHODS[endpoint]:
            row = None if self._habits.wrong_method_is_no_path else self._row("method_not_allowed", endpoint)
            row = row or no_path
            raise self._refusal(exchange, row, (404, "not found"), allow=", ".join(_METHODS[endpoint]))

    def _check_token(self, exchange: Exchange) -> None:
        if self._token is None:
            return
        endpoint = exchange.endpoint
        missing = self._row("unauthorized", endpoint, "header") or self._row("unauthorized", endpoint)
        if missing is None and endpoint in {HEALTH, PING}:
            return
        given = tuple(_tokens(exchange))
        if self._token in given:
            return
        row = missing
        if given:
            causes = (("unauthorized", "unknown"), ("forbidden", "unknown"), ("unauthorized", "token"))
            row = next((found for fault, cause in causes if (found := self._row(fault, endpoint, cause))), missing)
        elif header(exchange.headers, "authorization") is not None and self._habits.malformed_token_is_400:
            row = self._row("authorization_rejected", endpoint, "malformed") or missing
        raise self._refusal(exchange, row, (401, "unauthorized access"))

    def _row(self, fault: str, endpoint: str, cause: str = "") -> Row | None:
        return self.profile.select(fault, endpoint, cause=cause)

    def _refusal(self, exchange: Exchange, row: Row | None, fault: Fault, **facts: Any) -> _Refused:
        """Give as an exception a row's answer, or without a row a status and a message in the family's shape."""
        return _Refused(self._say(exchange, row, fault, **facts))

    def _say(self, exchange: Exchange, row: Row | None, fault: Fault, **facts: Any) -> Answer:
        return say(self.profile, exchange.endpoint, row, fault, {**_facts(exchange), **facts})

    def _up(self, exchange: Exchange) -> Answer:
        success, bare_success = (self._row(fault, exchange.endpoint) for fault in ("success", "no_content"))
        row = success if exchange.parameter("verbose") else bare_success or success
        answer = self._say(exchange, row, (200, ""))
        return replace(answer, body=b"") if exchange.method == "HEAD" else answer

    def _write(self, exchange: Exchange, now_ns: int) -> Reply:
        endpoint = exchange.endpoint
        if not exchange.database:
            raise self._refusal(exchange, None, self._habits.targets.get(endpoint, self._habits.target))
        state = self._databases.get(exchange.database) or State()
        body = self._body(exchange)
        level, levels = (exchange.parameter("consistency") or "").lower(), self._habits.consistencies
        if level and levels and level not in levels:
            raise self._refusal(exchange, None, self._habits.consistency)
        seen = outcome(
            body,
            self.profile,
            state,
            endpoint=endpoint,
            precision=exchange.parameter("precision") or "",
            accept_partial=(exchange.parameter("accept_partial") or "").lower() != "false",
            now=now_ns,
            facts=_facts(exchange),
        )
        if seen.status < 400 or seen.refused:
            self._databases[exchange.database] = state
            state.learn(seen)
        self._store(exchange.database, seen.stored)
        return Reply(seen.answer, seen.effect, _refusals(seen, body), len(seen.stored))

    def _body(self, exchange: Exchange) -> bytes:
        endpoint, body, limits = exchange.endpoint, exchange.body, self.profile.limits
        too_large = self._row("too_large", endpoint)
        if limits.wire is not None and len(body.wire) > limits.wire:
            raise self._refusal(exchange, too_large, (413, "Request Entity Too Large"), limit=limits.wire)
        if limits.decoded is not None and body.exceeds(limits.decoded):
            raise self._refusal(exchange, too_large, (413, "Request Entity Too Large"), limit=limits.decoded)
        problem = body.problem
        if not problem:
            return body.data
        if problem.startswith("unacceptable content-encoding"):
            if self._habits.reads_unknown_encodings:
                return body.wire
            row = self._row("unsupported_media_type", endpoint)
            raise self._refusal(exchange, row, (400, problem), encoding=body.encoding)
        if problem.startswith("decodes to more than"):
            raise self._refusal(exchange, too_large, (413, problem), limit=limits.decoded or DECODED_LIMIT)
        invalid, cut, checksum = self._habits.gzip
        kind = cut if "ended before" in problem else checksum if "CRC" in problem else invalid
        raise self._refusal(exchange, None, (kind[0], kind[1].replace("$problem", problem)))

    def _store(self, database: str, points: Iterable[Point]) -> None:
        for point in points:
            key = (database, *point.identity)
            before = self._points.get(key)
            self._points[key] = point if before is None else _merged(before, point)
            if len(self._points) > self._max_points:
                self._points.popitem(last=False)
                self.dropped += 1

    def _query(self, exchange: Exchange) -> Answer:
        asked = _asked(exchange)
        text = asked.get("q", "")
        database = asked.get("db", "")
        if not text:
            raise self._refusal(exchange, None, self._habits.query)
        if exchange.endpoint == V1_QUERY:
            return self._influxql(exchange, text, database, asked.get("epoch", ""))
        if exchange.endpoint == V3_SQL:
            return self._sql(exchange, text, database)
        raise self._refusal(exchange, None, (400, f"this origin does not read the query {text[:80]!r}"))

    def _influxql(self, exchange: Exchange, text: str, database: str, epoch: str) -> Answer:
        if _SHOW.fullmatch(text):
            names = sorted({point.measurement for point in self.stored(database)})
            return self._results(exchange, database, "measurements", ["name"], [[name] for name in names])
        found = _SELECT.fullmatch(text)
        if found is None:
            raise self._refusal(exchange, None, (400, f"error parsing query: this origin does not read {text[:80]!r}"))
        measurement = _name(found["table"])
        points = self._table(database, measurement)
        fields = sorted({key for point in points for key, _, _ in point.fields})
        if found["count"]:
            wanted = fields if found["count"] == "*" else [_name(found["count"])]
            counts = [sum(any(key == name for key, _, _ in p.fields) for p in points) for name in wanted]
            columns = ["time", *(["count"] if found["count"] != "*" else [f"count_{name}" for name in wanted])]
            rows = [[_time(0, epoch), *counts]] if any(counts) else []
            return self._results(exchange, database, measurement, columns, rows)
        if found["what"] == "*":
            columns = sorted({*fields, *(key for point in points for key, _ in point.tags)})
        else:
            columns = [_name(name) for name in _IDENTIFIERS.findall(found["what"])]
            points = [p for p in points if any(key in columns for key, _, _ in p.fields)]
        rows = [[_time(p.timestamp or 0, epoch), *(_cells(p).get(name) for name in columns)] for p in points]
        return self._results(exchange, database, measurement, ["time", *columns], rows)

    def _results(
        self, exchange: Exchange, database: str, name: str, columns: list[str], rows: list[list[Any]]
    ) -> Answer:
        if database not in self._databases:
            row = self._row("query_error", exchange.endpoint, "results")
            said = f"database not found: {database}"
            return self._say(exchange, row, (404, said), database=database)
        result: dict[str, Any] = {"statement_id": 0}
        if rows:
            result["series"] = [{"name": name, "columns": columns, "values": rows}]
        return self._json(exchange, {"results": [result]}, b"\n")

    def _sql(self, exchange: Exchange, text: str, database: str) -> Answer:
        found = _SQL.fullmatch(text)
        if found is None:
            raise self._refusal(exchange, None, (400, f"query error: this origin does not read {text[:80]!r}"))
        if database not in self._databases:
            row = self._row("not_found", exchange.endpoint, "database")
            raise self._refusal(exchange, row, (404, f"query error: database not found: {database}"), database=database)
        table = _name(found["table"])
        points = self._table(database, table)
        if not points:
            raise self._refusal(exchange, None, (400, f"query error: table 'public.iox.{table}' not found"))
        if found["count"]:
            return self._json(exchange, [{"count(*)": len(points)}])
        rows = [{**_cells(p), "time": _time(p.timestamp or 0, "").removesuffix("Z")} for p in points]
        return self._json(exchange, [dict(sorted(row.items())) for row in rows])

    def _table(self, database: str, measurement: str) -> list[Point]:
        points = [point for point in self.stored(database) if point.measurement == measurement]
        return sorted(points, key=lambda point: point.timestamp or 0)

    def _json(self, exchange: Exchange, value: Any, end: bytes = b"") -> Answer:
        try:
            body = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        except ValueError:
            raise self._refusal(exchange, None, (400, "json: unsupported value: +Inf")) from None
        data = body.encode(errors="surrogateescape") + end
        shape: Shape = lambda _row, _facts: ("application/json", data)  # noqa: E731 - a row's shape is a value
        return self._say(exchange, Row("success", 200, (), shape, "", OWN), (200, ""))


_IDENTIFIER = r'(?:"(?:[^"\\]|\\.)*+"|[A-Za-z_]\w*+)'
_IDENTIFIERS = re.compile(_IDENTIFIER)
_SHOW = re.compile(r"\s*+SHOW\s++MEASUREMENTS\s*+;?\s*+", re.IGNORECASE)
_SELECT = re.compile(
    rf"\s*+SELECT\s++(?:COUNT\(\s*+(?P<count>\*|{_IDENTIFIER})\s*+\)"
    rf"|(?P<what>\*|{_IDENTIFIER}(?:\s*+,\s*+{_IDENTIFIER})*+))"
    rf"\s++FROM\s++(?P<table>{_IDENTIFIER})\s*+;?\s*+",
    re.IGNORECASE,
)
_SQL = re.compile(
    rf"\s*+SELECT\s++(?:\*|(?P<count>COUNT\(\s*+\*\s*+\)))\s++FROM\s++(?P<table>{_IDENTIFIER})\s*+;?\s*+",
    re.IGNORECASE,
)
_EPOCH_UNITS = {"ns": 1, "n": 1, "us": 1000, "u": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def _refusals(seen: Outcome, body: bytes) -> tuple[Refusal, ...]:
    """Give every line that is not stored; where nothing is, only those that are bad themselves."""
    refused = [Refusal(line.line, text_of(line.text), line.message) for line in seen.refused]
    if seen.effect is Effect.PART:
        refused += [Refusal(p.line, text_of(body[p.span[0] : p.span[1]]), seen.message) for p in seen.lost]
        refused.sort(key=lambda refusal: refusal.line)
    return tuple(refused)


def _facts(exchange: Exchange) -> dict[str, Any]:
    return {
        "bucket": exchange.database,
        "database": exchange.database,
        "org": exchange.parameter("org") or "",
        "method": exchange.method,
        "path": exchange.path,
    }


def _tokens(exchange: Exchange) -> Iterable[str]:
    """Yield every token a request presents: as a password parameter, or in its Authorization header."""
    if exchange.path in {V1_WRITE, V1_QUERY} and (password := exchange.parameter("p")):
        yield password
    scheme, _, value = (header(exchange.headers, "authorization") or "").partition(" ")
    value = value.strip()
    if scheme in {"Token", "Bearer"} and value:
        yield value
        if ":" in value:
            yield value.partition(":")[2]
    elif scheme == "Basic":
        try:
            pair = base64.b64decode(value, validate=True).decode(errors="surrogateescape")
        except (binascii.Error, ValueError):
            return
        if ":" in pair:
            yield pair.partition(":")[2]


def _asked(exchange: Exchange) -> dict[str, str]:
    """Give the parameters of a query: those of the URL, of a form and of a JSON object, the URL's first."""
    asked: dict[str, str] = {}
    media = header(exchange.headers, "content-type") or ""
    if exchange.method == "POST" and "form" in media:
        asked.update(parse_qsl(exchange.body.data.decode(errors="replace")))
    elif exchange.method == "POST" and "json" in media:
        try:
            value = json.loads(exchange.body.data)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            asked.update((key, item) for key, item in value.items() if isinstance(item, str))
    if "query" in asked:
        asked.setdefault("q", asked["query"])
    return asked | dict(reversed(exchange.query))


def _merged(before: Point, after: Point) -> Point:
    fields: dict[str, tuple[FieldType, Value]] = {key: (kind, value) for key, kind, value in before.fields}
    fields.update({key: (kind, value) for key, kind, value in after.fields})
    return replace(after, fields=tuple((key, kind, value) for key, (kind, value) in fields.items()))


def _cells(point: Point) -> dict[str, Any]:
    return {**dict(point.tags), **{key: value for key, _, value in point.fields}}


def _name(identifier: str) -> str:
    if identifier.startswith('"'):
        return re.sub(r"\\(.)", r"\1", identifier[1:-1])
    return identifier


def _time(nanoseconds: int, epoch: str) -> Any:
    """Give a time as a number in the unit asked for, or in RFC 3339 in UTC."""
    if epoch in _EPOCH_UNITS:
        return nanoseconds // _EPOCH_UNITS[epoch]
    seconds, rest = divmod(nanoseconds, 10**9)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
