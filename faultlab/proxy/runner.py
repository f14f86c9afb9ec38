"""The proxy as a process of its own: few addons, one JSON line when it is ready, gone when its parent goes.

It reads one JSON line of configuration from standard input and lives until that input ends, it is told to stop, or it
receives SIGTERM. It prints one line on standard output, ``{"event": "ready", …}``. Its exit status is 0, 1 when it
could not start, 3 when the lab was broken.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import inspect
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from mitmproxy import addonmanager, exceptions, hooks, options
from mitmproxy import flow as mitmflow
from mitmproxy.addons import core, disable_h2c, errorcheck, next_layer, proxyserver, tlsconfig
from mitmproxy.master import Master

from faultlab import contract, readback
from faultlab.history import Writer
from faultlab.origin import Origin
from faultlab.plan import Plan
from faultlab.proxy import control, reach, selftest
from faultlab.proxy.clock import CLOCK, Loop
from faultlab.proxy.edge import Edge
from faultlab.proxy.guard import failed
from faultlab.proxy.session import Session
from faultlab.redact import Redactor

BODY_LIMIT = "256m"
DAY = 86_400
BEAT = 0.02
"""True seconds between two looks at how late the event loop runs."""

NOWHERE = "http://127.0.0.1:9"
"""What a reverse proxy without an upstream points at; the origin answers before anything is sent there."""

PR_SET_PDEATHSIG = 1


class ResolvedAddons(addonmanager.AddonManager):
    """Calls the hooks that exist, found once, and lets their exceptions out.

    Stock mitmproxy walks every addon on every event and swallows what they raise.
    """

    def __init__(self, master: Master) -> None:
        """Begin with nothing found."""
        super().__init__(master)  # type: ignore[no-untyped-call]
        self._found: dict[str, list[Any]] = {}

    def register(self, addon: Any) -> Any:
        """Register an addon; hooks are found again."""
        self._found = {}
        return super().register(addon)  # type: ignore[no-untyped-call]

    def hooks_of(self, event: hooks.Hook) -> list[Any]:
        """Give the functions that listen to an event, in the order of the chain."""
        found = self._found.get(event.name)
        if found is None:
            found = [function for addon in self.chain for _, function in self._iter_hooks(addon, event)]
            self._found[event.name] = found
        return found

    async def handle_lifecycle(self, event: hooks.Hook) -> None:
        """Tell every listener of an event, then of the flow's update."""
        await self.trigger_event(event)
        message = event.args()[0]
        if isinstance(message, mitmflow.Flow) and self._found.get("update") != []:
            await self.trigger_event(hooks.UpdateHook([message]))

    async def trigger_event(self, event: hooks.Hook) -> None:
        """Tell every listener of an event."""
        for function in self.hooks_of(event):
            try:
                result = function(*event.args())
                if result is not None and inspect.isawaitable(result):
                    await result
            except exceptions.AddonHalt:
                return


class LabMaster(Master):
    """mitmproxy with no more addons than the lab needs."""

    def __init__(self, opts: options.Options, edge: Edge, *, tls: bool) -> None:
        """Load the addons; ``tls`` says whether certificates are needed."""
        super().__init__(opts)
        addons: Any = ResolvedAddons(self)
        self.addons = addons
        addons.add(core.Core(), proxyserver.Proxyserver(), next_layer.NextLayer(), disable_h2c.DisableH2C())
        if tls:
            addons.add(tlsconfig.TlsConfig())
        addons.add(edge, errorcheck.ErrorCheck())


class LabEdge(Edge):
    """The edge as the runner uses it: says when the proxy is ready, and takes orders."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Make the first session of the configuration."""
        super().__init__()
        self.config = config
        self.servers: list[asyncio.AbstractServer] = []
        self.lag = 0.0
        self.beat: asyncio.Task[None] | None = None
        self.group = 0
        self.arm(self.make_session(config))

    def make_session(self, config: dict[str, Any]) -> Session:
        """Give the session a configuration describes."""
        plan = Plan.from_json(config["plan"])
        origin = None if config.get("upstream") else Origin(contract.named(plan.profile), token=config.get("token"))
        folder = config.get("history")
        # A lab has one for what its client prints as well; whoever starts a runner without one compares no tags.
        salt = bytes.fromhex(config["salt"]) if "salt" in config else os.urandom(16)
        writer = Writer(Path(folder), Redactor(salt)) if folder else None
        session = Session(plan, origin=origin, writer=writer)
        session.begin(config.get("run") or {})
        return session

    async def running(self) -> None:
        """Open the control socket, make the backlog large, and say that the proxy is ready."""
        self.listen()
        from mitmproxy import ctx  # noqa: PLC0415 - there is a master only now

        selftest.check()
        server = ctx.master.addons.get("proxyserver")
        reach.raise_backlog(server)
        port = server.listen_addrs()[0][1]
        if self.config.get("control"):
            self.servers.append(await control.serve(self.config["control"], self.commands()))
        self.beat = asyncio.create_task(self.measure_lag())
        assert self.session is not None
        print(
            json.dumps(
                {
                    "event": "ready",
                    "port": port,
                    "plan": self.session.plan.digest,
                    "pid": os.getpid(),
                    "clock": CLOCK.began,
                }
            ),
            flush=True,
        )

    async def measure_lag(self) -> None:
        """Keep by how much the event loop ever ran late: what a judge of time has to allow for."""
        loop = asyncio.get_running_loop()
        while True:
            beat = CLOCK.of_true(BEAT)
            due = loop.time() + beat
            await asyncio.sleep(beat)
            self.lag = max(self.lag, loop.time() - due)

    def done(self) -> None:
        """Close the socket and the history, end a client that nobody else will, and leave."""
        self.orphaned()
        if self.beat is not None:
            self.beat.cancel()
        try:
            for server in self.servers:
                server.close()
            self.close_history()
        except Exception:  # noqa: BLE001 - the status has to say it, and this hook is the last
            failed(self, "done", None)
        self.leave()

    def close_history(self) -> None:
        """Close the history of the present session; further events of it are dropped."""
        if self.session is not None and self.session.writer is not None:
            self.session.writer.close()
            self.session.writer = None

    def commands(self) -> dict[str, control.Command]:
        """Give what the control socket understands."""
        return {
            "position": lambda _given: self.position(),
            "arm": self.rearm,
            "disarm": lambda _given: self.rearm({"plan": {**self.config["plan"], "rules": []}}),
            "guard": self.guard,
            "deliver": lambda _given: self.deliver(),
            "move": lambda _given: self.move(),
            "health": lambda _given: {"broken": self.broken},
            "stored": lambda given: self.stored(given["database"]),
            "holds": lambda _given: self.holds(),
            "stop": lambda _given: self.stop(),
        }

    def position(self) -> dict[str, Any]:
        """Give how far the run is: exchanges seen and open, rules fired, statuses told, and by how much we ran late."""
        session = self.session
        assert session is not None
        return {
            "at": session.at(),
            "lag": self.lag,
            "exchanges": session.seq,
            "open": session.open,
            "fired": session.arbiter.fired,
            "told": {str(status): count for status, count in sorted(session.told.items())},
            "broken": self.broken,
        }

    def stored(self, database: str) -> dict[str, Any]:
        """Write what the embedded InfluxDB holds of a database beside the present history's events."""
        session = self.session
        assert session is not None
        assert session.origin is not None
        assert session.writer is not None
        held = session.origin.stored(database)
        points = (readback.Point(one.measurement, one.tags, one.timestamp or 0, one.fields) for one in held)
        return {"points": readback.write(session.writer.folder, points), "dropped": session.origin.dropped}

    def holds(self) -> dict[str, Any]:
        """Give what the proxy holds: its process, connections and tasks."""
        from mitmproxy import ctx  # noqa: PLC0415

        return {
            "pid": os.getpid(),
            "connections": len(ctx.master.addons.get("proxyserver").connections),
            "tasks": len(asyncio.all_tasks()),
        }

    def deliver(self) -> dict[str, Any]:
        """Let upstream have what is held for it, and connections in again: the run is about to end.

        What was being read slowly is read at once, or nobody would know what it was.
        """
        from mitmproxy import ctx  # noqa: PLC0415

        assert self.session is not None
        self.session.ending.set()
        for handler in ctx.master.addons.get("proxyserver").connections.values():
            reach.pace(handler.client, 0)
        self.session.deliver_late()
        self.door.open()
        return {}

    async def move(self) -> dict[str, Any]:
        """Listen on another port, which no client has heard of; give it."""
        return {"port": await self.door.move()}

    def rearm(self, given: dict[str, Any]) -> dict[str, Any]:
        """Go on with another plan and, if one is named, another history."""
        session = self.make_session({**self.config, "history": None, "run": None, **given})
        self.close_history()
        self.arm(session)
        self.lag = 0.0
        return {"plan": session.plan.digest}

    def guard(self, given: dict[str, Any]) -> dict[str, Any]:
        """Remember the client's process group, 0 for none: it is to end when the parent does."""
        self.group = int(given["group"])
        return {}

    def orphaned(self) -> None:
        """End the client if it still runs: the parent is gone, or is about to find its proxy gone."""
        if self.group:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.group, signal.SIGKILL)

    def stop(self) -> dict[str, Any]:
        """End the proxy."""
        from mitmproxy import ctx  # noqa: PLC0415

        ctx.master.shutdown()
        return {"stopping": True}


async def main(config: dict[str, Any]) -> None:
    """Run the proxy until it is told to stop."""
    edge = LabEdge(config)
    upstream, forward = config.get("upstream"), config.get("forward", False)
    tls = forward or bool(config.get("tls")) or str(upstream or "").startswith("https:")
    opts = options.Options()
    master = LabMaster(opts, edge, tls=tls)
    opts.update(
        confdir=config["confdir"],
        mode=["regular"] if forward else [f"reverse:{upstream or NOWHERE}"],
        listen_host=config.get("listen_host", "127.0.0.1"),
        listen_port=config.get("port", 0),
        connection_strategy="lazy",
        # A real upstream may be told apart by its name; the origin is to see what the client sent.
        keep_host_header=not upstream,
        body_size_limit=BODY_LIMIT,
        # A stalled client is to leave by itself.
        tcp_timeout=DAY,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, master.shutdown)
    loop.add_reader(sys.stdin.fileno(), lambda: end_of_input(master))
    await master.run()


def end_of_input(master: Master) -> None:
    """Stop when the parent's end of the pipe is closed; anything it says instead is passed over."""
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        master.shutdown()


def read_line() -> bytes:
    """Read one line of standard input without reading ahead of it."""
    out = bytearray()
    while not out.endswith(b"\n"):
        chunk = os.read(0, 1)
        if not chunk:
            break
        out += chunk
    return bytes(out)


def start() -> None:
    """Read the configuration and run; the process's entry point."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    logging.getLogger().setLevel(logging.WARNING)
    # mitmproxy reports a port in use, or an upstream it cannot parse, by logging; the parent reads it from here.
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    config = json.loads(read_line())
    try:
        CLOCK.run_at(config.get("time_scale", 1.0))
        asyncio.run(main(config), loop_factory=Loop if CLOCK.scale != 1.0 else None)
    except (OSError, ValueError, exceptions.OptionsError, selftest.UnknownMitmproxyError) as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    start()

__all__ = ["LabEdge", "LabMaster", "ResolvedAddons", "start"]
