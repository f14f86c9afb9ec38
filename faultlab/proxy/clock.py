"""The clock a proxy runs by. It may run faster than the true one: what lasts a minute by it then takes a second."""

from __future__ import annotations

import asyncio
import selectors
import time


class Clock:
    """Seconds, ``scale`` of which pass in one true second; it begins with the true time.

    ``began`` is when that was, in true seconds since 1970.
    """

    def __init__(self) -> None:
        """Begin as fast as the true clock."""
        self.run_at(1.0)

    def run_at(self, scale: float) -> None:
        """Begin again, so many times as fast as the true clock."""
        self.scale = scale
        self.began = time.time()
        self._zero = time.monotonic()

    def monotonic(self) -> float:
        """Seconds since some moment, never set back."""
        return self.scale * time.monotonic()

    def time(self) -> float:
        """Seconds since 1970."""
        return self.began + self.scale * (time.monotonic() - self._zero)

    def time_ns(self) -> int:
        """Nanoseconds since 1970."""
        return time.time_ns() if self.scale == 1.0 else int(self.time() * 1e9)

    def of_true(self, seconds: float) -> float:
        """Give how many of its seconds pass in so many true ones."""
        return self.scale * seconds


CLOCK = Clock()
"""The clock of this process."""


class _Selector(selectors.DefaultSelector):
    """Waits for so many seconds of our clock."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait as long as that is in true seconds."""
        return super().select(timeout and timeout / CLOCK.scale)


class Loop(asyncio.SelectorEventLoop):
    """An event loop by our clock, so that every wait in the proxy, mitmproxy's own too, is as long as it is by that."""

    def __init__(self) -> None:
        """Wait by our clock."""
        super().__init__(_Selector())

    def time(self) -> float:
        """Give our time."""
        return CLOCK.monotonic()


__all__ = ["CLOCK", "Clock", "Loop"]
