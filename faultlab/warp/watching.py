"""Whether the time of a client's programs runs faster, all of them: nothing can be preloaded into some."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PRELOADED = b"/libfaketime"


class Watch:
    """Looks at a client's processes, again and again.

    A program that is being loaded has nothing preloaded yet; so one counts that is found without twice.
    """

    def __init__(self, pid: int) -> None:
        """Take the first of the processes; nothing was seen yet."""
        self._pid = pid
        self._seen: set[tuple[int, Path]] = set()

    def escaped(self) -> str:
        """Give the name of a program whose time is the true one; empty where none was found twice."""
        found = set(self._untouched())
        again = found & self._seen
        self._seen = found
        return min((program.name for _, program in again), default="")

    def _untouched(self) -> Iterator[tuple[int, Path]]:
        for process in _tree(self._pid):
            try:
                program = Path(f"/proc/{process}/exe").readlink()
                maps = Path(f"/proc/{process}/maps").read_bytes()
            except OSError:
                continue
            if PRELOADED not in maps:
                yield process, program


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:
            continue
        for child in found:
            yield from _tree(int(child))
