"""The grammar of VictoriaMetrics: every value becomes a float, infinities too, and a number it cannot read becomes 0.

A backslash pairs with the byte after it. A quote opens a string anywhere in the field section, keys included.

Source: VictoriaMetrics 1.79 ``lib/protoparser/influx``; bodies measured against 1.79.5.
"""

from __future__ import annotations

import math
import re

from faultlab.lineprotocol import tokens
from faultlab.lineprotocol.value import FieldType, Flaw, Reading, Value, text_of

_TO_SPACE = re.compile(rb"(?:[^ \\]++|\\[\s\S]?+)*+")
_TO_COMMA = re.compile(rb"(?:[^,\\]++|\\[\s\S]?+)*+")
_TO_EQUALS = re.compile(rb"(?:[^=\\]++|\\[\s\S]?+)*+")
_QUOTED = rb'|"(?:[^"\\]++|\\[\s\S]?+)*+(?:"|\Z))*+'
_FIELDS_TO_SPACE = re.compile(rb'(?:[^ "\\]++|\\[\s\S]?+' + _QUOTED)
_FIELD_TO_COMMA = re.compile(rb'(?:[^,"\\]++|\\[\s\S]?+' + _QUOTED)
_ESCAPED = re.compile(rb"\\([, =\\])")
_INFINITE = re.compile(rb"(-?+)\+?+inf(?:inity)?+", re.IGNORECASE)
_NO_NUMBER = re.compile(rb"-?+\+?+nan", re.IGNORECASE)
_INTEGER = re.compile(rb"-?+[0-9]++")
_FLOAT = re.compile(rb"-?+[0-9]++(?:\.(?:[0-9]++|(?=[eE])))?+(?:[eE][-+]?+[0-9]++)?+")


def scan(line: bytes, *, unsigned: bool) -> Reading:
    """Read one line without its line end; raises Flaw. A timestamp of 0 is none."""
    key, rest = _cut(_TO_SPACE, line)
    if rest is None:
        raise Flaw("structure.missing-fields", f'cannot find Whitespace I in "{text_of(line)}"')
    measurement, tags = _cut(_TO_COMMA, key)
    rest = rest.lstrip(b" ")
    section, stamp = _cut(_FIELDS_TO_SPACE, rest)
    read = [_field(field) for field in _split(_FIELD_TO_COMMA, section)]
    # A sample that is no number is dropped on its own; the others of its line stay.
    fields: list[tuple[bytes, FieldType, Value]] = [field for field in read if not math.isnan(field[2])]
    if not fields:
        raise Flaw("float.nan", "no field holds a number")
    return Reading(_plain(measurement), _tags(tags), fields, _timestamp(stamp))


def _cut(token: re.Pattern[bytes], text: bytes) -> tuple[bytes, bytes | None]:
    """Give what stands before the separator and what stands after it; None where there is no separator."""
    found = token.match(text)
    end = found.end() if found else len(text)
    return text[:end], text[end + 1 :] if end < len(text) else None


def _split(token: re.Pattern[bytes], text: bytes) -> list[bytes]:
    parts, at = [], 0
    while at <= len(text):
        found = token.match(text, at)
        end = found.end() if found else len(text)
        parts.append(text[at:end])
        at = end + 1
    return parts


def _plain(text: bytes) -> bytes:
    return _ESCAPED.sub(rb"\1", text) if b"\\" in text else text


def _tags(section: bytes | None) -> list[tuple[bytes, bytes]]:
    tags: dict[bytes, bytes] = {}
    for tag in () if section is None else _split(_TO_COMMA, section):
        key, value = _cut(_TO_EQUALS, tag)
        if value is None:
            raise Flaw("tag.no-equals", f'missing tag value for "{text_of(tag)}"')
        if key and value:
            tags[_plain(key)] = _plain(value)
    return list(tags.items())


def _field(text: bytes) -> tuple[bytes, FieldType, float]:
    key, value = _cut(_TO_EQUALS, text)
    if value is None:
        raise Flaw("field.no-equals", f'cannot find field value for "{text_of(text)}"')
    if not key:
        raise Flaw("field.empty-key", "field key cannot be empty")
    return _plain(key), "float", _number(value)


def _number(value: bytes) -> float:
    if not value:
        raise Flaw("field.empty-value", "field value cannot be empty")
    if value[:1] == b'"':
        if len(value) < len(b'""') or value[-1:] != b'"':
            raise Flaw(tokens.value_kind(value), f"missing closing quote for quoted field value {text_of(value)}")
        return _real(value[1:-1])
    if value[-1:] in {b"i", b"u"}:
        digits = value[:-1]
        read = tokens.signed_of if value[-1:] == b"i" else tokens.unsigned_of
        whole = _INTEGER.fullmatch(digits) and (value[-1:] == b"i" or digits[:1] != b"-")
        number = read(digits) if whole else None
        if number is None:
            raise Flaw(tokens.value_kind(value), f'cannot parse integer value "{text_of(value)}"')
        return float(number)
    if value in tokens.BOOLEANS:
        return float(tokens.BOOLEANS[value])
    return _real(value)


def _real(text: bytes) -> float:
    if _FLOAT.fullmatch(text):
        return float(text)
    if found := _INFINITE.fullmatch(text):
        return -math.inf if found[1] else math.inf
    return math.nan if _NO_NUMBER.fullmatch(text) else 0.0


def _timestamp(text: bytes | None) -> int | None:
    if text is None:
        return None
    given = text.lstrip(b" ")
    number = tokens.signed_of(given) if _INTEGER.fullmatch(given) else None
    if number is None:
        raise Flaw("timestamp.invalid", f'cannot parse timestamp "{text_of(given)}"')
    return number or None
