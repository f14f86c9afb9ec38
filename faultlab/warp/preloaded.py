"""What is preloaded into a warped client: libfaketime, and a shim of ours that is compiled the first time."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from faultlab.clients.environments import environment as made_once
from faultlab.clients.environments import cache as kept

LARGEST = 60
"""How many times as fast a client's time may run at most: the milliseconds of a reply then count as seconds."""

SHIM = Path(__file__).with_name("clockwait.c")
LIBRARY_VARIABLE = "FAULTLAB_FAKETIME"
WARP_VARIABLE = "FAULTLAB_WARP"
LIBRARY = "faketime/libfaketime.so.1"
PACKAGE = {"libfaketime": "0.9.10"}
PATIENCE = 60
"""Seconds that the compiler may take."""


class WarpError(Exception):
    """Time cannot be made to run faster here; the message says in one line what is missing."""


@cache
def prepare() -> tuple[Path, Path]:
    """Give libfaketime and the shim, compiled if need be; raises WarpError."""
    return _library(), _shim()


def environment(began: float, scale: float, inherited: Mapping[str, str]) -> dict[str, str]:
    """Give the variables under which a program's time has run so many times as fast since ``began``, by a true clock.

    Raises WarpError.
    """
    # libfaketime comes first, because what comes last begins first, and the shim tells it when it is.
    preload = [str(path) for path in prepare()]
    given = inherited.get("LD_PRELOAD")
    return {
        "LD_PRELOAD": ":".join([*preload, given] if given else preload),
        WARP_VARIABLE: f"{began:.6f} {scale:g}",
        # The shim says it anew for each program.
        "FAKETIME": f"+0 x{scale:g}",
    }


def _library() -> Path:
    named = os.environ.get(LIBRARY_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise WarpError(f"{LIBRARY_VARIABLE} is '{named}'; expected the file of libfaketime.so.1")
        return Path(named)
    return next(_installed(Path("/")), None) or _fetched()


def _installed(root: Path) -> Iterator[Path]:
    for place in ("usr/lib", "usr/local/lib", "lib"):
        for pattern in (LIBRARY, f"*/{LIBRARY}"):
            yield from sorted(root.joinpath(place).glob(pattern))


def _shim() -> Path:
    compiler = os.environ.get("CC") or next(filter(shutil.which, ("cc", "gcc", "clang")), None)
    with made_once(kept(), "warp", SHIM) as (folder, is_new):
        shim = folder / "clockwait.so"
        if is_new:
            if compiler is None:
                raise WarpError("a faster time needs a C compiler once; expected cc, gcc or clang on the path, or CC")
            _compile([*compiler.split(), "-O2", "-shared", "-fPIC", "-o", str(shim), str(SHIM), "-ldl"])
    return shim


def _compile(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise WarpError(f"{command[0]} failed: {problem}") from problem
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise WarpError(f"{command[0]} failed: {said[0] if said else 'it said nothing'}")
