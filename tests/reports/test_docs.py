"""docs/reports.md is true: its examples are what reports say, and it names every report and every standing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from faultlab import reports
from faultlab.reports import Standing
from faultlab.reports.markdown import LIMIT
from tests.test_reports import GOLDEN

PAGE = (Path(__file__).parent.parent.parent / "docs" / "reports.md").read_text()
EXAMPLES = re.findall(r"<!-- from (\S+) -->\n```\w*\n(.*?)```", PAGE, re.DOTALL)
FORMS = ("json", "junit", "markdown", "github", "sarif", "har")


def test_every_form_has_an_example() -> None:
    """And none is left unchecked: whatever stands in a fence says where it comes from."""
    assert len(FORMS) == len(EXAMPLES) == PAGE.count("```") // 2


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_what_a_report_says(name: str, example: str) -> None:
    """Each of its lines stands in the report, in their order."""
    rest = (GOLDEN / name).read_text()
    for line in filter(None, map(str.strip, example.splitlines())):
        _, found, rest = rest.partition(line)
        assert found, line


def test_every_form_is_listed() -> None:
    """By its option and its function."""
    assert [] == [form for form in FORMS if f"`--{form}" not in PAGE or f"`{form}(" not in PAGE]
    assert [] == [form for form in (*FORMS, "schema", "har_pieces") if form not in reports.__all__]


def test_every_standing_is_listed() -> None:
    """In the table of what each becomes."""
    assert {one.value for one in Standing} == set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))


def test_the_bound_is_the_bound() -> None:
    """How large Markdown may be."""
    assert f"{LIMIT:,}" in PAGE
