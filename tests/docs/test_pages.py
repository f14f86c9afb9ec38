"""What stands between fences does what the page says: commands print what is shown, code runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, blocks, environment, shown, timeless

PROJECT = DOCS.parent
PAGES = {page.relative_to(DOCS).as_posix(): page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))}
RUN = [name for name, text in PAGES.items() if any(block.kind == "console" for block in blocks(text))]
CODE = [
    pytest.param(block.text, id=f"{name}-{number}")
    for name, text in PAGES.items()
    for number, block in enumerate(blocks(text), 1)
    if block.kind == "python" and not block.file
]


@pytest.mark.parametrize("name", RUN)
def test_commands_print_what_is_shown(name: str, tmp_path: Path) -> None:
    """In a folder with the page's files and the examples, every line shown stands in the output, in that order."""
    (tmp_path / "examples").symlink_to(PROJECT / "examples")
    for block in blocks(PAGES[name]):
        if block.file:
            (tmp_path / block.file).write_text(block.text)
        for one in shown(block) if block.kind == "console" else ():
            done = subprocess.run(
                ["bash", "-c", one.command],
                cwd=tmp_path,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                check=False,
                timeout=180,
            )
            printed = iter([timeless(line) for line in done.stdout.splitlines()])
            missing = [line for line in one.lines if timeless(line) not in printed]
            assert ([], one.status) == (missing, done.returncode), f"{one.command}\n{done.stdout}"


@pytest.mark.parametrize("code", CODE)
def test_code_runs(code: str) -> None:
    """A block of Python runs as it stands, its assertions included."""
    exec(compile(code, "block", "exec"), {"__name__": "block"})  # noqa: S102 - it is our own document
