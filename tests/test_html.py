"""The HTML report: what is on it, that nothing on it runs or loads, and that its size has a bound."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultlab import oracles
from faultlab.coverage import Coverage
from faultlab.exchange import Closed, Delayed, Severed
from faultlab.history import Client, Ended, Event, History, Report
from faultlab.ledger import Ledger
from faultlab.passport import Passport, State
from faultlab.reports import Asked, Result, Standing
from faultlab.reports.html import LINE, SHOWN, html
from faultlab.reports.page import points
from faultlab.reports.page.choosing import choose, deviates
from faultlab.reports.page.exchanges import BODY, NAME, kind_of
from faultlab.reports.page.points import account
from faultlab.reports.page.resends import EDGES, Group, groups, resends, span
from faultlab.reports.page.room import LEFT_OUT, Room, Texts
from faultlab.verdict import Judgement, Verdict
from tests.builders import KILLED, history, lines, sent

HOSTILE = "</script ></script><img src=x onerror=alert(1)><!--<script>{{ 7 * 7 }}\x00\udcff&\"'"
"""Text that would run or break something, were it not made harmless."""

WHOLE = HOSTILE.replace("\udcff", "")
"""The same without what no request can hold."""

UNHOLDABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What a page has U+FFFD for."""

LIMIT = 10_000_000
"""Bytes that no page reaches."""


class Page(HTMLParser):
    """A page taken apart: elements with their attributes, and the texts of scripts, styles and all else."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "": []}
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag in self.texts:
            self._inside = tag
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._inside:
            self.texts[self._inside][-1] += data
        else:
            self.texts[""].append(data)

    @property
    def said(self) -> str:
        """What a reader sees, each run of white space one space."""
        return " ".join(" ".join(self.texts[""]).split())

    @property
    def data(self) -> Any:
        """The exchanges, as the scripts get them."""
        return json.loads(self.texts["script"][0])

    @property
    def exchanges(self) -> list[dict[str, Any]]:
        """The exchanges by the names of their columns, texts still numbers."""
        return [dict(zip(self.data["columns"], row, strict=True)) for row in self.data["rows"]]

    def text_of(self, exchange: dict[str, Any], column: str) -> str:
        """Give what a column of an exchange says."""
        return str(self.data["texts"][exchange[column]])

    def of(self, tag: str) -> list[dict[str, str]]:
        """Give the attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def result(past: History, **changes: Any) -> Result:
    """Give the result of a history, with some of its values changed."""
    return replace(Result.of(oracles.judge(past), past), **changes)


def page(past: History, *, most: int = 10_000, **changes: Any) -> Page:
    """Give a history's page, taken apart."""
    return Page(html(result(past, **changes), past, most=most))


def told_to_wait() -> History:
    """Give a run in which a client is told to wait two seconds, waits one, and gives up a second batch."""
    return history(
        sent(1, lines(1, 2), 429, at=1, retry_after="2", rule="quota"),
        sent(2, lines(1, 2), at=2.1),
        sent(3, lines(3), 503, at=3, rule="outage"),
        sent(4, "", 200, at=4, path="/health", method="GET", query=()),
        rules=({"name": "quota", "fault": "rate_limit"}, {"name": "never", "fault": "reset"}),
    )


def asked(*judgements: Judgement, **changes: Any) -> Asked:
    """Give an oracle that failed with some judgements."""
    made = Asked(
        "waits_as_told", "must", "RFC 9110", "A batch waits", Standing.FAIL, Verdict.FAIL, {Verdict.FAIL: 1}, judgements
    )
    return replace(made, **changes)


def test_the_verdict_and_what_it_rests_on_are_said() -> None:
    """The page says verdict, name, counts, faults fired and never fired, reasons, and how to run it again."""
    said = page(told_to_wait(), coverage=(Coverage("/write", ("a",), ("b",)),), strict=True, history="runs/a").said

    wanted = (
        "fail rate-limit[7]",
        "4 exchanges, 2 batches, 3 points",
        "quota 1",
        "never 0 (never)",
        "exit status 0 after 60 s",
        "faultlab run rate-limit --seed 7 --profile serverless -- python app.py 'two words'",
        "1 of 2 documented answers given at /write; not given: b",
        "a should that fails, fails the run",
        "history runs/a",
    )
    assert [] == [text for text in wanted if text not in said]


@pytest.mark.parametrize(
    ("client", "said"),
    [
        (KILLED, "ended by the lab when its time was up"),
        (Client(0.0, 1.0, None, signal=11), "signal 11"),
        (Client(0.0, 1.0, 3), "exit status 3"),
    ],
)
def test_how_the_client_ended_is_said(client: Client, said: str) -> None:
    """The page says by what a client ended."""
    assert said in page(history(client=client)).said


def test_a_run_without_anything_has_a_page() -> None:
    """A history in which nothing happened gives a page that says so."""
    empty = page(history(client=None, complete=False))

    assert [] == empty.exchanges
    assert "No point was seen." in empty.said
    assert "No write was refused or dropped." in empty.said
    assert "none planned" in empty.said


def test_nothing_is_loaded() -> None:
    """No element of the page names another place but a part of the page itself, and no style does."""
    made = page(told_to_wait())
    places = [
        value for _, of in made.elements for name, value in of.items() if name in {"src", "href", "action", "data"}
    ]

    assert [] == [place for place in places if not place.startswith("#")]
    assert [] == [style for style in made.texts["style"] if re.search(r"url\(|@import", style)]
    assert set() == {"link", "iframe", "img", "object", "embed", "base"} & {name for name, _ in made.elements}


def test_the_policy_lets_only_these_scripts_run() -> None:
    """The policy forbids all but the scripts and styles of the page, each by its digest."""
    made = page(told_to_wait())
    [policy] = [of["content"] for of in made.of("meta") if of.get("http-equiv") == "Content-Security-Policy"]
    digests = [b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in made.texts["script"][1:]]
    styles = [b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in made.texts["style"]]

    expected = {
        "default-src": ["'none'"],
        "script-src": [f"'sha256-{digest}'" for digest in digests],
        "style-src": [f"'sha256-{digest}'" for digest in styles],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    assert expected == {name: values for name, *values in (part.split() for part in policy.split("; "))}
    assert [] == [name for _, of in made.elements for name in of if name.startswith("on") or name == "style"]


def hostile() -> tuple[History, Result]:
    """Give a run whose every text is hostile."""
    past = history(
        sent(1, f"m,k={WHOLE} v=1 1\n", 400, message=HOSTILE, rule=HOSTILE, problem=HOSTILE),
        sent(2, lines(1), path=WHOLE, query=((WHOLE, HOSTILE),), headers=((HOSTILE, HOSTILE),), method=WHOLE),
        rules=({"name": HOSTILE, "fault": HOSTILE},),
        command=(HOSTILE,),
    )
    past.run["began"] = past.run["upstream"] = past.run["scenario"] = HOSTILE
    judged = asked(
        Judgement(Verdict.FAIL, HOSTILE, 1, HOSTILE, (HOSTILE,)),
        name=HOSTILE,
        source=HOSTILE,
        about=HOSTILE,
        crashed=HOSTILE,
        because=HOSTILE,
    )
    return past, result(past, oracles=(judged,), reasons=(HOSTILE,), history=HOSTILE, profile=HOSTILE, again=HOSTILE)


def test_hostile_text_is_only_text() -> None:
    """Text that ends scripts, opens elements or comments, or fills templates adds no element to a page."""
    past, judged = hostile()
    text = html(judged, past)
    made, plain = Page(text), page(told_to_wait())

    # Browsers end a script at less than what Python's parser takes for an end.
    assert re.search(r'<script type="application/json" id="data">[^<>&]+</script>\n<script>/\*', text)
    assert {name for name, _ in plain.elements} | {"pre"} >= {name for name, _ in made.elements}
    assert len(plain.texts["script"]) == len(made.texts["script"])
    assert plain.texts["script"][1:] == made.texts["script"][1:]
    assert [1, 2] == [exchange["seq"] for exchange in made.exchanges]
    assert "{{ 7 * 7 }}" in made.said
    assert "</script><img src=x onerror=alert(1)>" in made.said
    assert "<script>49" not in made.said


def test_hostile_text_can_be_written() -> None:
    """Whatever a history says, its page is UTF-8, and its text has no control characters."""
    past, judged = hostile()
    text = html(judged, past)

    assert text == text.encode().decode()
    assert "\x00" not in text


@given(st.text(max_size=NAME), st.text(max_size=BODY))
def test_any_text_comes_back_as_it_was(name: str, said: str) -> None:
    """A rule's name and what a reply says are on the page as they were, but for what no text can hold."""
    past = history(sent(1, lines(1), 400, reply=said.encode(errors="replace"), rule=name))
    made = page(past)
    [exchange] = made.exchanges

    expected = [UNHOLDABLE.sub("\ufffd", text) for text in (name, said.encode(errors="replace").decode())]
    assert expected == [made.text_of(exchange, column) for column in ("rule", "replyBody")]


def test_an_exchange_is_told_in_full() -> None:
    """The page has of an exchange its times, what was asked and told, what was done, and what came after."""
    made = page(told_to_wait())
    first = made.exchanges[0]

    assert (1, 1.0, 1.1, 429, 2.0, 2, 1.0, 1) == tuple(
        first[name] for name in ("seq", "at", "end", "status", "wait", "again", "delay", "attempt")
    )
    expected = {
        "path": "/api/v2/write",
        "query": "bucket=b",
        "rule": "quota",
        "fault": "quota",
        "kind": "limited",
        "effect": "none",
        "body": lines(1, 2),
        "reply": "Retry-After: 2",
    }
    assert expected == {name: made.text_of(first, name) for name in expected}
    assert "intake whole; deliver nothing; reply 429; ending at once" == made.text_of(first, "decision")
    assert "has exceeded" in made.text_of(first, "replyBody")


@pytest.mark.parametrize(("told", "said"), [(None, ""), ("2", "“2”"), ("", "“”"), ("soon", "“soon”")])
def test_what_stands_in_retry_after_is_told(told: str | None, said: str) -> None:
    """A Retry-After is there as it stands, whether it says a wait or not."""
    made = page(history(sent(1, lines(1), 429, retry_after=told)))

    assert said == made.text_of(made.exchanges[0], "retryAfter")


@pytest.mark.parametrize(("verdict", "opened"), [(Verdict.FAIL, "fail"), (Verdict.INCONCLUSIVE, "inconclusive")])
def test_what_decides_the_verdict_is_open(verdict: Verdict, opened: str) -> None:
    """The oracles that the verdict rests on are open from the start, the others closed; of a pass none is open."""
    some = tuple(asked(name=standing.value, standing=standing) for standing in Standing)
    made = page(told_to_wait(), oracles=some, verdict=verdict)
    passed = page(told_to_wait(), oracles=some, verdict=Verdict.PASS)

    assert [standing.value == opened for standing in Standing] == ["open" in of for of in made.of("details")]
    assert not any("open" in of for of in passed.of("details"))


def test_attempts_of_a_batch_share_its_body() -> None:
    """A body stands on a page once, however often it was sent."""
    past = history(*(sent(seq, lines(1), 503) for seq in range(1, 50)))

    assert 1 == html(result(past), past).count(json.dumps(lines(1)))


def test_decisions_are_spelt_out() -> None:
    """A decision is told with its numbers, unless it passes the exchange on."""
    plain = sent(1, lines(1))
    slow = replace(plain, decision=replace(plain.decision, ending=Delayed(2.5), intake=Severed(10)))
    made = page(history(plain, replace(slow, exchange=replace(slow.exchange, seq=2))))

    expected = [
        "",
        "intake severed (after 10, how rst); deliver everything; reply upstream; ending delayed (seconds 2.5)",
    ]
    assert expected == [made.text_of(one, "decision") for one in made.exchanges]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (sent(1, lines(1), 204), "stored"),
        (sent(1, lines(1), 302), "redirected"),
        (sent(1, lines(1), 400), "refused"),
        (sent(1, lines(1), 429), "limited"),
        (sent(1, lines(1), 503), "failed"),
        (sent(1, lines(1), None), "dropped"),
        (sent(1, lines(1), 204, ended=Ended.CLIENT_LEFT), "dropped"),
        (sent(1, lines(1), settled=False), "open"),
    ],
)
def test_each_end_has_its_mark(event: Event, kind: str) -> None:
    """An exchange's mark says how it ended for the client."""
    assert kind == kind_of(event)
    [exchange] = page(history(event)).exchanges
    assert kind == page(history(event)).text_of(exchange, "kind")


def test_judgements_lead_to_their_exchanges() -> None:
    """A judgement has a link to its exchange, and the exchange says which oracles name it and how."""
    judged = asked(
        Judgement(Verdict.FAIL, "sent again early", 1, "b", tuple("abcdefg")),
        Judgement(Verdict.FAIL, "and again", 1),
        Judgement(Verdict.INCONCLUSIVE, "perhaps", 2),
        Judgement(Verdict.PASS, "no exchange"),
        cases={Verdict.FAIL: 90, Verdict.INCONCLUSIVE: 1, Verdict.PASS: 1},
    )
    made = page(told_to_wait(), oracles=(judged,))

    assert ["#exchange-1", "#exchange-1", "#exchange-2"] == [
        of["href"] for of in made.of("a") if of["href"].startswith("#exchange-")
    ][:3]
    assert [(2, [[0, 2, 2]]), (1, [[0, 1, 1]]), (None, []), (None, [])] == [
        (one["worst"], one["judged"]) for one in made.exchanges
    ]
    assert ["waits_as_told"] == made.data["oracles"]
    assert "sent again early · exchange 1" in made.said
    assert "a b c d e and 2 more" in made.said
    assert "and 88 more fail" in made.said
    assert "90 fail, 1 inconclusive, 1 pass" in made.said


def test_each_oracle_says_where_it_stands() -> None:
    """Standing, level, source, reason to tolerate and traceback of each oracle are said, worst cases first."""
    made = page(
        told_to_wait(),
        oracles=(
            asked(standing=Standing.TOLERATED, because="known bug 7"),
            asked(
                name="ends_well",
                standing=Standing.INCONCLUSIVE,
                crashed="Traceback: here\nKeyError: 'x'",
                level="should",
            ),
            asked(name="backs_off", standing=Standing.UNDECIDED, verdict=None, cases={}),
        ),
    )

    wanted = (
        "~ tolerated waits_as_told must 1 fail",
        "Tolerated: known bug 7",
        "? inconclusive ends_well should",
        "KeyError: 'x'",
        "the oracle crashed",
        "– undecided backs_off must no case",
        "Source: RFC 9110",
    )
    assert [] == [text for text in wanted if text not in made.said]


def test_an_oracle_shows_a_bounded_number_of_cases() -> None:
    """Of a thousand failures and a thousand passes the first few are shown, and how many there are is said."""
    many = tuple(Judgement(verdict, f"{verdict.word} {n}", n) for n in range(1000) for verdict in Verdict)
    made = page(told_to_wait(), oracles=(asked(*many, cases=dict.fromkeys(Verdict, 1000)),))

    assert sum(SHOWN.values()) == sum("data-verdict" in of for of in made.of("li"))
    assert f"and {1000 - SHOWN[Verdict.FAIL]:,} more fail" in made.said
    assert f"and {1000 - SHOWN[Verdict.PASS]:,} more pass" in made.said


def test_points_say_what_became_of_them() -> None:
    """The page counts the points by state, and shows those not stored once with what decided it."""
    said = page(told_to_wait()).said

    assert "1 lost silently 2 stored" in said
    assert "m,k=a 3" in said
    assert "exchange 3" in said


def test_points_never_sent_are_there() -> None:
    """A point of the manifest that was never on the wire is on the page, decided by nothing."""
    said = page(history(sent(1, lines(1)), manifest=lines(1, 2))).said

    assert "1 lost silently 1 stored" in said
    assert "m,k=a 2 – never sent" in said


def passport(number: int, state: State, batch: str = "b") -> Passport:
    """Give a point that ended so."""
    return Passport(f"m,k=a {number}", "db", state, number, (number,), batch, 0, handed_over=True, why="because")


def test_points_are_grouped_and_bounded() -> None:
    """Points that share a fate are one group with its first points; groups beyond the bound are counted."""
    alike = [replace(passport(n, State.LOST_SILENTLY), decided=1) for n in range(10)]
    many = [passport(n, State.UNKNOWN) for n in range(points.GROUPS + 7)]
    found = account([passport(1, State.STORED), *many, *alike])

    assert {State.LOST_SILENTLY: 10, State.UNKNOWN: points.GROUPS + 7, State.STORED: 1} == found.counts
    assert {State.UNKNOWN: 7} == found.beyond
    assert (10, ("m,k=a 0", "m,k=a 1", "m,k=a 2")) == (found.groups[0].count, found.groups[0].first)
    assert 1 + points.GROUPS == len(found.groups)


def test_more_points_than_fit_are_counted() -> None:
    """The page says how many lost points it does not show."""
    count = points.GROUPS + 3
    said = page(history(*(sent(n, lines(n), 503) for n in range(1, count + 1)))).said

    assert f"{count} lost silently" in said
    assert "and 3 more points lost silently in other batches" in said


def test_delays_are_counted_by_what_was_told() -> None:
    """Each kind of refusal has its number, its resends, their delays, the wait told and how many came too early."""
    some = list(resends(Ledger(told_to_wait())))
    quota, outage = groups(some)

    assert ("429 Too Many Requests, fault quota", 1, 1, 2.0) == (
        quota.why,
        quota.refused,
        quota.early,
        quota.middle_told,
    )
    assert pytest.approx((1.0, 1.0, 1.0, 1.0)) == quota.quantiles
    assert ("503 Service Unavailable, fault outage", 1, 0, None, None, None) == (
        outage.why,
        outage.refused,
        outage.early,
        outage.middle_told,
        outage.quantiles,
        outage.told_place,
    )


def test_dropped_writes_have_delays_too() -> None:
    """A connection that ended without a reply counts as one kind; a wait of more than a day is none."""
    past = history(
        sent(1, lines(1), None),
        sent(2, lines(1), 429, retry_after="999999"),
        sent(3, lines(1), 429, retry_after="-1"),
        sent(4, lines(1)),
    )
    found = list(resends(Ledger(past)))

    assert ["no whole reply", "429 Too Many Requests", "429 Too Many Requests"] == [one.why for one in found]
    assert [None, None, None] == [one.told for one in found]
    assert 3 == len([one.delay for one in found if one.delay is not None])


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_the_histogram_has_every_delay_once(delays: list[float]) -> None:
    """Each delay is in one bar, those beyond the scale in the first or last, and the sentence has the same counts."""
    group = Group("x")
    group.delays.extend(delays)

    assert len(delays) == sum(group.bars)
    assert group.bars[0] >= sum(delay < EDGES[0] for delay in delays)
    assert len(delays) == sum(int(part.split()[0]) for part in group.in_words.split("; "))
    assert (min(delays), max(delays)) == (group.quantiles or ())[::3]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "–"), (0.0125, "12.5 ms"), (1.0, "1 s"), (12.345, "12.3 s"), (5000.0, "5,000 s")],
)
def test_times_have_units(seconds: float | None, said: str) -> None:
    """A time is said in milliseconds or seconds, in three figures."""
    assert said == span(seconds)


def test_too_many_kinds_of_delays_are_counted() -> None:
    """More kinds of refusals than a page shows are said to be left out."""
    some = (sent(n, lines(n), 503, rule=f"fault-{n}") for n in range(1, 44))

    assert "and 3 more kinds" in page(history(*some)).said


def test_a_run_that_fits_is_there_whole() -> None:
    """A page of all exchanges says of nothing that it is left out."""
    assert "This page is not all of it." not in page(told_to_wait()).said


def test_what_is_left_out_is_said() -> None:
    """A page of fewer exchanges than there are says how many, and which."""
    made = page(told_to_wait(), most=3, history="runs/a")

    assert [1, 2, 3] == [one["seq"] for one in made.exchanges]
    assert "It has 3 of 4 exchanges" in made.said
    assert "1 are left out" in made.said
    assert "All of it is in the history runs/a" in made.said


def test_a_judgement_of_an_exchange_that_is_left_out_has_no_link() -> None:
    """A link leads to something that is there; where it is not, that is said."""
    judged = asked(*(Judgement(Verdict.FAIL, "early", seq) for seq in (1, 2)))
    made = page(told_to_wait(), most=1, oracles=(judged,))

    assert {"#exchange-1"} == {of["href"] for of in made.of("a") if of["href"].startswith("#exchange-")}
    assert "exchange 2 (left out)" in made.said


def test_what_deviates_is_kept_first() -> None:
    """Named exchanges come first, then those that deviate, then their batches, then the earliest."""
    some = [sent(n, lines(n)) for n in range(1, 7)]
    some[3] = sent(4, lines(6), 503)
    kept = [[event.exchange.seq for event in choose(some, {5}, most)] for most in range(1, 7)]

    assert [[5], [4, 5], [4, 5, 6], [1, 4, 5, 6], [1, 2, 4, 5, 6], [1, 2, 3, 4, 5, 6]] == kept


def test_what_was_done_to_an_exchange_makes_it_deviate() -> None:
    """A fault, a refusal, a missing reply and an altered delivery deviate; a plain 2xx does not."""
    plain = sent(1, lines(1))
    closed = replace(plain, decision=replace(plain.decision, ending=Closed()))
    some = [plain, closed, sent(1, lines(1), 404), sent(1, lines(1), None), sent(1, lines(1), settled=False)]

    assert [False, True, True, True, True] == [deviates(event) for event in some]


@given(st.lists(st.sampled_from((204, 429, None)), max_size=40), st.integers(0, 45))
def test_as_many_are_kept_as_fit(statuses: list[int | None], most: int) -> None:
    """A page has as many exchanges as it takes, in order, and drops none that deviates for one that does not."""
    some = [sent(n, lines(n), status) for n, status in enumerate(statuses, 1)]
    kept = choose(some, (), most)

    assert min(most, len(some)) == len(kept)
    assert sorted(event.exchange.seq for event in kept) == [event.exchange.seq for event in kept]
    assert min(most, sum(map(deviates, some))) == sum(map(deviates, kept))


@given(st.lists(st.text(max_size=80)), st.integers(0, 2000))
def test_text_takes_no_more_room_than_there_is(texts: list[str], size: int) -> None:
    """What a room lets in is, as JSON or as HTML, no larger than the room; the rest is counted."""
    from markupsafe import escape  # noqa: PLC0415 - of the extra

    room = Room(size)
    taken = [text for text in (room.fit(text, 60) for text in texts) if text != LEFT_OUT]
    harmless = sum(len(str(escape(text)).encode()) for text in taken)
    escaped = sum(len(json.dumps(text)) + 5 * sum(map(text.count, "<>&")) for text in taken)

    assert max(harmless, escaped) <= size
    assert len(texts) == len(taken) + room.refused
    assert all(len(text) <= 60 for text in taken)


def test_equal_texts_are_held_once() -> None:
    """A text that is there already takes no more room."""
    texts = Texts(Room(100))

    assert [0, 1, 2, 1] == [texts.number(text, 9) for text in ("", "one", "two", "one")]
    assert ["", "one", "two"] == texts.all


def test_a_page_of_endless_texts_has_a_bound() -> None:
    """Thousands of long texts that are all different, hostile and not ASCII still give a page below the limit."""
    wide = "\u2028<&\U0001f600" * 400
    some = (
        sent(
            n,
            f'm,k=a v="{n}{wide}" {n}\n',
            400,
            message=f"{n}{wide}",
            headers=tuple((f"H{n}-{k}", wide) for k in range(4)),
            path=f"/{n}{wide}",
            query=((f"{n}", wide),),
            rule=f"{n}{wide}",
        )
        for n in range(1, 2001)
    )
    past = history(*some)
    judged = tuple(
        asked(*(Judgement(Verdict.FAIL, f"{n}{wide}", n, wide, (wide,) * 9) for n in range(100)), name=f"{k}{wide}")
        for k in range(20)
    )
    text = html(result(past, oracles=judged, reasons=(wide * 9,) * 900), past)
    made = Page(text)

    assert len(text.encode()) < LIMIT
    assert "texts found no room" in made.said
    assert 2000 == len(made.exchanges)
    assert LEFT_OUT in made.data["texts"]


def test_long_sentences_are_clipped() -> None:
    """A sentence of a judgement longer than a page takes ends with an ellipsis."""
    made = page(told_to_wait(), oracles=(asked(Judgement(Verdict.FAIL, "x" * 2 * LINE, 1)),))

    assert "x" * (LINE - 1) + "…" in made.said


def test_what_the_application_said_is_there() -> None:
    """The page has the application's report and its standard error, numbered as judgements number them."""
    past = history(reports=(Report("ok"), Report("error", HOSTILE)), stderr=f"one\n\n{HOSTILE}")
    said = page(past).said

    assert "1 ok 2 error </script ></script><img" in said
    assert "1 one 2 3 </script ></script><img" in said
    assert "left out" not in said


def test_both_ends_of_a_long_standard_error_are_there() -> None:
    """Of a long standard error its first and its last lines are shown, of many reports the first; the rest counted."""
    stderr = "".join(f"line {n}\n" for n in range(1, 10_001))
    found = page(history(reports=(Report("error"),) * 60, stderr=stderr)).said

    assert "99 line 99 100 line 100 … 9,800 lines are left out … 9901 line 9901" in found
    assert "10000 line 10000" in found
    assert "and 10 more reports" in found


def test_as_many_lines_as_fit_are_there_whole() -> None:
    """A standard error of no more lines than both ends together has nothing left out."""
    found = page(history(stderr="x\n" * 200)).said

    assert "100 x 101 x" in found
    assert "left out" not in found


def test_silence_has_no_section() -> None:
    """An application that said nothing has nothing on the page about it."""
    assert "What the application said" not in page(history()).said


def test_times_that_are_no_numbers_do_no_harm() -> None:
    """A history with infinite times still gives data that scripts can read."""
    made = page(history(sent(1, lines(1), 429, at=1, left=float("inf")), sent(2, lines(1), at=float("nan"))))

    assert [(1.0, None), (0.0, None)] == [(one["at"], one["end"]) for one in made.exchanges]
    assert not re.search(r"NaN|Infinity", made.texts["script"][0])


def test_a_missing_library_is_one_line() -> None:
    """Without jinja2 the module is imported all the same, and a page is refused with what to install."""
    code = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from faultlab.reports.html import HtmlError, html\n"
        "from faultlab.history import History\n"
        "from faultlab.reports import Result\n"
        "from faultlab.verdict import Verdicts, Verdict\n"
        "past = History(run={'profile': 'serverless'})\n"
        "try: html(Result.of(Verdicts((), Verdict.PASS), past), past)\n"
        "except HtmlError as problem: print(problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "an HTML page needs jinja2; pip install 'faultlab[html]'\n" == done.stdout


def test_the_library_that_is_copied_says_whose_it_is() -> None:
    """UPlot's licence stands in front of it, as that licence asks."""
    import faultlab.reports.page  # noqa: PLC0415 - only its folder is wanted

    licence = (Path(faultlab.reports.page.__file__).parent / "uPlot.LICENSE").read_text()
    [script] = [text for text in page(history()).texts["script"] if "var uPlot=" in text]

    assert "Permission is hereby granted" in licence
    assert script.startswith(f"/*\n{licence}*/\n")
