"""Stock mitmdump with scripts, and an upstream that remembers what it was sent."""

from __future__ import annotations

import contextlib
import http.server
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ADDONS = Path(__file__).parent.parent / "addons"


@dataclass
class Upstream:
    """A server on loopback that answers 204 and keeps every body; to one that begins with "slow" once ``go`` is set."""

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)
    lengths: list[str] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def upstream() -> Iterator[Upstream]:
    """Serve until the block ends."""
    known = Upstream()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            known.lengths.append(self.headers["Content-Length"])
            known.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            if known.bodies[-1].startswith(b"slow"):
                known.go.wait(60)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield known
    finally:
        known.go.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Dump:
    """A mitmdump that came up at ``port``, or that ended with ``status``; what it printed is in ``output``."""

    process: subprocess.Popen[str]
    port: int = 0
    status: int | None = None
    output: str = ""

    def stop(self) -> int:
        """Ask it to end and give its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=30)
        self.output += out
        self.status = self.process.returncode
        return self.status


@contextlib.contextmanager
def mitmdump(
    scripts: list[str | Path], options: dict[str, str], folder: Path, mode: str = "regular", program: str = "mitmdump"
) -> Iterator[Dump]:
    """Start mitmdump, or a sibling of it, with scripts and options, and wait until it listens or has ended."""
    command = [str(Path(sys.executable).with_name(program)), "--mode", mode, "--listen-host", "127.0.0.1"]
    command += ["--listen-port", "0", "--set", f"confdir={folder / 'conf'}"]
    for script in scripts:
        command += ["-s", str(ADDONS / f"{script}.py" if isinstance(script, str) else script)]
    for name, value in options.items():
        command += ["--set", f"{name}={value}"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, bufsize=1
    )
    dump = Dump(process)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            dump.output += line
            if found := re.search(r"listening at \S*?:(\d+)", line):
                dump.port = int(found[1])
                break
        else:
            dump.status = process.wait(30)
        yield dump
    finally:
        if dump.status is None:
            dump.stop()
        if process.stdout is not None:
            process.stdout.close()
