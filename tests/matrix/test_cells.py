"""What a matrix is made of: rows, files of commands, cells that a family has no answer for."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest

from faultlab.clients import ALL, UnknownDriver, manifest, named
from faultlab.lab import Settings
from faultlab.lineprotocol import parse
from faultlab.matrix import MatrixError, cells, clients


def test_all_drivers_have_a_program_and_a_pinned_client() -> None:
    """Each is one version of one package, locked, or a program of the system's."""
    for driver in ALL:
        assert list(driver.home.glob("write.*"))
        package, version = driver.package
        if driver.language != "system":
            [lock] = [*driver.home.glob("*lock*")]
            assert package in lock.read_text()
            assert f'"{version}"' in lock.read_text()
            assert "://" not in "".join(line for line in lock.read_text().splitlines() if "resolved" in line)


def test_a_driver_that_is_not_there() -> None:
    """The nearest is named."""
    with pytest.raises(UnknownDriver, match="no client named 'curly'; did you mean 'curl'"):
        named("curly")


def test_the_manifest_is_valid_and_no_two_points_are_the_same() -> None:
    """Twelve ticks of a thousand, which every server reads alike."""
    text = manifest()
    parsed = parse(text.encode(), "strict")
    series = {line.partition(" ")[0] + line.rpartition(" ")[2] for line in text.splitlines()}

    assert (12_000, 0, 12_000) == (len(parsed.points), len(parsed.refused), len(series))
    assert 12 == len({line.rpartition(" ")[2] for line in text.splitlines()})


def test_rows_of_a_file(tmp_path: Path) -> None:
    """A command a line, with a family where one is named; others are passed over."""
    file = tmp_path / "mine.txt"
    file.write_text("# ours\n\nmine: ./writer --url {url} 'two words'\nold (oss1): old-writer\n")
    rows = clients((), file)

    assert [driver.name for driver in ALL] == [row.name for row in rows[: len(ALL)]]
    assert [("mine", ("./writer", "--url", "{url}", "two words"), None), ("old", ("old-writer",), "oss1")] == [
        (row.name, row.command, row.profile) for row in rows[len(ALL) :]
    ]
    assert ["curl", "mine"] == [row.name for row in clients(("curl", "mine"), file)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mine ./writer\n", "*mine.txt:1: is 'mine ./writer'; expected NAME: COMMAND"),
        ("mine:\n", "*mine.txt:1: is 'mine:'; expected NAME: COMMAND"),
        ("a/b: x\n", "*mine.txt:1: is 'a/b: x'; expected NAME: COMMAND"),
        ("\nmine: 'x\n", "*mine.txt:2: cannot be split into words: *"),
        ("curl: x\n", "*mine.txt:1: a second client is named 'curl'; *"),
        ("m: x\nm: y\n", "*mine.txt:2: a second client is named 'm'; *"),
    ],
)
def test_a_wrong_line_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    """File, line, what stands there and what was expected."""
    file = tmp_path / "mine.txt"
    file.write_text(text)
    with pytest.raises(MatrixError) as problem:
        clients((), file)

    assert fnmatch.fnmatchcase(str(problem.value), said), problem.value


def test_unknown_names_are_one_line(tmp_path: Path) -> None:
    """A client, or a file that is not there."""
    with pytest.raises(MatrixError, match="no client named 'crul'; did you mean 'curl'"):
        clients(("crul",))
    with pytest.raises(MatrixError, match="cannot be read"):
        clients((), tmp_path / "none.txt")


def test_cells_are_in_the_client_s_own_family(tmp_path: Path) -> None:
    """Client by client, scenario by scenario; where the family documents no such answer there is no run, and why."""
    found = cells(clients(("curl", "influx-js")), ("calm", "partial-write"), (1, 2), Settings(tmp_path), deadline=9)
    shown = [(cell.client, cell.scenario, cell.seed, cell.task and cell.task.plan.profile) for cell in found]

    assert [
        ("curl", "calm", 1, "serverless"),
        ("curl", "calm", 2, "serverless"),
        ("curl", "partial-write", 1, "serverless"),
        ("curl", "partial-write", 2, "serverless"),
        ("influx-js", "calm", 1, "oss1"),
        ("influx-js", "calm", 2, "oss1"),
        ("influx-js", "partial-write", 1, "oss1"),
        ("influx-js", "partial-write", 2, "oss1"),
    ] == shown
    assert {9} == {cell.task.settings.terms.deadline for cell in found if cell.task}
    assert tmp_path / "curl" / "calm-1" == (found[0].task.settings.history if found[0].task else None)


def test_a_server_of_its_own_is_asked_for_what_it_has(tmp_path: Path) -> None:
    """InfluxDB 1 has no endpoint for a client of InfluxDB 2; VictoriaMetrics takes both."""
    rows = clients(("curl", "influx-js"))
    names = {
        upstream: [cell.client for cell in cells(rows, ("calm",), (1,), Settings(tmp_path, upstream)) if cell.task]
        for upstream in ("influxdb1", "victoriametrics")
    }

    assert {"influxdb1": ["influx-js"], "victoriametrics": ["curl", "influx-js"]} == names


def test_cells_at_one_server_have_each_a_database(tmp_path: Path) -> None:
    """What one cell stored is told from what another did."""
    found = cells(clients(("curl",)), ("calm",), (1, 2), Settings(tmp_path, "http://127.0.0.1:8086"))

    assert ["curl-calm-1", "curl-calm-2"] == [cell.task.settings.bucket for cell in found if cell.task]
