r"""The grammar of InfluxDB 1.x and 2.x: a separator is escaped when the byte right before it is a backslash.

Backslashes are not counted, so ``x\\,`` is an escaped comma. Storage reads the fields a second time with rules of its
own, and its reading is the one that counts: ``"a"b`` is the string ``a"``.

Source: InfluxDB 1.8 and 2.x ``models/points.go``; bodies measured against 1.6.7.
"""

from __future__ import annotations

import math
import re

from faultlab.lineprotocol import tokens
from faultlab.lineprotocol.value import FieldType, Flaw, Reading, Value, text_of

MAX_KEY = 65535
KEY_SEPARATOR = 4
_BLANKS = re.compile(rb"[ \t\x00]*+")
_MEASUREMENT_ENDS = re.compile(rb"(?<!\\)[, ]")
_KEY_ENDS = re.compile(rb"(?<!\\)[=, ]")
_FIELD_KEY_ENDS = re.compile(rb"(?<!\\)=")
_FIELD_STOPS = re.compile(rb'\\[\s\S]|["=, ]')
_QUOTED = re.compile(rb'(?:[^"\\]++|\\[\s\S])*+')
_TOKEN = re.compile(rb"[^, ]*+")
_STORED_VALUE = re.compile(rb'(?:[^",\\]++|\\["\\]?+|"(?:[^"\\]++|\\["\\]?+)*+(?:"|\Z))*+')
_FLOAT = re.compile(rb"-?+(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][-+]?+[0-9]++)?+")
_FLOAT_LIKE = re.compile(rb"-?+(?:[0-9.]|(?<=.)[eE][-+]?+)++")
_INTEGER = re.compile(rb"-?+[0-9]++i")
_UNSIGNED = re.compile(rb"[0-9]++u")
_TIMESTAMP = re.compile(rb"-?+[0-9]*+")
_ESCAPED_NAME = re.compile(rb'\\([," =])')
_ESCAPED_TAG = re.compile(rb"\\([, =])")


def scan(line: bytes, *, unsigned: bool) -> Reading:
    """Read one line without leading blanks and line feed; raises Flaw."""
    key_end, tags, measurement = _key(line)
    if key_end > MAX_KEY:
        raise Flaw("limit.key-size", f"max key length exceeded: {key_end} > {MAX_KEY}")
    start = _skip(line, key_end)
    end = _fields_end(line, start, unsigned=unsigned)
    fields = _stored(line[start:end], key_end)
    return Reading(measurement, tags, fields, _timestamp(line, end))


def _skip(line: bytes, at: int) -> int:
    found = _BLANKS.match(line, at)
    return found.end() if found else at


def _key(line: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    if line[:1] == b",":
        raise Flaw("structure.missing-measurement", "missing measurement")
    found = _MEASUREMENT_ENDS.search(line, 1)
    if found is None:
        raise Flaw("structure.missing-fields", "missing fields")
    measurement = _ESCAPED_NAME.sub(rb"\1", line[: found.start()])
    tags: list[tuple[bytes, bytes]] = []
    keys: set[bytes] = set()
    repeated = False
    while found[0] == b",":
        at = found.end()
        if line[at : at + 1] in b" ,=":
            raise Flaw("tag.empty-key", "missing tag key")
        equals = _KEY_ENDS.search(line, at + 1)
        if equals is None or equals[0] != b"=":
            raise Flaw("tag.no-equals", "missing tag value")
        value = equals.end()
        if line[value : value + 1] in b" ,":
            raise Flaw("tag.empty-value", "missing tag value")
        found = _KEY_ENDS.search(line, value + 1)
        if found is None:
            raise Flaw("structure.missing-fields", "missing fields")
        if found[0] == b"=":
            raise Flaw("tag.equals-in-value", "invalid tag format")
        key = line[at : equals.start()]
        repeated = repeated or key in keys
        keys.add(key)
        tags.append((_ESCAPED_TAG.sub(rb"\1", key), _ESCAPED_TAG.sub(rb"\1", line[value : found.start()])))
    if repeated:
        raise Flaw("tag.duplicate", "duplicate tags")
    return found.start(), tags, measurement


def _fields_end(line: bytes, start: int, *, unsigned: bool) -> int:
    equals = commas = 0
    at = start
    while found := _FIELD_STOPS.search(line, at):
        mark, at = found[0], found.end()
        if mark == b" ":
            at = found.start()
            break
        if mark == b",":
            commas += 1
        elif mark == b'"' and equals > commas:
            at = _past_string(line, at)
        elif mark == b"=":
            equals += 1
            _check_key(line, found.start())
            at = _past_value(line, at, unsigned=unsigned)
    else:
        at = len(line)
    if equals == 0 or commas != equals - 1:
        kind = "structure.missing-fields" if equals == 0 else "field.no-equals"
        raise Flaw(kind, "invalid field format")
    return at


def _past_string(line: bytes, at: int) -> int:
    found = _QUOTED.match(line, at)
    end = found.end() if found else at
    if line[end : end + 1] != b'"':
        raise Flaw("string.unterminated", "unbalanced quotes")
    return end + 1


def _check_key(line: bytes, at: int) -> None:
    if line[at - 1 : at] in {b" ", b","} and line[at - 2 : at - 1] != b"\\":
        raise Flaw("field.empty-key", "missing field key")


def _past_value(line: bytes, at: int, *, unsigned: bool) -> int:
    """Check a number or a boolean and give where it ends; a string is left to the caller, its quote unread."""
    first = line[at : at + 1]
    if first in {b"", b",", b" "}:
        raise Flaw("field.empty-value", "missing field value")
    if first == b'"':
        return at
    found = _TOKEN.match(line, at)
    text = found[0] if found else b""
    if first in b"0123456789.-Nn":
        _check_number(text, unsigned=unsigned)
    elif text not in tokens.BOOLEANS:
        raise tokens.value_flaw(text, "invalid boolean")
    return at + len(text)


def _check_number(text: bytes, *, unsigned: bool) -> None:
    if _INTEGER.fullmatch(text):
        if tokens.signed_of(text[:-1]) is None:
            raise Flaw("int.overflow", _out_of_range("integer", "ParseInt", text[:-1]))
    elif unsigned and _UNSIGNED.fullmatch(text):
        if tokens.unsigned_of(text[:-1]) is None:
            raise Flaw("uint.overflow", _out_of_range("unsigned", "ParseUint", text[:-1]))
    elif _FLOAT.fullmatch(text):
        if not math.isfinite(float(text)):
            raise Flaw("float.overflow", "invalid float")
    elif _FLOAT_LIKE.fullmatch(text) and text.count(b".") <= 1 and (b"e" in text or b"E" in text):
        raise tokens.value_flaw(text, "invalid float")
    else:
        raise tokens.value_flaw(text, "invalid number")


def _out_of_range(what: str, reader: str, digits: bytes) -> str:
    text = digits.decode("ascii")
    return f'unable to parse {what} {text}: strconv.{reader}: parsing "{text}": value out of range'


def _stored(section: bytes, key_end: int) -> list[tuple[bytes, FieldType, Value]]:
    """Read the fields the way storage does; raises Flaw where it disagrees with the check before it."""
    fields: list[tuple[bytes, FieldType, Value]] = []
    at = 0
    while at < len(section):
        found = _FIELD_KEY_ENDS.search(section, at)
        key = section[at : found.start() if found else None]
        size = key_end + KEY_SEPARATOR + len(key)
        if size > MAX_KEY:
            raise Flaw("limit.key-size", f"max key length exceeded: {size} > {MAX_KEY}")
        if found is None:
            raise Flaw("escape.trailing-backslash", f"invalid value: field-key={text_of(key)}")
        start = found.end()
        value = _STORED_VALUE.match(section, start)
        text = value[0] if value else b""
        at = start + len(text) + 1
        if text:
            fields.append((_ESCAPED_NAME.sub(rb"\1", key), *_typed(text)))
    return fields


def _typed(text: bytes) -> tuple[FieldType, Value]:
    if text == b'"':
        # Storage takes off two quotes where there is one, which ends the server: no answer is ever given.
        raise Flaw("server-crash.field-value", "slice bounds out of range")
    if text[:1] == b'"':
        return "string", tokens.string_of(text[1:-1])
    if text in tokens.BOOLEANS:
        return "boolean", tokens.BOOLEANS[text]
    if _INTEGER.fullmatch(text) or _UNSIGNED.fullmatch(text) or _FLOAT.fullmatch(text):
        typed = tokens.value_of(text)
        if typed is not None:
            return typed
    shown = text_of(text)
    raise Flaw("server-500.field-value", f'unable to parse floating point value "{shown}"')


def _timestamp(line: bytes, at: int) -> int | None:
    start = _skip(line, at)
    found = _TIMESTAMP.match(line, start)
    text = found[0] if found else b""
    end = start + len(text)
    if line[end : end + 1] not in {b"", b" ", b"\n"}:
        raise Flaw("timestamp.invalid", "bad timestamp")
    if not text:
        return None
    number = tokens.signed_of(text) if text != b"-" else None
    if number is None:
        shown = text.decode("ascii")
        why = "invalid syntax" if text == b"-" else "value out of range"
        raise Flaw("timestamp.overflow", f'strconv.ParseInt: parsing "{shown}": {why}')
    if line[end:].strip(b" "):
        raise Flaw("structure.trailing-token", "point is invalid")
    return number
