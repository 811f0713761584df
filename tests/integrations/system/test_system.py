"""Clocks and ids."""

from __future__ import annotations

import asyncio
import time

import pytest

from backend.integrations.system.clock import ScaledClock, SystemClock
from backend.integrations.system.ids import SeededIds, SystemIds


async def test_a_scaled_clock_runs_faster_in_every_way() -> None:
    """Now, monotonic, sleep and timeout agree on the scale."""
    clock = ScaledClock(5)
    began, wall, real = clock.monotonic(), clock.now(), time.monotonic()
    await clock.sleep(0.5)
    assert clock.monotonic() - began >= 0.5
    assert clock.now() - wall >= 0.5
    assert time.monotonic() - real < 0.5
    with pytest.raises(TimeoutError):
        async with clock.timeout(0.1):
            await asyncio.sleep(5)


@pytest.mark.parametrize("scale", [0.5, 0, -1, 5.1, float("nan")])
def test_a_clock_cannot_run_too_fast(scale: float) -> None:
    """Beyond five times ordinary jitter would look like a time-out."""
    with pytest.raises(ValueError, match="times as fast"):
        ScaledClock(scale)


async def test_the_system_clock_tells_the_time() -> None:
    """Wall time is epoch seconds, and the monotonic clock moves on."""
    clock = SystemClock()
    assert abs(clock.now() - time.time()) < 1
    began = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() > began


def test_ids() -> None:
    """System ids differ, seeded ones repeat; both are 32 hex characters."""
    ids = SystemIds()
    assert ids.new_id() != ids.new_id()
    assert 0 <= ids.random() < 1
    one, same, other = SeededIds(1), SeededIds(1), SeededIds(2)
    first = one.new_id()
    assert first == same.new_id() != other.new_id()
    assert len(first) == 32
    assert one.random() == same.random()


async def test_a_scaled_clock_can_start_elsewhere() -> None:
    """A demo can begin at a stated time."""
    assert 1_000 <= ScaledClock(2, start=1_000).now() < 1_010


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="no clock here counts through suspend")
@pytest.mark.parametrize("clock", [SystemClock(), ScaledClock(2)])
def test_elapsed_time_is_asked_of_the_clock_that_counts_through_suspend(
    clock: SystemClock | ScaledClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CLOCK_MONOTONIC stands still while the machine sleeps: a deadline would pass unnoticed."""
    asked: list[int] = []

    def gettime(which: int) -> float:
        asked.append(which)
        return 1.0

    monkeypatch.setattr(time, "clock_gettime", gettime)
    clock.monotonic()
    assert asked == [time.CLOCK_BOOTTIME]
