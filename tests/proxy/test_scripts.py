"""The scripts of ``addons/`` under stock mitmdump, mitmweb and mitmproxy, over real sockets."""

from __future__ import annotations

import ast
import contextlib
import fcntl
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from faultlab import faults, history
from faultlab.exchange import Lines
from tests.mitm import ADDONS, mitmdump, upstream
from tests.raw import LINE, Raw, Seen

BODY = b"".join(b"cpu,host=h%d usage=%d 170000000000000000%d\n" % (n, n, n) for n in range(6))
STATUS = {
    "rate_limit": 429,
    "unavailable": 503,
    "too_large": 413,
    "partial_write": 201,
    "malformed_line": 400,
    "type_conflict": 400,
    "unauthorized": 401,
    "not_found": 404,
    "method_not_allowed": 405,
    "unprocessable": 422,
    "internal_error": 500,
}
# What a client sees of a write, and how often upstream has it, of each script about the network and its options.
NETWORK: dict[str, tuple[dict[str, str], str, int]] = {
    "reset": ({"at": "upload", "after": "10"}, "0 rst", 0),
    "lose_response": ({"how": "fin"}, "0 fin", 1),
    "refuse": ({"seconds": "0.2"}, "0 rst", 0),
    "truncate": ({"of": "headers", "after": "2"}, "0 fin", 1),
    "dribble": ({"bytes_per_second": "500"}, "204", 1),
    "stall": ({"seconds": "0.1"}, "0 fin", 0),
    "latency": ({"seconds": "0.1"}, "204", 1),
    "bandwidth": ({"bytes_per_second": "2000"}, "204", 1),
    "duplicate": ({}, "204", 2),
    "hold": ({"seconds": "0.1"}, "204", 1),
    "stale_connection": ({}, "204", 1),
    "corrupt": ({"what": "content_type"}, "200", 1),
    "oversize": ({"what": "header", "size": "30000"}, "204", 1),
    "redirect": ({"status": "308"}, "308", 0),
    "goaway": ({}, "204", 1),
    "tls": ({}, "204", 1),
}
SCRIPTS = sorted(path.stem for path in ADDONS.glob("*.py") if not path.stem.startswith("_"))


def test_there_is_a_script_for_each_status() -> None:
    """The scripts are those this file knows, and one for scenarios."""
    assert sorted([*STATUS, *NETWORK, "scenario"]) == SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_a_docstring_and_one_binding(name: str) -> None:
    """A script says how it is run, imports, and binds ``addons`` to a list: a module there would crash the loader."""
    tree = ast.parse((ADDONS / f"{name}.py").read_text())
    doc = ast.get_docstring(tree) or ""
    kinds = [type(node).__name__ for node in tree.body[1:]]

    assert f"mitmdump -s addons/{name}.py" in doc
    assert {"ImportFrom", "Assign"} == set(kinds)
    assert kinds.count("Assign") == 1


@pytest.mark.parametrize("name", sorted(STATUS))
def test_each_script_injects_its_failure(tmp_path: Path, name: str) -> None:
    """A client behind the script reads its status, and upstream got only what the decision delivers."""
    with (
        upstream() as server,
        mitmdump([name], {"faultlab_seed": "7"}, tmp_path, f"reverse:http://127.0.0.1:{server.port}") as dump,
    ):
        seen = settled_at(dump.port)
        status = dump.stop()

    assert (STATUS[name], 0) == (seen.status, status), dump.output
    assert (1 if name == "partial_write" else 0) == len(server.bodies)


@pytest.mark.parametrize("name", sorted(NETWORK))
def test_each_script_of_the_network_does_the_same_under_mitmdump(tmp_path: Path, name: str) -> None:
    """Against a real upstream and under stock mitmdump a client sees what was decided, and the history has it."""
    knobs, expected, times = NETWORK[name]
    options = {f"faultlab_{name}_{knob}": value for knob, value in knobs.items()}
    options |= {"faultlab_seed": "7", "faultlab_history": str(tmp_path / "h")}
    with (
        upstream() as server,
        mitmdump([name], options, tmp_path, f"reverse:http://127.0.0.1:{server.port}") as dump,
    ):
        armed(tmp_path / "h")
        with Raw(dump.port) as raw:
            seen = raw.write(BODY)
        until = time.monotonic() + 20
        while len(server.bodies) < times and time.monotonic() < until:
            time.sleep(0.02)
        status = dump.stop()
    past = history.read(tmp_path / "h")

    assert (expected, 0) == (f"{seen.status} {seen.end}".strip(), status), dump.output
    assert [BODY] * times == server.bodies
    assert {name, ""} >= {event.decision.fault for event in past.events}
    assert ((), True) == (past.broken, past.complete)


def test_a_proxy_that_streams_bodies_is_refused(tmp_path: Path) -> None:
    """What is sent on before it was seen cannot be decided on; the start says so."""
    options = {"stream_large_bodies": "1m"}
    with mitmdump(["latency"], options, tmp_path, "reverse:http://127.0.0.1:9") as dump:
        dump.process.wait(30)
        dump.stop()

    assert "stream_large_bodies is set; expected none" in dump.output
    assert dump.status == 1


def test_partial_write_sends_upstream_exactly_the_kept_lines(tmp_path: Path) -> None:
    """Upstream receives the other lines under a true length; the history names the refused ones."""
    folder = tmp_path / "h"
    options = {"faultlab_history": str(folder), "faultlab_partial_write_share": "0.5"}
    with (
        upstream() as server,
        mitmdump(["partial_write"], options, tmp_path, f"reverse:http://127.0.0.1:{server.port}") as dump,
    ):
        settled_at(dump.port)
        dump.stop()
    events = [event for event in history.read(folder).events if event.decision.rule]
    deliver = events[-1].decision.deliver

    assert isinstance(deliver, Lines)
    kept = b"".join(line + b"\n" for n, line in enumerate(BODY.split(b"\n")[:-1], 1) if n not in deliver.refused)
    assert [kept] == server.bodies
    assert [str(len(kept))] == server.lengths


def test_two_scripts_never_contradict_upstream(tmp_path: Path) -> None:
    """With both loaded, whoever reads 201 finds the other lines upstream, and whoever reads 429 finds nothing there."""
    told: list[tuple[int, int]] = []
    options = {"faultlab_rate_limit_probability": "0.5"}
    with (
        upstream() as server,
        mitmdump(["partial_write", "rate_limit"], options, tmp_path, f"reverse:http://127.0.0.1:{server.port}") as dump,
    ):
        settled_at(dump.port)
        with Raw(dump.port) as raw:
            for number in range(40):
                before = len(server.bodies)
                body = BODY.replace(b"cpu", b"cpu%d" % number)
                told.append((raw.write(body).status, len(server.bodies) - before))
        with Raw(dump.port) as raw:
            told += [(raw.write(LINE.replace(b"cpu", b"one%d" % n)).status, 0) for n in range(20)]

    assert {(201, 1)} == {pair for pair in told if pair[0] == 201}
    assert {(429, 0)} == {pair for pair in told if pair[0] == 429}
    assert {201, 429, 204} == {status for status, _ in told}


def test_a_scenario_plays_in_mitmdump(tmp_path: Path) -> None:
    """The scenario script plays a built-in scenario against the embedded origin."""
    options = {"faultlab_scenario": "partial-write", "faultlab_origin": "true", "faultlab_history": str(tmp_path / "h")}
    with mitmdump(["scenario"], options, tmp_path, "reverse:http://127.0.0.1:9") as dump:
        settled_at(dump.port)
        with Raw(dump.port) as raw:
            statuses = {raw.write(BODY.replace(b"cpu", b"m%d" % n)).status for n in range(30)}
        dump.stop()
    past = history.read(tmp_path / "h")

    assert {201, 204} >= statuses
    assert "partial-write" == past.run["scenario"]
    assert past.complete


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"faultlab_sede": "7"}, "faultlab_sede: no such option; did you mean 'faultlab_seed'?"),
        ({"faultlab_seed": "seven"}, "faultlab_seed is 'seven'; expected a whole number"),
        ({"faultlab_probability": "2"}, "faultlab_rate_limit_probability is 2.0; expected a number from 0 to 1"),
        ({"faultlab_rate_limit_max_wait": "-1"}, "faultlab_rate_limit_max_wait is -1; expected at least 0"),
        (
            {"faultlab_rate_limit_form": "secconds"},
            "faultlab_rate_limit_form is 'secconds'; expected one of documented, seconds",
        ),
        ({"faultlab_profile": "serverles"}, "did you mean 'serverless'?"),
        ({"faultlab_origin": "perhaps"}, "faultlab_origin is 'perhaps'; expected true or false"),
    ],
)
def test_a_bad_option_stops_the_start_with_one_line(tmp_path: Path, options: dict[str, str], line: str) -> None:
    """A misspelt or impossible option is named with its value, and mitmdump ends with status 1."""
    with mitmdump(["rate_limit"], options, tmp_path) as dump:
        status = dump.status if dump.status is not None else dump.process.wait(30)
        output = dump.output + (dump.process.stdout.read() if dump.process.stdout else "")

    said = [one for one in output.splitlines() if "faultlab_" in one]
    assert (1, 1) == (status, len(said)), output
    assert line in said[0]
    assert "Traceback" not in output


def test_an_injected_flow_is_marked_for_people(tmp_path: Path) -> None:
    """Saved flows carry a mark, and a comment with rule, row, draw and attempt."""
    with (
        upstream() as server,
        mitmdump(
            ["rate_limit"],
            {"faultlab_probability": "0.9999", "save_stream_file": str(tmp_path / "flows")},
            tmp_path,
            f"reverse:http://127.0.0.1:{server.port}",
        ) as dump,
    ):
        settled_at(dump.port)
        dump.stop()
    from mitmproxy.io import FlowReader  # noqa: PLC0415 - only here are flows read back

    with (tmp_path / "flows").open("rb") as file:
        flows = [flow for flow in FlowReader(file).stream() if flow.comment]

    assert flows
    assert flows[0].marked
    assert flows[0].comment.startswith("faultlab: rule rate_limit (rate_limit/write/429), draw 0.")
    assert flows[0].comment.endswith(", attempt 1")


@pytest.mark.parametrize("program", ["mitmweb"])
def test_scripts_work_in_the_other_programs(tmp_path: Path, program: str) -> None:
    """The same script injects the same failure in mitmweb."""
    options = {"web_open_browser": "false", "web_port": "0", "faultlab_origin": "true"}
    with mitmdump(["rate_limit"], options, tmp_path, "reverse:http://127.0.0.1:9", program) as dump:
        seen = settled_at(dump.port)

    assert 429 == seen.status, dump.output


def test_the_same_seed_decides_alike_in_two_proxies(tmp_path: Path) -> None:
    """Two runs over the same requests give the same statuses and the same waits."""
    runs = []
    for _ in range(2):
        options = {"faultlab_seed": "3", "faultlab_probability": "0.5", "faultlab_origin": "true"}
        with mitmdump(["rate_limit"], options, tmp_path, "reverse:http://127.0.0.1:9") as dump:
            settled_at(dump.port)
            with Raw(dump.port) as raw:
                seen = [raw.write(BODY.replace(b"cpu", b"m%d" % n)) for n in range(30)]
            runs.append([(one.status, tuple(one.all("retry-after"))) for one in seen])

    assert runs[0] == runs[1]
    assert {204, 429} == {status for status, _ in runs[0]}


def test_every_knob_is_an_option_of_its_script() -> None:
    """``mitmdump --options`` lists each knob and each condition of a script's fault, with its meaning."""
    command = [str(Path(sys.executable).with_name("mitmdump")), "-s", str(ADDONS / "partial_write.py"), "--options"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    for item in faults.knobs(faults.PartialWrite):
        assert f"faultlab_partial_write_{item.name}:" in listed
        assert item.metadata["meaning"].split()[0] in listed
    for name in ("probability", "first", "nth", "every", "times"):
        assert f"faultlab_partial_write_{name}:" in listed


def test_scripts_work_in_the_console_program(tmp_path: Path) -> None:
    """The same script injects the same failure in mitmproxy, which wants a terminal."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("mitmproxy")), "-s", str(ADDONS / "rate_limit.py")]
    command += ["--mode", "reverse:http://127.0.0.1:9", "--listen-host", "127.0.0.1", "--listen-port", str(port)]
    command += ["--set", f"confdir={tmp_path}", "--set", "faultlab_origin=true"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.execv(command[0], command)  # noqa: S606
    reader = threading.Thread(target=drain, args=(terminal,), daemon=True)
    reader.start()
    try:
        seen = settled_at(port)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        reader.join(5)
        os.close(terminal)

    assert 429 == seen.status


def drain(terminal: int) -> None:
    """Read what a program paints, so that it never waits for its screen."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass


def armed(folder: Path) -> None:
    """Wait until the program has read our options, which is when it begins its history."""
    until = time.monotonic() + 30
    while not (folder / history.EVENTS).exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def settled_at(port: int) -> Seen:
    """Send until the program listens and answers."""
    until = time.monotonic() + 30
    while True:
        try:
            with Raw(port) as raw:
                seen = raw.write(BODY)
        except OSError:
            seen = Seen()
        if seen.status or time.monotonic() > until:
            return seen
        time.sleep(0.1)
