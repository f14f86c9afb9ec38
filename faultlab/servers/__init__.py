"""Real servers that a lab starts for itself: as Debian packages them, on loopback, empty, and gone with the lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from faultlab.clients.packages import PackageError
from faultlab.servers import influxdb1, victoriametrics
from faultlab.servers.packages import INFLUXDB1, VICTORIAMETRICS, Package
from faultlab.servers.process import Process, ServerError, workspace


@dataclass(frozen=True, slots=True)
class Kind:
    """One server that can be started. ``endpoints`` says which of InfluxDB's writes it takes, for a client's family."""

    package: Package
    started: Callable[[Path, Path], AbstractContextManager[tuple[Process, int]]]
    takes_v2: bool


KINDS: Mapping[str, Kind] = {
    "influxdb1": Kind(INFLUXDB1, influxdb1.started, takes_v2=False),
    "victoriametrics": Kind(VICTORIAMETRICS, victoriametrics.started, takes_v2=True),
}
"""By the names that stand where the URL of an upstream may stand."""


EXPECTED = f"a URL such as http://127.0.0.1:8086, or one of {', '.join(KINDS)}"
"""What an upstream may be, in words."""


def is_upstream(given: str) -> bool:
    """Whether a text is a URL, or names a server that can be started."""
    return given in KINDS or given.startswith(("http://", "https://"))


class UnstartedError(Exception):
    """A server could not be started; the message is one line."""


@contextmanager
def started(name: str) -> Iterator[str]:
    """Run a server while the context lasts, and give its URL; raises UnstartedError."""
    kind = KINDS[name]
    try:
        program = kind.package.fetch()
        with workspace(name) as folder, kind.started(program, folder) as (_, port):
            yield f"http://127.0.0.1:{port}"
    except (PackageError, ServerError) as problem:
        raise UnstartedError(str(problem).partition("\n")[0]) from problem


__all__ = ["EXPECTED", "KINDS", "Kind", "UnstartedError", "is_upstream", "started"]
