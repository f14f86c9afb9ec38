"""The points of a body as a sequence: checked when the body is read, built when somebody asks for one."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast, overload

from faultlab.lineprotocol import tokens
from faultlab.lineprotocol.value import Fields, FieldType, Identity, Point, RefusedLine, Value, text_of


@dataclass(frozen=True, slots=True)
class Parsed:
    """A body read whole: its points and its refused lines, each in order."""

    points: Sequence[Point] = ()
    refused: tuple[RefusedLine, ...] = ()

    @property
    def identities(self) -> list[Identity]:
        """Measurement, tags and timestamp of each point, in order; far cheaper than the points themselves."""
        points = self.points
        return points.identities() if isinstance(points, Points) else [point.identity for point in points]


class Points(Sequence[Point]):
    """The points of one body, in order, equal to any sequence of the same points.

    A line of the common core is held as it was read: series, timestamp, text of its fields. Its ``Point`` is built on
    access, each time anew. Any other point is held as it is.
    """

    __slots__ = ("_body", "_held", "_identities", "_names", "_starts", "_stretches")

    def __init__(self, body: bytes) -> None:
        """Begin with no points of this body."""
        self._body = body
        self._identities: list[Identity] = []
        # What else is known of each: the text of its fields, or the point itself.
        self._held: list[bytes | Point] = []
        # Index, line and ordinal of the first of each stretch of points that follow one another line by line.
        self._stretches: list[tuple[int, int, int]] = []
        self._names: dict[bytes, str] = {}
        self._starts: array[int] | None = None

    def extend(self, identities: Sequence[Identity], sections: Sequence[bytes], line: int, ordinal: int) -> None:
        """Take points of the common core by their identity and the text of their fields.

        They stand on physical lines of their own, one after the other, from this one on.
        """
        self._stretches.append((len(self._held), line, ordinal))
        self._identities.extend(identities)
        self._held.extend(sections)

    def append(self, point: Point) -> None:
        """Take one point as it is."""
        self._identities.append(point.identity)
        self._held.append(point)

    def identities(self) -> list[Identity]:
        """Measurement, tags and timestamp of each point; no point is built for it."""
        return self._identities.copy()

    def __len__(self) -> int:
        """Count the points."""
        return len(self._held)

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Point, ...]: ...
    def __getitem__(self, index: int | slice) -> Point | tuple[Point, ...]:
        """Give one point, or those of a slice as a tuple."""
        if isinstance(index, slice):
            return tuple(self[one] for one in range(*index.indices(len(self._held))))
        index = range(len(self._held))[index]
        held = self._held[index]
        if isinstance(held, Point):
            return held
        first, line, ordinal = self._stretches[bisect_right(self._stretches, index, key=lambda s: s[0]) - 1]
        return self._built(index, held, line + index - first, ordinal + index - first)

    def __iter__(self) -> Iterator[Point]:
        """Build one after the other."""
        stretches = iter((*self._stretches, (len(self._held), 0, 0)))
        follows, line, ordinal = next(stretches)
        at = after = 0
        for index, held in enumerate(self._held):
            if index == follows:
                after, at = ordinal - index, line - index
                follows, line, ordinal = next(stretches)
            yield held if isinstance(held, Point) else self._built(index, held, at + index, after + index)

    def __eq__(self, other: object) -> bool:
        """Whether another sequence has the same points in the same order."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show the points as a tuple of them."""
        return repr(tuple(self))

    def _built(self, index: int, section: bytes, line: int, ordinal: int) -> Point:
        measurement, tags, timestamp = self._identities[index]
        start, end = self._line_starts[line - 1 : line + 1]
        return Point(measurement, tags, self._fields(section), timestamp, line, ordinal, (start, end - 1))

    def _fields(self, section: bytes) -> Fields:
        names = self._names
        fields = []
        for key, text in tokens.CORE_FIELD.findall(section):
            name = names.get(key)
            if name is None:
                name = names[key] = text_of(tokens.name_of(key))
            kind, value = cast("tuple[FieldType, Value]", tokens.value_of(text))
            fields.append((name, kind, value))
        return tuple(fields)

    @property
    def _line_starts(self) -> array[int]:
        """Where each physical line of the body starts, and where the one after the last would."""
        if self._starts is None:
            self._starts = array("Q", [0])
            self._starts.extend(found.end() for found in re.finditer(b"\n", self._body))
            if not self._body.endswith(b"\n"):
                self._starts.append(len(self._body) + 1)
        return self._starts
