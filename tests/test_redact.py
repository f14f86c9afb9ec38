"""Secrets leave no trace in what is written."""

from __future__ import annotations

import gzip
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultlab.exchange import PING, V1_QUERY, V1_WRITE, Body, Exchange
from faultlab.redact import SECRET_HEADERS, Mask, Redactor
from faultlab.strategies import exchanges

REDACTOR = Redactor(b"salt")
TAG = r"\[redacted [0-9a-f]{6}\]"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("Token s3cret", "Token "),
        ("Bearer s3cret", "Bearer "),
        ("Basic dTpw", "Basic "),
        ("token s3cret s3cret", "token "),
        ("s3cret", ""),
        ("hunter two", ""),
        ("Token", ""),
    ],
)
def test_authorization_keeps_its_scheme_only(value: str, kept: str) -> None:
    """A known scheme stays readable, everything else of the header is one tag."""
    ((name, written),) = REDACTOR.headers((("Authorization", value),))

    assert ("Authorization", True) == (name, re.fullmatch(re.escape(kept) + TAG, written) is not None)


@pytest.mark.parametrize("name", sorted(SECRET_HEADERS))
@pytest.mark.parametrize("spelt", [str.lower, str.upper, str.title])
def test_secret_headers_are_replaced_however_spelt(name: str, spelt: type[str]) -> None:
    """A secret header is replaced whatever the case of its name."""
    ((_, written),) = REDACTOR.headers(((spelt(name), "my s3cret; and more"),))

    assert re.fullmatch(TAG, written)


def test_other_headers_stay() -> None:
    """What is no secret is written as it came."""
    pairs = (("User-Agent", "x"), ("Retry-After", "1"), ("X-Token-Count", "3"))

    assert pairs == REDACTOR.headers(pairs)


def test_secret_parameters_are_replaced() -> None:
    """Passwords and tokens in a query are replaced, user and database stay."""
    written = dict(REDACTOR.query((("db", "d"), ("u", "me"), ("p", "one"), ("token", "two"), ("password", ""))))

    assert ("d", "me", "") == (written["db"], written["u"], written["password"])
    assert re.fullmatch(TAG + TAG, written["p"] + written["token"])


def test_one_secret_has_one_tag_a_run() -> None:
    """A tag tells two secrets of one run apart and nothing more."""
    same, other, later = REDACTOR.tag("a"), REDACTOR.tag("b"), Redactor(b"pepper").tag("a")

    assert (True, True, True) == (REDACTOR.tag("a") == same, same != other, same != later)


def test_surrogates_have_a_tag() -> None:
    """A secret of bytes that are no UTF-8 is replaced too."""
    written = REDACTOR.tag("\udcff")

    assert re.fullmatch(TAG, written)


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("http://localhost:8086/write?db=d", "http://localhost:8086/write?db=d"),
        ("http://me:s3cret@localhost:8086/", "http://TAG@localhost:8086/"),
        ("http://s3cret@localhost/", "http://TAG@localhost/"),
        ("http://a@b:s3cret@localhost/", "http://TAG@localhost/"),
        ("http://localhost/q?u=me&p=s3cret&x=", "http://localhost/q?u=me&p=TAG&x="),
        ("http://localhost", "http://localhost"),
    ],
)
def test_url_loses_its_passwords(url: str, written: str) -> None:
    """Neither the authority nor the query of a URL keeps a password."""
    tagged = re.sub(r"\[redacted[ +][0-9a-f]{6}\]", "TAG", REDACTOR.url(url))

    assert written == tagged


def test_form_loses_its_passwords() -> None:
    """A form's secret fields are replaced, however their names are spelt, and nothing else of it changes."""
    form = b"db=d&q=SELECT+%2A&p=s3cret&%70=s3cret&u=me&token=s3cret"
    exchange = _form(V1_QUERY, Body(form))
    written = re.sub(TAG.encode(), b"TAG", REDACTOR.body(exchange).data)

    assert b"db=d&q=SELECT+%2A&p=TAG&%70=TAG&u=me&token=TAG" == written


def test_compressed_form_loses_its_passwords() -> None:
    """A compressed form is written decoded once a secret was in it."""
    body = REDACTOR.body(_form(V1_QUERY, Body(gzip.compress(b"p=s3cret"), "gzip")))

    assert ("", True) == (body.encoding, re.fullmatch(f"p={TAG}".encode(), body.data) is not None)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (V1_WRITE, Body(b"m p=1&token=2")),
        (V1_QUERY, Body(b"q=SELECT")),
        (V1_QUERY, Body(b"p=s3cret", "gzip")),
    ],
)
def test_other_bodies_stay(path: str, body: Body) -> None:
    """Line protocol, a form without secrets and a body that does not decode are written as they came."""
    assert body is REDACTOR.body(_form(path, body))


def _form(path: str, body: Body) -> Exchange:
    headers = (("content-type", "Application/X-WWW-form-urlencoded; charset=utf-8"),)
    return Exchange(1, 0.0, "POST", path, (), headers, body)


@settings(deadline=None)
@given(exchanges(endpoints=st.sampled_from((V1_QUERY, V1_WRITE, PING))))
def test_no_request_keeps_its_secrets(exchange: Exchange) -> None:
    """Nothing that is written of any request holds its token or its password."""
    written = repr((REDACTOR.headers(exchange.headers), REDACTOR.query(exchange.query)))

    assert (False, False, False) == tuple(s in written for s in ("a-secret", "another", "dTphLXNlY3JldA"))


@given(st.text(alphabet="abc", min_size=1, max_size=4), st.lists(st.text(alphabet="abcd", max_size=9), max_size=9))
def test_a_secret_is_masked_however_the_stream_is_cut(secret: str, pieces: list[str]) -> None:
    """What comes out is what replacing in the whole would give, and nothing is lost."""
    mask = Mask(secret.encode(), b"<tag>")
    out = b"".join([*(mask.feed(piece.encode()) for piece in pieces), mask.rest()])

    assert "".join(pieces).replace(secret, "<tag>").encode() == out


def test_a_stream_is_held_back_only_where_the_secret_may_begin() -> None:
    """Whoever watches a terminal sees each line as it is printed."""
    mask = REDACTOR.mask("s3cret")

    assert (b"line one\nx", b"", b"s3 y") == (mask.feed(b"line one\nxs"), mask.feed(b"3"), mask.feed(b" y"))
    assert re.fullmatch(TAG.encode(), mask.feed(b"s3cret"))
    assert (b"", b"s3", b"") == (mask.feed(b"s3"), mask.rest(), mask.rest())


def test_no_secret_masks_nothing() -> None:
    """An empty one stands everywhere."""
    mask = REDACTOR.mask("")

    assert (b"abc", b"") == (mask.feed(b"abc"), mask.rest())
