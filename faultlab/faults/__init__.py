"""What can be done to an exchange. Every fault is a frozen dataclass; ``ALL`` is in the order the catalogue prints."""

from __future__ import annotations

from typing import Any

from faultlab.contract import Profile
from faultlab.faults import transport
from faultlab.faults.catalogue import Catalogue
from faultlab.faults.http import (
    AuthorizationRejected,
    BadGateway,
    Forbidden,
    GatewayTimeout,
    InternalError,
    MalformedLine,
    MethodNotAllowed,
    NoContent,
    NotFound,
    PartialWrite,
    QueryError,
    RateLimit,
    Success,
    TooLarge,
    TypeConflict,
    Unauthorized,
    Unavailable,
    Unprocessable,
    UnsupportedMediaType,
)
from faultlab.faults.knob import Fault, KnobError, Scene, Stage, knobs, nearest, stage_of
from faultlab.faults.quota import Quota
from faultlab.faults.transport import (
    Bandwidth,
    Corrupt,
    Dribble,
    Duplicate,
    Goaway,
    Hold,
    Latency,
    LoseResponse,
    Oversize,
    Redirect,
    Refuse,
    Reset,
    StaleConnection,
    Stall,
    Tls,
    Truncate,
)

ALL: tuple[type[Any], ...] = (
    Success,
    PartialWrite,
    NoContent,
    MalformedLine,
    TypeConflict,
    AuthorizationRejected,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    UnsupportedMediaType,
    Unprocessable,
    RateLimit,
    Quota,
    InternalError,
    BadGateway,
    Unavailable,
    GatewayTimeout,
    QueryError,
    Catalogue,
    *transport.ALL,
)

ALIASES = transport.ALIASES


def named(name: str) -> type[Any]:
    """Give the fault of that name, or of that name in Toxiproxy; raises KnobError with the nearest name there is."""
    known = {kind.name: kind for kind in ALL}
    name = ALIASES.get(name, name)
    if name not in known:
        raise KnobError(f"no fault named '{name}'{nearest(name, known) or '; known: ' + ', '.join(known)}")
    return known[name]


def family_of(fault: Any) -> str:
    """Give the name of the contract rows a fault draws on: its own, unless it says otherwise; empty for none."""
    return str(getattr(fault, "family", fault.name))


def is_documented(fault: Any, profile: Profile) -> bool:
    """Whether a profile has an answer for a fault and its cause; always for a fault that draws on no rows."""
    family, cause = family_of(fault), getattr(fault, "cause", None)
    return not family or any(cause in {None, row.cause} for row in profile.of(family))


__all__ = [
    "ALIASES",
    "ALL",
    "AuthorizationRejected",
    "BadGateway",
    "Bandwidth",
    "Catalogue",
    "Corrupt",
    "Dribble",
    "Duplicate",
    "Fault",
    "Forbidden",
    "GatewayTimeout",
    "Goaway",
    "Hold",
    "InternalError",
    "KnobError",
    "Latency",
    "LoseResponse",
    "MalformedLine",
    "MethodNotAllowed",
    "NoContent",
    "NotFound",
    "Oversize",
    "PartialWrite",
    "QueryError",
    "Quota",
    "RateLimit",
    "Redirect",
    "Refuse",
    "Reset",
    "Scene",
    "Stage",
    "StaleConnection",
    "Stall",
    "Success",
    "Tls",
    "TooLarge",
    "Truncate",
    "TypeConflict",
    "Unauthorized",
    "Unavailable",
    "Unprocessable",
    "UnsupportedMediaType",
    "family_of",
    "is_documented",
    "knobs",
    "named",
    "nearest",
    "stage_of",
]
