"""What the application was told, found line by line and reply by reply: slow, and plain enough to be a measure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass

from faultlab.exchange import Answer
from faultlab.history import History, Report
from faultlab.terms import Terms
from faultlab.told import (
    _CONTINUES,
    _COUNTED,
    _CRASH,
    _ENDED,
    _FAILURE,
    _LENGTH,
    _STATUS,
    _SUCCESS,
    LEAST,
    PREFIX,
    TELLING,
    Evidence,
    announces_retry,
    messages,
)

type _Marks = tuple[int, tuple[str, ...]]
"""What a reply is known by: its status, and its messages made comparable."""


def _flat(text: str) -> str:
    """Make texts comparable: one blank for any white space, escapes of JSON undone, case folded."""
    return " ".join(text.replace("\\n", " ").replace('\\"', '"').split()).casefold()


def _marks(reply: Answer) -> _Marks:
    flat = (_flat(message) for message in messages(reply))
    return reply.status, tuple(dict.fromkeys(message for message in flat if len(message) >= LEAST))


def _quoted(flat: str, marks: _Marks) -> int:
    """Give the length of the longest message of a reply that a text has in full; 0 if it has none."""
    return max((len(message) for message in marks[1] if message in flat), default=0)


def _speaks(text: str, flat: str, marks: _Marks) -> bool:
    status, found = marks
    said = {int(one or other) for one, other in _STATUS.findall(text)}
    if said and status not in said:
        return False
    if any(message[:PREFIX] in flat for message in found):
        return True
    number = rf"(?<![\w-])(?<!\d[.,:/-]){status}(?![\w%]|[.,:/-]\d){_COUNTED}"
    if not re.search(number, _LENGTH.sub("", text)):
        return False
    # A 201 is a success to whoever does not read its body, and 201 of something is a usual number.
    doubtful = status < 300 or _SUCCESS.search(text) is not None
    return not doubtful or _FAILURE.search(text) is not None


def records(stderr: str) -> Iterator[tuple[int, str]]:
    """Yield the first line's number, from 1, and the text of each record of a log.

    A record is a line and those after it that are indented or begin with a closing bracket.
    """
    number, held = 0, ""
    for here, line in enumerate(stderr.split("\n"), 1):
        if held and line and _CONTINUES.match(line):
            held += "\n" + line
            continue
        if held:
            yield number, held
        number, held = here, line
    if held:
        yield number, held


def crashes(stderr: str) -> Iterator[Evidence]:
    """Yield the line that says what it was of each exception or panic, as Python, Node, Go and Rust print them.

    A traceback that a program logs looks the same; whether the program went on is another question.
    """
    for found in _CRASH.finditer(stderr):
        text = next(filter(None, found.groups()))
        yield Evidence(f"stderr line {stderr.count('\n', 0, found.end()) + 1}", text)


@dataclass(frozen=True, slots=True)
class _Spoken:
    evidence: Evidence
    text: str
    flat: str


class PlainAccount:
    """Says what ``faultlab.told.Account`` says, in time that grows with lines times replies."""

    def __init__(
        self, history: History, names: Callable[[bytes], Iterable[Hashable]], known: Collection[Hashable]
    ) -> None:
        """Read reports, exit status and stderr once."""
        told_by = Terms.from_json(history.run).told_by
        client = history.client if "exit_status" in told_by else None
        reports = history.reports if "report" in told_by else ()
        stderr = history.stderr if "stderr" in told_by else ""
        self.deaf = client is None and not reports and not stderr
        self._by_point: dict[Hashable, Evidence] = {}
        self._spoken: list[_Spoken] = []
        self._everything: Evidence | None = None
        self._about: dict[_Marks | None, list[Evidence]] = {}
        self._given: dict[tuple[_Marks | None, Hashable], Evidence | None] = {}
        self._used: set[Evidence] = set()
        if client is not None and client.status:
            self._everything = Evidence(f"exit status {client.status}")
        for number, report in enumerate(reports, 1):
            if report.told in TELLING:
                self._take(number, report, names, known)
        outcomes = [event.outcome for event in history.events if event.outcome is not None]
        self._replies = {_marks(outcome.told) for outcome in outcomes if outcome.told is not None}
        self._in_own_words = self._own_words(some_ended=any(outcome.told is None for outcome in outcomes))
        for number, text in records(stderr):
            if not announces_retry(text):
                self._hear(Evidence(f"stderr line {number}", text.partition("\n")[0]), text)
        self._quotes = [self._quotes_of(spoken) for spoken in self._spoken]

    def _take(
        self, number: int, report: Report, names: Callable[[bytes], Iterable[Hashable]], known: Collection[Hashable]
    ) -> None:
        evidence = Evidence(f"report {number}", f"{report.told}: {report.message}" if report.message else report.told)
        points = [point for point in names(report.lines.encode(errors="surrogateescape")) if point in known]
        for point in points:
            self._by_point.setdefault(point, evidence)
        if points:
            return
        if report.message:
            self._hear(evidence, report.message)
        elif not report.lines:
            self._everything = self._everything or evidence

    def _hear(self, evidence: Evidence, text: str) -> None:
        self._spoken.append(_Spoken(evidence, text, _flat(text)))

    def _own_words(self, *, some_ended: bool) -> Evidence | None:
        for spoken in self._spoken:
            if some_ended and _ENDED.search(spoken.text):
                continue
            if not any(_speaks(spoken.text, spoken.flat, marks) for marks in self._replies):
                return spoken.evidence.doubted()
        return None

    def _quotes_of(self, spoken: _Spoken) -> frozenset[_Marks]:
        """Give the replies a text quotes in full: those whose message it has that no longer message contains."""
        lengths = {marks: _quoted(spoken.flat, marks) for marks in self._replies}
        longest = max(lengths.values(), default=0)
        return frozenset(marks for marks, length in lengths.items() if length == longest) if longest else frozenset()

    def _lines_about(self, marks: _Marks | None) -> list[Evidence]:
        """Give every line that speaks of a reply, those that quote it first.

        A line that quotes one reply in full is about no other.
        """
        if marks not in self._about:
            quoting, speaking = [], []
            for spoken, quotes in zip(self._spoken, self._quotes, strict=True):
                if marks is None:
                    if _ENDED.search(spoken.text):
                        speaking.append(spoken.evidence)
                elif marks in quotes:
                    quoting.append(spoken.evidence)
                elif not quotes and _speaks(spoken.text, spoken.flat, marks):
                    speaking.append(spoken.evidence)
            self._about[marks] = quoting + speaking
        return self._about[marks]

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
        marks = None if reply is None else _marks(reply)
        if (marks, batch) not in self._given:
            lines = self._lines_about(marks)
            fresh = next((line for line in lines if line not in self._used), None)
            if fresh is not None:
                self._used.add(fresh)
            self._given[marks, batch] = fresh or (lines[0].doubted() if lines else None)
        return self._given[marks, batch]

    def hears_of(self, reply: Answer | None) -> Evidence | None:
        """Give a line that speaks of a reply, whichever batch it is about."""
        return next(iter(self._lines_about(None if reply is None else _marks(reply))), None)
