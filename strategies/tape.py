"""One draw of bytes, read choice by choice: hundreds of times cheaper than a draw for each choice.

A byte of zero always means the simplest thing, and so does a tape that has come to its end. What Hypothesis does to
bytes when it shrinks, making them fewer and smaller, therefore makes what they stand for simpler.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Tape:
    """Bytes read from the front."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        """Begin at the first byte."""
        self._data = data
        self._at = 0

    def below(self, limit: int) -> int:
        """Give a number from 0 to ``limit`` - 1, of as many bytes as the limit needs; 0 at the end of the tape."""
        number = self.byte()
        span = 256
        while span < limit:
            number = number * 256 + self.byte()
            span *= 256
        return number % limit

    def byte(self) -> int:
        """Give the next byte; 0 at the end of the tape."""
        at = self._at
        self._at = at + 1
        return self._data[at] if at < len(self._data) else 0

    def part(self, size: int) -> Tape:
        """Give the next bytes as a tape of their own: what is read of it moves nothing that comes after."""
        at = self._at
        self._at = at + size
        return Tape(self._data[at : at + size])

    def take(self, size: int) -> bytes:
        """Give as many bytes; zeros at the end of the tape."""
        at = self._at
        self._at = at + size
        return self._data[at : at + size].ljust(size, b"\x00")

    def pick[T](self, items: Sequence[T]) -> T:
        """Give one of the items; the first at the end of the tape."""
        return items[self.below(len(items))]


LONGEST = 4000
"""How many characters of a value are shown: more helps nobody, and Hypothesis warns of them."""


class Shown:
    """Shows itself in a falsifying example as what it is, not as the tape it was read from, long values in part."""

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        text = repr(self)
        if (more := len(text) - LONGEST) > 0:
            text = f"{text[: LONGEST // 2]}… {more} more …{text[-LONGEST // 2 :]}"
        printer.text(text)
