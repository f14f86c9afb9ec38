"""The files of ``examples/deploy/``: each keeps to its form, and what its containers run comes up."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import faultlab
from faultlab.lab import VARIABLES
from tests.examples.checking import PROGRAMS, read, schema_errors, shell_errors
from tests.examples.running import EXAMPLES, PROJECT, proxy, run
from tests.mitm import upstream
from tests.raw import Raw

DEPLOY = EXAMPLES / "deploy"
DOCKERFILE = DEPLOY / "Dockerfile"
COMPOSE = DEPLOY / "compose.yaml"
KUBERNETES = DEPLOY / "kubernetes.yaml"
SCHEMA = Path(__file__).with_name("pod.schema.json")


def sidecar() -> dict[str, Any]:
    """Give the container with the proxy of the pod."""
    [one] = read(KUBERNETES)["spec"]["initContainers"]
    return dict(one)


def composed() -> str:
    """Give the command of the proxy's service, as the shell in its container sees it."""
    service = read(COMPOSE)["services"]["faultlab"]
    [command] = service["command"]
    assert ["sh", "-c"] == service["entrypoint"]
    # Once each "$$" is gone there is no other, which compose would replace by a variable of whoever runs it.
    assert "$" not in command.replace("$$", "")
    return str(command).replace("$$", "$")


def here(command: str, folder: Path) -> str:
    """Give a container's command for a process of this machine: another folder, loopback, and any free port."""
    out = command.replace("confdir=/tmp/mitmproxy", f"confdir={folder}").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    return re.sub(r"--listen-port \d+", "--listen-port 0", out)


def statuses(port: int) -> set[int]:
    """Write sixty times through a proxy and give the statuses that came back."""
    with Raw(port) as raw:
        bodies = (b"".join(b"m,k=%d f=1 %d\n" % (n, time) for time in range(3)) for n in range(60))
        return {raw.write(body).status for body in bodies}


def test_the_dockerfile_is_clean() -> None:
    """Hadolint has nothing against it, and it would have against one that is not."""
    worse = DOCKERFILE.read_text().replace("FROM python:3.13-slim AS build", "FROM python AS build")
    again = [str(PROGRAMS / "hadolint"), "-"]

    done = run([PROGRAMS / "hadolint", DOCKERFILE])
    assert (0, "") == (done.returncode, done.stdout)
    assert (
        "DL3006" in subprocess.run(again, input=worse, capture_output=True, text=True, check=False, timeout=60).stdout
    )


def test_the_dockerfile_runs_as_nobody_in_particular() -> None:
    """The last user is a number that is not root's, and what it starts is faultlab."""
    text = DOCKERFILE.read_text()

    assert int(re.findall(r"^USER (\d+)$", text, re.MULTILINE)[-1]) >= 10_000
    assert ['["faultlab"]'] == re.findall(r"^ENTRYPOINT (.+)$", text, re.MULTILINE)


def test_what_the_dockerfile_copies_is_there() -> None:
    """Each source is in the project; that they are enough to install it, the action's tests see."""
    sources = [
        source
        for words in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE.read_text(), re.MULTILINE)
        for source in words.split()[:-1]
    ]

    assert {"faultlab", "addons", "strategies", "pyproject.toml"} <= set(sources)
    assert [] == [source for source in sources if not (PROJECT / source).exists()]


def test_the_composition_keeps_to_the_schema() -> None:
    """The Compose specification has nothing against it, and the folders and files it builds of are there."""
    app, lab = (read(COMPOSE)["services"][name]["build"] for name in ("app", "faultlab"))
    copied = re.findall(r"^COPY (\S+) ", app["dockerfile_inline"], re.MULTILINE)

    assert "" == schema_errors("vendor.compose-spec", COMPOSE)
    assert (DEPLOY / lab["context"] / lab["dockerfile"]).samefile(DOCKERFILE)
    assert [True] == [(DEPLOY / app["context"] / name).exists() for name in copied]


def test_the_composition_agrees_with_itself() -> None:
    """The program writes to the proxy's port as InfluxDB was set up, and waits until it is there."""
    services = read(COMPOSE)["services"]
    setup, given = services["influxdb"]["environment"], services["app"]["environment"]
    [port] = re.findall(r"--listen-port (\d+)", composed())

    assert f"http://faultlab:{port}" == given["INFLUXDB_V2_URL"]
    assert f'"http://127.0.0.1:{port}/health"' in services["faultlab"]["healthcheck"]["test"][-1]
    assert [setup[f"DOCKER_INFLUXDB_INIT_{name}"] for name in ("ADMIN_TOKEN", "ORG", "BUCKET")] == [
        given["INFLUXDB_V2_TOKEN"],
        given["INFLUXDB_V2_ORG"],
        given["INFLUX_BUCKET"],
    ]
    assert {"condition": "service_healthy"} == services["app"]["depends_on"]["faultlab"]


def test_the_composed_proxy_fails_what_is_written(tmp_path: Path) -> None:
    """Its command starts a proxy that refuses some writes and lets the others through."""
    command = composed()
    with upstream() as server:
        words = here(command, tmp_path).replace("http://influxdb:8086", f"http://127.0.0.1:{server.port}")
        with proxy(["sh", "-c", words]) as dump:
            assert dump.port, dump.output
            seen = statuses(dump.port)

    assert "" == shell_errors(f"#!/bin/sh\n{command}\n", tmp_path, "sh")
    assert {204, 429, 503} == seen, dump.output


def test_the_pod_keeps_to_the_schema(tmp_path: Path) -> None:
    """The schema of Kubernetes 1.37 has nothing against it, and it would against a key that is misspelt."""
    worse = tmp_path / "worse.yaml"
    worse.write_text(KUBERNETES.read_text().replace("restartPolicy: Always", "restartpolicy: Always"))

    assert "" == schema_errors(SCHEMA, KUBERNETES)
    assert "'restartpolicy' was unexpected" in schema_errors(SCHEMA, worse)


def test_the_pod_agrees_with_itself() -> None:
    """The program finds the proxy by a usual variable, volumes are there, and nothing may become root."""
    spec = read(KUBERNETES)["spec"]
    lab, [program] = sidecar(), spec["containers"]
    [port] = re.findall(r"--listen-port (\d+)", lab["args"][0])
    given = {one["name"]: one.get("value") for one in program["env"]}
    contexts = [one["securityContext"] for one in (lab, program)]

    assert f"http://127.0.0.1:{port}" == given["INFLUX_URL"]
    assert {"INFLUX_URL", "INFLUX_TOKEN"} <= {name for names in VARIABLES.values() for name in names}
    assert {one["name"] for one in lab["volumeMounts"]} == {one["name"] for one in spec["volumes"]}
    assert "Always" == lab["restartPolicy"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert [False, False] == [context["allowPrivilegeEscalation"] for context in contexts]
    assert f"faultlab:{faultlab.__version__}" == lab["image"]


def test_the_sidecar_fails_what_is_written(tmp_path: Path) -> None:
    """Its command starts a proxy that its probe finds, and that fails some writes and lets the others through."""
    lab = sidecar()
    [command] = lab["args"]
    [interpreter, *probe] = lab["startupProbe"]["exec"]["command"]
    assert ("python", ["sh", "-c"]) == (interpreter, lab["command"])
    with upstream() as server:
        given = {"UPSTREAM": f"http://127.0.0.1:{server.port}"}
        with proxy(["sh", "-c", here(command, tmp_path)], given=given) as dump:
            assert dump.port, dump.output
            found = run([sys.executable, *(word.replace("18086", str(dump.port)) for word in probe)])
            seen = statuses(dump.port)
    gone = run([sys.executable, *(word.replace("18086", str(dump.port)) for word in probe)])

    assert "" == shell_errors(f"#!/bin/sh\n{command}\n", tmp_path, "sh")
    assert (0, 1) == (found.returncode, gone.returncode)
    assert {201, 204, 429} == seen, dump.output


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.sh")), ids=lambda path: path.name)
def test_each_script_is_clean(script: Path) -> None:
    """Shellcheck has nothing against it, and it can be started by its name."""
    done = run([PROGRAMS / "shellcheck", script])

    assert (0, "") == (done.returncode, done.stdout)
    assert script.stat().st_mode & 0o111
