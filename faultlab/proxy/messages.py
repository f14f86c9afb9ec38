"""mitmproxy's messages as exchanges and answers, and answers as its messages."""

from __future__ import annotations

import functools
from http import HTTPStatus
from urllib.parse import parse_qsl

from mitmproxy import http

from faultlab.exchange import Answer, Body, Exchange, Pairs, phrase
from faultlab.proxy import reach


def see(flow: http.HTTPFlow, seq: int, at: float, nth: int) -> Exchange:
    """Give a flow's request as an exchange; bytes that are no UTF-8 survive as surrogates."""
    request = flow.request
    path, _, query = request.path.partition("?")
    headers = pairs(request.headers)
    return Exchange(
        seq=seq,
        at=at,
        method=request.method,
        path=path,
        query=parameters(query),
        headers=headers,
        body=Body(request.raw_content or b"", encoding_of(headers)),
        host=reach.asked_host(request),
        version="HTTP/2" if request.is_http2 else request.http_version,
        nth=nth,
    )


def encoding_of(headers: Pairs) -> str:
    """Give how a body is encoded, by its headers."""
    return ", ".join([value for name, value in headers if name.lower() == "content-encoding"]).strip().lower()


@functools.lru_cache(maxsize=64)
def parameters(query: str) -> Pairs:
    """Give the parameters of a query; a client sends the same few with every write."""
    return tuple(parse_qsl(query, keep_blank_values=True, errors="surrogateescape")) if query else ()


def pairs(headers: http.Headers) -> Pairs:
    """Give headers as text."""
    return tuple(
        [(n.decode("utf-8", "surrogateescape"), v.decode("utf-8", "surrogateescape")) for n, v in headers.fields]
    )


def as_response(answer: Answer, version: str) -> http.Response:
    """Give an answer as mitmproxy sends it in a version of HTTP: our headers as they are, and the length of the body.

    A 204 with a body, which HTTP/1 does not allow, closes its connection: the client would take the body for the
    beginning of the next reply, and be judged for one it never saw.
    """
    fields = [
        (name.encode("utf-8", "surrogateescape"), value.encode("utf-8", "surrogateescape"))
        for name, value in answer.headers
        if name.lower() != "content-length"
    ]
    if answer.status != HTTPStatus.NO_CONTENT or answer.body:
        fields.append((b"Content-Length", b"%d" % len(answer.body)))
    if answer.status == HTTPStatus.NO_CONTENT and answer.body and version.startswith("HTTP/1"):
        fields.append((b"Connection", b"close"))
    reason = (answer.reason or phrase(answer.status)).encode("iso-8859-1", "surrogateescape")
    return reach.make_response(answer.status, reason, http.Headers(fields), answer.body)


def as_answer(response: http.Response) -> Answer:
    """Give upstream's response as an answer."""
    return Answer(response.status_code, pairs(response.headers), response.raw_content or b"", response.reason)


def in_chunks(response: http.Response) -> None:
    """Have a body framed in chunks, where there is one; over HTTP/2, which has frames of its own, nothing changes."""
    if response.raw_content:
        response.headers.pop("Content-Length", None)
        response.headers["Transfer-Encoding"] = "chunked"


def garble(response: http.Response, what: str) -> None:
    """Make a response one that does not follow the grammar of HTTP: its status line, a header, or its length."""
    if what == "status_line":
        response.data.http_version = b"HTTQ/1.1"
    elif what == "header":
        response.headers.fields = ((b"No colon in here\r\nX-After", b"it"), *response.headers.fields)
    else:
        others = [field for field in response.headers.fields if field[0].lower() != b"content-length"]
        response.headers.fields = (*others, (b"Content-Length", b"many"))


__all__ = ["as_answer", "as_response", "encoding_of", "garble", "in_chunks", "see"]
