"""The documented answers as faults: a status, a cause, and what upstream gets meanwhile.

The rows of ``faultlab.contract`` hold every byte that is sent; a fault only chooses among them. Sources stand with the
rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from faultlab import lineprotocol
from faultlab.contract import Profile, Row
from faultlab.exchange import Answer, Decision, Exchange, Lines, Refusal, Unread
from faultlab.faults.answering import EVERYTHING, NOTHING, facts_of, find, refuse
from faultlab.faults.knob import Checked, KnobError, Scene, Stage, check_knobs, knob
from faultlab.faults.retry_after import FORMS, LONGEST, values


class Refusing(Checked):
    """A fault that answers with the documented row for its ``cause``, if it has that knob.

    Upstream gets the request only where the fault has a knob ``stored`` that says so.
    """

    __slots__ = ()
    name: ClassVar[str]

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Answer instead of upstream; None where the profile documents no such answer."""
        deliver = EVERYTHING if getattr(self, "stored", False) else NOTHING
        return refuse(self.name, exchange, scene, cause=getattr(self, "cause", None) or "", deliver=deliver)


@dataclass(frozen=True, slots=True)
class Success(Checked):
    """Let the request through: the documented answer is upstream's own 200."""

    name: ClassVar[str] = "success"

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Deliver everything and tell the client what upstream says."""
        row = find(self.name, exchange, scene)
        return None if row is None else Decision(row=row.id)


@dataclass(frozen=True, slots=True)
class NoContent(Checked):
    """Let the write through: the documented answer is upstream's own 204."""

    name: ClassVar[str] = "no_content"

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Deliver everything and tell the client what upstream says."""
        row = find(self.name, exchange, scene)
        return None if row is None else Decision(row=row.id)


@dataclass(frozen=True, slots=True)
class PartialWrite(Checked):
    """Keep some lines from upstream, deliver the others, and name the refused ones as documented.

    Lines the profile's parser refuses are always among the refused; of the others ``share`` is drawn, at least one, and
    never all. A batch without two good lines is left alone.
    """

    name: ClassVar[str] = "partial_write"
    share: float = knob(0.3, "share of the good lines that is refused", minimum=0, maximum=1)
    status: int | None = knob(
        None, "status of the answer; the documented one of the endpoint if none", choices=(None, 201, 204, 400, 422)
    )
    numbering: str = knob(
        "documented",
        "which lines the answer's numbers count: as the product does, every physical line, or only lines with a point",
        choices=("documented", "physical", "points"),
    )

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Deliver the lines that are not refused and answer with the row for partial writes."""
        row = find(self.name, exchange, scene, status=self.status) or find(self.name, exchange, scene)
        return None if row is None else self.decide_by(row, exchange, scene)

    def decide_by(self, row: Row, exchange: Exchange, scene: Scene) -> Decision | None:
        """Answer with this row, its status the knob's where that is given; refused points are as its cause has it."""
        if not exchange.is_write or exchange.body.problem:
            return None
        parsed = parse_body(exchange, scene.profile)
        if len(parsed.points) < 2:
            return None
        count = min(max(round(self.share * len(parsed.points)), 1), len(parsed.points) - 1)
        drawn = scene.draw.sample(range(len(parsed.points)), count)
        profile, data = scene.profile, exchange.body.data
        reason = conflict_of if row.cause == "schema" else no_fields_of
        points = [parsed.points[i] for i in drawn]
        refused = [Refusal(point.line, _slice(data, point.span), reason(point, profile)) for point in points]
        refused += [Refusal(bad.line, _slice(data, bad.span), bad.message) for bad in parsed.refused]
        refusals = tuple(sorted(refused, key=lambda r: r.line))
        status = self.status or row.status
        return Decision(
            deliver=Lines(tuple(r.line for r in refusals)),
            reply=self._answer(row, exchange, profile, refusals, status),
            row=row.id if status == row.status else "",
            refused=refusals,
        )

    def restate(self, exchange: Exchange, profile: Profile, refusals: tuple[Refusal, ...], status: int) -> Answer:
        """Give the answer of that status that names these lines, which may be more than were kept from upstream."""
        select = profile.select
        row = select(self.name, exchange.endpoint, status=status) or select(self.name, exchange.endpoint)
        assert row is not None
        return self._answer(row, exchange, profile, refusals, status)

    def _answer(
        self, row: Row, exchange: Exchange, profile: Profile, refusals: tuple[Refusal, ...], status: int
    ) -> Answer:
        if row.status != status:
            row = replace(row, status=status)
        numbering = profile.numbering if self.numbering == "documented" else self.numbering
        return render_refusals(exchange, profile, row, refusals, numbering)


def render_refusals(
    exchange: Exchange, profile: Profile, row: Row, refusals: Sequence[Refusal], numbering: str
) -> Answer:
    """Render a row that names refused lines, numbered as asked: ``points`` or ``physical``."""
    lines = lineprotocol.split(exchange.body.data, profile.dialect)
    ordinals = {line.number: line.ordinal for line in lines if line.kind == "point"}
    written = len(ordinals) - len(refusals)
    if numbering == "points":
        refusals = [replace(r, line=ordinals.get(r.line, r.line)) for r in refusals]
    return profile.render(row, {**facts_of(exchange), "refusals": tuple(refusals), "written": max(written, 0)})


def parse_body(exchange: Exchange, profile: Profile) -> lineprotocol.Parsed:
    """Parse a write's body by the profile's dialect and the request's precision; an unknown precision counts as ns."""
    precision = exchange.parameter("precision") or "ns"
    try:
        return lineprotocol.parse(exchange.body.data, profile.dialect, precision=precision)
    except ValueError:
        return lineprotocol.parse(exchange.body.data, profile.dialect)


def _slice(data: bytes, span: tuple[int, int]) -> str:
    return data[span[0] : span[1]].rstrip(b"\n").decode(errors="surrogateescape")


NO_FIELDS = {
    "influxdb1": "missing fields",
    "influxdb2": "missing fields",
    "influxdb3": "No fields were provided",
}
"""What each dialect's servers say of a line without fields."""


def no_fields_of(point: lineprotocol.Point, profile: Profile) -> str:
    """Say what the profile's servers say of a line without fields."""
    return NO_FIELDS[profile.dialect]


def conflict_of(point: lineprotocol.Point, profile: Profile) -> str:
    """Say what the profile's servers say of a point whose first field has another type than before."""
    key, got, _ = point.fields[0]
    return profile.conflict(point.measurement, key, got, "string" if got != "string" else "float")


@dataclass(frozen=True, slots=True)
class MalformedLine(Checked):
    """Refuse the whole batch because of one line: the answer names it and says what was expected."""

    name: ClassVar[str] = "malformed_line"

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Name the first line that does not parse, or a drawn one when all do; a body without lines is left alone."""
        row = find(self.name, exchange, scene)
        return None if row is None else self.decide_by(row, exchange, scene)

    def decide_by(self, row: Row, exchange: Exchange, scene: Scene) -> Decision | None:
        """Answer with this row."""
        if not exchange.is_write or exchange.body.problem:
            return None
        parsed = parse_body(exchange, scene.profile)
        data = exchange.body.data
        if parsed.refused:
            bad = parsed.refused[0]
            refusal = Refusal(bad.line, _slice(data, bad.span), bad.message)
        elif parsed.points:
            point = scene.draw.choice(parsed.points)
            refusal = Refusal(point.line, _slice(data, point.span), no_fields_of(point, scene.profile))
        else:
            return None
        answer = render_refusals(exchange, scene.profile, row, (refusal,), scene.profile.numbering)
        return Decision(deliver=NOTHING, reply=answer, row=row.id)


@dataclass(frozen=True, slots=True)
class TypeConflict(Checked):
    """Refuse the batch because a field has another type than the series already has."""

    name: ClassVar[str] = "type_conflict"

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Name a drawn point's first field; a body without points is left alone."""
        row = find(self.name, exchange, scene)
        return None if row is None else self.decide_by(row, exchange, scene)

    def decide_by(self, row: Row, exchange: Exchange, scene: Scene) -> Decision | None:
        """Answer with this row."""
        if not exchange.is_write or exchange.body.problem:
            return None
        parsed = parse_body(exchange, scene.profile)
        if not parsed.points:
            return None
        point = scene.draw.choice(parsed.points)
        text = _slice(exchange.body.data, point.span)
        refusal = Refusal(point.line, text, conflict_of(point, scene.profile))
        answer = render_refusals(exchange, scene.profile, row, (refusal,), scene.profile.numbering)
        return Decision(deliver=NOTHING, reply=answer, row=row.id)


@dataclass(frozen=True, slots=True)
class AuthorizationRejected(Refusing):
    """Refuse the request with 400 for its Authorization header."""

    name: ClassVar[str] = "authorization_rejected"
    cause: str | None = knob(
        None,
        "what is wrong with the header; the documented one if none",
        choices=(None, "missing", "malformed", "permission"),
    )


@dataclass(frozen=True, slots=True)
class Unauthorized(Refusing):
    """Refuse the request with 401."""

    name: ClassVar[str] = "unauthorized"
    cause: str = knob(
        "header",
        "header missing or malformed, token without a value or permission, unknown token or user, or a bad JWT",
        choices=("header", "token", "permission", "unknown", "user", "jwt"),
    )


@dataclass(frozen=True, slots=True)
class Forbidden(Refusing):
    """Refuse the request with 403."""

    name: ClassVar[str] = "forbidden"
    cause: str | None = knob(
        None,
        "why the token does not do; the documented one if none",
        choices=(None, "permission", "no_token", "unknown", "inactive", "read_only"),
    )


@dataclass(frozen=True, slots=True)
class NotFound(Refusing):
    """Refuse the request with 404; the message names the resource."""

    name: ClassVar[str] = "not_found"
    cause: str | None = knob(
        None,
        "which resource is missing; the documented one if none",
        choices=(None, "bucket", "organization", "database", "namespace", "path"),
    )


@dataclass(frozen=True, slots=True)
class MethodNotAllowed(Refusing):
    """Refuse the request with 405, as a reverse proxy or a wrong base path does."""

    name: ClassVar[str] = "method_not_allowed"


@dataclass(frozen=True, slots=True)
class TooLarge(Checked):
    """Refuse the request with 413: by draw, or because it is larger than a limit.

    An ``early`` refusal knows the size by Content-Length alone, so that no limit after decompression applies to it.
    """

    name: ClassVar[str] = "too_large"
    by: str = knob("draw", "fire whenever the rule does, or only on requests over a limit", choices=("draw", "size"))
    wire: int | None = knob(None, "limit for bytes on the wire; the documented one if none", minimum=0)
    decoded: int | None = knob(None, "limit for bytes after decompression; the documented one if none", minimum=0)
    body: str | None = knob(
        None, "form of the answer's body; the documented one if none", choices=(None, "html", "json", "text")
    )
    early: bool = knob(False, "whether the answer is given while the body is still being sent")

    @property
    def stage(self) -> Stage:
        """An early refusal is decided by the head."""
        return Stage.HEAD if self.early else Stage.WHOLE

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Answer with the documented row; by size, only when the measured request exceeds a limit."""
        limits = scene.profile.limits
        wire = limits.wire if self.wire is None else self.wire
        decoded = limits.decoded if self.decoded is None else self.decoded
        if self.by == "size" and not (
            (wire is not None and exchange.size > wire) or (decoded is not None and exchange.body.exceeds(decoded))
        ):
            return None
        refused = refuse(self.name, exchange, scene, cause=self.body or "", limit=wire or decoded or 0)
        return replace(refused, intake=Unread()) if refused is not None and self.early else refused


@dataclass(frozen=True, slots=True)
class UnsupportedMediaType(Refusing):
    """Refuse the request with 415 for its Content-Encoding."""

    name: ClassVar[str] = "unsupported_media_type"


@dataclass(frozen=True, slots=True)
class Unprocessable(Refusing):
    """Refuse the request with 422: understood, and not acceptable."""

    name: ClassVar[str] = "unprocessable"
    cause: str | None = knob(
        None,
        "points outside the retention period, over a limit, or of too many columns; the documented one if none",
        choices=(None, "retention", "limit", "columns"),
    )


@dataclass(frozen=True, slots=True)
class RateLimit(Checked):
    """Refuse the request with 429 and say how long to wait."""

    name: ClassVar[str] = "rate_limit"
    form: str = knob("documented", "how Retry-After is written", choices=FORMS)
    min_wait: int = knob(1, "least seconds to wait", minimum=0, maximum=LONGEST)
    max_wait: int = knob(30, "most seconds to wait", minimum=0, maximum=LONGEST)
    cause: str | None = knob(
        None,
        "which limit was exceeded; the endpoint's own if none",
        choices=(None, "write", "query", "query_time", "cardinality", "overload"),
    )

    def __post_init__(self) -> None:
        """Raise KnobError for a knob out of bounds, or a range that is empty."""
        check_knobs(self)
        check_range(self.min_wait, self.max_wait)

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Answer with the documented row and a drawn Retry-After; upstream gets nothing."""
        refused = refuse(self.name, exchange, scene, cause=self.cause or "", retry_after="")
        return refused and told_to_wait(refused, self.name, self.form, self.min_wait, self.max_wait, exchange, scene)


@dataclass(frozen=True, slots=True)
class Unavailable(Checked):
    """Refuse the request with 503, as the service or as a gateway before it."""

    name: ClassVar[str] = "unavailable"
    form: str = knob("documented", "how Retry-After is written", choices=FORMS)
    min_wait: int = knob(1, "least seconds to wait", minimum=0, maximum=LONGEST)
    max_wait: int = knob(30, "most seconds to wait", minimum=0, maximum=LONGEST)
    cause: str | None = knob(
        None,
        "who answers, and why; the service if none",
        choices=(
            None,
            "service",
            "envoy",
            "nginx",
            "replication",
            "overload",
            "throttled",
            "throttled_timeout",
            "starting",
            "stopped",
            "authentication",
            "cardinality",
            "health",
        ),
    )
    stored: bool = knob(False, "whether upstream stores the batch all the same")

    def __post_init__(self) -> None:
        """Raise KnobError for a knob out of bounds, or a range that is empty."""
        check_knobs(self)
        check_range(self.min_wait, self.max_wait)

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Answer with the documented row and a drawn Retry-After."""
        deliver = EVERYTHING if self.stored else NOTHING
        refused = refuse(self.name, exchange, scene, cause=self.cause or "", deliver=deliver, retry_after="")
        return refused and told_to_wait(refused, self.name, self.form, self.min_wait, self.max_wait, exchange, scene)


def check_range(low: int, high: int) -> None:
    """Raise KnobError when the least wait exceeds the most."""
    if low > high:
        raise KnobError(f"min_wait is {low}; expected at most max_wait, which is {high}")


def told_to_wait(
    refused: Decision, name: str, form: str, low: int, high: int, exchange: Exchange, scene: Scene
) -> Decision:
    """Add a drawn Retry-After to a refusal; ``documented`` adds one exactly where the row has one."""
    if form == "documented":
        row = next(row for row in scene.profile.of(name) if row.id == refused.row)
        form = "seconds" if any(header.lower() == "retry-after" for header, _ in row.headers) else "absent"
    wait = scene.draw.randint(low, high)
    answer = refused.reply
    assert isinstance(answer, Answer)
    headers = tuple(("Retry-After", value) for value in values(form, wait, scene.now, scene.draw))
    return replace(refused, reply=replace(answer, headers=answer.headers + headers))


@dataclass(frozen=True, slots=True)
class InternalError(Refusing):
    """Answer 500."""

    name: ClassVar[str] = "internal_error"
    cause: str | None = knob(
        None,
        "a plain failure, a timeout, or no such retention policy; the documented one if none",
        choices=(None, "generic", "timeout", "retention_policy"),
    )
    stored: bool = knob(False, "whether upstream stores the batch all the same")


@dataclass(frozen=True, slots=True)
class BadGateway(Refusing):
    """Answer 502, as a gateway that cannot make sense of its upstream."""

    name: ClassVar[str] = "bad_gateway"
    stored: bool = knob(False, "whether upstream stores the batch all the same")


@dataclass(frozen=True, slots=True)
class GatewayTimeout(Refusing):
    """Answer 504, as a gateway whose upstream took too long."""

    name: ClassVar[str] = "gateway_timeout"
    stored: bool = knob(False, "whether upstream stores the batch all the same")


@dataclass(frozen=True, slots=True)
class QueryError(Refusing):
    """Answer a query with 200 and an error inside."""

    name: ClassVar[str] = "query_error"
