"""What stands between fences in a document, what is done with it, and what it is compared by."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent.parent.parent / "docs"

_BLOCK = re.compile(r"(?:^<!-- (file|status): (.+?) -->\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CHANGING = (
    (r"\d+(\.\d+)? (s|MB)\b", r"N \2"),
    (r"\bin \d+\.\d+s\b", "in Ns"),
    (r"(\w\[\d+\]) +\d+\.\d+ +", r"\1  N  "),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\[redacted [0-9a-f]{6}\]", "[redacted TAG]"),
    (r"\d{8}T\d{6}", "TIME"),
    (r"=+ | =+", ""),
)
"""What differs from run to run: times, sizes, ports, tags of secrets, and the width of pytest's headlines."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the file it is to be kept in, the status its last command ends with."""

    kind: str
    text: str
    file: str = ""
    status: int | None = None


@dataclass(frozen=True)
class Shown:
    """A command as a console shows it: its words, the lines it prints, and what it ends with."""

    command: str
    lines: tuple[str, ...]
    status: int


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page that name a language.

    A comment before a block says what cannot be seen: ``<!-- file: NAME -->`` that the block is a file,
    ``<!-- status: N -->`` what its commands end with.
    """
    for what, given, kind, text in _BLOCK.findall(page):
        file = given if what == "file" else ""
        yield Block(kind, text, file, int(given) if what == "status" else None)


def shown(block: Block) -> Iterator[Shown]:
    """Yield the commands of a console block; one that shows a verdict ends with the verdict's status."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *lines = part.replace("\\\n", "").rstrip("\n").split("\n")
        verdicts = [line.removeprefix("verdict: ") for line in lines if line.startswith("verdict: ")]
        by_verdict = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}[verdicts[0]] if verdicts else 0
        yield Shown(command, tuple(lines), by_verdict if block.status is None else block.status)


def environment() -> dict[str, str]:
    """Give what an activated environment has: its programs first on the path."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def timeless(line: str) -> str:
    """Give a line without what differs from run to run."""
    for pattern, instead in _CHANGING:
        line = re.sub(pattern, instead, line)
    return line.rstrip()
