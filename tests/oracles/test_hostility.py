"""The oracle ``survives_any_retry_after``: guilty, innocent, never put to the test."""

from __future__ import annotations

from typing import Any

import pytest

from faultlab.exchange import HEALTH, V2_QUERY, Answer, Effect
from faultlab.history import Client, Ended, Event, Report
from faultlab.ledger import Ledger
from faultlab.oracles import survives_any_retry_after
from faultlab.oracles.hostility import strangeness
from faultlab.verdict import Judgement, Level, Verdict
from tests.builders import EPOCH, KILLED, TOLD, history, lines, sent

SEGFAULT = Client(began=0.0, ended=60.0, status=None, signal=11)
TRACEBACK = 'Traceback (most recent call last):\n  File "app.py", line 1, in <module>\n'
VALUE_ERROR = f"{TRACEBACK}ValueError: invalid literal for int() with base 10: 'soon'\n"
REFUSAL = f"{TRACEBACK}ApiException: (429) Too Many Requests\n"
WRAPPED = f"{TRACEBACK}WriteError: gave the batch up\n"
MEANWHILE = "\nDuring handling of the above exception, another exception occurred:\n\n"
BECAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"


def judged(*events: Event, **given: Any) -> list[Judgement]:
    """Give what the oracle says of a history."""
    return list(survives_any_retry_after.looks_at(Ledger(history(*events, **given))))


def verdicts(*events: Event, **given: Any) -> list[Verdict]:
    """Give the verdicts alone."""
    return [judgement.verdict for judgement in judged(*events, **given)]


def refused(seq: int = 1, status: int = 429, *, retry_after: str = "soon", **given: Any) -> Event:
    """Give a write that was refused with a strange Retry-After."""
    return sent(seq, lines(1, 2), status, retry_after=retry_after, **given)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), ""),
        (("1",), ""),
        ((" 7\t",), ""),
        (("86400",), ""),
        (("86401",), "'Retry-After: 86401'"),
        (("0",), "'Retry-After: 0'"),
        (("-1",), "'Retry-After: -1'"),
        (("1.5",), "'Retry-After: 1.5'"),
        (("",), "'Retry-After: '"),
        (("soon",), "'Retry-After: soon'"),
        (("5", "5"), "2 Retry-After headers"),
        (("5", "6", "7"), "3 Retry-After headers"),
        (("Thu, 01 Jan 2026 00:00:01 GMT",), ""),
        (("Fri, 02 Jan 2026 00:00:00 GMT",), ""),
        (("Fri, 02 Jan 2026 00:00:01 GMT",), "'Retry-After: Fri, 02 Jan 2026 00:00:01 GMT'"),
        (("Thu, 01 Jan 2026 00:00:00 GMT",), "'Retry-After: Thu, 01 Jan 2026 00:00:00 GMT'"),
        (("Wed, 31 Dec 2025 23:59:59 GMT",), "'Retry-After: Wed, 31 Dec 2025 23:59:59 GMT'"),
        (("x" * 40,), f"'Retry-After: {'x' * 40}'"),
        (("y" + "x" * 40,), f"'Retry-After: y{'x' * 38}…'"),
    ],
)
def test_only_what_cannot_be_obeyed_is_strange(values: tuple[str, ...], expected: str) -> None:
    """More than nothing and at most a day, once, in a form of RFC 9110, is to be obeyed; all else is strange."""
    headers = (("X-Other", "soon"), *(("retry-AFTER", value) for value in values))

    assert expected == strangeness(Answer(429, headers), EPOCH)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("Thu, 01 Jan 2026 00:00:10 GMT", ""), ("7", ""), ("0", "'Retry-After: 0'"), ("soon", "'Retry-After: soon'")],
)
def test_a_date_without_a_clock_is_not_strange(value: str, expected: str) -> None:
    """Nobody can say whether it was past; anything else needs no clock."""
    assert expected == strangeness(Answer(429, (("Retry-After", value),)), None)


@pytest.mark.parametrize(("at", "count"), [(8.0, 0), (11.0, 1)])
def test_a_date_is_compared_with_the_moment_the_reply_left(at: float, count: int) -> None:
    """A date ahead may be past when the reply leaves."""
    event = refused(left=at, at=1, retry_after="Thu, 01 Jan 2026 00:00:10 GMT")

    assert count == len(judged(event))


def test_a_history_without_a_clock_judges_no_date() -> None:
    """Only dates: what needs no clock is judged all the same."""
    past = history(refused(retry_after="Wed, 31 Dec 2025 00:00:00 GMT"), refused(2, retry_after="soon"))
    del past.run["epoch"]

    assert [2] == [judgement.exchange for judgement in survives_any_retry_after.looks_at(Ledger(past))]


@pytest.mark.parametrize(
    "event",
    [
        refused(status=204),
        refused(status=299),
        refused(settled=False),
        refused(ended=Ended.CLOSED),
        refused(retry_after="5"),
        sent(1, lines(1), 429),
        sent(1, "q", 429, retry_after="soon", path=V2_QUERY),
        sent(1, lines(1), 429, retry_after="soon", path=HEALTH),
        sent(1, lines(1), 429, retry_after="soon", method="GET"),
        sent(1, "", 429, retry_after="soon"),
    ],
)
def test_without_a_strange_refusal_of_a_write_there_is_no_case(event: Event) -> None:
    """Success, no reply, half a reply, a wait to be obeyed, no header, no write, nothing in it."""
    assert [] == verdicts(event)


@pytest.mark.parametrize("status", [300, 400, 429, 503])
@pytest.mark.parametrize("client", [TOLD, KILLED, SEGFAULT])
def test_who_sends_again_passes(status: int, client: Client) -> None:
    """How long it waited is its own choice, and how it ended no matter."""
    (judgement,) = judged(
        refused(status=status, at=1, left=2), sent(2, lines(2), at=4.5), client=client, stderr=VALUE_ERROR
    )

    assert (Verdict.PASS, 1, ()) == (judgement.verdict, judgement.exchange, judgement.points)
    assert (
        f"exchange 1 (batch {judgement.batch[:8]}) was told {status} with 'Retry-After: soon': "
        "sent again by exchange 2 2.50 s later"
    ) == judgement.what


def test_every_strange_refusal_is_a_case() -> None:
    """Whoever survives the first may not survive the second."""
    assert [Verdict.PASS, Verdict.FAIL] == verdicts(refused(), refused(2), sent(3, lines(9)))


@pytest.mark.parametrize(
    "event", [sent(2, lines(1, 2), 503, at=1.05, left=9), sent(2, lines(1, 2), at=1.05), sent(2, lines(3), at=1.05)]
)
def test_what_was_under_way_is_no_sign_of_life(event: Event) -> None:
    """It was sent before the reply left."""
    (judgement,) = judged(refused(effect=Effect.NONE), event, client=SEGFAULT)[:1]

    assert (Verdict.FAIL, "the client was ended by signal 11, and sent nothing more") == (
        judgement.verdict,
        judgement.what.partition(": ")[2].partition(": ")[2],
    )


def test_death_by_a_signal_fails() -> None:
    """Nothing was sent after the strange reply, and the lab did not do it."""
    (judgement,) = judged(refused(), client=SEGFAULT)

    assert (Verdict.FAIL, 1, ("m,k=a 1", "m,k=a 2")) == (judgement.verdict, judgement.exchange, judgement.points)
    assert judgement.batch == refused().batch
    assert (
        f"exchange 1 (batch {judgement.batch[:8]}) was told 429 with 'Retry-After: soon': "
        "the client was ended by signal 11, and sent nothing more"
    ) == judgement.what


@pytest.mark.parametrize(("at", "words"), [(1.05, "ended by signal 11"), (1.1, "not stored"), (2.0, "not stored")])
def test_death_after_another_send_was_not_for_this_reply(at: float, words: str) -> None:
    """It lived on, at least from when the reply left; what was sent before that says nothing."""
    (judgement,) = judged(refused(), sent(2, lines(3), at=at), client=SEGFAULT)

    assert words in judgement.what


def test_a_check_of_health_is_no_sign_of_life() -> None:
    """Only what carries something counts."""
    (judgement,) = judged(refused(), sent(2, "", 200, path=HEALTH, method="GET"), client=SEGFAULT)

    assert "ended by signal 11" in judgement.what


@pytest.mark.parametrize(
    ("stderr", "crash"),
    [
        (VALUE_ERROR, "stderr line 3: \"ValueError: invalid literal for int() with base 10: 'soon'\""),
        (REFUSAL + VALUE_ERROR, "stderr line 6: \"ValueError: invalid literal for int() with base 10: 'soon'\""),
        (
            REFUSAL + MEANWHILE + VALUE_ERROR,
            "stderr line 9: \"ValueError: invalid literal for int() with base 10: 'soon'\"",
        ),
        (
            REFUSAL + BECAUSE + WRAPPED + VALUE_ERROR,
            "stderr line 12: \"ValueError: invalid literal for int() with base 10: 'soon'\"",
        ),
        (
            REFUSAL + BECAUSE + REFUSAL + VALUE_ERROR,
            "stderr line 12: \"ValueError: invalid literal for int() with base 10: 'soon'\"",
        ),
        (VALUE_ERROR + BECAUSE + WRAPPED, 'stderr line 9: "WriteError: gave the batch up"'),
        (
            REFUSAL + MEANWHILE + VALUE_ERROR + BECAUSE + WRAPPED,
            'stderr line 15: "WriteError: gave the batch up"',
        ),
        ("panic: runtime error: index out of range\n", 'stderr line 1: "panic: runtime error: index out of range"'),
    ],
)
def test_a_crash_fails(stderr: str, crash: str) -> None:
    """What ended the client speaks of something else, whatever was logged or handled before."""
    (judgement,) = judged(refused(), client=TOLD, stderr=stderr)

    assert (Verdict.FAIL, ("m,k=a 1", "m,k=a 2")) == (judgement.verdict, judgement.points)
    assert judgement.what.endswith(f"'Retry-After: soon': the client crashed ({crash})")


@pytest.mark.parametrize(
    "stderr",
    [
        "",
        REFUSAL,
        VALUE_ERROR + REFUSAL,
        REFUSAL + BECAUSE + WRAPPED,
        REFUSAL + BECAUSE + WRAPPED + BECAUSE + WRAPPED,
        REFUSAL + MEANWHILE + REFUSAL,
    ],
)
def test_an_uncaught_refusal_is_a_way_of_telling(stderr: str) -> None:
    """The application is told by the exception, or by the exit status without one."""
    (judgement,) = judged(refused(), client=TOLD, stderr=stderr)

    assert (Verdict.PASS, ()) == (judgement.verdict, judgement.points)
    assert ": not stored, and the application was told (" in judgement.what


def test_a_crash_after_another_send_was_not_for_this_reply() -> None:
    """The exit status tells then."""
    assert [Verdict.PASS] == verdicts(refused(), sent(2, lines(3)), client=TOLD, stderr=VALUE_ERROR)


def test_a_traceback_of_a_client_that_ended_well_is_no_crash() -> None:
    """A program may log one, or lose a thread; if the points are gone that is what fails it."""
    (judgement,) = judged(refused(), stderr=VALUE_ERROR)

    assert Verdict.FAIL == judgement.verdict
    assert judgement.what.endswith(": not stored, and the application was not told")


def test_a_traceback_of_a_client_that_the_lab_ended_is_no_crash() -> None:
    """Being interrupted prints one as well."""
    client = Client(began=0.0, ended=60.0, status=1, timed_out=True)

    assert [Verdict.PASS] == verdicts(refused(), client=client, stderr=f"{TRACEBACK}KeyboardInterrupt\n")


@pytest.mark.parametrize(
    ("ended", "verdict", "waited"),
    [
        (60.0, Verdict.FAIL, "58.0"),
        (7.001, Verdict.FAIL, "5.0"),
        (7.0, Verdict.INCONCLUSIVE, "5.0"),
        (2.5, Verdict.INCONCLUSIVE, "0.5"),
    ],
)
def test_silence_until_the_lab_ended_it_fails(ended: float, verdict: Verdict, waited: str) -> None:
    """Unless the end came so soon that a delay of its own may have been under way."""
    client = Client(began=0.0, ended=ended, status=None, signal=9, timed_out=True)
    (judgement,) = judged(refused(left=2.0), client=client)

    assert (verdict, ("m,k=a 1", "m,k=a 2")) == (judgement.verdict, judgement.points)
    assert judgement.what.endswith(
        f"'Retry-After: soon': the client sent nothing more in {waited} s, until the lab ended it"
    )


@pytest.mark.parametrize(
    "given",
    [
        {"reports": (Report("failed", "", lines(1, 2)),)},
        {"stderr": "ERROR HTTP 429, gave the batch up\n"},
    ],
)
def test_silence_after_telling_passes(given: dict[str, Any]) -> None:
    """What was told of need not be sent again, even by a client that hangs."""
    assert [Verdict.PASS] == verdicts(refused(), client=KILLED, **given)


def test_silence_about_what_was_stored_passes() -> None:
    """Nothing was left to do."""
    (judgement,) = judged(refused(effect=Effect.ALL), client=KILLED)

    assert (Verdict.PASS, ()) == (judgement.verdict, judgement.points)
    assert judgement.what.endswith(": stored")


def test_a_client_that_went_on_and_was_ended_is_a_doubt() -> None:
    """It may have meant to come back to the batch."""
    (judgement,) = judged(refused(), sent(2, lines(3)), client=KILLED)

    assert Verdict.INCONCLUSIVE == judgement.verdict
    assert judgement.what.endswith(": not stored when the lab ended the client")


@pytest.mark.parametrize("others", [(), (sent(2, lines(3)),)])
def test_points_that_are_gone_fail(others: tuple[Event, ...]) -> None:
    """The client ended by itself and told nobody."""
    (judgement,) = judged(refused(), *others)

    assert (Verdict.FAIL, ("m,k=a 1", "m,k=a 2")) == (judgement.verdict, judgement.points)
    assert judgement.what.endswith(": not stored, and the application was not told")


def test_only_the_points_that_are_gone_are_named() -> None:
    """The worst of a batch decides."""
    event = refused(retry_after="0", refused=(1,), effect=Effect.PART)
    (judgement,) = judged(event)

    assert (Verdict.FAIL, ("m,k=a 1",)) == (judgement.verdict, judgement.points)


def test_a_run_without_a_client_is_a_doubt() -> None:
    """Nobody recorded what it was told."""
    (judgement,) = judged(refused(), client=None)

    assert Verdict.INCONCLUSIVE == judgement.verdict
    assert judgement.what.endswith(": not stored, and nobody recorded what the application was told")


def test_an_upload_of_which_nothing_was_seen_is_a_doubt() -> None:
    """With a manifest of which all was seen elsewhere, its points are judged there."""
    events = (sent(1, lines(1)), sent(2, "m,k=a", 503, declared=99, retry_after="0"))
    (judgement,) = judged(*events, manifest=lines(1))

    assert (Verdict.INCONCLUSIVE, 2, ()) == (judgement.verdict, judgement.exchange, judgement.points)
    assert judgement.what.endswith("told 503 with 'Retry-After: 0': no point is known")


def test_it_is_binding() -> None:
    """Nothing but death, silence and loss fails it, so it is a must."""
    assert Level.MUST is survives_any_retry_after.level
