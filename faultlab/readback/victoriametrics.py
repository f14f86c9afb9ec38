"""VictoriaMetrics read back by its export: each field of a point is a sample of a series of its own.

Source: VictoriaMetrics 1.79, "How to export data in JSON line format"; 1.79.5 measured.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from urllib.parse import urlencode

from faultlab.readback.server import Point, ReadBackError, answer

AHEAD = 3 * 86_400
"""Seconds beyond now that are read; the server takes two days."""

DATABASE = "db"
"""The label that a database becomes; a bucket becomes none."""

UNHEARD = "faultlab_asked_at"
"""A label that nothing has."""

SAMPLE = "value"
"""What the one field of a sample is called here; its own name is part of the metric's."""


class VictoriaMetrics:
    """A VictoriaMetrics at a URL."""

    name = "VictoriaMetrics"
    is_exact = False
    unclear: tuple[str, ...] = ()

    def __init__(self, url: str, token: str = "") -> None:
        """Remember where it is; nothing is asked yet."""
        self._url = url
        self._token = token

    def prepare(self, database: str) -> None:
        """Do nothing: it has no databases."""

    def is_empty(self, database: str) -> bool:
        """Whether nothing was written under a database's name, nor under none, as buckets are."""
        return next(self.read(database), None) is None

    def read(self, database: str) -> Iterator[Point]:
        """Yield each sample that was written under a database's name or under none, repetitions included."""
        with answer(self._url, "/internal/force_flush", token=self._token):
            pass
        # It remembers what a question found, an empty database included, so no question is asked twice.
        asked = f'{UNHEARD}!="{time.time_ns()}"'
        query = {
            "match[]": f'{{__name__!="",{DATABASE}=~{json.dumps(f"|{_literal(database)}")},{asked}}}',
            "start": "0",
            "end": str(int(time.time()) + AHEAD),
        }
        with answer(self._url, f"/api/v1/export?{urlencode(query)}", token=self._token) as reply:
            for line in reply:
                yield from _samples(line)


def _literal(name: str) -> str:
    # re.escape knows another grammar than RE2; any character may stand there by its number.
    return "".join(letter if letter.isalnum() else f"\\x{{{ord(letter):x}}}" for letter in name)


def _samples(line: bytes) -> Iterator[Point]:
    """Yield the samples of one series; what is no number stands in it as no JSON has it."""
    series, _, rest = line.decode(errors="surrogateescape").rpartition(',"values":[')
    values, _, times = rest.partition('],"timestamps":[')
    try:
        labels: dict[str, str] = dict(json.loads(f"{series}}}")["metric"])
        numbers = [math.nan if value == "null" else float(value) for value in values.split(",")]
        moments = [int(moment) for moment in times.rstrip().removesuffix("]}").split(",")]
    except (ValueError, KeyError, TypeError) as problem:
        raise ReadBackError(f"/api/v1/export is answered by what is no series: {line[:100]!r}") from problem
    metric = labels.pop("__name__", "")
    labels.pop(DATABASE, None)
    tags = tuple(sorted(labels.items()))
    for number, moment in zip(numbers, moments, strict=True):
        yield Point(metric, tags, moment, ((SAMPLE, "float", number),))


__all__ = ["SAMPLE", "VictoriaMetrics"]
