"""Whether what the client reported is what happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from faultlab.history import Report
from faultlab.ledger import Entry, Kind, Ledger, Row, digest_of, read
from faultlab.told import TELLING
from faultlab.verdict import Judgement, Level, Verdict, oracle

STORED = frozenset({"stored", "delivered", "success", "ok"})
"""What a report's ``told`` says when the application was told that points are stored."""

SOME = frozenset({"partial"})
"""What it says when some of the lines it names failed, and nobody said which."""

NAMED = 20


@oracle(level=Level.MUST, source="the report file and the history: what was told against what was stored")
def tells_the_truth(ledger: Ledger) -> Iterator[Judgement]:
    """What the client reports of points is what the ledger has of them.

    Looks at: each line of the report file that names points, against what upstream stored and what the client was told.

    Fails: success told of a point that was neither stored nor acknowledged; failure told of a point that every reply
    acknowledged and that is stored.

    Considered: after a lost reply, or after an attempt that did fail, a client may believe in a failure: that is no lie
    but a doubt. A report that names no points is not judged here, nor is a log line.

    To mend: tell of each point by the reply to the request that carried it last.
    """
    telling = [(number, report) for number, report in enumerate(ledger.history.reports, 1) if _is_judged(report)]
    by_point: dict[int, list[Entry]] = {point: [] for _, report in telling for point, _ in _points(ledger, report)}
    for batch in ledger.batches.values() if by_point else ():
        for point, entry in ledger.entry_of_each(batch):
            if entry.begins_here and point in by_point:
                by_point[point].append(entry)
    for number, report in telling:
        points = dict(_points(ledger, report))
        known = {point: row for point, row in points.items() if by_point[point] or _is_missing(ledger, row)}
        if known:
            yield _of_report(ledger, number, report, known, by_point)


def _is_judged(report: Report) -> bool:
    return bool(report.lines) and report.told in TELLING | STORED


def _points(ledger: Ledger, report: Report) -> Iterator[tuple[int, Row]]:
    for row in read(report.lines.encode(errors="surrogateescape"), ledger.dialect):
        yield digest_of(row.loose), row


def _is_missing(ledger: Ledger, row: Row) -> bool:
    """Whether a point was handed over and certainly never sent."""
    handed = ledger.handed is not None and row.kind is Kind.TIMED and ledger.handed.has_point(digest_of(row.loose))
    return handed and not ledger.missing_as(row)[0]


def _of_report(
    ledger: Ledger, number: int, report: Report, points: Mapping[int, Row], entries: Mapping[int, Sequence[Entry]]
) -> Judgement:
    judge = _of_success if report.told in STORED else _of_failure
    verdicts = [judge(ledger, entries[point]) for point in points]
    # A part that failed is true of many points as soon as it is true of one.
    merged = min(verdicts) if report.told in SOME else max(verdicts)
    wrong = [point for point, verdict in zip(points, verdicts, strict=True) if verdict is merged]
    what = f"report {number} told '{report.told}' of {len(points)} point{'s' if len(points) > 1 else ''}: "
    if merged is Verdict.PASS:
        return Judgement(merged, f"{what}true")
    if report.told in STORED:
        why = "not stored" if merged is Verdict.FAIL else "not known to be stored"
    else:
        why = "stored and acknowledged" if merged is Verdict.FAIL else "stored, after an attempt that failed"
    first = next((entry for point in wrong for entry in entries[point]), None)
    seq = None if first is None else ledger.sends[first.sends[-1]].seq
    named = tuple(points[point].shown for point in wrong[:NAMED])
    return Judgement(merged, f"{what}{len(wrong)} {'are' if len(wrong) > 1 else 'is'} {why}", seq, "", named)


def _of_success(ledger: Ledger, entries: Sequence[Entry]) -> Verdict:
    if any(entry.stored or entry.acknowledged for entry in entries):
        return Verdict.PASS
    return Verdict.INCONCLUSIVE if any(entry.doubt for entry in entries) else Verdict.FAIL


def _of_failure(ledger: Ledger, entries: Sequence[Entry]) -> Verdict:
    if not entries or not all(entry.stored and entry.acknowledged for entry in entries):
        return Verdict.PASS
    sends = [ledger.sends[index] for entry in entries for index in entry.sends]
    return Verdict.FAIL if all(send.got_through for send in sends) else Verdict.INCONCLUSIVE
