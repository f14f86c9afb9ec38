"""How much of a history's text a page takes: whatever a run did, its page has a bound."""

from __future__ import annotations

import json

from faultlab.reports.wording import clean, clipped

LEFT_OUT = "(left out: the page is full)"
"""What stands for a text that found no room."""

_GROWTH = 7
"""Bytes by which one of ``&<>"'`` may grow, as JSON within HTML or as HTML."""


class Room:
    """The bytes that are left for text from a history, and what they were given to."""

    def __init__(self, size: int) -> None:
        """Begin with so many bytes."""
        self.left = size
        self.refused = 0

    def fit(self, text: str, most: int) -> str:
        """Give the text, clean and of at most so many characters, or ``LEFT_OUT``, which is counted in ``refused``."""
        short = clipped(clean(text[: most + 1]), most)
        cost = len(json.dumps(short)) + _GROWTH * sum(map(short.count, "&<>\"'"))
        if cost > self.left:
            self.refused += 1
            return LEFT_OUT
        self.left -= cost
        return short


class Texts:
    """Texts for the page, each held once and known by its number; number 0 is the empty text."""

    def __init__(self, room: Room) -> None:
        """Hold nothing but the empty text; the others come out of a room."""
        self.all = [""]
        self._room = room
        self._numbers = {"": 0}

    def number(self, text: str, most: int) -> int:
        """Give the number of a text, shortened to so many characters."""
        short = text[: most + 1]
        if short not in self._numbers:
            self._numbers[short] = len(self.all)
            self.all.append(self._room.fit(short, most))
        return self._numbers[short]
