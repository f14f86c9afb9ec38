"""What every Python driver does: takes the manifest tick by tick, and reports what its client told the application.

It runs in the client's own environment, so it needs nothing but the standard library.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

URL = os.environ["INFLUX_HOST"]
TOKEN = os.environ["INFLUX_TOKEN"]
ORG = os.environ["INFLUX_ORG"]
BUCKET = os.environ["INFLUX_BUCKET"]

# Clients call back from threads of their own.
_turn = threading.Lock()
failed = False
"""Whether the client told of a failure; a driver then ends with exit status 1."""


def ticks() -> Iterator[list[str]]:
    """Yield the lines of each tick, those with one timestamp, once all of them are declared to be handed over."""
    text = Path(os.environ["FAULTLAB_INPUT"]).read_text(encoding="utf-8")
    Path(os.environ["FAULTLAB_MANIFEST"]).write_text(text, encoding="utf-8")
    for _, lines in itertools.groupby(text.splitlines(), key=lambda line: line.rpartition(" ")[2]):
        yield list(lines)


def tell(told: str, lines: list[str] | str | bytes = "", message: object = "") -> None:
    """Report what the application was told of some lines: ``ok``, ``failed``, ``error`` if of none in particular."""
    global failed  # noqa: PLW0603 - one program, one fate
    if isinstance(lines, bytes):
        lines = lines.decode()
    text = lines if isinstance(lines, str) else "\n".join(lines)
    with _turn, Path(os.environ["FAULTLAB_REPORT"]).open("a", encoding="utf-8") as report:
        failed = failed or told != "ok"
        report.write(json.dumps({"told": told, "message": str(message)[:2000], "lines": text}) + "\n")


def call(lines: list[str], write: Callable[[], object]) -> None:
    """Write by a call that returns or raises, and report which."""
    try:
        write()
    except Exception as problem:  # noqa: BLE001 - whatever it is, the application has heard of it
        tell("failed", lines, f"{type(problem).__name__}: {problem}")
    else:
        tell("ok", lines)


def points() -> Iterator[list[tuple[str, dict[str, str], dict[str, float], int]]]:
    """Yield each tick as points for clients that take no line protocol: measurement, tags, fields, nanoseconds.

    The manifest has no escapes, and floats only.
    """
    for lines in ticks():
        out = []
        for line in lines:
            series, fields, time = line.split(" ")
            measurement, *tags = series.split(",")
            pairs = (pair.split("=") for pair in fields.split(","))
            values = {key: float(value) for key, value in pairs}
            out.append((measurement, dict(tag.split("=") for tag in tags), values, int(time)))
        yield out
