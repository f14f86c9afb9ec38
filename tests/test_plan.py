"""Rules and a seed make a plan; an arbiter turns exchanges into decisions by it."""

from __future__ import annotations

import gzip
import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faultlab import contract
from faultlab import plan as plans_module
from faultlab.contract import UnknownProfile
from faultlab.exchange import (
    ENDPOINTS,
    HEALTH,
    V1_QUERY,
    V1_WRITE,
    V2_QUERY,
    V2_WRITE,
    V3_WRITE,
    Answer,
    Body,
    Closed,
    Decision,
    Exchange,
    Nothing,
    Pairs,
)
from faultlab.faults import (
    AuthorizationRejected,
    Catalogue,
    InternalError,
    KnobError,
    MalformedLine,
    PartialWrite,
    Quota,
    RateLimit,
    Unavailable,
    is_documented,
)
from faultlab.faults.knob import Scene, Stage, stage_of
from faultlab.faults.retry_after import FORMS
from faultlab.plan import PASS, Arbiter, Match, Plan, Range, Rule, When, uniform
from faultlab.strategies import Schedule, exchanges, plans, rules, schedules

NOW = 1_767_225_600.0


def sent(
    seq: int = 1,
    *,
    body: Body | bytes = b"m v=1 1\n",
    path: str = V2_WRITE,
    method: str = "POST",
    query: Pairs = (("bucket", "b"),),
    headers: Pairs = (),
    at: float = 0.0,
) -> Exchange:
    """Give a write."""
    given_body = body if isinstance(body, Body) else Body(body)
    return Exchange(seq, at, method, path, query, headers, given_body, "localhost:8086")


def distinct(count: int) -> list[Exchange]:
    """Give writes of as many batches."""
    return [sent(seq, body=b"m v=%d 1\n" % seq) for seq in range(1, count + 1)]


def decide(plan: Plan, given: Sequence[Exchange]) -> list[Decision]:
    """Give the decisions on exchanges in the order given."""
    arbiter = Arbiter(plan)
    return [decided(arbiter, exchange) for exchange in given]


def decided(arbiter: Arbiter, exchange: Exchange) -> Decision:
    """Give the decision on an exchange, asked for as a proxy asks: first by its head, then by all of it."""
    now = NOW + exchange.at
    head = arbiter.decide_head(replace(exchange, body=Body()), now) if arbiter.looks_at_heads else None
    attempt = arbiter.attempt(exchange)
    return head or arbiter.decide(exchange, attempt, now)


def fires(rule: Rule, given: Sequence[Exchange]) -> list[bool]:
    """Say for each exchange whether a rule fires."""
    return [decision.rule == rule.name for decision in decide(Plan((rule,), seed=7), given)]


# What a run's traffic looks like: a few batches, some of them sent again.
TRAFFIC = st.lists(st.tuples(exchanges(), st.integers(1, 3)), min_size=1, max_size=5).map(
    lambda drawn: [exchange for exchange, times in drawn for _ in range(times)]
)


def by_attempt(plan: Plan, given: Sequence[Exchange]) -> dict[tuple[str, int], Decision]:
    """Give the decision on each attempt of each batch; numbers, and times if no rule looks at them, are by arrival."""
    timed = any(rule.when.after is not None or rule.when.before is not None for rule in plan.rules)
    arbiter = Arbiter(plan)
    out = {}
    for seq, exchange in enumerate(given, 1):
        arrived = replace(exchange, seq=seq, at=exchange.at if timed else float(seq))
        attempt = arbiter.attempt(arrived)
        out[arrived.batch, attempt] = arbiter.decide(arrived, attempt, NOW)
    return out


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans(counting=False), traffic=TRAFFIC, data=st.data())
def test_arrival_order_decides_nothing(plan: Plan, traffic: list[Exchange], data: st.DataObject) -> None:
    """However the batches of a run interleave, each attempt of each batch is decided alike."""
    batches: dict[str, list[Exchange]] = {}
    for exchange in traffic:
        batches.setdefault(exchange.batch, []).append(exchange)
    turns = data.draw(st.permutations([exchange.batch for exchange in traffic]))
    queues = {batch: iter(attempts) for batch, attempts in batches.items()}
    shuffled = [next(queues[batch]) for batch in turns]

    assert by_attempt(plan, traffic) == by_attempt(plan, shuffled)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans(), idle=rules(), traffic=TRAFFIC, data=st.data())
def test_rule_that_never_matches_changes_nothing(
    plan: Plan, idle: Rule, traffic: list[Exchange], data: st.DataObject
) -> None:
    """A rule that speaks of no exchange of the run leaves every decision as it is, wherever it stands."""
    place = data.draw(st.integers(0, len(plan.rules)))
    # A handshake has no database that a rule could look for.
    usable = is_documented(idle.fault, contract.named(plan.profile)) and stage_of(idle.fault) is not Stage.HANDSHAKE
    fault = idle.fault if usable else InternalError()
    added = replace(idle, fault=fault, name="idle", match=Match(database="no such database"))
    longer = replace(plan, rules=(*plan.rules[:place], added, *plan.rules[place:]))

    assert decide(plan, traffic) == decide(longer, traffic)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(plan=plans(), traffic=TRAFFIC)
def test_same_plan_decides_alike(plan: Plan, traffic: list[Exchange]) -> None:
    """Two runs of one plan over one traffic make the same decisions, however stateful its rules."""
    again = Plan.from_json(json.loads(json.dumps(plan.to_json())))

    assert decide(plan, traffic) == decide(again, traffic)


@settings(deadline=None)
@given(plan=plans())
def test_plan_survives_json(plan: Plan) -> None:
    """Any plan is what it was after a way through JSON text, and keeps its digest."""
    again = Plan.from_json(json.loads(json.dumps(plan.to_json())))

    assert (plan, plan.digest) == (again, again.digest)


def test_seed_decides() -> None:
    """Another seed makes other decisions, another name of the rule too."""
    rule = Rule(RateLimit(), when=When(probability=0.5))
    first = fires_of(Plan((rule,), 1))
    others = (Plan((rule,), 2), Plan((replace(rule, name="other"),), 1))

    assert [True, True] == [first != fires_of(other) for other in others]


def fires_of(plan: Plan) -> list[bool]:
    """Say for each of many batches whether anything is done."""
    return [decision != PASS for decision in decide(plan, distinct(64))]


@pytest.mark.parametrize(("probability", "fired"), [(0, 0), (0.0, 0), (1, 500), (1.0, 500)])
def test_certainties_are_certain(probability: float, fired: int) -> None:
    """Probability 0 never fires, 1 always does."""
    rule = Rule(RateLimit(), when=When(probability=probability))

    assert fired == sum(fires(rule, distinct(500)))


@pytest.mark.parametrize("probability", [0.01, 0.25, 0.5, 0.9])
def test_share_of_fires_is_the_probability(probability: float) -> None:
    """Of many batches the share that is hit lies within four standard deviations of the probability."""
    count = 4000
    fired = sum(fires(Rule(RateLimit(), when=When(probability=probability)), distinct(count)))
    bound = 4 * math.sqrt(count * probability * (1 - probability))

    assert abs(fired - count * probability) <= bound


def test_attempts_of_a_batch_are_drawn_apart() -> None:
    """Each attempt of one batch has a draw of its own."""
    fired = fires(Rule(RateLimit(), when=When(probability=0.5)), [sent(seq) for seq in range(1, 201)])

    assert 60 <= sum(fired) <= 140


def test_draw_is_told() -> None:
    """A decision tells the draw its probability was compared with, and none where nothing was drawn."""
    likely = [
        d.draw for d in decide(Plan((Rule(RateLimit(), when=When(probability=0.75)),), 7), distinct(20)) if d.rule
    ]
    certain = [d.draw for d in decide(Plan((Rule(RateLimit()),), 7), distinct(2))]

    assert (True, [None, None]) == (all(draw is not None and 0 <= draw < 0.75 for draw in likely), certain)


def test_uniform_never_reaches_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest digest stands for a number below 1, the smallest for 0."""
    bits = {b"none": b"\0" * 8, b"all": b"\xff" * 8}
    monkeypatch.setattr(plans_module, "blake2b", lambda key, **_: SimpleNamespace(digest=lambda: bits[key]))

    assert (0.0, 1 - 2**-53) == (uniform("none"), uniform("all"))


GZIPPED = Body(gzip.compress(b"m v=1 1\nother v=2 2\n", mtime=0), "gzip")
BROKEN = Body(b"no gzip", "gzip")


@pytest.mark.parametrize(
    ("match", "exchange", "attempt", "holds"),
    [
        (Match(), sent(), 1, True),
        (Match(), sent(path="/elsewhere", method="PUT"), 9, True),
        (Match(method="POST"), sent(), 1, True),
        (Match(method="GET"), sent(), 1, False),
        (Match(endpoint="write"), sent(), 1, True),
        (Match(endpoint="write"), sent(path=V1_WRITE), 1, True),
        (Match(endpoint="write"), sent(path=V3_WRITE), 1, True),
        (Match(endpoint="write"), sent(path=V2_QUERY), 1, False),
        (Match(endpoint="query"), sent(path=V1_QUERY), 1, True),
        (Match(endpoint="query"), sent(path=HEALTH), 1, False),
        (Match(endpoint=V2_WRITE), sent(), 1, True),
        (Match(endpoint=V2_WRITE), sent(path=V1_WRITE), 1, False),
        (Match(header={"User-Agent": "influx*"}), sent(headers=(("user-agent", "influxdb-client/1"),)), 1, True),
        (Match(header={"User-Agent": "influx*"}), sent(headers=(("user-agent", "curl/8"),)), 1, False),
        (Match(header={"User-Agent": "influx*"}), sent(), 1, False),
        (Match(header={"User-Agent": "*"}), sent(), 1, False),
        (Match(header={"User-Agent": "*"}), sent(headers=(("user-agent", ""),)), 1, True),
        (Match(header={"A": "1", "B": "?"}), sent(headers=(("a", "1"), ("b", "22"))), 1, False),
        (Match(header={"A": "1", "B": "??"}), sent(headers=(("a", "1"), ("b", "22"))), 1, True),
        (Match(header={"A": "x"}), sent(headers=(("a", "X"),)), 1, False),
        (Match(size=Range(8, 8)), sent(), 1, True),
        (Match(size=Range(max=7)), sent(), 1, False),
        (Match(size=Range(min=9)), sent(), 1, False),
        (Match(size=Range()), sent(), 1, True),
        (Match(decoded_size=Range(20, 20)), sent(body=GZIPPED), 1, True),
        (Match(decoded_size=Range(max=19)), sent(body=GZIPPED), 1, False),
        (Match(decoded_size=Range(max=100)), sent(body=BROKEN), 1, False),
        (Match(lines=Range(2, 2)), sent(body=GZIPPED), 1, True),
        (Match(lines=Range(2, 2)), sent(body=b"a\nb"), 1, True),
        (Match(lines=Range(2, 2)), sent(body=b"a\nb\n"), 1, True),
        (Match(lines=Range(2, 2)), sent(body=b"a\nb\n\n"), 1, False),
        (Match(lines=Range(0, 0)), sent(body=b""), 1, True),
        (Match(lines=Range(max=5)), sent(body=BROKEN), 1, False),
        (Match(measurement="other"), sent(body=GZIPPED), 1, True),
        (Match(measurement="other"), sent(), 1, False),
        (Match(measurement="m"), sent(body=b"nonsense\nm v=1\n"), 1, True),
        (Match(measurement="m"), sent(body=BROKEN), 1, False),
        (Match(database="b"), sent(), 1, True),
        (Match(database="b"), sent(query=(("db", "b"),)), 1, True),
        (Match(database="c"), sent(), 1, False),
        (Match(database="b"), sent(query=()), 1, False),
        (Match(attempt=Range(max=2)), sent(), 2, True),
        (Match(attempt=Range(max=2)), sent(), 3, False),
        (Match(attempt=Range(min=2)), sent(), 1, False),
        (Match(method="POST", database="c"), sent(), 1, False),
        (Match(method="GET", database="b"), sent(), 1, False),
        (Match(method="POST", endpoint="write", database="b", lines=Range(1, 1), measurement="m"), sent(), 1, True),
    ],
)
def test_match(match: Match, exchange: Exchange, attempt: int, holds: bool) -> None:
    """Every condition given must hold, and those not given say nothing."""
    held = match.holds(exchange, attempt)

    assert holds is held


def test_sizes_alone_do_not_decode() -> None:
    """Conditions that do not ask for the body's contents leave it packed."""
    body = Body(GZIPPED.wire, "gzip")
    Match(method="POST", endpoint="write", size=Range(min=1), attempt=Range(1, 1)).holds(sent(body=body), 1)

    assert "_decoded" not in vars(body)


@pytest.mark.parametrize(
    ("when", "fired"),
    [
        (When(), "xxxxxxxx"),
        (When(first=3), "xxx....."),
        (When(nth=3), "..x....."),
        (When(every=3), "..x..x.."),
        (When(times=2), "xx......"),
        (When(every=2, times=2), ".x.x...."),
        (When(first=5, every=2), ".x.x...."),
        (When(nth=3, every=2), "........"),
        (When(after=2), "..xxxxxx"),
        (When(before=2), "xx......"),
        (When(after=2, before=5), "..xxx..."),
        (When(after=2.5), "...xxxxx"),
        (When(after=2, times=2), "..xx...."),
        (When(after=2, first=3), "..x....."),
        (When(probability=0, first=3), "........"),
    ],
)
def test_when(when: When, fired: str) -> None:
    """Conditions are on the matching exchanges from 1 and on seconds since the run began; every one must hold."""
    exchanges_by_second = [replace(exchange, at=float(exchange.seq - 1)) for exchange in distinct(8)]
    drawn = fires(Rule(RateLimit(), when=when), exchanges_by_second)

    assert fired == "".join("x" if one else "." for one in drawn)


def test_only_matching_exchanges_count() -> None:
    """``nth`` counts what the rule matches, not what the proxy saw."""
    mixed = [sent(1), sent(2, path=V1_QUERY), sent(3), sent(4, path=V1_QUERY), sent(5)]
    drawn = fires(Rule(RateLimit(), match=Match(endpoint="write"), when=When(nth=2)), mixed)

    assert [False, False, True, False, False] == drawn


def test_improbable_rule_counts_what_it_matched() -> None:
    """``times`` limits how often a rule fires, not how often it was asked."""
    rule = Rule(RateLimit(), when=When(probability=0.5, times=3))

    assert 3 == sum(fires(rule, distinct(64)))


def test_first_rule_that_fires_decides() -> None:
    """Rules are asked in order; a later one counts only what no earlier one decided."""
    plan = Plan((Rule(RateLimit(), when=When(first=2)), Rule(Unavailable(), when=When(first=1)), Rule(InternalError())))
    names = [decision.rule for decision in decide(plan, distinct(4))]

    assert ["rate_limit", "rate_limit", "unavailable", "internal_error"] == names


def test_rule_whose_fault_declines_leaves_the_exchange_to_the_next() -> None:
    """A fault that does not apply neither fires nor stands in the way."""
    plan = Plan((Rule(MalformedLine(), when=When(times=1)), Rule(InternalError())))
    arbiter = Arbiter(plan)
    names = [
        arbiter.decide(exchange, 1, NOW).rule
        for exchange in (sent(path=V2_QUERY), sent(body=b"m v=1 2\n"), sent(body=b"m v=1 3\n"))
    ]

    assert (["internal_error", "malformed_line", "internal_error"], {"malformed_line": 1, "internal_error": 2}) == (
        names,
        arbiter.fired,
    )


def test_decision_names_its_rule_and_fault() -> None:
    """A decision says which rule made it, by which fault, giving which documented answer."""
    (decision,) = decide(Plan((Rule(RateLimit(), "limit"),)), [sent()])

    assert ("limit", "rate_limit", "rate_limit/write/429") == (decision.rule, decision.fault, decision.row)


def test_nothing_to_say_passes() -> None:
    """Without a rule that fires, the exchange passes untouched."""
    decisions = decide(Plan(), [sent()])

    assert [PASS] == decisions


def test_attempts_are_counted_by_batch() -> None:
    """A resend is attempt 2 of its batch, compressed or not, whatever came between."""
    arbiter = Arbiter(Plan())
    packed = Body(gzip.compress(b"m v=1 1\n"), "gzip")
    numbers = [
        arbiter.attempt(e)
        for e in (sent(1), sent(2, body=b"other"), sent(3, body=packed), sent(4), sent(5, body=b"other"))
    ]

    assert [1, 1, 2, 3, 2] == numbers


def test_arming_keeps_attempts_and_begins_rules_anew() -> None:
    """A new plan counts its rules from 0 and goes on counting attempts."""
    plan = Plan((Rule(RateLimit(), when=When(times=1)),))
    arbiter = Arbiter(plan)
    first = arbiter.decide(sent(), arbiter.attempt(sent()), NOW).rule
    arbiter.arm(plan)
    numbers = arbiter.attempt(sent()), arbiter.fired

    assert ("rate_limit", (2, {"rate_limit": 0})) == (first, numbers)


# Every kind of decision a schedule can have, an answer in one, a cut in another.
STEPS = (
    Decision(
        deliver=Nothing(), reply=Answer(503, (("Retry-After", "1"),), b"{}"), rule="schedule", fault="unavailable"
    ),
    PASS,
    Decision(ending=Closed(), rule="schedule", fault="lose_response"),
)


def test_schedule_is_played_in_the_order_of_writes() -> None:
    """Each write takes the next decision of the schedule, whatever it writes and however often it was sent before."""
    same, other = sent(1), sent(2, body=b"n v=1 1\n", path=V1_WRITE)

    assert [*STEPS, PASS] == decide(Plan(schedule=STEPS), [same, other, same, same])


def test_schedule_passes_over_what_is_no_write() -> None:
    """Queries, pings and writes by another method take no decision of the schedule; what is no write passes."""
    others = [sent(method="GET", path=V1_QUERY), sent(method="GET", path=HEALTH), sent(method="PUT")]
    traffic = [*others, sent(4), *others, sent(8), *others, sent(12)]

    assert [step for one in STEPS for step in (PASS, PASS, PASS, one)] == decide(Plan(schedule=STEPS), traffic)


def test_rules_decide_after_the_schedule() -> None:
    """Rules see nothing of the writes that the schedule decides, passed ones too, and decide all that come after."""
    rule = Rule(InternalError(), when=When(first=2))
    seen = decide(Plan((rule,), schedule=STEPS), distinct(6))

    assert STEPS == tuple(seen[:3])
    assert ["internal_error", "internal_error", ""] == [decision.rule for decision in seen[3:]]


def test_rules_decide_beside_the_schedule_on_what_is_no_write() -> None:
    """A rule about queries fires while the schedule still decides the writes."""
    rule = Rule(InternalError(), match=Match(endpoint="query"))
    traffic = [sent(1, method="GET", path=V1_QUERY), sent(2), sent(3, method="GET", path=V1_QUERY)]

    assert ["internal_error", "schedule", "internal_error"] == [
        decision.rule for decision in decide(Plan((rule,), schedule=STEPS), traffic)
    ]


def test_arming_begins_the_schedule_anew() -> None:
    """A schedule armed again is played from its first decision."""
    plan = Plan(schedule=STEPS)
    arbiter = Arbiter(plan)
    before = [arbiter.decide(sent(), 1, NOW) for _ in range(2)]
    arbiter.arm(plan)

    assert [*STEPS[:2], *STEPS] == [*before, *(arbiter.decide(sent(), 1, NOW) for _ in range(3))]


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(schedule=schedules(), plan=plans(max_size=1, counting=False), traffic=TRAFFIC)
def test_schedule_decides_the_first_writes_and_nothing_else(
    schedule: Schedule, plan: Plan, traffic: list[Exchange]
) -> None:
    """Whatever the traffic, its first writes take the schedule's decisions, and all the rest is as without it."""
    both = Plan(plan.rules, plan.seed, plan.profile, schedule.decisions)
    writes = [index for index, exchange in enumerate(traffic) if exchange.is_write][: len(schedule.decisions)]
    with_it, without = decide(both, traffic), decide(plan, traffic)

    assert list(schedule.decisions[: len(writes)]) == [with_it[index] for index in writes]
    assert [one for index, one in enumerate(without) if index not in writes] == [
        one for index, one in enumerate(with_it) if index not in writes
    ]


def test_schedule_survives_json_and_is_part_of_the_digest() -> None:
    """A plan with a schedule reads back as it was written; without one it is written as ever, and is another plan."""
    plan, bare = Plan(schedule=STEPS), Plan()

    assert plan == Plan.from_json(json.loads(json.dumps(plan.to_json())))
    assert ("schedule" in bare.to_json(), plan.digest == bare.digest) == (False, False)


def test_remembered_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch not seen for longest is forgotten first, and counts as new again."""
    monkeypatch.setattr(plans_module, "BATCHES_REMEMBERED", 3)
    arbiter = Arbiter(Plan())
    one, two, three, four = distinct(4)
    numbers = [arbiter.attempt(exchange) for exchange in (one, two, three, one, four, two, one)]

    assert ([1, 1, 1, 2, 1, 1, 3], 3) == (numbers, len(arbiter._attempts))


DIGEST = """
from faultlab.faults import PartialWrite, RateLimit
from faultlab.plan import Match, Plan, Range, Rule, When
from faultlab.exchange import Exchange
from faultlab.plan import Arbiter
match = Match(header={"b": "1", "a": "2"}, endpoint="write", size=Range(1, 2))
plan = Plan((Rule(RateLimit(), "one", match, When(0.5)), Rule(PartialWrite(share=0.5))), 7, "tsm")
exchange = Exchange(1, 0.0, "POST", "/write", (("db", "d"),))
arbiter = Arbiter(Plan((Rule(RateLimit(), when=When(0.999)),), 7))
print(plan.digest, arbiter.decide(exchange, 1, 0.0).to_json())
"""


def test_digest_and_decisions_are_stable_across_processes() -> None:
    """Neither a plan's digest nor a decision depends on the process's hash seed."""
    printed = {
        subprocess.run(
            [sys.executable, "-c", DIGEST], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1", "4242")
    }

    assert 1 == len(printed)


OTHER_THAN_OSS1 = [profile.name for profile in contract.ALL if profile.name != "oss1"]
BASE = Plan((Rule(RateLimit(), match=Match(header={"b": "1", "a": "2"})),), 7)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Plan((Rule(RateLimit(), match=Match(header={"a": "2", "b": "1"})),), 7), True),
        (Plan((Rule(RateLimit(), match=Match(header={"b": "1", "a": "2"}), when=When(probability=1)),), 7), True),
        (replace(BASE, seed=8), False),
        (replace(BASE, profile="tsm"), False),
        (replace(BASE, rules=(replace(BASE.rules[0], name="x"),)), False),
        (replace(BASE, rules=(replace(BASE.rules[0], fault=RateLimit(max_wait=29)),)), False),
        (replace(BASE, rules=(replace(BASE.rules[0], match=Match()),)), False),
        (replace(BASE, rules=(replace(BASE.rules[0], when=When(probability=0.5)),)), False),
        (replace(BASE, rules=()), False),
    ],
)
def test_digest_tells_plans_apart(other: Plan, same: bool) -> None:
    """Equal plans have one digest and others another; 1 and 1.0 are one number, keys have no order."""
    assert (same, same) == (other == BASE, other.digest == BASE.digest)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (
            lambda: Plan((Rule(RateLimit()), Rule(RateLimit()))),
            "two rules are named 'rate_limit'; expected a name of its own for each",
        ),
        (
            lambda: Plan((Rule(RateLimit(), "a"), Rule(Quota(), "a"))),
            "two rules are named 'a'; expected a name of its own for each",
        ),
        (
            lambda: Plan((Rule(AuthorizationRejected()),), profile="oss2"),
            "profile 'oss2' documents no 'authorization_rejected'; profiles that do: serverless, core",
        ),
        (
            lambda: Plan((Rule(RateLimit()),), profile="oss1"),
            "profile 'oss1' documents no 'rate_limit'; profiles that do: " + ", ".join(OTHER_THAN_OSS1),
        ),
        (
            lambda: Plan((Rule(Quota()),), profile="core"),
            "profile 'core' documents no 'rate_limit/write'; profiles that do: serverless, tsm, oss2",
        ),
        (
            lambda: Plan((Rule(AuthorizationRejected(cause="missing")),), profile="core"),
            "profile 'core' documents no 'authorization_rejected/missing'; profiles that do: serverless",
        ),
        (lambda: When(probability=1.5), "probability is 1.5; expected a number from 0 to 1"),
        (lambda: When(probability=-0.1), "probability is -0.1; expected a number from 0 to 1"),
        (lambda: When(probability=math.nan), "probability is nan; expected a number from 0 to 1"),
        (lambda: When(first=0), "first is 0; expected at least 1"),
        (lambda: When(nth=0), "nth is 0; expected at least 1"),
        (lambda: When(every=0), "every is 0; expected at least 1"),
        (lambda: When(times=-1), "times is -1; expected at least 1"),
        (lambda: When(after=-1), "after is -1; expected at least 0"),
        (lambda: When(before=-0.5), "before is -0.5; expected at least 0"),
        (
            lambda: Match(endpoint="writes"),
            f"endpoint is 'writes'; expected one of write, query, {', '.join(ENDPOINTS)}; did you mean 'write'?",
        ),
        (
            lambda: Rule.from_json({"fault": "rate_limt"}),
            "no fault named 'rate_limt'; did you mean 'rate_limit'?",
        ),
        (
            lambda: Rule.from_json({"fault": "rate_limit", "with": {"form": "secnods"}}),
            f"form is 'secnods'; expected one of {', '.join(FORMS)}; did you mean 'seconds'?",
        ),
    ],
)
def test_impossible_plan_is_refused(make: Any, complaint: str) -> None:
    """What could never do what it says is refused in one line, before anything runs."""
    with pytest.raises(KnobError) as caught:
        make()

    assert complaint == str(caught.value)


def test_unknown_profile_is_refused() -> None:
    """A plan under a contract nobody knows is refused."""
    with pytest.raises(UnknownProfile) as caught:
        Plan(profile="serverles")

    assert str(caught.value).startswith("no profile named 'serverles'; known: serverless, ")


def test_rule_is_named_after_its_fault() -> None:
    """A rule without a name has its fault's."""
    names = [Rule(RateLimit()).name, Rule(RateLimit(), "mine").name]

    assert ["rate_limit", "mine"] == names


def test_rule_is_read_from_what_a_scenario_says() -> None:
    """What a rule leaves out has its default; a single number is a range of one."""
    rule = Rule.from_json({"fault": "partial_write", "match": {"attempt": 1, "lines": {"min": 2}}, "with": None})

    assert Rule(PartialWrite(), match=Match(attempt=Range(1, 1), lines=Range(min=2))) == rule


@pytest.mark.parametrize(
    ("limits", "inside"),
    [(Range(), [0, 5, 9]), (Range(5), [5, 9]), (Range(max=5), [0, 5]), (Range(5, 5), [5]), (Range(9, 0), [])],
)
def test_range_includes_its_ends(limits: Range, inside: list[int]) -> None:
    """A range holds its ends and what lies between; None leaves an end open."""
    held = [number for number in (0, 5, 9) if number in limits]

    assert inside == held


@dataclass(frozen=True, slots=True)
class _Seen:
    """Remember what the fault was shown."""

    name: ClassVar[str] = "seen"
    family: ClassVar[str] = ""

    def remember(self) -> list[Scene]:
        """Begin with nothing seen."""
        return []

    def decide(self, exchange: Exchange, scene: Scene) -> Decision | None:
        """Keep the scene; never fire."""
        scene.memory.append(scene)
        return None


def test_fault_is_shown_the_moment() -> None:
    """A fault sees the attempt, the run's time, the wall clock, the profile and its own memory."""
    arbiter = Arbiter(Plan((Rule(_Seen()),), profile="tsm"))
    arbiter.decide(sent(at=2.5), 3, NOW)
    memory = arbiter._tallies["seen"].memory
    shown = [(s.attempt, s.at, s.now, s.profile.name, s.memory is memory) for s in memory]

    assert [(3, 2.5, NOW, "tsm", True)] == shown


def test_rules_of_one_fault_draw_apart() -> None:
    """Two rules of one fault that match alike draw each for itself."""
    rule = Rule(RateLimit(), "a", when=When(probability=0.5))
    one, other = (fires(replace(rule, name=name), distinct(64)) for name in ("a", "b"))

    assert one != other


def test_catalogue_walks_under_a_plan() -> None:
    """A fault with a memory keeps it from one exchange to the next."""
    given_rows = [
        d.row for d in decide(Plan((Rule(Catalogue()),)), [sent(body=b"m v=1\nm v=2 %d\n" % n) for n in range(5)])
    ]

    assert 5 == len(set(given_rows))
