"""A body falls into logical lines without gaps, each found in one pass over it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from faultlab.lineprotocol.dialect import Dialect, dialect_of
from faultlab.lineprotocol.value import Line, LineKind

_TO_SPACE = re.compile(rb"(?:[^\\ \n]++|\\[\s\S])*+")
_STOPS = re.compile(rb'\\[\s\S]|[=,"\n]')
_QUOTED = re.compile(rb'(?:[^"\\]++|\\[\s\S])*+')


def line_end(body: bytes, start: int, rules: Dialect) -> int:
    """Give where the logical line that starts here ends: at its line feed, or at the end of the body.

    Where the dialect is aware of quotes, a quote opens a string once the line has had an unescaped blank and since then
    more equals signs than commas. A line feed that ends the body ends its last line, also after a backslash or inside a
    string.
    """
    feed = body.find(b"\n", start)
    end = len(body) if feed < 0 else feed
    if not rules.quote_aware or (body.find(b'"', start, end) < 0 and body.find(b"\\", start, end) < 0):
        return end
    last = len(body) - body.endswith(b"\n")
    found = _TO_SPACE.match(body, start)
    at = found.end() if found else start
    if body[at : at + 1] != b" ":
        return at if body[at : at + 1] == b"\n" else last
    surplus = 0
    while stop := _STOPS.search(body, at):
        mark, at = stop[0], stop.end()
        if mark == b"\n":
            return stop.start()
        if mark == b"=":
            surplus += 1
        elif mark == b",":
            surplus -= 1
        elif mark == b'"' and surplus > 0:
            quoted = _QUOTED.match(body, at)
            at = (quoted.end() if quoted else at) + 1
    return last


def text_start(body: bytes, start: int, end: int, rules: Dialect) -> tuple[LineKind, int]:
    """Give what a logical line holds and where its text begins, after blanks and the comments it swallowed."""
    stop = end - 1 if rules.carriage_return_ends_line and body[start:end].endswith(b"\r") else end
    blanks = rules.blanks + b"\n" if rules.comment_ends == "line_feed" else rules.blanks
    commented = False
    at = start
    while True:
        while at < stop and body[at] in blanks:
            at += 1
        if at >= stop:
            return ("comment" if commented else "blank"), stop
        if body[at] != 0x23:
            return "point", at
        feed = body.find(b"\n", at, stop)
        if feed < 0 or rules.comment_ends == "line":
            return "comment", stop
        if rules.comment_ends == "both":
            return "point", at
        at, commented = feed, True


def split(body: bytes, dialect: str | Dialect) -> Iterator[Line]:
    """Yield the logical lines of a body, in order and without gaps; their line feeds belong to them."""
    rules = dialect_of(dialect)
    start, number, ordinal = 0, 1, 0
    while start < len(body):
        end = line_end(body, start, rules)
        kind, _ = text_start(body, start, end, rules)
        ordinal += kind == "point"
        after = min(end + 1, len(body))
        yield Line(number, ordinal if kind == "point" else 0, start, after, kind)
        number += body.count(b"\n", start, after)
        start = after


def without(body: bytes, lines: Collection[int], dialect: str | Dialect) -> bytes:
    """Give the body without the logical lines whose first physical line number is among ``lines``.

    Everything else stays byte for byte.
    """
    unwanted = frozenset(lines)
    return b"".join(body[line.start : line.end] for line in split(body, dialect) if line.number not in unwanted)
