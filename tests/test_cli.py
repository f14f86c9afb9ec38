"""The command line as people meet it: real processes, exit statuses, one line for each mistake."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from faultlab import contract, faults, history, oracles, scenario
from tests.mitm import upstream

WRITER = Path(__file__).parent / "clients" / "writer.py"
ONCE = """
rules:
  - fault: rate_limit
    with: {min_wait: 1, max_wait: 1}
    match: {endpoint: write, attempt: 1}
    when: {first: 1}
checks: [waits_as_told]
"""


def faultlab(
    *arguments: str | Path, env: dict[str, str] | None = None, **rest: Any
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "faultlab", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **(env or {})},
        **rest,
    )


def run(
    tmp_path: Path, name: str | Path, *client: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the test's writer under a scenario."""
    return faultlab(
        "run", name, "--quiet", "--history", tmp_path / "h", *options, "--", sys.executable, WRITER, *client
    )


def scenario_file(tmp_path: Path, text: str = ONCE) -> Path:
    """Write a scenario file."""
    path = tmp_path / "once.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "client", "status"),
    [
        ("calm", (), 0),
        ("once", (), 0),
        ("once", ("--impatient",), 1),
        ("once", ("--quitter", "--silent"), 1),
        ("calm", ("--crash",), 1),
    ],
)
def test_the_exit_status_is_the_verdict(tmp_path: Path, name: str, client: tuple[str, ...], status: int) -> None:
    """A good writer passes, and one that is impatient, gives up in silence or crashes fails."""
    done = run(tmp_path, scenario_file(tmp_path) if name == "once" else name, *client)

    assert status == done.returncode, done.stdout + done.stderr


def test_a_rule_that_never_fires_is_inconclusive(tmp_path: Path) -> None:
    """A scenario whose fault had no chance proves nothing: status 3, and the rule is named."""
    path = scenario_file(tmp_path, "rules:\n  - {fault: rate_limit, name: unmet, match: {endpoint: query}}\n")
    done = run(tmp_path, path)

    assert 3 == done.returncode, done.stdout
    assert "unmet" in done.stdout


def test_an_edited_history_is_judged_anew(tmp_path: Path) -> None:
    """The history of a pass, edited so that the resend comes early, fails and names exchange, batch and seconds."""
    assert 0 == run(tmp_path, scenario_file(tmp_path)).returncode
    path = tmp_path / "h" / "events.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines()]
    resent = next(event for event in events if event.get("attempt") == 2)
    told = next(event for event in events if event["event"] == "outcome" and event["told"]["status"] == 429)
    resent["at"] = told["at"] + 0.25
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    done = faultlab("judge", tmp_path / "h", "--json", "-")
    oracle = next(one for one in json.loads(done.stdout)["oracles"] if one["name"] == "waits_as_told")
    [judgement] = oracle["judgements"]

    assert (1, "fail") == (done.returncode, oracle["verdict"])
    for part in (f"exchange {told['seq']}", told_batch(events, told["seq"])[:8], "1.00", "0.25"):
        assert part in judgement["what"]


def told_batch(events: list[dict[str, Any]], seq: int) -> str:
    """Give the batch of an exchange."""
    return next(str(event["batch"]) for event in events if event["event"] == "exchange" and event["seq"] == seq)


def test_the_reproducing_line_reproduces(tmp_path: Path) -> None:
    """The line a run prints, run as it stands, decides every attempt as the first run did."""
    path = scenario_file(
        tmp_path, "rules:\n  - {fault: rate_limit, with: {min_wait: 0, max_wait: 1}, when: {probability: 0.5}}\n"
    )
    first = run(tmp_path, path, options=("--seed", "5"))
    line = next(one.strip() for one in first.stdout.splitlines() if one.strip().startswith("faultlab run"))
    again = subprocess.run(
        line.replace("faultlab run", f"{sys.executable} -m faultlab run --history {tmp_path}/again", 1),
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert first.returncode == again.returncode, line
    assert decisions(tmp_path / "h") == decisions(tmp_path / "again")


def decisions(folder: Path) -> dict[tuple[str, int], Any]:
    """Give each attempt's decision."""
    return {(event.batch, event.attempt): event.decision for event in history.read(folder).events}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("run", "rate-limt", "--", "true"), "did you mean 'rate-limit'?"),
        (("run", "missing.yaml", "--", "true"), "missing.yaml"),
        (("run", "calm"), "Missing argument"),
        (("run", "calm", "--profile", "serverles", "--", "true"), "'serverles'"),
        (("run", "calm", "--upstream", "localhost", "--", "true"), "--upstream is 'localhost'; expected a URL"),
        (("run", "calm", "--sede", "1", "--", "true"), "--sede"),
        (("rnu", "calm"), "no command 'rnu'; did you mean 'run'?"),
        (("faults", "rate_limt"), "no fault named 'rate_limt'; did you mean 'rate_limit'?"),
        (("faults", "rate_limit", "--profile", "oss1"), "profile 'oss1' documents no 'rate_limit'; profiles that do:"),
        (("addon", "rate-limit"), "no script named 'rate-limit'; did you mean 'rate_limit'?"),
        (("judge", "nowhere"), "nowhere is no history"),
        (("run", "rate-limit", "--profile", "oss1", "--", "true"), "profile 'oss1' documents no 'rate_limit'"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(tmp_path: Path, arguments: tuple[str, ...], line: str) -> None:
    """What was given, what was expected and the nearest thing there is, in one line on standard error."""
    done = faultlab(*arguments, cwd=tmp_path)

    assert (2, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert line in done.stderr
    assert not list(tmp_path.iterdir())


def test_broken_yaml_is_placed(tmp_path: Path) -> None:
    """The message begins with file, line and column."""
    path = scenario_file(tmp_path, "rules:\n  - fault: rate_limit\n    with: {min_wiat: 1}\n")
    done = faultlab("run", path, "--", "true")

    assert (2, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert f"{path}:3:12" in done.stderr
    assert "did you mean 'min_wait'" in done.stderr


def test_a_port_in_use_is_an_environment_failure(tmp_path: Path) -> None:
    """Status 4 and one line that names the port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(tmp_path, "calm", options=("--port", str(port)))

    assert (4, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert str(port) in done.stderr


def test_an_upstream_that_is_down_is_an_environment_failure(tmp_path: Path) -> None:
    """Status 4 and one line that names the URL."""
    done = run(tmp_path, "calm", options=("--upstream", "http://127.0.0.1:9"))

    assert (4, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert "upstream http://127.0.0.1:9 does not answer: Connection refused" in done.stderr


def test_a_command_that_does_not_exist_is_an_environment_failure(tmp_path: Path) -> None:
    """Status 4 and one line that names the command; the history says what was planned and that the run ended."""
    done = faultlab("run", "calm", "--history", tmp_path / "h", "--", "no-such-command")

    assert 4 == done.returncode, done.stderr
    assert "faultlab: the client could not start: no-such-command: No such file or directory\n" == done.stderr
    assert history.read(tmp_path / "h").complete


def test_a_command_that_never_ends_is_ended_and_fails(tmp_path: Path) -> None:
    """The client is dead after the deadline, the verdict is fail, and the history is whole."""
    done = run(tmp_path, "calm", "--hang", options=("--deadline", "2"))
    past = history.read(tmp_path / "h")

    assert 1 == done.returncode, done.stdout
    assert past.complete
    assert past.client is not None
    assert past.client.timed_out
    assert "ends_well" in done.stdout


def test_memory_is_the_clients_own(tmp_path: Path) -> None:
    """A small client has a small peak, whatever the lab itself holds; one that fills 200 MB has more than that."""
    small = faultlab("run", "calm", "--quiet", "--history", tmp_path / "s", "--", "sleep", "0.3")
    fill = "x = bytearray(200 << 20); import time; time.sleep(0.3)"
    faultlab("run", "calm", "--quiet", "--history", tmp_path / "l", "--", sys.executable, "-c", fill)
    peaks = [client.memory for folder in "sl" if (client := history.read(tmp_path / folder).client)]

    assert 3 == small.returncode
    assert 0 < peaks[0] < 20 << 20 < 200 << 20 < peaks[1]


def test_a_client_leaves_no_orphan(tmp_path: Path) -> None:
    """A process the client left behind is gone when the run is."""
    script = f"sleep 300 & echo $! > {tmp_path}/pid"
    faultlab("run", "calm", "--quiet", "--history", tmp_path / "h", "--", "sh", "-c", script)
    pid = int((tmp_path / "pid").read_text())

    assert not alive(pid)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid: int) -> list[int]:
    """Give the children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_an_interrupted_run_leaves_a_history_and_no_process(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C leaves a whole history and status 130, kill -9 a readable one; proxy and client are gone either way."""
    command = [sys.executable, "-m", "faultlab", "run", "calm", "--quiet", "--history", str(tmp_path / "h"), "--"]
    process = subprocess.Popen(
        [*command, sys.executable, str(WRITER), "--hang"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 60
    path = tmp_path / "h" / "events.jsonl"
    while time.monotonic() < until and not (path.exists() and path.read_text().count("outcome") >= 5):
        time.sleep(0.05)
    ours = {pid: command_of(pid) for pid in children(process.pid)}
    process.send_signal(number)
    process.communicate(timeout=60)
    until = time.monotonic() + 20
    while any(alive(pid) for pid in ours) and time.monotonic() < until:
        time.sleep(0.05)
    past = history.read(tmp_path / "h")

    assert [True, True] == [any(part in said for said in ours.values()) for part in ("proxy.runner", "writer.py")]
    assert [] == [said for pid, said in ours.items() if alive(pid)]
    assert 5 == len(past.events)
    assert (number == signal.SIGINT) == past.complete
    assert (130 if number == signal.SIGINT else -9) == process.returncode
    assert oracles.judge(past).verdict != oracles.judge(past).verdict.PASS


def command_of(pid: int) -> str:
    """Give the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def test_the_words_and_variables_reach_the_client(tmp_path: Path) -> None:
    """Names in braces are replaced, other braces stay, and the usual variables say the same."""
    script = "import os,sys,json; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
    faultlab(
        *("run", "calm", "--quiet", "--history", tmp_path / "h", "--org", "o", "--bucket", "b", "--"),
        *(sys.executable, "-c", script, "{url}/x", "{host}:{port}", "{token}", "{org}/{bucket}", "{other}"),
    )
    words, env = json.loads((tmp_path / "h" / "stdout.txt").read_text())
    url = words[0].removesuffix("/x")

    assert [f"{url}/x", url.removeprefix("http://"), env["INFLUX_TOKEN"], "o/b", "{other}"] == words
    for name in ("INFLUX_HOST", "INFLUX_URL", "INFLUXDB_V2_URL", "INFLUXDB3_HOST_URL"):
        assert url == env[name]


def test_output_without_a_terminal_has_no_colour(tmp_path: Path) -> None:
    """No escape sequences stand in a pipe, whatever the client prints; the report is on standard output alone."""
    done = faultlab("run", "calm", "--history", tmp_path / "h", "--", sys.executable, WRITER)

    assert "\x1b" not in done.stdout + done.stderr
    assert done.stdout.startswith("verdict: PASS")


@pytest.mark.parametrize(
    "command",
    [(), ("run",), ("judge",), ("faults",), ("addon",), ("scenarios",), ("oracles",), ("zoo",), ("lint",), ("ledger",)],
)
def test_help_has_examples(command: tuple[str, ...]) -> None:
    """Each command explains itself and shows how it is used."""
    done = faultlab(*command, "--help")

    assert 0 == done.returncode
    assert "Usage:" in done.stdout
    assert "Example" in done.stdout


def test_faults_lists_every_fault_as_json() -> None:
    """Each fault has its name, status, cause and Source for machines."""
    listed = json.loads(faultlab("faults", "--json").stdout)

    assert [kind.name for kind in faults.ALL] == [one["name"] for one in listed]
    assert all(answer["source"]["document"] and answer["status"] for one in listed for answer in one["answers"])


def test_faults_prints_the_exact_response() -> None:
    """The page of a fault shows the bytes the contract renders."""
    done = faultlab("faults", "rate_limit", "--profile", "serverless")
    row = contract.named("serverless").of("rate_limit")[0]

    assert "HTTP/1.1 429 Too Many Requests" in done.stdout
    assert "Retry-After: 30" in done.stdout
    assert contract.named("serverless").render(row).body.decode() in done.stdout
    assert str(row.source) in done.stdout


def test_scenarios_are_listed_and_printed() -> None:
    """Each built-in scenario has a line in the listing, and its file can be taken as a beginning."""
    listed = faultlab("scenarios").stdout
    printed = faultlab("scenarios", "rate-limit").stdout

    assert list(scenario.names()) == [line.split()[0] for line in listed.splitlines()]
    assert "fault: rate_limit" in printed
    assert "$schema" in faultlab("scenarios", "--schema").stdout


def test_a_real_upstream_is_one_option(tmp_path: Path) -> None:
    """The writes reach the upstream, the refused attempt does not, and the verdict is the same."""
    with upstream() as server:
        done = run(tmp_path, scenario_file(tmp_path), options=("--upstream", f"http://127.0.0.1:{server.port}"))

    assert 0 == done.returncode, done.stdout + done.stderr
    assert 5 == len(server.bodies)
    assert 6 == len(history.read(tmp_path / "h").events)


def test_a_forward_proxy_intercepts_tls(tmp_path: Path) -> None:
    """A client that only knows HTTPS_PROXY and its certificate authority is failed and judged over TLS."""
    done = run(tmp_path, scenario_file(tmp_path), options=("--forward",))
    past = history.read(tmp_path / "h")

    assert 0 == done.returncode, done.stdout + done.stderr
    assert {"influxdb.test"} == {event.exchange.host for event in past.events}
    assert 6 == len(past.events)


@pytest.mark.parametrize("variable", ["requests", "curl", "node"])
def test_other_clients_trust_the_forward_proxy(tmp_path: Path, variable: str) -> None:
    """The variables for Python's ssl, curl and Node name the lab's certificate authority and proxy."""
    node = (
        "const tls=require('tls'),net=require('net'),u=new URL(process.env.HTTPS_PROXY);"
        "const s=net.connect(u.port,u.hostname,()=>s.write('CONNECT influxdb.test:443 HTTP/1.1\\r\\n\\r\\n'));"
        "s.once('data',()=>{const t=tls.connect({socket:s,servername:'influxdb.test'},()=>"
        "t.write('GET /ping HTTP/1.1\\r\\nHost: influxdb.test\\r\\n\\r\\n'));"
        "t.once('data',d=>{console.log(String(d).split(' ')[1]);process.exit(0)});"
        "t.once('error',e=>{console.log(e.message);process.exit(1)})})"
    )
    commands = {
        "requests": [
            sys.executable,
            "-c",
            "import urllib.request,os; print(urllib.request.urlopen(os.environ['INFLUX_URL']+'/ping').status)",
        ],
        "curl": ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}\\n", "{url}/ping"],
        "node": ["node", "-e", node],
    }
    faultlab("run", "calm", "--quiet", "--forward", "--history", tmp_path / "h", "--", *commands[variable])

    assert "204\n" == (tmp_path / "h" / "stdout.txt").read_text()


def test_a_gzip_body_is_judged_by_what_it_holds(tmp_path: Path) -> None:
    """A body that says gzip and is none, one that decodes to 100 MB, and invalid UTF-8 each get a documented answer."""
    bomb = gzip.compress(bytes(100 * 1024 * 1024))
    assert len(bomb) < 110 * 1024
    (tmp_path / "bomb").write_bytes(bomb)
    script = f"""
import os, urllib.request, urllib.error
def send(body, encoding=None, more=()):
    head = {{"Authorization": "Token " + os.environ["FAULTLAB_TOKEN"], **dict(more)}}
    if encoding: head["Content-Encoding"] = encoding
    r = urllib.request.Request(os.environ["FAULTLAB_URL"] + "/api/v2/write?org=o&bucket=b", body, head, method="POST")
    try:
        print(urllib.request.urlopen(r, timeout=60).status)
    except urllib.error.HTTPError as e:
        print(e.code)
    except OSError as e:
        print(type(e).__name__)
send(b"plain text", "gzip")
send(open({str(tmp_path / "bomb")!r}, "rb").read(), "gzip")
send(b"m\\xff f=1 1\\nok f=1 1")
send(b"ok f=1 1", "br")
send(b"ok f=1 2", None, [("X-Long", "x" * 1_000_000)])
send(b"ok f=1 3")
"""
    (tmp_path / "client.py").write_text(script)
    faultlab("run", "calm", "--quiet", "--history", tmp_path / "h", "--", sys.executable, tmp_path / "client.py")
    past = history.read(tmp_path / "h")
    printed = (tmp_path / "h" / "stdout.txt").read_text().split()

    assert (["400", "413", "400", "415"], "204") == (printed[:4], printed[5])
    assert past.complete
    assert not past.broken
    assert {"400", "413", "415", "204"} <= {
        str(e.outcome.told.status) for e in past.events if e.outcome and e.outcome.told
    }


def test_oracles_lists_all_and_explains_one() -> None:
    """A name gives its page, in text and in JSON."""
    everything = faultlab("oracles").stdout
    page = faultlab("oracles", "waits_as_told").stdout
    one = json.loads(faultlab("oracles", "waits_as_told", "--json").stdout)

    assert all(f"{known.name} ({known.level})" in everything for known in oracles.ALL)
    assert all(word in page for word in ("Looks at:", "Fails:", "Considered:", "To mend:", "Source:"))
    assert ("waits_as_told", 4) == (one["name"], len(one["explained"]))
    assert len(oracles.ALL) == len(json.loads(faultlab("oracles", "--json").stdout))


def test_an_oracle_that_does_not_exist_is_a_usage_error() -> None:
    """One line that names the nearest."""
    done = faultlab("oracles", "waits_as_tol")

    assert (2, "faultlab: no oracle named 'waits_as_tol'; did you mean 'waits_as_told'?\n") == (
        done.returncode,
        done.stderr,
    )


def test_a_printed_token_is_redacted_and_judged(tmp_path: Path) -> None:
    """It stands in no file of the history and on no terminal, and the client is told that it printed it."""
    script = (
        "import json, os, sys, urllib.request as r\n"
        "token = os.environ['FAULTLAB_TOKEN']\n"
        "url = os.environ['FAULTLAB_URL'] + '/api/v2/write?bucket=b'\n"
        "r.urlopen(r.Request(url, b'm v=1 1\\n', {'Authorization': 'Token ' + token}))\n"
        "print('sent', token)\n"
        "print('sent', token, file=sys.stderr)\n"
        "open(os.environ['FAULTLAB_REPORT'], 'w').write(json.dumps({'told': 'debug', 'message': token}))\n"
    )
    command = ("--", sys.executable, "-c", script)
    done = faultlab("run", "calm", "--token", "hunter2-hunter2", "--history", tmp_path / "h", *command)
    written = b"".join(path.read_bytes() for path in (tmp_path / "h").rglob("*") if path.is_file())
    assert (1, False, False) == (done.returncode, "hunter2" in done.stdout + done.stderr, b"hunter2" in written)
    assert "a credential was printed, stderr line 1" in " ".join(done.stdout.split())


def test_ledger_says_how_each_point_ended(tmp_path: Path) -> None:
    """A line a point, or an object a point, or only those in one state."""
    run(tmp_path, "calm")
    everything = faultlab("ledger", tmp_path / "h").stdout.splitlines()
    objects = [json.loads(line) for line in faultlab("ledger", tmp_path / "h", "--json").stdout.splitlines()]
    lost = faultlab("ledger", tmp_path / "h", "--state", "lost silently")

    assert len(everything) == len(objects) > 0
    assert {"stored"} == {one["state"] for one in objects}
    assert (0, "") == (lost.returncode, lost.stdout)
    assert 2 == faultlab("ledger", tmp_path).returncode
    assert 2 == faultlab("ledger", tmp_path / "h", "--state", "gone").returncode
