"""``action.yml``: its form, and its own steps, run as GitHub's runner would run them but for what only GitHub has."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.examples.checking import read, schema_errors, shell_errors
from tests.examples.running import EXAMPLES, PROJECT, environment

FILE = PROJECT / "action.yml"
ACTION = read(FILE)
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
RUN = [step for step in STEPS if "run" in step]
DEFAULTS = {name: one["default"] for name, one in ACTION["inputs"].items()}
REPORTS = ("gate.json", "junit.xml", "summary.md", "faultlab.sarif")
EXPRESSION = re.compile(r"\$\{\{\s*([^}]+?)\s*\}\}")

PYTHON = """\
#!/bin/sh
mkdir -p "$3/bin"
cat > "$3/bin/pip" <<'END'
#!/bin/sh
printf '%s\\n' "$@" > "$RUNNER_TEMP/words"
END
chmod +x "$3/bin/pip"
"""
"""A stand-in for Python that makes an environment whose pip only writes down the words it is given."""

GATE = f"""\
command: [{sys.executable}, {EXAMPLES / "write_batches.py"}, --points, "5"]
scenarios: [SCENARIO]
"""


@dataclass
class Runner:
    """A stand-in for GitHub's runner: the files and variables that a step is given, and what steps put out."""

    folder: Path
    action: Path = PROJECT
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the runner's folders."""
        for name in ("workspace", "temp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def workspace(self) -> Path:
        """Where the client's repository is."""
        return self.folder / "workspace"

    @property
    def summary(self) -> str:
        """What steps added to the job's summary."""
        file = self.folder / "summary"
        return file.read_text() if file.exists() else ""

    def value(self, text: str, inputs: Mapping[str, str]) -> str:
        """Give a value of the action with its expressions evaluated."""

        def one(match: re.Match[str]) -> str:
            kind, name, *rest = match[1].split(".")
            return inputs[name] if kind == "inputs" else self.outputs[name][rest[1]]

        return EXPRESSION.sub(one, text)

    def step(self, name: str, given: Mapping[str, str] | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a step with inputs, and take in what it puts out."""
        [step] = [step for step in RUN if step["id"] == name]
        inputs = {**DEFAULTS, **(given or {})}
        output = self.folder / f"output-{name}"
        output.touch()
        variables = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self.action),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.folder / "temp"),
            **{key: self.value(value, inputs) for key, value in step.get("env", {}).items()},
        }
        script = self.folder / f"{name}.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
            cwd=self.workspace / self.value(step.get("working-directory", "."), inputs),
            env=environment(**variables, **more),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        self.outputs[name] = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return done


def copied(folder: Path) -> Path:
    """Give a folder that has what the Dockerfile copies of the project, and nothing else."""
    dockerfile = (EXAMPLES / "deploy" / "Dockerfile").read_text()
    for words in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE):
        *sources, target = words.split()
        for source in sources:
            if (PROJECT / source).is_dir():
                shutil.copytree(PROJECT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                folder.mkdir(exist_ok=True)
                shutil.copy(PROJECT / source, folder / target)
    return folder


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A runner on which the action has installed faultlab, from what the Dockerfile takes for its source too.

    What faultlab needs is not downloaded again: it is found where the tests have it.
    """
    folder = tmp_path_factory.mktemp("runner")
    runner = Runner(folder, copied(folder / "action"), {"python": {"python-path": sys.executable}})
    done = runner.step("install", PIP_NO_DEPS="1")
    assert 0 == done.returncode, done.stderr
    [site] = (folder / "temp" / "faultlab").glob("lib/python*/site-packages")
    (site / "tests.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return runner


@pytest.fixture
def stub(tmp_path: Path) -> Runner:
    """A runner whose faultlab only writes down the words it is given, one a line, and ends with status 3."""
    runner = Runner(tmp_path / "runner")
    program = tmp_path / "runner" / "temp" / "faultlab" / "bin" / "faultlab"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$RUNNER_TEMP/words"\nexit 3\n')
    program.chmod(0o755)
    return runner


def words(runner: Runner) -> list[str]:
    """Give the words a stub was given."""
    return (runner.folder / "temp" / "words").read_text().splitlines()


def test_it_keeps_to_the_schema() -> None:
    """GitHub's schema of actions has nothing against it."""
    assert "" == schema_errors("vendor.github-actions", FILE)


@pytest.mark.parametrize("step", RUN, ids=lambda step: step["id"])
def test_its_shell_is_clean(step: dict[str, Any], tmp_path: Path) -> None:
    """Shellcheck has nothing against a step, and what comes from outside reaches it by its environment only."""
    assert "" == shell_errors(step["run"], tmp_path)
    assert "${{" not in step["run"]
    assert "bash" == step["shell"]


def test_its_inputs_are_those_it_uses() -> None:
    """Each input is used, each that is used is there, and each says what it is."""
    used = {name for match in EXPRESSION.findall(FILE.read_text()) for name in re.findall(r"inputs\.([\w-]+)", match)}

    assert set(ACTION["inputs"]) == used
    assert all(one["description"] and isinstance(one["default"], str) for one in ACTION["inputs"].values())


def test_other_actions_are_pinned() -> None:
    """What it uses is named by commit, with the release in a comment."""
    uses = re.findall(r"uses: (.+)", FILE.read_text().partition("\nruns:")[2])

    assert len(uses) == 2
    assert [] == [one for one in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)]


def test_reports_are_kept_whatever_the_verdict() -> None:
    """The last step uploads what the gate's step names, also when that step failed."""
    last = STEPS[-1]

    assert "!cancelled()" in last["if"]
    assert "${{ steps.gate.outputs.folder }}" == last["with"]["path"]


def test_it_installs_extras_there_are(runner: Runner) -> None:
    """The extras it asks for are those of the package, and the command line works."""
    [install] = [step["run"] for step in RUN if step["id"] == "install"]
    extras = set(re.search(r"\[([a-z,]+)\]", install)[1].split(","))  # type: ignore[index]
    metadata = next((runner.folder / "temp" / "faultlab").glob("lib/python*/site-packages/faultlab-*/METADATA"))

    assert extras <= set(re.findall(r"^Provides-Extra: (.+)$", metadata.read_text(), re.MULTILINE))


def test_a_version_is_asked_for_as_such(tmp_path: Path) -> None:
    """With a version, pip is asked for that release and not for the action's source."""
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    runner = Runner(tmp_path / "runner", outputs={"python": {"python-path": str(python)}})
    done = runner.step("install", {"version": "0.1.0"})

    assert 0 == done.returncode, done.stderr
    assert "faultlab[cli,html,proxy]==0.1.0" == words(runner)[-1]


def test_a_gate_that_fails_leaves_its_reports(runner: Runner) -> None:
    """The step ends as the gate does, after every report, page and history was written, and GitHub was told."""
    (runner.workspace / "client").mkdir()
    (runner.workspace / "client" / "faultlab.yaml").write_text(GATE.replace("SCENARIO", "partial-write"))
    done = runner.step("gate", {"working-directory": "client"})
    folder = Path(runner.outputs["gate"]["folder"])

    assert 1 == done.returncode, done.stdout + done.stderr
    assert ("1", runner.workspace / "client" / "faultlab-runs" / "faultlab") == (
        runner.outputs["gate"]["status"],
        folder,
    )
    assert [] == [name for name in REPORTS if not (folder / name).stat().st_size]
    suites = ET.parse(folder / "junit.xml").getroot().iter("testsuite")  # noqa: S314 - our own file
    assert [("partial-write[0]", "2")] == [(suite.get("name"), suite.get("failures")) for suite in suites]
    assert [1, 1] == [len(list(folder.glob(f"histories/*/{name}"))) for name in ("events.jsonl", "report.html")]
    assert re.search(r"^::error title=partial-write", done.stdout, re.MULTILINE)
    assert runner.summary.startswith("**faultlab: FAIL**")


def test_a_gate_that_passes_passes(runner: Runner) -> None:
    """The step ends with 0, and without pages where none are wanted."""
    (runner.workspace / "calm.yaml").write_text(GATE.replace("SCENARIO", "calm"))
    done = runner.step("gate", {"file": "calm.yaml", "artifact": "calm", "html": "false", "jobs": "1"})
    folder = Path(runner.outputs["gate"]["folder"])

    assert 0 == done.returncode, done.stdout + done.stderr
    assert ("0", "calm") == (runner.outputs["gate"]["status"], folder.name)
    assert [] == [name for name in REPORTS if not (folder / name).stat().st_size]


def test_inputs_become_options(stub: Runner) -> None:
    """Each input is one word of the command, whatever is in it, and the gate's status is the step's."""
    given = {"file": "a b; touch $(pwd)/x", "jobs": "3", "strict": "true", "compare": "old $HOME.json"}
    done = stub.step("gate", given)
    asked = words(stub)

    assert (3, "3") == (done.returncode, stub.outputs["gate"]["status"])
    assert ["gate", given["file"], "--strict", "--pages", "--jobs", "3", "--compare", given["compare"]] == asked[:8]
    assert [] == list(stub.workspace.glob("*x*"))


def test_by_default_nothing_is_asked_for_but_pages(stub: Runner) -> None:
    """What is left empty is left to the file."""
    stub.step("gate")

    assert ["gate", "faultlab.yaml", "--pages", "--history"] == words(stub)[:4]


@pytest.mark.parametrize(
    ("name", "value"), [("strict", "yes"), ("html", ""), ("artifact", "../up"), ("artifact", ".."), ("artifact", "")]
)
def test_a_value_that_is_none_is_refused(stub: Runner, name: str, value: str) -> None:
    """A truth value that is none, or a name that would lead elsewhere, ends the step before anything is run."""
    done = stub.step("gate", {name: value})

    assert 2 == done.returncode
    assert f"::error::input {name} is '{value}'; expected" in done.stdout
    assert not (stub.folder / "temp" / "words").exists()
    assert {} == stub.outputs["gate"]
