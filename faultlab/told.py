"""What the application was told, as far as a history shows it, and the line that shows it.

A client may tell by its own report, by its exit status, or on stderr. On stderr a mere announcement of a retry tells
nothing: the matter is not settled yet. A report in words that belong to no reply is evidence, but not certain evidence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from faultlab.exchange import Answer
from faultlab.history import Event, History, Report
from faultlab.phrases import Phrases
from faultlab.terms import Terms

TELLING = frozenset({"error", "failed", "partial", "rejected"})
"""What a report's ``told`` says when the application learnt of a failure."""

PREFIX = 24
"""How many characters of a reply's message have to be there; messages of fewer than ``LEAST`` prove nothing."""
LEAST = 8
QUOTED = 100

_HEADER = re.compile(r"retry[-_]after|retryAfter", re.IGNORECASE)
_RETRY = re.compile(
    r"retr(?:y|ie|ia)|try(?:ing)? again|back(?:ing)?[- ]?off|re-?queu|next attempt|\battempt\W{0,2}\d", re.IGNORECASE
)
# Words of the end of retrying only: "exceeded" and "dropped=1" alone stand in messages of servers as well.
_FINAL = re.compile(
    r"(?:retries|retry (?:limit|count|budget|time|deadline)|attempts)\b[^.:]{0,20}(?:exceeded|exhausted)"
    r"|(?:exceeded|exhausted) (?:the |all |its |max\w* |number of )*(?:retr|attempt)"
    r"|g[ai]ve(?:n)? up|giving up|failed after|abandon|dropping|dropped(?!=| \d)|discard"
    r"|\b(?:not|no|non|never|won't|cannot|without)[- ](?:be |more )*retr|last attempt|attempt (\d+)(?:/| of )\1\b",
    re.IGNORECASE,
)
_SUCCESS = re.compile(r"\b(?:wrote|written|success\w*|succeeded|stored|delivered|ok|accepted|sent)\b", re.IGNORECASE)
_FAILURE = re.compile(
    r"error|fail|reject|refus|denied|drop|lost|lose|invalid|auth|forbid|\bnot\b|n't|partial|warn|except|unable|cannot"
    r"|\bbad\b|too |limit|unavail",
    re.IGNORECASE,
)
_ENDED = re.compile(
    r"connection.{0,40}(?:reset|abort|clos|refused|lost|broken|drop)|ECONNRESET|ECONNREFUSED|EPIPE|broken pipe|hang up"
    r"|RemoteDisconnected|without response|\bEOF\b|IncompleteRead|timed[ -]?out|time-?out|server disconnected"
    r"|connect(?:ion)? ?error|connect\b.{0,20}\bfailed"
    r"|(?:fail\w*|unable|can't|cannot|could not) (?:to )?(?:re)?connect",
    re.IGNORECASE,
)
_COUNTED = r"(?!\s*(?:points?|lines?|rows?|records?|metrics?|batch(?:es)?|values?|bytes?|[KM]i?B|ms|s|sec(?:ond)?s?)\b)"
_NUMBER = re.compile(rf"(?<![\w-])(?<!\d[.,:/-])([0-9]{{1,9}})(?![\w%]|[.,:/-]\d){_COUNTED}")
_CONTINUES = re.compile(r"[\s)\]}]")
_STATUS = re.compile(
    r"\(([1-5]\d\d)\)|\b(?:status(?:[ _-]?code)?|HTTP(?:/[\d.]+)?|code)\W{0,4}([1-5]\d\d)\b", re.IGNORECASE
)
_REASONS = {status.phrase: str(status.value) for status in HTTPStatus} | {
    "Payload Too Large": "413",
    "Request Entity Too Large": "413",
    "Unprocessable Entity": "422",
}
# Some clients log a reply's reason in place of its status; one of a single word stands in any text.
_REASON = re.compile(
    rf"\b({'|'.join(reason for reason in _REASONS if ' ' in reason)})\b"
    rf"|\b(?:code|status)\W{{1,4}}({'|'.join(reason for reason in _REASONS if ' ' not in reason)})\b"
)
_THINGS = r"(?:items?|points?|lines?|rows?|records?|metrics?|measurements?|entries|batch(?:es)?|writes?)"
_GONE = (
    r"(?:(?:not|n't|never)(?: be| been)? (?:written|sent|stored|saved|delivered)"
    r"|unwritten|unsent|lost|dropped|discarded)"
)
# A number of things, none of them none, and what became of them, on either side of it.
_COUNTED_LOSS = re.compile(
    rf"\b[1-9]\d* {_THINGS}\b[^.\n]{{0,60}}?\b{_GONE}\b|\b{_GONE}:? [1-9]\d* {_THINGS}\b", re.IGNORECASE
)
_LENGTH = re.compile(r"length\W{1,4}\d+", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_CRASH = re.compile(
    r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\S.*)"
    r"|^(\w*Error\b.*)(?=\n\s+at )"
    r"|^(panic: .*)"
    r"|^(thread '.*' (?:\(\d+\) )?panicked at .*)",
    re.MULTILINE,
)
_CUT_SHORT = re.compile(r'"(?:message|error|error_message)"\s*:\s*"((?:[^"\\]|\\.)*)')


@dataclass(frozen=True, slots=True)
class Evidence:
    """One line that shows the application was told; not ``certain`` when it may have been about something else."""

    where: str
    text: str = ""
    certain: bool = True

    def doubted(self) -> Evidence:
        """Give the same, no longer certain."""
        return Evidence(self.where, self.text, certain=False)

    def __str__(self) -> str:
        """Give where it stands and the line itself, shortened."""
        if not self.text:
            return self.where
        short = self.text if len(self.text) <= QUOTED else f"{self.text[: QUOTED - 1]}…"
        return f'{self.where}: "{short}"'


def messages(reply: Answer) -> tuple[str, ...]:
    """Give what a reply says went wrong, in its own words; empty when it says nothing."""
    text = reply.body.decode(errors="replace")
    try:
        found = tuple(_messages(json.loads(text)))
    except (ValueError, RecursionError):
        # A history keeps the beginning of a long body only, so JSON may be cut short.
        cut = tuple(_CUT_SHORT.findall(text))
        found = cut or ((_TAG.sub(" ", text),) if text.strip() else ())
    header = reply.header("X-Influxdb-Error")
    return found + ((header,) if header else ())


def _messages(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name in ("message", "error", "error_message"):
            if isinstance(value.get(name), str):
                yield value[name]
        yield from _messages(value.get("data"))
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from _messages(item)


def announces_retry(text: str) -> bool:
    """Whether a text merely says that a request will be sent again."""
    bare = _HEADER.sub("", text)
    return bool(_RETRY.search(bare)) and not _FINAL.search(bare)


def counts_loss(text: str) -> bool:
    """Whether a text says of a number of points, or of what carries them, that they were lost or never written."""
    return _COUNTED_LOSS.search(text) is not None


def speaks_of(text: str, reply: Answer | None) -> bool:
    """Whether a text is about a reply: has its message or its status; of None, whether about an ended connection.

    A status counts as a number on its own, no part of a time, a fraction or a count of something, or as the reason that
    HTTP gives it, and not in a line that only speaks of success.
    """
    if reply is None:
        return bool(_ENDED.search(text))
    status, found = _marks(reply)
    said, flat = _said(text), _flat(text)
    if said and status not in said:
        return False
    return any(message[:PREFIX] in flat for message in found) or str(status) in _numbers(text)


type _Marks = tuple[int, tuple[str, ...]]
"""What a reply is known by: its status, and its messages made comparable."""


def _flat(text: str) -> str:
    """Make texts comparable: one blank for any white space, escapes of JSON undone, case folded."""
    return " ".join(text.replace("\\n", " ").replace('\\"', '"').split()).casefold()


@lru_cache(maxsize=256)
def _marks(reply: Answer) -> _Marks:
    # Cached because each point of a batch asks about one reply.
    flat = (_flat(message) for message in messages(reply))
    return reply.status, tuple(dict.fromkeys(message for message in flat if len(message) >= LEAST))


def _said(text: str) -> set[int]:
    """Give the statuses that a text calls so; if any, it speaks of no other."""
    return {int(one or other) for one, other in _STATUS.findall(text)}


def _numbers(text: str) -> set[str]:
    """Give the numbers that may be a status a text speaks of."""
    found = set(_NUMBER.findall(_LENGTH.sub("", text)))
    found.update(_REASONS[one or other] for one, other in _REASON.findall(text))
    if not found or _FAILURE.search(text):
        return found
    # A 201 is a success to whoever does not read its body, and 201 of something is a usual number.
    return set() if _SUCCESS.search(text) else {number for number in found if int(number) >= 300}


def records(stderr: str) -> Iterator[tuple[int, str]]:
    """Yield the first line's number, from 1, and the text of each record of a log.

    A record is a line and those after it that are indented or begin with a closing bracket.
    """
    number, held = 0, [""]
    for here, line in enumerate(_lines(stderr), 1):
        if held[0] and line and _CONTINUES.match(line):
            held.append(line)
            continue
        if held[0]:
            yield number, "\n".join(held)
        number, held = here, [line]
    if held[0]:
        yield number, "\n".join(held)


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text one by one: a list of them may take ten times its size."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def crashes(stderr: str) -> Iterator[Evidence]:
    """Yield the line that says what it was of each exception or panic, as Python, Node, Go and Rust print them.

    A traceback that a program logs looks the same; whether the program went on is another question.
    """
    line, counted = 1, 0
    for found in _CRASH.finditer(stderr):
        text = next(filter(None, found.groups()))
        line, counted = line + stderr.count("\n", counted, found.end()), found.end()
        yield Evidence(f"stderr line {line}", text)


type _Key = str | int | tuple[str, int] | None
"""What lines have in common: a message they quote; or, short of a quotation, a status, or the beginning of a message
and the status they name, 0 if none; None for an ended connection."""


@dataclass(slots=True)
class _Lines:
    """Lines that have one thing in common, by number in ascending order; those before ``at`` are used."""

    numbers: list[int] = field(default_factory=list)
    at: int = 0

    def unused(self, used: Container[int]) -> int | None:
        """Give the first line that is not used."""
        while self.at < len(self.numbers):
            if self.numbers[self.at] not in used:
                return self.numbers[self.at]
            self.at += 1
        return None


class _Replies:
    """What the client was told in a run, each reply once, and which of it a text speaks of."""

    def __init__(self, events: Iterable[Event]) -> None:
        """Read the outcomes once; ``some_ended`` says that one was a connection without a reply."""
        self.some_ended = False
        self._statuses: dict[str, int] = {}
        self._told_with: dict[str, tuple[int, ...]] = {}
        whole: set[str] = set()
        for outcome in (event.outcome for event in events if event.outcome is not None):
            if outcome.told is None:
                self.some_ended = True
                continue
            status, said = _marks(outcome.told)
            self._statuses.setdefault(str(status), status)
            whole.update(said)
            for beginning in (message[:PREFIX] for message in said):
                before = self._told_with.get(beginning, ())
                if status not in before:
                    self._told_with[beginning] = (*before, status)
        self._whole, self._beginnings = Phrases(whole, LEAST), Phrases(self._told_with, LEAST)

    def quoted_in(self, flat: str) -> set[_Key]:
        """Give the messages a text has in full that no longer message contains."""
        return {*self._whole.longest_in(flat)}

    def spoken_of_in(self, text: str, flat: str) -> set[_Key]:
        """Give the statuses and the beginnings of messages by which a text speaks of replies."""
        said = _said(text)
        numbers = (self._statuses.get(number) for number in _numbers(text))
        keys: set[_Key] = {status for status in numbers if status is not None and (not said or status in said)}
        for beginning in self._beginnings.all_in(flat):
            with_ = said.intersection(self._told_with[beginning]) if said else (0,)
            keys.update((beginning, status) for status in with_)
        return keys


def _ways(reply: Answer | None) -> tuple[Iterable[_Key], ...]:
    """Give what lines about a reply may have: for those that quote it, then for those that speak of it otherwise."""
    if reply is None:
        return ((None,),)
    status, said = _marks(reply)
    return said, (status, *((message[:PREFIX], named) for message in said for named in (0, status)))


class Account:
    """Everything by which a run's application may have been told; made and asked in time linear in what it holds.

    ``names`` gives the points a report's ``lines`` stand for; ``known`` are the points of the run. Lines that stand for
    none of them are no lines: the report's message decides then. Replies asked about are those of the run.

    Holds the text of each reply once, and each line that speaks of one.
    """

    def __init__(
        self, history: History, names: Callable[[bytes], Iterable[Hashable]], known: Container[Hashable]
    ) -> None:
        """Read reports, exit status and stderr once."""
        told_by = Terms.from_json(history.run).told_by
        client = history.client if "exit_status" in told_by else None
        reports = history.reports if "report" in told_by else ()
        stderr = history.stderr if "stderr" in told_by else ""
        self.deaf = client is None and not reports and not stderr
        self._by_point: dict[Hashable, Evidence] = {}
        self._everything: Evidence | None = None
        self._in_own_words: Evidence | None = None
        self._spoken: list[Evidence] = []
        self._having: dict[_Key, _Lines] = {}
        self._given: dict[tuple[_Marks | None, Hashable], Evidence] = {}
        self._used: set[int] = set()
        if client is not None and client.status:
            self._everything = Evidence(f"exit status {client.status}")
        # Where nothing was said, what it may be about need not be known.
        self._replies = _Replies(history.events if reports or stderr else ())
        for number, report in enumerate(reports, 1):
            if report.told in TELLING:
                self._take(number, report, names, known)
        for number, text in records(stderr):
            evidence = Evidence(f"stderr line {number}", text.partition("\n")[0])
            if counts_loss(evidence.text) and self._in_own_words is None:
                # Whichever points it counts, it was said that some are gone.
                self._in_own_words = evidence.doubted()
            if not announces_retry(text):
                self._hear(evidence, text)

    def _take(
        self, number: int, report: Report, names: Callable[[bytes], Iterable[Hashable]], known: Container[Hashable]
    ) -> None:
        evidence = Evidence(f"report {number}", f"{report.told}: {report.message}" if report.message else report.told)
        points = [point for point in names(report.lines.encode(errors="surrogateescape")) if point in known]
        for point in points:
            self._by_point.setdefault(point, evidence)
        if points:
            return
        if report.message:
            understood = self._hear(evidence, report.message)
            if not understood and self._in_own_words is None:
                self._in_own_words = evidence.doubted()
        elif not report.lines:
            self._everything = self._everything or evidence

    def _hear(self, evidence: Evidence, text: str) -> bool:
        """Keep a line for what it speaks of; returns whether that is anything that happened in the run.

        A line that quotes one reply in full is about no other.
        """
        flat = _flat(text)
        spoken_of = self._replies.spoken_of_in(text, flat)
        keys = self._replies.quoted_in(flat) or spoken_of
        ended = _ENDED.search(text) is not None
        if ended:
            keys = keys | {None}
        for key in keys:
            self._having.setdefault(key, _Lines()).numbers.append(len(self._spoken))
        if keys:
            self._spoken.append(evidence)
        return bool(spoken_of) or (ended and self._replies.some_ended)

    def _about(self, reply: Answer | None) -> Iterator[list[_Lines]]:
        """Yield the lines that quote a reply, then those that speak of it otherwise."""
        for keys in _ways(reply):
            yield [self._having[key] for key in keys if key in self._having]

    def of_point(self, point: Hashable) -> Evidence | None:
        """Give the report line that names a point."""
        return self._by_point.get(point)

    def of_everything(self) -> Evidence | None:
        """Give what was said about the run as a whole; uncertain for a report in words that belong to no reply."""
        return self._everything or self._in_own_words

    def of_reply(self, reply: Answer | None, batch: Hashable) -> Evidence | None:
        """Give the line that speaks of a reply to a batch; of None, the line that speaks of an ended connection.

        A line speaks for one batch: a client that keeps silent about the second of two like refusals is not covered by
        what it said of the first. When there are fewer lines than batches, the rest are doubts, because a line may
        speak for many.
        """
        pair = None if reply is None else _marks(reply), batch
        if pair in self._given:
            return self._given[pair]
        for some in self._about(reply):
            unused = [number for lines in some if (number := lines.unused(self._used)) is not None]
            if unused:
                self._used.add(min(unused))
                self._given[pair] = self._spoken[min(unused)]
                return self._given[pair]
        # A doubt need not be kept: what is used stays so, and the first line is the same the next time.
        heard = self.hears_of(reply)
        return None if heard is None else heard.doubted()

    def hears_of(self, reply: Answer | None) -> Evidence | None:
        """Give a line that speaks of a reply, whichever batch it is about."""
        for some in self._about(reply):
            if some:
                return self._spoken[min(lines.numbers[0] for lines in some)]
        return None
