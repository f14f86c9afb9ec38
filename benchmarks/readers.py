"""Other ways to read line protocol, each as somebody might write it. They take one line for what stands in one.

Each gives its points in a form of its own; ``identities`` makes them comparable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

try:
    from line_protocol_parser import LineFormatError, parse_line
except ImportError:
    parse_line = None

type Identity = tuple[str, tuple[tuple[str, str], ...], int | None]
type Tags = dict[str, str]

INSTALLED = parse_line is not None


def c_extension(body: bytes) -> list[dict[str, Any]]:
    """Read with line-protocol-parser, a C extension that takes one line at a time."""
    points = []
    for line in body.split(b"\n"):
        try:
            point = parse_line(line)
        except LineFormatError:
            continue
        if point:
            points.append(point)
    return points


NAIVE = re.compile(r'((?:\\.|[^ ,\\])+)((?:,(?:\\.|[^ \\])+)?) ((?:\\.|"(?:\\.|[^"\\])*"|[^ "\\])+)(?: (-?\d+))?')
NAIVE_TAG = re.compile(r",((?:\\.|[^,=\\])+)=((?:\\.|[^,=\\])+)")
NAIVE_FIELD = re.compile(r'((?:\\.|[^,=\\])+)=("(?:\\.|[^"\\])*"|[^,"]+)')


def naive(body: bytes) -> list[dict[str, Any]]:
    """Read with one match and two searches a line; it passes over whatever does not look like a tag or a field."""
    points = []
    for line in body.decode().split("\n"):
        found = NAIVE.fullmatch(line)
        if found is None or line.startswith("#"):
            continue
        measurement, tags, fields, stamp = found.groups()
        points.append(
            {
                "measurement": plain(measurement),
                "tags": {plain(key): plain(value) for key, value in NAIVE_TAG.findall(tags)},
                "fields": {plain(key): typed(value) for key, value in NAIVE_FIELD.findall(fields)},
                "time": int(stamp) if stamp else None,
            }
        )
    return points


BOOLEANS = {word: word[0] in "tT" for word in re.findall(r"\w+", "t T true True TRUE f F false False FALSE")}
MEASUREMENT = re.compile(r"(?:[^, \\]++|\\.)++")
NAME = re.compile(r"(?:[^,= \\]++|\\.)++")
VALUE = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^, "]++')
STAMP = re.compile(r"-?\d+")


def scanner(body: bytes) -> list[dict[str, Any]]:
    """Read token by token, one expression each."""
    points = []
    for line in body.decode().split("\n"):
        if line and not line.startswith("#"):
            try:
                points.append(scan(line))
            except (ValueError, IndexError):
                continue
    return points


def scan(line: str) -> dict[str, Any]:
    """Read one line; raises ValueError or IndexError."""
    measurement, at = token(MEASUREMENT, line, 0)
    tags, fields = {}, {}
    while line[at] == ",":
        key, at = token(NAME, line, at + 1)
        value, at = token(NAME, line, skip(line, at, "="))
        tags[plain(key)] = plain(value)
    at = skip(line, at, " ") - 1
    while True:
        key, at = token(NAME, line, at + 1)
        value, at = token(VALUE, line, skip(line, at, "="))
        fields[plain(key)] = typed(value)
        if at == len(line) or line[at] != ",":
            break
    stamp = None
    if at < len(line):
        stamp, at = token(STAMP, line, skip(line, at, " "))
    if at != len(line):
        raise ValueError(line)
    return {"measurement": plain(measurement), "tags": tags, "fields": fields, "time": stamp and int(stamp)}


def token(kind: re.Pattern[str], line: str, at: int) -> tuple[str, int]:
    """Give a token and where it ends; raises ValueError."""
    found = kind.match(line, at)
    if found is None:
        raise ValueError(line)
    return found[0], found.end()


def skip(line: str, at: int, mark: str) -> int:
    """Give where a mark ends; raises ValueError or IndexError where it does not stand."""
    if line[at] != mark:
        raise ValueError(line)
    return at + 1


def plain(text: str) -> str:
    """Give a name without its escapes."""
    return re.sub(r"\\([,= ])", r"\1", text) if "\\" in text else text


def typed(text: str) -> Any:
    """Give a field's value; raises ValueError."""
    if text[0] == '"':
        return re.sub(r'\\(["\\])', r"\1", text[1:-1]) if "\\" in text else text[1:-1]
    if text in BOOLEANS:
        return BOOLEANS[text]
    return int(text[:-1]) if text[-1] in "iu" else float(text)


_PLAIN = rb"[^\x00-\x20\x7f,=\\]"
_NAME = rb"(?![,= \n])" + _PLAIN + rb"*+(?:\\[,= ]" + _PLAIN + rb"*+)*+"
_SERIES = rb"(?![#, \n])[^\x00-\x20\x7f,\\]*+(?:\\[, ][^\x00-\x20\x7f,\\]*+)*+(?:," + _NAME + rb"=" + _NAME + rb")*+"
_NUMBER = rb"-?+[0-9]++(?:i|(?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+)|[0-9]++u"
_BOOLEAN = rb"t(?:rue)?+|f(?:alse)?+|T(?:rue|RUE)?+|F(?:alse|ALSE)?+"
_STRING = rb'"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"'
_FIELD = _NAME + rb"=(?>" + _NUMBER + rb"|" + _BOOLEAN + rb"|" + _STRING + rb")"
STRICT = re.compile(
    rb"^(" + _SERIES + rb") (" + _FIELD + rb"(?:," + _FIELD + rb")*+)(?: (-?+[0-9]++))?+$", re.MULTILINE
)


def expression(body: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Find every line that one strict expression matches, as slices: no name is unescaped, no value converted."""
    return STRICT.findall(body)


def dictionaries(points: list[dict[str, Any]]) -> Iterator[Identity]:
    """Give the identities of points that are dictionaries."""
    return ((one["measurement"], tuple(sorted(one["tags"].items())), one["time"]) for one in points)


def slices(points: list[tuple[bytes, bytes, bytes]]) -> Iterator[Identity]:
    """Give the identities of points that are slices."""
    for series, _, stamp in points:
        measurement, at = token(MEASUREMENT, series.decode(), 0)
        tags = sorted((plain(key), plain(value)) for key, value in NAIVE_TAG.findall(series.decode(), at))
        yield plain(measurement), tuple(tags), int(stamp) if stamp else None


PEERS: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], Iterator[Identity]]]] = {
    "one strict expression, slices": (expression, slices),
    "naive expressions, dictionaries": (naive, dictionaries),
    "token by token, dictionaries": (scanner, dictionaries),
}
