"""The lab and the clients it runs."""

from __future__ import annotations

from pathlib import Path

from tests.labs import plan_of, running


def test_a_client_that_is_gone_at_once_is_measured(tmp_path: Path) -> None:
    """However little time there was to look at it, its memory is known not to be above what was allowed."""
    with running(plan_of(), tmp_path / "h") as lab:
        held = [lab.run(["true"]).memory for _ in range(20)]

    assert all(0 < memory < 1 << 30 for memory in held)
