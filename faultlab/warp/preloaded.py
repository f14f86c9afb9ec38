"""What is preloaded into a warped client: libfaketime, and a shim of ours that is compiled the first time."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from faultlab.clients.environments import SCALE_VARIABLE
from faultlab.clients.environments import cache as kept
from faultlab.clients.environments import environment as made_once
from faultlab.clients.packages import PackageError, fetch

LARGEST = 60
"""How many times as fast a client's time may run at most: the milliseconds of a reply then count as seconds."""

SHIM = Path(__file__).with_name("clockwait.c")
LIBRARY_VARIABLE = "FAULTLAB_FAKETIME"
LIBRARY = "faketime/libfaketime.so.1"
PACKAGE = {"libfaketime": "0.9.10"}
SHARED = Path("/dev/shm")  # noqa: S108 - where libfaketime has it
PATIENCE = 60
"""Seconds that the compiler may take."""


class WarpError(Exception):
    """Time cannot be made to run faster here; the message says in one line what is missing."""


@cache
def prepare() -> tuple[Path, Path]:
    """Give libfaketime and the shim, fetched and compiled if need be; raises WarpError."""
    library = _named() or next(_installed(Path("/")), None)
    with made_once(kept(), "warp", SHIM) as (folder, is_new):
        shim, root = folder / "clockwait.so", folder / "root"
        if is_new:
            _compile(shim)
        if library is None and not root.exists():
            _fetch(root)
    return library or next(_installed(root)), shim


def environment(began: float, scale: float, inherited: Mapping[str, str]) -> dict[str, str]:
    """Give the variables for a program that starts at once, whose time has run so many times as fast since ``began``.

    ``began`` is in true seconds since 1970. Programs that this one starts have the same time. Raises WarpError.
    """
    preload = [str(path) for path in prepare()]
    given = inherited.get("LD_PRELOAD")
    ahead = (scale - 1) * (time.time() - began)
    return {
        "LD_PRELOAD": ":".join([*preload, given] if given else preload),
        "FAKETIME": f"{ahead:+.6f} x{scale:g}",
        SCALE_VARIABLE: f"{scale:g}",
    }


def forget(pid: int) -> None:
    """Remove what libfaketime shares between the programs of a client, which leaves it behind when it is killed."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        (SHARED / name).unlink(missing_ok=True)


def _named() -> Path | None:
    named = os.environ.get(LIBRARY_VARIABLE)
    if not named:
        return None
    if not Path(named).is_file():
        raise WarpError(f"{LIBRARY_VARIABLE} is '{named}'; expected the file of libfaketime.so.1")
    return Path(named)


def _installed(root: Path) -> Iterator[Path]:
    for place in ("usr/lib", "usr/local/lib", "lib"):
        for pattern in (LIBRARY, f"*/{LIBRARY}"):
            yield from sorted(root.joinpath(place).glob(pattern))


def _fetch(root: Path) -> None:
    try:
        fetch(PACKAGE, root, kept() / "apt")
    except PackageError as problem:
        raise WarpError(
            f"a faster time needs libfaketime: {problem}; or name its file in {LIBRARY_VARIABLE}"
        ) from problem


def _compile(shim: Path) -> None:
    compiler = os.environ.get("CC") or next(filter(shutil.which, ("cc", "gcc", "clang")), None)
    if compiler is None:
        raise WarpError("a faster time needs a C compiler once; expected cc, gcc or clang on the path, or one in CC")
    command = [*shlex.split(compiler), "-O2", "-shared", "-fPIC", "-o", str(shim), str(SHIM), "-ldl"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise WarpError(f"{command[0]} failed: {problem}") from problem
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise WarpError(f"{command[0]} failed: {said[0] if said else 'it said nothing'}")


__all__ = ["LARGEST", "WarpError", "environment", "forget", "prepare"]
