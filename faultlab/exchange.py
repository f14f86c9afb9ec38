"""What was seen, and what was done about it: the values every other module speaks in.

Two rules hold here. Every value is frozen, and nothing in this module does I/O, reads a clock or draws a number.
"""

from __future__ import annotations

import enum
import gzip
import io
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, ClassVar, Self

type Pairs = tuple[tuple[str, str], ...]

V2_WRITE = "/api/v2/write"
V1_WRITE = "/write"
V3_WRITE = "/api/v3/write_lp"
V2_QUERY = "/api/v2/query"
V1_QUERY = "/query"
V3_SQL = "/api/v3/query_sql"
V3_INFLUXQL = "/api/v3/query_influxql"
HEALTH = "/health"
PING = "/ping"

WRITES = (V2_WRITE, V1_WRITE, V3_WRITE)
QUERIES = (V2_QUERY, V1_QUERY, V3_SQL, V3_INFLUXQL)
ENDPOINTS = (*WRITES, *QUERIES, HEALTH, PING)

DECODED_LIMIT = 32 * 1024 * 1024
SECRET_PARAMETERS = frozenset({"p", "token", "password", "access_token"})
_CHUNK = 64 * 1024


def header(pairs: Iterable[tuple[str, str]], name: str) -> str | None:
    """Give the first value of a header, its name compared without case; None if absent."""
    wanted = name.lower()
    return next((value for key, value in pairs if key.lower() == wanted), None)


def phrase(status: int) -> str:
    """Give a status's reason phrase as Go's servers and nginx spell it; empty for a status nobody registered."""
    try:
        return _PHRASES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return ""


_PHRASES = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}
"""Where newer registries, and with them newer versions of Python, have other words."""


@dataclass(frozen=True)
class Body:
    """A request body as it came over the wire, and what it decodes to.

    Decoding is bounded: a body that would exceed ``DECODED_LIMIT`` bytes, is not in the encoding it claims, or claims
    one no InfluxDB documents has a ``problem`` and no ``data``. It never raises.
    """

    wire: bytes = b""
    encoding: str = ""

    @cached_property
    def _decoded(self) -> tuple[bytes, str]:
        if not self.encoding or self.encoding == "identity":
            return self.wire, ""
        if self.encoding not in {"gzip", "x-gzip"}:
            return b"", f"unacceptable content-encoding: {self.encoding}"
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(self.wire)) as stream:
                data = stream.read(DECODED_LIMIT + 1)
        except (OSError, EOFError, zlib.error) as problem:
            return b"", f"error decoding gzip stream: {problem}"
        if len(data) > DECODED_LIMIT:
            return b"", f"decodes to more than {DECODED_LIMIT} bytes"
        return data, ""

    @property
    def data(self) -> bytes:
        """The decoded bytes; empty when there is a ``problem``."""
        return self._decoded[0]

    @property
    def problem(self) -> str:
        """Why the body could not be decoded, in one phrase; empty when it could."""
        return self._decoded[1]

    @cached_property
    def digest(self) -> str:
        """32 hexadecimal digits that name the ``stored`` form."""
        return blake2b(self.stored, digest_size=16).hexdigest()

    @property
    def stored(self) -> bytes:
        """What a history keeps: the decoded bytes, or the wire bytes when they do not decode."""
        return self.wire if self.problem else self.data

    def exceeds(self, limit: int) -> bool:
        """Whether the decoded body is larger than ``limit`` bytes, found without holding more than a chunk of it."""
        if len(self.wire) > limit:
            return True
        if self.encoding not in {"gzip", "x-gzip"}:
            return False
        seen = 0
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(self.wire)) as stream:
                while chunk := stream.read(_CHUNK):
                    seen += len(chunk)
                    if seen > limit:
                        return True
        except (OSError, EOFError, zlib.error):
            return False
        return False


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP attempt as the proxy saw it.

    ``at`` is in seconds since the run began; header names and values are as the client sent them, secrets included.
    """

    seq: int
    at: float
    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    body: Body = field(default_factory=Body)
    host: str = ""
    _batch: str = field(default="", init=False, repr=False, compare=False)

    @property
    def endpoint(self) -> str:
        """The InfluxDB endpoint family this request is for; empty if it is for none."""
        return self.path if self.path in ENDPOINTS else ""

    @property
    def is_write(self) -> bool:
        """Whether this is a POST to one of the write endpoints."""
        return self.method == "POST" and self.path in WRITES

    def parameter(self, name: str) -> str | None:
        """Give the first value of a query parameter; None if absent."""
        return next((value for key, value in self.query if key == name), None)

    @property
    def database(self) -> str:
        """The bucket or database the request names; empty if it names none."""
        return self.parameter("bucket") or self.parameter("db") or ""

    @property
    def batch(self) -> str:
        """16 hexadecimal digits that a resend shares: method, path, parameters without secrets, and decoded body.

        Compression does not change it, because two gzip runs over one body may differ in their time stamp.
        """
        if not self._batch:
            # A slot of its own, because with a dictionary an exchange would take three times the memory.
            object.__setattr__(self, "_batch", self._named())
        return self._batch

    def _named(self) -> str:
        digest = blake2b(digest_size=8)
        digest.update(f"{self.method} {self.path}".encode())
        for name, value in self.query:
            if name not in SECRET_PARAMETERS:
                digest.update(f"&{name}={value}".encode(errors="surrogateescape"))
        digest.update(b"\n")
        digest.update(self.body.stored)
        return digest.hexdigest()


class Effect(enum.StrEnum):
    """What upstream stored of a batch; nothing but the edge and the origin may say so."""

    NONE = "none"
    PART = "part"
    ALL = "all"
    UNKNOWN = "unknown"


class Cut(enum.StrEnum):
    """How a connection ends: an orderly FIN, or an RST that the peer sees as ECONNRESET."""

    FIN = "fin"
    RST = "rst"


@dataclass(frozen=True, slots=True)
class Whole:
    """Intake: the request is read to its end."""

    kind: ClassVar[str] = "whole"


@dataclass(frozen=True, slots=True)
class Refused:
    """Intake: the connection is refused."""

    kind: ClassVar[str] = "refused"


@dataclass(frozen=True, slots=True)
class Severed:
    """Intake: the connection is cut once ``after`` bytes of the body have arrived."""

    kind: ClassVar[str] = "severed"
    after: int = 0
    how: Cut = Cut.RST


@dataclass(frozen=True, slots=True)
class Slow:
    """Intake: the request is read at ``bytes_per_second``."""

    kind: ClassVar[str] = "slow"
    bytes_per_second: int = 1024


@dataclass(frozen=True, slots=True)
class Everything:
    """Deliver: upstream receives the request as it is."""

    kind: ClassVar[str] = "everything"


@dataclass(frozen=True, slots=True)
class Nothing:
    """Deliver: upstream never hears of the request."""

    kind: ClassVar[str] = "nothing"


@dataclass(frozen=True, slots=True)
class Lines:
    """Deliver: upstream receives the body without the ``refused`` lines.

    Lines are named by the number of their first physical line in the decoded body, from 1.
    """

    kind: ClassVar[str] = "lines"
    refused: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Twice:
    """Deliver: upstream receives the request twice."""

    kind: ClassVar[str] = "twice"


@dataclass(frozen=True, slots=True)
class Held:
    """Deliver: upstream receives the request ``seconds`` later than the client is answered."""

    kind: ClassVar[str] = "held"
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Upstream:
    """Reply: upstream's own."""

    kind: ClassVar[str] = "upstream"


@dataclass(frozen=True, slots=True)
class Answer:
    """Reply: this status, these headers, this body, instead of upstream's.

    ``Content-Length`` is added by the edge. An empty ``reason`` stands for the status's registered phrase.
    """

    kind: ClassVar[str] = "answer"
    status: int
    headers: Pairs = ()
    body: bytes = b""
    reason: str = ""

    def header(self, name: str) -> str | None:
        """Give the first value of a header; None if absent."""
        return header(self.headers, name)


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Ending: the whole reply, immediately."""

    kind: ClassVar[str] = "at_once"


@dataclass(frozen=True, slots=True)
class Delayed:
    """Ending: the whole reply, ``seconds`` after it was ready."""

    kind: ClassVar[str] = "delayed"
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Dribbled:
    """Ending: the whole reply, at ``bytes_per_second``."""

    kind: ClassVar[str] = "dribbled"
    bytes_per_second: int = 16


@dataclass(frozen=True, slots=True)
class Truncated:
    """Ending: the first ``after`` bytes of the reply, then the connection ends."""

    kind: ClassVar[str] = "truncated"
    after: int = 0
    how: Cut = Cut.FIN


@dataclass(frozen=True, slots=True)
class Closed:
    """Ending: the connection ends before the first byte of a reply."""

    kind: ClassVar[str] = "closed"
    how: Cut = Cut.FIN


@dataclass(frozen=True, slots=True)
class Never:
    """Ending: no reply, and the connection stays open until the client leaves."""

    kind: ClassVar[str] = "never"


type Intake = Whole | Refused | Severed | Slow
type Deliver = Everything | Nothing | Lines | Twice | Held
type Reply = Upstream | Answer
type Ending = AtOnce | Delayed | Dribbled | Truncated | Closed | Never

INTAKES: tuple[type[Any], ...] = (Whole, Refused, Severed, Slow)
DELIVERS: tuple[type[Any], ...] = (Everything, Nothing, Lines, Twice, Held)
REPLIES: tuple[type[Any], ...] = (Upstream, Answer)
ENDINGS: tuple[type[Any], ...] = (AtOnce, Delayed, Dribbled, Truncated, Closed, Never)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with one exchange: four independent choices, and where they came from.

    ``draw`` is the number in [0, 1) that was compared with the rule's probability; None when nothing was drawn.
    ``row`` names the documented answer behind the reply, if there is one. ``refused`` says why each line kept from
    upstream is refused, so that lines which upstream refuses on its own can be reported beside them.
    """

    intake: Intake = Whole()
    deliver: Deliver = Everything()
    reply: Reply = Upstream()
    ending: Ending = AtOnce()
    rule: str = ""
    fault: str = ""
    row: str = ""
    draw: float | None = None
    refused: tuple[Refusal, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the decision in full, as plain JSON values."""
        return {
            "rule": self.rule,
            "fault": self.fault,
            "row": self.row,
            "draw": self.draw,
            "intake": choice_to_json(self.intake),
            "deliver": choice_to_json(self.deliver),
            "reply": choice_to_json(self.reply),
            "ending": choice_to_json(self.ending),
            "refused": [[r.line, r.text, r.reason] for r in self.refused],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what ``to_json`` wrote; raises ValueError on anything else."""
        try:
            names = tuple(values[item] for item in ("rule", "fault", "row"))
            draw = values["draw"]
            if not all(isinstance(name, str) for name in names) or not (draw is None or 0 <= draw < 1):
                msg = f"not a decision: rule, fault and row are {names!r}, draw is {draw!r}"
                raise ValueError(msg)
            return cls(
                intake=choice_from_json(INTAKES, values["intake"]),
                deliver=choice_from_json(DELIVERS, values["deliver"]),
                reply=choice_from_json(REPLIES, values["reply"]),
                ending=choice_from_json(ENDINGS, values["ending"]),
                rule=names[0],
                fault=names[1],
                row=names[2],
                draw=draw,
                refused=tuple(Refusal(int(n), str(t), str(why)) for n, t, why in values["refused"]),
            )
        except (KeyError, TypeError, OverflowError) as problem:
            msg = f"not a decision: {problem!r}"
            raise ValueError(msg) from problem


@dataclass(frozen=True, slots=True)
class Refusal:
    """One line a server does not take: its first physical line number, its text and the server's reason."""

    line: int
    text: str
    reason: str


def choice_to_json(choice: Any) -> dict[str, Any]:
    """Give one of the four choices as plain JSON values, ``kind`` first."""
    out: dict[str, Any] = {"kind": choice.kind}
    for name in _names(choice.__class__):
        value = getattr(choice, name)
        out[name] = value.decode("latin-1") if isinstance(value, bytes) else value
    return out


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind))


def choice_from_json(kinds: tuple[type[Any], ...], values: dict[str, Any]) -> Any:
    """Read what ``choice_to_json`` wrote for one of ``kinds``; raises ValueError on anything else."""
    if not isinstance(values, dict):
        msg = f"not a choice: {values!r}"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for whoever reads a file
    given = dict(values)
    kind = given.pop("kind", None)
    for choice in kinds:
        if choice.kind == kind:
            break
    else:
        msg = f"unknown choice {kind!r}; known: {', '.join(k.kind for k in kinds)}"
        raise ValueError(msg)
    try:
        if choice is Answer:
            given["body"] = given.get("body", "").encode("latin-1")
            given["headers"] = tuple((str(n), str(v)) for n, v in given.get("headers", ()))
        elif choice is Lines:
            given["refused"] = tuple(int(n) for n in given.get("refused", ()))
        elif "how" in given:
            given["how"] = Cut(given["how"])
        made = choice(**given)
    except (TypeError, ValueError, AttributeError, OverflowError) as problem:
        msg = f"not a {kind}: {problem}"
        raise ValueError(msg) from problem
    for item in fields(choice):
        _check_field(kind, item.name, str(item.type), getattr(made, item.name))
    return made


def _check_field(kind: Any, name: str, wanted: str, value: Any) -> None:
    # Every number of a choice is a size, a status or a duration, so none is negative; NaN compares as no number does.
    fits = {"int": int, "float": int | float, "str": str}.get(wanted, object)
    if isinstance(value, bool) or not isinstance(value, fits) or (isinstance(value, int | float) and not value >= 0):
        msg = f"not a {kind}: {name} is {value!r}; expected {wanted}"
        raise ValueError(msg)
