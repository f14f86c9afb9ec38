r"""The grammar of InfluxDB 3: a backslash pairs with the byte after it, so ``\\`` is one backslash and escapes no more.

Text that a pair leaves ending in a backslash is refused. Commas may stand in field keys and tag keys, equals signs in
tag values.

Source: the ``influxdb_line_protocol`` crate of InfluxDB 3.10, built with large strings; bodies run through it.
"""

from __future__ import annotations

import re
from typing import NoReturn

from faultlab.lineprotocol import tokens
from faultlab.lineprotocol.value import FieldType, Flaw, Reading, Value, text_of

LONGEST_TEXT = 1024 * 1024
_SHOWN = 10
_MEASUREMENT = re.compile(rb"(?:[^ \t\n\x00,\\]++|\\[\s\S])*+\\?+")
_KEY = re.compile(rb"(?:[^ \t\n=\\]++|\\[\s\S])*+\\?+")
_TAG_VALUE = re.compile(rb"(?:[^ \t\n,\\]++|\\[\s\S])*+\\?+")
_PAIR = re.compile(rb"\\([\s\S])")
_BLANKS = re.compile(rb" *+")
_INTEGER = re.compile(rb"(-?+[0-9]++)i")
_UNSIGNED = re.compile(rb"([0-9]++)u")
_FLOAT = re.compile(rb"-?+[0-9]++(?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+")
_STRING = re.compile(rb'"((?:[^"\\]++|\\["\\]?+)*+)"')
_BOOLEAN = re.compile(rb"true|True|TRUE|t|T|false|False|FALSE|f|F")
_TIMESTAMP = re.compile(rb"-?+[0-9]++")
_TOKEN = re.compile(rb"[^, ]*+")


def scan(line: bytes, *, unsigned: bool) -> Reading:
    """Read one line without leading blanks and line feed; raises Flaw."""
    measurement, at = _text(_MEASUREMENT, line, 0, b", \\")
    if not at:
        raise Flaw("structure.missing-measurement", "Invalid measurement was provided")
    tags: list[tuple[bytes, bytes]] = []
    first = at + 1
    while line[at : at + 1] == b",":
        key, end = _text(_KEY, line, at + 1, b",= \\")
        if end == at + 1:
            raise Flaw("tag.empty-key", f"Expected tag key, got {_shown(line[end:])}")
        if line[end : end + 1] != b"=":
            raise Flaw("tag.no-equals", f"Tag set malformed: could not find equals sign in {_shown(line[first:])}")
        value, at = _text(_TAG_VALUE, line, end + 1, b",= \\")
        if at == end + 1:
            raise Flaw("tag.empty-value", f"Expected tag value, got {_shown(line[at:])}")
        tags.append((key, value))
    start = _skip(line, at)
    if start == at:
        rest = text_of(line[at:])
        got = f"`{rest}`" if rest else "end of input"
        kind = "ws.tab-separator" if rest else "structure.missing-fields"
        raise Flaw(kind, f"Expected at least one space character, got {got}")
    fields, at = _fields(line, start)
    return Reading(measurement, tags, fields, _timestamp(line, at))


def _skip(line: bytes, at: int) -> int:
    found = _BLANKS.match(line, at)
    return found.end() if found else at


def _shown(rest: bytes) -> str:
    """Give the first ten characters of what is left, the way the messages show it."""
    if not rest:
        return "end of input"
    text = text_of(rest[: 4 * (_SHOWN + 1)])
    return f"`{text[:_SHOWN]}...`" if len(rest) > _SHOWN else f"`{text}`"


def _text(token: re.Pattern[bytes], line: bytes, at: int, escapable: bytes) -> tuple[bytes, int]:
    found = token.match(line, at)
    text, end = (found[0], found.end()) if found else (b"", at)
    if b"\\" in text:
        text = _PAIR.sub(lambda pair: pair[1] if pair[1] in escapable else pair[0], text)
        if text.endswith(b"\\"):
            message = "Measurements, tag keys and values, and field keys may not end with a backslash"
            raise Flaw("escape.trailing-backslash", message)
    if len(text) > LONGEST_TEXT:
        raise Flaw("limit.string", "String is greater than 1MB")
    return text, end


def _fields(line: bytes, start: int) -> tuple[list[tuple[bytes, FieldType, Value]], int]:
    field, at = _field(line, start)
    if field is None:
        raise Flaw(_missing(line, start), "No fields were provided")
    fields = [field]
    # The first comma is consumed even if no field follows it, a later one is not: so one trailing comma passes.
    after_first = True
    while line[at : at + 1] == b",":
        field, end = _field(line, at + 1)
        if field is None:
            return fields, at + 1 if after_first else at
        fields.append(field)
        at, after_first = end, False
    return fields, at


def _field(line: bytes, at: int) -> tuple[tuple[bytes, FieldType, Value] | None, int]:
    key, end = _text(_KEY, line, at, b",= \\")
    if end == at or line[end : end + 1] != b"=":
        return None, at
    typed, end = _value(line, end + 1)
    return (None, at) if typed is None else ((key, *typed), end)


def _missing(line: bytes, at: int) -> str:
    """Give the class of a line whose first field is none."""
    found = _KEY.match(line, at)
    end = found.end() if found else at
    if line[end : end + 1] != b"=":
        return "structure.missing-fields"
    if end == at:
        return "field.empty-key"
    value = _TOKEN.match(line, end + 1)
    return tokens.value_kind(value[0] if value else b"")


def _value(line: bytes, at: int) -> tuple[tuple[FieldType, Value] | None, int]:
    if found := _INTEGER.match(line, at):
        number = tokens.signed_of(found[1])
        if number is None:
            raise Flaw("int.overflow", f"Unable to parse integer value `{text_of(found[1])}`")
        return ("integer", number), found.end()
    if found := _UNSIGNED.match(line, at):
        number = tokens.unsigned_of(found[1])
        if number is None:
            raise Flaw("uint.overflow", f"Unable to parse unsigned integer value `{text_of(found[1])}`")
        return ("unsigned", number), found.end()
    if found := _FLOAT.match(line, at):
        return ("float", float(found[0])), found.end()
    if found := _STRING.match(line, at):
        text = tokens.string_of(found[1])
        if len(found[1]) > LONGEST_TEXT and len(text.encode(errors="surrogateescape")) > LONGEST_TEXT:
            raise Flaw("limit.string", "String is greater than 1MB")
        return ("string", text), found.end()
    if found := _BOOLEAN.match(line, at):
        return ("boolean", tokens.BOOLEANS[found[0]]), found.end()
    return None, at


def _timestamp(line: bytes, at: int) -> int | None:
    start = _skip(line, at)
    found = _TIMESTAMP.match(line, start) if start > at else None
    if found is None:
        if at < len(line):
            _trailing(line, at)
        return None
    number = tokens.signed_of(found[0])
    if number is None:
        raise Flaw("timestamp.overflow", f"Unable to parse timestamp value `{text_of(found[0])}`")
    end = _skip(line, found.end())
    if end < len(line):
        _trailing(line, end)
    return number


def _trailing(line: bytes, at: int) -> NoReturn:
    rest = line[at:]
    if rest[:1] == b"\r":
        kind = "ws.crlf"
    elif rest[:1] == b" ":
        kind = "timestamp.invalid" if rest.strip(b" ") else "ws.trailing-space"
    else:
        kind = "structure.trailing-token" if line[at - 1 : at] == b" " else "field.trailing-content"
    raise Flaw(kind, f"Could not parse entire line. Found trailing content: {_shown(rest)}")
