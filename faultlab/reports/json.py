"""The verdict as JSON, for programs."""

from __future__ import annotations

from dataclasses import asdict
from json import dumps
from typing import Any

from faultlab.coverage import coverage
from faultlab.history import History
from faultlab.reports.reproduce import reproduce
from faultlab.verdict import Finding, Judgement, Verdicts


def json(verdicts: Verdicts, history: History) -> str:
    """Give one JSON object, indented, without a last line feed.

    ``verdict`` (pass, inconclusive, fail), ``exit_status``, ``scenario``, ``seed``, ``profile``, ``reproduce`` (a shell
    command), ``counts`` (``exchanges``, ``batches``, ``points``, and ``fired``: how often each rule did), ``reasons``
    (why the run is no pass beyond what the oracles found), and ``oracles``: one object each with ``name``, ``level``,
    ``source``, ``verdict`` (null when not put to the test), ``crashed`` (a traceback, or null), ``cases`` (how many
    came to ``pass``, ``inconclusive`` and ``fail``) and ``judgements``, the first 1,000 of each verdict, each with
    ``verdict``, ``what``, ``exchange`` (or null), ``batch`` (or null) and ``points``. ``coverage`` has one object an
    endpoint when a rule walked the catalogue: ``endpoint``, and ``given`` and ``missing`` answers.
    """
    run = history.run
    return dumps(
        {
            "verdict": verdicts.verdict.word,
            "exit_status": verdicts.verdict.exit_status,
            "scenario": run.get("scenario"),
            "seed": run.get("seed"),
            "profile": run.get("profile"),
            "reproduce": reproduce(history),
            "counts": {**asdict(verdicts.counts), "fired": history.fired},
            "oracles": [_oracle(finding) for finding in verdicts.findings],
            "reasons": list(verdicts.reasons),
            "coverage": [asdict(one) for one in coverage(history)],
        },
        indent=2,
    )


def _oracle(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.oracle.name,
        "level": finding.oracle.level.value,
        "source": finding.oracle.source,
        "verdict": None if finding.verdict is None else finding.verdict.word,
        "crashed": finding.crashed or None,
        "cases": {verdict.word: count for verdict, count in finding.cases.items()},
        "judgements": [_judgement(judgement) for judgement in finding.first],
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "verdict": judgement.verdict.word,
        "what": judgement.what,
        "exchange": judgement.exchange,
        "batch": judgement.batch or None,
        "points": list(judgement.points),
    }
