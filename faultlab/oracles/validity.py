"""Whether what a client writes is line protocol, and says what the application gave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from faultlab.ledger import Batch, Entry, Ledger, batch_label, shown
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
    given = None if ledger.handed is None else _given(ledger.handed)
    for batch in ledger.batches.values():
        if batch.entries:
            yield _of_batch(ledger, batch, given)


def _given(handed: Mapping[Any, int]) -> Given:
    found: dict[Identity, dict[str, set[tuple[FieldType, Value]]]] = {}
    for loose in handed:
        if isinstance(loose, tuple):
            names = found.setdefault(loose[:3], defaultdict(set))
            for name, kind, value in loose[3]:
                names[name].add((kind, value))
    return found


def _of_batch(ledger: Ledger, batch: Batch, given: Given | None) -> Judgement:
    first = ledger.sends[batch.sends[0]]
    what = f"{batch_label(batch.name)}, exchange {first.seq}: "
    problem = first.event.problem or first.event.exchange.body.problem
    if problem and not first.cut:
        return Judgement(Verdict.FAIL, f"{what}its body does not decode ({problem})", first.seq, batch.name)
    bad = [entry for entry in batch.entries if isinstance(entry.loose, bytes)]
    own = [entry for entry in bad if given is not None and entry.handed_over]
    foreign = [entry for entry in bad if given is None or not entry.handed_over]
    if foreign:
        what += f"{len(foreign)} of {len(batch.entries)} lines are no {ledger.dialect} line protocol"
        if given is None:
            what += ", and nobody recorded whether the application gave them"
            return Judgement(Verdict.INCONCLUSIVE, what, first.seq, batch.name, shown(foreign))
        return Judgement(Verdict.FAIL, what, first.seq, batch.name, shown(foreign))
    changed = [] if given is None else [(entry, why) for entry in batch.entries if (why := _change(entry, given))]
    if changed:
        what += (
            f"{len(changed)} of {len(batch.entries)} points say something else than was handed over: {changed[0][1]}"
        )
        return Judgement(Verdict.FAIL, what, first.seq, batch.name, shown(entry for entry, _ in changed))
    what += f"no invalid line of {len(batch.entries)}"
    what += f" but {len(own)} that the application gave" if own else ""
    return Judgement(Verdict.PASS, what, first.seq, batch.name)


def _change(entry: Entry, given: Given) -> str:
    """Say how a point differs from what was handed over; empty when it does not, or is not known."""
    loose: Any = entry.loose
    wanted = given.get(loose[:3]) if entry.timed else None
    if wanted is None or entry.handed_over:
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
