"""Packages of Debian that a driver needs: what apt is asked for, where they end, what is said when they cannot be had.

apt-get and dpkg-query are played by scripts here, dpkg-deb is the real one.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from faultlab.clients import ALL, Driver, UnpreparedError, named, prepare
from faultlab.clients.environments import FOLDER_VARIABLE
from faultlab.clients.packages import fetch, installed, libraries

APT = """\
#!/bin/sh
echo "$@" >> "{asked}"
for word; do case $word in Dir::Cache::archives=*) archives=${{word#*=}} ;; esac; done
{give}
"""
GIVE = 'cp "{debs}"/*.deb "$archives"'
UNKNOWN = "echo 'E: Unable to locate package client' >&2; exit 100"

DEBIANS = [driver for driver in ALL if driver.language == "debian"]


def build(folder: Path, name: str, *files: str) -> None:
    """Build a package that has some files."""
    source = folder / name
    (source / "DEBIAN").mkdir(parents=True)
    about = f"Package: {name}\nVersion: 1.2-3\nArchitecture: all\nMaintainer: nobody\nDescription: a thing\n"
    (source / "DEBIAN" / "control").write_text(about)
    for file in files:
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        (source / file).write_text(name)
    command: list[str | Path] = ["dpkg-deb", "--build", "--root-owner-group", source, folder / f"{name}_1.2-3_all.deb"]
    subprocess.run(command, check=True, capture_output=True)


def play(monkeypatch: pytest.MonkeyPatch, folder: Path, **programs: str) -> None:
    """Put programs of our own first on the path."""
    here = folder / "programs"
    here.mkdir(exist_ok=True)
    for name, text in programs.items():
        (here / name.replace("_", "-")).write_text(text)
        (here / name.replace("_", "-")).chmod(0o755)
    monkeypatch.setenv("PATH", str(here), prepend=":")


@pytest.fixture
def debs(tmp_path: Path) -> Path:
    """Give a folder with a client's package and one that it depends on."""
    folder = tmp_path / "debs"
    build(folder, "client", "usr/bin/client", "usr/share/doc/client/copyright")
    build(folder, "needed", "usr/lib/x86_64-linux-gnu/inner/libneeded.so", "lib/x86_64-linux-gnu/libneeded.so")
    return folder


def test_a_client_comes_with_what_it_needs(tmp_path: Path, debs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages are unpacked into one folder, documents are not kept, and the folders of libraries are found."""
    asked = tmp_path / "asked"
    play(monkeypatch, tmp_path, apt_get=APT.format(asked=asked, give=GIVE.format(debs=debs)))
    root = tmp_path / "made" / "root"
    fetch({"client": "1.2", "needed": ""}, root, tmp_path / "apt")

    assert "client" == (root / "usr/bin/client").read_text()
    assert [root] == list(root.parent.iterdir())
    assert not (root / "usr/share/doc").exists()
    inner = "usr/lib/x86_64-linux-gnu"
    assert [root / inner, root / inner / "inner", root / "lib/x86_64-linux-gnu"] == libraries(root)
    assert "client=1.2* needed\n" == asked.read_text().rpartition(" install ")[2]


def test_nothing_is_installed(tmp_path: Path, debs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that apt does is to download, into a cache of ours, and takes no lock of the system's."""
    asked = tmp_path / "asked"
    play(monkeypatch, tmp_path, apt_get=APT.format(asked=asked, give=GIVE.format(debs=debs)))
    fetch({"client": "1.2"}, tmp_path / "made" / "root", tmp_path / "apt")
    words = asked.read_text().split()

    assert {"--download-only", "Debug::NoLocking=true"} <= set(words)
    caches = [word.partition("=")[2] for word in words if word.startswith("Dir::Cache")]
    assert [True, True] == [Path(cache).is_relative_to(tmp_path) for cache in caches]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("installed client 1.2-3\ninstalled needed 2:0.4-1+b1\n", True),
        ("installed client 1.3-1\ninstalled needed 2:0.4-1+b1\n", False),
        ("config-files client 1.2-3\ninstalled needed 0.4-1\n", False),
        ("installed client 1.2-3\n", False),
        ("", False),
    ],
)
def test_the_systems_own_have_to_be_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, *, expected: bool
) -> None:
    """What is installed is used in the version that was measured only."""
    play(monkeypatch, tmp_path, dpkg_query=f"#!/bin/sh\nprintf '{said}'\n")
    assert expected == installed({"client": "1.2", "needed": "0.4"})


def test_a_machine_without_dpkg_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is installed where nobody can say so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not installed({"client": "1.2"})


@pytest.mark.parametrize("driver", DEBIANS, ids=lambda one: one.name)
def test_a_package_that_cannot_be_had_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: Driver
) -> None:
    """What is said names the driver, the packages with their versions, and what was tried; nothing counts as made."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "clients"))
    said = "#!/bin/sh\n" + UNKNOWN
    play(monkeypatch, tmp_path, apt_get=said, dpkg_query="#!/bin/sh\nexit 1\n")
    with pytest.raises(UnpreparedError) as raised:
        prepare(driver)
    message = str(raised.value)

    wanted = ", ".join(f"{name} {version}" for name, version in driver.packages.items())
    assert message.startswith(f"{driver.name} needs packages of Debian: cannot get {wanted}: tried 'apt-get ")
    assert (1, True) == (len(message.splitlines()), "E: Unable to locate package client" in message)
    assert [] == list((tmp_path / "clients").glob("*/done"))


def test_a_machine_without_apt_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no apt-get, the one line names it."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "clients"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnpreparedError, match=r"^influx-import needs .*No such file or directory: 'apt-get'.*$"):
        prepare(named("influx-import"))


def test_a_system_that_has_it_is_asked_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages that are installed are run where they lie."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "clients"))
    play(monkeypatch, tmp_path, dpkg_query="#!/bin/sh\necho 'installed influxdb-client 1.6.7~rc0-1+b13'\n")
    driver = named("influx-import")

    assert ["env", "FAULTLAB_ROOT=", "sh", str(driver.home / "write.sh")] == prepare(driver)
    assert not (tmp_path / "clients").exists()
