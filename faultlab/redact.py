"""Secrets leave no trace in what is written: each is replaced by a tag that only tells two secrets of one run apart."""

from __future__ import annotations

import re
from hashlib import blake2b
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit, urlunsplit

from faultlab.exchange import SECRET_PARAMETERS, WRITES, Body, Exchange, Pairs, header

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})
SCHEMES = frozenset({"token", "bearer", "basic", "digest", "negotiate"})
FORM = "application/x-www-form-urlencoded"

TAG = re.compile(r"\[redacted [0-9a-f]{6}\]")
"""What stands for a secret."""


class Redactor:
    """Replaces tokens, cookies and passwords by ``[redacted 1a2b3c]``, the same secret by the same tag.

    The tag is keyed with ``salt``, which is to be random and thrown away with the run, so a tag reveals nothing and two
    runs cannot be compared.
    """

    def __init__(self, salt: bytes) -> None:
        """Take the run's salt, at most 64 bytes."""
        self._salt = salt

    def tag(self, secret: str) -> str:
        """Give what stands for a secret; an empty one stays empty."""
        if not secret:
            return ""
        digest = blake2b(secret.encode(errors="surrogateescape"), digest_size=3, key=self._salt)
        return f"[redacted {digest.hexdigest()}]"

    def headers(self, pairs: Pairs) -> Pairs:
        """Give the headers with secret values replaced; a known scheme before a secret stays readable."""
        return tuple((n, self._value(v)) if n.lower() in SECRET_HEADERS else (n, v) for n, v in pairs)

    def _value(self, value: str) -> str:
        scheme, blank, secret = value.partition(" ")
        if blank and scheme.lower() in SCHEMES:
            return f"{scheme} {self.tag(secret)}"
        return self.tag(value)

    def query(self, pairs: Pairs) -> Pairs:
        """Give the query parameters with secret values replaced."""
        return tuple((n, self.tag(v)) if n in SECRET_PARAMETERS else (n, v) for n, v in pairs)

    def body(self, exchange: Exchange) -> Body:
        """Give the body, a form's secret values replaced; a form that had any comes back decoded.

        A write's body is no form whatever its media type says: curl sends line protocol so.
        """
        if exchange.path in WRITES:
            return exchange.body
        media = (header(exchange.headers, "content-type") or "").partition(";")[0].strip().lower()
        if media != FORM or exchange.body.problem:
            return exchange.body
        parts = exchange.body.data.split(b"&")
        kept = b"&".join(self._part(part) for part in parts)
        return exchange.body if kept == exchange.body.data else Body(kept)

    def _part(self, part: bytes) -> bytes:
        name, _, value = part.partition(b"=")
        if unquote_plus(name.decode("latin-1")) not in SECRET_PARAMETERS:
            return part
        return name + b"=" + self.tag(value.decode("latin-1")).encode()

    def mask(self, secret: str) -> Mask:
        """Give what replaces one secret in a stream."""
        return Mask(secret.encode(errors="surrogateescape"), self.tag(secret).encode())

    def url(self, url: str) -> str:
        """Give the URL without a password in its authority or its query."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")
        netloc = f"{self.tag(host[0])}@{host[2]}" if host[0] else host[2]
        query = urlencode(self.query(tuple(parse_qsl(parts.query, keep_blank_values=True))), safe="[] ")
        return urlunsplit((parts.scheme, netloc, parts.path, query, parts.fragment))


class Mask:
    """Replaces one secret by its tag in a stream of bytes, however the stream is cut into pieces."""

    def __init__(self, secret: bytes, tag: bytes) -> None:
        """Begin a stream; an empty secret masks nothing."""
        self._secret = secret
        self._tag = tag
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Give what can be passed on once ``data`` has come: all but an end that may be the beginning of the secret."""
        data = self._held + data
        if not self._secret:
            return data
        data = data.replace(self._secret, self._tag)
        most = min(len(self._secret) - 1, len(data))
        held = next((size for size in range(most, 0, -1) if data.endswith(self._secret[:size])), 0)
        self._held = data[len(data) - held :]
        return data[: len(data) - held]

    def rest(self) -> bytes:
        """Give what was held back, at the end of the stream."""
        held, self._held = self._held, b""
        return held
