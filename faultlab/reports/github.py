"""The verdicts as workflow commands, which GitHub shows as annotations.

Each line is a command of its own: no text from outside can end one or begin another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from faultlab.reports.result import Asked, Result, Standing
from faultlab.reports.wording import (
    clean,
    clipped,
    counted,
    distinct,
    one_line,
    reasons,
    source_of,
    standing,
    story,
)

SHOWN = 10
"""How many annotations of one kind GitHub shows of one step."""

_ERROR, _WARNING, _NOTICE = "error", "warning", "notice"
_KINDS = {
    Standing.FAIL: _ERROR,
    Standing.INCONCLUSIVE: _ERROR,
    Standing.WARNING: _WARNING,
    Standing.TOLERATED: _NOTICE,
}
_TITLE = 200
_MESSAGE = 2_000
_JUDGEMENTS = 3
_POINTS = 3


@dataclass(frozen=True, slots=True)
class _Annotation:
    kind: str
    weight: int
    about: str
    title: str
    message: str
    file: str


def github(results: Sequence[Result]) -> str:
    """Give one command a line, without a last line feed: an error, a warning, or a notice of what is tolerated.

    Of each kind there are as many as GitHub shows, the worst first, and of those that weigh alike one of every oracle
    before a second of any. A last notice counts what was left out. Runs in which nothing went wrong give no line.
    """
    names = distinct(one_line(result.name) for result in results)
    found = [one for name, result in zip(names, results, strict=True) for one in _annotations(name, result)]
    met: Counter[tuple[str, int, str]] = Counter()
    order = []
    for one in found:
        order.append((one.weight, met[one.kind, one.weight, one.about]))
        met[one.kind, one.weight, one.about] += 1
    ranked = [one for _, one in sorted(zip(order, found, strict=True), key=lambda pair: pair[0])]
    lines, left_out = [], []
    for kind in (_ERROR, _WARNING, _NOTICE):
        ours = [one for one in ranked if one.kind == kind]
        # The one notice that counts the rest is a notice too.
        room = SHOWN - (kind == _NOTICE)
        lines += [_command(one) for one in ours[:room]]
        left_out += [counted(len(ours) - room, kind)] if len(ours) > room else []
    if left_out:
        lines.append(f"::notice title=faultlab::Left out, because GitHub shows no more: {', '.join(left_out)}")
    return "\n".join(lines)


def _annotations(name: str, result: Result) -> Iterator[_Annotation]:
    file, again = clean(source_of(result)), f"reproduce: {clean(result.again)}"
    for asked in result.oracles:
        stands = standing(asked)
        if stands in _KINDS:
            weight = 2 if stands is Standing.FAIL else 0
            yield _Annotation(_KINDS[stands], -weight, asked.name, f"{name}: {_said(asked)}", _told(asked, again), file)
    why = reasons(result)
    if why:
        text = "\n".join((*why, again))
        yield _Annotation(_ERROR, -1, "", f"{name}: no pass", clipped(text, _MESSAGE), file)


def _said(asked: Asked) -> str:
    word = {Standing.INCONCLUSIVE: "inconclusive: ", Standing.TOLERATED: "tolerated: "}.get(standing(asked), "")
    return f"{word}{one_line(asked.name)}"


def _told(asked: Asked, again: str) -> str:
    told = "\n".join(story(asked, _JUDGEMENTS, _POINTS))
    return f"{clipped(told, _MESSAGE)}\n{clipped(again, _MESSAGE)}"


def _command(one: _Annotation) -> str:
    properties = f"title={_property(clipped(one.title, _TITLE))}"
    if one.file:
        properties += f",file={_property(one.file)}"
    return f"::{one.kind} {properties}::{_data(one.message)}"


def _data(text: str) -> str:
    """Escape what a message may not have as it is."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape what the value of a property may not have as it is."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
