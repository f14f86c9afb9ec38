"""Every form of Retry-After: the header lines, and what RFC 9110 makes of them."""

from __future__ import annotations

import math
import re
from collections import Counter
from email.utils import parsedate_to_datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab.faults import RateLimit, Unavailable
from faultlab.faults.retry_after import FORMS, GARBAGE, HOSTILE, HUGE, LEGAL, LONGEST, values
from tests.faults.scenes import NOW, scene, sent, told

DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")


def meaning(lines: tuple[str, ...]) -> tuple[str, int | None]:
    """Give what RFC 9110 section 10.2.3 makes of the header: ``seconds``, ``date`` or ``nothing``, and the number."""
    if len(lines) != 1:
        return "nothing", None
    text = lines[0].strip(" \t")
    if re.fullmatch("[0-9]+", text):
        return "seconds", int(text)
    if DATE.fullmatch(text):
        try:
            return "date", int(parsedate_to_datetime(text).timestamp())
        except ValueError:
            pass
    return "nothing", None


@pytest.mark.parametrize(
    ("form", "lines", "means"),
    [
        ("seconds", ("5",), ("seconds", 5)),
        ("date", ("Thu, 01 Jan 2026 00:00:05 GMT",), ("date", int(NOW) + 5)),
        ("absent", (), ("nothing", None)),
        ("zero", ("0",), ("seconds", 0)),
        ("negative", ("-5",), ("nothing", None)),
        ("fraction", ("4.1",), ("nothing", None)),
        ("huge", ("1000000000000",), ("seconds", HUGE)),
        ("garbage", ("soon",), ("nothing", None)),
        ("empty", ("",), ("nothing", None)),
        ("padded", ("  5  ",), ("seconds", 5)),
        ("repeated", ("5", "6"), ("nothing", None)),
        ("past_date", ("Wed, 31 Dec 2025 22:59:55 GMT",), ("date", int(NOW) - 3605)),
    ],
)
def test_form_is_written_and_means(form: str, lines: tuple[str, ...], means: tuple[str, int | None]) -> None:
    """Each form gives its header lines, and they mean what the RFC says."""
    made = values(form, 5, NOW, Random(2))

    assert (lines, means) == (made, meaning(made))


def test_every_form_is_in_the_table() -> None:
    """The table above covers every form that is not one of others."""
    table: Any = test_form_is_written_and_means
    (mark,) = (m for m in table.pytestmark if m.name == "parametrize")
    covered = {row[0] for row in mark.args[1]}

    assert set(FORMS) - {"documented", "hostile"} == covered


@given(st.sampled_from(LEGAL), st.integers(0, LONGEST), st.integers(0, 2**33), st.integers(0, 99))
def test_legal_forms_mean_something(form: str, wait: int, now: int, seed: int) -> None:
    """A legal form means a delay or a date, for every wait a knob allows."""
    kind, number = meaning(values(form, wait, now + 0.5, Random(seed)))

    assert (True, True) == (kind in {"seconds", "date"}, number is not None)


@given(st.integers(0, LONGEST), st.integers(0, 2**33), st.sampled_from((0.0, 0.25, 0.999)))
def test_date_is_never_early(wait: int, now: int, part: float) -> None:
    """An HTTP-date names the first whole second at which the wait is over."""
    _, moment = meaning(values("date", wait, now + part, Random(0)))

    assert math.ceil(now + part) + wait == moment


@given(st.integers(0, LONGEST), st.integers(2_000_000_000, 2**33))
def test_past_date_is_past(wait: int, now: int) -> None:
    """A past date lies an hour or more before now."""
    _, moment = meaning(values("past_date", wait, now, Random(0)))

    assert moment is not None
    assert moment <= now - 3600


@pytest.mark.parametrize("form", ["negative", "fraction", "garbage", "empty", "repeated"])
@given(wait=st.integers(0, LONGEST), seed=st.integers(0, 99))
def test_meaningless_forms_mean_nothing(form: str, wait: int, seed: int) -> None:
    """A form that is to mean nothing does so for every wait, zero included."""
    made = values(form, wait, NOW, Random(seed))

    assert ("nothing", None) == meaning(made)


def test_hostile_draws_every_hostile_form() -> None:
    """``hostile`` gives each hostile form sooner or later, and no other."""
    drawn = {_form_of(values("hostile", 5, NOW, Random(seed))) for seed in range(300)}

    assert set(HOSTILE) == drawn


def _form_of(lines: tuple[str, ...]) -> str:
    for form in HOSTILE:
        if lines in {values(form, 5, NOW, Random(seed)) for seed in range(100)}:
            return form
    return "?"


def test_garbage_draws_all_of_it() -> None:
    """Each piece of garbage is given sooner or later."""
    drawn = Counter(values("garbage", 5, NOW, Random(seed))[0] for seed in range(300))

    assert set(GARBAGE) == set(drawn)


@pytest.mark.parametrize("kind", [RateLimit, Unavailable])
@pytest.mark.parametrize(
    ("form", "lines"),
    [
        ("documented", [("seconds", 5)]),
        ("seconds", [("seconds", 5)]),
        ("date", [("date", int(NOW) + 5)]),
        ("absent", []),
        ("zero", [("seconds", 0)]),
        ("negative", [("nothing", None)]),
        ("fraction", [("nothing", None)]),
        ("huge", [("seconds", HUGE)]),
        ("garbage", [("nothing", None)]),
        ("empty", [("nothing", None)]),
        ("padded", [("seconds", 5)]),
        ("repeated", [("seconds", 5), ("seconds", 6)]),
        ("past_date", [("date", int(NOW) - 3605)]),
    ],
)
def test_fault_sends_its_form(kind: type[Any], form: str, lines: list[tuple[str, int | None]]) -> None:
    """The answers of both faults that tell a client to wait carry the form asked for, one header line a value."""
    answer = told(kind(form=form, min_wait=5, max_wait=5).decide(sent(), scene()))
    carried = [meaning((value,)) for name, value in answer.headers if name == "Retry-After"]

    assert lines == carried


@pytest.mark.parametrize(
    ("kind", "profile", "cause", "count"),
    [
        (RateLimit, "serverless", None, 1),
        (RateLimit, "serverless", "cardinality", 0),
        (RateLimit, "dedicated", None, 0),
        (RateLimit, "oss2", None, 1),
        (Unavailable, "serverless", "service", 1),
        (Unavailable, "serverless", "replication", 0),
        (Unavailable, "serverless", "nginx", 0),
        (Unavailable, "dedicated", None, 0),
    ],
)
def test_documented_form_is_the_rows_own(kind: type[Any], profile: str, cause: str | None, count: int) -> None:
    """``documented`` adds the header exactly where the documents of that answer have it."""
    answer = told(kind(cause=cause).decide(sent(), scene(profile)))

    assert count == sum(name == "Retry-After" for name, _ in answer.headers)


@given(low=st.integers(0, 50), more=st.integers(0, 50), seed=st.integers(0, 999))
def test_wait_stays_in_its_range(low: int, more: int, seed: int) -> None:
    """The drawn wait lies in the range the knobs give, ends included."""
    answer = told(RateLimit(min_wait=low, max_wait=low + more).decide(sent(), scene(seed=seed)))
    _, wait = meaning((answer.header("Retry-After") or "",))

    assert wait in range(low, low + more + 1)
