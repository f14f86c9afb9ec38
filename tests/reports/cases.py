"""Results to be reported: of histories that were judged, and any that a run may come to."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from faultlab.oracles import judge
from faultlab.reports import Asked, Result, Standing
from faultlab.verdict import Counts, Judgement, Level, Verdict
from tests.test_reports import CALM, GUILTY, crashes, without_traceback

any_run = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
"""How tests draw runs: each is some hundred draws, so fewer of them, and as long as they take."""

GUILTY_RUN = replace(Result.of(judge(GUILTY), GUILTY), history="faultlab-runs/rate-limit-7")
CALM_RUN = replace(Result.of(judge(CALM), CALM), scenario="calm", history="faultlab-runs/calm-7")
CRASHED_RUN = replace(Result.of(without_traceback(judge(CALM, (crashes,))), CALM), history="faultlab-runs/calm-8")


def tolerated(result: Result, name: str, because: str) -> Result:
    """Give a result in which one oracle's failure is tolerated, and all that follows from it."""
    oracles = tuple(
        replace(asked, standing=Standing.TOLERATED, because=because) if asked.name == name else asked
        for asked in result.oracles
    )
    return replace(result, oracles=oracles, verdict=verdict_of(oracles, result.reasons))


def verdict_of(oracles: tuple[Asked, ...], reasons: tuple[str, ...]) -> Verdict:
    """Give the verdict that oracles and reasons come to."""
    weights = {Standing.FAIL: Verdict.FAIL, Standing.INCONCLUSIVE: Verdict.INCONCLUSIVE}
    found = [weights.get(asked.standing, Verdict.PASS) for asked in oracles]
    return max([*found, Verdict.INCONCLUSIVE if reasons else Verdict.PASS])


def warned(result: Result, name: str) -> Result:
    """Give a result in which one oracle's failure is a warning."""
    oracles = tuple(
        replace(asked, standing=Standing.WARNING, level="should") if asked.name == name else asked
        for asked in result.oracles
    )
    return replace(result, oracles=oracles)


MIXED_RUN = tolerated(warned(GUILTY_RUN, "waits_as_told"), "loses_nothing_silently", "known since 1.4, issue 12")
"""A failure, a warning, a tolerated failure, a doubt, oracles that passed and oracles that were not tested."""

ALL_RUNS = (CALM_RUN, MIXED_RUN, CRASHED_RUN, GUILTY_RUN)

HOSTILE = (
    "|",
    "`",
    "```\n",
    "~~~",
    "\\",
    "\\|",
    "</details>",
    "<script>",
    "<!--",
    "]]>",
    "&amp;",
    "%0A",
    "\r\n",
    "\n\n# ",
    "::error::",
    "##[error]",
    "@octocat",
    "#12",
    "](http://x.example)",
    "{0}",
    "\x00",
    "\x1b[31m",
    "\ud800",
    "\ufffe",
    "\u2028",
    "😀",
    ",",
    ":",
    '"',
)


def texts() -> st.SearchStrategy[str]:
    """Give short texts, simple ones first, most of them hostile to some format."""
    anything = st.text(st.characters(codec=None), max_size=20)
    hostile = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=3), max_size=6).map("".join)
    return st.text("ab", max_size=5) | hostile | anything


def judgements_of(verdict: Verdict, words: st.SearchStrategy[str]) -> st.SearchStrategy[Judgement]:
    """Give judgements of one verdict."""
    points = st.lists(words, max_size=2).map(tuple)
    return st.builds(Judgement, st.just(verdict), words, st.none() | st.integers(1, 9), st.just(""), points)


@st.composite
def asked(draw: st.DrawFn, words: st.SearchStrategy[str]) -> Asked:
    """Give an oracle in any standing, with judgements that fit it."""
    standing = draw(st.sampled_from(Standing))
    failed = st.sampled_from([Verdict.FAIL])
    verdict = draw(
        {
            Standing.PASS: st.just(Verdict.PASS),
            Standing.FAIL: failed,
            Standing.WARNING: failed,
            Standing.TOLERATED: failed,
            Standing.INCONCLUSIVE: st.just(Verdict.INCONCLUSIVE),
            Standing.UNDECIDED: st.sampled_from([None, Verdict.INCONCLUSIVE]),
        }[standing]
    )
    least = 0 if standing is Standing.INCONCLUSIVE else 1
    judgements = (
        () if verdict is None else tuple(draw(st.lists(judgements_of(verdict, words), min_size=least, max_size=3)))
    )
    counts = {one: sum(judgement.verdict is one for judgement in judgements) for one in Verdict}
    return Asked(
        draw(words),
        draw(st.sampled_from(Level)).value,
        draw(words),
        draw(words),
        standing,
        verdict,
        counts,
        judgements,
        draw(words) if standing is Standing.INCONCLUSIVE and draw(st.booleans()) else "",
        draw(words) if standing is Standing.TOLERATED else "",
    )


@st.composite
def results(draw: st.DrawFn, words: st.SearchStrategy[str] | None = None) -> Result:
    """Give a run whose verdict is what its oracles and reasons come to.

    Shrinks towards a pass of nothing.
    """
    words = texts() if words is None else words
    oracles = tuple(draw(st.lists(asked(words), max_size=4)))
    reasons = tuple(draw(st.lists(words, max_size=2)))
    return Result(
        verdict_of(oracles, reasons),
        draw(words),
        draw(st.integers(0, 3)),
        draw(words),
        draw(words),
        Counts(1, 1, 1),
        {draw(words): 1},
        oracles,
        reasons,
        history=draw(words),
        command=("app",),
        seconds=draw(st.none() | st.floats(0, 1e6)),
    )
