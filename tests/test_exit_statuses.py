"""Exit statuses of ``run`` and ``judge``: those of the verdict, whatever else is asked for."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from faultlab.cli import run
from tests.gate.commands import CURL, DOWN, ONCE, TWICE

SITUATIONS = {
    "a pass": ("calm", CURL, 0, 0),
    "a must that failed": ("down.yaml", CURL, 1, 1),
    "a should that failed": ("once.yaml", TWICE, 0, 1),
    "nothing to judge": ("calm", "true", 3, 3),
}
"""By name: scenario, client, the status, and the status if the run is strict."""

JSON = ((), ("--json", "out.json"), ("--json", "-"))
GITHUB = ((), ("--github",), ("--no-github",))
FILES = ((), ("--junit", "j.xml", "--markdown", "m.md", "--sarif", "s.sarif"))
PAGES = ((), ("--html", "p.html", "--har", "h.har"))


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the history of each situation, and the scenarios."""
    folder = tmp_path_factory.mktemp("past")
    (folder / "once.yaml").write_text(ONCE)
    (folder / "down.yaml").write_text(DOWN)
    for name, (scenario, client, status, _) in SITUATIONS.items():
        file = str(folder / scenario) if scenario.endswith(".yaml") else scenario
        assert status == run(["run", file, "--quiet", "--history", str(folder / name), "--", *shlex.split(client)])
    return folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of our own, as on a machine of GitHub's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", SITUATIONS)
def test_judging(past: Path, name: str, strict: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """All combinations of what may be asked of ``judge``; with JSON on standard output there is nothing else."""
    expected = SITUATIONS[name][3 if strict else 2]
    for flags in itertools.product(JSON, GITHUB, FILES, PAGES):
        words = list(itertools.chain(*flags, ("--strict",) if strict else ()))
        assert expected == run(["judge", str(past / name), *words]), words
        shown = capsys.readouterr()
        assert shown.out.startswith("{\n" if "-" in words else "verdict: "), words
        annotated = name != "a pass" and not {"--no-github", "-"} & set(words)
        assert annotated == any(line.startswith("::") for line in shown.out.splitlines()), words
        assert not shown.err, words


def combinations() -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Yield each situation under each pair of flags of ``run``, with the status."""
    for name, (_, _, status, strictly) in SITUATIONS.items():
        for number, (json, strict) in enumerate(itertools.product(((), ("--json", "-")), ((), ("--strict",)))):
            ways: tuple[tuple[str, ...], ...] = ((), ("--tls",), ("--quiet",), ("--quiet", "--seed", "9"))
            yield name, (*json, *strict, *ways[number]), strictly if strict else status


@pytest.mark.parametrize(("name", "flags", "expected"), combinations())
def test_running(past: Path, name: str, flags: tuple[str, ...], expected: int) -> None:
    """The same for ``run``, with a real proxy and a real client each time."""
    scenario, client, _, _ = SITUATIONS[name]
    file = str(past / scenario) if scenario.endswith(".yaml") else scenario

    assert expected == run(["run", file, *flags, "--history", "h", "--", *shlex.split(client)])


@pytest.mark.parametrize("flags", [(), ("--strict",), ("--quiet",), ("--json", "-"), ("--html", "x.html")])
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("run", "clam"), 2),
        (("run", "calm", "--history", "."), 4),
        (("run", "calm", "--upstream", "http://127.0.0.1:1"), 4),
        (("run", "calm", "--upstream", "127.0.0.1"), 2),
        (("run", "calm", "--junit", "no/where.xml"), 2),
        (("run", "calm"), 4),
        (("judge", "nothing"), 2),
        (("judge", "nothing", "--sarif", "no/where"), 2),
    ],
)
def test_mistakes_and_environments(
    words: tuple[str, ...], status: int, flags: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One line on standard error, and nothing on standard output, whatever is asked for beside it."""
    (tmp_path / "events.jsonl").write_text("")
    given = [flag for flag in flags if words[0] == "run" or flag != "--quiet"]
    command = ["--", "./no-such-program"] if words[0] == "run" else []

    assert status == run([*words, *given, *command])
    shown = capsys.readouterr()
    assert (1, "") == (len(shown.err.splitlines()), shown.out), shown
    assert shown.err.startswith("faultlab: ")
