"""Markdown: what is shown, and that no text from outside is anything but text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from faultlab import reports
from faultlab.reports import Result
from faultlab.reports.markdown import LIMIT
from faultlab.verdict import KEPT, Judgement, Verdict
from tests.reports.cases import ALL_RUNS, CALM_RUN, GUILTY_RUN, HOSTILE, any_run, results
from tests.test_reports import golden

SUMMARY = re.compile(r"<summary>(PASS|FAIL|INCONCLUSIVE) <code>[^<>\n]*</code></summary>")
CODE = {"code_inline", "fence"}


def tokens(text: str) -> list[Token]:
    """Give the document's tokens as a reader with tables and HTML has them, those inside lines in their place."""
    parsed = MarkdownIt("commonmark").enable("table").parse(text)
    return [inner for token in parsed for inner in (token.children if token.type == "inline" else [token]) or ()]


def outside(text: str) -> list[tuple[str, str]]:
    """Give the type of each token, and the content of all that is no code, summaries without the run's name."""
    return [
        (token.type, "" if token.type in CODE else SUMMARY.sub("<summary>", token.content)) for token in tokens(text)
    ]


def test_markdown_of_all_kinds_of_finding() -> None:
    """The verdict, a row a run, and the details of those that did not pass, worst first."""
    text = reports.markdown(ALL_RUNS)

    assert golden("reports.md", text) == text


def test_markdown_of_a_calm_run() -> None:
    """Nothing but the table."""
    text = reports.markdown([CALM_RUN])

    assert golden("calm.md", text) == text


def test_markdown_of_no_run() -> None:
    """Nothing judged is never a pass."""
    assert reports.markdown([]).startswith("**faultlab: INCONCLUSIVE** (0 runs: nothing was judged)\n")


def test_markdown_tells_the_worst_first() -> None:
    """Whatever the order of the runs, what failed stands on top."""
    assert reports.markdown(ALL_RUNS[::-1]).index("FAIL") < reports.markdown(ALL_RUNS[::-1]).index("| PASS |")


def hostile(text: str) -> Result:
    """Give a guilty run in which every text is the one given, or the like of it."""
    oracles = tuple(
        replace(
            asked,
            name=text,
            source=text,
            judgements=tuple(replace(one, what=text, points=(text,) * len(one.points)) for one in asked.judgements),
        )
        for asked in GUILTY_RUN.oracles
    )
    reasons = (text,) * len(GUILTY_RUN.reasons)
    return replace(GUILTY_RUN, scenario=text, profile=text, again=text, oracles=oracles, reasons=reasons)


@pytest.mark.parametrize("text", [*HOSTILE, "".join(HOSTILE), "`` ` ```` |", "a\\", "\\`|"])
def test_markdown_of_hostile_text_has_the_same_form(text: str) -> None:
    """Each text is code, and all that stands around it is as it is around a harmless one."""
    assert outside(reports.markdown([hostile("a"), CALM_RUN])) == outside(reports.markdown([hostile(text), CALM_RUN]))


@any_run
@given(st.text(st.characters(codec=None), min_size=1, max_size=30))
def test_markdown_of_any_text_has_the_same_form(text: str) -> None:
    """The same of what nobody thought of."""
    assert outside(reports.markdown([hostile("a")])) == outside(reports.markdown([hostile(text)]))


@any_run
@given(st.lists(results(), max_size=3))
def test_markdown_has_no_html_but_its_own(runs: list[Result]) -> None:
    """One pair of tags for each run that is no pass, one table of as many rows as runs, nothing linked or included."""
    found = [token.type for token in tokens(reports.markdown(runs))]
    bad = sum(run.verdict is not Verdict.PASS for run in runs)

    assert (2 * bad, len(runs) + 1) == (found.count("html_block"), found.count("tr_open"))
    assert set() == set(found) & {"html_inline", "link_open", "image", "list_item_open", "heading_open"}


def test_the_form_can_differ() -> None:
    """A table that breaks is told from one that does not."""
    assert outside("| a |\n| --- |\n| `b` |") != outside("| a |\n| --- |\n| `b | c` |")
    assert outside("`a`") != outside("a@b")


@pytest.mark.parametrize("letter", ["x", "😀", "`", "|"])
def test_markdown_fits_into_a_comment(letter: str) -> None:
    """Hundreds of runs with long judgements are shown as far as there is room, and what is left out is told."""
    long = letter * 3000
    oracles = tuple(
        replace(
            asked,
            name=long,
            cases={Verdict.FAIL: KEPT, Verdict.PASS: 0, Verdict.INCONCLUSIVE: 0},
            judgements=(Judgement(Verdict.FAIL, long, points=(long,) * 20),) * 20,
        )
        for asked in GUILTY_RUN.oracles
    )
    text = reports.markdown(
        [replace(GUILTY_RUN, scenario=long, again=long * 3, oracles=oracles, reasons=(long,) * 40)] * 300
    )

    assert LIMIT // 3 < len(text.encode()) <= LIMIT
    assert re.search(r"\n\nLeft out, because the text would be too long: \d+ rows, \d+ detailed runs\.$", text)
    assert 2 <= [token.type for token in tokens(text)].count("html_block")


def test_markdown_tells_of_a_command_it_does_not_show() -> None:
    """One that is cut could be pasted."""
    text = reports.markdown([replace(GUILTY_RUN, again="x" * 5000)])

    assert ("(the command has 5000 characters; the JSON report has it)" in text, "xxx" in text) == (True, False)


def test_markdown_has_the_command_in_a_fence() -> None:
    """It can be copied as it is."""
    [command] = [token.content for token in tokens(reports.markdown([GUILTY_RUN])) if token.info == "sh"]

    assert f"{GUILTY_RUN.again}\n" == command
