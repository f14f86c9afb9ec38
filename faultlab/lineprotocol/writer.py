"""Line protocol written from values: what every InfluxDB reads back as it was given, or an error."""

from __future__ import annotations

import math
import re

from faultlab.lineprotocol.tokens import INT64_MAX, INT64_MIN, UINT64_MAX
from faultlab.lineprotocol.value import Fields, FieldType, Tags, Value

_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def write_line(measurement: str, tags: Tags, fields: Fields, timestamp: int | None = None) -> bytes:
    """Give one line without its line feed; raises ValueError for what line protocol cannot say.

    That is a name that is empty, ends with a backslash, has one before a separator, or holds a control character, and a
    number that is not finite or does not fit its type. The timestamp is written as it is given.
    """
    series = measurement_token(measurement) + b"".join(b",%b=%b" % (name_token(k), name_token(v)) for k, v in tags)
    if not fields:
        raise ValueError(f"measurement {measurement!r} has no fields; expected at least one")
    section = b",".join(name_token(key) + b"=" + value_token(kind, value) for key, kind, value in fields)
    return series + b" " + section + (b"" if timestamp is None else b" %d" % timestamp)


def measurement_token(name: str) -> bytes:
    """Give a measurement with its escapes; raises ValueError."""
    if name.startswith("#"):
        raise ValueError(f"measurement {name!r} begins with '#', which makes its line a comment")
    return _escaped(name, ", ")


def name_token(name: str) -> bytes:
    """Give a tag key, a tag value or a field key with its escapes; raises ValueError."""
    return _escaped(name, ",= ")


def _escaped(name: str, separators: str) -> bytes:
    if not name or name.endswith("\\") or _UNWRITABLE.search(name):
        raise ValueError(f"name {name!r} is empty, ends with a backslash or holds a control character")
    if any("\\" + one in name for one in ',= "\\'):
        raise ValueError(f"name {name!r} has a backslash before a separator, a quote or a backslash")
    for separator in separators:
        name = name.replace(separator, "\\" + separator)
    return name.encode()


def value_token(kind: FieldType, value: Value) -> bytes:
    """Give a field value in the spelling of its type; raises ValueError."""
    if kind == "string":
        text = str(value)
        return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'
    if kind == "boolean":
        return b"true" if value else b"false"
    if kind == "float":
        real = float(value)
        if not math.isfinite(real):
            raise ValueError(f"float {value!r} is not finite")
        return repr(real).encode().removesuffix(b".0")
    low, high = (INT64_MIN, INT64_MAX) if kind == "integer" else (0, UINT64_MAX)
    number = int(value)
    if not low <= number <= high:
        raise ValueError(f"{kind} {number} lies outside {low} to {high}")
    return b"%d%c" % (number, kind[0].encode())
