"""Requests as a proxy sees them."""

from __future__ import annotations

from hypothesis import strategies as st

from faultlab.exchange import (
    ENDPOINTS,
    HEALTH,
    PING,
    V2_QUERY,
    V2_WRITE,
    Body,
    Exchange,
    Pairs,
)
from faultlab.strategies.bodies import BODY_KINDS, bodies
from faultlab.strategies.malformed import Group, malformed

_TOKENS: tuple[Pairs, ...] = (
    (),
    (("Authorization", "Token a-secret"),),
    (("authorization", "Bearer a-secret"),),
    (("Authorization", "Basic dTphLXNlY3JldA=="),),
)


_SMALL = [kind for kind in BODY_KINDS if not kind.startswith("oversized")]
_BODIES = bodies(kinds=_SMALL).map(lambda one: one.body) | malformed(classes=[Group.CORE, Group.BLAST]).map(
    lambda one: Body(one.body)
)


@st.composite
def exchanges(
    draw: st.DrawFn,
    *,
    endpoints: st.SearchStrategy[str] | None = None,
    bodies: st.SearchStrategy[Body] | None = None,
) -> Exchange:
    """Requests to InfluxDB, most of them writes, some of them nonsense.

    ``endpoints`` gives paths, ``bodies`` the bodies of POST requests; others have none. Times are whole seconds.
    Shrinks towards a POST of one plain line to bucket ``b`` by /api/v2/write, without a token.
    """
    # Everything is drawn whether or not it is used: what draws less counts as simpler, and a GET is not.
    path = draw(st.sampled_from((*ENDPOINTS, "/elsewhere")) if endpoints is None else endpoints)
    method = draw(st.sampled_from(("GET", "HEAD") if path in {HEALTH, PING} else ("POST", "GET", "PUT")))
    drawn = draw(_BODIES if bodies is None else bodies)
    body = drawn if method == "POST" else Body()
    headers = draw(st.sampled_from(_TOKENS))
    if body.encoding:
        headers += (("Content-Encoding", body.encoding),)
    return Exchange(
        seq=draw(st.integers(1, 10_000)),
        at=float(draw(st.integers(0, 3600))),
        method=method,
        path=path,
        query=_query(draw, path),
        headers=headers,
        body=body,
        host="localhost:8086",
    )


def _query(draw: st.DrawFn, path: str) -> Pairs:
    name = "bucket" if path in {V2_WRITE, V2_QUERY} else "db"
    query: Pairs = ((name, draw(st.sampled_from(("b", "other", "ü &=")))),)
    precision, password = draw(st.sampled_from(_PRECISIONS)), draw(st.sampled_from(_PASSWORDS))
    return query + precision + password


_PRECISIONS: tuple[Pairs, ...] = ((), (("precision", "ns"),), (("precision", "s"),), (("precision", "nonsense"),))
_PASSWORDS: tuple[Pairs, ...] = ((), (("u", "me"), ("p", "a-secret")), (("u", "me"), ("p", "another")))
