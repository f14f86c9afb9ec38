"""The verdicts as Markdown, for a comment on a pull request or the summary of a CI job.

Text that comes from outside stands in code only, inline or fenced: there it mentions nobody, links nowhere and is no
HTML, whatever is in it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence

from faultlab.reports.result import Asked, Result, Standing
from faultlab.reports.wording import (
    clean,
    clipped,
    counted,
    distinct,
    one_line,
    reasons,
    standing,
    story,
    tally,
    worst,
)
from faultlab.verdict import Verdict

LIMIT = 60_000
"""Most bytes of the whole: a comment on GitHub takes 65,536 characters, a job's summary 1 MiB."""

TABLE = 20_000
RUN = 20_000
"""Most bytes of the table's rows, and of the details of one run."""

_NAME = 120
_NAMES = 5
_JUDGEMENTS = 5
_POINTS = 5
_LINE = 400
_COMMAND = 4_000
_WORDS = {
    Standing.FAIL: "failed",
    Standing.INCONCLUSIVE: "inconclusive",
    Standing.WARNING: "warning",
    Standing.TOLERATED: "tolerated",
}


def markdown(results: Sequence[Result]) -> str:
    """Give a line with the verdict, a table of the runs, and details of each run that is no pass, worst first.

    At most ``LIMIT`` bytes of UTF-8; the last line says what was left out.
    """
    names = distinct(clipped(one_line(result.name), _NAME) for result in results)
    runs = sorted(zip(names, results, strict=True), key=lambda run: -run[1].verdict)
    bad = [run for run in runs if run[1].verdict is not Verdict.PASS]
    rows = _fitting((_row(*run) for run in runs), TABLE)
    head = "\n".join(
        (
            f"**faultlab: {worst(results).name}** ({tally(results)})",
            "",
            "| run | verdict | what failed |",
            "| --- | --- | --- |",
            *rows,
        )
    )
    blocks = _fitting((_block(*run) for run in bad), LIMIT - _size(head) - _NAME)
    left_out = [
        f"{counted(count, noun)}"
        for count, noun in ((len(runs) - len(rows), "row"), (len(bad) - len(blocks), "detailed run"))
        if count
    ]
    tail = (f"Left out, because the text would be too long: {', '.join(left_out)}.",) if left_out else ()
    return "\n\n".join((head, *blocks, *tail))


def _row(name: str, result: Result) -> str:
    told = [
        f"{word}: {_names([asked.name for asked in result.oracles if standing(asked) is stands])}"
        for stands, word in _WORDS.items()
        if any(standing(asked) is stands for asked in result.oracles)
    ]
    why = reasons(result)
    told += [counted(len(why), "reason")] if why else []
    return f"| {_cell(name)} | {result.verdict.name} | {'; '.join(told)} |"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(_cell(clipped(one_line(name), _NAME)) for name in names[:_NAMES]) + more


def _block(name: str, result: Result) -> str:
    """Give the details of one run, as many of its oracles as fit."""
    summary = f"<summary>{result.verdict.name} <code>{html.escape(name, quote=False)}</code></summary>"
    profile = clipped(one_line(result.profile), _NAME) or "none"
    notes = "".join(f"; {_code(clipped(one_line(note), _LINE))}" for note in result.notes)
    about = f"{_code(profile)}, {counted(result.counts.exchanges, 'exchange')}{notes}"
    sections = [*_reasons(result), *(_section(asked) for asked in _worst_first(result.oracles))]
    again = clean(result.again)
    short = len(again) <= _COMMAND
    last = _fenced((again,), "sh") if short else f"(the command has {len(again)} characters; the JSON report has it)"
    frame = f"<details>\n{summary}\n\nProfile {about}.", f"Run it again:\n\n{last}\n\n</details>"
    kept = _fitting(sections, RUN - sum(map(_size, frame)) - _NAME)
    rest = len(sections) - len(kept)
    more = (f"And {counted(rest, 'section')} that would make this too long.",) if rest else ()
    return "\n\n".join((frame[0], *kept, *more, frame[1]))


def _worst_first(oracles: Iterable[Asked]) -> list[Asked]:
    order = list(_WORDS)
    told = [asked for asked in oracles if standing(asked) in _WORDS]
    return sorted(told, key=lambda asked: order.index(standing(asked)))


def _reasons(result: Result) -> Iterator[str]:
    why = reasons(result)
    if why:
        shown = [clipped(reason, _LINE) for reason in why[:_JUDGEMENTS]]
        more = [f"and {len(why) - len(shown)} more"] if len(why) > len(shown) else []
        yield f"**No pass, because**\n\n{_fenced((*shown, *more))}"


def _section(asked: Asked) -> str:
    head = f"**{_WORDS[standing(asked)]}**: {_code(clipped(one_line(asked.name), _NAME))}"
    source = f" ({asked.level}; {_code(clipped(one_line(asked.source), _LINE))})" if asked.source else ""
    # Of a traceback, the one text of several lines, the last ones say most.
    lines = [
        clipped(line, _LINE)
        for text in story(asked, _JUDGEMENTS, _POINTS)
        for line in text.splitlines()[-3 * _JUDGEMENTS :]
    ]
    return f"{head}{source}\n\n{_fenced(lines)}"


def _code(text: str) -> str:
    """Give one line of text as inline code, which ends where it is meant to whatever backticks it has."""
    shown = one_line(text)
    ticks = _ticks(shown, 1)
    edge = " " if not shown or shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{edge}{shown or ' '}{edge}{ticks}"


def _cell(text: str) -> str:
    """Give inline code for a cell, with a broken bar for each bar: behind a backslash no escape of one is safe."""
    return _code(text.replace("|", "¦"))


def _fenced(lines: Iterable[str], language: str = "text") -> str:
    text = "\n".join(lines)
    ticks = _ticks(text, 3)
    return f"{ticks}{language}\n{text}\n{ticks}"


def _ticks(text: str, least: int) -> str:
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))


def _size(text: str) -> int:
    return len(text.encode())


def _fitting(pieces: Iterable[str], room: int) -> list[str]:
    """Give the first pieces that fit into so many bytes, two for what stands between them included."""
    kept = []
    for piece in pieces:
        room -= _size(piece) + 2
        if room < 0:
            break
        kept.append(piece)
    return kept
