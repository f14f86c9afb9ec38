"""The line that reproduces a run."""

from __future__ import annotations

import shlex

from faultlab.history import History


def reproduce(history: History) -> str:
    """Give the command that runs the same again, quoted for a POSIX shell; COMMAND where the history has no command."""
    run = history.run
    scenario = run.get("source") or run.get("scenario") or "SCENARIO"
    words = ["faultlab", "run", str(scenario), "--seed", str(run.get("seed", 0))]
    words += ["--profile", str(run.get("profile", ""))]
    if run.get("upstream", "origin") not in {"origin", "proxy"}:
        words += ["--upstream", str(run["upstream"])]
    for name in ("org", "bucket"):
        if run.get(name):
            words += [f"--{name}", str(run[name])]
    if run.get("time_scale"):
        words += ["--time-scale", f"{run['time_scale']:g}"]
    if (wanted := run.get("read_back")) is not None:
        words.append("--read-back" if wanted else "--no-read-back")
    if run.get("forward"):
        words.append("--forward")
    if run.get("tls"):
        words.append("--tls")
    words.append("--")
    return shlex.join([*words, *map(str, run.get("command") or ("COMMAND",))])
