"""Scenes and requests for faults: everything but the point of the test by default."""

from __future__ import annotations

import gzip
from random import Random
from typing import Any

from faultlab import contract, faults
from faultlab.contract import Profile, Row
from faultlab.exchange import ENDPOINTS, QUERIES, V2_WRITE, WRITES, Answer, Body, Decision, Exchange, Pairs
from faultlab.faults import Scene

NOW = 1_767_225_600.0
"""2026-01-01 00:00:00 UTC."""

TWO_LINES = b"m,k=a v=1 1\nm,k=b v=1 2\n"


def scene(
    profile: str = "serverless",
    *,
    seed: int = 7,
    attempt: int = 1,
    at: float = 0.0,
    now: float = NOW,
    memory: Any = None,
) -> Scene:
    """Give a scene of a profile."""
    return Scene(Random(seed), contract.named(profile), attempt, at, now, memory)


def sent(
    body: bytes = TWO_LINES,
    path: str = V2_WRITE,
    *,
    at: float = 0.0,
    method: str = "",
    query: Pairs = (("bucket", "b"),),
    headers: Pairs = (),
    encoding: str = "",
    seq: int = 1,
) -> Exchange:
    """Give a request; a POST where the endpoint takes one, compressed where the encoding says so."""
    wire = gzip.compress(body, mtime=0) if encoding == "gzip" else body
    default = "POST" if path in (*WRITES, *QUERIES) else "GET"
    return Exchange(seq, at, method or default, path, query, headers, Body(wire, encoding), "localhost:8086")


def told(decision: Decision | None) -> Answer:
    """Give the answer of a decision that has one."""
    assert decision is not None
    assert isinstance(decision.reply, Answer)
    return decision.reply


def endpoint_of(row: Row) -> str:
    """Give an endpoint at which a row is answered."""
    return row.endpoints[0] if row.endpoints else V2_WRITE


def endpoints_without(kind: type[Any], profile: Profile) -> tuple[str, ...]:
    """Give the endpoints at which a profile documents nothing for a fault."""
    rows = profile.of(faults.family_of(kind))
    return tuple(path for path in ENDPOINTS if not any(row.answers(path) for row in rows))
