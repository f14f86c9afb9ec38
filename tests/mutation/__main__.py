"""Change the judge in every small way there is, and count the changes that no test notices: ``make mutation``.

    python -m tests.mutation [--at-once N] [--least PERCENT]

Prints each survivor as a difference, and how many of all were killed; the exit status is 1 below ``--least``. It works
on a copy. Survivors that were looked at are listed in docs/mutation.md, with why they live.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
CONFIGURATION = """
[tool.mutmut]
source_paths = ["faultlab"]
only_mutate = ["faultlab/ledger/*.py", "faultlab/oracles/*.py"]
also_copy = ["addons", "strategies", "README.md"]
pytest_add_cli_args_test_selection = [
  "tests/oracles",
  "tests/test_ledger.py",
  "tests/test_ledger_model.py",
  "tests/test_passport.py",
  "tests/test_reports.py",
]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-q", "-x"]
"""


def main() -> int:
    """Copy, mutate, count."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="mutants tested side by side")
    parser.add_argument("--least", type=float, default=95.0, help="percentage of mutants that has to be killed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faultlab-mutation-") as scratch:
        copy = Path(scratch) / "faultlab"
        copied(copy)
        mutmut = [sys.executable, "-m", "mutmut"]
        subprocess.run([*mutmut, "run", "--max-children", str(given.at_once)], cwd=copy, check=True)
        listed = subprocess.run(
            [*mutmut, "results", "--all", "true"], cwd=copy, check=True, capture_output=True, text=True
        )
        results = dict(re.findall(r"^\s*(\S+): ([\w ]+)$", listed.stdout, re.MULTILINE))
        alive = sorted(name for name, result in results.items() if result not in {"killed", "timeout"})
        for name in alive:
            shown = subprocess.run([*mutmut, "show", name], cwd=copy, check=False, capture_output=True, text=True)
            changed = [line for line in shown.stdout.splitlines() if re.match(r"[-+](?![-+])", line)]
            print(f"{name} ({results[name]})", *changed, sep="\n  ")
    share = 100 * (len(results) - len(alive)) / len(results)
    print(f"{len(results) - len(alive)} of {len(results)} mutants killed, {share:.1f} %; {given.least:g} % wanted")
    return int(share < given.least)


def copied(folder: Path) -> None:
    """Copy what git knows of, in a form that the mutator takes."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (PROJECT / name).exists():
            shutil.copy2(PROJECT / name, target)
    with (folder / "pyproject.toml").open("a") as file:
        file.write(CONFIGURATION)
    for path in (folder / "faultlab" / "oracles").glob("*.py"):
        path.write_text(undecorated(path.read_text()))


def undecorated(source: str) -> str:
    """Give a module whose oracles are made by a call after the function: a mutator passes over decorated ones."""
    lines = source.split("\n")
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            [decorator] = node.decorator_list
            made = f"{node.name} = {ast.unparse(decorator)}({node.name})"
            lines[decorator.lineno - 1 : node.end_lineno] = [*lines[node.lineno - 1 : node.end_lineno], "", "", made]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
