"""Checks types as an installed user's type checker sees them: everything is resolved in an environment with the wheel.

    make types

``strategies`` and ``addons`` are ``faultlab.strategies`` and ``faultlab.addons`` only once they are installed, so a
checkout alone cannot be checked. Dependencies are those of the lock file.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.packaging.environments import PROJECT, CommandError, build, make, run, uv

CHECKED = ("faultlab", "strategies", "addons", "tests")


def main() -> int:
    """Give mypy's exit status, or 1 with one line where it could not be asked."""
    with tempfile.TemporaryDirectory(prefix="faultlab-types-") as name:
        folder = Path(name)
        try:
            wheel = build(folder).wheel
            locked = folder / "locked.txt"
            groups = ["--all-groups", "--no-group", "bench"]  # what only the benchmarks are measured against
            export = ["export", "--quiet", "--frozen", *groups, "--no-hashes", "--no-emit-project"]
            run([uv(), *export, "--output-file", locked], cwd=PROJECT)
            environment = make(folder / "environment")
            environment.install("--requirement", locked, wheel)
            mypy = environment.run(["mypy", "--cache-dir", os.devnull, *CHECKED], cwd=PROJECT, expected=None)
        except CommandError as problem:
            print(f"types: {problem}", file=sys.stderr)
            return 1
    print(mypy.stdout + mypy.stderr, end="")
    return mypy.returncode


if __name__ == "__main__":
    sys.exit(main())
