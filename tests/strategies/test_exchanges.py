"""Exchanges: every kind of request to InfluxDB, those that are nonsense too."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from faultlab.exchange import ENDPOINTS, PING, V1_QUERY, V2_WRITE, Body, Exchange
from faultlab.strategies import exchanges
from faultlab.strategies.malformed import NOW
from tests.strategies.draws import CALM, drawn, minimal

LINE = b"m f=1 %d\n" % NOW
SIMPLEST = Exchange(1, 0.0, "POST", V2_WRITE, (("bucket", "b"),), (), Body(LINE), "localhost:8086")


def test_shrinks_towards_the_simplest() -> None:
    """An exchange shrinks towards a write of one plain line."""

    assert SIMPLEST == minimal(exchanges())


def test_failing_exchange_shrinks_to_its_cause() -> None:
    """A failure that takes a compressed body shrinks to a simple write that is compressed."""
    shrunk = minimal(exchanges(), lambda exchange: bool(exchange.body.encoding))

    assert (SIMPLEST.path, SIMPLEST.query, LINE, (("Content-Encoding", "gzip"),)) == (
        shrunk.path,
        shrunk.query,
        shrunk.body.data,
        shrunk.headers,
    )


def test_every_kind_of_exchange_is_drawn() -> None:
    """Every endpoint, no endpoint, plain, compressed and broken bodies, and requests with and without a token."""
    seen = drawn(exchanges(), 1000)
    kinds = {(bool(e.body.encoding), bool(e.body.problem)) for e in seen}

    assert ({"", *ENDPOINTS}, {(False, False), (True, False), (True, True)}, {True, False}) == (
        {e.endpoint for e in seen},
        kinds,
        {bool(e.headers) for e in seen},
    )


@CALM
@given(exchanges(endpoints=st.just(V1_QUERY), bodies=st.just(Body(b"x"))))
def test_exchanges_take_what_they_are_given(exchange: Exchange) -> None:
    """Given endpoints and bodies are the ones used; a request that is no POST has no body."""

    assert (V1_QUERY, b"x" if exchange.method == "POST" else b"") == (exchange.path, exchange.body.data)


@CALM
@given(exchanges())
def test_exchange_says_how_it_is_encoded(exchange: Exchange) -> None:
    """The header tells the body's encoding, times are whole seconds, and nobody posts to /ping."""
    told = dict(exchange.headers).get("Content-Encoding", "")

    assert (exchange.body.encoding, True) == (told, exchange.at.is_integer())
    assert exchange.path != PING or exchange.method in {"GET", "HEAD"}
