"""Whether a field keeps the type that the application gave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from faultlab.ledger import Batch, Ledger
from faultlab.verdict import Judgement, Level, Verdict, oracle

type Name = tuple[str, str]
"""A measurement and a field of it."""


@oracle(level=Level.MUST, source="InfluxDB, line protocol reference: a field's first type stays; the manifest")
def keeps_field_types(ledger: Ledger) -> Iterator[Judgement]:
    """A field is written with the type the application gave it, so no conflict arises that it did not make.

    Looks at: the types of each field of a measurement and database, on the wire and in the manifest.

    Fails: a type on the wire that the manifest does not have for that field; or two types of one field that the
    manifest does not have at all.

    Considered: two types that the manifest has as well are the application's own conflict. Without a manifest two types
    are a doubt.

    To mend: choose the type by the value's type in the language and not by its looks; write integers with ``i``.
    """
    given = None if ledger.handed is None else ledger.handed.types
    for (database, measurement), fields in ledger.types.items():
        yield from _of_measurement(ledger, database, measurement, fields, given)


def _of_measurement(
    ledger: Ledger,
    database: str,
    measurement: str,
    fields: Mapping[str, Mapping[str, tuple[Batch, int]]],
    given: Mapping[Name, set[str]] | None,
) -> Iterator[Judgement]:
    """Yield a judgement for each field that is in trouble, and one for all those that are not."""
    good = 0
    for name, kinds in fields.items():
        known = None if given is None else given.get((measurement, name))
        wrong = [kind for kind in kinds if kind not in known] if known is not None else list(kinds)[1:]
        if not wrong:
            good += 1
            continue
        batch, place = kinds[wrong[0]]
        send = ledger.sends[batch.sends[0]]
        was = next(iter(kinds)) if known is None else ", ".join(sorted(known))
        what = f"field '{name}' of '{measurement}' in '{database}' is {wrong[0]} in exchange {send.seq}, "
        what += f"{'before' if known is None else 'the application gave'} {was}"
        doubt = "" if given is not None else "; nobody recorded what the application gave"
        verdict = Verdict.INCONCLUSIVE if doubt else Verdict.FAIL
        yield Judgement(verdict, what + doubt, send.seq, send.batch, tuple(batch.names([place])))
    if good:
        what = f"no change of type in {good} field{'s' if good > 1 else ''} of '{measurement}' in '{database}'"
        yield Judgement(Verdict.PASS, what)
