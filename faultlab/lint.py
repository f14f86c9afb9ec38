"""The parser's findings as text and as JSON: which lines of a body are points, which are refused, and why.

A body is read in pieces that end where a line does, so that however long it is, only one piece of findings is held.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import batched
from typing import Any

from faultlab.lineprotocol import Dialect, Parsed, Point, RefusedLine, parse
from faultlab.lineprotocol.lines import line_end
from faultlab.lineprotocol.value import Value, text_of

PIECE = 256 * 1024
"""Bytes after which a piece ends with its line; even one of nothing but bad lines of two bytes stays small."""

WIDTH = 100
LONGEST_SHOWN = 160
LONGEST_MESSAGE = 240

WHY = {
    "ambiguous": (
        "Some InfluxDB versions refuse this line, or they read other names in it; what differs is most often a control "
        "character, or a backslash that escapes nothing."
    ),
    "bool.bad-spelling": (
        "A value that begins like a boolean is none: there are t, T, true, True, TRUE, f, F, false, False and FALSE. "
        'Text needs double quotes: f="ten".'
    ),
    "collision.tag-field": (
        "One key is a tag and a field of the same point. InfluxDB 3 refuses that, the others store it and have trouble "
        "to query it."
    ),
    "comment.swallows": (
        "InfluxDB 1 and 2 look for quotes and backslashes in comments too. This one hides the lines after it: they are "
        "not stored, and the answer is 204 all the same."
    ),
    "encoding.invalid-utf8": (
        "These bytes are no UTF-8. The whole body is refused for them, not only the line they stand in."
    ),
    "escape.trailing-backslash": (
        "A name or a tag value ends in a backslash. There is no way to write that: one backslash would escape what "
        "follows it, and of two the servers make different things."
    ),
    "field.duplicate": "The same field key stands twice in one line, and servers differ on which value they keep.",
    "field.empty-key": (
        "Nothing stands before the equals sign of a field. A space between measurement and tags, or one too many "
        "further on, is often why: fields begin after the first space that has no backslash."
    ),
    "field.empty-value": (
        "Nothing stands after the equals sign of a field. Leave the field out where there is no value; empty text is "
        'f="".'
    ),
    "field.no-equals": (
        "A part of the fields is no key=value. Often a comma or a space in a name or in text without quotes splits "
        "what belongs together."
    ),
    "field.trailing-content": (
        "What follows a field's value belongs neither to it nor to a next field. Often a number has a suffix or a "
        "spelling there is not, or text after a value has no comma before it."
    ),
    "float.nan": (
        "Not a number, infinity and null cannot be written in line protocol, in any spelling. Leave the field out; "
        "a point needs one field at least."
    ),
    "float.overflow": "The number is larger than a 64-bit float holds, which is about 1.8e308.",
    "int.overflow": (
        "The integer does not fit 64 bits with a sign: -9223372036854775808 to 9223372036854775807. Without the i it "
        "would be a float."
    ),
    "limit.key-size": (
        "Measurement, tags and one field key together are longer than 65535 bytes, the longest key that InfluxDB 1 and "
        "2 store."
    ),
    "limit.string": "A name, a tag value or a string is longer than 1 MiB (1048576 bytes).",
    "number.invalid": (
        "A value that begins like a number is none. Expected: digits, perhaps with a point and an exponent; digits and "
        "i for an integer; digits and u for an unsigned one. InfluxDB 3 wants digits on both sides of a point."
    ),
    "number.leading-plus": "A number has no plus sign in front of it; only an exponent may: 1e+3.",
    "reserved.field": "A server keeps this field key for itself.",
    "reserved.tag": "A server keeps this tag key for itself.",
    "schema.reserved-column": "The line parses, but the server has a column of this name of its own in every table.",
    "schema.reserved-field": (
        "The line parses, but its only field is called time, which storage drops, so that nothing is left to store."
    ),
    "schema.reserved-tag": "The line parses, but storage takes no tag called time.",
    "schema.string-too-long": "The line parses, but storage takes no string field longer than 1 MiB (1048576 bytes).",
    "schema.type-conflict": (
        "The line parses, but its field was stored with another type before, and a column has one type."
    ),
    "server-crash.field-value": (
        "The server's first check lets this value pass, and its storage takes two quotes off a text that has one: the "
        "process ends, and no answer comes."
    ),
    "server-500.field-value": (
        "The server's first check lets this value pass, and its storage then cannot read it: the answer is 500, and "
        "a client that sends again gets it again."
    ),
    "string.after-quote": (
        "Something stands between the quote that closes a string and the comma or space that has to follow. Most often "
        'a quote within the string lacks its backslash: f="say \\"hi\\"".'
    ),
    "string.single-quote": "Text stands in single quotes or backticks; strings need double quotes, and only fields do.",
    "string.unquoted": (
        'The value is neither number nor boolean, and text needs double quotes: f="on". Tag values have none.'
    ),
    "string.unterminated": (
        "A string is opened and never closed. Servers look for its end in the lines that follow, so those may be lost "
        "with it. Often a quote within the string lacks its backslash, or the line was cut off."
    ),
    "structure.missing-fields": (
        "There is no field: a line is measurement and tags, one space, then key=value at least once. Often a space in "
        "a tag lacks its backslash, a backslash makes that one space part of a name, or the line was cut off."
    ),
    "structure.missing-measurement": "The line begins with a comma or a byte that cannot begin a measurement's name.",
    "structure.trailing-token": (
        "After the timestamp, or where it should stand, there is one thing more. Often a space in a name or value has "
        "no backslash, or the line feed between two points is gone."
    ),
    "tag.duplicate": "The same tag key stands twice in one line.",
    "tag.empty-key": (
        "Nothing stands before the equals sign of a tag, or there is one comma too many before, between or after tags."
    ),
    "tag.empty-value": "Nothing stands after the equals sign of a tag. Leave the tag out where there is no value.",
    "tag.equals-in-value": "A tag value holds an equals sign that has no backslash in front: write \\= instead.",
    "tag.no-equals": (
        "A part of the tags is no key=value. Often a comma or a space in a name or a tag value lacks its backslash, or "
        "the line is no line protocol, such as a header of CSV."
    ),
    "timestamp.invalid": (
        "What stands in the timestamp's place is no whole number. Dates, fractions, units and comments at the end of a "
        "line are not allowed, and a space within the fields makes the rest of them look like a timestamp."
    ),
    "timestamp.out-of-range": (
        "The timestamp, taken in the precision given, lies outside what is stored. Often it is in a finer unit than "
        "the precision says, such as nanoseconds where seconds are expected."
    ),
    "timestamp.overflow": ("The timestamp does not fit 64 bits. Often two were joined, or digits of another number."),
    "uint.invalid": (
        "This is no unsigned integer here: it has digits and a u and no sign, at most 18446744073709551615, and "
        "InfluxDB 1 has no unsigned integers at all."
    ),
    "uint.overflow": "The unsigned integer does not fit 64 bits: it is more than 18446744073709551615.",
    "ws.crlf": "A carriage return stands before the line feed. Lines end with a line feed alone.",
    "ws.tab-separator": (
        "Something other than a space, such as a tab or a zero byte, ends the measurement and tags. One space stands "
        "there, and nothing else."
    ),
    "ws.trailing-space": "A space stands after the last field and no timestamp follows it.",
}
"""Why a line is refused, in plain English, for each class the parser has."""


CARRIAGE_RETURN = "The line ends with a carriage return, which most servers take for a part of it."


@dataclass(slots=True)
class Lint:
    """One body under one dialect and precision.

    ``accepted`` and ``refused`` count points and lines once ``text`` or ``document`` has been read to its end, and
    ``refused`` counts no less than what has been read of either so far. Raises ValueError for a precision the dialect
    does not have.
    """

    body: bytes
    dialect: Dialect
    precision: str
    accepted: int = field(default=0, init=False)
    refused: int = field(default=0, init=False)

    def text(self, name: str) -> Iterator[str]:
        """Yield a text for each refused line, and one for the sum; none ends in a line feed. ``name`` is the file's."""
        for before, parsed in self._pieces():
            self._count(parsed)
            for line in parsed.refused:
                yield paragraph(name, line, before)
        yield f"{_many(self.accepted, 'point')} accepted, {_many(self.refused, 'line')} refused ({self.dialect.name})"

    def document(self) -> Iterator[str]:
        r"""Yield the pieces of one JSON object, which has line feeds between its points and between its refused lines.

        It is ``{"accepted": …, "points": […], "refused": […]}``. Integers and timestamps are numbers with all their
        digits, which RFC 8259 allows and some readers round; a float that is not finite, for which JSON has no number,
        is "Infinity", "-Infinity" or "NaN". An entry with bytes that are no UTF-8 says
        ``"encoding": "latin1"``, and each character of its texts and keys then stands for one byte.
        """
        for _, parsed in self._pieces():
            self._count(parsed)
        yield f'{{"accepted": {self.accepted}, "points": ['
        yield from _listed(point_entry(point, before) for before, parsed in self._pieces() for point in parsed.points)
        yield '], "refused": ['
        yield from _listed(refused_entry(line, before) for before, parsed in self._pieces() for line in parsed.refused)
        yield "]}\n"

    def _count(self, parsed: Parsed) -> None:
        self.accepted += len(parsed.points)
        self.refused += len(parsed.refused)

    def _pieces(self) -> Iterator[tuple[int, Parsed]]:
        """Yield what each piece of the body holds, and how many physical lines come before it."""
        body = self.body
        if self.dialect.utf8 and (at := _not_utf8(body)) is not None:
            [whole] = parse(body, self.dialect, precision=self.precision).refused
            start, end = body.rfind(b"\n", 0, at) + 1, body.find(b"\n", at)
            span = start, len(body) if end < 0 else end
            place = body.count(b"\n", 0, at) + 1
            yield 0, Parsed(refused=(replace(whole, line=place, span=span, text=body[slice(*span)]),))
            return
        start = at = before = 0
        while at < len(body):
            at = line_end(body, at, self.dialect) + 1
            if at - start < PIECE and at < len(body):
                continue
            piece = body[start:at]
            yield before, parse(piece, self.dialect, precision=self.precision)
            before += piece.count(b"\n")
            start = at


def _not_utf8(body: bytes) -> int | None:
    """Give where the first bytes stand that are no UTF-8; None where there are none."""
    start = 0
    while start < len(body):
        # No character of several bytes has a line feed in it.
        end = body.rfind(b"\n", start, start + PIECE) + 1 or body.find(b"\n", start) + 1 or len(body)
        try:
            body[start:end].decode()
        except UnicodeDecodeError as problem:
            return start + problem.start
        start = end
    return None


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def paragraph(name: str, line: RefusedLine, before: int = 0) -> str:
    """Give where a refused line stands, its class, the server's words, the reason in ours, and the line itself."""
    message = shown(line.message.encode(errors="surrogateescape"), LONGEST_MESSAGE)
    place = f"{shown(name.encode(errors='surrogateescape'), LONGEST_MESSAGE)}:{before + line.line}"
    return f"{place}: {line.kind}: {message}\n{_wrapped(reason(line))}\n    {shown(line.text, LONGEST_SHOWN)}"


@cache
def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def reason(line: RefusedLine) -> str:
    """Say in plain English why a line is refused; a carriage return at its end is often the reason for another."""
    returned = line.text.endswith(b"\r") and line.kind != "ws.crlf"
    return f"{WHY[line.kind]} {CARRIAGE_RETURN}" if returned else WHY[line.kind]


def shown(data: bytes, longest: int) -> str:
    r"""Give bytes as text fit for a terminal: in one line, no control characters, and cut where it gets too long.

    What cannot be printed is written by its code, as ``\x09`` or ``\u2028``, never as ``\t``: that is something else in
    line protocol.
    """
    out, length = [], 0
    for character in text_of(data[: 4 * longest]):
        piece = character if character.isprintable() else _code(ord(character))
        length += len(piece)
        if length > longest:
            break
        out.append(piece)
    else:
        if len(data) <= 4 * longest:
            return "".join(out)
    return f"{''.join(out)} ... ({len(data)} bytes in all)"


def _code(point: int) -> str:
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02x}"
    return f"\\x{point:02x}" if point < 0x80 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _listed(entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the entries as a JSON array has them, many at a time."""
    comma = "\n"
    for some in batched(entries, 256):
        yield comma + ",\n".join(map(_line, some))
        comma = ",\n"


def _line(entry: dict[str, Any]) -> str:
    text = json.dumps(entry)
    # Only what could not be decoded, and half of a pair, is written so; no reader is obliged to take it.
    if "\\ud" in text:
        try:
            json.dumps(entry, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return json.dumps({**_bytewise(entry), "encoding": "latin1"})
    return text


def _bytewise(value: Any) -> Any:
    """Give a value whose texts have a character for each of their bytes."""
    if isinstance(value, str):
        return value.encode(errors="surrogateescape").decode("latin1")
    if isinstance(value, dict):
        return {_bytewise(key): _bytewise(item) for key, item in value.items()}
    return value


def point_entry(point: Point, before: int = 0) -> dict[str, Any]:
    """Give a point as JSON has it; where a key is repeated the last one counts."""
    return {
        "line": before + point.line,
        "measurement": point.measurement,
        "tags": dict(point.tags),
        "fields": {key: {"type": kind, "value": _finite(value)} for key, kind, value in point.fields},
        "timestamp": point.timestamp,
    }


def refused_entry(line: RefusedLine, before: int = 0) -> dict[str, Any]:
    """Give a refused line as JSON has it."""
    return {
        "line": before + line.line,
        "class": line.kind,
        "message": line.message,
        "reason": reason(line),
        "text": text_of(line.text),
    }


def _finite(value: Value) -> Value:
    """Give a field's value, in words where JSON has no number for it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
