"""Many runs as plain text, for a terminal: one line a run, and what failed below."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from faultlab.reports.result import Asked, Result, Standing
from faultlab.verdict import Verdict

COLUMNS = 100
SHOWN = 3
"""How many judgements of an oracle are shown."""

_LOUD = (Standing.FAIL, Standing.INCONCLUSIVE, Standing.WARNING, Standing.TOLERATED)
_OF = {Standing.INCONCLUSIVE: Verdict.INCONCLUSIVE}


def summary(results: Sequence[Result]) -> str:
    """Give the runs in lines of at most 100 columns but for those to be copied, without a last line feed."""
    return "\n\n".join(
        (
            "\n".join((f"{'VERDICT':<12}  {'RUN':<32}  {'SECONDS':>7}  EXCHANGES", *map(line, results))),
            *("\n".join(_details(result)) for result in results if result.verdict is not Verdict.PASS),
        )
    )


def line(result: Result) -> str:
    """Give the line of one run."""
    took = "" if result.seconds is None else f"{result.seconds:.1f}"
    aside = [asked.name for asked in result.oracles if asked.standing in {Standing.WARNING, Standing.TOLERATED}]
    said = f"  ({', '.join(aside)})" if aside else ""
    return f"{result.verdict.name:<12}  {result.name:<32}  {took:>7}  {result.counts.exchanges:>9}{said}".rstrip()


def _details(result: Result) -> Iterator[str]:
    yield f"{result.verdict.name} {result.name}"
    for reason in result.reasons:
        yield _wrapped(reason, "  - ")
    for asked in result.oracles:
        if asked.standing in _LOUD and (asked.judged or asked.crashed):
            yield from _asked(asked)
    yield f"  reproduce: {result.again}"
    if result.history:
        yield f"  history: {result.history}"


def _asked(asked: Asked) -> Iterator[str]:
    verdict = _OF.get(asked.standing, Verdict.FAIL)
    because = f" ({asked.because})" if asked.because else ""
    yield _wrapped(f"{asked.standing} {asked.name}{because}", "  ")
    first = asked.first_of(verdict)[:SHOWN]
    for judgement in first:
        yield _wrapped(judgement.what, "    - ")
    more = asked.cases.get(verdict, 0) - len(first)
    if more > 0:
        yield f"    - and {more} more"
    if asked.crashed:
        yield "    - crashed; faultlab judge shows the traceback"


def _wrapped(text: str, mark: str) -> str:
    return textwrap.fill(text, COLUMNS, initial_indent=mark, subsequent_indent=" " * len(mark), break_on_hyphens=False)
