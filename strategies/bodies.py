"""Bodies as they come over the wire: plain, compressed, broken on the way, in the wrong unit, too large, empty."""

from __future__ import annotations

import gzip
from collections.abc import Collection
from dataclasses import dataclass
from types import MappingProxyType

from hypothesis import strategies as st

from faultlab import contract
from faultlab.exchange import Body, Exchange, Pairs
from faultlab.faults import nearest
from faultlab.origin import Origin, Reply
from faultlab.strategies.malformed import NOW
from faultlab.strategies.points import batch_of, wanted_batch
from faultlab.strategies.tape import Shown, Tape

BODY_KINDS = MappingProxyType(
    {
        "plain": "line protocol as it is",
        "gzip": "one good gzip member",
        "gzip_members": "two good gzip members, one after the other",
        "gzip_torn": "a gzip member cut before its end",
        "gzip_without_trailer": "a gzip member without its checksum and size",
        "gzip_bad_checksum": "a gzip member whose checksum is of something else",
        "not_gzip": "plain text that is said to be gzip",
        "unmarked_gzip": "gzip that is said to be plain text",
        "unknown_encoding": "plain text under an encoding that no InfluxDB documents",
        "too_fine": "nanoseconds, said to be seconds, milliseconds or microseconds",
        "too_coarse": "seconds, said to be nanoseconds",
        "unknown_precision": "a precision that does not exist",
        "empty": "nothing",
        "blank": "blanks and line feeds",
        "comments": "comments alone",
        "oversized": "good lines, more bytes of them than the limit",
        "oversized_when_decoded": "good lines in gzip, few bytes that decode to more than the limit",
    }
)
"""Every kind of body, with what it is."""

_LINES = wanted_batch((1, 6), times=(NOW, NOW + 3600 * 10**9))
_SECONDS = wanted_batch((1, 6), precision="s", times=(NOW, NOW + 3600 * 10**9))
_BLANKS = (b"\n", b" \n", b"\n\n  \n", b"  ")
_COMMENTS = (b"# c\n", b"#\n# m f=1 1\n", b"  # c")
_COARSE, _UNKNOWN = ("s", "ms", "us"), ("d", "NS", "sec", "\u00b5")


@dataclass(frozen=True)
class WriteBody(Shown):
    """One body, the ``kind`` it is of, and the ``precision`` it is sent with (empty for none).

    ``data`` is the line protocol that was meant.
    """

    kind: str
    body: Body
    data: bytes
    precision: str = ""

    def verdict(self, profile: str, *, endpoint: str = "") -> Reply:
        """Give what an empty server of this profile answers to it, and how much of it is stored."""
        chosen = contract.named(profile)
        path = endpoint or next(iter(chosen.loss))
        query: Pairs = (("bucket", "b"), ("db", "b"))
        headers: Pairs = (("Content-Encoding", self.body.encoding),) if self.body.encoding else ()
        if self.precision:
            query += (("precision", self.precision),)
        return Origin(chosen).answer(Exchange(1, 0.0, "POST", path, query, headers, self.body), NOW)


def bodies(*, kinds: Collection[str] = tuple(BODY_KINDS), limit: int = 1_000_000) -> st.SearchStrategy[WriteBody]:
    """Bodies of one to six good lines, of every kind there is (see ``BODY_KINDS``).

    ``limit`` is how many bytes those that are oversized exceed. Raises ValueError for a kind that does not exist, or
    none at all. Shrinks towards one plain line.
    """
    chosen = tuple(kinds)
    if unknown := [kind for kind in chosen if kind not in BODY_KINDS]:
        raise ValueError(f"no kind of body named '{unknown[0]}'{nearest(unknown[0], tuple(BODY_KINDS))}")
    if not chosen:
        raise ValueError("kinds is empty; expected at least one of BODY_KINDS")
    size = _LINES.bytes + 4
    return st.binary(min_size=size, max_size=size).map(lambda data: _body(Tape(data), chosen, limit))


def _body(tape: Tape, kinds: tuple[str, ...], limit: int) -> WriteBody:
    kind = tape.pick(kinds)
    choice = tape.byte()
    data = batch_of(tape, _SECONDS if kind == "too_coarse" else _LINES).body
    match kind:
        case "empty":
            data = b""
        case "blank":
            data = _BLANKS[choice % len(_BLANKS)]
        case "comments":
            data = _COMMENTS[choice % len(_COMMENTS)]
        case "oversized" | "oversized_when_decoded":
            data *= limit // len(data) + 1
    return WriteBody(kind, _wire(kind, data, choice), data, _precision(kind, choice))


def _precision(kind: str, choice: int) -> str:
    match kind:
        case "too_fine":
            return _COARSE[choice % len(_COARSE)]
        case "too_coarse":
            return "ns"
        case "unknown_precision":
            return _UNKNOWN[choice % len(_UNKNOWN)]
    return ""


def _wire(kind: str, data: bytes, choice: int) -> Body:
    match kind:
        case "gzip" | "oversized_when_decoded":
            return Body(_packed(data), "gzip")
        case "gzip_members":
            half = data.find(b"\n") + 1
            return Body(_packed(data[:half]) + _packed(data[half:]), "gzip")
        case "gzip_torn":
            packed = _packed(data)
            # Ten bytes of header before it, the eight of the trailer and one more after it.
            return Body(packed[: 10 + choice % max(len(packed) - 19, 1)], "gzip")
        case "gzip_without_trailer":
            return Body(_packed(data)[:-8], "gzip")
        case "gzip_bad_checksum":
            packed = _packed(data)
            return Body(packed[:-8] + bytes([packed[-8] ^ (choice | 1)]) + packed[-7:], "gzip")
        case "not_gzip":
            return Body(data, "gzip")
        case "unmarked_gzip":
            return Body(_packed(data))
        case "unknown_encoding":
            return Body(data, ("br", "zstd", "compress")[choice % 3])
    return Body(data)


def _packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)
