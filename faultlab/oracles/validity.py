"""Whether what a client writes is line protocol, and says what the application gave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from faultlab.ledger import SHOWN, Batch, Kind, Ledger, Row, batch_label, shown, total
from faultlab.lineprotocol import Fields, FieldType, Identity, Value
from faultlab.verdict import Judgement, Level, Verdict, oracle

type Given = Mapping[Identity, Mapping[str, set[tuple[FieldType, Value]]]]
"""What the manifest gives for the fields of each point."""


@oracle(level=Level.MUST, source="InfluxDB, line protocol reference; the manifest")
def writes_valid_lines(ledger: Ledger) -> Iterator[Judgement]:
    """Every body parses as the profile's dialect reads it, and its values are those the application gave.

    Looks at: each batch written; with a manifest, each of its points that the manifest has by measurement, tags and
    timestamp.

    Fails: a body that does not decode; a refused line that is not the application's own; a field with another value
    than the application gave, or that it did not give.

    Considered: without a manifest a refused line may be the application's own, so it is a doubt. A point may be sent
    with some of its fields; one without a timestamp cannot be told from others of its series. The same number as
    another type is the matter of ``keeps_field_types``.

    To mend: escape names and strings, leave out what line protocol cannot say (NaN, infinities, line feeds in names).
    """
    given = _given(ledger)
    for batch in ledger.batches.values():
        if batch.entries:
            yield _of_batch(ledger, batch, given)


def _given(ledger: Ledger) -> Given | None:
    """Give what was handed over for each point that was sent otherwise; None where there is no manifest."""
    if ledger.handed is None:
        return None
    deviating = (row for batch in ledger.batches.values() for row in _deviating(ledger, batch))
    wanted = {_identity(row) for row in deviating}
    found: dict[Identity, dict[str, set[tuple[FieldType, Value]]]] = {}
    for row in ledger.handed.rows() if wanted else ():
        if row.kind is Kind.TIMED and _identity(row) in wanted:
            loose: Any = row.loose
            names = found.setdefault(_identity(row), defaultdict(set))
            for name, kind, value in loose[3]:
                names[name].add((kind, value))
    return found


def _deviating(ledger: Ledger, batch: Batch) -> Iterator[Row]:
    """Yield the points of a batch that nobody handed over as they are."""
    if any(entry.timed and not entry.handed_over for entry in batch.entries):
        yield from (row for row, entry in ledger.points_of(batch) if entry.timed and not entry.handed_over)


def _identity(row: Row) -> Identity:
    loose: Any = row.loose
    measurement, tags, timestamp, _ = loose
    return measurement, tags, timestamp


def _of_batch(ledger: Ledger, batch: Batch, given: Given | None) -> Judgement:
    first = ledger.sends[batch.sends[0]]
    what = f"{batch_label(batch.name)}, exchange {first.seq}: "
    problem = first.event.problem or first.event.exchange.body.problem
    if problem and not first.cut:
        return Judgement(Verdict.FAIL, f"{what}its body does not decode ({problem})", first.seq, batch.name)
    bad = [entry for entry in batch.entries if entry.kind is Kind.FOREIGN]
    own = [entry for entry in bad if given is not None and entry.handed_over]
    foreign = [entry for entry in bad if given is None or not entry.handed_over]
    if foreign:
        what += f"{total(foreign)} of {batch.size} lines are no {ledger.dialect} line protocol"
        if given is None:
            what += ", and nobody recorded whether the application gave them"
            return Judgement(Verdict.INCONCLUSIVE, what, first.seq, batch.name, shown(foreign))
        return Judgement(Verdict.FAIL, what, first.seq, batch.name, shown(foreign))
    changed = [] if given is None else [(row, why) for row in _deviating(ledger, batch) if (why := _change(row, given))]
    if changed:
        what += f"{len(changed)} of {batch.size} points say something else than was handed over: {changed[0][1]}"
        return Judgement(Verdict.FAIL, what, first.seq, batch.name, tuple(row.shown for row, _ in changed[:SHOWN]))
    what += f"no invalid line of {batch.size}"
    what += f" but {total(own)} that the application gave" if own else ""
    return Judgement(Verdict.PASS, what, first.seq, batch.name)


def _change(row: Row, given: Given) -> str:
    """Say how a point differs from what was handed over; empty when it does not, or is not known."""
    loose: Any = row.loose
    wanted = given.get(loose[:3])
    if wanted is None:
        return ""
    fields: Fields = loose[3]
    for name, kind, value in fields:
        known = wanted.get(name)
        if known is None:
            return f"a field '{name}' was not given"
        if not any(value == other and _alike(kind, was) for was, other in known):
            was = ", ".join(sorted(repr(other) for _, other in known))
            return f"field '{name}' is {value!r}, given was {was}"
    return ""


NUMBERS: frozenset[Hashable] = frozenset({"float", "integer", "unsigned"})


def _alike(kind: FieldType, other: FieldType) -> bool:
    return kind == other or {kind, other} <= NUMBERS
