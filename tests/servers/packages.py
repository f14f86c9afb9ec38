"""Debian's packages of the servers, unpacked into ``.servers/`` and never installed.

    python -m tests.servers.packages

fetches what is missing. apt decides where from; nothing of the system is changed, and no rights are needed.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SERVERS = Path(__file__).parent.parent.parent / ".servers"
"""Where the servers lie. ``make clean`` removes it."""

PATIENCE = 600
"""Seconds that one command of apt may take."""

QUIET = ("-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::http::Timeout=30", "-o", "Acquire::Retries=2")
"""For every call of apt; without a sandbox, because its user may not enter a folder of somebody's home."""


class PackageError(Exception):
    """A server could not be had. One line says what was tried, and what came of it."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package, in the version that was measured: another one is another server."""

    name: str
    version: str
    program: str

    def fetch(self, servers: Path = SERVERS) -> Path:
        """Give the server's program, fetched and unpacked where it is not there yet.

        A folder of its own name is moved into place when it is complete, so whatever was cut short is done again.
        Raises PackageError.
        """
        unpacked = servers / f"{self.name}-{self.version}"
        program = unpacked / self.program
        if program.is_file():
            return program
        servers.mkdir(exist_ok=True)
        with (servers / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not program.is_file():
                for left in servers.glob("part-*"):
                    shutil.rmtree(left)
                with tempfile.TemporaryDirectory(prefix="part-", dir=servers) as part:
                    self._unpack(self._download(Path(part), servers / "apt"), Path(part) / "unpacked")
                    (Path(part) / "unpacked").rename(unpacked)
        return program

    def _download(self, part: Path, apt: Path) -> Path:
        """Download by the system's lists of packages, or else by new ones of our own."""
        wanted = f"{self.name}={self.version}*"
        command = ["apt-get", *QUIET, "download", wanted]
        plain = tried(command, part)
        if plain:
            for folder in ("state/lists/partial", "cache/archives/partial"):
                (apt / folder).mkdir(parents=True, exist_ok=True)
            own = ("-o", f"Dir::State={apt / 'state'}", "-o", f"Dir::Cache={apt / 'cache'}")
            updated = tried(["apt-get", *QUIET, *own, "-o", "APT::Update::Error-Mode=any", "update"], part)
            again = updated or tried([*command, *own], part)
            if again:
                raise PackageError(
                    f"cannot get {self.name} {self.version}: tried 'apt-get download {wanted}' ({plain}), "
                    f"then 'apt-get update' into {apt} and the same again ({again})"
                )
        return next(part.glob("*.deb"))

    def _unpack(self, package: Path, folder: Path) -> None:
        problem = tried(["dpkg-deb", "-x", str(package), str(folder)], package.parent)
        if problem or not (folder / self.program).is_file():
            raise PackageError(
                f"cannot unpack {package.name}: tried 'dpkg-deb -x' ({problem or f'no {self.program} in it'})"
            )


def tried(command: Sequence[str], folder: Path) -> str:
    """Run a command; give why it failed in one line, or nothing."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return " ".join(str(problem).split())
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "dpkg-deb:"))]
    return (lines or [f"status {done.returncode}"])[0]


INFLUXDB1 = Package("influxdb", "1.6.7", "usr/bin/influxd")
VICTORIAMETRICS = Package("victoria-metrics", "1.79.5", "usr/bin/victoria-metrics")
ALL = (INFLUXDB1, VICTORIAMETRICS)

if __name__ == "__main__":
    try:
        for each in ALL:
            each.fetch()
    except PackageError as failure:
        sys.exit(f"tests.servers: {failure}")
