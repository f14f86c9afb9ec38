"""What the application handed over, as its manifest says; read as often as need be and held only as numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator
from functools import cached_property
from typing import Any

from faultlab.history import History
from faultlab.ledger.roll import Roll
from faultlab.ledger.rows import Kind, Row, digest_of, read


class Handed:
    """The lines of a manifest, each known by its digest.

    ``types`` are the types that each field of each measurement has. ``unnamed`` says that some lines have no timestamp
    or are no points.
    """

    def __init__(self, history: History, dialect: str) -> None:
        """Read the manifest once."""
        self._history = history
        self._dialect = dialect
        self._points, self._others = Roll(), Roll()
        self.types: dict[tuple[str, str], set[str]] = defaultdict(set)
        shapes: set[Hashable] = set()
        for row in self.rows():
            (self._points if row.kind is Kind.TIMED else self._others).add(digest_of(row.loose))
            if row.kind is not Kind.FOREIGN:
                loose: Any = row.loose
                shape = loose[0], tuple([field[:2] for field in loose[3]])
                if shape not in shapes:
                    shapes.add(shape)
                    for name, kind in shape[1]:
                        self.types[loose[0], name].add(kind)
        self.unnamed = len(self._others) > 0

    def rows(self) -> Iterator[Row]:
        """Yield each line that is a point or should be one, a piece of the manifest at a time."""
        for piece in self._history.manifest_pieces(self._dialect):
            yield from read(piece, self._dialect)

    def times(self, digest: int) -> int:
        """Give how often a line was handed over."""
        return self._points.count(digest) or self._others.count(digest)

    def digests(self) -> Iterator[int]:
        """Yield those of the points with a timestamp."""
        return iter(self._points)

    def has_point(self, digest: int) -> bool:
        """Whether a point with a timestamp was handed over."""
        return digest in self._points

    def alike(self, loose: Any) -> int:
        """Give how many points were handed over that differ from one in nothing but their time."""
        return self._readings.count(digest_of(reading_of(loose)))

    @cached_property
    def _readings(self) -> Roll:
        return Roll(digest_of(reading_of(row.loose)) for row in self.rows() if row.kind is not Kind.FOREIGN)


def reading_of(loose: Any) -> tuple[Any, ...]:
    """Give a point without its time."""
    return loose[0], loose[1], None, loose[3]
