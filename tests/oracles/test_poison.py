"""The oracle ``lets_good_lines_pass_bad_ones``: guilty, innocent, never put to the test."""

from __future__ import annotations

from typing import Any

import pytest

from faultlab.exchange import HEALTH, V2_QUERY
from faultlab.history import Client, Ended, Event, Report
from faultlab.ledger import Ledger
from faultlab.oracles import lets_good_lines_pass_bad_ones
from faultlab.verdict import Judgement, Level, Verdict
from tests.builders import DEFAULT_MESSAGES, KILLED, TOLD, history, lines, sent

BEHIND = lines(1, 2, 3)
"""Of which only the first is sent by most of the clients here."""


def judged(*events: Event, **given: Any) -> list[Judgement]:
    """Give what the oracle says of a history."""
    return list(lets_good_lines_pass_bad_ones.looks_at(Ledger(history(*events, **given))))


def verdicts(*events: Event, **given: Any) -> list[Verdict]:
    """Give the verdicts alone."""
    return [judgement.verdict for judgement in judged(*events, **given)]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_batch_that_nothing_follows_fails(status: int) -> None:
    """The manifest has more, and none of it was ever sent."""
    (judgement,) = judged(sent(1, lines(1), status), manifest=BEHIND)

    assert (Verdict.FAIL, 1, ("m,k=a 2", "m,k=a 3")) == (judgement.verdict, judgement.exchange, judgement.points)
    assert judgement.batch == sent(1, lines(1)).batch
    assert judgement.what == (
        f"batch {judgement.batch[:8]} was told {status} by exchange 1: none of 2 points behind it was sent"
    )


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("manifest", [None, BEHIND])
def test_a_refused_batch_that_others_follow_passes(status: int, manifest: str | None) -> None:
    """One point that was not sent before is enough; how it fares is another question."""
    (judgement,) = judged(sent(1, lines(1), status), sent(2, lines(2), 503), manifest=manifest, client=KILLED)

    assert (Verdict.PASS, 1, ()) == (judgement.verdict, judgement.exchange, judgement.points)
    assert judgement.batch == sent(1, lines(1)).batch
    assert judgement.what == (
        f"batch {judgement.batch[:8]} was told {status} by exchange 1: 1 point was sent for the first time after it"
    )


def test_points_are_counted_once() -> None:
    """However often they were sent, and together with those sent before."""
    (judgement,) = judged(sent(1, lines(1), 400), sent(2, lines(1, 2, 3), 503), sent(3, lines(2, 3)))

    assert judgement.what.endswith("exchange 1: 2 points were sent for the first time after it")


@pytest.mark.parametrize(
    "event",
    [
        sent(1, lines(1)),
        *(sent(1, lines(1), status) for status in (401, 404, 429, 500, 503, None)),
        sent(1, lines(1), 400, settled=False),
        sent(1, lines(1), 400, ended=Ended.CLOSED),
        sent(1, "q", 400, path=V2_QUERY),
        sent(1, lines(1), 400, method="GET"),
    ],
)
def test_without_a_refusal_of_data_there_is_no_case(event: Event) -> None:
    """Success, another refusal, no reply, half a reply, no write."""
    assert [] == verdicts(event, sent(2, lines(2)), manifest=BEHIND)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"manifest": lines(1)},
        {"manifest": "m,k=a v=1 1000000000\nm,k=a v=2 1000000001\nm,k=a v=3 1000000000\n"},
        {"manifest": lines(1) + "m,k=a v=1\nbad\n"},
    ],
)
def test_with_nothing_behind_there_is_no_case(given: dict[str, str]) -> None:
    """No manifest, nothing else in it, or nothing that certainly was not sent."""
    body = "m,k=a v=1 1000000000\nm,k=a v=9 1000000000\n" if "v=2" in given.get("manifest", "") else lines(1)

    assert [] == verdicts(sent(1, body, 400), **given)


def test_points_that_may_have_been_sent_are_not_behind() -> None:
    """A point of its measurement and time was sent with other fields; the rest certainly was not."""
    (judgement,) = judged(sent(1, "m,k=a v=9 1\n", 400), manifest=lines(1, 2))

    assert (Verdict.FAIL, ("m,k=a 2",)) == (judgement.verdict, judgement.points)
    assert judgement.what.endswith("none of 1 point behind it was sent")


def test_a_later_refusal_of_the_batch_counts_from_then() -> None:
    """It was not refused for good before."""
    events = (sent(1, lines(1), 503), sent(2, lines(2)), sent(3, lines(1), 400), sent(4, lines(1), 422))
    (judgement,) = judged(*events, manifest=BEHIND)

    assert (Verdict.FAIL, 3) == (judgement.verdict, judgement.exchange)
    assert "was told 400 by exchange 3" in judgement.what


def test_each_refused_batch_is_a_case() -> None:
    """The first did not block, the second did."""
    first, second = judged(sent(1, lines(1), 400), sent(2, lines(2), 400), manifest=BEHIND)

    assert [Verdict.PASS, Verdict.FAIL] == [first.verdict, second.verdict]
    assert ("m,k=a 3",) == second.points


@pytest.mark.parametrize(
    "again", [(), (sent(2, lines(1), 400), sent(3, lines(1), 400)), (sent(2, "", 200, path=HEALTH, method="GET"),)]
)
@pytest.mark.parametrize("client", [KILLED, Client(0.0, 60.0, status=None, signal=11)])
def test_who_repeats_or_waits_or_dies_fails(again: tuple[Event, ...], client: Client) -> None:
    """None of it sends what is behind."""
    assert [Verdict.FAIL] == verdicts(sent(1, lines(1), 400), *again, manifest=BEHIND, client=client)


def test_parts_of_the_refused_batch_are_not_behind_it() -> None:
    """Mending the batch and stopping then blocks as well."""
    (judgement,) = judged(sent(1, "bad\n" + lines(1), 400), sent(2, lines(1)), manifest=BEHIND)

    assert (Verdict.FAIL, ("m,k=a 2", "m,k=a 3")) == (judgement.verdict, judgement.points)


@pytest.mark.parametrize(("at", "verdict"), [(1.0, Verdict.FAIL), (1.999, Verdict.FAIL), (2.0, Verdict.PASS)])
def test_what_was_under_way_was_not_sent_after(at: float, verdict: Verdict) -> None:
    """A client that sends several at a time may still stop at the refusal."""
    events = (sent(1, lines(1), 400, left=2), sent(2, lines(2), at=at))

    assert [verdict] == verdicts(*events, manifest=BEHIND)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"client": TOLD}, "and the application was told (exit status 1)"),
        ({"reports": (Report("failed"),)}, 'and the application was told (report 1: "failed")'),
        ({"reports": (Report("failed", "", lines(2, 3)),)}, 'and the application was told (report 1: "failed")'),
        (
            {"reports": (Report("failed", "", lines(2)), Report("failed", "", lines(3)))},
            'and the application was told (report 1: "failed")',
        ),
        (
            {"reports": (Report("error", "the writer has stopped"),)},
            'and the application may have been told (report 1: "error: the writer has stopped")',
        ),
        ({"client": None}, "and nobody recorded what the application was told"),
    ],
)
def test_a_client_that_stops_and_says_so_is_a_doubt(given: dict[str, Any], words: str) -> None:
    """The application can act, or nobody knows whether it could."""
    (judgement,) = judged(sent(1, lines(1), 400), manifest=BEHIND, **given)

    assert (Verdict.INCONCLUSIVE, 1, ("m,k=a 2", "m,k=a 3")) == (
        judgement.verdict,
        judgement.exchange,
        judgement.points,
    )
    assert judgement.batch == sent(1, lines(1)).batch
    assert judgement.what.endswith(f"none of 2 points behind it was sent, {words}")


@pytest.mark.parametrize(
    "given",
    [
        {"reports": (Report("failed", "", lines(1)),)},
        {"reports": (Report("failed", "", lines(1, 2)),)},
        {"reports": (Report("failed", "", lines(1, 3)),)},
        {"reports": (Report("stored"),)},
        {"stderr": f"ERROR {DEFAULT_MESSAGES[400]}\n"},
        {"stderr": "INFO started\n"},
        {"client": None, "stderr": "INFO started\n"},
    ],
)
def test_to_tell_of_the_refusal_only_is_not_to_tell_of_what_is_behind(given: dict[str, Any]) -> None:
    """The application does not know that the rest will never be sent."""
    assert [Verdict.FAIL] == verdicts(sent(1, lines(1), 400), manifest=BEHIND, **given)


@pytest.mark.parametrize(("ended", "doubt"), [(2.5, "0.5 s"), (7.0, "5.0 s"), (7.001, "")])
def test_a_client_that_the_lab_ended_soon_is_a_doubt(ended: float, doubt: str) -> None:
    """It may have been about to go on."""
    client = Client(began=0.0, ended=ended, status=None, signal=9, timed_out=True)
    (judgement,) = judged(sent(1, lines(1), 400, left=2), manifest=BEHIND, client=client)

    assert (Verdict.INCONCLUSIVE if doubt else Verdict.FAIL) == judgement.verdict
    assert judgement.what.endswith(f"was sent, but the lab ended the client {doubt} later" if doubt else "was sent")


def test_a_client_that_ended_soon_by_itself_fails() -> None:
    """Nobody kept it from going on."""
    client = Client(began=0.0, ended=2.5, status=0)

    assert [Verdict.FAIL] == verdicts(sent(1, lines(1), 400, left=2), manifest=BEHIND, client=client)


@pytest.mark.parametrize(("at", "doubt"), [(1.5, False), (2.0, True), (3.0, True)])
def test_other_batches_sent_again_after_it_are_a_doubt(at: float, doubt: bool) -> None:
    """What keeps the client may be the other batch."""
    refused = sent(2, lines(1), 400, at=1.2, left=2)
    (judgement,) = judged(sent(1, lines(2), 503), refused, sent(3, lines(2), 503, at=at), manifest=BEHIND)

    assert (Verdict.INCONCLUSIVE if doubt else Verdict.FAIL, ("m,k=a 3",)) == (judgement.verdict, judgement.points)
    assert judgement.what.endswith(
        "none of 1 point behind it was sent" + (", but exchange 3 sent another batch again" if doubt else "")
    )


def test_two_refused_batches_do_not_excuse_each_other() -> None:
    """Each is sent again for ever, and together they block."""
    refused = [sent(n, lines(1 + n % 2), 400, at=1 + n / 100, left=2 if n < 3 else None) for n in (1, 2)]
    again = [sent(n, lines(1 + n % 2), 400) for n in (3, 4, 5)]

    assert [Verdict.FAIL, Verdict.FAIL] == verdicts(*refused, *again, manifest=BEHIND)


def test_another_batch_joined_with_the_refused_one_is_another_batch() -> None:
    """What it adds to the refused points is enough."""
    events = (sent(1, lines(2), 503), sent(2, lines(1), 400), sent(3, lines(1, 2), 503))

    assert [Verdict.INCONCLUSIVE] == verdicts(*events, manifest=BEHIND)


def test_a_line_without_a_timestamp_is_no_line_of_another_batch() -> None:
    """Equal ones in two bodies are two things to send."""
    events = (sent(1, "u v=1", 503), sent(2, "u v=1\nm,k=a v=1 1", 400), sent(3, "u v=1", 503))
    (judgement,) = judged(*events, manifest=BEHIND)

    assert judgement.what.endswith("but exchange 3 sent another batch again")


def test_a_part_of_the_refused_batch_is_no_other_batch() -> None:
    """Nothing is in it that was not refused."""
    events = (sent(1, lines(1), 503), sent(2, lines(1, 2), 400), sent(3, lines(1), 503))

    assert [Verdict.FAIL] == verdicts(*events, manifest=lines(1, 2, 3))


def test_a_batch_that_is_refused_later_is_no_excuse() -> None:
    """However its earlier attempts ended."""
    events = (sent(1, lines(2), 503), sent(2, lines(1), 400), sent(3, lines(2), 400))

    assert [Verdict.FAIL, Verdict.FAIL] == verdicts(*events, manifest=BEHIND)


def test_queries_after_it_are_no_writes() -> None:
    """What is behind is not sent by them."""
    events = (sent(1, lines(1), 400), sent(2, "q", 200, path=V2_QUERY))

    assert [Verdict.FAIL] == verdicts(*events, manifest=BEHIND)


def test_it_is_binding() -> None:
    """What blocks for ever loses, so it is a must."""
    assert Level.MUST is lets_good_lines_pass_bad_ones.level
