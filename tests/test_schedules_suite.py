"""The suite of ``examples/test_schedules.py``: it passes with a real client, and shrinks what is planted into it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

EXAMPLE = Path(__file__).parent.parent / "examples" / "test_schedules.py"
TOLD = 'scope.was_told("failed", str(refusal), line)'


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """Give a folder whose pytest runs are processes of their own."""
    pytester.makefile(".ini", pytest="[pytest]\naddopts = -p no:cacheprovider\n")
    return pytester


def test_two_hundred_examples_pass(suite: pytest.Pytester) -> None:
    """A real client that tells of each failure is found guilty in none of 200, each of which met a proxy."""
    suite.makepyfile(EXAMPLE.read_text())
    result = suite.runpytest_subprocess("--hypothesis-show-statistics", "--faultlab-history", "past")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*200 passing, 0 failing*"])
    assert 200 < len(list(suite.path.glob("past/*/events.jsonl")))


def test_a_planted_defect_is_shrunk_to_one_fault(suite: pytest.Pytester) -> None:
    """A program that takes one status for a success is shown with one line and one fault, that of this status."""
    text = EXAMPLE.read_text()
    assert TOLD in text
    suite.makepyfile(text.replace(TOLD, 'scope.was_told("ok" if refusal.status == 503 else "failed", "", line)'))
    result = suite.runpytest_subprocess()

    result.assert_outcomes(failed=1)
    shown = result.stdout.str()
    assert re.search(r"payload=Batch\(body=b'[^\\]*\\n', precision='ns'\)", shown)
    assert re.search(r"schedule=Schedule\(\[unavailable\w* 503[^,]*\], profile='oss2'\)", shown)
    assert "1 exchange, 1 batch, 1 point;" in shown
    assert re.search(r"FAIL +loses_nothing_silently|FAIL +tells_the_truth", shown)
