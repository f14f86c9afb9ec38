"""The oracle ``splits_oversized_batches``: guilty, innocent, never put to the test."""

from __future__ import annotations

from typing import Any

import pytest

from faultlab.exchange import V2_QUERY, Effect, Everything
from faultlab.history import Ended, Event, Report
from faultlab.ledger import Ledger
from faultlab.oracles import splits_oversized_batches
from faultlab.verdict import Judgement, Level, Verdict
from tests.builders import DEFAULT_MESSAGES, KILLED, TOLD, history, lines, sent

WHOLE = lines(1, 2, 3, 4)


def judged(*events: Event, **given: Any) -> list[Judgement]:
    """Give what the oracle says of a history."""
    return list(splits_oversized_batches.looks_at(Ledger(history(*events, **given))))


def verdicts(*events: Event, **given: Any) -> list[Verdict]:
    """Give the verdicts alone."""
    return [judgement.verdict for judgement in judged(*events, **given)]


def too_large(seq: int = 1, body: str = WHOLE, **given: Any) -> Event:
    """Give a write refused as too large."""
    return sent(seq, body, 413, **given)


def test_halves_pass() -> None:
    """Each point went into a body with fewer bytes."""
    (judgement,) = judged(too_large(), sent(2, lines(1, 2)), sent(3, lines(3, 4)))

    assert (Verdict.PASS, 1, ()) == (judgement.verdict, judgement.exchange, judgement.points)
    assert too_large().batch == judgement.batch
    assert (
        f"exchange 1 (batch {judgement.batch[:8]}), 4 lines and 48 bytes, was told 413: sent again in 2 smaller bodies"
    ) == judgement.what


def test_one_smaller_body_is_enough() -> None:
    """White space and comments go as well."""
    (judgement,) = judged(too_large(body=WHOLE + "#\n"), sent(2, WHOLE))

    assert Verdict.PASS == judgement.verdict
    assert judgement.what.endswith("was told 413: sent again in 1 smaller body")


def test_whether_the_halves_arrive_is_another_question() -> None:
    """They were sent."""
    assert [Verdict.PASS, Verdict.PASS] == verdicts(
        too_large(), too_large(2, lines(1, 2)), sent(3, lines(3, 4), 503), sent(4, lines(1), 413), sent(5, lines(2))
    )


@pytest.mark.parametrize(
    "event",
    [
        too_large(body=lines(1)),
        too_large(body=""),
        too_large(ended=Ended.CLOSED),
        too_large(settled=False),
        too_large(path=V2_QUERY),
        too_large(method="PUT"),
        too_large(problem="error decoding gzip stream"),
        sent(1, WHOLE, 400),
        sent(1, WHOLE, 414),
        sent(1, WHOLE),
    ],
)
def test_without_a_batch_that_could_be_split_there_is_no_case(event: Event) -> None:
    """One line, none, no reply, no write, a body nobody could read, another status."""
    assert [] == verdicts(event, sent(2, WHOLE))


def test_two_lines_are_a_batch() -> None:
    """They can be split."""
    assert [Verdict.FAIL] == verdicts(too_large(body=lines(1, 2)))


def test_the_same_again_fails() -> None:
    """It is served only because the refusal was an injected one."""
    (judgement,) = judged(too_large(), sent(2, WHOLE), client=TOLD, stderr="ERROR HTTP 413\n")

    assert (Verdict.FAIL, 1, too_large().batch) == (judgement.verdict, judgement.exchange, judgement.batch)
    assert ("m,k=a 1", "m,k=a 2", "m,k=a 3", "m,k=a 4") == judgement.points
    assert (
        f"exchange 1 (batch {judgement.batch[:8]}), 4 lines and 48 bytes, was told 413: "
        "4 of 4 points went into no smaller body, and were sent again as they were"
    ) == judgement.what


def test_a_larger_body_fails() -> None:
    """Joining what is too large with more of it is no answer."""
    assert [Verdict.FAIL] == verdicts(too_large(), sent(2, WHOLE + lines(5)))


def test_the_same_again_and_then_halves_pass() -> None:
    """It learnt."""
    (judgement, _) = judged(too_large(), too_large(2), sent(3, lines(1, 2)), sent(4, lines(3, 4)))

    assert Verdict.PASS == judgement.verdict
    assert "2 smaller bodies" in judgement.what


def test_the_first_smaller_body_of_a_point_counts() -> None:
    """Splitting further adds no bodies to those of the first split."""
    (judgement,) = judged(
        too_large(), sent(2, lines(1, 2), 503), sent(3, lines(1)), sent(4, lines(2)), sent(5, lines(3, 4))
    )

    assert "2 smaller bodies" in judgement.what


def test_a_body_of_another_form_is_smaller_by_its_bytes() -> None:
    """One byte less is less, the same number is not."""
    body = "m,k=a v=1 1 \nm,k=a v=1 2\n"

    assert [Verdict.PASS] == verdicts(too_large(body=body), sent(2, lines(1, 2)))
    assert [Verdict.FAIL] == verdicts(too_large(body=lines(1, 2)), sent(2, lines(2, 1)))


def test_half_a_split_fails_for_the_other_half() -> None:
    """Each point counts, and those that were not sent again are named."""
    (judgement,) = judged(too_large(), sent(2, lines(1, 2)))

    assert (Verdict.FAIL, ("m,k=a 3", "m,k=a 4")) == (judgement.verdict, judgement.points)
    assert (1, too_large().batch) == (judgement.exchange, judgement.batch)
    assert judgement.what.endswith(
        "was told 413: 2 of 4 points went into no smaller body, not stored, and the application was not told"
    )


def test_a_bad_line_told_of_excuses_no_resend_of_the_rest() -> None:
    """Those stored by the same body sent again are the ones that count."""
    body = "bad\n" + lines(1, 2)
    (judgement,) = judged(too_large(body=body), sent(2, body, 400, refused=(1,)), client=TOLD)

    assert (Verdict.FAIL, ("m,k=a 1", "m,k=a 2")) == (judgement.verdict, judgement.points)
    assert judgement.what.endswith(
        "3 of 3 points went into no smaller body, and 2 of them were sent again as they were"
    )


@pytest.mark.parametrize(
    "given",
    [
        {"client": TOLD},
        {"stderr": f"ERROR {DEFAULT_MESSAGES[413]}\n"},
        {"reports": (Report("rejected", "", WHOLE),)},
    ],
)
@pytest.mark.parametrize("events", [(too_large(),), (too_large(), sent(2, lines(1, 2)))])
def test_points_told_of_pass(events: tuple[Event, ...], given: dict[str, Any]) -> None:
    """All of them, or those that no smaller body had."""
    (judgement,) = judged(*events, **given)

    assert (Verdict.PASS, ()) == (judgement.verdict, judgement.points)
    assert "points went into no smaller body, not stored, and the application was told (" in judgement.what


def test_the_same_again_until_it_is_told_of_passes() -> None:
    """In the end the application knows."""
    assert [Verdict.PASS, Verdict.PASS] == verdicts(too_large(), too_large(2), client=TOLD)


def test_points_the_application_heard_half_of_fail() -> None:
    """The worst of a batch decides."""
    (judgement,) = judged(too_large(), reports=(Report("failed", "", lines(1, 2, 3)),))

    assert (Verdict.FAIL, ("m,k=a 4",)) == (judgement.verdict, judgement.points)


@pytest.mark.parametrize(
    "given", [{"client": None}, {"client": KILLED}, {"reports": (Report("error", "buffer overflow"),)}]
)
def test_what_cannot_be_known_is_a_doubt(given: dict[str, Any]) -> None:
    """No listener, a client the lab ended, words of its own."""
    (judgement,) = judged(too_large(body=lines(1, 2)), **given)

    assert (Verdict.INCONCLUSIVE, ("m,k=a 1", "m,k=a 2")) == (judgement.verdict, judgement.points)


def test_points_without_timestamps_in_other_bodies_are_a_doubt() -> None:
    """They may be new data that happens to be equal."""
    assert [Verdict.INCONCLUSIVE] == verdicts(too_large(body="m v=1\nm v=2"), sent(2, "m v=1"), sent(3, "m v=2"))


@pytest.mark.parametrize("at", [1.05, 1.099])
def test_what_was_under_way_is_no_answer(at: float) -> None:
    """Smaller bodies or the same, sent before the reply left, were not made in its knowledge."""
    smaller = (sent(2, lines(1, 2), 503, at=at), sent(3, lines(3, 4), 503, at=at))

    assert [Verdict.FAIL] == verdicts(too_large(), *smaller)
    assert [Verdict.PASS] == verdicts(too_large(), sent(2, WHOLE, at=at))


def test_a_body_sent_when_the_reply_leaves_is_an_answer() -> None:
    """And so is one that was numbered before, as long as it is later."""
    assert [Verdict.PASS] == verdicts(too_large(left=2.0), sent(2, lines(1, 2), at=2.0), sent(3, lines(3, 4), at=2.0))
    assert [Verdict.FAIL] == verdicts(too_large(left=2.0), sent(2, WHOLE, at=2.0))


def test_smaller_bodies_from_before_are_no_answer() -> None:
    """A client that joins what failed alone did not split."""
    events = (sent(1, lines(1, 2), 503), sent(2, lines(3, 4), 503), too_large(3))

    assert [Verdict.FAIL] == verdicts(*events)
    assert [Verdict.FAIL] == verdicts(sent(1, lines(1, 2), 503, at=9), sent(2, lines(3, 4), 503, at=9), too_large(3))


def test_what_the_refused_body_itself_stored_was_not_sent_again() -> None:
    """A server that stores and says 413 leaves nothing to do."""
    (judgement,) = judged(too_large(effect=Effect.ALL, deliver=Everything()))

    assert (Verdict.PASS, ()) == (judgement.verdict, judgement.points)
    assert judgement.what.endswith("4 of 4 points went into no smaller body, stored")


def test_what_was_stored_before_it_is_sent_again_is_no_resend_that_helped() -> None:
    """Whoever repeats what is stored is another question's matter."""
    assert [Verdict.PASS] == verdicts(too_large(effect=Effect.ALL, deliver=Everything()), sent(2, WHOLE))


def test_a_cut_resend_is_as_large_as_its_whole() -> None:
    """The same body, of which only the beginning arrived, is not smaller."""
    again = sent(2, WHOLE[:30], None, declared=48)
    (judgement,) = judged(too_large(declared=48), again, sent(3, WHOLE, declared=48))

    assert (Verdict.FAIL, 1) == (judgement.verdict, judgement.exchange)


@pytest.mark.parametrize("cut", [WHOLE[:30], WHOLE[:12]])
def test_a_cut_upload_is_as_large_as_the_whole_that_followed(cut: str) -> None:
    """A server may refuse by the length alone, before it has read the body."""
    first = too_large(body=cut, declared=48)
    (judgement, _) = judged(first, too_large(2, declared=48), sent(3, lines(1, 2)), sent(4, lines(3, 4)))

    assert Verdict.PASS == judgement.verdict
    assert "4 lines and 48 bytes" in judgement.what
    assert [Verdict.FAIL] == verdicts(first, sent(2, WHOLE, declared=48))


def test_a_cut_upload_without_a_whole_is_larger_than_what_was_seen() -> None:
    """Whatever followed was smaller."""
    (judgement,) = judged(too_large(body=lines(1, 2)[:-1] + "\n", declared=999), sent(2, lines(1, 2, 3)))

    assert (Verdict.PASS, f"{too_large(body=lines(1, 2)).batch}+") == (judgement.verdict, judgement.batch)
    assert (
        f"exchange 1 (batch {judgement.batch[:8]}), 2 lines and more bytes than were seen, was told 413: "
        "sent again in 1 smaller body"
    ) == judgement.what


def test_a_cut_upload_without_a_whole_is_no_answer() -> None:
    """Nobody knows how large it was."""
    assert [Verdict.FAIL] == verdicts(too_large(), sent(2, lines(1, 2, 3, 4)[:24], None, declared=30))


def test_it_is_good_advice() -> None:
    """Whoever tells instead of splitting breaks no rule, so it is a should."""
    assert Level.SHOULD is splits_oversized_batches.level
