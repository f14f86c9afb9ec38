"""The environments of drivers: one for each client, made from its lock the first time, kept in the user's cache."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from faultlab.clients.drivers import Driver
from faultlab.clients.packages import PackageError, fetch, installed, libraries

FOLDER_VARIABLE = "FAULTLAB_CLIENTS"
ROOT_VARIABLE = "FAULTLAB_ROOT"
"""Tells a program where the packages of Debian are that it needs; empty where the system has them."""
SCALE_VARIABLE = "FAULTLAB_TIME_SCALE"
"""Tells a program that its time runs faster, and how many times."""

PATIENCE = 600
"""Seconds that an installation may take."""


class UnpreparedError(Exception):
    """A driver's environment cannot be made; the message says in one line what was tried and what came of it."""


def cache() -> Path:
    """Give the folder in which environments are kept."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "faultlab" / "clients"


def prepare(driver: Driver) -> list[str]:
    """Give the command of a driver, once its environment is there; raises UnpreparedError."""
    made = {"python": _python, "node": _node, "debian": _debian, "system": _system}[driver.language]
    return [*made(driver), *driver.arguments]


def _python(driver: Driver) -> list[str]:
    lock = driver.home / "uv.lock"
    with environment(cache(), f"{driver.language}-{driver.folder}", lock) as (folder, is_new):
        if is_new:
            _run(
                [uv(), "sync", "--project", str(driver.home), "--frozen", "--no-progress"],
                UV_PROJECT_ENVIRONMENT=str(folder / "venv"),
            )
    return [str(folder / "venv" / "bin" / "python"), str(driver.home / "write.py")]


def _node(driver: Driver) -> list[str]:
    lock = driver.home / "package-lock.json"
    program = shutil.which("node")
    npm = shutil.which("npm")
    if program is None or npm is None:
        raise UnpreparedError(f"{driver.name} needs node and npm; expected both on the path")
    with environment(cache(), f"{driver.language}-{driver.folder}", lock) as (folder, is_new):
        inner = folder / driver.folder
        if is_new:
            inner.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(driver.home / name, inner)
            _run([npm, "ci", "--no-audit", "--no-fund", "--prefix", str(inner)])
        # Node looks for packages from where a program lies, so the program goes there; it may be newer than the lock.
        place(driver.home.parent / "driving.mjs", folder)
        place(driver.home / "write.mjs", inner)
    return [program, str(inner / "write.mjs")]


def place(program: Path, folder: Path) -> None:
    """Put a program into a folder in one step: another driver may be reading it there."""
    wanted, there = program.read_bytes(), folder / program.name
    if not there.exists() or there.read_bytes() != wanted:
        part = folder / f".{program.name}-{os.getpid()}"
        part.write_bytes(wanted)
        part.replace(there)


def _debian(driver: Driver) -> list[str]:
    """Run a program of packages with the root they were unpacked to, which is the system's where it has them itself."""
    program = ["sh", str(driver.home / "write.sh")]
    if installed(driver.packages):
        return ["env", f"{ROOT_VARIABLE}=", *program]
    with environment(cache(), f"{driver.language}-{driver.folder}", driver.home / "lock.toml") as (folder, is_new):
        root = folder / "root"
        if is_new:
            try:
                fetch(driver.packages, root, cache() / "apt")
            except PackageError as problem:
                raise UnpreparedError(f"{driver.name} needs packages of Debian: {problem}") from problem
    found = ":".join(map(str, libraries(root)))
    return ["env", f"{ROOT_VARIABLE}={root}", f"LD_LIBRARY_PATH={found}", *program]


def _system(driver: Driver) -> list[str]:
    if shutil.which(driver.folder) is None:
        raise UnpreparedError(f"{driver.name} needs {driver.folder}; expected it on the path")
    return ["sh", str(driver.home / "write.sh")]


def uv() -> str:
    """Give the program that makes Python environments; raises UnpreparedError."""
    found = shutil.which("uv")
    if found is None:
        with contextlib.suppress(ImportError, FileNotFoundError):
            from uv import find_uv_bin  # noqa: PLC0415 - an extra

            found = find_uv_bin()
    if found is None:
        raise UnpreparedError("drivers in Python need uv; expected it on the path, or faultlab[clients]")
    return found


@contextlib.contextmanager
def environment(root: Path, name: str, lock: Path) -> Iterator[tuple[Path, bool]]:
    """Give the folder of a lock's environment and whether it is to be made; what fails leaves none that counts as made.

    Whoever else asks for one below ``root`` waits until the block ends. Raises UnpreparedError where one would have to
    be made by a program whose time runs faster.
    """
    digest = hashlib.blake2b(lock.read_bytes(), digest_size=6).hexdigest()
    folder = root / f"{name}-{digest}"
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        done = folder / "done"
        is_new = not done.exists()
        if is_new and SCALE_VARIABLE in os.environ:
            # Downloads would time out.
            raise UnpreparedError(f"{name} is not there yet; run it once without --time-scale")
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        yield folder, is_new
        done.touch()


def _run(command: list[str], **environment: str) -> None:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise UnpreparedError(f"{Path(command[0]).name} failed: {problem}") from problem
    if done.returncode:
        said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise UnpreparedError(f"{Path(command[0]).name} failed: {said[-1] if said else 'it said nothing'}")
