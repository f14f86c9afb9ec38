"""The pages of docs/reference/ say what the code says, and nothing is left out of them."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Mapping

import pytest

from faultlab import contract, faults, oracles
from faultlab.pytest_plugin import SETTINGS, FaultLab
from tests.docs.blocks import DOCS

REFERENCE = DOCS / "reference"
PYTEST = (DOCS / "pytest.md").read_text(encoding="utf-8")


def made() -> Mapping[str, str]:
    """Give the pages as docs/generate.py makes them now, by file name."""
    pages: Callable[[], Mapping[str, str]] = runpy.run_path(str(DOCS / "generate.py"))["pages"]
    return pages()


def test_every_page_is_as_the_code_makes_it() -> None:
    """What is committed is what ``python docs/generate.py`` writes."""
    assert made() == {page.name: page.read_text(encoding="utf-8") for page in REFERENCE.iterdir()}


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("faults.md", [kind.name for kind in faults.ALL]),
        ("oracles.md", [one.name for one in oracles.ALL]),
        ("answers.md", [profile.name for profile in contract.ALL]),
    ],
)
def test_every_page_has_a_section_for_each(page: str, expected: list[str]) -> None:
    """Each fault, oracle and profile has its section, in the order of ``ALL``."""
    assert expected == re.findall(r"^## (.+)$", (REFERENCE / page).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_answer_is_listed() -> None:
    """The tables have as many rows as the contract."""
    rows = re.findall(r"^\| `\w+/", (REFERENCE / "answers.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert sum(len(profile.rows) for profile in contract.ALL) == len(rows)


def test_the_table_of_the_fixture_has_all_that_is_public() -> None:
    """Each public name of the fixture stands in the first column, and nothing else does."""
    [table] = re.findall(r"^## The fixture\n\n((?:\|.*\n)+)", PYTEST, re.MULTILINE)
    listed = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)", row.split("|")[1])}
    public = {name for name in dir(FaultLab) if not name.startswith("_")} - {"finish", "end"}

    assert public | {"url", "token", "org", "bucket", "profile", "folder"} == listed


def test_the_table_of_options_has_all() -> None:
    """Each setting stands beside its option; ``replay`` is an option alone."""
    listed = re.findall(r"^\| `--faultlab-(\w+) \w+` \| (?:`faultlab_(\w+)`)?", PYTEST, re.MULTILINE)

    assert [*((name, name) for name in SETTINGS), ("replay", "")] == listed
