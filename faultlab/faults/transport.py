"""Everything a network does: connections refused, cut and stalled, replies slow, short, damaged, or lost.

None of these is a documented answer, so every profile has them all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar
from urllib.parse import urlencode, urlsplit

from faultlab.exchange import (
    FRAMES,
    HANDSHAKES,
    PARTS,
    Aborted,
    Answer,
    Closed,
    Cut,
    Decision,
    Delayed,
    Dribbled,
    Exchange,
    Garbled,
    Handshake,
    Held,
    Never,
    Refused,
    Severed,
    Slow,
    Truncated,
    Twice,
)
from faultlab.faults.answering import EVERYTHING, NOTHING, find
from faultlab.faults.knob import Checked, KnobError, Scene, Stage, knob

_HOW = ("rst", "fin")

CODES = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "ENHANCE_YOUR_CALM",
)
"""Error codes of HTTP/2 that an end of a stream or connection may carry. Source: RFC 9113, section 7."""


@dataclass(frozen=True, slots=True)
class Reset(Checked):
    """End the connection at a point of the exchange, from before its body is read to the middle of its reply."""

    name: ClassVar[str] = "reset"
    family: ClassVar[str] = ""
    at: str = knob(
        "request",
        "where: before the body is read, within it, once it was read and before upstream sees it, after upstream stored"
        " it and before the reply, or within a part of the reply",
        choices=("head", "upload", "request", "reply", "status_line", "headers", "body"),
    )
    after: int | None = knob(None, "bytes into the upload or the part of the reply; half of it if none", minimum=0)
    how: str = knob("rst", "whether the connection ends with RST or with FIN", choices=_HOW)

    @property
    def stage(self) -> Stage:
        """What happens before the body was read is decided by the head."""
        return Stage.HEAD if self.at in {"head", "upload"} else Stage.WHOLE

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Cut there."""
        how = Cut(self.how)
        if self.at == "head":
            return Decision(Severed(0, how), NOTHING)
        if self.at == "upload":
            after = max(exchange.size // 2, 1) if self.after is None else self.after
            return Decision(Severed(after, how), NOTHING)
        if self.at == "request":
            return Decision(deliver=NOTHING, ending=Closed(how))
        if self.at == "reply":
            return Decision(ending=Closed(how))
        return Decision(ending=Truncated(after=self.after, of=self.at, how=how))


@dataclass(frozen=True, slots=True)
class LoseResponse(Checked):
    """Let upstream have everything, and end the connection instead of telling the client."""

    name: ClassVar[str] = "lose_response"
    family: ClassVar[str] = ""
    how: str = knob("rst", "whether the connection ends with RST or with FIN", choices=_HOW)

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Deliver, and close."""
        return Decision(ending=Closed(Cut(self.how)))


@dataclass(frozen=True, slots=True)
class Refuse(Checked):
    """Reset the connection and those that are idle, and refuse new ones for a while: nobody listens."""

    name: ClassVar[str] = "refuse"
    family: ClassVar[str] = ""
    stage: ClassVar[Stage] = Stage.HEAD
    seconds: float = knob(3.0, "how long connections are refused", minimum=0, maximum=86_400)

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Begin an outage with this request."""
        return Decision(Refused(float(self.seconds)), NOTHING)


@dataclass(frozen=True, slots=True)
class Truncate(Checked):
    """Let upstream have everything, and end the connection within the reply; at least its last byte is withheld."""

    name: ClassVar[str] = "truncate"
    family: ClassVar[str] = ""
    after: int | None = knob(None, "bytes that are sent of the part; a fraction of it if none", minimum=0)
    fraction: float = knob(0.5, "share of the part that is sent", minimum=0, maximum=1)
    of: str = knob("reply", "the part of the reply in which it is cut", choices=PARTS)
    framing: str = knob(
        "length",
        "how the body's end is told: by a Content-Length that is not kept, or in chunks, the last of which is missing",
        choices=("length", "chunked"),
    )
    how: str = knob("fin", "whether the connection ends with RST or with FIN", choices=_HOW)

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Cut the reply there."""
        chunked = self.framing == "chunked"
        return Decision(ending=Truncated(self.after, float(self.fraction), self.of, chunked, Cut(self.how)))


@dataclass(frozen=True, slots=True)
class Dribble(Checked):
    """Send the reply, head included, at so many bytes a second."""

    name: ClassVar[str] = "dribble"
    family: ClassVar[str] = ""
    bytes_per_second: int = knob(16, "rate of the reply", minimum=1)

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Send it slowly."""
        return Decision(ending=Dribbled(self.bytes_per_second))


@dataclass(frozen=True, slots=True)
class Stall(Checked):
    """Read the request and say nothing; the connection stays open until its client leaves, or for some time."""

    name: ClassVar[str] = "stall"
    family: ClassVar[str] = ""
    stored: bool = knob(False, "whether upstream stores the batch all the same")
    seconds: float | None = knob(None, "how long the connection stays open; until its client leaves if none", minimum=0)

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Never answer."""
        seconds = None if self.seconds is None else float(self.seconds)
        return Decision(deliver=EVERYTHING if self.stored else NOTHING, ending=Never(seconds))


@dataclass(frozen=True, slots=True)
class Latency(Checked):
    """Delay the reply, once upstream has given it, by a time that is fixed or drawn."""

    name: ClassVar[str] = "latency"
    family: ClassVar[str] = ""
    distribution: str = knob(
        "fixed",
        "what the delay is drawn from: always 'seconds'; evenly from 'min_seconds' to 'max_seconds'; lognormal about a"
        " median of 'seconds' with 'sigma'; or measured percentiles",
        choices=("fixed", "uniform", "lognormal", "percentiles"),
    )
    seconds: float = knob(0.5, "the delay, or the median of a lognormal one", minimum=0, maximum=86_400)
    min_seconds: float = knob(0.0, "least delay of a uniform distribution", minimum=0, maximum=86_400)
    max_seconds: float = knob(1.0, "most delay of a uniform distribution", minimum=0, maximum=86_400)
    sigma: float = knob(0.5, "standard deviation of the delay's natural logarithm", minimum=0, maximum=5)
    percentiles: str = knob(
        "50:0.05,90:0.2,99:1",
        "percentiles and the seconds measured at them, both rising; straight lines between them",
        examples=("50:0.01,99:0.1",),
    )

    def __post_init__(self) -> None:
        """Raise KnobError for a knob out of its type or bounds, a range that is empty, or percentiles that fall."""
        super(Latency, self).__post_init__()
        if self.min_seconds > self.max_seconds:
            raise KnobError(
                f"min_seconds is {self.min_seconds:g}; expected at most max_seconds, which is {self.max_seconds:g}"
            )
        read_percentiles(self.percentiles)

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Draw a delay."""
        draw = scene.draw
        match self.distribution:
            case "uniform":
                delay = draw.uniform(self.min_seconds, self.max_seconds)
            case "lognormal":
                delay = self.seconds * math.exp(draw.gauss(0.0, self.sigma))
            case "percentiles":
                delay = at_percentile(read_percentiles(self.percentiles), 100 * draw.random())
            case _:
                delay = self.seconds
        return Decision(ending=Delayed(round(float(delay), 6)))


def read_percentiles(text: str) -> tuple[tuple[float, float], ...]:
    """Read ``percentile:seconds`` pairs; raises KnobError unless both rise from pair to pair."""
    try:
        points = tuple((float(at), float(seconds)) for at, _, seconds in (p.partition(":") for p in text.split(",")))
    except ValueError:
        points = ()
    inside = all(0 <= at <= 100 and 0 <= seconds <= 86_400 for at, seconds in points)
    if not points or not inside or any(a[0] >= b[0] or a[1] > b[1] for a, b in pairwise(points)):
        raise KnobError(f"percentiles is {text!r}; expected rising pairs such as '50:0.05,90:0.2,99:1'")
    return points


def at_percentile(points: tuple[tuple[float, float], ...], percent: float) -> float:
    """Give the seconds at a percentile: nothing at 0, and above the last one measured no more than that."""
    for (low, least), (high, most) in pairwise(((0.0, 0.0), *points)):
        if percent <= high:
            return most if high == low else least + (most - least) * (percent - low) / (high - low)
    return points[-1][1]


@dataclass(frozen=True, slots=True)
class Bandwidth(Checked):
    """Read the request's body at so many bytes a second."""

    name: ClassVar[str] = "bandwidth"
    family: ClassVar[str] = ""
    stage: ClassVar[Stage] = Stage.HEAD
    bytes_per_second: int = knob(1024, "rate at which the body is read", minimum=1)

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Read it slowly."""
        return Decision(Slow(self.bytes_per_second))


@dataclass(frozen=True, slots=True)
class Duplicate(Checked):
    """Let upstream have the request twice, and tell the client what it said to the first."""

    name: ClassVar[str] = "duplicate"
    family: ClassVar[str] = ""

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Deliver twice; None for what is no write."""
        return Decision(deliver=Twice()) if exchange.is_write else None


@dataclass(frozen=True, slots=True)
class Hold(Checked):
    """Tell the client that its write succeeded, and let upstream have it later: what is sent after it overtakes it."""

    name: ClassVar[str] = "hold"
    family: ClassVar[str] = "no_content"
    seconds: float = knob(1.0, "how much later; when the run ends at the latest", minimum=0, maximum=86_400)

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Answer with the documented success; None for what is no write."""
        row = find("no_content", exchange, scene) if exchange.is_write else None
        if row is None:
            return None
        return Decision(deliver=Held(float(self.seconds)), reply=scene.profile.render(row, {}), row=row.id)


@dataclass(frozen=True, slots=True)
class StaleConnection(Checked):
    """Close a connection just as it is used again; the first request of each passes."""

    name: ClassVar[str] = "stale_connection"
    family: ClassVar[str] = ""
    how: str = knob("rst", "whether the connection ends with RST or with FIN", choices=_HOW)

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Close it; None for the first request of a connection."""
        return None if exchange.nth == 1 else Decision(deliver=NOTHING, ending=Closed(Cut(self.how)))


@dataclass(frozen=True, slots=True)
class Corrupt(Checked):
    """Let upstream have everything, and damage its reply."""

    name: ClassVar[str] = "corrupt"
    family: ClassVar[str] = ""
    what: str = knob(
        "body",
        "what is damaged: the status line, a header, the Content-Length, the content's type, or the body's bytes",
        choices=("body", "content_type", "status_line", "header", "length"),
    )

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Damage it; None where the protocol has no such part."""
        damage = Garbled(self.what)
        return Decision(reply=damage) if damage.is_http or exchange.version != "HTTP/2" else None


@dataclass(frozen=True, slots=True)
class Oversize(Checked):
    """Let upstream have everything, and make a part of its reply very large."""

    name: ClassVar[str] = "oversize"
    family: ClassVar[str] = ""
    what: str = knob("body", "the body, one header, or the number of headers", choices=("body", "header", "headers"))
    size: int = knob(1_048_576, "bytes of the body or of the header, or headers", minimum=1, maximum=268_435_456)

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Pad it."""
        return Decision(reply=Garbled(_OVERSIZE[self.what], self.size))


_OVERSIZE = {"body": "long_body", "header": "long_header", "headers": "many_headers"}


@dataclass(frozen=True, slots=True)
class Redirect(Checked):
    """Answer with a redirect; upstream gets nothing."""

    name: ClassVar[str] = "redirect"
    family: ClassVar[str] = ""
    status: int = knob(307, "status of the answer", choices=(301, 302, 303, 307, 308))
    to: str = knob(
        "same",
        "to the same path of the same host, or to that of another host: loopback by its other name, or one that cannot"
        " exist",
        choices=("same", "other"),
    )
    location: str | None = knob(None, "the Location header, in place of that", examples=("/elsewhere",))

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Send the client there."""
        target = exchange.path + (f"?{urlencode(exchange.query, errors='surrogateescape')}" if exchange.query else "")
        # Without a scheme, so that it stays the one the client came by. Source: RFC 3986, section 4.2.
        where = target if self.to == "same" else f"//{other_host(exchange.host)}{target}"
        return Decision(deliver=NOTHING, reply=Answer(self.status, (("Location", self.location or where),)))


def other_host(host: str) -> str:
    """Give another name than the one a client uses, that reaches the same port where there is one."""
    parts = urlsplit(f"//{host}")
    port = f":{parts.port}" if parts.port else ""
    return {"127.0.0.1": f"localhost{port}", "localhost": f"127.0.0.1{port}"}.get(parts.hostname or "", "other.invalid")


@dataclass(frozen=True, slots=True)
class Goaway(Checked):
    """End a stream or the connection by a frame of HTTP/2; a client that speaks another version is left alone."""

    name: ClassVar[str] = "goaway"
    family: ClassVar[str] = ""
    needs_tls: ClassVar[bool] = True
    frame: str = knob("goaway", "the frame: GOAWAY ends all streams, RST_STREAM one", choices=FRAMES)
    code: str = knob("NO_ERROR", "the error code it carries", choices=CODES)
    stored: bool = knob(False, "whether upstream stores the batch all the same")

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Send the frame in place of a reply."""
        if exchange.version != "HTTP/2":
            return None
        return Decision(deliver=EVERYTHING if self.stored else NOTHING, ending=Aborted(self.frame, self.code))


@dataclass(frozen=True, slots=True)
class Tls(Checked):
    """Spoil a connection's TLS handshake, by draw or by its number; its client has nothing to send then."""

    name: ClassVar[str] = "tls"
    family: ClassVar[str] = ""
    needs_tls: ClassVar[bool] = True
    stage: ClassVar[Stage] = Stage.HANDSHAKE
    problem: str = knob(
        "abort",
        "an alert in place of a certificate, or a certificate that has expired, is another host's, or is signed by an"
        " unknown authority",
        choices=HANDSHAKES,
    )

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Spoil it."""
        return Decision(Handshake(self.problem), NOTHING)


ALL = (
    Reset,
    LoseResponse,
    Refuse,
    Truncate,
    Dribble,
    Stall,
    Latency,
    Bandwidth,
    Duplicate,
    Hold,
    StaleConnection,
    Corrupt,
    Oversize,
    Redirect,
    Goaway,
    Tls,
)

ALIASES = {
    "timeout": "stall",
    "reset_peer": "reset",
    "slicer": "dribble",
    "limit_data": "truncate",
    "down": "refuse",
}
"""Toxiproxy's names for what has another name here; its ``latency`` and ``bandwidth`` have the same."""

__all__ = ["ALIASES", "ALL"]
