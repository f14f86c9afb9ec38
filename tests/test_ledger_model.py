"""The ledger against a plain one, which holds every point by what it says and every send of it in a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from faultlab.exchange import Deliver, Effect, Everything, Lines, Nothing, Twice
from faultlab.history import Ended, Event
from faultlab.ledger import CUT, Batch, Kind, Ledger, Part, Roll, Row, Send, digest_of, read
from tests.builders import history, sent

TEXTS = (
    "m,k=a v=1 1",
    "m,k=a v=1.0 1",
    "m,k=a v=1i 1",
    "m,k=a v=1,w=2 1",
    "m,k=a w=2,v=1 1",
    "m,k=b v=1 1",
    "m,k=a v=1 -1",
    "m,k=a v=1 -2",
    "m,k=a v=1",
    "m,k=b v=2",
    "n v=t 1000",
    "no line",
    "worse",
    "# a comment",
)


@dataclass
class Plain:
    """One point as a book-keeper without cares for room has it."""

    row: Row
    database: str
    sends: list[int] = field(default_factory=list)
    copies: list[int | None] = field(default_factory=list)
    refused: bool = False
    acknowledged: bool = False

    @property
    def stored(self) -> int:
        """Count the copies known to be stored."""
        return sum(filter(None, self.copies))

    @property
    def stored_last(self) -> int:
        """Give the last send known to have stored one, or -1."""
        return max((index for index, copies in zip(self.sends, self.copies, strict=True) if copies), default=-1)


def plain(ledger: Ledger) -> list[Plain]:
    """Read the sends one after the other, and each line of each."""
    points: dict[Hashable, Plain] = {}
    for send in ledger.sends:
        batch = send.carries
        for row in batch.rows():
            key = points.setdefault(key_of(batch, row), Plain(row, batch.database))
            part = send.part(row.line)
            key.sends.append(send.index)
            key.copies.append(send.copies(part))
            key.refused = key.refused or part is not Part.ORDINARY
            key.acknowledged = key.acknowledged or send.acknowledges(part)
    return list(points.values())


def key_of(batch: Batch, row: Row) -> Hashable:
    """Say what a line is known by."""
    if row.kind in {Kind.TIMED, Kind.FOREIGN}:
        return batch.database, row.loose
    return batch.name, row.line


def doubt_of(one: Plain, points: list[Plain], sends: tuple[Send, ...]) -> str:
    """Say why a point may be stored although that is not known."""
    if one.stored:
        return ""
    unknown = [index for index, copies in zip(one.sends, one.copies, strict=True) if copies is None]
    if one.row.doubt or unknown:
        return one.row.doubt or f"what upstream stored of exchange {sends[unknown[0]].seq} is not known"
    twins = [
        other.stored_last
        for other in points
        if other.row.kind is Kind.UNTIMED and (other.database, other.row.loose) == (one.database, one.row.loose)
    ]
    if one.row.kind is Kind.UNTIMED and max(twins) > one.sends[-1]:
        return "an equal line without a timestamp was stored with another batch"
    return ""


BODIES = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=5).map("\n".join)
DELIVERIES: st.SearchStrategy[Deliver | None] = st.sampled_from(
    [None, None, None, Twice(), Nothing(), Everything(), Lines((1,)), Lines((2, 3))]
)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Draw requests that share bodies, lines and databases."""
    bodies = draw(st.lists(BODIES, min_size=1, max_size=4))
    found = []
    for seq in range(1, draw(st.integers(2, 7))):
        body = draw(st.sampled_from(bodies))
        found.append(
            sent(
                seq,
                body,
                draw(st.sampled_from([204, 204, 201, 400, 413, 429, 503, None])),
                deliver=draw(DELIVERIES),
                refused=draw(st.sampled_from([(), (), (1,), (2, 4)])),
                effect=draw(st.sampled_from([None, None, *Effect])),
                ended=draw(st.sampled_from([None, None, Ended.CLIENT_LEFT])),
                declared=draw(st.sampled_from([None, None, None, len(body), len(body) + 9])),
                query=(("bucket", draw(st.sampled_from("bbc"))),),
                settled=draw(st.sampled_from([True, True, True, False])),
            )
        )
    return found


@given(events=events(), manifest=st.none() | st.lists(st.sampled_from(TEXTS), max_size=8).map("\n".join))
def test_it_says_of_each_point_what_a_plain_one_says(events: list[Event], manifest: str | None) -> None:
    """Sends, copies, refusals, acknowledgements, doubts and how often it was handed over."""
    ledger = Ledger(history(*events, manifest=manifest))
    points = plain(ledger)
    given = None if manifest is None else Counter(row.loose for row in read(manifest.encode(), ledger.dialect))
    seen = given is not None and not ledger.unsent and ledger.unnamed is None
    expected = Counter(
        (
            one.row.loose,
            one.database,
            tuple(one.sends),
            one.stored,
            one.stored_last >= 0,
            one.refused,
            one.acknowledged,
            doubt_of(one, points, ledger.sends),
            None if given is None else given[one.row.loose],
        )
        for one in points
        if not (seen and doubt_of(one, points, ledger.sends) == CUT)
    )
    found = Counter(
        (
            row.loose,
            entry.batch.database,
            entry.sends,
            entry.stored,
            entry.stored_by is not None,
            entry.refused,
            entry.acknowledged,
            entry.doubt,
            entry.times,
        )
        for row, entry in ledger.points()
    )

    assert expected == found
    assert ledger.size == sum(found.values())


@given(events=events(), manifest=st.lists(st.sampled_from(TEXTS), max_size=8).map("\n".join))
def test_what_was_never_sent_is_what_no_body_has(events: list[Event], manifest: str) -> None:
    """Each point of the manifest is on the wire, or missing once for each time it was handed over."""
    ledger = Ledger(history(*events, manifest=manifest))
    sent_ones = {one.row.loose for one in plain(ledger)}
    handed = list(read(manifest.encode(), ledger.dialect))
    missing = [row.loose for row in handed if row.kind is Kind.TIMED and row.loose not in sent_ones]

    assert missing == [row.loose for row in ledger.missing()]
    assert len(missing) == sum(some.count for some in ledger.unsent)


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)))
def test_a_roll_counts_like_a_counter(numbers: list[int]) -> None:
    """Which numbers are there, how often, and which more than once; additions may follow questions."""
    half = len(numbers) // 2
    roll = Roll(numbers[:half])
    assert all(number in roll for number in numbers[:half])
    for number in numbers[half:]:
        roll.add(number)
    counted = Counter(numbers)

    assert [counted[number] for number in range(-4, 5)] == [roll.count(number) for number in range(-4, 5)]
    assert counted == Counter({number: roll.count(number) for number in numbers})
    assert {number for number, times in counted.items() if times > 1} == set(roll.repeated())
    assert sorted(numbers) == sorted(roll)
    assert len(numbers) == len(roll)
    assert [number in counted for number in range(-4, 5)] == [number in roll for number in range(-4, 5)]


def test_digests_tell_points_apart_that_hashes_do_not() -> None:
    """Hashes of -1 and -2 are the same, as are those of 0 and 2**61 - 1; digests of points that have them are not."""
    rows = [f"m v={value}i {time}" for value in (0, -1, -2, 2**61 - 1) for time in (0, -1, -2, 2**61 - 1)]
    digests = [digest_of(row.loose) for row in read("\n".join(rows).encode(), "influxdb2")]

    assert 16 == len(set(digests))


def test_digests_are_of_what_a_line_says_and_not_of_how() -> None:
    """Order of tags and fields, the spelling of numbers and the sign of zero make no other point."""
    spelt = ["m,a=1,b=2 v=0,w=10 5", "m,b=2,a=1 w=1e1,v=-0 5", "m,a=1,b=2 w=10.0,v=0.0 5"]
    digests = [digest_of(row.loose) for row in read("\n".join(spelt).encode(), "influxdb2")]

    assert [digests[0]] * 3 == digests
