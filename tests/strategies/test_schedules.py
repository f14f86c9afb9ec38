"""Fault schedules: every decision documented and drawn, plain enough to be played again, and short when they fail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given

from faultlab import contract
from faultlab.contract import UnknownProfile
from faultlab.exchange import (
    DELIVERS,
    ENDINGS,
    INTAKES,
    REPLIES,
    V2_WRITE,
    V3_WRITE,
    Aborted,
    Answer,
    Closed,
    Decision,
    Handshake,
    Lines,
    Nothing,
    Upstream,
)
from faultlab.plan import Plan
from faultlab.strategies import Schedule, schedules
from tests.strategies.draws import CALM, ENOUGH, SEEDS, drawn, hunt, minimal
from tests.strategies.simulated import (
    Client,
    DoublesAfterLostReply,
    DropsAfterThree503,
    DropsAtSecondTimeout,
    OverlooksPartialAfter500,
    doubles,
    fails,
)

PLACES = [(profile.name, endpoint) for profile in contract.ALL for endpoint in profile.loss]
EXAMPLES, RUNS, FAULTS = 300, 60, 3


@CALM
@given(schedules())
def test_plan_survives_json(schedule: Schedule) -> None:
    """The plan of a schedule is the same after it was written and read, and has nothing but the schedule."""
    plan = schedule.plan(seed=3)

    assert plan == Plan.from_json(json.loads(json.dumps(plan.to_json())))
    assert Plan((), 3, "serverless", schedule.decisions) == plan


@pytest.mark.parametrize(("profile", "endpoint"), PLACES)
def test_answers_are_those_of_the_profile(profile: str, endpoint: str) -> None:
    """Every answer is one that a row of the profile gives at the endpoint, and every such row is drawn."""
    seen = {d for one in drawn(schedules(profile=profile, endpoint=endpoint), 400) for d in one.decisions}
    answered = {decision.row for decision in seen if isinstance(decision.reply, Answer)}
    rows = {row.id: row for row in contract.named(profile).rows if row.answers(endpoint)}
    documented = {n for n, row in rows.items() if row.status >= 400 or row.fault in {"partial_write", "no_content"}}
    others = {"method_not_allowed", "unsupported_media_type", "authorization_rejected", "query_error"}

    assert answered <= documented
    assert {name.partition("/")[0] for name in documented - answered} <= others


def test_every_choice_is_drawn() -> None:
    """Every way to take, deliver, reply and end is drawn, but none that only a real upstream's answer can have."""
    seen = {decision for one in drawn(schedules(), 400) for decision in one.decisions}

    # A handshake is no write's, and an HTTP/2 frame is not for everybody.
    assert set(INTAKES) - {Handshake} == {type(decision.intake) for decision in seen}
    assert set(DELIVERS) == {type(decision.deliver) for decision in seen}
    assert set(REPLIES) == {type(decision.reply) for decision in seen}
    assert set(ENDINGS) - {Aborted} == {type(decision.ending) for decision in seen}


def test_without_transport_nothing_is_done_to_connections() -> None:
    """Without ``transport`` requests are read, replies sent, and nothing is delivered twice or late."""
    plain = {decision for one in drawn(schedules(transport=False), 300) for decision in one.decisions}
    all_of_them = {decision for one in drawn(schedules(), 300) for decision in one.decisions}

    assert {("whole", "at_once")} == {(decision.intake.kind, decision.ending.kind) for decision in plain}
    assert {"everything", "nothing", "lines"} == {decision.deliver.kind for decision in plain}
    assert not all_of_them <= plain


def test_every_decision_is_possible() -> None:
    """Where upstream is told nothing it says nothing, and the lines of a part stored are told with their reasons."""
    seen = {decision for one in drawn(schedules(), 400) for decision in one.decisions}
    spoken = [d for d in seen if isinstance(d.deliver, Nothing) and isinstance(d.reply, Upstream)]
    parts = [d for d in seen if isinstance(d.deliver, Lines)]

    assert {"closed", "refused", "severed"} == {
        d.intake.kind if d.intake.kind != "whole" else d.ending.kind for d in spoken
    }
    assert [d.deliver for d in parts] == [Lines(tuple(line.line for line in d.refused)) for d in parts]
    assert {"schedule"} == {d.rule for d in seen if d != Decision()}


def test_outages_last() -> None:
    """The same fault several times running is common, and so are successes between faults."""
    seen = drawn(schedules(), 400)
    running = [
        one for one in seen if any(len(set(one.decisions[i : i + 3])) == 1 for i in range(len(one.decisions) - 2))
    ]
    mended = [one for one in seen if Decision() in one.decisions[1:]]

    assert (True, True) == (len(running) > 20, len(mended) > 50)


def test_size_is_the_most_there_is() -> None:
    """Every length up to the largest is drawn, and a schedule of none is possible."""

    assert set(range(5)) == {len(one.decisions) for one in drawn(schedules(max_size=4), 400)}
    assert {Schedule()} == set(drawn(schedules(max_size=0), 5))


def test_faults_are_counted() -> None:
    """A decision that lets the write pass is no fault, wherever it stands."""
    for one in drawn(schedules(), 50):
        assert len([decision for decision in one.decisions if decision.fault]) == one.faults


@pytest.mark.parametrize("profile", [profile.name for profile in contract.ALL])
def test_shrinks_to_no_decision(profile: str) -> None:
    """A schedule shrinks to the one that lets everything pass."""

    assert Schedule((), profile) == minimal(
        schedules(profile=profile, endpoint=next(iter(contract.named(profile).loss)))
    )


@pytest.mark.parametrize(
    ("condition", "faults"),
    [
        (lambda one: one.faults >= 2, ["rate_limit", "rate_limit"]),
        (lambda one: any(isinstance(d.ending, Closed) for d in one.decisions), ["lose_response"]),
        (lambda one: len(one.decisions) >= 3, ["", "", "rate_limit"]),
        (lambda one: any(d.fault == "internal_error" for d in one.decisions[2:]), ["", "", "internal_error"]),
    ],
)
def test_failure_shrinks_to_its_faults(condition: Callable[[Schedule], bool], faults: list[str]) -> None:
    """A failure shrinks to the faults it takes, the mildest of them, and all other decisions pass or go."""

    assert faults == [decision.fault for decision in minimal(schedules(), condition).decisions]


def test_unknown_profile_is_refused() -> None:
    """A profile that does not exist is refused by name."""
    with pytest.raises(UnknownProfile, match=r"^no profile named 'serverles'; known: .*; did you mean 'serverless'\?$"):
        schedules(profile="serverles")


@pytest.mark.parametrize(
    ("profile", "endpoint", "complaint"),
    [
        ("oss1", V3_WRITE, f"profile 'oss1' has no write endpoint '{V3_WRITE}'; it has: /write, {V2_WRITE}"),
        ("victoriametrics", "/write", "profile 'victoriametrics' documents no failure at '/write'"),
    ],
)
def test_endpoint_without_failures_is_refused(profile: str, endpoint: str, complaint: str) -> None:
    """An endpoint that is not written to, or of which the profile documents no failure, leaves nothing to draw."""
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        schedules(profile=profile, endpoint=endpoint)


def test_schedule_shows_what_it_does() -> None:
    """A schedule shows itself by its faults, their answers, and what is done beyond."""
    shown = [
        repr(minimal(schedules(), lambda one, fault=fault: any(d.fault == fault for d in one.decisions)))  # type: ignore[misc]
        for fault in ("rate_limit", "partial_write", "reset")
    ]

    assert [
        "Schedule([rate_limit 429 Retry-After 1], profile='serverless')",
        "Schedule([partial_write 201 Lines(refused=(1,))], profile='serverless')",
        "Schedule([reset Closed(how=<Cut.RST: 'rst'>)], profile='serverless')",
    ] == shown


BUGS: list[tuple[type[Client], Callable[[type[Client], Schedule], bool]]] = [
    (DropsAfterThree503, fails),
    (DoublesAfterLostReply, doubles),
    (OverlooksPartialAfter500, fails),
    (DropsAtSecondTimeout, fails),
]


@pytest.mark.parametrize(("client", "shows"), BUGS)
def test_bugs_are_found_and_shown_in_few_faults(
    client: type[Client], shows: Callable[[type[Client], Schedule], bool]
) -> None:
    """A client's bug is found within 300 schedules, and shown in at most three faults within sixty more runs."""
    seen = [hunt(schedules(), lambda schedule: shows(client, schedule), seed, EXAMPLES) for seed in SEEDS]
    good = [one for one in seen if one is not None and one.shrunk.faults <= FAULTS and one.runs <= RUNS]

    assert len(good) >= ENOUGH, seen


def test_good_client_is_never_found_guilty() -> None:
    """The client without bugs passes under every schedule, so what is found above are the bugs."""
    seen = drawn(schedules(), 1000)

    assert [] == [one for one in seen if fails(Client, one) or doubles(Client, one)]


def test_first_endpoint_is_the_default() -> None:
    """By default the answers are those of InfluxDB Cloud Serverless at the endpoint of version 2."""

    assert drawn(schedules(), 20) == drawn(schedules(profile="serverless", endpoint=V2_WRITE), 20)
