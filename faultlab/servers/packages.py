"""Debian's packages of the servers, unpacked into the user's cache and never installed."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from faultlab.clients.environments import cache
from faultlab.clients.packages import PackageError, download, unpack


@dataclass(frozen=True, slots=True)
class Package:
    """One package, in the version that was measured: another one is another server."""

    name: str
    version: str
    program: str

    def fetch(self, servers: Path | None = None) -> Path:
        """Give the server's program, fetched and unpacked into a folder of servers where it is not there yet.

        A folder of its own name is moved into place when it is complete, so whatever was cut short is done again.
        Raises PackageError.
        """
        servers = servers or cache()
        unpacked = servers / f"{self.name}-{self.version}"
        program = unpacked / self.program
        if program.is_file():
            return program
        servers.mkdir(parents=True, exist_ok=True)
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

__all__ = ["ALL", "INFLUXDB1", "VICTORIAMETRICS", "Package"]
