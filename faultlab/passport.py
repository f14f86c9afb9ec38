"""What became of each point of a run in the end, and the exchange that decided it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from faultlab.ledger import Entry, Ledger, Row
from faultlab.oracles.loss import fate, fate_of_unsent
from faultlab.oracles.permanence import PERMANENT
from faultlab.verdict import Verdict


class State(enum.StrEnum):
    """How a point ended; refused is a point that a reply refused for good, lost is any other that is not stored."""

    STORED = "stored"
    REPEATED = "stored more than once"
    REFUSED_TOLD = "refused and told"
    REFUSED_UNTOLD = "refused and not told"
    LOST_TOLD = "lost and told"
    LOST_SILENTLY = "lost silently"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Passport:
    """One point: how it ended, which exchange decided that, and how it came there.

    ``exchanges`` are those that carried it, in order. ``decided`` is the first that stored it, else the last, and None
    for a point that was never sent.
    ``copies`` counts what is known to be stored. ``why`` says in a phrase how the state is known.
    """

    point: str
    database: str
    state: State
    decided: int | None
    exchanges: tuple[int, ...]
    batch: str
    copies: int
    handed_over: bool
    why: str


def passports(ledger: Ledger) -> Iterator[Passport]:
    """Yield a passport for each point and each line that is none: those sent in order, then those never sent."""
    for row, entry in ledger.points():
        yield _of_point(ledger, row, entry)
    for row in ledger.missing():
        yield _of_unsent(ledger, row)


def states(ledger: Ledger) -> dict[State, int]:
    """Count the points by how they ended; states that none has are left out, the others in the order of ``State``."""
    counts = dict.fromkeys(State, 0)
    for passport in passports(ledger):
        counts[passport.state] += 1
    return {state: count for state, count in counts.items() if count}


def _of_point(ledger: Ledger, row: Row, entry: Entry) -> Passport:
    verdict, why = fate(ledger, entry)
    last = ledger.sends[entry.sends[-1]]
    decided = last if entry.stored_by is None else ledger.sends[entry.stored_by]
    if entry.stored:
        state = State.STORED if entry.stored == 1 else State.REPEATED
    else:
        state = _missing(verdict, refused=entry.refused or last.status in PERMANENT)
    return Passport(
        point=row.shown,
        database=entry.batch.database,
        state=state,
        decided=decided.seq,
        exchanges=tuple(ledger.sends[index].seq for index in entry.sends),
        batch=last.batch,
        copies=entry.stored,
        handed_over=entry.handed_over,
        why=why,
    )


def _of_unsent(ledger: Ledger, row: Row) -> Passport:
    doubt, named = ledger.missing_as(row)
    verdict, why = fate_of_unsent(ledger, doubt, named)
    return Passport(row.shown, "", _missing(verdict, refused=False), None, (), "", 0, handed_over=True, why=why)


def _missing(verdict: Verdict, *, refused: bool) -> State:
    if verdict is Verdict.INCONCLUSIVE:
        return State.UNKNOWN
    if refused:
        return State.REFUSED_TOLD if verdict is Verdict.PASS else State.REFUSED_UNTOLD
    return State.LOST_TOLD if verdict is Verdict.PASS else State.LOST_SILENTLY


def text(some: Iterable[Passport]) -> Iterator[str]:
    """Yield a line a point: its state, what decided it, how often it was sent, the point itself."""
    for one in some:
        by = "never sent" if one.decided is None else f"exchange {one.decided}"
        sends = len(one.exchanges)
        yield f"{one.state:<22}  {by:<14}  {sends:>3} send{'s' if sends != 1 else ' '}  {one.point}"
