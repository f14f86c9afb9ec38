"""The files of ``examples/ci/``: each keeps to its form, and its commands run but for what installs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import tree_sitter_groovy
from tree_sitter import Language, Node, Parser

from tests.examples.checking import PROGRAMS, read, schema_errors, shell_errors
from tests.examples.running import EXAMPLES, PROJECT, environment
from tests.examples.test_action import ACTION, GATE, REPORTS

CI = EXAMPLES / "ci"
GITHUB = CI / "github.yml"
GITLAB = CI / "gitlab.yml"
JENKINSFILE = CI / "Jenkinsfile"


def groovy(source: bytes) -> Node:
    """Give the tree of a Groovy source."""
    return Parser(Language(tree_sitter_groovy.language())).parse(source).root_node


def gitlab_script() -> list[str]:
    """Give the commands of the GitLab job."""
    return list(read(GITLAB)["faultlab"]["script"])


def jenkins_scripts() -> list[str]:
    """Give the commands of the Jenkins pipeline, a script a step."""
    return re.findall(r"sh '''(.*?)'''", JENKINSFILE.read_text(), re.DOTALL)


def run(script: str, folder: Path, shell: str, **given: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder as a CI server would, with a gate that fails."""
    (folder / "faultlab.yaml").write_text(GATE.replace("SCENARIO", "partial-write"))
    return subprocess.run(
        [shell, "-e", "-c", script],
        cwd=folder,
        env=environment(**given),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def failures(junit: Path) -> list[str | None]:
    """Give how many failures each suite of a report has."""
    return [suite.get("failures") for suite in ET.parse(junit).getroot().iter("testsuite")]  # noqa: S314 - our own


@pytest.mark.parametrize("schema", ["vendor.github-workflows", "custom.github-workflows-require-timeout"])
def test_the_workflow_keeps_to_the_schema(schema: str) -> None:
    """GitHub's schema of workflows has nothing against it, and every job has a time limit."""
    assert "" == schema_errors(schema, GITHUB)


def test_the_workflow_uses_the_action_as_it_is() -> None:
    """Inputs, artifact and SARIF file are those of ``action.yml``; others' actions are pinned by commit."""
    jobs = read(GITHUB)["jobs"]
    [given] = [step["with"] for step in jobs["gate"]["steps"] if step.get("uses", "").startswith("OWNER/faultlab@")]
    download, upload = jobs["code-scanning"]["steps"]
    uses = re.findall(r"uses: (.+)", GITHUB.read_text())

    assert set(given) <= set(ACTION["inputs"])
    assert download["with"]["name"] == ACTION["inputs"]["artifact"]["default"]
    assert Path(upload["with"]["sarif_file"]).parts == (download["with"]["path"], REPORTS[-1])
    assert ["OWNER/faultlab@v0.1.0"] == [
        one for one in uses if not re.fullmatch(r"\S+@[0-9a-f]{40} # v\d+(\.\d+)*", one)
    ]


def test_the_workflow_may_no_more_than_it_needs() -> None:
    """Nothing is allowed by default, and the job that runs the client may write nothing."""
    workflow = read(GITHUB)
    jobs = workflow["jobs"]

    assert {} == workflow["permissions"]
    assert {"contents": "read"} == jobs["gate"]["permissions"]
    assert ["security-events"] == [name for name, may in jobs["code-scanning"]["permissions"].items() if may == "write"]
    assert jobs["gate"]["steps"][0]["with"] == {"persist-credentials": False}


def test_the_gitlab_job_keeps_to_the_schema() -> None:
    """GitLab's schema has nothing against it."""
    assert "" == schema_errors("vendor.gitlab-ci", GITLAB, "--data-transform", "gitlab-ci")


def test_the_gitlab_script_runs(tmp_path: Path) -> None:
    """Its commands leave the reports that the job keeps, and end as the gate does."""
    job = read(GITLAB)["faultlab"]
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "bin").symlink_to(PROGRAMS)
    kept = [line for line in gitlab_script() if "pip install" not in line]
    script = "\n".join(kept).replace("/tmp/faultlab", str(tmp_path / "programs"))
    done = run(script, tmp_path, "bash", CI_JOB_ID="7")

    assert 2 == len(gitlab_script()) - len(kept)
    assert "" == shell_errors("#!/bin/bash\n" + "\n".join(gitlab_script()) + "\n", tmp_path)
    assert 1 == done.returncode, done.stdout + done.stderr
    assert ["2"] == failures(tmp_path / job["artifacts"]["reports"]["junit"])
    assert (tmp_path / "faultlab-runs" / "7" / "partial-write-0" / "report.html").exists()
    assert "always" == job["artifacts"]["when"]


def test_the_jenkinsfile_is_groovy() -> None:
    """It parses without an error, which it does not once a brace is missing."""
    source = JENKINSFILE.read_bytes()

    assert not groovy(source).has_error
    assert groovy(source.rstrip().removesuffix(b"}")).has_error


def test_the_jenkinsfile_has_the_parts_of_a_pipeline() -> None:
    """A declarative pipeline has an agent and stages; each stage has steps, and what is kept is kept always."""
    text = JENKINSFILE.read_text()
    sections = re.findall(r"^ {4}(\w+)\b.*$", text, re.MULTILINE)
    post = text.partition("    post {")[2]

    assert ["agent", "options", "environment", "stages", "post"] == sections
    assert text.count("stage('") == text.count("steps {") == len(jenkins_scripts())
    assert re.search(r"always \{\s+junit testResults: 'faultlab-runs/junit.xml'", post)
    assert "archiveArtifacts artifacts: 'faultlab-runs/**'" in post


def test_the_jenkins_steps_run(tmp_path: Path) -> None:
    """The step of the gate leaves the report that the pipeline reads, and ends as the gate does."""
    _, script = jenkins_scripts()
    for name in (".faultlab", ".client"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bin").symlink_to(PROGRAMS)
    done = run(script, tmp_path, "sh")

    assert [""] * 2 == [shell_errors("#!/bin/sh\n" + one, tmp_path, "sh") for one in jenkins_scripts()]
    assert 1 == done.returncode, done.stdout + done.stderr
    assert ["2"] == failures(tmp_path / "faultlab-runs" / "junit.xml")


def test_what_is_installed_is_what_there_is() -> None:
    """Each file names this release and extras of it, and Pythons that it runs on."""
    from faultlab import __version__  # noqa: PLC0415

    wanted = f"faultlab[cli,html,proxy]=={__version__}"

    assert wanted == read(GITLAB)["faultlab"]["variables"]["FAULTLAB"]
    assert f"FAULTLAB = '{wanted}'" in JENKINSFILE.read_text()
    assert f"OWNER/faultlab@v{__version__}" in GITHUB.read_text()
    assert f"faultlab@v{__version__}" in (PROJECT / "action.yml").read_text()
    assert sys.version_info >= (3, 12)
