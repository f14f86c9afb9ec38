"""Examples run as a reader would: from the project's folder, with an activated environment."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.mitm import Dump

PROJECT = Path(__file__).parent.parent.parent
EXAMPLES = PROJECT / "examples"

OURS = ("FAULTLAB_", "INFLUX", "GITHUB_", "PYTEST_")
"""How the names of variables begin that an example must not get from whoever runs the tests."""


def environment(**given: str) -> dict[str, str]:
    """Give what an activated environment has: its programs first on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **given}


def run(
    command: Sequence[str | Path], *, cwd: Path = PROJECT, given: Mapping[str, str] | None = None, timeout: float = 90
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and give how it ended."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment(**(given or {})),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
    )


@contextlib.contextmanager
def proxy(
    command: Sequence[str | Path],
    *,
    cwd: Path = PROJECT,
    until: str = "proxy to ",
    given: Mapping[str, str] | None = None,
) -> Iterator[Dump]:
    """Start a command that becomes a mitmproxy, and wait until it listens and has said ``until``, or has ended."""
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        env=environment(**(given or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        bufsize=1,
    )
    dump = Dump(process)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            dump.output += line
            if found := re.search(r"proxy to \S+ listening at \S*?:(\d+)", line):
                dump.port = int(found[1])
            if dump.port and until in dump.output:
                break
        else:
            dump.status = process.wait(30)
        yield dump
    finally:
        if dump.status is None:
            dump.stop()
        process.stdout.close()
