"""Many numbers in eight bytes each: which are there, how often, and which more than once."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby

_BUCKETS = 4096
"""Small enough that a question about one of ten million numbers touches little memory."""


_NONE = array("q")


class Roll:
    """A multiset of signed 64-bit numbers, such as hashes.

    Numbers are added first and asked for afterwards: the first question after an addition sorts what has changed.
    """

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        """Begin with some numbers."""
        # Sorting holds one bucket at a time as objects, which take five times the room.
        self._buckets: dict[int, array[int]] = defaultdict(_no_numbers)
        self._unsorted: set[int] = set()
        for number in numbers:
            self.add(number)

    def add(self, number: int) -> None:
        """Add one number, once more if it is there."""
        place = number % _BUCKETS
        self._buckets[place].append(number)
        self._unsorted.add(place)

    def count(self, number: int) -> int:
        """Give how often a number was added."""
        bucket = self._bucket(number % _BUCKETS)
        first = bisect_left(bucket, number)
        if first == len(bucket) or bucket[first] != number:
            return 0
        return bisect_right(bucket, number, first) - first

    def repeated(self) -> Iterator[int]:
        """Yield each number that was added more than once, in no order of meaning."""
        for place in self._buckets:
            bucket = self._bucket(place)
            for number, same in groupby(bucket):
                if sum(1 for _ in same) > 1:
                    yield number

    def __contains__(self, number: int) -> bool:
        """Whether a number was added."""
        bucket = self._bucket(number % _BUCKETS)
        place = bisect_left(bucket, number)
        return place < len(bucket) and bucket[place] == number

    def __iter__(self) -> Iterator[int]:
        """Yield all numbers, as often as they were added, in no order of meaning."""
        for place in self._buckets:
            yield from self._bucket(place)

    def __len__(self) -> int:
        """Count the additions."""
        return sum(map(len, self._buckets.values()))

    def _bucket(self, place: int) -> array[int]:
        if place in self._unsorted:
            self._unsorted.discard(place)
            self._buckets[place] = array("q", sorted(self._buckets[place]))
        return self._buckets.get(place, _NONE)


def _no_numbers() -> array[int]:
    return array("q")
