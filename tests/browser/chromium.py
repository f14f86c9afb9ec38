"""Debian's Chromium, unpacked into ``.servers/`` with what it needs and the system lacks, and never installed.

    python -m tests.browser.chromium

fetches it where it is missing. apt decides where from; nothing of the system is changed, and no rights are needed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path

from faultlab.clients.packages import PackageError, download, libraries, unpack
from tests.servers.packages import SERVERS

PACKAGE = "chromium-headless-shell"
PROGRAM = "usr/lib/chromium/chromium-headless-shell"
FOLDER = "chromium"


def fetch(servers: Path = SERVERS) -> Path:
    """Give the browser's program, fetched and unpacked where it is not there yet; raises PackageError.

    A folder is moved into place when it is complete, so whatever was cut short is done again.
    """
    unpacked = servers / FOLDER
    program = unpacked / PROGRAM
    servers.mkdir(exist_ok=True)
    with (servers / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.is_file():
            with tempfile.TemporaryDirectory(prefix="part-", dir=servers) as part:
                whole = Path(part) / "unpacked"
                for package in download({PACKAGE: ""}, Path(part), Path(part) / "apt", with_needs=True):
                    unpack(package, whole)
                if not (whole / PROGRAM).is_file():
                    raise PackageError(f"cannot unpack {PACKAGE}: there is no {PROGRAM} in it")
                shutil.rmtree(unpacked, ignore_errors=True)
                whole.rename(unpacked)
    return program


def environment(program: Path) -> dict[str, str | float | bool]:
    """Give the variables by which a fetched browser finds the libraries that were fetched with it."""
    root = program.parents[len(Path(PROGRAM).parts) - 1]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries(root)))}


if __name__ == "__main__":
    try:
        fetch()
    except PackageError as failure:
        sys.exit(f"tests.browser: {failure}")
