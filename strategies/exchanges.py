"""Requests as a proxy sees them."""

from __future__ import annotations

import gzip

from hypothesis import strategies as st

from faultlab.exchange import (
    ENDPOINTS,
    HEALTH,
    PING,
    V2_QUERY,
    V2_WRITE,
    V3_WRITE,
    Body,
    Exchange,
    Pairs,
)

_LINES = (
    b"m v=1 1\n",
    b"m,k=a v=2i 2\n",
    b'm s="two\nlines" 3\n',
    b"# comment\n",
    b"\n",
    b"m v= 4\n",
    b"m v=1\n",
)
_TOKENS: tuple[Pairs, ...] = (
    (),
    (("Authorization", "Token a-secret"),),
    (("authorization", "Bearer a-secret"),),
    (("Authorization", "Basic dTphLXNlY3JldA=="),),
)


def bodies() -> st.SearchStrategy[Body]:
    """Bodies of a few lines, plain, compressed, compressed and cut short, or under an encoding nobody knows.

    Shrinks towards the plain line ``m v=1 1``.
    """
    data = st.lists(st.sampled_from(_LINES), min_size=1, max_size=6).map(b"".join)
    packed = data.map(lambda given: gzip.compress(given, mtime=0))
    return st.one_of(
        data.map(Body),
        st.builds(Body, packed, st.sampled_from(("gzip", "x-gzip"))),
        packed.map(lambda wire: Body(wire[: len(wire) // 2], "gzip")),
        data.map(lambda given: Body(given, "br")),
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
    Shrinks towards a POST of the plain line ``m v=1 1`` to bucket ``b`` by /api/v2/write, without a token.
    """
    path = draw(st.sampled_from((V2_WRITE, *ENDPOINTS, "/elsewhere")) if endpoints is None else endpoints)
    method = draw(st.sampled_from(("GET", "HEAD") if path in {HEALTH, PING} else ("POST", "GET", "PUT")))
    body = draw(_BODIES if bodies is None else bodies) if method == "POST" else Body()
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


_BODIES = bodies()


def _query(draw: st.DrawFn, path: str) -> Pairs:
    name = "bucket" if path in {V2_WRITE, V2_QUERY} else "db"
    query: Pairs = ((name, draw(st.sampled_from(("b", "other", "ü &=")))),)
    if draw(st.booleans()):
        query += (("precision", draw(st.sampled_from(("ns", "s", "nonsense")))),)
    if path != V3_WRITE and draw(st.booleans()):
        query += (("u", "me"), ("p", draw(st.sampled_from(("a-secret", "another")))))
    return query
