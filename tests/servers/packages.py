"""Debian's packages of the servers, unpacked into ``.servers/`` and never installed.

    python -m tests.servers.packages

fetches what is missing. apt decides where from; nothing of the system is changed, and no rights are needed.
"""

from __future__ import annotations

import fcntl
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from faultlab.clients.packages import PackageError, download, unpack

SERVERS = Path(__file__).parent.parent.parent / ".servers"
"""Where the servers lie. ``make clean`` removes it."""


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
                    self._unpack(Path(part), servers / "apt")
                    (Path(part) / "unpacked").rename(unpacked)
        return program

    def _unpack(self, part: Path, apt: Path) -> None:
        [package] = download({self.name: self.version}, part, apt)
        unpack(package, part / "unpacked")
        if not (part / "unpacked" / self.program).is_file():
            raise PackageError(f"cannot unpack {package.name}: there is no {self.program} in it")


INFLUXDB1 = Package("influxdb", "1.6.7", "usr/bin/influxd")
VICTORIAMETRICS = Package("victoria-metrics", "1.79.5", "usr/bin/victoria-metrics")
ALL = (INFLUXDB1, VICTORIAMETRICS)

if __name__ == "__main__":
    try:
        for each in ALL:
            each.fetch()
    except PackageError as failure:
        sys.exit(f"tests.servers: {failure}")
