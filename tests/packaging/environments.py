"""Environments of their own: faultlab built as a stranger would, and installed where its source is out of sight."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
MADE = (".*", "__pycache__", "*.egg-info", "build", "dist", "faultlab-runs")
"""What no package is made of: hidden files, and what targets leave behind in a checkout."""

SHOWN = 4000
"""Characters of a failed command's output that its error keeps."""


class CommandError(Exception):
    """A command did not end as expected; the message has the command, its status and the end of its output."""


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    expected: int | None = 0,
    environment: dict[str, str] | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; raises CommandError for a status other than ``expected``, None allowing any."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as problem:
        raise CommandError(f"{' '.join(words)}: still running after {timeout:g} s") from problem
    if expected is not None and done.returncode != expected:
        said = (done.stdout + done.stderr)[-SHOWN:]
        raise CommandError(f"{' '.join(words)}: status {done.returncode}; expected {expected}\n{said}")
    return done


def uv() -> str:
    """Give the uv this process runs under, else the one on the path; raises CommandError where there is none."""
    found = os.environ.get("UV") or shutil.which("uv")
    if found is None:
        raise CommandError(
            "no uv: neither the variable UV nor the path has one; expected 'make package' or 'make types'"
        )
    return found


@dataclass(frozen=True)
class Built:
    """What a build leaves: the source distribution, and the wheel that was made of it."""

    sdist: Path
    wheel: Path


def build(folder: Path) -> Built:
    """Build in a copy of the project, so that nothing an earlier build left in the checkout gets in."""
    source = folder / "source"
    shutil.copytree(PROJECT, source, ignore=shutil.ignore_patterns(*MADE))
    out = folder / "dist"
    run([uv(), "build", "--quiet", "--python", sys.executable, "--out-dir", out, source], cwd=folder)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return Built(sdist, wheel)


@dataclass(frozen=True)
class Environment:
    """A virtual environment; its programs come first on the path of what runs in it, and nothing else of ours does."""

    folder: Path

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"

    @property
    def variables(self) -> dict[str, str]:
        """Our own variables without those that would show the checkout to a Python process."""
        hidden = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH"}
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        return {**kept, "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    def install(self, *requirements: str | Path) -> None:
        """Install packages and what they need."""
        run([uv(), "pip", "install", "--quiet", "--python", self.python, *requirements], cwd=self.folder)

    def run(
        self, command: Sequence[str | Path], *, cwd: Path, expected: int | None = 0, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the environment's programs; raises CommandError for a status other than ``expected``."""
        words = [self.folder / "bin" / command[0], *command[1:]]
        return run(words, cwd=cwd, expected=expected, environment=self.variables, timeout=timeout)


def make(folder: Path) -> Environment:
    """Make an empty environment with this process's Python."""
    run([uv(), "venv", "--quiet", "--python", sys.executable, folder], cwd=folder.parent)
    return Environment(folder)
