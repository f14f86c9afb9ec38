"""The verdict as plain text, for people: a table, the reasons, what went wrong in detail, how to run it again."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from faultlab.coverage import coverage
from faultlab.history import History
from faultlab.reports.notes import notes
from faultlab.reports.reproduce import reproduce
from faultlab.verdict import Finding, Judgement, Verdict, Verdicts

COLUMNS = 100
DETAILED = 10
"""How many judgements of one verdict an oracle's detail shows."""

UNTESTED = "not tested"
_HEAD = f"{'VERDICT':<12}  {'ORACLE':<35}  {'LEVEL':<6}  {'JUDGED':>6}"
_UNDER = " " * 14
_WORST_FIRST = (Verdict.FAIL, Verdict.INCONCLUSIVE)


def text(verdicts: Verdicts, history: History, again: str = "") -> str:
    """Give the report in lines of at most 100 columns, without colour and without a last line feed.

    ``again`` is what reproduces the run, where that is not ``faultlab run``.

    Only the line that reproduces the run and tracebacks may be longer: both are to be copied as they are.
    """
    blocks = [_summary(verdicts, history), _table(verdicts)]
    if verdicts.reasons:
        blocks.append("\n".join(("reasons", *(_wrapped(reason, "- ") for reason in verdicts.reasons))))
    blocks.extend(block for finding in verdicts.findings for block in _details(finding))
    if covered := coverage(history):
        blocks.append("\n".join(("coverage", *(_wrapped(str(one), "- ") for one in covered))))
    blocks.append(f"reproduce\n  {again or reproduce(history)}")
    return "\n\n".join(blocks)


def _summary(verdicts: Verdicts, history: History) -> str:
    run, counts = history.run, verdicts.counts
    fired = ", ".join(f"{name} {count}" for name, count in history.fired.items()) or "none planned"
    seen = ", ".join(
        (
            numbered(counts.exchanges, "exchange"),
            numbered(counts.batches, "batch", "batches"),
            numbered(counts.points, "point"),
        )
    )
    rest = (
        f"scenario {run.get('scenario')}, seed {run.get('seed')}, profile {run.get('profile')}",
        f"{seen}; faults fired: {fired}",
        *notes(history),
    )
    return "\n".join((f"verdict: {verdicts.verdict.name}", *(_wrapped(line) for line in rest)))


def _table(verdicts: Verdicts) -> str:
    untested = ", ".join(finding.oracle.name for finding in verdicts.findings if finding.verdict is None)
    rows = (line for finding in verdicts.findings for line in _rows(finding))
    return "\n".join((_HEAD, *rows, *((_wrapped(f"{UNTESTED}: {untested}"),) if untested else ())))


def _rows(finding: Finding) -> Iterator[str]:
    """Yield the row of an oracle, and under a pass the first case it rests on; failures stand in detail below.

    One that nobody asked and that found nothing to judge has none.
    """
    if finding.verdict is None:
        return
    name, level = finding.oracle.name, finding.oracle.level
    yield f"{finding.verdict.name:<12}  {name:<35}  {level:<6}  {finding.judged:>6}"
    evidence = _evidence(finding)
    if evidence:
        yield textwrap.fill(evidence, COLUMNS, initial_indent=_UNDER, subsequent_indent=_UNDER, break_on_hyphens=False)


def _evidence(finding: Finding) -> str:
    if finding.crashed:
        return "crashed; see below"
    if not finding.judged:
        return "nothing to judge"
    return finding.first[0].what if finding.verdict is Verdict.PASS else ""


def _details(finding: Finding) -> Iterator[str]:
    for verdict in _WORST_FIRST:
        found = finding.first_of(verdict)[:DETAILED]
        if found:
            head = f"{verdict.name} {finding.oracle.name} ({finding.oracle.level}: {finding.oracle.source})"
            lines = [line for judgement in found for line in _judgement(judgement)]
            more = finding.cases[verdict] - len(found)
            lines += [f"- and {more} more"] if more > 0 else []
            yield "\n".join((_wrapped(head), *lines))
    if finding.crashed:
        yield f"CRASHED {finding.oracle.name}\n{textwrap.indent(finding.crashed.rstrip(), '  ')}"


def _judgement(judgement: Judgement) -> Iterator[str]:
    yield _wrapped(judgement.what, "- ")
    for point in judgement.points:
        yield f"    {point if len(point) <= COLUMNS - 4 else point[: COLUMNS - 5] + '…'}"


def _wrapped(line: str, mark: str = "") -> str:
    return textwrap.fill(line, COLUMNS, initial_indent=mark, subsequent_indent="  ", break_on_hyphens=False)


def numbered(count: int, one: str, many: str = "") -> str:
    """Give a number of things in words."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"
