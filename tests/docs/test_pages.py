"""What stands between fences does what the page says: commands print what is shown, code runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from faultlab import scenario
from tests.docs.blocks import DOCS, Block, Shown, blocks, environment, shown, timeless

PROJECT = DOCS.parent
PAGES = {page.relative_to(DOCS).as_posix(): page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))}
SCENARIOS = [
    block.text
    for page in PAGES.values()
    for block in blocks(page)
    if block.kind == "yaml" and re.search("^rules:", block.text, re.MULTILINE)
]
ELSEWHERE = {
    "html.md": "its code reads a history that takes half a minute to make",
}
"""Pages whose blocks are not run here, and why."""


def to_run(page: str) -> list[Block]:
    """Give the blocks of a page that are files, commands, or code."""
    return [block for block in blocks(page) if block.file or block.kind in {"console", "python"}]


def done(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, its two outputs in one."""
    return subprocess.run(
        words,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=180,
    )


def differs(one: Shown, folder: Path) -> str:
    """Say how a command does otherwise than shown; nothing if every line shown is printed, in that order."""
    ended = done(["bash", "-c", one.command], folder)
    printed = iter([timeless(line) for line in ended.stdout.splitlines()])
    missing = [line for line in one.lines if timeless(line) not in printed]
    if missing or ended.returncode != one.status:
        return f"{one.command}: status {ended.returncode}, expected {one.status}; no {missing[:1]}\n{ended.stdout}"
    return ""


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if to_run(page) and name not in ELSEWHERE])
def test_a_page_does_what_it_says(name: str, tmp_path: Path) -> None:
    """From top to bottom, in a folder with the examples and the page's own files: commands and code, all as shown."""
    (tmp_path / "examples").symlink_to(PROJECT / "examples")
    wrong = []
    for block in to_run(PAGES[name]):
        if block.file:
            (tmp_path / block.file).write_text(block.text)
        elif block.kind == "python":
            ended = done([sys.executable, "-c", block.text], tmp_path)
            wrong += [f"{block.text}\n{ended.stdout}"] if ended.returncode else []
        else:
            wrong += filter(None, (differs(one, tmp_path) for one in shown(block)))

    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("text", SCENARIOS)
def test_a_scenario_can_be_used(text: str) -> None:
    """Each scenario file on a page is one that ``faultlab run`` takes."""
    assert scenario.parse(text, "page.yaml").plan().rules


def test_what_is_not_run_is_there() -> None:
    """Each exception names a page that has something to run."""
    assert [] == [name for name in ELSEWHERE if not to_run(PAGES.get(name, ""))]
