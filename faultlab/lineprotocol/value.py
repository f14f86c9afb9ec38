"""What line protocol says, as values: points, refused lines, and the lines a body is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

type FieldType = Literal["float", "integer", "unsigned", "string", "boolean"]
type Value = float | int | str | bool
type Tags = tuple[tuple[str, str], ...]
type Fields = tuple[tuple[str, FieldType, Value], ...]
type Series = tuple[str, Tags]
type Identity = tuple[str, Tags, int | None]
type LineKind = Literal["point", "comment", "blank"]


@dataclass(frozen=True, slots=True)
class Point:
    """One point, as the dialect reads it.

    ``tags`` are sorted by key. ``fields`` stand in the order written; where a key is repeated the last value counts.
    ``timestamp`` is in nanoseconds since 1970, None where the server's clock decides. ``line`` is the number of the
    first physical line, ``ordinal`` counts only lines that hold or should hold a point; both from 1. ``span`` is where
    its text stands in the body. Names that are no UTF-8 decode with surrogate escapes.
    """

    measurement: str
    tags: Tags
    fields: Fields
    timestamp: int | None
    line: int
    ordinal: int
    span: tuple[int, int]

    @property
    def series(self) -> Series:
        """Measurement and tags."""
        return self.measurement, self.tags

    @property
    def identity(self) -> Identity:
        """What makes two points the same point: measurement, tags and timestamp."""
        return self.measurement, self.tags, self.timestamp


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """One line the dialect does not take, and why.

    ``kind`` is a dotted class: ``schema.…`` where the server parses the line but its storage refuses it, anything else
    where it does not parse. ``message`` is the server family's own reason, without the line it is about.
    """

    line: int
    ordinal: int
    span: tuple[int, int]
    text: bytes
    kind: str
    message: str

    @property
    def is_schema(self) -> bool:
        """Whether the line parses and storage refuses it."""
        return self.kind.startswith("schema.")


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line: ``body[start:end]``, its line feed included.

    ``number`` is the number of its first physical line, from 1. ``ordinal`` is 0 for a comment and a blank line.
    """

    number: int
    ordinal: int
    start: int
    end: int
    kind: LineKind


@dataclass(frozen=True, slots=True)
class Reading:
    """What a grammar finds in one line: names and strings unescaped but still bytes, the timestamp not yet scaled."""

    measurement: bytes
    tags: list[tuple[bytes, bytes]]
    fields: list[tuple[bytes, FieldType, Value]]
    timestamp: int | None


class Flaw(Exception):  # noqa: N818 - it describes a line and never leaves the package
    """Why a line is refused: its kind, and the server family's own words."""

    def __init__(self, kind: str, message: str) -> None:
        """Take both."""
        super().__init__(message)
        self.kind = kind
        self.message = message


def text_of(data: bytes) -> str:
    """Decode UTF-8, bytes that are none as surrogate escapes."""
    return data.decode(errors="surrogateescape")
