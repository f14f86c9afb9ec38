"""The entry point: says in one line what to install where the command line's libraries are missing."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit status."""
    try:
        from faultlab.cli import run  # noqa: PLC0415 - its libraries are an extra
    except ModuleNotFoundError as problem:
        if problem.name is None or problem.name.split(".")[0] == "faultlab":
            raise
        print(f"faultlab: the command line needs {problem.name}; install faultlab[cli]", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
