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

from tests.servers.packages import QUIET, SERVERS, PackageError, tried

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
                for package in _download(Path(part)):
                    _unpack(package, whole)
                if not (whole / PROGRAM).is_file():
                    raise PackageError(f"cannot unpack {PACKAGE}: there is no {PROGRAM} in it")
                shutil.rmtree(unpacked, ignore_errors=True)
                whole.rename(unpacked)
    return program


def environment(program: Path) -> dict[str, str | float | bool]:
    """Give the variables by which a fetched browser finds the libraries that were fetched with it."""
    root = program.parents[len(Path(PROGRAM).parts) - 1]
    folders = [path for place in root.glob("usr/lib/*-linux-gnu") for path in (place, *place.glob("*/"))]
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, folders))}


def _download(part: Path) -> list[Path]:
    """Download by the system's lists of packages, or else by new ones of our own."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (part / folder).mkdir(parents=True)
    # The system knows what it has; what else is needed goes into our own cache, and nothing is installed.
    own = ("-o", "Debug::NoLocking=true", "-o", f"Dir::Cache={part / 'cache'}")
    command = ["apt-get", *QUIET, *own, "-y", "--no-install-recommends", "--download-only", "install", PACKAGE]
    plain = tried(command, part)
    if plain:
        lists = ("-o", f"Dir::State::lists={part / 'lists'}")
        updated = tried(["apt-get", *QUIET, *own, *lists, "-o", "APT::Update::Error-Mode=any", "update"], part)
        again = updated or tried([*command, *lists], part)
        if again:
            raise PackageError(
                f"cannot get {PACKAGE}: tried 'apt-get --download-only install {PACKAGE}' ({plain}), "
                f"then 'apt-get update' into {part} and the same again ({again})"
            )
    return sorted((part / "cache" / "archives").glob("*.deb"))


def _unpack(package: Path, folder: Path) -> None:
    problem = tried(["dpkg-deb", "-x", str(package), str(folder)], package.parent)
    if problem:
        raise PackageError(f"cannot unpack {package.name}: tried 'dpkg-deb -x' ({problem})")


if __name__ == "__main__":
    try:
        fetch()
    except PackageError as failure:
        sys.exit(f"tests.browser: {failure}")
