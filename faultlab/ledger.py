"""A history, per batch and per point: what was handed over, how often each was sent and stored, what it was told.

A point is known by database, measurement, tags, timestamp and fields, so two rows that share an identity but not their
fields are two things to lose. One without a timestamp is known by its batch and line only, because two equal ones may
be two measurements; a line that is no point is known by its text. Nothing here guesses: where what upstream stored does
not follow from what the edge recorded, an entry carries a ``doubt``.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from faultlab import contract, lineprotocol
from faultlab.exchange import (
    DECODED_LIMIT,
    HEALTH,
    PING,
    SECRET_PARAMETERS,
    V3_WRITE,
    Answer,
    Effect,
    Lines,
    Nothing,
    Severed,
    Twice,
    header,
)
from faultlab.history import Ended, Event, History
from faultlab.told import Account

type Key = tuple[Hashable, ...]

SHOWN = 20
"""How many points a judgement names; its text has their full count."""

CUT = "its upload was cut before anybody could see what it was"
"""The doubt about an upload of which not one whole line with a timestamp was seen."""

_UNITS = (1, 1_000, 1_000_000, 1_000_000_000)


@dataclass(frozen=True, slots=True)
class Carried:
    """One line of a body: its first physical line number, the entry it belongs to, and that entry without its database.

    ``timed`` says that the line is a point with a timestamp, so that the same key in another body is the same point.
    """

    line: int
    key: Key
    loose: Hashable
    shown: str
    timed: bool = False
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """One exchange that carries something, in order of arrival from 0.

    ``batch`` is the batch it is an attempt of; for an upload that was cut it is the batch of the whole body that
    followed, and where none did its own with a ``+``, as it would have been more than what was seen. ``named`` are the
    lines that the decision or upstream refused.
    """

    index: int
    event: Event
    batch: str
    carries: tuple[Carried, ...]
    cut: bool
    named: frozenset[int]

    @property
    def seq(self) -> int:
        """The exchange's number in the history."""
        return self.event.exchange.seq

    @property
    def ended(self) -> float:
        """Seconds since the run began when the reply left; infinite when nothing is known about that."""
        return self.event.outcome.at if self.event.outcome is not None else float("inf")

    @property
    def reply(self) -> Answer | None:
        """The reply the client was sent from beginning to end; None when there was none."""
        outcome = self.event.outcome
        if outcome is None or outcome.ended not in {Ended.REPLIED, Ended.UPSTREAM_FAILED}:
            return None
        return outcome.told

    @property
    def status(self) -> int:
        """The status of ``reply``; 0 when there was none."""
        return 0 if self.reply is None else self.reply.status

    @property
    def dropped(self) -> bool:
        """Whether the connection ended before the client had a whole reply."""
        outcome = self.event.outcome
        return outcome is not None and outcome.ended in {Ended.CLOSED, Ended.CLIENT_LEFT}

    @property
    def got_through(self) -> bool:
        """Whether upstream stored something of it and the client was told so."""
        outcome = self.event.outcome
        return outcome is not None and outcome.effect in {Effect.ALL, Effect.PART} and 200 <= self.status < 300

    @property
    def label(self) -> str:
        """How judgements name it."""
        return f"exchange {self.seq} ({batch_label(self.batch)})"

    def acknowledges(self, line: int) -> bool:
        """Whether the client was told that this line was taken: a 2xx whose body does not name it."""
        told = self.event.outcome.told if self.event.outcome is not None else None
        if told is None or not 200 <= told.status < 300:
            return False
        return line not in self.named or told.status == 204 or not told.body

    def copies(self, line: int) -> int | None:
        """How many copies of a line upstream stored; None when that is not known."""
        outcome, deliver = self.event.outcome, self.event.decision.deliver
        if outcome is None:
            return None
        if outcome.effect is Effect.NONE or isinstance(deliver, Nothing):
            return 0
        if isinstance(deliver, Lines) and line in deliver.refused:
            return 0
        if outcome.effect is Effect.ALL:
            return 2 if isinstance(deliver, Twice) else 1
        if outcome.effect is Effect.PART and self.named:
            return int(line not in self.named)
        return None


@dataclass(frozen=True, slots=True)
class Entry:
    """One point, or one line that is none, and what became of it.

    ``sends`` are the indices of what carried it, ``stored`` counts the copies known to be stored, ``stored_by`` is the
    first send known to have stored one. ``refused`` says that upstream or the decision named its line, ``acknowledged``
    that some reply told the client it was taken. ``doubt`` says why an entry that is not known to be stored may be
    stored all the same; empty when it is certainly not.
    """

    key: Key
    loose: Hashable
    shown: str
    timed: bool
    sends: tuple[int, ...]
    stored: int
    stored_by: int | None
    refused: bool
    acknowledged: bool
    doubt: str
    handed_over: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """One logical body: its attempts in order, as indices of sends, and the entries it carries."""

    name: str
    sends: tuple[int, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Unsent:
    """A point of the manifest that was never on the wire as it is; ``doubt`` says how it may have been."""

    loose: Hashable
    shown: str
    doubt: str = ""


@dataclass(slots=True)
class _Draft:
    row: Carried
    sends: list[int] = field(default_factory=list)
    stored: int = 0
    stored_by: int | None = None
    stored_last: int = -1
    refused: bool = False
    acknowledged: bool = False
    doubt: str = ""


class Ledger:
    """A history read once, in time linear in its size.

    ``sends`` are all exchanges but pings, ``batches`` those of write requests. ``handed`` counts what the manifest
    hands over, each point without its database; None where there is no manifest. ``unsent`` are its points that were
    never sent, ``unnamed`` its lines that cannot be told apart from others.
    """

    def __init__(self, history: History) -> None:
        """Read the history; raises ValueError when it names a profile that does not exist."""
        self.history = history
        self.dialect = contract.named(str(history.run.get("profile"))).dialect
        self._rows: dict[str, tuple[Carried, ...]] = {}
        self.sends = tuple(self._sends())
        self._by_batch: dict[str, list[int]] = defaultdict(list)
        for send in self.sends:
            self._by_batch[send.batch].append(send.index)
        handed = self._manifest()
        self.handed = None if handed is None else Counter(row.loose for row in handed)
        entries = self._entries(self.handed)
        self.unsent, self.unnamed = _missing(entries.values(), handed or ())
        if handed is not None and not self.unsent and not self.unnamed:
            # Every point handed over was seen on the wire, so whatever a cut upload held is judged where it was seen.
            entries = {key: entry for key, entry in entries.items() if entry.doubt != CUT}
        self.entries: Mapping[Key, Entry] = entries
        self.batches: Mapping[str, Batch] = self._batches()

    @cached_property
    def account(self) -> Account:
        """What the application was told."""
        known = {entry.loose for entry in self.entries.values()} | {point.loose for point in self.unsent}
        return Account(self.history, self.named_by, known)

    def named_by(self, text: bytes) -> Iterator[Hashable]:
        """Yield the points that some lines stand for, each without its database, as ``loose`` of an entry has them."""
        return (row.loose for row in self._read(text, "", "", "ns"))

    def next_send(self, send: Send) -> Send | None:
        """Give the first send after a reply left that carries the same batch or a point of it; None if there is none.

        Sends that were under way when the reply left do not count: they were not made in its knowledge.
        """
        found = self._after(self._by_batch[send.batch], send)
        for row in send.carries:
            if row.timed:
                other = self._after(self.entries[row.key].sends, send)
                if other is not None and (found is None or other < found):
                    found = other
        return None if found is None else self.sends[found]

    def next_of(self, entry: Entry, send: Send) -> Send | None:
        """Give the first send of an entry after a reply left; None if there is none."""
        found = self._after(entry.sends, send)
        return None if found is None else self.sends[found]

    def repeats(self, send: Send) -> Iterator[Send]:
        """Yield each send of the same body to the same target after a reply left, in order."""
        for index in self._by_batch[send.batch]:
            other = self.sends[index]
            if index > send.index and other.event.exchange.at >= send.ended and not other.cut:
                yield other

    def _after(self, indices: Sequence[int], send: Send) -> int | None:
        for position in range(bisect_right(indices, send.index), len(indices)):
            if self.sends[indices[position]].event.exchange.at >= send.ended:
                return indices[position]
        return None

    def _sends(self) -> Iterator[Send]:
        events = [event for event in self.history.events if event.exchange.path not in {HEALTH, PING}]
        whole: dict[Hashable, list[int]] = defaultdict(list)
        for position, event in enumerate(events):
            if not is_cut(event):
                whole[_target(event), event.exchange.body.data.partition(b"\n")[0]].append(position)
        for index, event in enumerate(events):
            cut = is_cut(event)
            completed = _completion(index, events, whole) if cut else None
            carried = event if completed is None else events[completed]
            deliver, outcome = event.decision.deliver, event.outcome
            named = {refusal.line for refusal in event.decision.refused}
            named.update(deliver.refused if isinstance(deliver, Lines) else ())
            named.update(refusal.line for refusal in (outcome.refused if outcome is not None else ()))
            batch = f"{event.batch}+" if cut and completed is None else carried.batch
            yield Send(index, event, batch, self._rows_of(carried, batch), cut, frozenset(named))

    def _rows_of(self, event: Event, batch: str) -> tuple[Carried, ...]:
        if batch not in self._rows:
            self._rows[batch] = tuple(self._read_event(event, batch)) if event.exchange.is_write else ()
        return self._rows[batch]

    def _read_event(self, event: Event, batch: str) -> Iterable[Carried]:
        exchange, data, database = event.exchange, event.exchange.body.data, event.exchange.database
        if is_cut(event):
            # Whatever follows the last line feed may be the beginning of another point.
            data = _prefix(event)
            data = data[: data.rfind(b"\n") + 1]
        elif problem := event.problem or exchange.body.problem:
            return [_whole(database, batch, f"its body does not decode: {problem}")]
        try:
            rows = list(self._read(data, database, batch, _precision(event)))
        except ValueError as unknown:
            return [_whole(database, batch, str(unknown))]
        if not is_cut(event):
            return rows
        sure = [row for row in rows if row.timed]
        return sure or [_whole(database, batch, CUT)]

    def _read(self, data: bytes, database: str, batch: str, precision: str) -> Iterator[Carried]:
        parsed = lineprotocol.parse(data, self.dialect, precision=precision)
        for point in parsed.points:
            loose = (*point.identity, point.fields)
            timed = point.timestamp is not None
            key = (database, *loose) if timed else (database, batch, point.line)
            yield Carried(point.line, key, loose, spelt_out(loose), timed)
        for bad in parsed.refused:
            text = bytes(bad.text).strip()
            yield Carried(bad.line, (database, text), text, spelt_out(text))

    def _entries(self, handed: Collection[Hashable] | None) -> dict[Key, Entry]:
        drafts: dict[Key, _Draft] = {}
        for send in self.sends:
            for row in send.carries:
                draft = drafts.get(row.key)
                if draft is None:
                    draft = drafts[row.key] = _Draft(row, doubt=row.doubt)
                _carry(draft, send, row.line)
        twins: dict[Hashable, int] = {}
        for draft in drafts.values():
            if not draft.row.timed and draft.stored:
                twin = (draft.row.key[0], draft.row.loose)
                twins[twin] = max(twins.get(twin, -1), draft.stored_last)
        return {key: _entry(draft, twins, handed) for key, draft in drafts.items()}

    def _batches(self) -> dict[str, Batch]:
        return {
            name: Batch(
                name,
                tuple(indices),
                tuple(self.entries[key] for key in self._keys(self.sends[indices[0]])),
            )
            for name, indices in self._by_batch.items()
            if self.sends[indices[0]].event.exchange.is_write
        }

    def _manifest(self) -> tuple[Carried, ...] | None:
        data = self.history.manifest
        return None if data is None else tuple(self._read(data, "", "", "ns"))

    def _keys(self, send: Send) -> Iterator[Key]:
        return (key for key in dict.fromkeys(row.key for row in send.carries) if key in self.entries)


def _missing(entries: Collection[Entry], handed: Sequence[Carried]) -> tuple[tuple[Unsent, ...], tuple[str, ...]]:
    """Give the manifest's points that were never sent, and its lines that nobody can tell apart from others."""
    seen = {entry.loose for entry in entries}
    unsent = [row for row in handed if row.timed and row.loose not in seen]
    unnamed = [row.shown for row in handed if not row.timed and (isinstance(row.loose, tuple) or row.loose not in seen)]
    strangers: set[tuple[Hashable, ...]] = set()
    for entry in entries:
        if not entry.handed_over:
            moment = _moment(entry.loose)
            strangers.add(moment if entry.timed else moment[:1])
    return tuple(Unsent(row.loose, row.shown, _likeness(row.loose, strangers)) for row in unsent), tuple(unnamed)


def _carry(draft: _Draft, send: Send, line: int) -> None:
    draft.sends.append(send.index)
    copies = send.copies(line)
    if copies is None:
        draft.doubt = draft.doubt or f"what upstream stored of exchange {send.seq} is not known"
    elif copies:
        draft.stored += copies
        draft.stored_by = send.index if draft.stored_by is None else draft.stored_by
        draft.stored_last = send.index
    draft.refused = draft.refused or line in send.named
    draft.acknowledged = draft.acknowledged or send.acknowledges(line)


def _entry(draft: _Draft, twins: Mapping[Hashable, int], handed: Collection[Hashable] | None) -> Entry:
    row, doubt = draft.row, draft.doubt
    if not row.timed and not draft.stored and twins.get((row.key[0], row.loose), -1) > draft.sends[-1]:
        doubt = doubt or "an equal line without a timestamp was stored with another batch"
    return Entry(
        key=row.key,
        loose=row.loose,
        shown=row.shown,
        timed=row.timed,
        sends=tuple(draft.sends),
        stored=draft.stored,
        stored_by=draft.stored_by,
        refused=draft.refused,
        acknowledged=draft.acknowledged,
        doubt="" if draft.stored else doubt,
        handed_over=handed is None or row.loose in handed,
    )


def batch_label(batch: str) -> str:
    """Give how judgements name a batch: by the beginning of its identity, as its whole stands beside it."""
    return f"batch {batch[:8]}"


def is_cut(event: Event) -> bool:
    """Whether only the beginning of a request was seen: fewer bytes than it declares, or severed without declaring."""
    declared = header(event.exchange.headers, "Content-Length") or ""
    if declared.isascii() and declared.isdigit() and len(declared) < 16:
        return event.wire_size < int(declared)
    return isinstance(event.decision.intake, Severed)


def _prefix(event: Event) -> bytes:
    """Give the decoded beginning of a body that was cut."""
    stored = event.exchange.body.stored
    if not event.problem and not event.exchange.body.problem:
        return event.exchange.body.data
    if not (event.encoding or event.exchange.body.encoding).endswith("gzip"):
        return b""
    try:
        return zlib.decompressobj(31).decompress(stored, DECODED_LIMIT)
    except zlib.error:
        return b""


def _target(event: Event) -> Hashable:
    exchange = event.exchange
    query = tuple((name, value) for name, value in exchange.query if name not in SECRET_PARAMETERS)
    return exchange.method, exchange.path, query


def _completion(index: int, events: Sequence[Event], whole: Mapping[Hashable, Sequence[int]]) -> int | None:
    """Give the next whole request to the same target that begins like a cut one and has the size that one declared.

    None also where not even one line of the cut one was seen: bodies of one shape and size are common.
    """
    event = events[index]
    declared = header(event.exchange.headers, "Content-Length")
    beginning = _prefix(event)
    first, whole_line, _ = beginning.partition(b"\n")
    candidates = whole.get((_target(event), first), ()) if whole_line else ()
    for position in range(bisect_right(candidates, index), len(candidates)):
        candidate = events[candidates[position]]
        if (declared is None or candidate.wire_size == int(declared)) and candidate.exchange.body.data.startswith(
            beginning
        ):
            return candidates[position]
    return None


def _precision(event: Event) -> str:
    given = event.exchange.parameter("precision")
    if given:
        return given
    return "auto" if event.exchange.path == V3_WRITE else "ns"


def _whole(database: str, batch: str, doubt: str) -> Carried:
    """Give the one row that stands for a body whose points are not known."""
    return Carried(0, (database, batch, 0), (batch, 0), batch_label(batch), doubt=doubt)


def _moment(loose: Any) -> tuple[Hashable, ...]:
    """Give measurement and timestamp of a point."""
    return (loose[0], loose[2]) if isinstance(loose, tuple) and len(loose) == 4 else (loose,)


def _likeness(loose: Any, strangers: set[tuple[Hashable, ...]]) -> str:
    """Say how a point that was never sent may have been sent after all; empty when nothing on the wire is like it."""
    measurement, timestamp = loose[0], loose[2]
    if (measurement,) in strangers:
        return "points of its measurement were sent without a timestamp"
    if any((measurement, timestamp - timestamp % unit) in strangers for unit in _UNITS):
        return "a point of its measurement and time was sent with other tags, fields or precision"
    return ""


def spelt_out(loose: Any) -> str:
    """Give a point without its database as judgements name it; a line that is no point in its own words."""
    return loose.decode(errors="backslashreplace") if isinstance(loose, bytes) else spelt(*loose[:3])


def spelt(measurement: str, tags: Iterable[tuple[str, str]], timestamp: int | None) -> str:
    """Give an identity the way line protocol writes it; bytes that are no UTF-8 stand as escapes."""
    series = ",".join((_escaped(measurement), *(f"{_escaped(k)}={_escaped(v)}" for k, v in tags)))
    text = series if timestamp is None else f"{series} {timestamp}"
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _escaped(name: str) -> str:
    for special in (",", " ", "="):
        name = name.replace(special, "\\" + special)
    return name.replace("\n", "\\n")


def shown(entries: Iterable[Entry | Unsent | Carried]) -> tuple[str, ...]:
    """Give the first ``SHOWN`` points as judgements name them."""
    out: list[str] = []
    for entry in entries:
        if len(out) == SHOWN:
            break
        out.append(entry.shown)
    return tuple(out)
