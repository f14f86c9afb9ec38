"""What the application under test said, as far as a page takes it: its report, and both ends of its standard error."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from faultlab.history import History
from faultlab.reports.page.room import Room

ENDS = 100
"""How many lines of a standard error are shown from its beginning, and as many from its end."""

REPORTS = 50
"""How many lines of the application's report are shown."""

LINE = 300
"""How many characters of a line are shown."""


@dataclass(frozen=True, slots=True)
class Said:
    """``reports`` are number, what was told and the message; ``stderr`` are numbers and lines, as judgements name them.

    ``reports_beyond`` and ``lines_beyond`` say how many are left out, the latter between ``ENDS`` lines and as many.
    """

    reports: tuple[tuple[int, str, str], ...]
    reports_beyond: int
    stderr: tuple[tuple[int, str], ...]
    lines_beyond: int


def said(history: History, room: Room) -> Said:
    """Give what a run's application said."""
    first: list[tuple[int, str]] = []
    last: deque[tuple[int, str]] = deque(maxlen=ENDS)
    number = 0
    for number, line in enumerate(_lines(history.stderr), 1):
        if number <= ENDS:
            first.append((number, line))
        else:
            last.append((number, line))
    reports = history.reports[:REPORTS]
    return Said(
        tuple(
            (number, room.fit(report.told, LINE), room.fit(report.message, LINE))
            for number, report in enumerate(reports, 1)
        ),
        len(history.reports) - len(reports),
        tuple((number, room.fit(line, LINE)) for number, line in (*first, *last)),
        number - len(first) - len(last),
    )


def _lines(text: str) -> Iterator[str]:
    """Yield the lines one by one, shortened: a list of them may take ten times their size."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start : min(end, start + LINE + 1)]
        start = end + 1
