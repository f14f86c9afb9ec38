"""The README is true: its commands run, and print what it shows."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import environment, timeless

PROJECT = Path(__file__).parent.parent
TEXT = (PROJECT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)
CONSOLE = [block for kind, block in BLOCKS if kind == "console"]


def parts(block: str) -> tuple[str, list[str]]:
    """Give a block's command, and the lines it is shown to print."""
    first, *shown = block.strip("\n").split("\n")
    return first.removeprefix("$ "), shown


def expected_status(command: str, shown: list[str]) -> int:
    """Give what a command ends with that shows this: 1 after a failed verdict or, from lint, a refused line."""
    if command.startswith("faultlab lint"):
        [refused] = re.findall(r"^\d+ points? accepted, (\d+) lines? refused", shown[-1])
        return int(refused != "0")
    return int("verdict: FAIL" in shown)


@pytest.mark.parametrize("block", [block for block in CONSOLE if "mitmdump" not in block])
def test_a_command_prints_what_is_shown(block: str, tmp_path: Path) -> None:
    """Every line shown stands in the output, in that order, and the exit status is what the last word shown says."""
    command, shown = parts(block)
    words = shlex.split(command)
    if words[:2] == ["faultlab", "run"]:
        words[2:2] = ["--history", str(tmp_path / "h")]
    done = subprocess.run(
        words, cwd=PROJECT, env=environment(), capture_output=True, text=True, check=False, timeout=120
    )
    printed = iter([timeless(line) for line in done.stdout.splitlines()])

    assert all(timeless(line) in printed for line in shown), done.stdout + done.stderr
    assert expected_status(command, shown) == done.returncode


@pytest.mark.parametrize("block", [block for block in CONSOLE if "mitmdump" in block])
def test_a_proxy_starts_as_shown(block: str, tmp_path: Path) -> None:
    """The proxy listens and ends well when it is asked to."""
    command, shown = parts(block)
    process = subprocess.Popen(
        [*shlex.split(command), "--set", f"confdir={tmp_path}"],
        cwd=PROJECT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if shown[0] in line:
            break
    # Its start is over when it answers; until then an error of ours could still stop it.
    process.send_signal(signal.SIGTERM)
    printed += process.communicate(timeout=60)[0]

    assert shown[0] in printed
    assert 0 == process.returncode, printed


def test_the_suite_passes(tmp_path: Path) -> None:
    """The Python block is a test file that passes as it stands."""
    [suite] = [block for kind, block in BLOCKS if kind == "python"]
    (tmp_path / "test_suite.py").write_text(suite)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "test_suite.py")],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_first_commands_are_targets_that_exist() -> None:
    """The first block names ``make demo`` and ``make test``, and make knows both."""
    kind, block = BLOCKS[0]
    targets = re.findall(r"^make (\w+)", block, re.MULTILINE)

    assert ("sh", ["demo", "test"]) == (kind, targets)
    for target in targets:
        subprocess.run(["make", "-n", target], cwd=PROJECT, check=True, capture_output=True, timeout=60)


def test_every_link_leads_somewhere() -> None:
    """Each relative link is a file of the project."""
    links = re.findall(r"\]\(([^)#:]+)\)", TEXT)

    assert links
    assert [] == [link for link in links if not (PROJECT / link).exists()]


def test_every_exit_status_is_explained() -> None:
    """The table has exactly the statuses the command line can end with."""
    from faultlab.exits import Exit  # noqa: PLC0415

    assert sorted(Exit) == sorted(int(number) for number in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE))
