"""Fetching the servers: what apt is asked for, what survives, and what is said when there is nothing to be had.

apt-get is played by a script here, dpkg-deb is the real one.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from faultlab.clients.packages import PackageError
from faultlab.servers.packages import Package

THING = Package("thing", "1.2", "usr/bin/thing")

CONTROL = "Package: thing\nVersion: 1.2-3\nArchitecture: all\nMaintainer: nobody\nDescription: a thing\n"

APT = """\
#!/bin/sh
echo "$@" >> "{asked}"
case "$*" in
  *update) exit 0 ;;
  *) {download} ;;
esac
"""

GIVE = 'cp "{deb}" .'
UNKNOWN = "echo 'E: Unable to locate package thing' >&2; exit 100"
NEEDS_UPDATE = 'case "$*" in *Dir::State*) cp "{deb}" . ;; *) ' + UNKNOWN + " ;; esac"


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a small package that really is one."""
    source = tmp_path_factory.mktemp("source")
    (source / "DEBIAN").mkdir()
    (source / "DEBIAN" / "control").write_text(CONTROL)
    (source / "usr" / "bin").mkdir(parents=True)
    (source / "usr" / "bin" / "thing").write_text("a program")
    made = source.parent / "thing_1.2-3_all.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", source, made], check=True, capture_output=True)
    return made


def play_apt(monkeypatch: pytest.MonkeyPatch, folder: Path, download: str) -> Path:
    """Put an apt-get of our own first on the path; give the file that lists what it is asked."""
    asked = folder / "asked"
    programs = folder / "programs"
    programs.mkdir()
    (programs / "apt-get").write_text(APT.format(asked=asked, download=download))
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return asked


def words(asked: Path) -> list[str]:
    """Give what apt-get was asked to do, a word each time."""
    lines = asked.read_text().splitlines()
    return [next(word for word in line.split() if word in {"download", "update"}) for line in lines]


def test_a_package_is_downloaded_once(tmp_path: Path, deb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unpacked is used again without asking apt."""

    asked = play_apt(monkeypatch, tmp_path, GIVE.format(deb=deb))
    first, second = THING.fetch(tmp_path / "servers"), THING.fetch(tmp_path / "servers")

    assert ("a program", first, ["download"]) == (first.read_text(), second, words(asked))


def test_an_unknown_package_brings_new_lists(tmp_path: Path, deb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system's lists of packages do not do, new ones are fetched into our own folder."""

    asked = play_apt(monkeypatch, tmp_path, NEEDS_UPDATE.format(deb=deb))
    servers = tmp_path / "servers"
    program = THING.fetch(servers)
    ours = [str(servers / "apt" / "state") in line for line in asked.read_text().splitlines()]

    assert ("a program", ["download", "update", "download"]) == (program.read_text(), words(asked))
    assert [False, True, True] == ours


def test_what_was_cut_short_is_done_again(tmp_path: Path, deb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-finished download is thrown away, and the package fetched as if it had never begun."""

    play_apt(monkeypatch, tmp_path, GIVE.format(deb=deb))
    servers = tmp_path / "servers"
    (servers / "part-x" / "unpacked" / "usr").mkdir(parents=True)
    (servers / "part-x" / deb.name).write_bytes(deb.read_bytes()[:100])
    THING.fetch(servers)

    assert {"lock", "thing-1.2"} == {path.name for path in servers.iterdir()}


def test_a_damaged_package_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be unpacked fails with one line and leaves nothing that would be taken for a server."""

    (tmp_path / "thing.deb").write_text("no package")
    play_apt(monkeypatch, tmp_path, GIVE.format(deb=tmp_path / "thing.deb"))
    with pytest.raises(PackageError, match=r"^cannot unpack thing.deb: tried 'dpkg-deb -x' \(dpkg-deb: .*\)$"):
        THING.fetch(tmp_path / "servers")

    assert ["lock"] == [path.name for path in (tmp_path / "servers").iterdir()]


def test_one_line_says_what_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that apt has not, after all that could be tried, is an error of one line."""

    play_apt(monkeypatch, tmp_path, UNKNOWN)
    with pytest.raises(PackageError) as raised:
        THING.fetch(tmp_path / "servers")

    unknown = "E: Unable to locate package thing"
    expected = (
        f"cannot get thing 1.2: tried 'apt-get download thing=1.2*' ({unknown}), "
        f"then 'apt-get update' into {tmp_path / 'servers' / 'apt'} and the same again ({unknown})"
    )
    assert expected == str(raised.value)


def test_a_machine_without_apt_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no apt-get, the one line names it."""

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageError) as raised:
        THING.fetch(tmp_path / "servers")

    assert (1, True) == (
        len(str(raised.value).splitlines()),
        "No such file or directory: 'apt-get'" in str(raised.value),
    )
