"""The line that reproduces a run."""

from __future__ import annotations

import shlex

from faultlab.history import History


def reproduce(history: History) -> str:
    """Give the command that runs the same again, quoted for a POSIX shell; COMMAND where the history has no command."""
    run = history.run
    words = ["faultlab", "run", str(run.get("scenario") or "SCENARIO"), "--seed", str(run.get("seed", 0))]
    words += ["--profile", str(run.get("profile", "")), "--"]
    return shlex.join([*words, *map(str, run.get("command") or ("COMMAND",))])
