"""Builds faultlab as a stranger would, installs it where its source is out of sight, and puts it to use there.

    make package

The wheel is made of the source distribution. It is installed twice: with every extra, where one real fault is injected
through each way in, and bare, where the core has to work with nothing but the standard library.
"""

from __future__ import annotations

import configparser
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any

from tests.packaging.environments import PROJECT, Built, CommandError, Environment, build, make

PLACES = {"faultlab": "faultlab", "addons": "faultlab/addons", "strategies": "faultlab/strategies"}
"""Where each folder of the project lies in the wheel."""

ENTRY_POINTS = {
    "console_scripts": {"faultlab": "faultlab.__main__:main"},
    "pytest11": {"faultlab": "faultlab.pytest_plugin"},
}

SCENARIO = """\
name: one-refusal
about: The first attempt is refused for a second.
rules:
  - fault: rate_limit
    with: {form: seconds, min_wait: 1, max_wait: 1}
    match: {endpoint: write, attempt: 1}
checks: [waits_as_told, delivers_through_transient_failures, loses_nothing_silently, ends_well]
client: {deadline: 30}
"""

CLIENT = """\
import os, sys, time, urllib.error, urllib.request

patience = float(sys.argv[1])
url = f"{os.environ['INFLUX_HOST']}/api/v2/write?org=o&bucket={os.environ['INFLUX_BUCKET']}&precision=ns"
headers = {"Authorization": f"Token {os.environ['INFLUX_TOKEN']}", "Content-Type": "text/plain; charset=utf-8"}
for attempt in range(5):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"m,k=a v=1 1700000000000000000", headers)):
            sys.exit(0)
    except urllib.error.HTTPError as refusal:
        time.sleep(patience * float(refusal.headers["Retry-After"]))
sys.exit(1)
"""

BEYOND_CORE = {"__init__", "__main__", "__pycache__", "cli", "output", "proxy", "py", "pytest_plugin", "terminal"}
"""What of the folder ``faultlab`` needs a library, or is no module."""

JUDGE = """\
import pathlib, sys
from faultlab import history, oracles
print(oracles.judge(history.read(pathlib.Path(sys.argv[1]))).verdict.word)
"""


class MismatchError(Exception):
    """Something about the package is not as it has to be; the message says what was expected and what is."""


def check(what: str, expected: Any, actual: Any) -> None:
    """Say that something holds; raises MismatchError when it does not."""
    if expected != actual:
        raise MismatchError(f"{what}: expected {expected!r}, found {actual!r}")
    print(f"ok  {what}", flush=True)


def files_of(folder: Path) -> Iterator[str]:
    """Yield the path, in the wheel, of every file that a package's folders hold."""
    for name, place in PLACES.items():
        for path in sorted((folder / name).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{place}/{path.relative_to(folder / name).as_posix()}"


def check_files(built: Built) -> None:
    """Check that the wheel holds every file of the folders, and nothing else."""
    with zipfile.ZipFile(built.wheel) as wheel:
        names = wheel.namelist()
        (info,) = {name.partition("/")[0] for name in names if ".dist-info/" in name}
        entry_points = configparser.ConfigParser()
        entry_points.read_string(wheel.read(f"{info}/entry_points.txt").decode())
        metadata = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())
        licence = wheel.read(f"{info}/licenses/LICENSE")
    wanted = set(files_of(PROJECT))
    given = {name for name in names if not name.startswith(f"{info}/")}
    check("the wheel lacks no file of the folders", [], sorted(wanted - given))
    check("the wheel has no file from elsewhere", [], sorted(given - wanted))
    check("the wheel has its type marker", True, "faultlab/py.typed" in given)
    check("the wheel has the scenarios' schema", True, "faultlab/scenarios/schema.json" in given)
    check("the wheel has its entry points", ENTRY_POINTS, {name: dict(entry_points[name]) for name in ENTRY_POINTS})
    required = [line for line in metadata.get_all("Requires-Dist") or () if "extra ==" not in line]
    check("the wheel requires nothing", [], required)
    check("the wheel has the licence", (PROJECT / "LICENSE").read_bytes(), licence)


def check_installed(environment: Environment, desk: Path) -> Path:
    """Use every way in of the full installation; give the folder of the history of one run."""
    where = environment.run(["python", "-c", "import faultlab; print(faultlab.__file__)"], cwd=desk).stdout.strip()
    check("the installed package is the one imported", True, Path(where).is_relative_to(environment.folder))
    text = environment.run(["faultlab", "--help"], cwd=desk).stdout
    check("faultlab --help names the exit statuses", True, "Exit statuses: 0 pass" in text)
    page = json.loads(environment.run(["faultlab", "faults", "rate_limit", "--json"], cwd=desk).stdout)
    check("faultlab faults rate_limit answers 429", [429], sorted({row["status"] for row in page["answers"]}))
    names = environment.run(["faultlab", "scenarios"], cwd=desk).stdout.splitlines()
    shipped = {path.stem for path in (PROJECT / "faultlab" / "scenarios").glob("*.yaml")}
    check("faultlab scenarios lists those of the folder", shipped, {line.split()[0] for line in names})
    markers = environment.run(["pytest", "--markers"], cwd=desk).stdout
    check("pytest knows the marker", True, "@pytest.mark.faultlab(" in markers)
    check_mitmdump(environment, desk)
    return check_run(environment, desk)


def check_run(environment: Environment, desk: Path) -> Path:
    """Judge a client that waits as it is told, and one that does not; give the history of the first."""
    (desk / "one-refusal.yaml").write_text(SCENARIO)
    (desk / "client.py").write_text(CLIENT)
    command = ["faultlab", "run", "one-refusal.yaml", "--seed", "7", "--quiet", "--json", "-"]
    client = ["--", str(environment.python), "client.py"]
    for name, patience, status, verdict in (("patient", "1", 0, "pass"), ("hasty", "0", 1, "fail")):
        done = environment.run([*command, "--history", name, *client, patience], cwd=desk, expected=None)
        if done.returncode != status:
            raise MismatchError(f"faultlab run ended with {done.returncode}; expected {status}\n{done.stderr}")
        check(f"a {name} client's verdict is {verdict}", verdict, json.loads(done.stdout)["verdict"])
    events = [json.loads(line) for line in (desk / "patient" / "events.jsonl").read_text().splitlines()]
    told = [event["told"]["status"] for event in events if event["event"] == "outcome"]
    check("a patient client is told 429, then 204", [429, 204], told)
    return desk / "patient"


def check_mitmdump(environment: Environment, desk: Path) -> None:
    """Check that a stock mitmdump injects the fault of an installed script."""
    script = environment.run(["faultlab", "addon", "rate_limit"], cwd=desk).stdout.strip()
    check("faultlab addon names an installed script", True, Path(script).is_relative_to(environment.folder))
    options = ["--mode", "reverse:http://127.0.0.1:9", "--listen-host", "127.0.0.1", "--listen-port", "0"]
    options += ["--set", f"confdir={desk / 'conf'}", "-s", script, "--set", "faultlab_seed=7"]
    with subprocess.Popen(
        [environment.folder / "bin" / "mitmdump", *options],
        cwd=desk,
        env=environment.variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    ) as process:
        late = threading.Timer(60, process.kill)
        late.start()
        try:
            check("a stock mitmdump answers 429", 429, status_of_write(port_of(process)))
        finally:
            late.cancel()
            process.terminate()
            process.communicate(timeout=30)


def port_of(process: subprocess.Popen[str]) -> int:
    """Wait until a proxy listens and give its port; raises MismatchError with what it said when it ends instead."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"listening at \S*?:(\d+)", line):
            return int(found[1])
    raise MismatchError(f"mitmdump did not listen: {''.join(said)}")


def status_of_write(port: int) -> int:
    """Write one line through a proxy and give the status of its reply."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = f"http://127.0.0.1:{port}/api/v2/write?org=o&bucket=b"
    try:
        with opener.open(urllib.request.Request(url, b"m v=1 1"), timeout=20) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code


def check_bare(environment: Environment, desk: Path, past: Path) -> None:
    """Check that without extras the core works, and the command line says what it lacks."""
    core = sorted({path.stem for path in (PROJECT / "faultlab").iterdir()} - BEYOND_CORE)
    script = f"import {', '.join(f'faultlab.{name}' for name in core)}; print('imported')"
    done = environment.run(["python", "-W", "error", "-c", script], cwd=desk)
    check(f"without extras the core is imported ({', '.join(core)})", "imported\n", done.stdout)
    verdict = environment.run(["python", "-c", JUDGE, past], cwd=desk).stdout.strip()
    check("a history is judged without extras", "pass", verdict)
    done = environment.run(["faultlab"], cwd=desk, expected=2)
    check(
        "faultlab says what to install", "faultlab: the command line needs click; install faultlab[cli]\n", done.stderr
    )


def main() -> int:
    """Build, install and check; 1 at the first thing that does not hold."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faultlab-package-") as name:
        folder = Path(name).resolve()
        desk = folder / "desk"
        desk.mkdir()
        try:
            built = build(folder)
            check_files(built)
            full = make(folder / "full")
            full.install(f"{built.wheel}[all]")
            past = check_installed(full, desk)
            bare = make(folder / "bare")
            bare.install(built.wheel)
            check_bare(bare, desk, past)
        except (CommandError, MismatchError) as problem:
            print(f"package: {problem}", file=sys.stderr)
            return 1
    print(f"the package is whole and works by itself ({time.monotonic() - began:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
