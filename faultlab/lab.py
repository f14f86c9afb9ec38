"""A lab: a proxy process with the origin in it, a client process, and the history of both.

The proxy runs in a process of its own, which may belong to another environment than this one: a client's environment
often cannot hold mitmproxy. Everything is started here, stopped by its own handle, and gone when the lab is.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self
from urllib.parse import urlsplit

import faultlab
from faultlab import servers, warp
from faultlab.history import EVENTS, FORMAT, MANIFEST, STDERR, STDOUT, Client, ReadBack, Writer
from faultlab.plan import Plan
from faultlab.readback import OfOrigin, OfUpstream, Reader
from faultlab.redact import Mask, Redactor
from faultlab.terms import Terms

READY_WITHIN = 30.0
"""Seconds a proxy may take to start; it needs about half of one."""

GRACE = 3.0
"""Seconds a process has between being asked to end and being killed."""

COMPUTING = 30.0
"""True seconds that a client may take beyond its deadline where its time runs faster."""

LOOK = 0.5
"""Seconds between two looks at the programs of a client whose time runs faster."""

OUTPUT_LIMIT = 16 * 1024 * 1024
FORWARD_URL = "https://influxdb.test"
"""What a client is told to write to when it goes through the proxy as a forward proxy and there is no upstream."""

TARGET = "faultlab"
"""The organization and the bucket a client is handed where nobody names others."""

PYTHON_VARIABLE = "FAULTLAB_PROXY_PYTHON"
REPORT_VARIABLE = "FAULTLAB_REPORT"
MANIFEST_VARIABLE = "FAULTLAB_MANIFEST"
REPORT = "report.jsonl"


class LabError(Exception):
    """The environment failed: port, certificate, upstream, or a client that could not start. Exit status 4."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a lab is set up, beyond the plan.

    ``upstream`` is the URL of a real server, or one of ``servers.KINDS`` that the lab is to start for itself; None for
    the embedded InfluxDB. ``read_back`` has upstream asked after the run what it holds; None for a real one only.
    ``tls`` has the client come over TLS, under a certificate authority of the lab; None for whether the plan needs it.
    ``python`` is the interpreter of the proxy. ``time_scale`` is how many times as fast time runs for the proxy and the
    client; all times of the history are of that time.
    """

    history: Path
    upstream: str | None = None
    forward: bool = False
    tls: bool | None = None
    listen_host: str = "127.0.0.1"
    port: int = 0
    python: str = ""
    token: str = ""
    org: str = TARGET
    bucket: str = TARGET
    terms: Terms = field(default_factory=Terms)
    scenario: str = ""
    source: str = ""
    checks: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    read_back: bool | None = None
    time_scale: float = 1.0


VARIABLES: Mapping[str, tuple[str, ...]] = {
    "url": (
        "INFLUX_HOST",
        "INFLUX_URL",
        "INFLUXDB_URL",
        "INFLUXDB_V2_URL",
        "INFLUXDB3_HOST_URL",
        "FAULTLAB_URL",
    ),
    "token": (
        "INFLUX_TOKEN",
        "INFLUXDB_TOKEN",
        "INFLUXDB_V2_TOKEN",
        "INFLUXDB3_AUTH_TOKEN",
        "FAULTLAB_TOKEN",
    ),
    "org": ("INFLUX_ORG", "INFLUXDB_ORG", "INFLUXDB_V2_ORG", "FAULTLAB_ORG"),
    "bucket": (
        "INFLUX_BUCKET",
        "INFLUX_DATABASE",
        "INFLUXDB_BUCKET",
        "INFLUXDB3_DATABASE_NAME",
        "FAULTLAB_BUCKET",
    ),
}
"""The variables by which the usual clients find their InfluxDB."""


class Echo(Protocol):
    """What a client's output is passed on to."""

    def write(self, data: bytes, /) -> object:
        """Take some bytes."""

    def flush(self) -> object:
        """Let them be seen."""


type Progress = Callable[[dict[str, Any]], None]


class Lab:
    """A running proxy and the means to run clients through it; a context manager that leaves no process behind."""

    def __init__(self, plan: Plan, settings: Settings) -> None:
        """Remember what is to be started."""
        self.plan = plan
        self.settings = settings
        self.token = settings.token or token_of(plan)
        # The proxy has the same salt, so that the token is known by one tag wherever it was found.
        self._salt = os.urandom(16)
        self._redactor = Redactor(self._salt)
        self.port = 0
        self._proxy: subprocess.Popen[bytes] | None = None
        self._folder = Path()
        self.folder = settings.history.absolute()
        self._control: socket.socket | None = None
        self._answers: IO[bytes] | None = None
        self._clock_began = 0.0
        self.client: Client | None = None
        self._complaints: list[str] = []
        self._reader: Reader | None = None
        self._servers = contextlib.ExitStack()
        self.upstream = settings.upstream

    def __enter__(self) -> Self:
        """Start the proxy and wait until it is ready; raises LabError if it does not come up."""
        self._folder = Path(tempfile.mkdtemp(prefix="faultlab-"))
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop whatever still runs."""
        self.close()

    @property
    def url(self) -> str:
        """What the client is told to write to."""
        if self.settings.forward:
            return self.upstream or FORWARD_URL
        return f"{'https' if self.tls else 'http'}://{self.settings.listen_host}:{self.port}"

    @property
    def tls(self) -> bool:
        """Whether a client that is told the lab's own address comes over TLS."""
        return self.plan.needs_tls if self.settings.tls is None else self.settings.tls

    @property
    def certificate(self) -> Path:
        """Where the certificate authority of a lab with TLS lies, as PEM."""
        return self._folder / "conf" / "mitmproxy-ca-cert.pem"

    def _start(self) -> None:
        settings = self.settings
        if settings.upstream is not None and settings.upstream in servers.KINDS:
            try:
                self.upstream = self._servers.enter_context(servers.started(settings.upstream))
            except servers.UnstartedError as problem:
                raise LabError(f"upstream {settings.upstream} could not start: {problem}") from problem
        if self.upstream:
            check_upstream(self.upstream)
        run = self._planned(self.plan, settings.history)
        config = {
            "plan": self.plan.to_json(),
            "run": run,
            "history": str(self.folder),
            "upstream": self.upstream,
            "forward": settings.forward,
            "tls": self.tls,
            "token": self._origins_token,
            "salt": self._salt.hex(),
            "listen_host": settings.listen_host,
            "port": settings.port,
            "confdir": str(self._folder / "conf"),
            "control": str(self._folder / "control"),
            "time_scale": settings.time_scale,
        }
        self._launch(config)

    def _planned(self, plan: Plan, folder: Path) -> dict[str, Any]:
        """Make the folder of a history, and give its first line; raises LabError where it cannot be made."""
        check_history(folder)
        self._reader = self._new_reader()
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.absolute()
        settings = self.settings
        return {
            "format": FORMAT,
            "faultlab": faultlab.__version__,
            "scenario": settings.scenario,
            "source": settings.source,
            "plan": plan.to_json(),
            "checks": list(settings.checks),
            "began": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "upstream": settings.upstream or "origin",
            "forward": settings.forward,
            **({"tls": True} if settings.tls else {}),
            **({"org": settings.org} if settings.org != TARGET else {}),
            **({"bucket": settings.bucket} if settings.bucket != TARGET else {}),
            **({} if settings.time_scale == 1.0 else {"time_scale": settings.time_scale}),
            **({} if settings.read_back is None else {"read_back": settings.read_back}),
            "command": list(settings.command),
            **settings.terms.to_json(),
            "token": self._redactor.tag(self.token),
        }

    def _new_reader(self) -> Reader | None:
        """Give what is to read upstream back once this history ends; None where nobody is to."""
        settings = self.settings
        wanted = settings.upstream is not None if settings.read_back is None else settings.read_back
        if not wanted:
            return None
        if settings.upstream is None:
            return OfOrigin(self.ask, settings.bucket)
        return OfUpstream.at(self.upstream or "", settings.bucket, settings.token)

    def arm(self, plan: Plan, folder: Path) -> None:
        """Go on with another plan and another history, and with an embedded InfluxDB that is empty again.

        The history before is closed as it is: ``complete`` it first. Raises LabError.
        """
        run = self._planned(plan, folder)
        self.ask("arm", plan=plan.to_json(), history=str(self.folder), run=run, token=self._origins_token)

    def renew(self, plan: Plan, settings: Settings) -> None:
        """Go on as if this were a lab just started: other settings, another token, a port no client has heard of.

        Whoever is still connected is cut off. Upstream, interpreter and the way clients come cannot change; nor can
        ``tls`` be had where the lab began without. The history before is closed as it is: ``complete`` it first. Raises
        LabError.
        """
        self.settings, self.plan = settings, plan
        self.token = settings.token or token_of(plan)
        self.client = None
        self.port = int(self.ask("move")["port"])
        self.arm(plan, settings.history)

    @property
    def _origins_token(self) -> str | None:
        return None if self.settings.upstream else self.token

    def _launch(self, config: dict[str, Any]) -> None:
        python = self.settings.python or os.environ.get(PYTHON_VARIABLE) or sys.executable
        environment = {k: v for k, v in os.environ.items() if k not in {"PYTEST_CURRENT_TEST", "PYTHONPATH"}}
        try:
            self._proxy = subprocess.Popen(
                [python, "-m", "faultlab.proxy.runner"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        except OSError as problem:
            raise LabError(f"the proxy could not start: {python}: {problem.strerror}") from problem
        assert self._proxy.stdin is not None
        threading.Thread(target=self._listen, args=(self._proxy.stderr,), daemon=True).start()
        try:
            self._proxy.stdin.write(json.dumps(config).encode() + b"\n")
            self._proxy.stdin.flush()
        except BrokenPipeError:
            pass
        ready = self._wait_ready()
        self.port = int(ready["port"])
        self._clock_began = float(ready["clock"])
        if ready["plan"] != self.plan.digest:
            raise LabError(f"the proxy runs plan {ready['plan']}, not {self.plan.digest}; is its faultlab another one?")
        self._control = socket.socket(socket.AF_UNIX)
        self._control.connect(config["control"])
        self._control.settimeout(READY_WITHIN)
        self._answers = self._control.makefile("rb")

    def _listen(self, stream: IO[bytes] | None) -> None:
        assert stream is not None
        with stream:
            for line in stream:
                self._complaints.append(line.decode(errors="replace").rstrip())
                del self._complaints[:-50]

    def _wait_ready(self) -> dict[str, Any]:
        assert self._proxy is not None
        assert self._proxy.stdout is not None
        until = time.monotonic() + READY_WITHIN
        while (left := until - time.monotonic()) > 0:
            readable, _, _ = select.select([self._proxy.stdout], [], [], left)
            if not readable:
                break
            line = self._proxy.stdout.readline()
            if not line:
                self._proxy.wait(GRACE)
                raise LabError(f"the proxy could not start: {self._complaint()}")
            with contextlib.suppress(ValueError):
                value = json.loads(line)
                if value.get("event") == "ready":
                    return dict(value)
        raise LabError(f"the proxy was not ready within {READY_WITHIN:g} s: {self._complaint()}")

    def _complaint(self) -> str:
        time.sleep(0.05)
        said = [line for line in self._complaints if line.strip() and not line.startswith(_NOT_THE_REASON)]
        text = said[-1].strip() if said else "it said nothing"
        if "No module named 'mitmproxy'" in text:
            named = f"name another Python in {PYTHON_VARIABLE}, for pytest in its setting faultlab_python"
            text = f"no mitmproxy there; install faultlab[proxy], or {named}"
        return text

    def ask(self, do: str, **given: Any) -> dict[str, Any]:
        """Give the proxy an order and its answer; raises LabError when it refuses or is gone."""
        assert self._control is not None
        assert self._answers is not None
        try:
            self._control.sendall(json.dumps({"do": do, **given}).encode() + b"\n")
            line = self._answers.readline()
        except OSError as problem:
            raise LabError(f"the proxy does not answer: {problem}; {self._complaint()}") from problem
        if not line:
            raise LabError(f"the proxy is gone: {self._complaint()}")
        answer = dict(json.loads(line))
        if "error" in answer:
            raise LabError(f"the proxy refused '{do}': {answer['error']}")
        return answer

    def words(self) -> dict[str, str]:
        """Give what may stand in braces in a client's command."""
        host = urlsplit(self.url).hostname or ""
        return {
            "url": self.url,
            "host": host,
            "port": str(urlsplit(self.url).port or self.port),
            "token": self.token,
            "org": self.settings.org,
            "bucket": self.settings.bucket,
        }

    def environment(self) -> dict[str, str]:
        """Give the variables a client finds its InfluxDB by, on top of our own environment."""
        given = {"url": self.url, "token": self.token, "org": self.settings.org, "bucket": self.settings.bucket}
        out = {name: given[what] for what, names in VARIABLES.items() for name in names}
        out[REPORT_VARIABLE] = str(self.folder / REPORT)
        out[MANIFEST_VARIABLE] = str(self.folder / MANIFEST)
        out["FAULTLAB_SEED"] = str(self.plan.seed)
        return {**os.environ, **out, **self._route(), **self._warp()}

    def _warp(self) -> dict[str, str]:
        if self.settings.time_scale == 1.0:
            return {}
        try:
            return warp.environment(self._clock_began, self.settings.time_scale, os.environ)
        except warp.WarpError as problem:
            raise LabError(str(problem)) from problem

    def _route(self) -> dict[str, str]:
        if not self.settings.forward:
            direct = {
                name: f"{os.environ.get(name, '')},127.0.0.1,localhost".strip(",") for name in ("NO_PROXY", "no_proxy")
            }
            return {**direct, **(self._trust() if self.tls else {})}
        proxy = f"http://{self.settings.listen_host}:{self.port}"
        return {
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy),
            **self._trust(),
            "NODE_USE_ENV_PROXY": "1",
            "NO_PROXY": "",
            "no_proxy": "",
        }

    def _trust(self) -> dict[str, str]:
        names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        return dict.fromkeys((*names, "INFLUXDB_V2_SSL_CA_CERT", "FAULTLAB_CA"), str(self.certificate))

    def run(self, command: Sequence[str], *, progress: Progress | None = None, echo: Echo | None = None) -> Client:
        """Run a client to its end or to the deadline; raises LabError when it cannot start.

        ``{url}`` and its kin are replaced in the command's words. ``echo`` receives what the client prints.
        """
        words = self.words()
        line = [substitute(word, words) for word in command]
        folder = self.folder
        began = self._at()
        try:
            process = subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self.environment(),
                start_new_session=True,
            )
        except OSError as problem:
            raise LabError(f"the client could not start: {line[0]}: {problem.strerror}") from problem
        pumps = [
            pump(process.stdout, folder / STDOUT, echo, self._redactor.mask(self.token)),
            pump(process.stderr, folder / STDERR, echo, self._redactor.mask(self.token)),
        ]
        # If we are killed, the proxy notices and ends what we can no longer end.
        self.ask("guard", group=process.pid)
        try:
            status, memory, timed_out = self._watch(process, progress)
        except BaseException:
            end_group(process)
            raise
        finally:
            kill_group(process.pid)
            if self.settings.time_scale != 1.0:
                warp.forget(process.pid)
            for thread in pumps:
                thread.join(GRACE)
            with contextlib.suppress(LabError):
                self.ask("guard", group=0)
        self.client = Client(
            began=round(began, 6),
            ended=round(self._at(), 6),
            status=status if status >= 0 else None,
            signal=-status if status < 0 else None,
            timed_out=timed_out,
            memory=memory,
        )
        return self.client

    def _at(self) -> float:
        return float(self.ask("position")["at"])

    def _watch(self, process: subprocess.Popen[bytes], progress: Progress | None) -> tuple[int, int, bool]:
        scale = self.settings.time_scale
        # What a client computes takes true time, whatever its waits take.
        until = time.monotonic() + self.settings.terms.deadline / scale + (0.0 if scale == 1.0 else COMPUTING)
        programs = None if scale == 1.0 else warp.Watch(process.pid)
        looked = shown = 0.0
        memory = 0
        timed_out = False
        while True:
            memory = peak_memory(process.pid) or memory
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                process.returncode = os.waitstatus_to_exitcode(status)
                return process.returncode, memory or self._at_most(usage.ru_maxrss * 1024), timed_out
            now = time.monotonic()
            if not timed_out and now > until:
                timed_out = True
                signal_group(process.pid, signal.SIGTERM)
            elif timed_out and now > until + GRACE:
                signal_group(process.pid, signal.SIGKILL)
            if programs is not None and now - looked > LOOK:
                looked = now
                if program := programs.escaped():
                    raise LabError(f"the client's program '{program}' keeps true time; run it without --time-scale")
            if progress is not None and now - shown > 0.2:
                shown = now
                progress(self.ask("position"))
            time.sleep(0.02)

    def _at_most(self, memory: int) -> int:
        """Give what a client held at most that ended before anybody could look; 0 where that proves nothing.

        The system counts in what its parent held when it began it, so more than is allowed is no proof.
        """
        allowed = self.settings.terms.memory_mb
        return memory if allowed is None or memory <= allowed << 20 else 0

    def complete(self) -> Path:
        """Complete the present history and give its folder; the proxy goes on without one, and lets everything pass.

        Exchanges that are still under way get a moment to end. The application's report is copied into the history.
        """
        ends, said = self._settled(), self._read_back()
        self.ask("disarm")
        return self._close_history(ends, said)

    def finish(self) -> Path:
        """Stop the proxy, complete the history, and give its folder."""
        ends, said = self._settled(), self._read_back()
        self.ask("stop")
        assert self._proxy is not None
        status = self._proxy.wait(READY_WITHIN)
        why = f"the proxy ended with status {status}: {self._complaint()}" if status else ""
        return self._close_history(ends, said, why)

    def _read_back(self) -> ReadBack | None:
        return None if self._reader is None else self._reader.read(self.folder)

    def _settled(self) -> dict[str, float]:
        """Wait for what is under way, and give what a history's last line says: the time, and how late we ran."""
        self.ask("deliver")
        until = time.monotonic() + GRACE
        while (position := self.ask("position"))["open"] and time.monotonic() < until:
            time.sleep(0.02)
        return {name: position[name] for name in ("at", "lag")}

    def _close_history(self, ends: dict[str, float], said: ReadBack | None, why: str = "") -> Path:
        writer = Writer(self.folder, self._redactor)
        try:
            if why:
                writer.write("broken", {"at": round(ends["at"], 6), "why": why})
            if self.client is not None:
                writer.write("client", asdict(self.client))
            for report in self._reports():
                writer.write("app", report)
            if said is not None:
                writer.write("read_back", asdict(said))
            writer.end(**ends)
        finally:
            writer.close()
        return self.folder

    def _reports(self) -> Iterator[dict[str, Any]]:
        path = self.folder / REPORT
        if not path.exists():
            return
        given = path.read_bytes()
        mask = self._redactor.mask(self.token)
        text = mask.feed(given) + mask.rest()
        if text != given:
            path.write_bytes(text)
        for number, line in enumerate(text.split(b"\n"), 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
                told = str(value["told"])
            except (ValueError, KeyError, TypeError):
                yield {"told": "unreadable", "message": f"report line {number} is not {{'told': …}}"}
                continue
            yield {"told": told, "message": str(value.get("message", "")), "lines": str(value.get("lines", ""))}

    def close(self) -> None:
        """Stop the proxy if it still runs and remove its private folder; the history stays."""
        if self._answers is not None:
            self._answers.close()
        if self._control is not None:
            self._control.close()
        if self._proxy is not None:
            if self._proxy.stdin is not None:
                with contextlib.suppress(OSError):
                    self._proxy.stdin.close()
            # A process that was forked from ours may hold the other end of that pipe still.
            self._proxy.terminate()
            try:
                self._proxy.wait(GRACE)
            except subprocess.TimeoutExpired:
                self._proxy.kill()
                self._proxy.wait()
            if self._proxy.stdout is not None:
                self._proxy.stdout.close()
        self._servers.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def token_of(plan: Plan) -> str:
    """Give the token a client is handed where none is given; that of a seed is always the same."""
    return f"faultlab-{blake2b(str(plan.seed).encode(), digest_size=8).hexdigest()}"


_NOT_THE_REASON = ("Error logged during startup", "Errors logged during startup", "Try specifying a different port")
"""What mitmproxy prints after the line that says what is wrong."""


def check_history(folder: Path) -> None:
    """Raise LabError when a folder already holds a history or cannot hold one."""
    if (folder / EVENTS).exists():
        raise LabError(f"{folder} already holds a history; name another folder, or remove it")
    if folder.exists() and not folder.is_dir():
        raise LabError(f"{folder} is a file; expected a folder for the history")


def check_upstream(url: str) -> None:
    """Raise LabError unless something listens at a URL."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=5):
            pass
    except OSError as problem:
        raise LabError(f"upstream {url} does not answer: {problem.strerror or problem}") from problem


def peak_memory(pid: int) -> int:
    """Give the most memory a process has held so far, in bytes; 0 once it has ended.

    What the system reports of a process that ended counts what its parent held when it began it.
    """
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def substitute(word: str, words: Mapping[str, str]) -> str:
    """Replace ``{name}`` by its value for the names given; other braces stay as they are."""
    for name, value in words.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def pump(stream: IO[bytes] | None, path: Path, echo: Echo | None, mask: Mask) -> threading.Thread:
    """Copy a stream into a file, bounded, and to ``echo``, unbounded, until it ends; give the thread that does it."""
    assert stream is not None

    def copy() -> None:
        left = OUTPUT_LIMIT
        more = True
        with stream, path.open("wb") as file:
            while more:
                chunk = os.read(stream.fileno(), 65536)
                more = bool(chunk)
                chunk = mask.feed(chunk) if chunk else mask.rest()
                file.write(chunk[:left])
                left = max(left - len(chunk), 0)
                file.flush()
                if echo is not None:
                    echo.write(chunk)
                    echo.flush()

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread


def signal_group(group: int, number: int) -> None:
    """Signal a process group; one that is gone is passed over."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def kill_group(group: int) -> None:
    """Kill whatever a client left behind in its process group."""
    signal_group(group, signal.SIGKILL)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask a client to end as Ctrl-C would, then kill it."""
    signal_group(process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    kill_group(process.pid)
    process.wait()
