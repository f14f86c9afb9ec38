"""Clients that take no time, and scenarios that each bring out another verdict of them."""

from __future__ import annotations

from pathlib import Path

CURL = """curl -sS -o /dev/null -H 'Authorization: Token {token}' '{url}/api/v2/write?bucket={bucket}' -d 'm f=1 1'"""
"""Writes once, and takes whatever it is told for an answer."""

TWICE = f'sh -c "{CURL} && {CURL}"'
"""Writes the same twice."""

PERSISTENT = CURL.replace("curl", "curl --fail --retry 9 --retry-delay 1 --retry-all-errors", 1)
"""Writes until it is told a success, and fails otherwise."""

ONCE = """\
rules: []
checks: [keeps_the_request_budget]
client: {attempts: 1}
"""
"""A scenario in which a second sending is one too many, which only should not be."""


DOWN = """\
rules: [{fault: unavailable}]
"""
"""A scenario in which nothing ever gets through."""


def gate_file(folder: Path, command: str, *scenarios: str, more: str = "") -> Path:
    """Write a gate file, and the scenarios ``once.yaml`` and ``down.yaml`` beside it."""
    (folder / "once.yaml").write_text(ONCE)
    (folder / "down.yaml").write_text(DOWN)
    file = folder / "gate.yaml"
    quoted = command.replace("'", "''")
    file.write_text(f"command: '{quoted}'\nscenarios: [{', '.join(scenarios)}]\n{more}")
    return file
