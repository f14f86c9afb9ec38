"""Words that reports share: why an oracle stands as it does, in one line and in full, and text made harmless."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from faultlab.reports.result import Asked, Result, Standing
from faultlab.verdict import Verdict

SHOWN = 10
"""How many judgements of one verdict an oracle's detail shows."""

_UNHOLDABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WIDEST = 200
_ENDINGS = (".yaml", ".yml", ".json")


def clean(text: str) -> str:
    """Give the text with U+FFFD for what neither XML nor UTF-8 can hold: control characters and lone surrogates."""
    return _UNHOLDABLE.sub("\ufffd", text)


def one_line(text: str) -> str:
    """Give clean text on one line, each run of white space one space."""
    return " ".join(clean(text).split())


def clipped(text: str, most: int) -> str:
    """Give the text, or so many characters of it, the last of them an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def counted(count: int, noun: str) -> str:
    """Give a number and what is counted, with an s unless it is one."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def distinct(names: Iterable[str]) -> Iterator[str]:
    """Yield each name, with a number behind it where it was yielded before: readers keep one of two that are alike."""
    seen: set[str] = set()
    for name in names:
        given, number = name, 1
        while given in seen:
            number += 1
            given = f"{name} ({number})"
        seen.add(given)
        yield given


def worst(results: Sequence[Result]) -> Verdict:
    """Give the verdict of all runs together; of none it is inconclusive, because nothing judged is never a pass."""
    return max((result.verdict for result in results), default=Verdict.INCONCLUSIVE)


def tally(results: Sequence[Result]) -> str:
    """Say how many runs there were and how they ended, worst first."""
    counts = Counter(result.verdict for result in results)
    ended = ", ".join(f"{counts[verdict]} {verdict.word}" for verdict in reversed(Verdict) if counts[verdict])
    return f"{counted(len(results), 'run')}: {ended or 'nothing was judged'}"


def standing(asked: Asked) -> Standing:
    """Give how an oracle stands; one that crashed is inconclusive unless it failed, whatever else is said of it."""
    return Standing.INCONCLUSIVE if asked.crashed and asked.standing is not Standing.FAIL else asked.standing


def headline(asked: Asked) -> str:
    """Say in one line why an oracle stands as it does: the first judgement behind it, and how many more there are."""
    stands = standing(asked)
    if asked.crashed and stands is Standing.INCONCLUSIVE:
        return f"the oracle crashed: {one_line(asked.crashed.rstrip().rpartition(chr(10))[2])}"
    if asked.verdict is None:
        return "nothing to judge, and no check asks for it"
    found = asked.first_of(asked.verdict)
    if not found:
        said = "nothing to judge" if not asked.judged else counted(asked.cases.get(asked.verdict, 0), "case")
    else:
        more = asked.cases.get(asked.verdict, 0) - 1
        said = one_line(found[0].what) + (f"; and {more} more" if more > 0 else "")
    if stands is Standing.TOLERATED:
        return f"{tolerance(asked)}; {said}"
    return said


def detail(asked: Asked, shown: int = SHOWN, points: int | None = None) -> Iterator[str]:
    """Yield the lines that say what failed and what is in doubt, points indented, and the traceback of a crash.

    Of each verdict the first ``shown`` judgements, of each judgement the first ``points`` points, all kept if None.
    """
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        found = asked.first_of(verdict)[:shown]
        for judgement in found:
            yield f"{verdict.word}: {one_line(judgement.what)}"
            kept = judgement.points[:points]
            yield from (f"    {clipped(one_line(point), _WIDEST)}" for point in kept)
            if len(judgement.points) > len(kept):
                yield f"    and {len(judgement.points) - len(kept)} more"
        more = asked.cases.get(verdict, 0) - len(found)
        if found and more > 0:
            yield f"and {more} more that {'fail' if verdict is Verdict.FAIL else 'are inconclusive'}"
    if asked.crashed:
        yield clean(asked.crashed.rstrip())


def story(asked: Asked, shown: int = SHOWN, points: int | None = None) -> list[str]:
    """Give the detail under what it needs to be understood; there is always at least one line."""
    lines = list(detail(asked, shown, points))
    if standing(asked) is Standing.TOLERATED:
        lines.insert(0, tolerance(asked))
    elif asked.crashed and standing(asked) is Standing.INCONCLUSIVE:
        lines.insert(0, headline(asked))
    return lines or [headline(asked)]


def tolerance(asked: Asked) -> str:
    """Say in one line why a failure is tolerated."""
    return f"tolerated: {one_line(asked.because) or 'no reason is given'}"


def reasons(result: Result) -> list[str]:
    """Give why a run is no pass beyond what its oracles found, one line each, ``unexplained`` among them."""
    said = [one_line(reason) or "for a reason that has no words" for reason in result.reasons]
    return [*said, *filter(None, (unexplained(result),))]


def unexplained(result: Result) -> str:
    """Say why a run is no pass where neither an oracle nor a reason does; empty where one does, or it is a pass."""
    told = {Standing.FAIL, Standing.INCONCLUSIVE}
    explained = result.reasons or any(standing(asked) in told for asked in result.oracles)
    if explained or result.verdict is Verdict.PASS:
        return ""
    return f"the verdict is {result.verdict.word}, and neither an oracle nor a reason says why"


def source_of(result: Result) -> str:
    """Give the scenario's file; empty for one that is built in."""
    return result.source if result.source.endswith(_ENDINGS) else ""
