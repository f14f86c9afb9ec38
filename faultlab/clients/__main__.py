"""Runs one driver, in the place of this process.

    faultlab run rate-limit -- python -m faultlab.clients influxdb-client-batching

What the driver writes is what FAULTLAB_INPUT names, or a manifest of twelve ticks of a thousand points.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from faultlab.clients.drivers import HERE, UnknownDriver, named
from faultlab.clients.environments import UnpreparedError, prepare
from faultlab.clients.manifest import manifest
from faultlab.exits import Exit


def main(arguments: list[str]) -> int:
    """Become the driver that is named, or give an exit status after one line on standard error."""
    if len(arguments) != 1:
        return complain("one name of a client is expected; faultlab clients lists them", Exit.USAGE)
    try:
        command = prepare(named(arguments[0]))
    except UnknownDriver as problem:
        return complain(str(problem), Exit.USAGE)
    except UnpreparedError as problem:
        return complain(str(problem), Exit.ENVIRONMENT)
    beside = os.environ.get("FAULTLAB_REPORT")
    if not beside:
        return complain("FAULTLAB_REPORT is not set; expected to be run by faultlab run", Exit.USAGE)
    if "FAULTLAB_INPUT" not in os.environ:
        file = Path(beside).with_name("input.lp")
        file.write_text(manifest(), encoding="utf-8")
        os.environ["FAULTLAB_INPUT"] = str(file)
    os.environ["PYTHONPATH"] = str(HERE / "python")
    return os.execvp(command[0], command)  # noqa: S606 - a program of ours


def complain(message: str, status: Exit) -> Exit:
    """Say one line on standard error, and give the exit status."""
    sys.stderr.write(f"faultlab: {message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
