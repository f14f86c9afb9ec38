"""What was seen, and what was done about it: the values every other module speaks in.

Two rules hold here. Every value is frozen, and nothing in this module does I/O, reads a clock or draws a number.
"""

from __future__ import annotations

import enum
import gzip
import io
import math
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
    ``nth`` is the number of the request on its connection, from 1. A TLS handshake that was spoilt stands as an
    exchange of method ``TLS``, which no condition of a rule matches.
    """

    seq: int
    at: float
    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    body: Body = field(default_factory=Body)
    host: str = ""
    version: str = "HTTP/1.1"
    nth: int = 1
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
    def size(self) -> int:
        """Bytes of the body on the wire; of one that is not there yet, what Content-Length says, or -1."""
        if self.body.wire:
            return len(self.body.wire)
        given = header(self.headers, "Content-Length") or ""
        if given.isascii() and given.isdigit() and len(given) < 16:
            return int(given)
        return -1 if header(self.headers, "Transfer-Encoding") or self.version == "HTTP/2" else 0

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
    """Intake: the connection is reset, those that are idle too, and new ones are refused for ``seconds``."""

    kind: ClassVar[str] = "refused"
    seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class Severed:
    """Intake: the connection is cut once ``after`` bytes of the body have arrived."""

    kind: ClassVar[str] = "severed"
    after: int = 0
    how: Cut = Cut.RST


@dataclass(frozen=True, slots=True)
class Slow:
    """Intake: the request's body is read at ``bytes_per_second``."""

    kind: ClassVar[str] = "slow"
    bytes_per_second: int = 1024


@dataclass(frozen=True, slots=True)
class Unread:
    """Intake: the reply is given as soon as the head has arrived; the body that still comes is thrown away."""

    kind: ClassVar[str] = "unread"


@dataclass(frozen=True, slots=True)
class Handshake:
    """Intake: the connection's TLS handshake is spoilt, by one of ``HANDSHAKES``."""

    kind: ClassVar[str] = "handshake"
    problem: str = "abort"


HANDSHAKES = ("abort", "expired", "wrong_name", "untrusted")
"""An alert instead of a certificate; one that is no longer valid, of another host, or of an unknown authority."""


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
    """Deliver: upstream receives the request ``seconds`` later than the client is answered, or when the run ends."""

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
class Garbled:
    """Reply: upstream's own, damaged in one of the ways of ``GARBLES``; ``size`` is in bytes, where one is meant."""

    kind: ClassVar[str] = "garbled"
    what: str = "status_line"
    size: int = 0

    @property
    def is_http(self) -> bool:
        """Whether what is sent is still a reply by the grammar of HTTP."""
        return self.what not in {"status_line", "header", "length"}


GARBLES = ("status_line", "header", "length", "content_type", "body", "long_body", "long_header", "many_headers")


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
    """Ending: a part of the reply, then the connection ends.

    The cut is ``after`` bytes into ``of``, one of ``PARTS``, or at ``fraction`` of it where ``after`` is None. At least
    one byte of the reply is always withheld. ``chunked`` frames the body so, and withholds the last chunk; a reply that
    has no body stays as it is.
    """

    kind: ClassVar[str] = "truncated"
    after: int | None = None
    fraction: float = 0.5
    of: str = "reply"
    chunked: bool = False
    how: Cut = Cut.FIN

    def cut(self, head: bytes, body: bytes) -> int:
        """Give how many bytes of a reply are sent."""
        line = head.find(b"\r\n") + 2
        start, length = {
            "status_line": (0, line),
            "headers": (line, len(head) - line),
            "body": (len(head), len(body)),
        }.get(self.of, (0, len(head) + len(body)))
        within = int(self.fraction * length) if self.after is None else min(self.after, length)
        return min(start + within, len(head) + len(body) - 1)


PARTS = ("reply", "status_line", "headers", "body")


@dataclass(frozen=True, slots=True)
class Closed:
    """Ending: the connection ends before the first byte of a reply."""

    kind: ClassVar[str] = "closed"
    how: Cut = Cut.FIN


@dataclass(frozen=True, slots=True)
class Never:
    """Ending: no reply; the connection stays open until the client leaves, or ``seconds`` have passed if not None."""

    kind: ClassVar[str] = "never"
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Aborted:
    """Ending: an HTTP/2 frame instead of a reply, ``goaway`` or ``rst_stream``, with a code of RFC 9113 section 7."""

    kind: ClassVar[str] = "aborted"
    frame: str = "rst_stream"
    code: str = "REFUSED_STREAM"


FRAMES = ("rst_stream", "goaway")


type Intake = Whole | Refused | Severed | Slow | Unread | Handshake
type Deliver = Everything | Nothing | Lines | Twice | Held
type Reply = Upstream | Answer | Garbled
type Ending = AtOnce | Delayed | Dribbled | Truncated | Closed | Never | Aborted

INTAKES: tuple[type[Any], ...] = (Whole, Refused, Severed, Slow, Unread, Handshake)
DELIVERS: tuple[type[Any], ...] = (Everything, Nothing, Lines, Twice, Held)
REPLIES: tuple[type[Any], ...] = (Upstream, Answer, Garbled)
ENDINGS: tuple[type[Any], ...] = (AtOnce, Delayed, Dribbled, Truncated, Closed, Never, Aborted)
EARLY: tuple[type[Any], ...] = (Refused, Severed, Slow, Unread)
"""The intakes that are decided before the body is read."""


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
    if name in _WORDS and value not in _WORDS[name]:
        msg = f"not a {kind}: {name} is {value!r}; expected one of {', '.join(_WORDS[name])}"
        raise ValueError(msg)
    least = 1 if name == "bytes_per_second" else 0
    most = 1 if name == "fraction" else math.inf
    # Every number of a choice is a size, a status or a duration, so none is negative; NaN compares as no number does.
    optional = wanted.endswith(" | None")
    if (optional and value is None) or (wanted == "bool" and isinstance(value, bool)):
        return
    fits = {"int": int, "float": int | float, "str": str}.get(wanted.removesuffix(" | None"), object)
    outside = isinstance(value, int | float) and not least <= value <= most
    if isinstance(value, bool) or not isinstance(value, fits) or outside:
        msg = f"not a {kind}: {name} is {value!r}; expected {wanted}"
        raise ValueError(msg)


_WORDS = {"problem": HANDSHAKES, "what": GARBLES, "of": PARTS, "frame": FRAMES}
"""The fields of choices that hold one word of a few."""
