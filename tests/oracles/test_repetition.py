"""The oracle ``repeats_only_idempotently``: guilty, innocent, never put to the test."""

from __future__ import annotations

from typing import Any

import pytest

from faultlab.exchange import V2_QUERY, Effect, Everything, Twice
from faultlab.history import Ended, Event
from faultlab.ledger import Ledger
from faultlab.oracles import repeats_only_idempotently
from faultlab.verdict import Judgement, Level, Verdict
from tests.builders import history, lines, sent

UNTIMED = "m,k=a v=1\n"
"""The point of each of ``lines`` without its timestamp."""


def judged(*events: Event, **given: Any) -> list[Judgement]:
    """Give what the oracle says of a history."""
    return list(repeats_only_idempotently.looks_at(Ledger(history(*events, **given))))


def verdicts(*events: Event, **given: Any) -> list[Verdict]:
    """Give the verdicts alone."""
    return [judgement.verdict for judgement in judged(*events, **given)]


def lost(body: str, status: int | None = None, seq: int = 1, **given: Any) -> Event:
    """Give a write that was stored and of which the client cannot know."""
    return sent(seq, body, status, **{"effect": Effect.ALL, **given})


@pytest.mark.parametrize(
    ("status", "how"),
    [(None, "left without a whole reply"), (500, "told 500"), (503, "told 503"), (599, "told 599")],
)
@pytest.mark.parametrize("manifest", [None, lines(1, 2)])
def test_the_same_bytes_again_pass(status: int | None, how: str, manifest: str | None) -> None:
    """Each point replaces itself."""
    (judgement,) = judged(lost(lines(1, 2), status), sent(2, lines(1, 2)), manifest=manifest)

    assert (Verdict.PASS, 1, ()) == (judgement.verdict, judgement.exchange, judgement.points)
    assert lost(lines(1, 2)).batch == judgement.batch
    assert judgement.what == (
        f"exchange 1 (batch {judgement.batch[:8]}) was {how}: sent again by exchange 2 with the same timestamps"
    )


@pytest.mark.parametrize("ended", [Ended.CLOSED, Ended.CLIENT_LEFT])
def test_half_a_reply_is_none(ended: Ended) -> None:
    """Whatever its status says."""
    (judgement,) = judged(sent(1, lines(1), 204, ended=ended), sent(2, lines(1)))

    assert Verdict.PASS == judgement.verdict
    assert "was left without a whole reply: " in judgement.what


@pytest.mark.parametrize(
    "event",
    [
        *(sent(1, UNTIMED, status) for status in (204, 400, 429, 499)),
        sent(1, UNTIMED, 503, settled=False),
        sent(1, UNTIMED, 503, ended=Ended.BROKEN),
        sent(1, UNTIMED, 503, path=V2_QUERY),
        sent(1, UNTIMED, 503, method="PUT"),
        sent(1, "", 503),
        sent(1, "bad\n", 503),
        sent(1, "oops\n", 503),
        sent(1, UNTIMED, 503, left=2.5),
    ],
)
def test_without_an_outcome_that_is_unknown_there_is_no_case(event: Event) -> None:
    """A known outcome, a lab that failed, no write, nothing that could be stored, nothing sent after it."""
    assert [] == verdicts(event, Event(*_again(event)), manifest=UNTIMED)


def _again(event: Event) -> tuple[Any, ...]:
    """Give the fields of the same request sent once more and answered."""
    exchange = event.exchange
    body = exchange.body.data
    again = sent(2, body, 204, method=exchange.method, path=exchange.path)
    return again.exchange, again.batch, 2, again.decision, again.outcome, again.wire_size


def test_never_sent_again_is_no_case() -> None:
    """What is lost is another question's matter."""
    assert [] == verdicts(lost(lines(1)), sent(2, lines(2)), manifest=lines(1, 2))


def test_every_unknown_outcome_is_a_case() -> None:
    """Each attempt may be the one that stored."""
    assert [Verdict.PASS] * 2 == verdicts(lost(lines(1)), lost(lines(1), 503, 2), sent(3, lines(1)))


@pytest.mark.parametrize(
    ("body", "how", "shown"),
    [
        ("m,k=a v=1 9\n", "with another timestamp", "m,k=a 9"),
        ("m,k=a v=1\n", "without timestamps", "m,k=a"),
        ("m,k=a v=7 7\nm,k=a v=1 9\n", "with another timestamp", "m,k=a 9"),
    ],
)
@pytest.mark.parametrize("status", [None, 502])
def test_another_timestamp_fails(status: int | None, body: str, how: str, shown: str) -> None:
    """The manifest has no such point, so it is the lost one made anew."""
    (judgement, *_) = judged(lost(lines(1), status), sent(2, body), manifest=lines(1))

    assert (Verdict.FAIL, 1, (shown,)) == (judgement.verdict, judgement.exchange, judgement.points)
    assert lost(lines(1)).batch == judgement.batch
    known = "left without a whole reply" if status is None else f"told {status}"
    assert judgement.what == f"exchange 1 (batch {judgement.batch[:8]}) was {known}: sent again {how} by exchange 2"


def test_one_point_with_another_timestamp_is_enough() -> None:
    """Also beside the same bytes."""
    events = (lost("bad\n" + lines(1, 2)), sent(2, lines(1)), sent(3, "m,k=a v=1 9\n"))

    assert [Verdict.FAIL] == verdicts(*events, manifest=lines(1, 2))


def test_a_point_nobody_handed_over_hides_none_that_was() -> None:
    """Every point of a body is looked at."""
    events = (lost("m,k=a v=5 5\n" + lines(1)), sent(2, "m,k=a v=1 9\n"))

    assert [Verdict.FAIL] == verdicts(*events, manifest=lines(1))


def test_two_points_of_one_body_are_no_resend_of_each_other() -> None:
    """Even when the reply left at once."""
    assert [] == verdicts(lost(lines(1, 9), at=1, left=1), manifest=lines(1))


def test_a_point_that_was_there_before_is_no_resend() -> None:
    """However often it is sent afterwards."""
    stranger = "m,k=a v=1 9\n"

    assert [] == verdicts(sent(1, stranger), lost(lines(1), seq=2), sent(3, stranger), manifest=lines(1))


@pytest.mark.parametrize(("manifest", "found"), [(UNTIMED, [Verdict.FAIL]), (UNTIMED * 2, []), (None, [])])
def test_a_timestamp_given_to_the_second_attempt_only_fails(manifest: str | None, found: list[Verdict]) -> None:
    """The server gave the first its own; unless the second may be new data."""
    assert found == verdicts(lost(UNTIMED), sent(2, lines(1)), manifest=manifest)


def test_points_without_timestamps_of_which_the_manifest_knows_none_may_be_new_data() -> None:
    """Without a manifest anything may be."""
    (judgement,) = judged(lost(lines(1)), sent(2, UNTIMED))

    assert (Verdict.INCONCLUSIVE, 1, ("m,k=a",)) == (judgement.verdict, judgement.exchange, judgement.points)
    assert judgement.what.endswith(": sent again without timestamps by exchange 2; it may be new data")


@pytest.mark.parametrize(
    ("body", "given"),
    [
        (lines(9), {}),
        (lines(9), {"manifest": lines(1, 9)}),
        (UNTIMED, {"manifest": lines(1) + UNTIMED}),
        ("m,k=b v=1 9\n", {"manifest": lines(1)}),
        ("n,k=a v=1 9\n", {"manifest": lines(1)}),
        ("m,k=a v=2 9\n", {"manifest": lines(1)}),
        ("m,k=a v=1i 9\n", {"manifest": lines(1)}),
        ("m,k=a w=1 9\n", {"manifest": lines(1)}),
        ("m,k=a v=2\n", {}),
        ("bad\n", {"manifest": lines(1)}),
    ],
)
def test_other_points_are_no_resend(body: str, given: dict[str, str]) -> None:
    """New data, and points of other series or fields."""
    assert [] == verdicts(lost(lines(1)), sent(2, body), **given)
    assert [Verdict.PASS] == verdicts(lost(lines(1)), sent(2, body), sent(3, lines(1)), **given)


@pytest.mark.parametrize(("at", "count"), [(1.999, 0), (2.0, 1)])
def test_what_was_under_way_is_no_resend(at: float, count: int) -> None:
    """It was made without knowing that the outcome was unknown."""
    for again in ("m,k=a v=1 9\n", UNTIMED, lines(1)):
        assert count == len(judged(lost(lines(1), left=2), sent(2, again, at=at), manifest=lines(1)))


def test_what_was_sent_before_is_no_resend() -> None:
    """Also where times are equal, or out of order."""
    for left in (1.1, 9.0):
        events = (sent(1, "m,k=a v=1 9\n", at=9, left=9.1), lost(lines(1), seq=2, at=1, left=left))
        assert [] == verdicts(*events, manifest=lines(1))


@pytest.mark.parametrize("query", [(("bucket", "b"),), (("bucket", "c"),)])
def test_a_client_that_gives_timestamps_has_to_keep_them(query: tuple[tuple[str, str], ...]) -> None:
    """The manifest has one such point without a timestamp, and two were on the wire."""
    (judgement,) = judged(lost(lines(1)), sent(2, lines(2), query=query), manifest=UNTIMED)

    assert (Verdict.FAIL, ("m,k=a 2",)) == (judgement.verdict, judgement.points)
    assert "sent again with another timestamp by exchange 2" in judgement.what


@pytest.mark.parametrize("manifest", [UNTIMED * 2, UNTIMED + lines(3), "m,k=a v=2\n"])
def test_timestamps_of_which_the_manifest_says_nothing_are_no_case(manifest: str) -> None:
    """Two points on the wire may be two that were handed over, or none of them."""
    assert [] == verdicts(lost(lines(1)), sent(2, lines(2)), manifest=manifest)


def test_the_same_point_in_another_database_is_no_resend_with_another_timestamp() -> None:
    """A client may write everything twice."""
    other = sent(2, lines(1), query=(("bucket", "c"),))

    assert [] == verdicts(lost(lines(1)), other, manifest=UNTIMED)
    assert [] == verdicts(lost(lines(1)), other, manifest=lines(1))


def test_one_line_without_a_timestamp_sent_again_after_it_was_stored_fails() -> None:
    """The server gave each its own time: they are two points now."""
    (judgement,) = judged(lost(UNTIMED), sent(2, UNTIMED), manifest=UNTIMED)

    assert (Verdict.FAIL, 1, ("m,k=a",)) == (judgement.verdict, judgement.exchange, judgement.points)
    assert lost(UNTIMED).batch == judgement.batch
    assert judgement.what == (
        f"exchange 1 (batch {judgement.batch[:8]}) was left without a whole reply: "
        "sent again by exchange 2 without timestamps, after it was stored"
    )


@pytest.mark.parametrize(
    ("event", "manifest"),
    [
        (lost(UNTIMED + lines(1), 503), UNTIMED.replace("v=1", "v=3") + UNTIMED),
        (lost(UNTIMED, 503, deliver=Twice()), UNTIMED),
        (lost(UNTIMED + "m,k=a v=2\n"), UNTIMED + "m,k=a v=2\n"),
        (lost("bad\n" + UNTIMED), UNTIMED),
        (sent(1, UNTIMED + "m,k=a v=2\n", 503, refused=(1,)), UNTIMED + "m,k=a v=2\n"),
        (lost(UNTIMED), lines(1)),
    ],
)
def test_one_stored_line_without_a_timestamp_is_enough(event: Event, manifest: str) -> None:
    """Beside others, stored twice, or stripped of the time it was handed over with."""
    body = event.exchange.body.data.decode()

    assert [Verdict.FAIL] == verdicts(event, sent(2, body), manifest=manifest)


@pytest.mark.parametrize(
    ("event", "manifest"),
    [
        (sent(1, UNTIMED, 503), UNTIMED),
        (lost(UNTIMED, effect=Effect.UNKNOWN, deliver=Everything()), UNTIMED),
        (lost(UNTIMED), None),
        (lost(UNTIMED), UNTIMED * 2),
        (lost(UNTIMED), "n v=1\n"),
        (lost(UNTIMED), lines(1, 2)),
        (lost(UNTIMED + "m,k=a v=2\n"), UNTIMED),
    ],
)
def test_lines_without_timestamps_sent_again_are_a_doubt(event: Event, manifest: str | None) -> None:
    """They were not stored, nobody knows, or the second may be new data."""
    (judgement,) = judged(event, sent(2, event.exchange.body.data), manifest=manifest)

    assert (Verdict.INCONCLUSIVE, 1, event.batch) == (judgement.verdict, judgement.exchange, judgement.batch)
    assert "m,k=a" == judgement.points[0]
    assert judgement.what.endswith(
        ": sent again by exchange 2 without timestamps, which is safe only if it was not stored, or is new data"
    )


def test_only_lines_that_were_sent_again_count() -> None:
    """A resend of the points with timestamps alone repeats nothing else."""
    mixed = UNTIMED.replace("v=1", "v=3") + lines(1)

    assert [Verdict.PASS] == verdicts(lost(mixed), sent(2, lines(1)), manifest=mixed)
    assert [Verdict.FAIL] == verdicts(lost(mixed), sent(2, mixed), manifest=mixed)


def test_lines_that_are_no_points_need_no_timestamp() -> None:
    """Nobody stores them, however often they are sent."""
    body = "bad\n" + lines(1)

    assert [Verdict.PASS] == verdicts(sent(1, body, 503), sent(2, body, 400, refused=(1,)), manifest=body)


@pytest.mark.parametrize("manifest", [None, lines(1)])
def test_a_body_nobody_could_read_is_a_doubt(manifest: str | None) -> None:
    """It may hold anything."""
    events = (sent(n, "x", status, problem="error decoding gzip stream") for n, status in ((1, 503), (2, 204)))
    (judgement,) = judged(*events, manifest=manifest)

    assert (Verdict.INCONCLUSIVE, 1, ()) == (judgement.verdict, judgement.exchange, judgement.points)
    assert sent(1, "x").batch == judgement.batch
    assert judgement.what == (
        f"exchange 1 (batch {judgement.batch[:8]}) was told 503: "
        "sent again by exchange 2, but its body does not decode: error decoding gzip stream"
    )


def test_an_upload_that_was_cut_is_repeated_by_its_whole() -> None:
    """The points of the whole are those of its beginning."""
    body = lines(1, 2)
    cut = sent(1, body[:15], None, declared=len(body))

    assert [Verdict.PASS] == verdicts(cut, sent(2, body, declared=len(body)))
    assert [Verdict.FAIL] == verdicts(cut, sent(2, "m,k=a v=1 9\n"), manifest=body)


def test_it_is_binding() -> None:
    """Two points where there was one are wrong data, so it is a must."""
    assert Level.MUST is repeats_only_idempotently.level
