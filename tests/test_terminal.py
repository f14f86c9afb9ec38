"""What is seen while a client runs, on a terminal and elsewhere."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from faultlab.terminal import LONGEST, Above, shown

TALKS = r"""
import sys
sys.stdout.buffer.write(b"first\r\nsecond \xe2\x82\xac 17\nthird, "); sys.stdout.flush()
sys.stdout.buffer.write(b"10 %\rthird, 90 %\n\x1b[31mred\x1b[0m\nlast"); sys.stdout.flush()
"""


def printed(*parts: bytes) -> str:
    """Give what a terminal without colours shows of these parts."""
    file = io.StringIO()
    above = Above(Console(file=file, force_terminal=True, no_color=True, width=40))
    for part in parts:
        above.write(part)
        above.flush()
    above.rest()
    return file.getvalue()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((b"one\ntwo\n",), "one\ntwo\n"),
        ((b"one\r\ntwo\r\n",), "one\ntwo\n"),
        ((b"o", b"n", b"e\r", b"\ntwo"), "one\ntwo\n"),
        ((b"10 %\r20 %\r30 %\n",), "30 %\n"),
        ((b"\xe2\x82", b"\xac\n"), "€\n"),
        ((b"[bold]no markup[/bold] 17\n",), "[bold]no markup[/bold] 17\n"),
        ((b"x" * 100 + b"\n",), "x" * 100 + "\n"),
        ((b"\n\n",), "\n\n"),
        ((), ""),
        ((b"x" * LONGEST, b"yz", b"end"), "x" * LONGEST + "yz\nend\n"),
    ],
)
def test_lines_of_the_client_are_whole(parts: tuple[bytes, ...], expected: str) -> None:
    """Each line is printed once, whole, as a terminal would show it, and nothing in it is taken for markup."""
    assert expected == printed(*parts)


def test_output_is_passed_on_as_it_comes(capsys: pytest.CaptureFixture[str]) -> None:
    """Elsewhere than on a terminal nothing is held back, and a character cut in two comes whole."""
    with shown(quiet=False) as (progress, echo):
        assert progress is None
        assert echo is not None
        echo.write(b"cut \xe2\x82")
        assert capsys.readouterr().err == "cut "
        echo.write(b"\xac\r\nmore")
        assert capsys.readouterr().err == "€\r\nmore"


def test_quiet_shows_nothing() -> None:
    """Quiet, there is neither progress nor output."""
    with shown(quiet=True) as both:
        assert (None, None) == both


def test_run_on_a_terminal(tmp_path: Path) -> None:
    """A real run on a real terminal shows progress, and each line of the client once."""
    ours, theirs = pty.openpty()
    seen = bytearray()

    def read() -> None:
        while True:
            try:
                seen.extend(os.read(ours, 65_536))
            except OSError:
                return

    reader = threading.Thread(target=read)
    reader.start()
    command = [sys.executable, "-m", "faultlab", "run", "calm", "--history", str(tmp_path / "run"), "--"]
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "200"}
    try:
        ended = subprocess.run(
            [*command, sys.executable, "-c", TALKS],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)

    # What a line of the terminal holds once all that rewrites it was written.
    lines = [
        re.split(r"\r|\x1b\[[0-9;?]*[A-Za-z]", line)[-1] for line in seen.decode().replace("\r\n", "\n").split("\n")
    ]
    assert ended.returncode == 3
    assert "exchanges, 0 faults; told nothing" in seen.decode()
    assert ["first", "second € 17", "third, 90 %", "red", "last"] == [
        line for line in lines if line and "exchanges" not in line and "starting" not in line
    ]
