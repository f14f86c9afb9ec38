"""A client's retry policy is read off the wire, kept in a file, and compared without mistaking noise for change."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from faultlab.cli import run
from faultlab.exchange import Answer
from faultlab.faults.retry_after import HOSTILE, LEGAL, values
from faultlab.fingerprint import (
    FORMS,
    Fingerprint,
    FingerprintError,
    Spread,
    Tally,
    compare,
    dumps,
    loads,
    take,
)
from faultlab.fingerprint.reading import form_of
from faultlab.history import Client, Ended, Event, History, Writer
from faultlab.oracles.waiting import seconds
from faultlab.redact import Redactor
from tests.builders import EPOCH, KILLED, history, lines, sent

YESTERDAY = "Wed, 31 Dec 2025 00:00:00 GMT"
SOON = "Thu, 01 Jan 2026 00:00:10 GMT"


def retries(
    delays: Sequence[float], *, batch: int = 1, status: int | None = 503, last: int | None = 204, **rest: Any
) -> list[Event]:
    """Give one batch that is refused before each delay, and answered with ``last`` after them all."""
    events, at = [], 0.0
    for number, delay in enumerate((*delays, None)):
        answered = last if delay is None else status
        more = {} if delay is None else rest
        events.append(sent(100 * batch + number, lines(batch), answered, at=at, left=at + 0.1, **more))
        at += 0.1 + (delay or 0.0)
    return events


def of(*events: Event, **rest: Any) -> Fingerprint:
    """Give the fingerprint of a history of events, in their order of arrival."""
    return take(history(*sorted(events, key=lambda event: event.exchange.at), **rest))


def policy(delay: Callable[[int], float], batches: int = 5, tries: int = 3, **rest: Any) -> Fingerprint:
    """Give the fingerprint of a client that waits so long before each attempt, the first being 0."""
    chains = [retries([delay(number) for number in range(tries)], batch=batch, **rest) for batch in range(batches)]
    return of(*(event for chain in chains for event in chain))


def names(old: Fingerprint, new: Fingerprint) -> list[str]:
    """Give the names of the facts that differ."""
    return [fact.name for fact in compare(old, new) if fact.differs]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (retries([1, 1]), {"503": Tally(2, 2)}),
        (retries([1], last=503), {"503": Tally(1, 2)}),
        (retries([], last=400), {"400": Tally(0, 1)}),
        (retries([1], status=400), {"400": Tally(1, 1)}),
        (retries([1], status=None), {"dropped": Tally(1, 1)}),
        ([*retries([1], status=429), *retries([], batch=2, last=401)], {"401": Tally(0, 1), "429": Tally(1, 1)}),
        (retries([]), {}),
        ([sent(1, "from(bucket: 1)", 503, path="/api/v2/query")], {}),
        ([sent(1, lines(1), settled=False)], {}),
    ],
)
def test_each_refusal_is_sent_again_always_sometimes_or_never(events: list[Event], expected: dict[str, Tally]) -> None:
    """Writes are counted by what refused them; queries, successes and what has no outcome are not."""
    assert expected == of(*events).resent


@pytest.mark.parametrize(("yes", "word"), [(0, "never"), (1, "sometimes"), (2, "always")])
def test_a_tally_is_a_word(yes: int, word: str) -> None:
    """None, some or all of the cases."""
    assert word == Tally(yes, 2).word


def test_points_in_another_body_are_sent_again() -> None:
    """A client that makes new batches of refused points retries them."""
    events = (sent(1, lines(1, 2), 503), sent(2, lines(3, 4), 503), sent(3, lines(1, 2, 3, 4)))

    assert Tally(2, 2) == of(*events).resent["503"]


def test_a_body_that_was_mended_is_not_sent_again() -> None:
    """A client that leaves the bad line of a batch out after a 400 does not retry on 400."""
    found = of(sent(1, lines(1, 2), 400), sent(2, lines(2)))

    assert (Tally(0, 1), None) == (found.resent["400"], found.gives_up_after)


def test_a_send_that_was_under_way_is_no_resend() -> None:
    """What left before the refusal arrived was not made in its knowledge."""
    found = of(sent(1, lines(1), 503, at=0, left=2), sent(2, lines(1), at=1))

    assert (Tally(0, 1), None, None) == (found.resent["503"], found.first_delay, found.gives_up_after)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((sent(1, lines(1, 2), 413), sent(2, lines(1)), sent(3, lines(2))), Tally(1, 1)),
        ((sent(1, lines(1, 2), 413), sent(2, lines(1, 2), 413)), Tally(0, 2)),
        ((sent(1, lines(1), 413), sent(2, lines(1))), None),
        ((sent(1, "m v=1\nm v=2\n", 413), sent(2, "m v=1\n")), None),
        ((sent(1, lines(1, 2), 503), sent(2, lines(1))), None),
    ],
)
def test_a_413_is_split_or_not(events: tuple[Event, ...], expected: Tally | None) -> None:
    """Parts of a body that was too large are seen; one line, or lines without timestamps, say nothing."""
    assert expected == of(*events).splits_on_413


def test_parts_of_a_body_are_neither_resends_nor_attempts() -> None:
    """A batch that is split down to a line that is refused for good is neither retried nor given up."""
    found = of(sent(1, lines(1, 2), 413), sent(2, lines(1), 413), sent(3, lines(2)))

    assert (Tally(0, 2), None, None) == (found.resent["413"], found.first_delay, found.gives_up_after)


def test_delays_are_counted_from_reply_to_resend() -> None:
    """First delay, growth, jitter and the longest follow from the times of a history, with their samples."""
    found = of(*retries([1, 2, 4]), *retries([1.5, 3], batch=2), *retries([2], batch=3))

    assert Spread(1.5, 1.0, 2.0, 3) == found.first_delay
    assert Spread(2.0, 2.0, 2.0, 2) == found.growth
    assert Spread(3.0, 2.0, 4.0, 3) == found.longest_delay
    assert Spread(0.333, 0.0, 0.333, 3) == found.jitter


def test_a_cap_does_not_hide_growth() -> None:
    """A client that doubles up to its cap grows, however often it waits that long."""
    found = of(*retries([1, 2, 4, 8, *[8] * 20]))

    assert (Spread(2.0, 2.0, 2.0, 1), 8.0) == (found.growth, found.longest_delay and found.longest_delay.median)


def test_a_client_that_does_not_wait_has_no_growth() -> None:
    """Delays of nothing, or of less than a machine keeps to, neither divide by zero nor grow."""
    found = of(*retries([0, 0.004, 0]), *retries([0, 0.009], batch=2), *retries([0, 0, 0], batch=3))
    assert found.jitter is not None

    assert (Spread(1.0, 1.0, 1.0, 3), 0.0) == (found.growth, found.jitter.median)


@pytest.mark.parametrize("value", ["5", "soon", "1.5", "-5", "", YESTERDAY])
def test_a_delay_after_any_retry_after_is_not_the_clients_own(value: str) -> None:
    """A client may read even a value that is not valid, so none leaves a trace in the delays."""
    found = of(*retries([5], retry_after=value))

    assert (None, None) == (found.first_delay, found.longest_delay)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (retries([1, 1], last=503), Spread(3, 3, 3, 1)),
        ([*retries([1], last=503), *retries([1, 1, 1], batch=2, last=503)], Spread(3, 2, 4, 2)),
        (retries([], last=503), Spread(1, 1, 1, 1)),
        (retries([1, 1]), None),
        (retries([], last=400), None),
        (retries([1], status=400, last=400), Spread(2, 2, 2, 1)),
        (retries([1], last=400), None),
    ],
)
def test_giving_up_is_counted_in_attempts(events: list[Event], expected: Spread | None) -> None:
    """What was refused last and insisted on was given up; a refusal for good that was heeded was not."""
    assert expected == of(*events).gives_up_after


def test_batches_that_join_are_followed_the_longest_way() -> None:
    """Where a body has the points of several refused ones, its attempts are those of the one refused most often."""
    events = [sent(1, lines(1), 503), sent(2, lines(1), 503), sent(3, lines(2), 503), sent(4, lines(1, 2), 503)]

    assert Spread(3, 3, 3, 1) == of(*events).gives_up_after


ONCE = [sent(9, lines(9), 503, at=30, retry_after="20")]


@pytest.mark.parametrize(
    ("events", "rest", "known"),
    [
        (ONCE, {}, True),
        (ONCE, {"client": KILLED}, False),
        (ONCE, {"client": replace(KILLED, ended=200.0)}, True),
        (ONCE, {"client": None}, False),
        ([sent(9, lines(9), 503, at=0, retry_after="1000000000000")], {"client": replace(KILLED, ended=200.0)}, False),
        ([sent(9, lines(9), 503, at=0, retry_after="1000000000000")], {}, True),
        (ONCE, {"client": None, "complete": False}, False),
        ([*ONCE, *retries([], batch=2), sent(300, lines(3), at=200)], {"client": None}, True),
        ([*retries([2]), sent(300, lines(3), 503, at=58)], {"client": KILLED}, False),
        ([*retries([2]), sent(300, lines(3), 503, at=50)], {"client": KILLED}, True),
        ([sent(9, lines(9), None, at=59, left=60, ended=Ended.CLIENT_LEFT)], {"client": KILLED}, False),
    ],
)
def test_a_client_that_was_still_waiting_has_not_given_up(
    events: list[Event], rest: dict[str, Client | None], known: bool
) -> None:
    """Where the lab ended the client, or nobody saw it end, before its next attempt was due, nobody can tell."""
    found = of(*events, **rest)
    kinds = {kind for kind, tally in found.resent.items() if tally.yes < tally.cases}

    assert (known, known) == (bool(kinds), found.gives_up_after is not None)


@pytest.mark.parametrize(
    ("value", "delay", "form", "obeyed", "late"),
    [
        ("2", 2.0, "seconds", Tally(1, 1), 0.0),
        ("2", 1.0, "seconds", Tally(0, 1), -1.0),
        (SOON, 10.5, "date", Tally(1, 1), 0.6),
        (SOON, 1.0, "date", Tally(0, 1), -8.9),
        (YESTERDAY, 0.5, "past_date", None, 0.5),
        ("0", 0.0, "zero", None, 0.0),
        ("1000000000000", 1.0, "huge", None, 1.0),
        ("-2", 1.0, "negative", None, 1.0),
        ("1.5", 1.0, "fraction", None, 1.0),
        ("soon", 1.0, "garbage", None, 1.0),
        ("", 1.0, "empty", None, 1.0),
    ],
)
def test_what_was_made_of_each_form_of_retry_after(
    value: str, delay: float, form: str, obeyed: Tally | None, late: float
) -> None:
    """The header says what was told, the wire whether that was obeyed and how long after it the resend came."""
    [(found, one)] = of(*retries([delay], retry_after=value)).retry_after.items()

    assert (form, Tally(1, 1), obeyed) == (found, one.resent, one.obeyed)
    assert Spread(late, late, late, 1) == one.late


def test_a_form_never_sent_again_says_so() -> None:
    """Giving up on a header is an answer to it."""
    [one] = of(sent(1, lines(1), 429, retry_after="1000000000000")).retry_after.values()

    assert (Tally(0, 1), None, None) == (one.resent, one.obeyed, one.late)


@pytest.mark.parametrize("form", sorted({*LEGAL, *HOSTILE}))
def test_every_form_the_faults_tell_is_known_by_its_name(form: str) -> None:
    """What a fault calls a form, a fingerprint calls it too; blanks around a number are no form of their own."""
    told = [("Retry-After", value) for value in values(form, 7, EPOCH, Random(7))]
    reply = Answer(429, tuple(told), b"")

    assert ("seconds" if form == "padded" else form) == form_of(reply, seconds(reply, EPOCH))


@pytest.mark.parametrize(
    ("value", "now", "expected"),
    [
        ("٣", EPOCH, "garbage"),
        ("+3", EPOCH, "garbage"),
        (".5", EPOCH, "fraction"),
        (SOON, None, "date"),
        ("Thu, 01 Jan 2036 00:00:10 GMT", EPOCH, "huge"),
        ("9" * 4096 + "… (9000 characters)", EPOCH, "huge"),
        ("a\nb", EPOCH, "garbage"),
    ],
)
def test_any_value_has_a_form(value: str, now: float | None, expected: str) -> None:
    """However strange a header is, it has one form, and a date needs no clock to be one."""
    reply = Answer(429, (("retry-after", value),), b"")

    assert expected == form_of(reply, seconds(reply, now))


def test_taking_a_fingerprint_takes_time_linear_in_the_history() -> None:
    """Sixteen times as many refusals, of one batch or of many, take far less than its square times as long."""

    def cost(refusals: int) -> float:
        half = (
            retries([0.001] * (refusals // 2)),
            [sent(9 * refusals + number, lines(number), 503, at=1.0 + number / 100) for number in range(refusals // 2)],
        )
        past = history(*sorted((event for part in half for event in part), key=lambda event: event.exchange.at))
        began = time.process_time()
        take(past)
        return time.process_time() - began

    cost(1000)

    assert 64 > min(cost(8000) for _ in range(3)) / min(cost(500) for _ in range(3))


def everything() -> Fingerprint:
    """Give a fingerprint that has met every kind of fact."""
    events = [*retries([1, 2]), *retries([1, 2], batch=2, last=503), *retries([1, 2], batch=3)]
    events += retries([1], batch=4, retry_after="1")
    return of(*events, sent(900, lines(8, 9), 413, at=50), sent(901, lines(8), at=51), sent(902, lines(9), at=52))


def test_everything_is_everything() -> None:
    """The fingerprint that the tests below damage lacks no fact."""
    assert [] == [name for name, fact in everything().facts().items() if fact is None]


@pytest.mark.parametrize("made", [everything, of, lambda: of(sent(1, lines(1), 429, retry_after="x"))])
def test_a_fingerprint_survives_its_file(made: Callable[[], Fingerprint]) -> None:
    """What is written is read back the same, met or not, and written again in the same words."""
    written = dumps(made())
    back = loads(written)

    assert (made(), written) == (back, dumps(back))


def damaged(**changes: Any) -> dict[str, Any]:
    """Give a fingerprint's JSON with some of its facts replaced."""
    return {**json.loads(dumps(everything())), **changes}


SPREAD = {"median": 1, "minimum": 1, "maximum": 1, "samples": 1}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "no format; expected a fingerprint of format 1"),
        ({}, "no format; expected a fingerprint of format 1"),
        (damaged(format=2), "format 2; expected a fingerprint of format 1"),
        (damaged(first_dealy=1), "unknown 'first_dealy'; did you mean 'first_delay'?; known: time_scale, resent"),
        ({"format": 1, **{k: v for k, v in damaged().items() if k != "growth"}}, "no 'growth'; expected time_scale"),
        (damaged(growth=3), "growth is 3; expected an object"),
        (damaged(growth=SPREAD | {"median": "x"}), "growth.median is 'x'; expected a number"),
        (damaged(growth=SPREAD | {"median": float("nan")}), "growth.median is nan; expected a number"),
        (damaged(growth=SPREAD | {"median": float("inf")}), "growth.median is inf; expected a number"),
        (damaged(growth=SPREAD | {"median": 10**400}), "growth.median is 1000"),
        (damaged(growth=SPREAD | {"median": True}), "growth.median is True; expected a number"),
        (damaged(growth=SPREAD | {"median": 2}), "growth: 2 between 1 and 1, 1 samples; expected a median"),
        (damaged(growth=SPREAD | {"samples": 0}), "growth: 1 between 1 and 1, 0 samples; expected a median"),
        (damaged(growth=SPREAD | {"samples": 1.5}), "growth.samples is 1.5; expected a whole number"),
        (damaged(growth={"median": 1}), "no 'growth."),
        (damaged(splits_on_413={"yes": 2, "cases": 1}), "splits_on_413: 2 of 1 cases; expected one case at least"),
        (damaged(splits_on_413={"yes": 0, "cases": 0}), "splits_on_413: 0 of 0 cases; expected one case at least"),
        (damaged(retry_after={"zero": {"resent": None}}), "no 'retry_after.zero."),
        (damaged(resent={"503": None}), "resent.503 is None; expected an object"),
        (damaged(resent=None), "resent is None; expected an object"),
    ],
)
def test_a_damaged_fingerprint_is_named_with_what_was_expected(value: Any, message: str) -> None:
    """Whatever is not as it was written is refused, in one line that says where."""
    with pytest.raises(FingerprintError) as raised:
        loads(json.dumps(value))

    assert message == str(raised.value)[: len(message)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (policy(lambda n: 2.0**n), policy(lambda n: 2.0**n), []),
        (policy(lambda _: 1.0), policy(lambda _: 1.2), []),
        (policy(lambda _: 1.0), policy(lambda _: 5.0), ["first_delay", "longest_delay"]),
        (policy(lambda _: 1.0, batches=3), policy(lambda _: 5.0, batches=3), []),
        (policy(lambda _: 0.002), policy(lambda _: 0.02), []),
        (policy(lambda _: 1.0), policy(lambda n: 2.0**n), ["growth", "longest_delay"]),
        (policy(lambda _: 1.0), policy(lambda _: 1.0, last=503), ["resent.503"]),
        (policy(lambda _: 1.0, last=503), policy(lambda _: 1.0, last=503, tries=2), ["gives_up_after"]),
        (
            policy(lambda _: 2.0, retry_after="2"),
            policy(lambda _: 1.0, retry_after="2"),
            ["retry_after.seconds.obeyed", "retry_after.seconds.late"],
        ),
        (policy(lambda _: 2.0, retry_after="2"), policy(lambda _: 9.0, retry_after="2"), ["retry_after.seconds.late"]),
        (policy(lambda _: 0.5, retry_after="2"), policy(lambda _: 0.6, retry_after="2"), []),
        (
            of(sent(1, lines(1, 2), 413), sent(2, lines(1))),
            of(sent(1, lines(1, 2), 413), sent(2, lines(1, 2))),
            ["resent.413", "splits_on_413"],
        ),
    ],
)
def test_a_fact_differs_when_it_is_not_noise(old: Fingerprint, new: Fingerprint, expected: list[str]) -> None:
    """Whether and how differ when unequal; times by more than a factor, with samples enough, beyond a clock's slack."""
    assert (expected, expected) == (names(old, new), names(new, old))


def test_jitter_that_came_differs() -> None:
    """Delays that were all alike and no longer are."""
    draw = Random(7)
    old, new = policy(lambda n: 2.0**n, batches=20), policy(lambda n: 2.0**n * draw.uniform(0.5, 1.5), batches=20)

    assert ["jitter"] == names(old, new)


def test_a_few_milliseconds_are_no_jitter() -> None:
    """What a scheduler adds to short delays is not the client's doing."""
    draw = Random(7)

    assert [] == names(policy(lambda _: 0.04, 20), policy(lambda _: 0.04 + draw.uniform(0, 0.008), 20))


@pytest.mark.parametrize("batches", [1, 4, 5, 20])
def test_two_runs_of_one_jittered_client_seldom_differ(batches: int) -> None:
    """Of 100 pairs of runs with full jitter, doubling, fewer than one in twenty is called another policy."""
    draw = Random(7)
    runs = [policy(lambda n: draw.uniform(0, 2.0**n), batches=batches) for _ in range(200)]
    alarms = sum(bool(names(*pair)) for pair in zip(runs[::2], runs[1::2], strict=True))

    assert 5 > alarms


def test_a_jittered_client_that_waits_thrice_as_long_is_found() -> None:
    """The care taken against noise leaves a real change to be seen."""
    draw = Random(7)
    before = policy(lambda _: draw.uniform(0.5, 1.5), batches=20)
    after = policy(lambda _: draw.uniform(1.5, 4.5), batches=20)

    assert "first_delay" in names(before, after)


def test_what_only_one_has_met_is_no_difference_and_is_listed() -> None:
    """A fact that one run had no occasion to show says nothing about the client."""
    met, calm, short = policy(lambda _: 1.0), of(sent(1, lines(1))), policy(lambda _: 1.0, batches=1)
    listed = {fact.name: (fact.differs, fact.why) for fact in compare(met, calm)}

    assert {"resent.503", "first_delay", "growth", "jitter", "longest_delay"} == listed.keys()
    assert {(None, "not met in the new one")} == set(listed.values())
    assert {"5 before and 1 after; 4 samples needed", "not met in the new one", ""} == {
        fact.why for fact in compare(met, short)
    }


def saved(folder: Path, past: History) -> Path:
    """Write a history to a folder, as a proxy would have."""
    writer = Writer(folder, Redactor(b"salt"))
    writer.run(past.run)
    for event in past.events:
        writer.exchange(event.exchange, event.attempt, event.decision)
        if event.outcome is not None:
            writer.outcome(event.exchange.seq, event.outcome)
    for why in past.broken:
        writer.write("broken", {"at": 0, "why": why})
    writer.end(99)
    writer.close()
    return folder


def impatient(tmp_path: Path, delay: float = 0.2) -> Path:
    """Write the history of a client that resends after so many seconds."""
    chains = [retries([delay, delay], batch=batch) for batch in range(4)]
    events = sorted((event for chain in chains for event in chain), key=lambda event: event.exchange.at)
    return saved(tmp_path / f"h{delay}", history(*events))


def test_the_command_prints_words_and_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """People get text, the file gets JSON, and both come from one history."""
    folder, output = impatient(tmp_path), tmp_path / "policy.json"
    status = run(["fingerprint", str(folder), "--json", str(output)])
    said = capsys.readouterr().out.splitlines()

    assert [
        "resent.503                   always (8 of 8)",
        "splits_on_413                not met",
        "first_delay                  0.2 s (4 samples)",
        "growth                       1 times (4 samples)",
        "jitter                       0 of the median (8 samples)",
        "longest_delay                0.2 s (4 samples)",
        "gives_up_after               not met",
    ] == said
    assert (0, Tally(8, 8)) == (status, loads(output.read_bytes()).resent["503"])


def test_standard_output_can_have_the_file_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed as JSON is a fingerprint."""
    status = run(["fingerprint", str(impatient(tmp_path)), "--json", "-"])

    assert (0, Tally(8, 8)) == (status, loads(capsys.readouterr().out).resent["503"])


@pytest.mark.parametrize(("delay", "status", "differing"), [(0.25, 0, []), (2.0, 1, ["first_delay", "longest_delay"])])
def test_diff_compares_files_and_histories(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], delay: float, status: int, differing: list[str]
) -> None:
    """A file on one side and a history on the other; the exit status says whether they are alike."""
    output = tmp_path / "policy.json"
    run(["fingerprint", str(impatient(tmp_path)), "--json", str(output)])
    capsys.readouterr()
    done = run(["diff", str(output), str(impatient(tmp_path, delay)), "--json"])
    told = json.loads(capsys.readouterr().out)

    assert (status, differing) == (done, [fact["name"] for fact in told if fact["differs"]])


def test_diff_says_what_differs_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a difference, with what was and what is, and one for each fact that only one of the two shows."""
    calm = saved(tmp_path / "calm", history(sent(1, lines(1)), *retries([1], batch=2)))
    old = impatient(tmp_path)
    statuses = [run(["diff", str(old), str(other)]) for other in (impatient(tmp_path, 2.0), calm)]

    assert [1, 0] == statuses
    assert [
        "differs       first_delay: 0.2 s (4 samples) before, 2 s (4 samples) after",
        "differs       longest_delay: 0.2 s (4 samples) before, 2 s (4 samples) after",
        "5 facts compared, 2 differ",
        "not compared  first_delay: 4 before and 1 after; 4 samples needed",
        "not compared  growth: not met in the new one",
        "not compared  jitter: not met in the new one",
        "not compared  longest_delay: 4 before and 1 after; 4 samples needed",
        "1 fact compared, 0 differ",
    ] == capsys.readouterr().out.splitlines()


def test_fast_time_is_compared_with_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A policy seen in fast time says so, and is compared with its like only."""
    old, new = impatient(tmp_path), history(*retries([0.2, 0.2]))
    new.run["time_scale"] = 20
    fast = saved(tmp_path / "fast", new)

    assert 2 == run(["diff", str(old), str(fast)])
    assert (
        f"faultlab: {old} has time 1 times as fast and {fast} has time 20 times as fast; expected two of one time\n"
    ) == capsys.readouterr().err
    assert 2 != run(["diff", str(fast), str(fast)])
    capsys.readouterr()
    assert 0 == run(["fingerprint", str(fast)])
    assert capsys.readouterr().out.startswith("time_scale                   20\n")


def test_nothing_in_common_is_no_pass(tmp_path: Path) -> None:
    """A comparison that looked at nothing is inconclusive."""
    calm = saved(tmp_path / "calm", history(sent(1, lines(1))))

    assert 3 == run(["diff", str(calm), str(impatient(tmp_path))])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory; expected a fingerprint or a history"),
        (b"", "not JSON (Expecting value: line 1 column 1 (char 0)); expected a fingerprint"),
        (b"\xff\xfe\xff", "not JSON ("),
        (b"[" * 100_000, "not JSON ("),
        (b"[]", "no format; expected a fingerprint of format 1"),
        (json.dumps(damaged(format="1")).encode(), "format '1'; expected a fingerprint of format 1"),
    ],
)
def test_a_bad_file_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    """Status 2, and one line that names the file and what is wrong with it."""
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_bytes(content)
    status = run(["diff", str(impatient(tmp_path)), str(path)])
    said = capsys.readouterr().err

    assert (2, 1, True) == (status, said.count("\n"), said.startswith(f"faultlab: {path}: {message}"))


@pytest.mark.parametrize(
    ("past", "message"),
    [
        (replace(history(), run={**history().run, "profile": "nine"}), "no profile named 'nine'; known: "),
        (
            history(broken=("a hook raised",)),
            "the lab failed (a hook raised); expected a history of a run that did not",
        ),
    ],
)
def test_a_history_that_shows_no_policy_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], past: History, message: str
) -> None:
    """A profile nobody knows, and a lab that failed, are told from a client that did nothing."""
    folder = saved(tmp_path / "h", past)
    status = run(["fingerprint", str(folder)])

    assert (2, True) == (status, capsys.readouterr().err.startswith(f"faultlab: {folder}: {message}"))


def test_a_folder_that_is_no_history_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder, and a file that cannot be written, are mistakes of the caller."""
    statuses = [run(["fingerprint", str(tmp_path)])]
    statuses.append(run(["fingerprint", str(impatient(tmp_path)), "--json", str(tmp_path)]))
    said = capsys.readouterr().err.splitlines()

    assert [2, 2] == statuses
    assert [
        f"faultlab: {tmp_path} is no history: No such file or directory (events.jsonl)",
        f"faultlab: {tmp_path}: Is a directory; expected a file that can be written",
    ] == said


def test_a_damaged_history_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file, the line in it and what is wrong there."""
    folder = impatient(tmp_path)
    events = folder / "events.jsonl"
    events.write_text(events.read_text() + "{\n")
    statuses = [run(["fingerprint", str(folder)]), run(["diff", str(folder), str(folder)])]
    said = capsys.readouterr().err.splitlines()

    assert ([2, 2], [True, True]) == (statuses, [f"{events}:27: not JSON" in line for line in said])


def test_every_form_can_be_told_apart() -> None:
    """Each form stands in the file under its name, once."""
    one = of(*retries([1], retry_after="1")).retry_after["seconds"]
    whole = Fingerprint(retry_after=dict.fromkeys(FORMS, one))

    assert (whole, len(FORMS)) == (loads(dumps(whole)), len(set(FORMS)))
