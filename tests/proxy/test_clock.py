"""The clock of a proxy: as fast as it is told, and so is every wait in its event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from faultlab.proxy.clock import CLOCK, Clock, Loop


@pytest.fixture
def fast() -> Iterator[None]:
    """Have this process's clock run a hundred times as fast."""
    CLOCK.run_at(100.0)
    yield
    CLOCK.run_at(1.0)


def test_a_clock_that_nobody_made_faster_is_the_true_one() -> None:
    """Its times lie between two of the system's."""
    clock = Clock()
    before = time.time_ns(), time.monotonic(), time.time()
    found = clock.time_ns(), clock.monotonic(), clock.time()
    after = time.time_ns(), time.monotonic(), time.time()

    # The time of day is told from the monotonic clock, and may differ from the system's by what that was set since.
    assert before[:2] <= found[:2] <= after[:2]
    assert before[2] - 0.1 <= found[2] <= after[2] + 0.1
    assert 2.0 == clock.of_true(2.0)


def test_a_fast_clock_begins_with_the_true_time() -> None:
    """From then on it runs as many times as fast, by every reading alike."""
    clock = Clock()
    clock.run_at(100.0)
    first, began = clock.monotonic(), clock.time()
    time.sleep(0.05)
    second, later = clock.monotonic(), clock.time()

    assert clock.began <= began
    assert second - first >= 5.0
    assert later - began >= 5.0
    assert clock.time_ns() / 1e9 >= later
    assert 200.0 == clock.of_true(2.0)


@pytest.mark.usefixtures("fast")
def test_a_loop_waits_by_the_fast_clock() -> None:
    """Sleeps, timeouts and timers take as long as they say by the loop's time, and a part of that by the true one."""

    async def wait() -> tuple[float, list[str]]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        seen: list[str] = []
        loop.call_later(30.0, seen.append, "timer")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 20.0)
        seen.append("timeout")
        await asyncio.sleep(20.0)
        seen.append("sleep")
        return loop.time() - began, seen

    began = time.monotonic()
    took, seen = asyncio.run(wait(), loop_factory=Loop)

    assert took >= 40.0
    assert ["timeout", "timer", "sleep"] == seen
    assert time.monotonic() - began < took
