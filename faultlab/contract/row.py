"""The shape of the contract: documented answers as rows, and how a row becomes the bytes of one answer.

A row is data. It names the fault it belongs to, the cause the documents give, where it is answered, what is sent, what
is stored, whether the documents say to retry, and its source. Where documents disagree there are two rows, the default
first, and a knob of the fault chooses.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from string import Template
from typing import Any

from faultlab.exchange import Answer, Effect, Pairs, Refusal


class Retry(enum.StrEnum):
    """What the documents of the product say about sending the same request again."""

    YES = "yes"
    NO = "no"
    UNSAID = "unsaid"


class Loss(enum.StrEnum):
    """The unit of loss: what a server drops when some lines of a batch are bad."""

    LINES = "lines"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a claim comes from: the document, and which edition of it."""

    document: str
    edition: str

    def __str__(self) -> str:
        """Give both in one phrase."""
        return f"{self.document} ({self.edition})"


type Facts = Mapping[str, Any]
"""What a message may speak of: names such as ``bucket`` or ``retry_after``, and ``refusals``, a tuple of Refusal."""

type Shape = Callable[[Row, Facts], tuple[str, bytes]]
"""How a row becomes a body: give its media type (empty for none) and its bytes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One documented answer.

    ``message`` and header values are templates: ``$name`` is replaced by a fact. ``on_page`` says whether the Cloud
    Serverless response-code page lists the status.
    """

    fault: str
    status: int
    endpoints: tuple[str, ...]
    shape: Shape
    when: str
    source: Source
    cause: str = ""
    code: str = ""
    message: str = ""
    headers: Pairs = ()
    stored: Effect = Effect.NONE
    retry: Retry = Retry.UNSAID
    on_page: bool = True
    reason: str = ""

    @property
    def id(self) -> str:
        """Fault, cause and status in one word, such as ``rate_limit/write/429``."""
        return "/".join(str(part) for part in (self.fault, self.cause, self.status) if part)

    def answers(self, endpoint: str) -> bool:
        """Whether the documents give this answer at this endpoint; every endpoint when the row names none."""
        return not self.endpoints or endpoint in self.endpoints


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request may be, in bytes; None where the documents set no limit."""

    wire: int | None = None
    decoded: int | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """How much may be written in one fixed window: bytes of line protocol, per so many seconds."""

    size: int
    window: int


def _iox_type(kind: str) -> str:
    """Give the name of a column type; ``tag`` is one that no field has."""
    if kind == "tag":
        return "iox::column_type::tag"
    return f"iox::column_type::field::{'uinteger' if kind == 'unsigned' else kind}"


def conflict_v1(measurement: str, field: str, got: str, had: str) -> str:
    """Say a type conflict as InfluxDB 1 and 2 do; types are line protocol's names."""
    return (
        f'field type conflict: input field "{field}" on measurement "{measurement}" is type {got}, '
        f"already exists as type {had}"
    )


def conflict_iox(measurement: str, field: str, got: str, had: str) -> str:
    """Say a type conflict as an IOx router does."""
    return f"Unable to insert {_iox_type(got)} type into column {field}  with type {_iox_type(had)}"


def conflict_core(measurement: str, field: str, got: str, had: str) -> str:
    """Say a type conflict as InfluxDB 3 Core does."""
    return f"invalid column type for column '{field}', expected {_iox_type(had)}, got {_iox_type(got)}"


@dataclass(frozen=True)
class Profile:
    """One product family's contract: every row, and what its answers have in common.

    ``loss`` gives, for each write endpoint, the unit of loss of a syntax error and of a schema conflict.
    ``spell`` writes refused lines the way the product's messages do. ``numbering`` is ``points`` where the product
    counts only lines that hold a point, ``physical`` where it counts every line.
    """

    name: str
    product: str
    rows: tuple[Row, ...]
    dialect: str
    loss: Mapping[str, tuple[Loss, Loss]]
    headers: Pairs = ()
    error_headers: Pairs = ()
    limits: Limits = Limits()
    quotas: Mapping[str, Quota] = field(default_factory=dict)
    spell: Callable[[Sequence[Refusal]], str] = lambda refusals: "\n".join(r.reason for r in refusals)
    numbering: str = "physical"
    conflict: Callable[[str, str, str, str], str] = conflict_iox

    def select(self, fault: str, endpoint: str, *, cause: str = "", status: int | None = None) -> Row | None:
        """Give the first row of a fault at an endpoint, of that cause and status where given; None if there is none."""
        return next(
            (
                row
                for row in self.rows
                if row.fault == fault
                and row.answers(endpoint)
                and (not cause or row.cause == cause)
                and (status is None or row.status == status)
            ),
            None,
        )

    def of(self, fault: str) -> tuple[Row, ...]:
        """Give every row of a fault, the default first."""
        return tuple(row for row in self.rows if row.fault == fault)

    def render(self, row: Row, facts: Facts | None = None) -> Answer:
        """Give the exact answer a row stands for, its templates filled from ``facts`` and from the sample facts."""
        known = {**SAMPLE_FACTS, **(facts or {})}
        refusals = known["refusals"]
        known.setdefault("refused", self.spell(refusals))
        known.setdefault("line", refusals[0].line if refusals else 1)
        known.setdefault("first", refusals[0].reason if refusals else "")
        known.setdefault("first_text", refusals[0].text if refusals else "")
        known.setdefault("dropped", len(refusals))
        known.setdefault("total", known["written"] + len(refusals))
        media, body = row.shape(row, known)
        common = self.headers if row.status < 400 else self.error_headers
        given = [(name, _one_line(Template(value).safe_substitute(known))) for name, value in (*common, *row.headers)]
        kept = [(name, value) for name, value in given if value]
        if media:
            kept.insert(0, ("Content-Type", media))
        return Answer(row.status, tuple(kept), body, row.reason)


def _one_line(value: str) -> str:
    """Give a header value in one line of at most 1024 characters, as Go's servers send what spans several."""
    return re.sub(r"[\r\n]", " ", value)[:1024]


SAMPLE_FACTS: dict[str, Any] = {
    "bucket": "air_sensor",
    "database": "air_sensor",
    "org": "my-org",
    "org_id": "04014de4ed590000",
    "retry_after": "30",
    "limit": 50_000_000,
    "method": "GET",
    "path": "/api/v2/write",
    "allow": "POST",
    "code": "",
    "written": 0,
    "field": "temperature",
    "measurement": "home",
    "query": "SELECT * FROM home",
    "user": "ro",
    "request_id": "5f7e5e0c-0b1d-11f1-8001-0242ac110002",
    "cluster_uuid": "7c5a3f0e-9d64-4f0b-8a4e-0d2f3a1b6c58",
    "refusals": (Refusal(2, "home,room=kitchen temperature=", "missing field value"),),
}
"""What the facts are when nobody says otherwise: the values a catalogue page prints."""

_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")

JSON = "application/json; charset=utf-8"
JSON_BARE = "application/json"


def text_of(row: Row, facts: Facts) -> str:
    """Give the row's message with its facts filled in."""
    return Template(row.message).safe_substitute(facts)


def compact(value: Any) -> bytes:
    """Give JSON without white space, keys in the order given, non-ASCII as UTF-8, other bytes as Go has them."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return (text if text.isascii() else _ESCAPED_BYTE.sub(r"\\ufffd", text)).encode()


def v2_error(row: Row, facts: Facts) -> tuple[str, bytes]:
    """``{"code": …, "message": …}``, as the v2 API answers."""
    return JSON, compact({"code": row.code, "message": text_of(row, facts)})


def v2_bare(row: Row, facts: Facts) -> tuple[str, bytes]:
    """``{"code": …, "message": …}`` without a media type, as InfluxDB 3 Core answers on the v2 API."""
    return "", v2_error(row, facts)[1]


def iox_error(row: Row, facts: Facts) -> tuple[str, bytes]:
    """``{"code": …, "message": …}`` with the plain JSON media type, as an IOx router answers."""
    return JSON_BARE, v2_error(row, facts)[1]


def lp_error(row: Row, facts: Facts) -> tuple[str, bytes]:
    """``{"code": …, "message": …, "line": n}``, as an IOx router answers to line protocol."""
    return JSON_BARE, compact({"code": row.code, "message": text_of(row, facts), "line": facts["line"]})


def v1_error(row: Row, facts: Facts) -> tuple[str, bytes]:
    """``{"error": …}`` and a line feed, as the v1 API answers."""
    return JSON_BARE, compact({"error": text_of(row, facts)}) + b"\n"


def v1_compact(row: Row, facts: Facts) -> tuple[str, bytes]:
    """``{"error": …}`` without a line feed, as IOx answers an InfluxQL query."""
    return JSON_BARE, compact({"error": text_of(row, facts)})


def v1_bare(row: Row, facts: Facts) -> tuple[str, bytes]:
    """``{"error": …}`` without line feed and media type, as InfluxDB 3 Core answers."""
    return "", compact({"error": text_of(row, facts)})


def v1_results(row: Row, facts: Facts) -> tuple[str, bytes]:
    """An error inside a successful answer to an InfluxQL query."""
    return JSON_BARE, compact({"results": [{"statement_id": 0, "error": text_of(row, facts)}]})


def v3_partial(row: Row, facts: Facts) -> tuple[str, bytes]:
    """``{"error": …, "data": [one object a refused line]}``, without a media type, as InfluxDB 3 Core answers."""
    return "", compact({"error": text_of(row, facts), "data": [_v3_line(r) for r in facts["refusals"]]})


def v3_parse(row: Row, facts: Facts) -> tuple[str, bytes]:
    """``{"error": …, "data": the first refused line}``, without a media type, as InfluxDB 3 Core answers."""
    return "", compact({"error": text_of(row, facts), "data": _v3_line(facts["refusals"][0])})


def _v3_line(refusal: Refusal) -> dict[str, Any]:
    return {"error_message": refusal.reason, "line_number": refusal.line, "original_line": refusal.text}


def v3_error(row: Row, facts: Facts) -> tuple[str, bytes]:
    """``{"error": "…"}`` with a blank after the colon and no media type, as InfluxDB 3 Core answers."""
    return "", f'{{"error": "{text_of(row, facts)}"}}'.encode()


def text(row: Row, facts: Facts) -> tuple[str, bytes]:
    """The bare message, as gateways answer."""
    return "text/plain; charset=utf-8", text_of(row, facts).encode(errors="surrogateescape")


def plain(row: Row, facts: Facts) -> tuple[str, bytes]:
    """The bare message, its media type without a character set, as Envoy answers."""
    return "text/plain", text_of(row, facts).encode(errors="surrogateescape")


def bare(row: Row, facts: Facts) -> tuple[str, bytes]:
    """The bare message, without a media type."""
    return "", text_of(row, facts).encode(errors="surrogateescape")


def html(row: Row, facts: Facts) -> tuple[str, bytes]:
    """The error page of an nginx gateway; the message is its title."""
    title = text_of(row, facts)
    page = (
        f"<html>\n  <head><title>{title}</title></head>\n  <body>\n    <center><h1>{title}</h1></center>\n"
        "    <hr>\n    <center>nginx</center>\n  </body>\n</html>\n"
    )
    return "text/html", page.encode()


def csv_error(row: Row, facts: Facts) -> tuple[str, bytes]:
    """An annotated CSV error table inside a successful answer to a Flux query."""
    head = "#datatype,string,string", "#group,true,true", "#default,,", ",error,reference"
    lines = (*head, f",{text_of(row, facts)},897", "")
    return "text/csv; charset=utf-8", "\r\n".join(lines).encode()


def csv(row: Row, facts: Facts) -> tuple[str, bytes]:
    """The message as CSV, as the v2 API answers a Flux query."""
    return "text/csv; charset=utf-8", text_of(row, facts).encode()


def empty(_row: Row, _facts: Facts) -> tuple[str, bytes]:
    """No body and no media type."""
    return "", b""


def pong(row: Row, facts: Facts) -> tuple[str, bytes]:
    """A JSON object given as the row's message, as health and ping endpoints answer."""
    return JSON_BARE, text_of(row, facts).encode()


def health(row: Row, facts: Facts) -> tuple[str, bytes]:
    """A JSON object given as the row's message, its media type with a character set, as the v2 API tells its health."""
    return JSON, text_of(row, facts).encode()
