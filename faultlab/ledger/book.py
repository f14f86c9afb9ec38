"""The ledger itself: a history read once, as batches and their entries, and what of the manifest is in none of them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import repeat
from typing import Any

from faultlab import contract
from faultlab.exchange import HEALTH, PING, SECRET_PARAMETERS, Lines, header
from faultlab.history import Event, History
from faultlab.ledger.entries import SHOWN, Batch, Entry, Missing, total
from faultlab.ledger.handed import Handed
from faultlab.ledger.holding import UNKNOWN, Holding
from faultlab.ledger.roll import Roll
from faultlab.ledger.rows import CUT, Kind, Row, digest_of, is_cut, prefix, read, rows_of
from faultlab.ledger.sends import Part, Send
from faultlab.ledger.traces import Trace, Traces
from faultlab.told import Account, Evidence

_SHARED = frozenset({Kind.TIMED, Kind.FOREIGN})
"""What is the same wherever it stands."""

_POINTS = frozenset({Kind.TIMED, Kind.UNTIMED})
_NONE = frozenset[int]()
_UNITS = (1, 1_000, 1_000_000, 1_000_000_000)
_TWIN = "an equal line without a timestamp was stored with another batch"

type _Facts = tuple[Trace, int, int | None, Evidence | None, str]
"""All that is known of a point; those that share it are one entry of their batch."""


class Ledger:
    """A history read once, in time linear in its size and with a few numbers for each point.

    A line is held as one number that stands for what it says. What several bodies carry is followed from send to send;
    for anything else the sends of its batch say it all. Names are read from the bodies again when somebody asks.

    ``sends`` are all exchanges but pings, ``batches`` those of write requests. ``handed`` is what the manifest hands
    over; None where there is no manifest.
    """

    def __init__(self, history: History) -> None:
        """Read the history; raises ValueError when it names a profile that does not exist."""
        self.history = history
        self.dialect = contract.named(str(history.run.get("profile"))).dialect
        self.handed = Handed(history, self.dialect) if history.has_manifest else None
        said = history.read_back
        self._holding = Holding(history, said) if said is not None and not said.void else None
        self.types: dict[tuple[str, str], dict[str, dict[str, tuple[Batch, int]]]] = {}
        self._shapes: set[Hashable] = set()
        self._digests = array("q")
        self._salts: dict[str, int] = {}
        self._roll = Roll()
        self._all: dict[str, Batch] = {}
        self.sends = tuple(self._sends())
        self.batches: Mapping[str, Batch] = self._all
        if not all(batch.source.exchange.is_write for batch in self._all.values()):
            self.batches = {name: batch for name, batch in self._all.items() if batch.source.exchange.is_write}
        self._traces = Traces(self.sends)
        self._shared = self._joined()

    @property
    def size(self) -> int:
        """How many points and other lines were on the wire, each counted once."""
        return total(self.entries())

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of all batches; what several batches carry, with the first of them only."""
        return (entry for batch in self.batches.values() for entry in batch.entries if entry.begins_here)

    def points(self) -> Iterator[tuple[Row, Entry]]:
        """Yield each point and other line once, with its entry; the bodies are read again for it."""
        for batch in self.batches.values():
            yield from ((row, entry) for row, entry in self.points_of(batch) if entry.begins_here)

    def entry_of_each(self, batch: Batch) -> Iterator[tuple[int, Entry]]:
        """Yield the digest of each point and other line of a batch once, without its database, with its entry."""
        entries = {_facts(entry): entry for entry in batch.entries}
        salt = self._salt(batch.database)
        for place, facts in self._known(batch):
            if facts in entries:
                yield batch.digest(place) ^ salt, entries[facts]

    def points_of(self, batch: Batch) -> Iterator[tuple[Row, Entry]]:
        """Yield each point and other line of a batch once, with its entry; the body is read again for it."""
        entries = {_facts(entry): entry for entry in batch.entries}
        known = self._known(batch)
        following = next(known, None)
        for place, row in enumerate(batch.rows()):
            if following is not None and following[0] == place:
                if following[1] in entries:
                    yield row, entries[following[1]]
                following = next(known, None)

    @cached_property
    def unsent(self) -> tuple[Missing, ...]:
        """The manifest's points that were never on the wire as they are."""
        return _grouped((row, self.missing_as(row)) for row in self.missing())

    @cached_property
    def unnamed(self) -> Missing | None:
        """The manifest's lines that cannot be told apart from others; None when there are none."""
        if self.handed is None or not self.handed.unnamed:
            return None
        lines = (row for row in self.handed.rows() if row.kind is not Kind.TIMED)
        groups = _grouped(
            (row, ("", None)) for row in lines if row.kind is Kind.UNTIMED or not self.has_sent(digest_of(row.loose))
        )
        return groups[0] if groups else None

    def missing(self) -> Iterator[Row]:
        """Yield each point of the manifest that was never on the wire as it is; the manifest is read again for it."""
        if self.handed is not None and not all(map(self.has_sent, self.handed.digests())):
            for row in self.handed.rows():
                if row.kind is Kind.TIMED and not self.has_sent(digest_of(row.loose)):
                    yield row

    def missing_as(self, row: Row) -> tuple[str, Evidence | None]:
        """Say how a point that was never sent may have been sent after all, and what was reported of it by name."""
        return self._likeness(row.loose), self.account.of_point(digest_of(row.loose))

    def has_sent(self, digest: int) -> bool:
        """Whether a line was on the wire as it is, in whatever database."""
        return any(digest ^ salt in self._roll for salt in self._salts.values())

    @cached_property
    def account(self) -> Account:
        """What the application was told; points are known to it by their digests."""
        return Account(self.history, self.named_by, _Known(self))

    def named_by(self, text: bytes) -> Iterator[int]:
        """Yield the digests of the points that some lines stand for, and of the lines that are none."""
        return (digest_of(row.loose) for row in read(text, self.dialect))

    def knows(self, digest: int) -> bool:
        """Whether something was on the wire, or is a point with a timestamp that was handed over."""
        if self.handed is not None and self.handed.has_point(digest):
            return True
        return self.has_sent(digest)

    def next_send(self, send: Send) -> Send | None:
        """Give the first send after a reply left that carries the same batch or a point of it; None if there is none.

        Sends that were under way when the reply left do not count: they were not made in its knowledge.
        """
        found = self._after(send.carries.sends, send)
        for entry in send.carries.entries:
            if entry.timed:
                other = self._after(entry.sends, send)
                if other is not None and (found is None or other < found):
                    found = other
        return None if found is None else self.sends[found]

    def next_of(self, entry: Entry, send: Send) -> Send | None:
        """Give the first send of an entry after a reply left; None if there is none."""
        found = self._after(entry.sends, send)
        return None if found is None else self.sends[found]

    def repeats(self, send: Send) -> Iterator[Send]:
        """Yield each send of the same body to the same target after a reply left, in order."""
        attempts = send.carries.sends
        for position in range(bisect_right(attempts, send.index), len(attempts)):
            other = self.sends[attempts[position]]
            if other.event.exchange.at >= send.ended and not other.cut:
                yield other

    def _after(self, indices: Sequence[int], send: Send) -> int | None:
        for position in range(bisect_right(indices, send.index), len(indices)):
            if self.sends[indices[position]].event.exchange.at >= send.ended:
                return indices[position]
        return None

    def _sends(self) -> Iterator[Send]:
        events = [event for event in self.history.events if event.exchange.path not in {HEALTH, PING}]
        cut = {index for index, event in enumerate(events) if is_cut(event)}
        whole: dict[Hashable, list[int]] = defaultdict(list)
        for index, event in enumerate(events if cut else ()):
            if index not in cut:
                whole[_target(event), event.exchange.body.data.partition(b"\n")[0]].append(index)
        for index, event in enumerate(events):
            completed = _completion(index, events, whole) if index in cut else None
            carried = event if completed is None else events[completed]
            name = f"{event.batch}+" if index in cut and completed is None else carried.batch
            batch = self._all.get(name)
            if batch is None:
                batch = self._all[name] = Batch(self, name, carried)
            batch.sends.append(index)
            yield Send(index, event, batch, index in cut, _named(event))

    def take(self, batch: Batch) -> tuple[int, int]:
        """Read the lines of a batch and keep what is known of each; give where their digests begin, and their count."""
        start, salt = len(self._digests), self._salt(batch.database)
        kinds, numbers, held = bytearray(), array("q"), array("b")
        holding = self._holding if self._holding is not None and self._holding.covers(batch.source.exchange) else None
        for place, row in enumerate(rows_of(batch.source, batch.name, self.dialect)):
            bare = hash(row.loose) if row.kind is Kind.WHOLE else digest_of(row.loose)
            digest = bare ^ salt
            self._digests.append(digest)
            kinds.append(row.kind)
            numbers.append(row.line)
            self._roll.add(digest)
            if holding is not None:
                held.append(holding.copies(row.loose) if row.kind is Kind.TIMED else UNKNOWN)
            if row.kind is Kind.WHOLE:
                batch.doubt = row.doubt
            elif row.kind is not Kind.FOREIGN:
                self._take_types(batch, place, row.loose)
        batch.kinds = bytes(kinds) if any(kinds) else b""
        batch.held = held
        count = len(kinds)
        # Most bodies have one point on each line.
        straight = range(1, count + 1)
        batch.numbers = straight if numbers == array("q", straight) else numbers
        return start, count

    def _take_types(self, batch: Batch, place: int, loose: Any) -> None:
        shape = batch.database, loose[0], tuple([field[:2] for field in loose[3]])
        if shape not in self._shapes:
            self._shapes.add(shape)
            fields = self.types.setdefault(shape[:2], {})
            for name, kind in shape[2]:
                fields.setdefault(name, {}).setdefault(kind, (batch, place))

    def digests(self, start: int, count: int) -> Sequence[int]:
        """Give the digests of some lines that follow one another."""
        return self._digests[start : start + count]

    def _salt(self, database: str) -> int:
        return self._salts.setdefault(database, hash(("database", database)))

    def _joined(self) -> Mapping[int, int]:
        """Follow what stands on several lines through all sends: the number of its trace by its digest."""
        shared = dict.fromkeys(self._roll.repeated(), 0)
        places: dict[str, Sequence[int]] = {}
        for batch in self._all.values() if shared else ():
            kinds = batch.kinds or bytes(batch.lines)
            found = (
                place
                for place, (digest, kind) in enumerate(zip(batch.digests, kinds, strict=True))
                if kind in _SHARED and digest in shared
            )
            places[batch.name] = array("l", found)
        for send in self.sends if shared else ():
            batch = send.carries
            for place in places[batch.name]:
                digest = batch.digest(place)
                shared[digest] = self._traces.after(shared[digest], send, send.part(batch.numbers[place]))
        return shared

    def _traced(self, batch: Batch) -> Iterator[tuple[int, int, int, Trace]]:
        """Yield place, digest, kind and trace of each point of a batch, those that stand on several lines once."""
        if batch.ordinary is None:
            batch.ordinary = self._traces.of((index, Part.ORDINARY) for index in batch.sends)
        odd = _NONE.union(*(self.sends[index].named for index in batch.sends))
        if odd and batch.apart is None:
            batch.apart = {}
        seen: set[int] = set()
        kinds = batch.kinds or repeat(Kind.TIMED, batch.lines)
        for place, (digest, kind) in enumerate(zip(batch.digests, kinds, strict=True)):
            trace = batch.ordinary
            if kind in _SHARED and digest in self._shared:
                if digest in seen:
                    continue
                seen.add(digest)
                trace = self._traces.trace(self._shared[digest])
            elif batch.apart is not None and (line := batch.numbers[place]) in odd:
                parts = tuple(self.sends[index].part(line) for index in batch.sends)
                if parts not in batch.apart:
                    batch.apart[parts] = self._traces.of(zip(batch.sends, parts, strict=True))
                trace = batch.apart[parts]
            if batch.held and batch.held[place] != UNKNOWN:
                trace = self._traces.as_held(trace, batch.held[place])
            yield place, digest, kind, trace

    def _known(self, batch: Batch) -> Iterator[tuple[int, _Facts]]:
        """Yield the place of each point of a batch, and all that is known of it."""
        salt, handed, named = self._salt(batch.database), self.handed, self.account.of_point
        for place, digest, kind, trace in self._traced(batch):
            bare = digest ^ salt
            doubt = ""
            if not trace.stored:
                doubt = batch.doubt or trace.doubt
                if not doubt and kind == Kind.UNTIMED and self._twins.get(digest, -1) > trace.sends[-1]:
                    doubt = _TWIN
            yield place, (trace, kind, None if handed is None else handed.times(bare), named(bare), doubt)

    def entries_of(self, batch: Batch) -> Iterator[Entry]:
        """Yield the entries of a batch, in the order of their first lines."""
        counts: Counter[_Facts] = Counter()
        places: dict[_Facts, list[int]] = defaultdict(list)
        for place, facts in self._known(batch):
            counts[facts] += 1
            if counts[facts] <= SHOWN:
                places[facts].append(place)
        for (trace, kind, times, named, doubt), first in places.items():
            if doubt != CUT or not self._saw_everything:
                count = counts[trace, kind, times, named, doubt]
                yield Entry(batch, Kind(kind), trace, times, named, doubt, count, tuple(first))

    @cached_property
    def _saw_everything(self) -> bool:
        """Whether every point handed over was seen, so that what a cut upload held is judged where it was seen."""
        return self.handed is not None and not self.unsent and self.unnamed is None

    @cached_property
    def _twins(self) -> Mapping[int, int]:
        """For lines without a timestamp that were not stored in some batch: the last send that stored an equal one."""
        untimed = [batch for batch in self.batches.values() if batch.untimed]
        wanted = {digest for batch in untimed for _, digest, _, trace in self._traced(batch) if not trace.stored}
        twins: dict[int, int] = {}
        for batch in untimed if wanted else ():
            for _, digest, _, trace in self._traced(batch):
                if trace.stored and digest in wanted:
                    twins[digest] = max(twins.get(digest, -1), trace.stored_last)
        return twins

    @cached_property
    def _strangers(self) -> Roll:
        """The measurements and times of all points on the wire that nobody handed over as they are."""
        found = Roll()
        handed = self.handed
        if handed is None:
            return found
        for batch in self.batches.values():
            salt = self._salt(batch.database)
            # Only what differs from the manifest is read again.
            if not all(handed.times(digest ^ salt) for digest in batch.digests):
                for row, digest in zip(batch.rows(), batch.digests, strict=True):
                    if row.kind in _POINTS and not handed.times(digest ^ salt):
                        found.add(_moment(row.loose))
        return found

    def _likeness(self, loose: Any) -> str:
        """Say how a point that was never sent may have been sent; empty when nothing on the wire is like it."""
        measurement, _, timestamp, _ = loose
        if _moment((measurement, (), None, ())) in self._strangers:
            return "points of its measurement were sent without a timestamp"
        if any(_moment((measurement, (), timestamp - timestamp % unit, ())) in self._strangers for unit in _UNITS):
            return "a point of its measurement and time was sent with other tags, fields or precision"
        return ""


class _Known:
    """The points of a run, as a container of their digests."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, int) and self._ledger.knows(digest)


def _grouped(rows: Iterable[tuple[Row, tuple[str, Evidence | None]]]) -> tuple[Missing, ...]:
    found: dict[tuple[str, Evidence | None], list[tuple[int, str]]] = {}
    counts: Counter[tuple[str, Evidence | None]] = Counter()
    for place, (row, alike) in enumerate(rows):
        counts[alike] += 1
        first = found.setdefault(alike, [])
        if len(first) < SHOWN:
            first.append((place, row.shown))
    return tuple(Missing(doubt, named, counts[doubt, named], tuple(first)) for (doubt, named), first in found.items())


def _facts(entry: Entry) -> _Facts:
    return entry.trace, entry.kind, entry.times, entry.named, entry.doubt


def _named(event: Event) -> frozenset[int]:
    """Give the lines that the decision or upstream refused."""
    deliver, outcome = event.decision.deliver, event.outcome
    upstream = outcome.refused if outcome is not None else ()
    if not (event.decision.refused or upstream or isinstance(deliver, Lines)):
        return _NONE
    named = {refusal.line for refusal in (*event.decision.refused, *upstream)}
    return frozenset(named.union(deliver.refused if isinstance(deliver, Lines) else ()))


def _moment(loose: Any) -> int:
    """Give measurement and time of a point as a number; without a time, the measurement alone."""
    return hash((loose[0], str(loose[2])))


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
    beginning = prefix(event)
    first, whole_line, _ = beginning.partition(b"\n")
    candidates = whole.get((_target(event), first), ()) if whole_line else ()
    for position in range(bisect_right(candidates, index), len(candidates)):
        candidate = events[candidates[position]]
        if (declared is None or candidate.wire_size == int(declared)) and candidate.exchange.body.data.startswith(
            beginning
        ):
            return candidates[position]
    return None
