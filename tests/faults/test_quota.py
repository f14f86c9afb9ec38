"""The quota of a plan: bytes in a fixed window, and the true number of seconds that remain of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab.exchange import PING, Body, Exchange, Nothing
from faultlab.faults import Quota
from faultlab.plan import Arbiter, Plan, Rule
from tests.faults.scenes import scene, sent, told


def waits(quota: Quota, *writes: tuple[float, int, str], profile: str = "serverless") -> list[str | None]:
    """Give Retry-After, or None where the write passed, for writes of (seconds, bytes, bucket)."""
    memory = quota.remember()
    out: list[str | None] = []
    for at, size, bucket in writes:
        exchange = sent(b"x" * size, at=at, query=(("bucket", bucket),))
        decision = quota.decide(exchange, scene(profile, at=at, memory=memory))
        out.append(None if decision is None else told(decision).header("Retry-After"))
    return out


def test_remaining_seconds_are_true_across_the_end_of_a_window() -> None:
    """A refusal tells the seconds that remain of the window; the write that comes then passes and begins the next."""
    quota = Quota(size=10, window=60)
    told_to_wait = waits(
        quota,
        (100.0, 10, "b"),  # the window begins with the first write, not with the run
        (100.0, 1, "b"),
        (130.5, 1, "b"),  # 29.5 s remain: rounded up, or the client would come back too early
        (159.0, 1, "b"),
        (159.9, 1, "b"),
        (160.0, 10, "b"),  # the window is over; the next begins here
        (219.5, 1, "b"),
        (220.0, 1, "b"),
    )

    assert [None, "60", "30", "1", "1", None, "1", None] == told_to_wait


def test_window_begins_with_the_first_write_after_the_last_one() -> None:
    """Between two windows no time is used up."""
    told_to_wait = waits(Quota(size=10, window=60), (0, 10, "b"), (1000, 10, "b"), (1059, 1, "b"))

    assert [None, None, "1"] == told_to_wait


def test_only_accepted_bytes_count() -> None:
    """A refused write uses nothing up, so a smaller one still passes."""
    told_to_wait = waits(Quota(size=10, window=60), (0, 6, "b"), (1, 5, "b"), (2, 4, "b"), (3, 1, "b"))

    assert [None, "59", None, "57"] == told_to_wait


def test_buckets_have_windows_of_their_own() -> None:
    """What one bucket used up does not keep another from writing."""
    told_to_wait = waits(Quota(size=10, window=60), (0, 10, "b"), (1, 10, "c"), (2, 1, "b"), (3, 1, "c"))

    assert [None, None, "58", "58"] == told_to_wait


def test_batch_larger_than_the_quota_never_passes() -> None:
    """A batch that no window can hold is told a whole window each time, and does not use it up."""
    told_to_wait = waits(Quota(size=10, window=60), (0, 11, "b"), (60, 11, "b"), (61, 10, "b"))

    assert ["60", "60", None] == told_to_wait


@pytest.mark.parametrize(("plan", "size"), [("free", 5_000_000), ("usage", 300_000_000)])
def test_plan_has_its_documented_allowance(plan: str, size: int) -> None:
    """Without knobs the plan's own bytes and seconds hold."""
    quota = Quota(plan=plan)
    used = quota.remember()
    used.windows["b"] = (0.0, size - 1)
    decisions = [quota.decide(sent(b"x", at=at), scene(at=at, memory=used)) for at in (0.0, 1.0)]
    answer = told(decisions[1])

    assert (None, 429, "299", "rate_limit/write/429", Nothing()) == (
        decisions[0],
        answer.status,
        answer.header("Retry-After"),
        decisions[1] and decisions[1].row,
        decisions[1] and decisions[1].deliver,
    )


def test_bytes_count_before_compression() -> None:
    """A compressed body counts by its decoded size."""
    quota = Quota(size=1000, window=60)
    exchange = sent(b"x" * 1001, encoding="gzip")
    decision = quota.decide(exchange, scene(memory=quota.remember()))

    assert (True, 429) == (len(exchange.body.wire) < 1000, told(decision).status)


@pytest.mark.parametrize("exchange", [sent(b"", PING), sent(b"x" * 20, method="GET"), sent(b"x" * 20, "/elsewhere")])
def test_only_writes_count(exchange: Exchange) -> None:
    """What is no write passes and uses nothing up."""
    quota = Quota(size=10, window=60)
    memory = quota.remember()

    assert (None, {}) == (quota.decide(exchange, scene(memory=memory)), memory.windows)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), min_size=1, max_size=30))
def test_no_window_holds_more_than_its_bytes(steps: list[tuple[int, int]]) -> None:
    """Accepted bytes never exceed the quota in a window, and whoever waits as told is let through."""
    quota, memory, at = Quota(size=12, window=60), Quota().remember(), 0.0
    accepted: list[tuple[float, int]] = []
    refused_too_long = False
    for pause, size in steps:
        at += pause
        decision = quota.decide(sent(b"x" * size, at=at), scene(at=at, memory=memory))
        if decision is not None:
            at += int(told(decision).header("Retry-After") or 0)
            refused_too_long |= quota.decide(sent(b"x" * size, at=at), scene(at=at, memory=memory)) is not None
        accepted.append((at, size))
    fullest, began, used = 0, accepted[0][0], 0
    for moment, size in accepted:
        if moment >= began + 60:
            began, used = moment, 0
        used += size
        fullest = max(fullest, used)

    assert (False, True) == (refused_too_long, fullest <= 12)


def test_each_rule_has_a_quota_of_its_own() -> None:
    """Two rules keep their windows apart, and arming a plan begins them anew."""
    plan = Plan((Rule(Quota(size=5, window=60), "small"), Rule(Quota(size=8, window=60), "large")))
    arbiter = Arbiter(plan)
    names = []
    for seq in range(4):
        exchange = Exchange(seq, float(seq), "POST", "/write", (("db", "d"),), (), Body(b"%04d" % seq))
        names.append(arbiter.decide(exchange, 1, 0.0).rule)
    arbiter.arm(plan)
    again = arbiter.decide(Exchange(9, 9.0, "POST", "/write", (("db", "d"),), (), Body(b"9999")), 1, 0.0)

    assert (["", "small", "small", "small"], "") == (names, again.rule)
