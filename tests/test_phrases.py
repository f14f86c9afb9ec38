"""Phrases are found in a text whatever they have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab.phrases import Phrases

LEAST = 3
PHRASES = st.lists(st.text("ab", min_size=LEAST, max_size=9), max_size=12)
TEXTS = st.text("ab", max_size=40)


@given(PHRASES, TEXTS)
def test_all_phrases_in_a_text_are_found(phrases: list[str], text: str) -> None:
    """Those that overlap, that begin with another and that stand in another, too."""
    assert {phrase for phrase in phrases if phrase in text} == Phrases(phrases, LEAST).all_in(text)


@given(PHRASES, TEXTS)
def test_the_longest_phrases_in_a_text_are_found(phrases: list[str], text: str) -> None:
    """All of the greatest length, wherever they stand."""
    inside = {phrase for phrase in phrases if phrase in text}
    longest = max(map(len, inside), default=0)

    assert {phrase for phrase in inside if len(phrase) == longest} == Phrases(phrases, LEAST).longest_in(text)


def test_no_phrase_is_shorter_than_said() -> None:
    """It would never be found."""
    with pytest.raises(ValueError, match="a phrase of 2 characters; expected 3 or more"):
        Phrases(["abc", "ab"], LEAST)


def test_phrases_that_begin_each_other_are_found() -> None:
    """Each of a thousand that begin with all the shorter ones."""
    phrases = ["a" * size for size in range(LEAST, 1000)]

    assert (set(phrases), {phrases[-1]}) == (
        Phrases(phrases, LEAST).all_in(phrases[-1]),
        Phrases(phrases, LEAST).longest_in(phrases[-1] + "b"),
    )
