"""The verdicts as SARIF 2.1.0, for what keeps a list of findings and tells new ones from known ones.

One result for each oracle of a run that did not pass. What identifies it is the scenario and the oracle: neither seed,
exchange nor time, so that the same weakness is one alert however often it is found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

import faultlab
from faultlab.reports.result import Result, Standing
from faultlab.reports.wording import clean, clipped, counted, one_line, reasons, standing, story
from faultlab.verdict import Level

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
RUN = "the-run"
"""Identity of the rule for what no oracle is about."""

ROOT = "%SRCROOT%"
"""Name of the folder that relative places are in."""

_LEVELS = {
    Standing.FAIL: "error",
    Standing.INCONCLUSIVE: "warning",
    Standing.WARNING: "warning",
    Standing.TOLERATED: "error",
}
_MESSAGE = 4_000
_JUDGEMENTS = 5
_POINTS = 5


def sarif(results: Sequence[Result], base: Path | None = None) -> str:
    """Give one log of one run, indented, without a last line feed.

    Places below ``base``, the working directory if None, are given relative to it.
    """
    below = Path.cwd() if base is None else base
    rules = _rules(results)
    index = {rule["id"]: at for at, rule in enumerate(rules)}
    found = [one for result in results for one in _results(result, index, below)]
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "faultlab",
                        "version": faultlab.__version__,
                        "semanticVersion": faultlab.__version__,
                        "rules": rules,
                    }
                },
                "invocations": [_invocation(result) for result in results],
                "columnKind": "unicodeCodePoints",
                "results": found,
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _rules(results: Iterable[Result]) -> list[dict[str, Any]]:
    rules: dict[str, dict[str, Any]] = {}
    for result in results:
        for asked in result.oracles:
            name, about = _identity(asked.name), _text(asked.about) or _identity(asked.name)
            source = f"Source: {_text(asked.source) or 'none is given'}."
            rules.setdefault(name, _rule(name, about, source, "error" if asked.level == Level.MUST else "warning"))
        if reasons(result):
            rules[RUN] = _rule(
                RUN, "The run can be judged", "Nothing but the oracles keeps a good run from a pass.", "warning"
            )
    return list(rules.values())


def _rule(identity: str, about: str, more: str, level: str) -> dict[str, Any]:
    return {
        "id": identity,
        "shortDescription": {"text": about},
        "fullDescription": {"text": f"{about}. {more}"},
        # GitHub takes no rule without it.
        "help": {"text": more},
        "defaultConfiguration": {"level": level},
    }


def _identity(name: str) -> str:
    return one_line(name) or "nameless"


def _results(result: Result, index: dict[str, int], base: Path) -> Iterator[dict[str, Any]]:
    for asked in result.oracles:
        stands = standing(asked)
        if stands in _LEVELS:
            lines = story(asked, _JUDGEMENTS, _POINTS)
            made = _result(result, _identity(asked.name), index, base, _LEVELS[stands], lines)
            if stands is Standing.TOLERATED:
                because = one_line(asked.because) or "no reason is given"
                made["suppressions"] = [{"kind": "external", "status": "accepted", "justification": because}]
            yield made
    why = reasons(result)
    if why:
        yield _result(result, RUN, index, base, "warning", ("No pass, because", *why))


def _result(
    result: Result, rule: str, index: dict[str, int], base: Path, level: str, lines: Iterable[str]
) -> dict[str, Any]:
    scenario = one_line(result.scenario) or "nameless"
    digest = hashlib.blake2b(f"{scenario}\n{rule}".encode(), digest_size=16).hexdigest()
    location: dict[str, Any] = {"logicalLocations": [{"name": rule, "fullyQualifiedName": f"{scenario}/{rule}"}]}
    if result.history:
        location = {"physicalLocation": {"artifactLocation": _folder(result.history, base)}, **location}
    return {
        "ruleId": rule,
        "ruleIndex": index[rule],
        "kind": "fail",
        "level": level,
        "message": {"text": _text(clipped("\n".join(lines), _MESSAGE))},
        "locations": [location],
        # GitHub knows the second name only.
        "partialFingerprints": {"faultlabWeakness/v1": digest, "primaryLocationLineHash": f"{digest}:1"},
        "suppressions": [],
        "properties": {
            "scenario": scenario,
            "seed": result.seed,
            "profile": one_line(result.profile),
            "reproduce": clean(result.again),
        },
    }


def _invocation(result: Result) -> dict[str, Any]:
    """Give how one run went; one with reasons did not do what it was for."""
    why = reasons(result)
    return {
        "executionSuccessful": not why,
        "exitCode": result.verdict.exit_status,
        "exitCodeDescription": f"{result.verdict.word}: {counted(len(result.oracles), 'oracle')} asked",
        "commandLine": clean(result.again),
        "toolExecutionNotifications": [{"level": "error", "message": {"text": _text(reason)}} for reason in why],
    }


def _folder(history: str, base: Path) -> dict[str, str]:
    """Give where a folder is, with the stroke that says it is one."""
    path = PurePath(clean(history))
    if path.is_relative_to(base):
        path = path.relative_to(base)
    place = quote(path.as_posix()).rstrip("/") + "/"
    return {"uri": f"file://{place}"} if path.is_absolute() else {"uri": place, "uriBaseId": ROOT}


def _text(text: str) -> str:
    """Give the text of a message: braces are doubled, because one alone holds an argument, and nothing is a link."""
    return clean(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")
