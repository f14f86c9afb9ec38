"""A real InfluxDB 1.6.7 as Debian packages it, with nothing in it, on loopback and a port of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faultlab.servers.process import Process, announced

# As the package has it, but for ports, folders and what the server would do of itself.
CONFIGURATION = """\
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
dir = {meta}
[data]
dir = {data}
wal-dir = {wal}
query-log-enabled = false
[monitor]
store-enabled = false
[subscriber]
enabled = false
[continuous_queries]
enabled = false
[http]
bind-address = "127.0.0.1:0"
log-enabled = false
"""

PORT = r'msg="Listening on HTTP" .*addr=127\.0\.0\.1:(\d+)'


@contextmanager
def started(program: Path, folder: Path) -> Iterator[tuple[Process, int]]:
    """Run it while the context lasts, on what another one left in the folder, if any did; give it and its port.

    Raises ServerError.
    """
    configuration = folder / "influxdb.conf"
    folders = {key: json.dumps(str(folder / key)) for key in ("meta", "data", "wal")}
    configuration.write_text(CONFIGURATION.format(**folders))
    with Process([program, "run", "-config", configuration], folder) as process:
        yield process, process.wait_for(announced(PORT))


__all__ = ["started"]
