"""What counts as telling the application, and what does not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab.exchange import Answer
from faultlab.history import Client, Event, History, Report
from faultlab.told import (
    TELLING,
    Account,
    Evidence,
    announces_retry,
    counts_loss,
    crashes,
    messages,
    records,
    speaks_of,
)
from tests import plain_account
from tests.builders import ENDED, TOLD, TOO_MANY, answer, history, lines, sent
from tests.plain_account import PlainAccount

LIMITED = answer(429)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("ApiException: (429)", True),
        ("write failed with status 429", True),
        ("status:429", True),
        ("HTTP/1.1 429 Too Many Requests", True),
        ("error 429: 5 points", True),
        (f"giving up: {TOO_MANY}", True),
        (f"giving up: {TOO_MANY.upper()}", True),
        (f"giving up: {TOO_MANY[:24]}…", True),
        (f"giving up: {TOO_MANY[:20]}…", False),
        ("2026-01-01 10:00:00,429 ERROR cannot write", False),
        ("ERROR took 0.429", False),
        ("ERROR after 429.5", False),
        ("wrote 429 points", False),
        ("ERROR: 429 points pending", False),
        ("ERROR: 14290", False),
        ("ERROR: batch-429 failed", False),
        ("stored everything, code 429", False),
        ("warning/Influxdb2Writer: Unexpected response code: Too Many Requests", True),
        ("warning/Influxdb2Writer: Unexpected response code: Service Unavailable", False),
        ("ERROR: too many requests for one node", False),
        ("wrote 3 points, refused with 429", True),
        ("write failed", False),
        ("", False),
    ],
)
def test_a_text_speaks_of_a_reply_by_message_or_status(text: str, spoken: bool) -> None:
    """The reply's message, or its status on its own: no part of a time, a fraction, a count or a success."""
    assert spoken == speaks_of(text, LIMITED)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("urllib3: ('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))", True),
        ("Error: socket hang up", True),
        ("read ECONNRESET", True),
        ("unexpected EOF", True),
        ("context deadline exceeded: request timed out", True),
        ("#<InfluxDB::ConnectionError: Tried 0 times to reconnect but failed.>", True),
        ("Can't connect to InfluxDB on host '127.0.0.1'", True),
        ("Failed to connect: Bad file descriptor", True),
        ("write failed", False),
        ("cannot write: the connection is fine", False),
    ],
)
def test_a_text_speaks_of_an_ended_connection_in_the_words_of_http_libraries(text: str, spoken: bool) -> None:
    """Where there was no reply, the words by which HTTP libraries say so count."""
    assert spoken == speaks_of(text, None)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("WARN unexpected 201", True),
        ("warning/Influxdb2Writer: Unexpected response code: Created", True),
        ("WARN file Created", False),
    ],
)
def test_a_logged_201_counts(text: str, spoken: bool) -> None:
    """A client may tell of a partial write by logging its 201."""
    assert spoken == speaks_of(text, answer(201))


def test_short_messages_prove_nothing() -> None:
    """A message of a few characters is in too many lines to prove anything."""
    assert not speaks_of("timeout while reading the configuration", answer(504, message="timeout"))


@pytest.mark.parametrize(
    ("text", "announces"),
    [
        ("The retriable error occurred during request. Reason: 'x'. Retry in 5s.", True),
        ("WARN: Write to InfluxDB failed (attempt: 1).", True),
        ("Retrying (Retry(total=2)) after 503", True),
        ("429, will try again", True),
        ("backing off after 503", True),
        ("limited_write: org has exceeded limited_write plan limit, retry in 5s", True),
        ("Retrying: org 04014de4ed590000 has exceeded limited_write plan limit", True),
        ("max-concurrent-write-limit exceeded, will be retried", True),
        ("partial write: bad points dropped=1, retrying", True),
        ("Maximum number of retries exceeded: 503", False),
        ("retry deadline exceeded", False),
        ("exceeded the maximum number of retries", False),
        ("ERROR: Write to InfluxDB failed.", False),
        ("Max retries exceeded with url: /api/v2/write", False),
        ("retries exhausted", False),
        ("gave up after 3 retries", False),
        ("failed after 3 retries", False),
        ("400, not retrying", False),
        ("non-retryable error 400", False),
        ("400 will not be retried; won't retry", False),
        ("retry queue full, dropping batch", False),
        ("attempt 3 of 3: 503", False),
        ("attempt 2 of 3: 503", True),
        ("(429) HTTPHeaderDict({'Retry-After': '3'})", False),
        ("429 _retryAfter: 3", False),
    ],
)
def test_an_announcement_of_a_retry_is_told_from_its_end(text: str, announces: bool) -> None:
    """A retry still to come settles nothing; one that is over, or a mere Retry-After header, does."""
    assert announces == announces_retry(text)


def test_indented_lines_belong_to_the_record_before() -> None:
    """A stack trace shares the fate of the line it explains."""
    log = "WARN: failed (attempt: 1)\n  statusCode: 429\n}\nERROR x\n\nlast"

    assert [(1, "WARN: failed (attempt: 1)\n  statusCode: 429\n}"), (4, "ERROR x"), (6, "last")] == list(records(log))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Answer(429, (), b'{"code":"x","message":"too many"}'), ("too many",)),
        (
            Answer(400, (), b'{"error":"partial write","data":[{"error_message":"No fields"}]}'),
            ("partial write", "No fields"),
        ),
        (Answer(400, (), b'{"error":"parsing","data":{"error_message":"No fields"}}'), ("parsing", "No fields")),
        (Answer(400, (), b'{"code":"x","message":"cut sho'), ("cut sho",)),
        (Answer(400, (), b'{"message":"whole","lines":"cut sho'), ("whole",)),
        (Answer(503, (), b"upstream connect error"), ("upstream connect error",)),
        (Answer(404, (("X-Influxdb-Error", "no db"),), b""), ("no db",)),
        (Answer(400, (), b"[" * 100_000), ("[" * 100_000,)),
        (Answer(204), ()),
    ],
)
def test_messages_are_found_in_every_shape_of_body(reply: Answer, expected: tuple[str, ...]) -> None:
    """JSON of each API version, JSON cut short, plain text, and the v1 header."""
    assert expected == messages(reply)


def test_tags_of_an_html_page_are_no_message() -> None:
    """A gateway's page speaks by its text."""
    page = Answer(413, (), b"<html><title>413 Request Entity Too Large</title></html>")

    assert speaks_of("server said: Request Entity Too Large (413)", page)


def names(text: bytes) -> Iterable[bytes]:
    """Take each line for a point."""
    return text.splitlines()


def account(
    *reports: Report, stderr: str = "", client: Client | None = ENDED, known: tuple[bytes, ...] = (b"p", b"q")
) -> Account:
    """Give an account of a run with one 429."""
    return Account(history(sent(1, lines(1), 429), reports=reports, stderr=stderr, client=client), names, known)


def test_a_report_with_lines_tells_of_those_points_only() -> None:
    """Lines decide before the message does, or one report about one batch would cover all that share its words."""
    told = account(Report("failed", TOO_MANY, "p"))

    assert (Evidence("report 1", f"failed: {TOO_MANY}"), None, None) == (
        told.of_point(b"p"),
        told.of_point(b"q"),
        told.of_reply(LIMITED, "batch"),
    )


def test_lines_that_are_no_points_of_the_run_leave_it_to_the_message() -> None:
    """An application may write lines in a form of its own."""
    told = account(Report("failed", TOO_MANY, "point number 1"))

    assert Evidence("report 1", f"failed: {TOO_MANY}") == told.of_reply(LIMITED, "batch")


def test_a_bare_report_tells_of_everything() -> None:
    """Neither lines nor message: it is about all."""
    assert Evidence("report 1", "error") == account(Report("error")).of_everything()


def test_a_report_about_points_nobody_knows_tells_nothing() -> None:
    """Lines of a form of its own and no message: there is nothing to go by."""
    assert account(Report("error", "", "point number 1")).of_everything() is None


@pytest.mark.parametrize(("status", "certain"), [(None, None), (429, False)])
def test_a_report_of_an_ended_connection_is_no_mystery_where_one_ended(
    status: int | None, certain: bool | None
) -> None:
    """The same words are about nothing known where every exchange had its reply."""
    past = history(sent(1, lines(1), status), reports=(Report("error", "socket hang up"),))
    found = Account(past, names, ()).of_everything()

    assert certain == (found and found.certain)


def test_a_report_of_success_tells_nothing() -> None:
    """Only failures are tellings."""
    assert account(Report("ok", TOO_MANY, "p")).of_point(b"p") is None


def test_a_report_in_words_of_its_own_is_uncertain() -> None:
    """The application was told something, and nobody can say of what."""
    assert (
        Evidence("report 1", "error: buffer overflow", certain=False)
        == account(Report("error", "buffer overflow")).of_everything()
    )


def test_an_exit_status_tells_of_everything() -> None:
    """A client that fails as a whole tells of all it did not do."""
    assert Evidence("exit status 1") == account(client=TOLD).of_everything()


def test_exit_status_0_tells_nothing() -> None:
    """A client that ends well has told nothing by ending."""
    assert account().of_everything() is None


def test_stderr_tells_by_a_line_that_is_no_announcement() -> None:
    """The first line that speaks of the reply and announces no retry is the evidence."""
    told = account(stderr="Retry in 5s: (429)\nfine\nwrite failed: (429)\n")

    assert 'stderr line 3: "write failed: (429)"' == str(told.of_reply(LIMITED, "batch"))


def test_a_line_speaks_for_one_batch() -> None:
    """A client that keeps silent about the second of two like refusals is not covered by what it said of the first."""
    told = account(stderr="write failed: (429)\n")
    first, second = told.of_reply(LIMITED, "first"), told.of_reply(LIMITED, "second")

    assert (True, False) == (first and first.certain, second and second.certain)
    assert first == told.of_reply(LIMITED, "first")


def test_two_lines_speak_for_two_batches() -> None:
    """One line each is all a client owes."""
    told = account(stderr="write failed: (429)\nwrite failed: (429)\n")
    found = [told.of_reply(LIMITED, batch) for batch in ("first", "second")]

    assert ["stderr line 1", "stderr line 2"] == [one.where for one in found if one and one.certain]


PARTIAL = Answer(201, (), b'{"message":"failed to parse line protocol: errors on line(s):\\nline 2: no fields"}')
REFUSED = Answer(400, (), b'{"message":"failed to parse line protocol: error writing line 8: other type"}')


@pytest.mark.parametrize(
    ("line", "partial", "refused"),
    [
        (f"HTTP response body: {REFUSED.body.decode()}", False, True),
        (f"HTTP response body: {PARTIAL.body.decode()}", True, False),
        ("write failed: (400) failed to parse line protocol", False, True),
        ("HTTP response headers: {'content-length': '201'}", False, False),
        ("flushed 201 today", False, False),
        ("partial write: 201", True, False),
    ],
)
def test_a_line_that_quotes_one_reply_is_about_no_other(line: str, *, partial: bool, refused: bool) -> None:
    """Replies whose messages begin alike are told apart by the rest, by the status, or not at all."""
    past = history(sent(1, lines(1), 201), sent(2, lines(2), 400), stderr=f"{line}\n", client=ENDED)
    events = tuple(
        replace(event, outcome=replace(event.outcome, told=told))
        for event, told in zip(past.events, (PARTIAL, REFUSED), strict=True)
        if event.outcome
    )
    told = Account(replace(past, events=events), names, ())

    assert (partial, refused) == (told.hears_of(PARTIAL) is not None, told.hears_of(REFUSED) is not None)


def test_long_evidence_is_shortened() -> None:
    """A quoted line stays a line."""
    assert len(str(Evidence("stderr line 1", "x" * 500))) < 130


def test_a_run_without_client_report_or_log_is_deaf() -> None:
    """Where nobody listened, silence proves nothing."""
    assert (True, False, False) == (
        account(client=None).deaf,
        account(client=None, stderr="x").deaf,
        account().deaf,
    )


PYTHON = """\
INFO starting
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    f()

  File "b.py", line 2, in f
ValueError: retry-after
bye
"""


@pytest.mark.parametrize(
    ("stderr", "found"),
    [
        (PYTHON, ['stderr line 7: "ValueError: retry-after"']),
        (PYTHON * 2, ['stderr line 7: "ValueError: retry-after"', 'stderr line 15: "ValueError: retry-after"']),
        ("x\nRangeError: too long\n    at f (a.js:1:2)\n", ['stderr line 2: "RangeError: too long"']),
        ("panic: runtime error\n\ngoroutine 1 [running]:\n", ['stderr line 1: "panic: runtime error"']),
        (
            "\nthread 'main' panicked at src/main.rs:4:5:\n",
            ["stderr line 2: \"thread 'main' panicked at src/main.rs:4:5:\""],
        ),
        ("thread 'a b' (17) panicked at x\n", ["stderr line 1: \"thread 'a b' (17) panicked at x\""]),
        ("ERROR: write failed\nValueError: no\n  Traceback (most recent call last):\n", []),
        ("do not panic: it works\n", []),
        ("", []),
    ],
)
def test_a_crash_is_found_in_the_words_of_the_language(stderr: str, found: list[str]) -> None:
    """Python, Node, Go and Rust each have a form of their own."""
    assert found == [str(crash) for crash in crashes(stderr)]


@pytest.mark.parametrize(
    ("told_by", "where"),
    [
        (None, "exit status 1"),
        (["exit_status"], "exit status 1"),
        (["stderr"], "stderr line 1"),
        (["report"], "report 1"),
        ([], None),
    ],
)
def test_a_scenario_says_what_counts(told_by: list[str] | None, where: str | None) -> None:
    """What does not count is as good as never said."""
    past = history(
        sent(1, lines(1), 429),
        client=TOLD,
        stderr=f"ERROR {TOO_MANY}\n",
        reports=(Report("failed", TOO_MANY),),
    )
    past.run["told_by"] = told_by
    account = Account(past, lambda _text: (), ())
    heard = account.of_everything() or account.hears_of(LIMITED)

    assert where == (heard and heard.where)
    assert (told_by == []) == account.deaf


BEGINNING = "failed to parse line protocol: "
STATUSES = (201, 204, 400, 401, 429, 503)
SAID = st.one_of(
    st.sampled_from(["", "timeout", "unauthorized access", TOO_MANY, TOO_MANY[:24], BEGINNING]),
    st.builds("{}{}".format, st.sampled_from([BEGINNING, TOO_MANY, ""]), st.text("ab 1", max_size=12)),
)
"""Messages, many of which begin alike, or have another in them."""

BITS = st.one_of(
    SAID,
    st.sampled_from(STATUSES).flatmap(
        lambda status: st.sampled_from(
            [f"({status})", f"{status}", f"status {status}", f"code: {status}", f"{status} points", f"length: {status}"]
        )
    ),
    st.sampled_from(
        [
            *("error", "failed", "wrote", "stored", "not", "retry in 5s", "giving up", "connection reset", "EOF"),
            *(
                "Retry-After: 5",
                "0.429",
                "2026-01-01 10:00:00,503",
                "max retries exceeded",
                "\n",
                "\n\n",
                "\n  ",
                "\n}",
            ),
        ]
    ),
)
TEXTS = st.lists(BITS, max_size=6).map(" ".join)
LOGS = st.lists(TEXTS, max_size=8).map("\n".join)
BODIES = st.one_of(
    SAID.map(lambda said: json.dumps({"code": "x", "message": said}).encode()),
    st.builds(
        lambda said, more: json.dumps({"error": said, "data": [{"error_message": one} for one in more]}).encode(),
        SAID,
        st.lists(SAID, max_size=3),
    ),
    SAID.map(str.encode),
)
EVENTS = st.lists(
    st.builds(
        lambda number, status, reply: sent(0, lines(number), status, reply=reply),
        st.integers(0, 3),
        st.none() | st.sampled_from(STATUSES),
        BODIES,
    ),
    min_size=1,
    max_size=8,
).map(lambda events: tuple(replace(event, exchange=replace(event.exchange, seq=n)) for n, event in enumerate(events)))
REPORTS = st.lists(
    st.builds(Report, st.sampled_from(["ok", *sorted(TELLING)]), TEXTS, st.sampled_from(["", "p", "p\nq", "other"])),
    max_size=4,
).map(tuple)
QUESTIONS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.booleans()), max_size=24)
"""Which reply, about which batch, and whether of that batch only."""


def answers(told: Account | PlainAccount, events: tuple[Event, ...], questions: list[tuple[int, int, bool]]) -> object:
    """Give all that an account says to some questions, in their order."""
    found: list[Evidence | None] = []
    for reply, batch, of_batch in questions:
        outcome = events[reply % len(events)].outcome
        given = None if outcome is None else outcome.told
        found.append(told.of_reply(given, events[batch % len(events)].batch) if of_batch else told.hears_of(given))
    return told.deaf, told.of_everything(), told.of_point(b"p"), told.of_point(b"q"), found


@given(EVENTS, LOGS, REPORTS, QUESTIONS, st.sampled_from([None, ENDED, TOLD]))
def test_an_account_says_what_a_plain_one_says(
    events: tuple[Event, ...],
    stderr: str,
    reports: tuple[Report, ...],
    questions: list[tuple[int, int, bool]],
    client: Client | None,
) -> None:
    """Whatever is asked, in whatever order: each line against each reply gives the same."""
    past = history(*events, stderr=stderr, reports=reports, client=client)
    quick, plain = (kind(past, names, (b"p", b"q")) for kind in (Account, PlainAccount))

    assert answers(plain, events, questions) == answers(quick, events, questions)


@given(TEXTS, BODIES, st.sampled_from(STATUSES))
def test_a_text_speaks_of_a_reply_as_plainly_told(text: str, body: bytes, status: int) -> None:
    """Statuses are found all at once."""
    reply = Answer(status, (), body)
    expected = plain_account._speaks(text, plain_account._flat(text), plain_account._marks(reply))

    assert expected == speaks_of(text, reply)


@given(LOGS)
def test_records_are_those_of_the_lines_split(stderr: str) -> None:
    """However the lines are come by."""
    assert [*plain_account.records(stderr)] == [*records(stderr)]


@given(st.lists(st.sampled_from([PYTHON, "x\n", "\n", "RangeError: a\n    at f\n", "panic: b\n"])).map("".join))
def test_crashes_stand_where_their_lines_do(stderr: str) -> None:
    """However many there were before."""
    assert [*plain_account.crashes(stderr)] == [*crashes(stderr)]


MANY = 20_000
"""Line by line and reply by reply, so many of each would take hours."""


def refusals(*, alike: bool) -> History:
    """Give a run whose refusals all have a line, and a message of their own unless they are alike."""
    said = [TOO_MANY if alike else f"{BEGINNING}line {number} of type float" for number in range(MANY)]
    return history(
        *(sent(number, lines(number), 400, message=one) for number, one in enumerate(said)),
        stderr="".join(f"ERROR {number} (400)" + ("\n" if alike else f" {one}\n") for number, one in enumerate(said)),
    )


@pytest.mark.parametrize("alike", [True, False])
def test_many_replies_and_lines_take_no_more_time_than_few_for_each(*, alike: bool) -> None:
    """Each batch has the line that is about it, first to last."""
    past = refusals(alike=alike)
    told = Account(past, names, ())
    found = [told.of_reply(event.outcome.told, event.batch) for event in past.events if event.outcome]

    assert [(f"stderr line {number}", True) for number in range(1, MANY + 1)] == [
        (one.where, one.certain) for one in found if one
    ]


def test_nothing_is_kept_of_a_doubt() -> None:
    """A million batches about which there is one line between them take no room."""
    told = account(stderr="write failed: (429)\n")
    found = [told.of_reply(LIMITED, batch) for batch in range(1000)]

    assert (1, 1000) == (len(told._given), sum(one is not None for one in found))
    assert found == [told.of_reply(LIMITED, batch) for batch in range(1000)]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("ERROR: Retry buffer closed with 6000 items that were not written to InfluxDB! ", True),
        ("WARN: 12 points were lost", True),
        ("buffer full, dropped 3 metrics", True),
        ("shutting down: 1 batch not sent", True),
        ("40 records have never been stored", True),
        ("unsent: 7 lines", True),
        ("closed with 0 items that were not written", False),
        ("0 points lost", False),
        ("dropped 0 metrics", False),
        ("6000 items written", False),
        ("wrote 12 points", False),
        ("2 points. Nothing was lost", False),
        ("lost the connection", False),
        ("retry 3 of 5 in 200 ms", False),
    ],
)
def test_a_count_of_what_is_gone(text: str, counts: bool) -> None:
    """A number of points, or of what carries them, and that they are gone; none of them gone is no loss."""
    assert counts == counts_loss(text)


def test_a_count_of_what_is_gone_is_no_certain_evidence() -> None:
    """Nobody knows which points were counted, also where the line speaks of a retry buffer."""
    told = "ERROR: Retry buffer closed with 10 items that were not written to InfluxDB!\n"
    account = Account(history(sent(1, lines(1), 503), stderr=told), lambda _: (), ())

    assert Evidence("stderr line 1", told.strip(), certain=False) == account.of_everything()
    assert Account(history(sent(1, lines(1), 503), stderr="retry 1 of 3\n"), lambda _: (), ()).of_everything() is None
