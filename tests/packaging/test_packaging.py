"""What can be said of the package without building it."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

import faultlab
from tests.packaging.environments import MADE, PROJECT

LICENCE = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
"""SHA-256 of the Apache License 2.0 as the Apache Software Foundation publishes it."""

LOCK = "uv.lock"
"""The resolver's own record of where each file came from; the one file that cannot but name a registry."""

FORBIDDEN = re.compile(
    r"\b(?:pypi|pythonhosted|npmjs|crates)\.[a-z]{2,}"
    r"|/work/(?:shared|main)\b"
    r"|/opt/(?:pypi|wheels)\b"
    r"|(?<![\w.])/(?:root|home/\w+)/"
)
"""Registries' hosts, and folders of one machine."""


def project() -> dict[str, Any]:
    """Give the project's own description."""
    return tomllib.loads((PROJECT / "pyproject.toml").read_text())


def setuptools() -> dict[str, Any]:
    """Give what setuptools is told to put into the wheel."""
    return dict(project()["tool"]["setuptools"])


PROGRAMS = PROJECT / "faultlab" / "clients"
"""Below it lie programs that run in environments of their own; the folder itself is a package."""


def place_of(folder: Path) -> str:
    """Give the name a folder with modules is imported by; ``addons`` and ``strategies`` install inside ``faultlab``."""
    name = ".".join(folder.relative_to(PROJECT).parts)
    return name if name.partition(".")[0] == "faultlab" else f"faultlab.{name}"


def folders_with_modules() -> Iterator[Path]:
    """Yield each folder that holds Python files of the package; programs of other environments are none."""
    for root in ("faultlab", "addons", "strategies"):
        folders = {path.parent for path in (PROJECT / root).rglob("*.py")}
        yield from sorted(folder for folder in folders if PROGRAMS not in folder.parents)


def home_of(path: Path) -> Path:
    """Give the folder of the package that a file of data belongs to: the nearest with modules above it."""
    return next(folder for folder in path.parents if (folder / "__init__.py").exists())


def tracked() -> list[Path]:
    """Give the files of the project: those that git knows or would add, else all but what targets make."""
    git = shutil.which("git")
    if git is not None and (PROJECT / ".git").exists():
        listed = subprocess.run(
            [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\0")
        return [PROJECT / name for name in listed if name and (PROJECT / name).is_file()]
    found = (path.relative_to(PROJECT) for path in PROJECT.rglob("*") if path.is_file())
    return [PROJECT / path for path in found if not any(fnmatch(part, made) for part in path.parts for made in MADE)]


def test_every_folder_with_modules_is_installed() -> None:
    """The list of packages is that of the folders, so that no new room is left out of the wheel."""
    assert sorted(place_of(folder) for folder in folders_with_modules()) == sorted(setuptools()["packages"])


def test_every_folder_with_modules_is_a_package() -> None:
    """Each has an ``__init__.py``, without which an editable installation does not find it."""
    assert [] == [folder for folder in folders_with_modules() if not (folder / "__init__.py").exists()]


def test_every_other_file_is_package_data() -> None:
    """Whatever lies beside the modules is named by a pattern, so that it gets into the wheel."""
    data: dict[str, list[str]] = setuptools()["package-data"]
    left_out = [
        path.relative_to(PROJECT).as_posix()
        for root in ("faultlab", "addons", "strategies")
        for path in (PROJECT / root).rglob("*")
        if path.is_file()
        and (path.suffix != ".py" or PROGRAMS in path.parent.parents)
        and "__pycache__" not in path.parts
        and not any(path.relative_to(home_of(path)).match(pattern) for pattern in data.get(place_of(home_of(path)), []))
    ]
    assert [] == left_out


def test_nothing_is_required() -> None:
    """The core works with the standard library alone."""
    assert [] == project()["project"]["dependencies"]


def test_the_extra_all_has_every_other() -> None:
    """Whoever asks for everything gets it."""
    extras = project()["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    assert sorted(set(extras) - {"all"}) == sorted(re.findall(r"\w+", everything.partition("[")[2]))


def test_entry_points_exist() -> None:
    """What an installation is told to load can be found."""
    described = project()["project"]
    targets = [*described["scripts"].values(), *described["entry-points"]["pytest11"].values()]
    assert [] == [name for name in targets if importlib.util.find_spec(name.partition(":")[0]) is None]


def test_the_version_is_one() -> None:
    """The package's description and its code name the same version."""
    assert project()["project"]["version"] == faultlab.__version__


def test_the_licence_is_whole() -> None:
    """It is the Apache License 2.0 to the byte."""
    assert hashlib.sha256((PROJECT / "LICENSE").read_bytes()).hexdigest() == LICENCE


def test_the_gate_can_be_run() -> None:
    """``.ci/run`` is executable."""
    assert os.access(PROJECT / ".ci" / "run", os.X_OK)


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    """What is in the project works elsewhere."""
    found = [
        f"{path.relative_to(PROJECT)}:{number}: {match[0]}"
        for path in tracked()
        if path.name != LOCK
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if (match := FORBIDDEN.search(line))
    ]
    assert [] == found


@pytest.mark.parametrize(
    "words",
    [
        ("https:", "", "pypi.{}", "simple"),
        ("", "work", "shared", "{}"),
        ("see ", "root", "{}"),
        ("", "home", "me", "{}"),
    ],
)
def test_the_search_for_them_finds_them(words: tuple[str, ...]) -> None:
    """Each kind of what must not be there is recognised."""
    assert FORBIDDEN.search("/".join(words).format("org")) is not None


def test_the_architecture_names_every_room() -> None:
    """Each module and each folder of the package has its place in the picture of docs/architecture.md."""
    text = (PROJECT / "docs" / "architecture.md").read_text()
    places = [*(PROJECT / "faultlab").iterdir(), *(PROJECT / "faultlab" / "proxy").iterdir()]
    rooms = [f"{path.name}/" if path.is_dir() else path.name for path in places if path.name != "__pycache__"]
    assert [] == [room for room in rooms if room != "py.typed" and f" {room} " not in text]
