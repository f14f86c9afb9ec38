"""What drivers are given to write: ticks of points, as telemetry is, each tick with a timestamp of its own."""

from __future__ import annotations

FIRST = 1_700_000_000_000_000_000


def manifest(ticks: int = 12, points: int = 1000) -> str:
    """Give so many ticks, ten seconds apart, of so many points each, as line protocol with nanoseconds.

    Every point has one tag and one float, nothing in it needs an escape, and no two are the same.
    """
    return "".join(
        f"sensor,id=s{point} value={tick}.{point % 10} {FIRST + tick * 10**10}\n"
        for tick in range(ticks)
        for point in range(points)
    )
