"""Every documented answer of a profile, one after the other."""

from __future__ import annotations

from collections import Counter

import pytest

from faultlab import contract
from faultlab.contract import Profile
from faultlab.exchange import ENDPOINTS, V2_WRITE, Answer, Decision, Lines, Upstream
from faultlab.faults import Catalogue
from faultlab.faults.catalogue import rows_at
from tests.faults.scenes import TWO_LINES, scene, sent, told

WALKS = [
    pytest.param(profile, path, id=f"{profile.name}{path}")
    for profile in contract.ALL
    for path in ENDPOINTS
    if rows_at(profile, path)
]


def walk(profile: Profile, path: str, *, outside: bool = True, rounds: int = 60) -> list[Decision | None]:
    """Give the decisions on so many first attempts at an endpoint."""
    catalogue = Catalogue(outside=outside)
    memory = catalogue.remember()
    return [
        catalogue.decide(sent(TWO_LINES, path, seq=seq), scene(profile.name, seed=seq, memory=memory))
        for seq in range(rounds)
    ]


@pytest.mark.parametrize(("profile", "path"), WALKS)
def test_each_row_is_given_once_then_all_pass(profile: Profile, path: str) -> None:
    """Each documented answer of the endpoint is given once, in the order of the contract, and the rest passes."""
    rows = [row.id for row in rows_at(profile, path)]
    given = [decision and decision.row for decision in walk(profile, path)]

    assert rows + [None] * (60 - len(rows)) == given


@pytest.mark.parametrize(("profile", "path"), WALKS)
def test_each_answer_is_its_rows_own(profile: Profile, path: str) -> None:
    """Each answer has its row's status; a documented success is upstream's own."""
    statuses = [None if row.fault in {"success", "no_content"} else row.status for row in rows_at(profile, path)]
    decisions = [decision for decision in walk(profile, path) if decision is not None]

    assert statuses == [None if isinstance(d.reply, Upstream) else told(d).status for d in decisions]


def test_rows_of_one_identity_stand_once() -> None:
    """Where a service and a gateway give the same answer, the service's is walked."""
    doubled = [
        (profile.name, path, name)
        for profile in contract.ALL
        for path in ENDPOINTS
        for name, count in Counter(row.id for row in rows_at(profile, path)).items()
        if count > 1
    ]

    assert [] == doubled


def test_page_alone_can_be_walked() -> None:
    """``outside: false`` keeps to the statuses of the response-code page."""
    profile = contract.named("serverless")
    given = {decision.row for decision in walk(profile, V2_WRITE, outside=False) if decision is not None}
    listed = {row.id for row in profile.rows if row.answers(V2_WRITE) and row.on_page}

    assert (listed, False) == (given, any("502" in name for name in given))


def test_second_attempt_passes() -> None:
    """A client that sends again gets through, and no answer is used up."""
    catalogue = Catalogue()
    memory = catalogue.remember()
    again = catalogue.decide(sent(), scene(attempt=2, memory=memory))
    first = catalogue.decide(sent(), scene(memory=memory))

    assert (None, rows_at(contract.named("serverless"), V2_WRITE)[0].id) == (again, first and first.row)


def test_row_that_does_not_apply_waits_for_an_exchange_that_does() -> None:
    """An answer about lines is not used up by a body that has none."""
    catalogue = Catalogue()
    memory = catalogue.remember()
    without = [catalogue.decide(sent(b"", seq=seq), scene(memory=memory)) for seq in range(60)]
    withal = [catalogue.decide(sent(TWO_LINES, seq=seq), scene(memory=memory)) for seq in range(60)]
    about_lines = {"partial_write", "malformed_line", "type_conflict"}
    kinds = [{d.row.split("/")[0] for d in decisions if d is not None} for decisions in (without, withal)]

    assert (set(), about_lines) == (kinds[0] & about_lines, kinds[1])


def test_endpoints_are_walked_apart() -> None:
    """An answer given at one endpoint is still to be given at another."""
    catalogue = Catalogue()
    memory = catalogue.remember()
    profile = contract.named("oss2")
    given = [catalogue.decide(sent(TWO_LINES, path), scene("oss2", memory=memory)) for path in (V2_WRITE, "/write")]

    assert [rows_at(profile, path)[0].id for path in (V2_WRITE, "/write")] == [d and d.row for d in given]


def test_unknown_path_passes() -> None:
    """What is no endpoint of InfluxDB is left alone."""
    decision = Catalogue().decide(sent(TWO_LINES, "/elsewhere"), scene(memory=Catalogue().remember()))

    assert decision is None


@pytest.mark.parametrize(("profile", "path"), WALKS)
def test_only_documented_answers_tell_to_wait(profile: Profile, path: str) -> None:
    """Retry-After stands exactly once in the answers whose row has it, and in no other."""
    templates = [sum(name == "Retry-After" for name, _ in row.headers) for row in rows_at(profile, path)]
    decisions = [decision for decision in walk(profile, path) if decision is not None]
    counts = [
        sum(name == "Retry-After" for name, _ in d.reply.headers) if isinstance(d.reply, Answer) else 0
        for d in decisions
    ]

    assert templates == counts


def test_partial_write_is_restated_as_one() -> None:
    """The edge can have a partial write of the catalogue told anew for more lines."""
    profile = contract.named("serverless")
    decision = next(d for d in walk(profile, V2_WRITE) if d is not None and isinstance(d.deliver, Lines))
    again = Catalogue().restate(sent(), profile, decision.refused, told(decision).status)

    assert told(decision) == again
