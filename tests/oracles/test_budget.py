"""The oracle ``keeps_the_request_budget``: guilty, innocent, never put to the test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from faultlab.exchange import V2_QUERY, Effect, Nothing
from faultlab.history import Ended, Event
from faultlab.ledger import Ledger
from faultlab.oracles import keeps_the_request_budget
from faultlab.verdict import Judgement, Level, Verdict
from tests.builders import history, lines, sent

UNTIMED = "m v=1\n"


def judged(*events: Event, **given: Any) -> list[Judgement]:
    """Give what the oracle says of a history."""
    return list(keeps_the_request_budget.looks_at(Ledger(history(*events, **given))))


def verdicts(*events: Event, **given: Any) -> list[Verdict]:
    """Give the verdicts alone."""
    return [judgement.verdict for judgement in judged(*events, **given)]


def times(count: int, body: str, status: int = 503, *, start: int = 1) -> Iterator[Event]:
    """Yield sends of one body."""
    return (sent(start + number, body, status) for number in range(count))


@pytest.mark.parametrize("manifest", [None, lines(1, 2)])
@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_as_many_sends_as_allowed_pass_and_one_more_fails(attempts: int, manifest: str | None) -> None:
    """Whether the last one got through or not."""
    given = {"attempts": attempts, "manifest": manifest}
    s = "" if attempts == 1 else "s"
    (good,) = judged(*times(attempts, lines(1, 2)), **given)
    (bad,) = judged(*times(attempts + 1, lines(1, 2)), **given)

    assert (Verdict.PASS, 1, (), sent(1, lines(1, 2)).batch) == (good.verdict, good.exchange, good.points, good.batch)
    assert good.what == f"batch {good.batch[:8]}: {attempts} send{s} of a point, {attempts} allowed"
    assert (Verdict.FAIL, attempts + 1, ("m,k=a 1", "m,k=a 2")) == (bad.verdict, bad.exchange, bad.points)
    assert bad.batch == good.batch
    assert bad.what == f"batch {bad.batch[:8]}: {attempts + 1} sends of a point, {attempts} allowed"


@pytest.mark.parametrize(("count", "verdict"), [(30, Verdict.PASS), (31, Verdict.FAIL)])
def test_a_scenario_that_says_nothing_allows_thirty(count: int, verdict: Verdict) -> None:
    """As the documentation of scenarios says."""
    assert [verdict] == verdicts(*times(count, lines(1)))


@pytest.mark.parametrize(
    "event",
    [
        sent(1, "", 503),
        sent(1, "# nothing\n", 503),
        sent(1, "q", 503, path=V2_QUERY),
        sent(1, lines(1), 503, method="GET"),
    ],
)
def test_without_a_point_there_is_no_case(event: Event) -> None:
    """An empty body, a comment, a query, no write."""
    assert [] == verdicts(event, event, attempts=1)


def test_an_upload_of_which_nothing_was_seen_is_no_case() -> None:
    """With a manifest of which all was seen elsewhere, its points are judged there."""
    events = (sent(1, lines(1)), sent(2, "m,k=a", None, declared=99))

    assert [1] == [judgement.exchange for judgement in judged(*events, manifest=lines(1))]


def test_sends_in_any_body_count() -> None:
    """Splitting and joining gives no new attempts; only the points that had too many are named."""
    events = (sent(1, lines(1), 503), sent(2, lines(1, 2), 503), sent(3, lines(2, 3, 1), 503))
    first, second, third = judged(*events, attempts=2)

    assert [Verdict.FAIL] * 3 == [first.verdict, second.verdict, third.verdict]
    assert [("m,k=a 1",)] * 3 == [first.points, second.points, third.points]
    assert [3] * 3 == [first.exchange, second.exchange, third.exchange]
    assert second.what == f"batch {second.batch[:8]}: 3 sends of a point, 2 allowed"


def test_the_busiest_of_those_with_too_many_is_named() -> None:
    """All with too many are points, the worst one gives figures and exchange."""
    events = (*times(2, lines(1, 2)), *times(2, lines(2), start=3))
    judgement = judged(*events, attempts=1)[0]

    assert (Verdict.FAIL, 2, ("m,k=a 1", "m,k=a 2")) == (judgement.verdict, judgement.exchange, judgement.points)
    assert ": 4 sends of a point, 1 allowed" in judgement.what


def test_each_batch_is_a_case() -> None:
    """One that keeps the budget excuses no other."""
    assert [Verdict.PASS, Verdict.FAIL] == verdicts(sent(1, lines(1)), *times(3, lines(2), start=2), attempts=2)


def test_a_line_that_stands_twice_in_a_body_is_sent_once() -> None:
    """It is one request."""
    (judgement,) = judged(*times(2, lines(1, 1)), attempts=2)

    assert Verdict.PASS == judgement.verdict
    assert ": 2 sends of a point, 2 allowed" in judgement.what
    assert [3] == [judgement.exchange for judgement in judged(*times(3, lines(1, 1)), attempts=2)]


@pytest.mark.parametrize(("count", "verdict"), [(4, Verdict.PASS), (5, Verdict.FAIL)])
@pytest.mark.parametrize("body", [lines(1), UNTIMED])
def test_what_is_handed_over_twice_has_twice_the_attempts(body: str, count: int, verdict: Verdict) -> None:
    """With or without a timestamp."""
    (judgement,) = judged(*times(count, body), attempts=2, manifest=body * 2)

    assert verdict == judgement.verdict
    assert f": {count} sends of a point, 4 allowed" in judgement.what
    assert judgement.exchange == (1 if verdict is Verdict.PASS else 5)


def test_points_with_few_and_with_many_attempts_are_told_apart() -> None:
    """The busiest is not always the one with too many."""
    events = (*times(2, lines(1)), *times(3, lines(1, 2), start=3))
    judgement = judged(*events, attempts=2, manifest=lines(1, 1, 1, 2))[1]

    assert (Verdict.FAIL, 5, ("m,k=a 2",)) == (judgement.verdict, judgement.exchange, judgement.points)
    assert ": 3 sends of a point, 2 allowed" in judgement.what


@pytest.mark.parametrize("manifest", [None, lines(1)])
def test_too_many_bodies_without_timestamps_may_be_new_data(manifest: str | None) -> None:
    """Equal measurements are usual, and the manifest does not say how many there are."""
    (judgement,) = judged(*times(3, UNTIMED), attempts=2, manifest=manifest)

    assert (Verdict.INCONCLUSIVE, 3, ("m",)) == (judgement.verdict, judgement.exchange, judgement.points)
    assert judgement.what.endswith(": 3 sends of a point, 2 allowed; it may be new data")


@pytest.mark.parametrize("given", [{}, {"manifest": lines(1, 2)}])
def test_a_point_with_a_timestamp_that_nobody_handed_over_is_sent_too_often_all_the_same(given: dict[str, str]) -> None:
    """Each attempt carried the same moment."""
    assert [Verdict.FAIL] == verdicts(*times(3, UNTIMED + lines(3)), attempts=2, **given)


def test_a_body_stored_and_sent_again_fails() -> None:
    """The client was told, and the manifest has it once only."""
    events = (sent(1, lines(1, 2), 503), sent(2, lines(1, 2)), sent(3, lines(1, 2)), sent(4, lines(1, 2)))
    (judgement,) = judged(*events, manifest=lines(1, 2))

    assert (Verdict.FAIL, 3, ("m,k=a 1", "m,k=a 2")) == (judgement.verdict, judgement.exchange, judgement.points)
    assert judgement.batch == events[0].batch
    assert judgement.what == (
        f"batch {judgement.batch[:8]}: 4 sends of a point, 30 allowed; "
        "sent again by exchange 3 although exchange 2 was told 204"
    )


@pytest.mark.parametrize("status", [204, 400, 503, None])
def test_how_the_second_ends_is_no_matter(status: int | None) -> None:
    """It was one request too many when it was made."""
    assert [Verdict.FAIL] == verdicts(sent(1, lines(1)), sent(2, lines(1), status), manifest=lines(1))


@pytest.mark.parametrize(
    ("body", "manifest"), [(lines(1), None), (UNTIMED, None), (UNTIMED, lines(1)), (lines(1), lines(2))]
)
def test_a_body_stored_and_sent_again_may_be_new_data(body: str, manifest: str | None) -> None:
    """Where nobody knows how often it was handed over."""
    (judgement,) = judged(sent(1, body), sent(2, body), manifest=manifest)

    assert (Verdict.INCONCLUSIVE, 2) == (judgement.verdict, judgement.exchange)
    assert judgement.points
    assert judgement.what.endswith(
        ": 2 sends of a point, 30 allowed; sent again by exchange 2 although exchange 1 was told 204; "
        "it may be new data"
    )


@pytest.mark.parametrize("body", [UNTIMED, UNTIMED + lines(1), lines(2) + lines(1)])
def test_one_line_that_was_handed_over_once_is_enough(body: str) -> None:
    """The body cannot be new as a whole."""
    manifest = UNTIMED if body == UNTIMED else lines(1)

    assert [Verdict.FAIL] == verdicts(sent(1, body), sent(2, body), manifest=manifest)


@pytest.mark.parametrize(("count", "verdict"), [(1, Verdict.PASS), (2, Verdict.PASS), (3, Verdict.FAIL)])
@pytest.mark.parametrize("body", [lines(1), UNTIMED])
def test_what_is_handed_over_twice_may_be_stored_twice(body: str, count: int, verdict: Verdict) -> None:
    """And no third time."""
    (judgement,) = judged(*times(count, body, 204), manifest=body * 2)

    assert verdict == judgement.verdict
    assert judgement.exchange == (1 if verdict is Verdict.PASS else 3)
    last = "it was handed over 2 times"
    if verdict is Verdict.FAIL:
        last = "sent again by exchange 3 although exchange 2 was told 204"
    assert judgement.what.endswith(f", 60 allowed; {last}")


def test_a_body_is_handed_over_as_often_as_its_rarest_point() -> None:
    """One point that was handed over once makes the second body one too many."""
    events = (sent(1, lines(1, 2)), sent(2, lines(1, 2)))

    assert [Verdict.FAIL] == verdicts(*events, manifest=lines(1, 1, 2))
    assert [Verdict.PASS] == verdicts(*events, manifest=lines(1, 1, 2, 2, 2))


@pytest.mark.parametrize(
    "first",
    [
        sent(1, lines(1, 2), 503),
        sent(1, lines(1, 2), 503, effect=Effect.ALL),
        sent(1, lines(1, 2), 302, effect=Effect.ALL),
        sent(1, lines(1, 2), None, effect=Effect.ALL),
        sent(1, lines(1, 2), 204, ended=Ended.CLOSED),
        sent(1, lines(1, 2), 204, effect=Effect.PART),
        sent(1, lines(1, 2), 204, effect=Effect.UNKNOWN),
        sent(1, lines(1, 2), 204, effect=Effect.NONE, deliver=Nothing()),
        sent(1, lines(1, 2), 201, refused=(1,), effect=Effect.ALL),
        sent(1, lines(1, 2), 204, settled=False),
        sent(1, lines(1, 2), 204, left=9),
    ],
)
def test_what_is_not_known_to_be_stored_may_be_sent_again(first: Event) -> None:
    """Refused, not told of, told half, stored in part, or under way when it was sent again."""
    (judgement,) = judged(first, sent(2, lines(1, 2)), manifest=lines(1, 2))

    assert (Verdict.PASS, 1, ()) == (judgement.verdict, judgement.exchange, judgement.points)
    assert judgement.what == f"batch {judgement.batch[:8]}: 2 sends of a point, 30 allowed"


@pytest.mark.parametrize(("at", "verdict"), [(1.0, Verdict.PASS), (1.999, Verdict.PASS), (2.0, Verdict.FAIL)])
def test_sent_when_the_reply_leaves_is_sent_again(at: float, verdict: Verdict) -> None:
    """And before is not."""
    events = (sent(1, lines(1), at=1, left=2), sent(2, lines(1), at=at))

    assert [verdict] == verdicts(*events, manifest=lines(1))


def test_the_first_reply_that_left_counts() -> None:
    """Of two sends under way together, the one that was answered first told the client."""
    events = (sent(1, lines(1), left=9), sent(2, lines(1), left=3), sent(3, lines(1), at=4))
    (judgement,) = judged(*events, manifest=lines(1))

    assert (Verdict.FAIL, 3) == (judgement.verdict, judgement.exchange)
    assert judgement.what.endswith("sent again by exchange 3 although exchange 2 was told 204")


@pytest.mark.parametrize("again", [sent(2, lines(1, 2)), sent(2, lines(1), query=(("bucket", "c"),))])
def test_another_body_is_not_the_same_again(again: Event) -> None:
    """What is stored may stand in a body with new points, or go to another bucket."""
    assert [Verdict.PASS, Verdict.PASS] == verdicts(sent(1, lines(1)), again, manifest=lines(1, 2))


def test_a_cut_upload_does_not_count_as_sent_again() -> None:
    """Nobody could see whether it was the same; it counts as an attempt."""
    events = (sent(1, lines(1, 2)), sent(2, lines(1, 2)[:-4], None, declared=24))

    assert [Verdict.PASS, Verdict.PASS] == verdicts(*events, manifest=lines(1, 2))
    assert [Verdict.FAIL, Verdict.FAIL] == verdicts(*events, attempts=1, manifest=lines(1, 2))


def test_it_is_good_advice() -> None:
    """A budget is the scenario's, not a document's, so it is a should."""
    assert Level.SHOULD is keeps_the_request_budget.level
