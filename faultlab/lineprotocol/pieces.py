"""A stream of line protocol in pieces that end where logical lines end, so that each can be read without the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from faultlab.lineprotocol.dialect import Dialect, dialect_of
from faultlab.lineprotocol.lines import line_end

PIECE = 1024 * 1024
"""How many bytes a piece has, more or less."""

_SERIES = rb"[^ \\\n]*+(?:\\[^\n][^ \\\n]*+)*+"
_KEY = rb'[^",=\\\n]*+(?:\\[^\n][^",=\\\n]*+)*+'
_VALUE = rb'(?:"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+")?+[^",=\\\n]*+'
_FIELD = _KEY + b"=" + _VALUE
# Whole lines that end at their line feed whatever the dialect: a string that could carry them further is closed.
_EASY = re.compile(rb'(?:[^"\\\n]*+\n|' + _SERIES + b" " + _FIELD + b"(?:," + _FIELD + rb")*+\n)*+")


def pieces(stream: BinaryIO, dialect: str | Dialect, size: int = PIECE) -> Iterator[bytes]:
    """Yield what a buffered stream holds, in pieces that end with logical lines; joined they are all of it.

    A piece has about ``size`` bytes, more where a line does. Reading piece by piece finds the points and refused lines
    that reading all at once does, except where a dialect that insists on UTF-8 refuses what is none: then it is the
    piece that is refused, and not all. Raises ValueError on an unknown dialect, naming the known ones.
    """
    rules = dialect_of(dialect)
    rest = b""
    # A line that is longer than what was read costs no more than twice its bytes if each time as many again are read.
    while more := stream.read(max(size, len(rest))):
        buffer = rest + more
        end = _settled(buffer, rules)
        if end:
            yield buffer[:end]
        rest = buffer[end:]
    if rest:
        yield rest


def _settled(buffer: bytes, rules: Dialect) -> int:
    """Give where the last line ends that ends here whatever follows, its line feed included; 0 where none does."""
    if not rules.quote_aware or (b'"' not in buffer and b"\\" not in buffer):
        return buffer.rfind(b"\n") + 1
    # A line that ends with the buffer may be one that what follows goes on with.
    last = len(buffer) - buffer.endswith(b"\n")
    start = 0
    while easy := _EASY.match(buffer, start):
        start = easy.end()
        end = line_end(buffer, start, rules)
        if end >= last:
            break
        start = end + 1
    return start
