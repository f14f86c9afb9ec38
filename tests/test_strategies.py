"""The strategies: what they draw lies within bounds, everything is drawn, and they shrink as they say."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from faultlab import contract, faults, strategies
from faultlab.exchange import ENDPOINTS, PING, V1_QUERY, V2_WRITE, Body, Exchange
from faultlab.faults import Catalogue, InternalError, PartialWrite, Quota, RateLimit, Success, UnsupportedMediaType
from faultlab.faults.knob import check_knobs, knobs
from faultlab.faults.retry_after import GARBAGE, HUGE
from faultlab.plan import Plan, Range, Rule
from faultlab.strategies import (
    RetryAfter,
    bodies,
    documented_answers,
    exchanges,
    fault_values,
    plans,
    retry_after_values,
    rules,
)
from faultlab.strategies.retry_after import LAST_DATE

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEARCH = settings(deadline=None, database=None, max_examples=1000, derandomize=True)


def minimal[T](values: st.SearchStrategy[T], condition: Callable[[T], bool] = lambda _: True) -> T:
    """Give the simplest value that a strategy shrinks to."""
    return find(values, condition, settings=SEARCH)


def drawn[T](values: st.SearchStrategy[T], count: int = 500) -> list[T]:
    """Give as many values of a strategy."""
    seen: list[T] = []

    @settings(SEARCH, max_examples=count, suppress_health_check=list(HealthCheck))
    @given(values)
    def draw(value: T) -> None:
        seen.append(value)

    draw()
    return seen


SIMPLEST = Exchange(1, 0.0, "POST", V2_WRITE, (("bucket", "b"),), (), Body(b"m v=1 1\n"), "localhost:8086")


@pytest.mark.parametrize(
    ("values", "simplest"),
    [
        (bodies(), Body(b"m v=1 1\n")),
        (exchanges(), SIMPLEST),
        (retry_after_values(), RetryAfter(("0",), 0, date=False)),
        (retry_after_values(hostile=False), RetryAfter(("0",), 0, date=False)),
        (retry_after_values(legal=False), RetryAfter(("-1",), None, date=False)),
        (fault_values(), Success()),
        (fault_values(faults=[RateLimit, Success]), RateLimit()),
        (rules(), Rule(Success())),
        (rules(faults=[Quota]), Rule(Quota())),
        (plans(), Plan((), 0, "serverless")),
        (plans(faults=[UnsupportedMediaType]), Plan((), 0, "serverless")),
    ],
)
def test_shrinks_towards_the_simplest(values: st.SearchStrategy[Any], simplest: Any) -> None:
    """Each strategy shrinks towards what its description says."""

    assert simplest == minimal(values)


def test_answers_shrink_towards_the_first_row() -> None:
    """Documented answers shrink towards the first row of the first profile."""
    profile, row, answer = minimal(documented_answers())
    first = contract.ALL[0]

    assert (first.name, first.rows[0], first.render(first.rows[0])) == (profile.name, row, answer)


def test_failing_plan_shrinks_to_one_rule() -> None:
    """A failure that takes one fault shrinks to a plan of that fault alone, knobs at their defaults."""
    shrunk = minimal(
        plans(faults=[Success, RateLimit, PartialWrite]),
        lambda plan: any(isinstance(rule.fault, PartialWrite) for rule in plan.rules),
    )

    assert Plan((Rule(PartialWrite()),), 0, "serverless") == shrunk


def test_failing_exchange_shrinks_to_its_cause() -> None:
    """A failure that takes a compressed body shrinks to a simple write that is compressed."""
    shrunk = minimal(exchanges(), lambda exchange: bool(exchange.body.encoding))

    assert (SIMPLEST.path, SIMPLEST.query, b"m v=1 1\n", (("Content-Encoding", "gzip"),)) == (
        shrunk.path,
        shrunk.query,
        shrunk.body.data,
        shrunk.headers,
    )


def test_every_strategy_says_what_it_shrinks_towards() -> None:
    """The description of every public strategy tells what it shrinks towards."""
    public = {name: getattr(strategies, name).__doc__ for name in strategies.__all__ if name.islower()}

    assert [] == [name for name, about in public.items() if "Shrinks towards" not in about]


def test_every_kind_of_exchange_is_drawn() -> None:
    """Every endpoint, no endpoint, plain, compressed and broken bodies, and requests with and without a token."""
    seen = drawn(exchanges(), 1000)
    kinds = {(bool(e.body.encoding), bool(e.body.problem)) for e in seen}

    assert ({"", *ENDPOINTS}, {(False, False), (True, False), (True, True)}, {True, False}) == (
        {e.endpoint for e in seen},
        kinds,
        {bool(e.headers) for e in seen},
    )


@CALM
@given(exchanges(endpoints=st.just(V1_QUERY), bodies=st.just(Body(b"x"))))
def test_exchanges_take_what_they_are_given(exchange: Exchange) -> None:
    """Given endpoints and bodies are the ones used; a request that is no POST has no body."""

    assert (V1_QUERY, b"x" if exchange.method == "POST" else b"") == (exchange.path, exchange.body.data)


@CALM
@given(exchanges())
def test_exchange_says_how_it_is_encoded(exchange: Exchange) -> None:
    """The header tells the body's encoding, times are whole seconds, and nobody posts to /ping."""
    told = dict(exchange.headers).get("Content-Encoding", "")

    assert (exchange.body.encoding, True) == (told, exchange.at.is_integer())
    assert exchange.path != PING or exchange.method in {"GET", "HEAD"}


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


def test_every_documented_answer_is_drawn() -> None:
    """Sooner or later every row of the profiles and faults asked for is drawn, and no other."""
    profile = contract.named("oss2")
    seen = drawn(documented_answers(profiles=[profile], faults=[RateLimit, PartialWrite, InternalError]), 300)
    wanted = {row.id for kind in (RateLimit, PartialWrite, InternalError) for row in profile.of(kind.name)}

    assert wanted == {row.id for _, row, _ in seen}


@CALM
@given(documented_answers())
def test_answers_are_the_rows_own(drawn_answer: tuple[contract.Profile, contract.Row, Any]) -> None:
    """An answer is the one its profile renders for its row."""
    profile, row, answer = drawn_answer

    assert (True, row.status) == (row in profile.rows, answer.status)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (
            lambda: documented_answers(profiles=[contract.named("oss1")], faults=[RateLimit]),
            "oss1: nothing is documented for rate_limit",
        ),
        (lambda: documented_answers(profiles=[]), "no profiles: nothing is documented for any fault"),
        (lambda: rules(faults=[]), "faults is empty; expected at least one fault class, or None for all"),
        (
            lambda: rules(faults=[Quota, Catalogue], counting=False),
            "quota, catalogue: only faults that count; expected one that does not",
        ),
    ],
)
def test_impossible_arguments_are_refused(make: Callable[[], Any], complaint: str) -> None:
    """What could draw nothing is refused in words."""
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        make()


@CALM
@given(fault_values())
def test_knobs_are_within_bounds(fault: Any) -> None:
    """Every knob of every drawn fault suits its declaration."""
    check_knobs(fault)

    assert type(fault) in faults.ALL


def test_every_fault_and_every_choice_is_drawn() -> None:
    """Every fault is drawn, and every choice of every knob."""
    seen: dict[tuple[str, str], set[Any]] = {}
    for kind in filter(fields, faults.ALL):
        most = max(len(item.metadata["choices"]) for item in knobs(kind))
        for fault in drawn(fault_values(faults=[kind]), 40 * max(most, 2)):
            for item in knobs(kind):
                seen.setdefault((kind.name, item.name), set()).add(getattr(fault, item.name))
    missing = {
        (kind.name, item.name): set(item.metadata["choices"]) - seen[kind.name, item.name]
        for kind in faults.ALL
        for item in knobs(kind)
    }
    constant = [place for place, values in seen.items() if len(values) < 2]

    assert ({place: set() for place in missing}, []) == (missing, constant)


def test_every_condition_is_drawn() -> None:
    """Every condition of a rule is drawn given and not given."""
    seen = drawn(rules(), 600)
    usual = [
        (part, item.name)
        for part in ("match", "when")
        for item in fields(getattr(seen[0], part))
        if len({repr(getattr(getattr(rule, part), item.name)) for rule in seen}) < 2
    ]

    assert [] == usual


@CALM
@given(rules())
def test_ranges_hold_something(rule: Rule) -> None:
    """No range of a rule is empty, and no span of time either."""
    ranges = [value for value in vars_of(rule.match) if isinstance(value, Range)]
    empty = [r for r in ranges if r.min is not None and r.max is not None and r.min > r.max]
    when = rule.when

    assert ([], True) == (empty, when.after is None or when.before is None or when.after < when.before)


def vars_of(value: Any) -> list[Any]:
    """Give the values of a dataclass's fields."""
    return [getattr(value, item.name) for item in fields(value)]


@CALM
@given(plans(counting=False))
def test_plans_without_counting_have_no_memory(plan: Plan) -> None:
    """Without ``counting`` no rule depends on the order in which exchanges arrive."""
    counted = [
        rule
        for rule in plan.rules
        if hasattr(rule.fault, "remember")
        or any(getattr(rule.when, name) is not None for name in ("first", "nth", "every", "times"))
    ]

    assert [] == counted


@CALM
@given(st.data(), st.integers(0, 4))
def test_plans_are_no_longer_than_asked(data: st.DataObject, size: int) -> None:
    """A plan has at most ``max_size`` rules, all of the faults asked for, each with a name of its own."""
    plan = data.draw(plans(faults=[RateLimit, InternalError], max_size=size))
    kinds = {type(rule.fault) for rule in plan.rules}

    assert len(plan.rules) <= size
    assert kinds <= {RateLimit, InternalError}
    assert len(plan.rules) == len({rule.name for rule in plan.rules})


def test_plans_are_drawn_under_every_profile() -> None:
    """Every profile that documents a fault is drawn for it."""
    seen = {plan.profile for plan in drawn(plans(faults=[RateLimit]), 100)}

    assert {profile.name for profile in contract.ALL if profile.of("rate_limit")} == seen
