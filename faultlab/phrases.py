"""Which of many phrases a text has, found in time that grows with the text and hardly with their number.

Phrases are kept sorted. At each place of a text the greatest one that is not greater than the rest of it is looked up;
whatever of them begins that rest is this one, or what this one begins with.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator


class Phrases:
    """Phrases of ``least`` characters or more, each once.

    Beside the phrases themselves this takes 16 bytes for each and 100 for each different beginning of ``least``.
    """

    def __init__(self, phrases: Iterable[str], least: int) -> None:
        """Sort them; raises ValueError for a shorter one."""
        self._least = least
        self._phrases = sorted(set(phrases))
        self._longest = max(map(len, self._phrases), default=0)
        if min(map(len, self._phrases), default=least) < least:
            raise ValueError(f"a phrase of {min(map(len, self._phrases))} characters; expected {least} or more")
        self._heads = {phrase[:least] for phrase in self._phrases}
        self._begun_by = array("q", _begun_by(self._phrases))

    def all_in(self, text: str) -> set[str]:
        """Give all phrases that stand in a text."""
        return {phrase for place in self._places(text) for phrase in self._at(text, place)}

    def longest_in(self, text: str) -> set[str]:
        """Give the phrases in a text that no longer one stands in; several where they are of one length."""
        found: set[str] = set()
        length = 0
        for place in self._places(text):
            phrase = next(self._at(text, place), "")
            if len(phrase) > length:
                found, length = set(), len(phrase)
            if len(phrase) == length and phrase:
                found.add(phrase)
        return found

    def _places(self, text: str) -> list[int]:
        """Give where a phrase may begin."""
        heads, least = self._heads, self._least
        return [at for at in range(len(text) - least + 1) if text[at : at + least] in heads] if heads else []

    def _at(self, text: str, place: int) -> Iterator[str]:
        """Yield the phrases that stand at one place, the longest first."""
        index = bisect_right(self._phrases, text[place : place + self._longest]) - 1
        while index >= 0:
            if text.startswith(self._phrases[index], place):
                yield self._phrases[index]
            index = self._begun_by[index]


def _begun_by(phrases: Iterable[str]) -> Iterator[int]:
    """Yield for each of some sorted phrases the index of the longest other one it begins with, or -1."""
    open_: list[tuple[int, str]] = []
    for index, phrase in enumerate(phrases):
        while open_ and not phrase.startswith(open_[-1][1]):
            open_.pop()
        yield open_[-1][0] if open_ else -1
        open_.append((index, phrase))
