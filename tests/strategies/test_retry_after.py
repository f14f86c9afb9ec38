"""Retry-After: every form of it, each with what RFC 9110 makes of it."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab.faults.retry_after import GARBAGE, HUGE
from faultlab.strategies import RetryAfter, retry_after_values
from faultlab.strategies.retry_after import LAST_DATE
from tests.strategies.draws import CALM, drawn, minimal


@pytest.mark.parametrize(
    ("values", "simplest"),
    [
        (retry_after_values(), RetryAfter(("0",), 0, date=False)),
        (retry_after_values(hostile=False), RetryAfter(("0",), 0, date=False)),
        (retry_after_values(legal=False), RetryAfter(("-1",), None, date=False)),
    ],
)
def test_shrinks_towards_the_simplest(values: st.SearchStrategy[RetryAfter], simplest: RetryAfter) -> None:
    """Every choice shrinks towards what its description says."""

    assert simplest == minimal(values)


@CALM
@given(retry_after_values())
def test_meaning_is_the_grammars(value: RetryAfter) -> None:
    """The meaning told is the one RFC 9110 gives: one line, digits or one of three forms of date, blanks around it."""
    text = value.values[0].strip(" \t")
    digits = re.fullmatch("[0-9]+", text) if len(value.values) == 1 else None
    date = len(value.values) == 1 and any(re.fullmatch(form, text) for form in DATES)
    moment = _moment(text) if date else None

    assert (bool(date and moment is not None), int(text) if digits else moment) == (value.date, value.seconds)


DATES = (
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT",
    r"(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT",
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}",
)


def _moment(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text if text.endswith("GMT") else f"{text} GMT").timestamp())
    except ValueError:
        return None


def test_every_form_of_retry_after_is_drawn() -> None:
    """Seconds, padded seconds, each form of date; negative, fraction, each garbage, empty, repeated and huge."""
    seen = drawn(retry_after_values(), 1500)
    texts = {value.values[0] for value in seen}
    forms = {
        "zeros": any(re.fullmatch("00[0-9]+", text) for text in texts),
        "padded": any(re.fullmatch(r" \d+\t", text) for text in texts),
        "negative": any(text.startswith("-") and len(text) > 1 for text in texts),
        "fraction": any(re.fullmatch(r"\d+\.\d", text) for text in texts),
        "repeated": any(len(value.values) == 2 for value in seen),
        "huge": any((value.seconds or 0) >= HUGE and not value.date for value in seen),
        "garbage": {"", *GARBAGE} <= texts,
        "dates": all(any(re.fullmatch(form, text) for text in texts) for form in DATES),
    }

    assert [] == [form for form, found in forms.items() if not found]


@CALM
@given(retry_after_values(hostile=False))
def test_legal_values_mean_something_sane(value: RetryAfter) -> None:
    """A legal value has a meaning: a delay of at most an hour, or a date that exists."""

    assert 0 <= (value.seconds if value.seconds is not None else -1) <= (LAST_DATE if value.date else 3600)


@CALM
@given(retry_after_values(legal=False))
def test_hostile_values_mean_nothing_sane(value: RetryAfter) -> None:
    """A hostile value means nothing, or a delay of ages."""

    assert value.seconds is None or value.seconds >= HUGE


def test_neither_legal_nor_hostile_is_refused() -> None:
    """Asking for no value at all is a mistake, not an empty strategy."""
    with pytest.raises(ValueError, match=r"^legal and hostile are both False; expected at least one to be True$"):
        retry_after_values(legal=False, hostile=False)
