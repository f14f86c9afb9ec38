"""The embedded InfluxDB: takes an exchange and the time, gives the answer, and remembers what it stored.

It answers from the rows of its profile. Only what no row describes, such as a missing parameter, is worded here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from faultlab.contract.row import (
    Loss,
    Profile,
    Row,
    Shape,
    Source,
    bare,
    iox_error,
    v1_bare,
    v1_compact,
    v1_error,
    v2_bare,
    v2_error,
)
from faultlab.exchange import (
    DECODED_LIMIT,
    HEALTH,
    PING,
    QUERIES,
    V1_QUERY,
    V1_WRITE,
    V2_QUERY,
    V2_WRITE,
    V3_INFLUXQL,
    V3_SQL,
    V3_WRITE,
    WRITES,
    Answer,
    Effect,
    Exchange,
    Refusal,
    header,
)
from faultlab.lineprotocol import DIALECTS, Dialect, FieldType, Parsed, Point, RefusedLine, Value, parse
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
_CODES = {400: "invalid", 404: "not found", 500: "internal error"}
_OWN = Source("faultlab", "embedded origin")
_WEEK = 7 * 24 * 3600 * 10**9
# Weeks of Go's clock begin on a Monday, the epoch was a Thursday.
_MONDAY = 3 * 24 * 3600 * 10**9

type Fault = tuple[int, str]
"""A status and a message that no row holds."""


@dataclass(frozen=True)
class Reply:
    """What one exchange came to: the answer, what was stored of it, and which lines were refused.

    ``refused`` carries physical line numbers whatever the answer counts; ``points`` is how many points were stored.
    """

    answer: Answer
    effect: Effect = Effect.NONE
    refused: tuple[Refusal, ...] = ()
    points: int = 0


@dataclass(frozen=True)
class Habits:
    """What a server family does that its rows do not say.

    ``shape`` and ``shapes``, by endpoint, give the body of a refusal that has no row. ``target``, ``precision`` and
    ``query`` are what it says to a missing bucket or database, an unknown precision (empty: taken for nanoseconds) and
    a query without text. ``gzip`` says what becomes of a broken stream: no gzip at all, cut short, checksum wrong.

    ``types_by_week``: a field may change its type with the week. ``tags_have_types``: tags and fields share their
    names. ``part_of_none``: whether a batch of which every line is refused, for its syntax or for its schema, is still
    told as a partial write. ``shown`` is how many bytes of a refused line are shown.
    """

    shape: Shape
    target: Fault
    query: Fault
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    targets: Mapping[str, Fault] = field(default_factory=dict)
    precision: str = ""
    precisions: Mapping[str, str] = field(default_factory=dict)
    gzip: tuple[Fault, Fault, Fault] = ((400, "$problem"), (400, "$problem"), (400, "$problem"))
    reads_unknown_encodings: bool = False
    empty_write: str = ""
    types_by_week: bool = False
    tags_have_types: bool = False
    part_of_none: tuple[bool, bool] = (False, False)
    malformed_token_is_400: bool = False
    wrong_method_is_no_path: bool = False
    shown: int | None = None


_VARIANT = "unknown variant `$given`, expected one of `s`, `ms`, `us`, `ns`"
_NO_QUERY = (400, "expected a query to be provided in the query string or body")
_OSS1 = Habits(
    shape=v1_error,
    target=(400, "database is required"),
    query=(400, 'missing required parameter "q"'),
    gzip=((400, "gzip: invalid header"), (400, "unexpected EOF"), (400, "gzip: invalid checksum")),
    reads_unknown_encodings=True,
    types_by_week=True,
    part_of_none=(False, True),
)
_OSS2 = Habits(
    shape=v2_error,
    target=(404, "bucket not found"),
    query=(400, "request body requires either query or AST"),
    targets={V1_WRITE: (400, "missing db"), V1_QUERY: (400, "missing db")},
    precisions={V2_WRITE: "invalid precision; valid precision units are ns, us, ms, and s"},
    gzip=(
        (500, "An internal error has occurred."),
        (500, "unable to read data: unexpected EOF"),
        (400, "unable to read data: gzip: invalid checksum"),
    ),
    reads_unknown_encodings=True,
    types_by_week=True,
    part_of_none=(False, True),
)
_ROUTER = Habits(
    shape=iox_error,
    target=(400, "no db destination provided"),
    query=_NO_QUERY,
    shapes={V1_QUERY: v1_compact, V2_QUERY: v2_error},
    targets={V2_WRITE: (400, "no org/bucket destination provided")},
    precision=f"failed to deserialize db/rp/precision in request: {_VARIANT}",
    precisions={V2_WRITE: f"failed to deserialize org/bucket/precision in request: {_VARIANT}"},
    tags_have_types=True,
)
_CORE = replace(
    _ROUTER,
    shape=bare,
    query=_NO_QUERY,
    shapes={V2_WRITE: v2_bare, V1_WRITE: v1_bare, V1_QUERY: v1_bare},
    targets={V2_WRITE: (400, "no org/bucket destination provided"), V3_WRITE: (400, "missing query parameter 'db'")},
    precisions={**_ROUTER.precisions, V3_WRITE: f"serde error: {_VARIANT}"},
    empty_write="incoming write was empty",
    part_of_none=(True, True),
    malformed_token_is_400=True,
    wrong_method_is_no_path=True,
    shown=20,
)


def habits_of(profile: Profile) -> Habits:
    """Give the habits of a profile's lineage, known by its dialect and its endpoints."""
    if profile.dialect == "influxdb3":
        return _CORE if V3_WRITE in profile.loss else _ROUTER
    return _OSS1 if profile.dialect == "influxdb1" else _OSS2


class _Refused(Exception):  # noqa: N818 - it carries an answer and never leaves the module
    """An answer that ends the handling of an exchange."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


type Columns = dict[str, str]
type Table = tuple[str, str, int]
type Key = tuple[str, str, tuple[tuple[str, str], ...], int | None]


@dataclass(frozen=True)
class _Sorted:
    """The lines of a batch: what is good, what is refused, and the columns the good ones add."""

    good: tuple[Point, ...]
    syntax: tuple[RefusedLine, ...]
    schema: tuple[RefusedLine, ...]
    columns: dict[Table, Columns]


class Origin:
    """An InfluxDB of one family in memory: one call an exchange, no clock of its own.

    A bucket or database exists once it is written to. At most ``max_points`` points are held; the oldest goes first.
    """

    def __init__(self, profile: Profile, *, token: str | None = None, max_points: int = 1_000_000) -> None:
        """Start empty. Without a token everybody may do everything."""
        self.profile = profile
        self._token = token
        self._max_points = max_points
        self._habits = habits_of(profile)
        self._points: OrderedDict[Key, Point] = OrderedDict()
        self._columns: dict[Table, Columns] = {}
        self._databases: set[str] = set()

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
        if row is None:
            status, message = fault
            facts["said"] = message
            row = Row(
                fault="",
                status=status,
                endpoints=(),
                shape=self._habits.shapes.get(exchange.endpoint, self._habits.shape),
                when="",
                source=_OWN,
                code=_CODES.get(status, ""),
                message="$said",
            )
        known = {
            "bucket": exchange.database,
            "database": exchange.database,
            "org": exchange.parameter("org") or "",
            "method": exchange.method,
            "path": exchange.path,
            **facts,
        }
        return self.profile.render(row, known)

    def _up(self, exchange: Exchange) -> Answer:
        success, bare_success = (self._row(fault, exchange.endpoint) for fault in ("success", "no_content"))
        row = success if exchange.parameter("verbose") else bare_success or success
        answer = self._say(exchange, row, (200, ""))
        return replace(answer, body=b"") if exchange.method == "HEAD" else answer

    def _write(self, exchange: Exchange, now_ns: int) -> Reply:
        endpoint = exchange.endpoint
        if not exchange.database:
            raise self._refusal(exchange, None, self._habits.targets.get(endpoint, self._habits.target))
        rules, precision = self._precision(exchange)
        body = self._body(exchange)
        parsed = parse(body, rules, precision=precision)
        if parsed.refused and parsed.refused[0].kind == "encoding.invalid-utf8":
            raise self._refusal(exchange, None, (400, parsed.refused[0].message))
        if not parsed.points and not parsed.refused and self._habits.empty_write:
            raise self._refusal(exchange, None, (400, self._habits.empty_write))
        now = now_ns - now_ns % (rules.precisions[precision] or 1)
        dated = tuple(p if p.timestamp is not None else replace(p, timestamp=now) for p in parsed.points)
        return self._settle(exchange, self._sort(exchange.database, body, replace(parsed, points=dated)))

    def _precision(self, exchange: Exchange) -> tuple[Dialect, str]:
        endpoint, rules = exchange.endpoint, DIALECTS[self.profile.dialect]
        if endpoint == V1_WRITE and rules.name == "influxdb2":
            rules = replace(rules, precisions={**DIALECTS["influxdb1"].precisions, **rules.precisions})
        if endpoint != V3_WRITE:
            rules = replace(rules, precisions={name: unit for name, unit in rules.precisions.items() if unit})
        given = exchange.parameter("precision")
        if not given:
            return rules, "auto" if endpoint == V3_WRITE else "ns"
        if given in rules.precisions:
            return rules, given
        message = self._habits.precisions.get(endpoint, self._habits.precision)
        if message:
            raise self._refusal(exchange, None, (400, message.replace("$given", given)))
        return rules, "ns"

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

    def _sort(self, database: str, body: bytes, parsed: Parsed) -> _Sorted:
        """Check every point against the columns known and those the points before it add; the first type wins."""
        good: list[Point] = []
        schema = [line for line in parsed.refused if line.is_schema]
        fresh: dict[Table, Columns] = {}
        for point in parsed.points:
            week = (point.timestamp or 0) + _MONDAY
            table = (database, point.measurement, week // _WEEK if self._habits.types_by_week else 0)
            reason = self._conflict(point, self._columns.get(table, {}), fresh.setdefault(table, {}))
            if reason:
                text = body[point.span[0] : point.span[1]]
                schema.append(RefusedLine(point.line, point.ordinal, point.span, text, "schema.type-conflict", reason))
            else:
                good.append(point)
        schema.sort(key=lambda line: line.ordinal)
        syntax = tuple(line for line in parsed.refused if not line.is_schema)
        return _Sorted(tuple(good), syntax, tuple(schema), fresh)

    def _conflict(self, point: Point, known: Columns, fresh: Columns) -> str:
        """Give why a point does not fit its table, empty if it does; its new columns are then among the fresh ones."""
        tags = [(key, "tag") for key, _ in point.tags] if self._habits.tags_have_types else []
        added: Columns = {}
        for key, kind in (*tags, *((key, kind) for key, kind, _ in point.fields)):
            had = known.get(key) or fresh.get(key) or added.setdefault(key, kind)
            if had != kind:
                return self.profile.conflict(point.measurement, key, kind, had)
        fresh.update(added)
        return ""

    def _settle(self, exchange: Exchange, batch: _Sorted) -> Reply:
        """Store what the profile's unit of loss leaves, and find the row that says so."""
        endpoint = exchange.endpoint
        by_syntax, by_schema = self.profile.loss[endpoint]
        if endpoint == V3_WRITE and (exchange.parameter("accept_partial") or "").lower() == "false":
            by_syntax = by_schema = Loss.BATCH
        line_by_line = self.profile.numbering == "points"
        # Who parses the whole batch first never reaches the schema of one that does not parse.
        if batch.syntax and by_syntax is Loss.BATCH and not line_by_line:
            batch = replace(batch, schema=())
        bad = tuple(sorted((*batch.syntax, *batch.schema), key=lambda line: line.ordinal))
        whole = bool((batch.syntax and by_syntax is Loss.BATCH) or (batch.schema and by_schema is Loss.BATCH))
        kept = () if whole else batch.good
        self._store(exchange.database, kept, {} if whole else batch.columns)
        if not bad:
            answer = self._say(exchange, self._row("no_content", endpoint), (204, ""))
            return Reply(answer, Effect.ALL, (), len(kept))
        told = bad if line_by_line else batch.schema or batch.syntax
        row = self._outcome_row(endpoint, told, whole=whole, kept=bool(kept))
        answer = self._say(
            exchange,
            row,
            (400, told[0].message),
            refusals=tuple(self._told(line) for line in told),
            written=len(kept),
            dropped=len(told),
            total=len(batch.good) + len(bad),
        )
        refused = tuple(Refusal(line.line, text_of(line.text), line.message) for line in bad)
        return Reply(answer, Effect.PART if kept else Effect.NONE, refused, len(kept))

    def _outcome_row(self, endpoint: str, told: Sequence[RefusedLine], *, whole: bool, kept: bool) -> Row | None:
        schema = told[0].is_schema if whole else all(line.is_schema for line in told)
        partial = self._row("partial_write", endpoint, "schema" if schema else "syntax")
        partial = partial or self._row("partial_write", endpoint)
        if partial and not whole and (kept or self._habits.part_of_none[schema]):
            return partial
        conflict = self._row("type_conflict", endpoint) if schema else None
        return conflict or self._row("malformed_line", endpoint) or partial

    def _told(self, line: RefusedLine) -> Refusal:
        number = line.ordinal if self.profile.numbering == "points" else line.line
        text = text_of(line.text)
        if self._habits.shown is not None:
            text = text.encode(errors="surrogateescape")[: self._habits.shown].decode(errors="ignore")
        return Refusal(number, text, line.message)

    def _store(self, database: str, points: Iterable[Point], columns: dict[Table, Columns]) -> None:
        self._databases.add(database)
        for table, added in columns.items():
            self._columns.setdefault(table, {}).update(added)
        for point in points:
            key = (database, *point.identity)
            before = self._points.get(key)
            self._points[key] = point if before is None else _merged(before, point)
            if len(self._points) > self._max_points:
                self._points.popitem(last=False)

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
        return self._say(exchange, Row("success", 200, (), shape, "", _OWN), (200, ""))


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
