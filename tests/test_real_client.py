"""The main job with a real, unmodified client: influxdb-client in batching mode, its defaults but for a small batch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from faultlab import history, oracles, scenario
from faultlab.lab import Lab, Settings
from faultlab.reports import Result

WRITER = Path(__file__).parent.parent / "examples" / "write_batches.py"


def judged(tmp_path: Path, name: str, *, seed: int = 7) -> tuple[history.History, dict[str, Any]]:
    """Run the example's writer under a built-in scenario; give the history and the report."""
    chosen = scenario.load(name)
    plan = chosen.plan(seed=seed)
    settings = Settings(history=tmp_path / "h", scenario=name, source=name, checks=chosen.checks, terms=chosen.terms)
    with Lab(plan, settings) as lab:
        lab.run([sys.executable, str(WRITER)])
        past = history.read(lab.finish())
    return past, Result.of(oracles.judge(past), past).to_json()


def oracle(report: dict[str, Any], name: str) -> dict[str, Any]:
    """Give one oracle's part of a report."""
    return next(one for one in report["oracles"] if one["name"] == name)


def test_rate_limit_is_waited_out(tmp_path: Path) -> None:
    """One judgement for each refused attempt, all of them passes; every point arrives."""
    past, report = judged(tmp_path, "rate-limit")
    refused = [
        event for event in past.events if event.outcome and event.outcome.told and event.outcome.told.status == 429
    ]
    waits = oracle(report, "waits_as_told")["judgements"]

    assert "pass" == report["verdict"], report["reasons"]
    assert len(refused) >= 2
    assert [event.exchange.seq for event in refused] == [judgement["exchange"] for judgement in waits]
    assert {"pass"} == {judgement["verdict"] for judgement in waits}


def test_partial_writes_are_swallowed(tmp_path: Path) -> None:
    """The client takes a 201 for success: each one fails and names the points that are gone."""
    past, report = judged(tmp_path, "partial-write")
    found = oracle(report, "reports_partial_writes")
    refused = [refusal.text for event in past.events for refusal in event.decision.refused]
    named = [point for judgement in found["judgements"] for point in judgement["points"]]

    assert ("fail", "fail") == (report["verdict"], found["verdict"])
    assert sorted(text.rsplit(" ", 1)[1] for text in refused) == sorted(point.rsplit(" ", 1)[1] for point in named)


@pytest.mark.parametrize("name", ["calm", "malformed", "too-large", "type-conflict", "auth"])
def test_what_needs_no_waiting_passes(tmp_path: Path, name: str) -> None:
    """Refusals that no resend can mend reach the application, and nothing is sent again unchanged."""
    _, report = judged(tmp_path, name)

    assert "pass" == report["verdict"], json.dumps(report, indent=2)


def test_the_wire_is_the_manifest_where_there_is_none(tmp_path: Path) -> None:
    """Without a manifest what was seen on the wire counts as handed over, and the verdict is the same."""
    past, report = judged(tmp_path, "partial-write")
    assert past.path is not None
    (past.path / history.MANIFEST).unlink()
    again = history.read(past.path)

    assert report["verdict"] == oracles.judge(again).verdict.word
