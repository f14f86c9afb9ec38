"""What is asked of a server that can be read back, and how it is asked over HTTP."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from faultlab.lineprotocol.value import FieldType, Value

TIMEOUT = 60.0
"""Seconds a server has for each piece of an answer."""


class ReadBackError(Exception):
    """A server did not say what it holds; the message is one line."""


class Point(NamedTuple):
    """One point that a server holds, with its time in nanoseconds, or in milliseconds where it is a sample.

    The type of a field is None where the server does not tell it.
    """

    measurement: str
    tags: tuple[tuple[str, str], ...]
    time: int
    fields: tuple[tuple[str, FieldType | None, Value], ...]


class Server(Protocol):
    """A server by the family it is of.

    ``name`` is the family and version in words. ``is_exact`` says that points come back as they were written; otherwise
    they are samples, each field one, as VictoriaMetrics keeps them. ``unclear`` are the measurements of which the last
    reading may not have said everything.
    """

    name: str
    is_exact: bool
    unclear: tuple[str, ...]

    def prepare(self, database: str) -> None:
        """Have a database that can be written to; raises ReadBackError."""

    def is_empty(self, database: str) -> bool:
        """Whether nothing is held that ``read`` would give; raises ReadBackError."""

    def read(self, database: str) -> Iterator[Point]:
        """Yield everything a database holds, in no order of meaning; raises ReadBackError."""


class _Stays(HTTPRedirectHandler):
    """Follows no redirection: who answers for a server is no part of its answer."""

    def redirect_request(self, *_args: object) -> None:
        """Give no other request."""


_opener = build_opener(ProxyHandler({}), _Stays)


@contextlib.contextmanager
def answer(
    url: str, path: str, *, form: Mapping[str, str] | None = None, token: str = ""
) -> Iterator[http.client.HTTPResponse]:
    """Give the answer to a GET, or to the POST of a form, while it is being read; raises ReadBackError.

    The token is one that the client under test was handed.
    """
    data = None if form is None else urlencode(form).encode()
    request = Request(f"{url}{path}", data, {"Authorization": f"Token {token}"} if token else {})  # noqa: S310 - checked
    try:
        with _opener.open(request, timeout=TIMEOUT) as reply:
            yield reply
    except HTTPError as problem:
        said = problem.read(200).decode(errors="replace").strip()
        raise ReadBackError(f"{path.partition('?')[0]} is answered {problem.code}: {said}") from problem
    except (URLError, OSError, http.client.HTTPException, ValueError) as problem:
        raise ReadBackError(f"{path.partition('?')[0]} is not answered: {problem}") from problem
