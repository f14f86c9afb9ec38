"""The requests of ``tests/data/request-cases.json``: how each is built, and how it stands on the wire."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from faultlab.exchange import V1_WRITE, Pairs

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "request-cases.json").read_bytes())

T = 1_700_000_000
COUNT = 500
LARGE = 25_200
PAD = "x" * 1000
"""With it ``LARGE`` lines have 26 MB."""


@dataclass(frozen=True, slots=True)
class Request:
    """One write. ``body`` is what a server reads; ``sent`` is what stands on the wire, where that is something else.

    ``framing`` are headers in place of a Content-Length. After ``sent`` the client closes its half of the connection.
    Of a request that is not ``whole`` no server reads all.
    """

    query: Pairs
    body: bytes = b"m f=1 1700000000000000000"
    method: str = "POST"
    headers: Pairs = ()
    framing: Pairs = ()
    sent: bytes | None = None
    whole: bool = True

    @property
    def encoding(self) -> str:
        """The Content-Encoding; empty if there is none."""
        return dict(self.headers).get("Content-Encoding", "")

    def head(self, *more: tuple[str, str]) -> bytes:
        """Give the request up to its body, with more parameters if any are given."""
        framing = self.framing or (("Content-Length", str(len(self.body))),)
        headers = (("Host", "127.0.0.1"), *self.headers, *framing)
        lines = [f"{self.method} {V1_WRITE}?{urlencode((*self.query, *more))} HTTP/1.1"]
        return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers), "", ""]).encode()


def batch(count: int = COUNT, tags: str = "") -> bytes:
    """Give lines of one point each, a second apart; the last does not end in a line feed, which is what tears it."""
    return "\n".join(f"m,i={n}{tags} f={n} {T + n}000000000" for n in range(count)).encode()


def large() -> bytes:
    """Give 26 MB, in one series."""
    return "\n".join(f"m,pad={PAD} f={n} {T + n}000000000" for n in range(LARGE)).encode()


def plain(database: str) -> Request:
    return Request((("db", database),))


def asked(**parameters: str) -> Callable[[str], Request]:
    return lambda database: Request(tuple({"db": database, **parameters}.items()))


def no_db(database: str) -> Request:
    return replace(plain(database), query=())


def told(name: str, value: str) -> Callable[[str], Request]:
    return lambda database: replace(plain(database), headers=((name, value),))


def zipped(wire: Callable[[], bytes]) -> Callable[[str], Request]:
    return lambda database: replace(told("Content-Encoding", "gzip")(database), body=wire())


def packed(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def checksum_wrong() -> bytes:
    wire = bytearray(packed(batch()))
    wire[-8] ^= 0xFF
    return bytes(wire)


def cut_in_half() -> bytes:
    wire = packed(batch())
    return wire[: len(wire) // 2]


def two_members() -> bytes:
    first, second = batch(2).split(b"\n")
    return packed(first + b"\n") + packed(second)


def get(database: str) -> Request:
    return replace(plain(database), method="GET", body=b"")


def put(database: str) -> Request:
    return replace(plain(database), method="PUT")


def empty(database: str) -> Request:
    return replace(plain(database), body=b"")


def length_too_short(database: str) -> Request:
    """Half of the body is the body; the rest is a second request that is none."""
    body = batch()
    return replace(plain(database), body=body[: len(body) // 2], sent=body)


def chunked(database: str, end: bytes, cut: int = 0, *, whole: bool = False) -> Request:
    body = batch()
    sent = b"%x\r\n%b" % (len(body), body[: len(body) - cut])
    framing = (("Transfer-Encoding", "chunked"),)
    return replace(plain(database), body=body, framing=framing, sent=sent + end, whole=whole)


def too_large(database: str) -> Request:
    return replace(plain(database), body=large())


REQUESTS: dict[str, Callable[[str], Request]] = {
    "req-chunked-no-terminator": lambda database: chunked(database, b"\r\n"),
    "req-chunked-ok": lambda database: chunked(database, b"\r\n0\r\n\r\n", whole=True),
    "req-chunked-torn": lambda database: chunked(database, b"", cut=5),
    "req-bad-consistency": asked(consistency="bogus"),
    "req-cl-too-short": length_too_short,
    "req-ctype-form": told("Content-Type", "application/x-www-form-urlencoded"),
    "req-ctype-json": told("Content-Type", "application/json"),
    "req-no-db": no_db,
    "req-unknown-db": asked(db="nope_nope"),
    "req-empty": empty,
    "req-deflate": told("Content-Encoding", "deflate"),
    "req-gzip-crc-bad": zipped(checksum_wrong),
    "req-gzip-garbage": zipped(batch),
    "req-gzip-multimember": zipped(two_members),
    "req-gzip-trailer-cut": zipped(lambda: packed(batch())[:-8]),
    "req-gzip-truncated": zipped(cut_in_half),
    "req-get": get,
    "req-put": put,
    "req-ok": plain,
    "req-unknown-rp": asked(rp="nope"),
    "req-too-large": too_large,
    "req-too-large-gzip": zipped(lambda: packed(large())),
}
"""Every request of the data by its id, for a database that is there."""
