"""What upstream said it holds, as far as it tells of single points whether they are there."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from faultlab.exchange import Exchange
from faultlab.history import History
from faultlab.ledger.roll import Roll
from faultlab.ledger.rows import digest_of
from faultlab.record import STORED, HistoryError, ReadBack

UNKNOWN = -1
SOME = 127
"""One copy or more: a server that keeps one of each point does not tell how often it was stored."""

_DIGITS = 11
"""Digits after the first in which the value of a sample has to agree; VictoriaMetrics may lose those that follow."""

_LABELS, _NAME, _VALUE = 28, 256, 16_384
"""What a series may have before VictoriaMetrics leaves something out: labels, bytes of a name, bytes of a value."""

_UNFINDABLE = re.compile(r'\\[,"= ]')
r"""Measurements that InfluxDB 1 indexes under another name than it stores them: no query finds ``m\,x``."""


class Holding:
    """Says of a point how many copies upstream holds; reads what upstream said once, in a few numbers a field."""

    def __init__(self, history: History, said: ReadBack) -> None:
        """Read the file; raises HistoryError where it is not what upstream said."""
        self._database = said.database
        self._unclear = frozenset(said.unclear)
        self._values, self._moments = Roll(), Roll()
        add = self._add_point if said.exact else self._add_sample
        self._copies = self._of_point if said.exact else self._of_sample
        for measurement, tags, time, fields in _rows(history):
            add(measurement, tuple([(key, value) for key, value in tags]), time, fields)

    def covers(self, exchange: Exchange) -> bool:
        """Whether what a request writes is in what was read: in that database, by its default retention policy."""
        return exchange.database == self._database and not exchange.parameter("rp")

    def copies(self, loose: Any) -> int:
        """Give how many copies of a point with a timestamp are there, or ``SOME``, or ``UNKNOWN``."""
        measurement, tags, time, fields = loose
        if measurement in self._unclear or _has_odd_bytes(measurement, tags, fields):
            return UNKNOWN
        return self._copies(measurement, tags, time, {name: given for name, *given in fields})

    def _add_point(self, measurement: str, tags: Any, time: int, fields: Any) -> None:
        for name, kind, value in fields:
            self._values.add(digest_of((measurement, tags, time, ((name, kind, value),))))
            self._moments.add(hash((measurement, tags, str(time), name)))

    def _of_point(self, measurement: str, tags: Any, time: int, fields: dict[str, Any]) -> int:
        if _UNFINDABLE.search(measurement):
            return UNKNOWN
        found = [
            digest_of((measurement, tags, time, ((name, *given),))) in self._values for name, given in fields.items()
        ]
        if all(found):
            return SOME
        # A later point may have overwritten some of its fields, or given it others.
        there = (hash((measurement, tags, str(time), name)) in self._moments for name in fields)
        return UNKNOWN if any(found) or any(there) else 0

    def _add_sample(self, metric: str, tags: Any, time: int, fields: Any) -> None:
        for _, _, value in fields:
            self._values.add(hash((metric, tags, str(time), _spelt(value))))
            self._moments.add(hash((metric, tags, str(time))))

    def _of_sample(self, measurement: str, tags: Any, time: int, fields: dict[str, Any]) -> int:
        if len(tags) > _LABELS or any(
            name == "db" or len(name.encode()) > _NAME or len(value.encode()) > _VALUE for name, value in tags
        ):
            return UNKNOWN
        # Towards zero, as Go divides.
        moment = str(int(math.copysign(abs(time) // 1_000_000, time)))
        counts = set()
        for name, (_, value) in fields.items():
            metric = f"{measurement}_{name}" if measurement else name
            count = sum(self._values.count(hash((metric, tags, moment, text))) for text in _spellings(value))
            if not count and hash((metric, tags, moment)) in self._moments:
                return UNKNOWN
            counts.add(count)
        return min(counts.pop(), SOME - 1) if len(counts) == 1 else UNKNOWN


def _rows(history: History) -> Iterator[tuple[str, Any, int, Any]]:
    assert history.path is not None
    path = history.path / STORED
    try:
        with path.open(encoding="ascii") as file:
            for number, line in enumerate(file, 1):
                try:
                    measurement, tags, time, fields = json.loads(line)
                    yield measurement, tags, int(time), [tuple(field) for field in fields]
                except (ValueError, TypeError) as problem:
                    raise HistoryError(f"{path}:{number}: not a point ({problem})") from problem
    except OSError as problem:
        raise HistoryError(f"{path}: {problem.strerror}; expected what upstream said it holds") from problem


def _has_odd_bytes(measurement: str, tags: Any, fields: Any) -> bool:
    """Whether a point has bytes that are no UTF-8, which no server gives back as they were."""
    names = (name for name, *_ in fields)
    values = (value for *_, value in fields if isinstance(value, str))
    return any(not text.isascii() and _is_odd(text) for text in chain((measurement,), *tags, names, values))


def _is_odd(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _spelt(value: float) -> str:
    return f"{value:.{_DIGITS}e}"


def _spellings(value: Any) -> set[str]:
    """Give how the value of a field may be spelt as a sample: a text is the number it spells, or 0."""
    if isinstance(value, str):
        value = float(value) if re.fullmatch("-?[0-9]+([.][0-9]+)?", value) else 0.0
    number = float(value)
    return {_spelt(number), *(_spelt(number * (1 + error)) for error in (-1e-14, 1e-14))}


__all__ = ["SOME", "UNKNOWN", "Holding"]
