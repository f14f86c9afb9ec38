"""The oracle ``loses_nothing_silently``: guilty, innocent, never put to the test."""

from __future__ import annotations

from typing import Any

import pytest

from faultlab.exchange import Effect, Handshake, Nothing, Refused, Severed
from faultlab.history import Ended, Event, Report
from faultlab.ledger import Ledger
from faultlab.oracles import loses_nothing_silently
from faultlab.verdict import Judgement, Verdict
from tests.builders import KILLED, TOLD, TOO_MANY, answer, history, lines, sent


def judged(*events: Event, **given: Any) -> list[Judgement]:
    """Give what the oracle says of a history."""
    return list(loses_nothing_silently.looks_at(Ledger(history(*events, **given))))


def verdicts(*events: Event, **given: Any) -> list[Verdict]:
    """Give the verdicts alone."""
    return [judgement.verdict for judgement in judged(*events, **given)]


REFUSED = sent(1, lines(1, 2), 429)


def test_a_batch_refused_and_forgotten_fails() -> None:
    """Nothing stored, exit status 0, not a word: lost silently."""
    (judgement,) = judged(REFUSED, sent(2, lines(3)))[:1]

    assert (Verdict.FAIL, 1, ("m,k=a 1", "m,k=a 2")) == (judgement.verdict, judgement.exchange, judgement.points)
    assert (
        f"batch {judgement.batch[:8]}: 2 of 2 not stored, and the application was not told; "
        "last sent by exchange 1 (told 429)"
    ) == judgement.what


def test_a_batch_stored_in_the_end_passes() -> None:
    """What counts is the end, however it came about."""
    assert [Verdict.PASS] == verdicts(REFUSED, sent(2, lines(1, 2)))


def test_without_a_batch_there_is_no_case() -> None:
    """A client that wrote nothing has nothing to lose."""
    assert [] == verdicts(sent(1, "", 200, path="/api/v2/query"), sent(2, ""))


@pytest.mark.parametrize(
    "given",
    [
        {"client": TOLD},
        {"stderr": f"ERROR: {TOO_MANY}\n"},
        {"stderr": "(429)\nReason: Too Many Requests\n"},
        {"reports": (Report("failed", "", lines(1, 2)),)},
        {"reports": (Report("error", TOO_MANY),)},
        {"reports": (Report("error"),)},
    ],
)
def test_a_loss_the_application_was_told_of_passes(given: dict[str, Any]) -> None:
    """A report, an exit status or a line of the log is telling."""
    assert [Verdict.PASS] == verdicts(REFUSED, **given)


@pytest.mark.parametrize(
    "given",
    [
        {"stderr": f"The retriable error occurred. Reason: '{TOO_MANY}'. Retry in 5s.\n"},
        {"stderr": "INFO wrote 429 points\n"},
        {"reports": (Report("failed", TOO_MANY, lines(9)), Report("ok", "", lines(1, 2))), "stderr": ""},
    ],
)
def test_what_only_looks_like_telling_does_not(given: dict[str, Any]) -> None:
    """An announced retry, a number of something else, a report about other points."""
    events = (REFUSED, sent(2, lines(9), 401))

    assert Verdict.FAIL == verdicts(*events, **given)[0]


def test_a_report_about_half_a_batch_leaves_the_other_half_silent() -> None:
    """Each point counts."""
    (judgement,) = judged(REFUSED, reports=(Report("failed", TOO_MANY, lines(1)),))

    assert (Verdict.FAIL, ("m,k=a 2",)) == (judgement.verdict, judgement.points)


def test_points_saved_in_other_bodies_are_stored() -> None:
    """A batch split after a 413 lost what no part of it stored."""
    (whole, *_) = judged(sent(1, lines(1, 2, 3), 413), sent(2, lines(1)), sent(3, lines(2)), stderr="")

    assert (Verdict.FAIL, ("m,k=a 3",)) == (whole.verdict, whole.points)


def test_the_last_reply_is_what_the_application_needs_to_know() -> None:
    """A line about the attempt before is a doubt."""
    events = (sent(1, lines(1), 429), sent(2, lines(1), 401))

    assert [Verdict.INCONCLUSIVE] == verdicts(*events, stderr="ERROR (429)\n")


@pytest.mark.parametrize(
    ("event", "given"),
    [
        (sent(1, lines(1), 204, deliver=Nothing()), {}),
        (sent(1, lines(1), None, effect=Effect.UNKNOWN), {}),
        (sent(1, lines(1), settled=False), {}),
        (sent(1, lines(1), 429, ended=Ended.BROKEN), {}),
        (REFUSED, {"client": None}),
        (REFUSED, {"client": KILLED}),
        (REFUSED, {"reports": (Report("error", "buffer overflow"),)}),
        (sent(1, b"\x1f\x8b", 400, problem="error decoding gzip stream"), {}),
    ],
)
def test_what_cannot_be_known_is_a_doubt(event: Event, given: dict[str, Any]) -> None:
    """A success the server lied about, an unknown effect, a broken lab, no listener, an ended client, own words."""
    assert [Verdict.INCONCLUSIVE] == verdicts(event, **given)


def test_a_success_before_a_refusal_is_the_servers_fault() -> None:
    """A client told once that a point was taken may forget it."""
    events = (sent(1, lines(1), 204, deliver=Nothing()), sent(2, lines(1), 429))

    assert [Verdict.INCONCLUSIVE] == verdicts(*events)


def test_a_lost_connection_is_told_of_in_the_words_of_libraries() -> None:
    """Where there was no reply there is no status to quote."""
    assert [Verdict.PASS] == verdicts(sent(1, lines(1), None), stderr="Error: socket hang up\n")


def test_refused_lines_swallowed_fail() -> None:
    """The lines a partial write names are lost like any other."""
    (judgement,) = judged(sent(1, lines(1, 2), 201, refused=(2,)))

    assert (Verdict.FAIL, ("m,k=a 2",)) == (judgement.verdict, judgement.points)


def test_a_bad_line_swallowed_fails() -> None:
    """What the application handed over need not be a point to be missed."""
    (judgement,) = judged(sent(1, "bad line\n", 400))

    assert (Verdict.FAIL, ("bad line",)) == (judgement.verdict, judgement.points)


def test_points_never_sent_fail() -> None:
    """A client that drops points before they are on the wire is found by the manifest."""
    judgement = judged(sent(1, lines(1)), manifest=lines(1, 2, 3))[-1]

    assert (Verdict.FAIL, ("m,k=a 2", "m,k=a 3")) == (judgement.verdict, judgement.points)
    assert "2 of the manifest's points were never sent, and the application was not told" == judgement.what


RESET = "ERROR: write failed: read ECONNRESET\n"
EXPIRED = "ERROR: write failed: certificate has expired\n"


@pytest.mark.parametrize(
    ("event", "stderr", "verdict"),
    [
        (sent(2, b"", None, declared=8, intake=Severed(0)), "", Verdict.FAIL),
        (sent(2, b"", None, declared=8, intake=Severed(0)), RESET, Verdict.INCONCLUSIVE),
        (sent(2, b"", None, intake=Refused(5.0)), RESET, Verdict.INCONCLUSIVE),
        (sent(2, b"", None, intake=Refused(5.0)), "", Verdict.FAIL),
        (sent(2, b"m,k=b v=", None, declared=80, intake=Severed(8)), "", Verdict.FAIL),
        (sent(2, b"m,k=b v=", None, declared=80, intake=Severed(8)), RESET, Verdict.INCONCLUSIVE),
        (sent(2, b"", None, method="TLS", path="", intake=Handshake("expired")), "", Verdict.FAIL),
        (sent(2, b"", None, method="TLS", path="", intake=Handshake("expired")), EXPIRED, Verdict.INCONCLUSIVE),
        (sent(2, lines(1)), EXPIRED, Verdict.FAIL),
    ],
)
def test_what_was_not_read_may_have_been_told_of(event: Event, stderr: str, verdict: Verdict) -> None:
    """A point that seems never sent may have been in a request that was cut, or kept back by a handshake."""
    assert verdict is verdicts(sent(1, lines(1)), event, manifest=lines(1, 2), stderr=stderr)[-1]


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({}, Verdict.FAIL),
        ({"client": TOLD}, Verdict.PASS),
        ({"reports": (Report("rejected", "", lines(2)),)}, Verdict.PASS),
        ({"reports": (Report("rejected", "own words"),)}, Verdict.INCONCLUSIVE),
        ({"client": KILLED}, Verdict.INCONCLUSIVE),
        ({"client": None}, Verdict.INCONCLUSIVE),
    ],
)
def test_points_never_sent_may_be_told_of_as_well(given: dict[str, Any], verdict: Verdict) -> None:
    """The same evidence counts for them."""
    assert verdict == verdicts(sent(1, lines(1)), manifest=lines(1, 2), **given)[-1]


def test_points_sent_with_other_tags_are_a_doubt() -> None:
    """Default tags make another identity of a point, not a loss."""
    assert [Verdict.PASS, Verdict.INCONCLUSIVE] == verdicts(sent(1, "m,k=a,h=b v=1 1"), manifest=lines(1))


@pytest.mark.parametrize(("status", "verdict"), [(0, Verdict.INCONCLUSIVE), (1, Verdict.PASS)])
def test_manifest_lines_without_identity_are_a_doubt_unless_all_is_told(status: int, verdict: Verdict) -> None:
    """Nobody can say whether a line without timestamp was sent."""
    client = TOLD if status else history().client

    assert verdict == verdicts(sent(1, "m v=1"), manifest="m v=1", client=client)[-1]


def test_evidence_is_quoted() -> None:
    """A reader sees the line on which a pass rests."""
    (judgement,) = judged(REFUSED, stderr="ERROR (429)\n")

    assert 'the application was told (stderr line 1: "ERROR (429)")' in judgement.what


def test_messages_of_permanent_refusals_count_too() -> None:
    """Any reply that stored nothing is to be told of."""
    told = answer(401)

    assert [Verdict.PASS] == verdicts(sent(1, lines(1), 401), stderr=f"{told.body.decode()}\n")
