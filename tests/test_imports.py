"""What an import costs, and who may import what."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import faultlab

# The packages lie where they are imported from: a checkout or an installed wheel.
CORE = Path(faultlab.__file__).parent
HEAVY = ("mitmproxy", "hypothesis", "pytest", "click", "rich", "ruamel", "jsonschema", "distributed")
LIGHT = (
    "faultlab",
    "faultlab.exchange",
    "faultlab.contract",
    "faultlab.lineprotocol",
    "faultlab.plan",
    "faultlab.faults",
    "faultlab.history",
    "faultlab.redact",
    "faultlab.origin",
    "faultlab.ledger",
    "faultlab.fingerprint",
    "faultlab.oracles",
    "faultlab.reports",
    "faultlab.listing",
    "faultlab.lint",
    "faultlab.lab",
    "faultlab.labs",
    "faultlab.playing",
    "faultlab.farming",
    "faultlab.clients",
    "faultlab.gate",
    "faultlab.matrix",
    "faultlab.scenario",
    "faultlab.scenarios",
    "faultlab.addons",
)


def loaded(module: str) -> set[str]:
    """Give the top-level names of what importing a module loads in a fresh interpreter."""
    code = f"import sys; before = set(sys.modules); import {module}; print(*(set(sys.modules) - before))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return {name.partition(".")[0] for name in process.stdout.split()}


@pytest.mark.parametrize("module", LIGHT)
def test_core_needs_nothing_but_the_standard_library(module: str) -> None:
    """Importing any part of the core loads no third-party library."""
    foreign = loaded(module) - sys.stdlib_module_names - {"faultlab"}

    assert set() == {name for name in foreign if name in HEAVY or not name.startswith("_")}


def test_core_is_not_imported_by_the_plugin() -> None:
    """The pytest plugin is loaded into everybody's runs, so it loads neither mitmproxy nor Hypothesis nor click."""
    names = loaded("faultlab.pytest_plugin")

    assert set() == names & (set(HEAVY) - {"pytest"})


def test_strategies_load_hypothesis_and_no_proxy() -> None:
    """Importing the strategies loads Hypothesis, and of the other libraries none."""
    names = loaded("faultlab.strategies")

    assert {"hypothesis"} == names & set(HEAVY)


def test_the_scan_below_can_fail() -> None:
    """A module that imports a library is found out, wherever in it the import stands."""
    source = "def f():\n    from mitmproxy.http import Request\nimport pytest.x\nfrom hypothesis import given\n"

    assert {"mitmproxy", "pytest", "hypothesis"} == imports_of(source)


def imports_of(source: str) -> set[str]:
    """Give the top-level names of every import of a module, those inside functions included."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").partition(".")[0])
    return found


def modules() -> list[tuple[str, Path]]:
    """Give every module of faultlab: its dotted name inside the package, and its file."""
    found = []
    for package in ("faultlab", "faultlab.addons", "faultlab.strategies"):
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        root = Path(spec.origin).parent
        for path in sorted(root.rglob("*.py")):
            name = ".".join((package, *path.relative_to(root).with_suffix("").parts))
            found.append((name.removesuffix(".__init__"), path))
    return found


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("mitmproxy", ("faultlab.proxy", "faultlab.addons")),
        ("hypothesis", ("faultlab.strategies", "faultlab.hunt")),
        ("pytest", ("faultlab.pytest_plugin",)),
        ("distributed", ("faultlab.farming",)),
    ],
)
def test_each_library_has_its_importers(library: str, allowed: tuple[str, ...]) -> None:
    """Whoever needs none of them is not made to have it, and what is known of each stands in one place."""
    importers = [name for name, path in modules() if library in imports_of(path.read_text())]
    strangers = [name for name in importers if not any(name == a or name.startswith(f"{a}.") for a in allowed)]

    assert ([], True) == (strangers, bool(importers))


def test_modules_are_seen() -> None:
    """The scan sees the core, the scripts and the strategies."""
    names = {name for name, _ in modules()}
    expected = {"faultlab.plan", "faultlab.proxy.edge", "faultlab.addons.rate_limit", "faultlab.strategies.plans"}

    assert expected == expected & names


def test_nobody_imports_the_bare_folders() -> None:
    """``strategies`` and ``addons`` are imported by their full names only, so that each is one module."""
    bare = [name for name, path in modules() if {"strategies", "addons"} & imports_of(path.read_text())]

    assert [] == bare
