"""The drivers there are: which client, in which version, used in which way."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

HERE = Path(__file__).parent


class UnknownDriver(ValueError):  # noqa: N818 - it says what is wrong with a name, as a noun
    """No driver has the given name; the message names it and the nearest that exists."""


@dataclass(frozen=True)
class Driver:
    """One way of using one client. ``profile`` is the product family that the client was made for."""

    name: str
    language: str
    folder: str
    about: str
    arguments: tuple[str, ...] = ()
    profile: str = "serverless"

    @property
    def home(self) -> Path:
        """The folder of the program, and of the lock of its environment."""
        return HERE / self.language / self.folder

    @property
    def command(self) -> tuple[str, ...]:
        """What anybody runs it by, with the interpreter that this is."""
        return (sys.executable, "-m", "faultlab.clients", self.name)

    @cached_property
    def package(self) -> tuple[str, str]:
        """The client's name where it is published, and its version; empty for a program of the system's."""
        if self.language == "python":
            project = tomllib.loads((self.home / "pyproject.toml").read_text())["project"]
            name, _, version = project["dependencies"][0].partition("==")
            return name.partition("[")[0], version
        if self.language == "node":
            [(name, version)] = json.loads((self.home / "package.json").read_text())["dependencies"].items()
            return name, version
        if self.language == "debian":
            return next(iter(self.packages.items()))
        return self.folder, ""

    @property
    def packages(self) -> dict[str, str]:
        """Debian's packages that a driver needs, each with its version, the client's first."""
        return dict(tomllib.loads((self.home / "lock.toml").read_text())["packages"])


ALL: tuple[Driver, ...] = (
    Driver("influxdb-client-sync", "python", "influxdb_client", "one call a tick, SYNCHRONOUS", ("sync",)),
    Driver("influxdb-client-batching", "python", "influxdb_client", "batches in the background", ("batching",)),
    Driver("influxdb-client-async", "python", "influxdb_client", "one awaited call a tick", ("async",)),
    Driver("influxdb3-python-sync", "python", "influxdb3_python", "one call a tick, SYNCHRONOUS", ("sync",)),
    Driver("influxdb3-python-batching", "python", "influxdb3_python", "batches in the background", ("batching",)),
    Driver("influxdb-python", "python", "influxdb", "one call a tick", profile="oss1"),
    Driver("aioinflux", "python", "aioinflux", "one awaited call a tick", profile="oss1"),
    Driver("influxdb-client-js-close", "node", "influxdb_client", "all at once, then closed", ("close",)),
    Driver("influxdb-client-js-flush", "node", "influxdb_client", "flushed after each tick", ("flush",)),
    Driver("influxdb-client-js-live", "node", "influxdb_client", "flushed by its own timer, a minute long", ("live",)),
    Driver("influxdb3-client-js", "node", "influxdb3_client", "one awaited call a tick"),
    Driver("influx-js", "node", "influx", "one awaited call a tick", profile="oss1"),
    Driver("ruby-influxdb", "debian", "ruby_influxdb", "one call a tick", ("sync",), "oss1"),
    Driver("ruby-influxdb-stop", "debian", "ruby_influxdb", "async: all at once, then stopped", ("stop",), "oss1"),
    Driver("ruby-influxdb-live", "debian", "ruby_influxdb", "async: by its own threads", ("live",), "oss1"),
    Driver("influx-import", "debian", "influx", "influx -import of all of it", profile="oss1"),
    Driver("syslog-ng", "debian", "syslog_ng", "http(), batches of a thousand lines, then stopped"),
    Driver("icinga2", "debian", "icinga2", "Influxdb2Writer, fed by its command pipe"),
    Driver("curl", "system", "curl", "one request a tick with --retry, a control"),
)


def named(name: str, drivers: Sequence[Driver] = ALL) -> Driver:
    """Give the driver of a name; raises UnknownDriver."""
    for driver in drivers:
        if driver.name == name:
            return driver
    from faultlab.faults.knob import nearest  # noqa: PLC0415 - with every fault; each run of a driver begins here

    known = [driver.name for driver in drivers]
    raise UnknownDriver(f"no client named '{name}'{nearest(name, known) or '; known: ' + ', '.join(known)}")
