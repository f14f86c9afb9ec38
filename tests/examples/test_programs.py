"""The programs, suites and proxies of ``examples/``, each run as its first lines say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.clients import node
from tests.examples.running import EXAMPLES, PROJECT, proxy, run
from tests.mitm import upstream
from tests.raw import Raw

NODE = EXAMPLES / "node"


def body(number: int) -> bytes:
    """Give three lines that no other write has."""
    return b"".join(b"home,room=r%d temperature=20 %d\n" % (room, 10**18 + number) for room in range(3))


def verdicts(scenario: str, command: list[str | Path], tmp_path: Path) -> dict[str, Any]:
    """Run a client under a scenario and give the verdict of the run and of each oracle that had something to judge."""
    report = tmp_path / "report.json"
    words: list[str | Path] = [
        "faultlab",
        "run",
        scenario,
        "--quiet",
        "--seed",
        "7",
        "--json",
        report,
        "--history",
        tmp_path / "history",
    ]
    done = run([*words, "--", *command])
    assert report.exists(), done.stderr
    given = json.loads(report.read_text())
    return {"": given["verdict"], **{one["name"]: one["verdict"] for one in given["oracles"] if one["judgements"]}}


@pytest.fixture(scope="module")
def node_writer(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """The Node writer's command, in a folder where its client is installed."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("this machine has no Node, or no npm")
    folder = tmp_path_factory.mktemp("node")
    shutil.copytree(NODE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(node.installed() / "node_modules")
    return ["node", folder / "write_batches.mjs", "--points", "20"]


def test_the_node_writer_is_installed_from_the_lock_of_the_tests() -> None:
    """Both lock files name the same client, by its digest and without the place it came from."""
    ours, theirs = (json.loads((folder / "package-lock.json").read_text())["packages"] for folder in (NODE, node.HERE))
    wanted = json.loads((NODE / "package.json").read_text())

    assert ours[""] == {"name": wanted["name"], "dependencies": wanted["dependencies"]}
    assert {name: one for name, one in ours.items() if name} == {name: one for name, one in theirs.items() if name}
    assert all("integrity" in one and "resolved" not in one for name, one in ours.items() if name)


def test_the_node_writer_gives_up_what_waits_when_it_is_closed(node_writer: list[str | Path], tmp_path: Path) -> None:
    """As its first lines say, the first run fails, and the oracle that fails is the one on retries."""
    found = verdicts("examples/hiccup.yaml", node_writer, tmp_path)

    assert "fail" == found[""]
    assert ["delivers_through_transient_failures"] == [
        name for name, verdict in found.items() if name and verdict == "fail"
    ]


def test_the_node_writer_passes_once_it_is_patient(node_writer: list[str | Path], tmp_path: Path) -> None:
    """As its first lines say, the second run passes."""
    found = verdicts("examples/hiccup.yaml", [*node_writer, "--patient"], tmp_path)

    assert ("pass", "pass") == (found[""], found["delivers_through_transient_failures"])


def test_the_node_client_takes_seconds_for_milliseconds(node_writer: list[str | Path], tmp_path: Path) -> None:
    """As its first lines say, under rate-limit it fails though it is patient: it does not wait as it is told."""
    found = verdicts("rate-limit", [*node_writer, "--patient"], tmp_path)

    assert ["waits_as_told"] == [name for name, verdict in found.items() if name and verdict == "fail"]


def test_the_plain_suite_passes(tmp_path: Path) -> None:
    """Four tests pass, the fifth fails as it is expected to, and each has its history."""
    options: list[str | Path] = ["-q", "-p", "no:cacheprovider", "--faultlab-history", tmp_path / "histories"]
    done = run(["pytest", *options, "examples/test_writer.py"])

    assert 0 == done.returncode, done.stdout
    assert "4 passed, 1 xfailed" in done.stdout
    # A test, and three scopes of one and one of another.
    assert 5 + 3 + 1 == len(list((tmp_path / "histories").glob("*/events.jsonl")))


def test_an_agent_goes_through_the_forward_proxy(tmp_path: Path) -> None:
    """An agent, curl, writes to a host there is not, is refused once, waits as it is told and gets through."""
    done = run([EXAMPLES / "forward_proxy.sh"], cwd=tmp_path)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert done.stdout.startswith("verdict: PASS\nscenario rate-limit, seed 7, profile serverless\n2 exchanges")
    assert "told 429 by exchange 1" in done.stdout
    [history] = (tmp_path / "faultlab-runs").glob("*/events.jsonl")
    assert '"host":"influxdb.test"' in history.read_text().replace(" ", "")


def test_any_other_agent_can_stand_there(tmp_path: Path) -> None:
    """The command that is given is run in place of curl; one that never writes proves nothing."""
    done = run([EXAMPLES / "forward_proxy.sh", "sh", "-c", 'echo "through $HTTPS_PROXY"'], cwd=tmp_path)

    assert 3 == done.returncode, done.stdout + done.stderr
    assert "through http://127.0.0.1:" in done.stderr


def test_mitmdump_fails_what_goes_to_an_influxdb(tmp_path: Path) -> None:
    """Every script that is given fires, each write meets one of them at most, and the rest goes through."""
    with upstream() as server:
        options = ["--listen-port", "0", "--set", f"confdir={tmp_path}"]
        with proxy([EXAMPLES / "mitmdump.sh", f"http://127.0.0.1:{server.port}", *options]) as dump:
            assert dump.port, dump.output
            with Raw(dump.port) as raw:
                seen = [raw.write(body(number)).status for number in range(60)]

    assert {201, 204, 429, 503} == set(seen), dump.output
    assert len([status for status in seen if status < 300]) == len(server.bodies)
    assert 0 == dump.status


def test_mitmweb_refuses_every_second_write(tmp_path: Path) -> None:
    """No InfluxDB is needed, and the page to look at is served as soon as writes are answered."""
    options = ["--listen-port", "0", "--set", "web_port=0", "--set", f"confdir={tmp_path}"]
    with proxy([EXAMPLES / "mitmweb.sh", *options], until="Web server listening at ") as dump:
        assert dump.port, dump.output
        with Raw(dump.port) as raw:
            seen = [raw.write(body(number)).status for number in range(6)]

    assert [204, 429] * 3 == seen, dump.output


def test_each_example_says_how_it_is_run() -> None:
    """The first lines of every program, suite, script and file name a command that has the example in it."""
    kinds = ("*.py", "*.sh", "node/*.mjs", "faultlab.yaml", "ci/*", "deploy/*")
    examples = sorted(path for kind in kinds for path in EXAMPLES.glob(kind))
    silent = [
        path.relative_to(PROJECT).as_posix()
        for path in examples
        if path.name not in "\n".join(path.read_text().splitlines()[:16]) and path.name != "demo.py"
    ]

    assert len(examples) > 10
    assert [] == silent
