"""What is seen while a client runs: a line of progress on a terminal, and what the client prints above it."""

from __future__ import annotations

import codecs
import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from faultlab.lab import Echo, Progress

LONGEST = 65_536
"""Bytes of a line that has not ended after which it is printed as it is."""


class Passed:
    """Passes on what a client prints to standard error as it comes; bytes that are no UTF-8 are replaced."""

    def __init__(self) -> None:
        """Begin with nothing printed."""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def write(self, data: bytes) -> None:
        """Write bytes as text to whatever standard error is at the moment."""
        sys.stderr.write(self._decode(data))

    def flush(self) -> None:
        """Let it be seen."""
        sys.stderr.flush()


class Above:
    """Prints what a client prints above the line of progress, a whole line at a time, in the client's own colours."""

    def __init__(self, console: Console) -> None:
        """Begin with nothing printed."""
        self._console = console
        self._begun = b""
        # A client's two streams are read by two threads.
        self._turn = threading.Lock()

    def write(self, data: bytes) -> None:
        """Print the lines that are whole, and keep what has begun."""
        with self._turn:
            *lines, self._begun = (self._begun + data).split(b"\n")
            for line in lines:
                self._print(line)
            if len(self._begun) > LONGEST:
                self._print(self._begun)
                self._begun = b""

    def flush(self) -> None:
        """Leave it: a line that has begun is printed when it ends."""

    def rest(self) -> None:
        """Print what never ended."""
        with self._turn:
            if self._begun:
                self._print(self._begun)
            self._begun = b""

    def _print(self, line: bytes) -> None:
        # A carriage return inside a line begins it again, as a client's own progress does.
        shown = line.rstrip(b"\r").rpartition(b"\r")[2]
        self._console.print(Text.from_ansi(shown.decode(errors="replace")), soft_wrap=True)


@contextlib.contextmanager
def shown(*, quiet: bool) -> Iterator[tuple[Progress | None, Echo | None]]:
    """Give what shows how far a run is, in one line of a terminal, and what shows the client's output.

    Elsewhere than on a terminal there is no progress; if ``quiet``, nothing at all.
    """
    console = Console(stderr=True)
    if quiet:
        yield None, None
    elif not console.is_terminal:
        yield None, Passed()
    else:
        above = Above(console)
        with console.status("starting the client") as line:

            def show(position: dict[str, Any]) -> None:
                told = ", ".join(f"{count} × {status}" for status, count in position["told"].items())
                fired = sum(position["fired"].values())
                line.update(
                    f"{position['at']:.0f} s: {position['exchanges']} exchanges, {fired} faults;"
                    f" told {told or 'nothing'}"
                )

            try:
                yield show, above
            finally:
                above.rest()


__all__ = ["Above", "Passed", "shown"]
