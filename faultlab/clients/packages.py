"""Debian's packages, unpacked into a folder and never installed: apt decides where from, and no rights are needed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE = 600
"""Seconds that one command of apt may take."""

QUIET = ("-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::http::Timeout=30", "-o", "Acquire::Retries=2")
"""For every call of apt; without a sandbox, because its user may not enter a folder of somebody's home."""

FOREIGN = Path("usr", "share", "doc")
"""What no program needs."""


class PackageError(Exception):
    """A package could not be had. One line says what was tried, and what came of it."""


def installed(packages: Mapping[str, str]) -> bool:
    """Give whether the system has all packages, each in the version that is wanted: another one is another program."""
    command = ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package} ${Version}\n", *packages]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = [line.split(" ") for line in done.stdout.splitlines() if line.startswith("installed ")]
    versions = {name: version.rpartition(":")[2] for _, name, version in found}
    return all(versions.get(name, "").startswith(version) for name, version in packages.items())


def fetch(packages: Mapping[str, str], folder: Path, apt: Path) -> None:
    """Unpack packages into a folder, and what they depend on and the system lacks; raises PackageError.

    A version is the beginning of Debian's, and may be empty. ``apt`` is for new lists of packages, where the system's
    do not do.
    """
    part = folder.with_name(f"part-{folder.name}")
    part.mkdir(parents=True)
    try:
        for package in download(packages, part, apt, with_needs=True):
            unpack(package, folder)
    finally:
        shutil.rmtree(part)
    shutil.rmtree(folder / FOREIGN, ignore_errors=True)


def download(packages: Mapping[str, str], part: Path, apt: Path, *, with_needs: bool = False) -> list[Path]:
    """Download packages into a folder, by the system's lists of packages, or else by new ones in ``apt``.

    ``with_needs`` downloads what they depend on as well, as far as the system lacks it. Raises PackageError.
    """
    wanted = [f"{name}={version}*" if version else name for name, version in packages.items()]
    words = ["--reinstall", "--no-install-recommends", "--download-only", "install"] if with_needs else ["download"]
    archives = part / "archives"
    (archives / "partial").mkdir(parents=True)
    # The system knows what it has; what else is needed goes into a cache of ours, and nothing is installed.
    cache = ("-o", f"Dir::Cache={part}", "-o", f"Dir::Cache::archives={archives}")
    ours = ("-y", "-o", "Debug::NoLocking=true", *cache) if with_needs else ()
    command = ["apt-get", *QUIET, *ours, *words, *wanted]
    plain = tried(command, part)
    if plain:
        for folder in ("state/lists/partial", "cache/archives/partial"):
            (apt / folder).mkdir(parents=True, exist_ok=True)
        own = ("-o", f"Dir::State={apt / 'state'}", "-o", f"Dir::Cache={apt / 'cache'}")
        updated = tried(["apt-get", *QUIET, *own, "-o", "APT::Update::Error-Mode=any", "update"], part)
        again = updated or tried([*command, *own], part)
        if again:
            names = ", ".join(" ".join(filter(None, item)) for item in packages.items())
            raise PackageError(
                f"cannot get {names}: tried 'apt-get {' '.join([*words, *wanted])}' ({plain}), "
                f"then 'apt-get update' into {apt} and the same again ({again})"
            )
    return sorted((archives if with_needs else part).glob("*.deb"))


def unpack(package: Path, folder: Path) -> None:
    """Unpack a package into a folder, where other packages may lie already; raises PackageError."""
    problem = tried(["dpkg-deb", "-x", str(package), str(folder)], package.parent)
    if problem:
        raise PackageError(f"cannot unpack {package.name}: tried 'dpkg-deb -x' ({problem})")


def libraries(root: Path) -> list[Path]:
    """Give the folders below which programs that were unpacked look for their libraries in vain."""
    places = [place for where in ("usr/lib", "lib") for place in sorted(root.glob(f"{where}/*-linux-gnu*"))]
    return [folder for place in places for folder in (place, *sorted(place.glob("*/")))]


def tried(command: Sequence[str], folder: Path) -> str:
    """Run a command; give why it failed in one line, or nothing."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return " ".join(str(problem).split())
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "dpkg-deb:"))]
    return (lines or [f"status {done.returncode}"])[0]
