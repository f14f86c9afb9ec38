"""Requests as a proxy sees them."""

from __future__ import annotations

import gzip
from collections.abc import Callable

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
    return st.builds(lambda pack, given: pack(given), st.sampled_from(_PACKINGS), data)


def _packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


_PACKINGS: tuple[Callable[[bytes], Body], ...] = (
    Body,
    lambda data: Body(_packed(data), "gzip"),
    lambda data: Body(_packed(data), "x-gzip"),
    lambda data: Body(_packed(data)[:12], "gzip"),
    lambda data: Body(data, "br"),
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


_BODIES = bodies()


def _query(draw: st.DrawFn, path: str) -> Pairs:
    name = "bucket" if path in {V2_WRITE, V2_QUERY} else "db"
    query: Pairs = ((name, draw(st.sampled_from(("b", "other", "ü &=")))),)
    precision, password = draw(st.sampled_from(_PRECISIONS)), draw(st.sampled_from(_PASSWORDS))
    return query + precision + password


_PRECISIONS: tuple[Pairs, ...] = ((), (("precision", "ns"),), (("precision", "s"),), (("precision", "nonsense"),))
_PASSWORDS: tuple[Pairs, ...] = ((), (("u", "me"), ("p", "a-secret")), (("u", "me"), ("p", "another")))
