"""Clocks: the machine's own, and one that runs up to five times faster for demos."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager

SCALE_MAX = 5.0
_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """``monotonic`` is CLOCK_BOOTTIME where there is one: CLOCK_MONOTONIC stands still while the machine sleeps."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.clock_gettime(_ELAPSED)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)


class ScaledClock:
    """Runs ``scale`` times faster than the world from the moment it is made, from ``start`` (epoch seconds) or from
    now; or from another one's ``origin``, which both then agree with, also across processes of one machine. Raises
    ValueError beyond 1 to 5: faster clocks turn ordinary jitter into time-outs."""

    def __init__(self, scale: float, start: float | None = None, origin: tuple[float, float] | None = None) -> None:
        if not 1 <= scale <= SCALE_MAX:
            raise ValueError(f"a clock can run 1 to {SCALE_MAX:g} times as fast, not {scale:g}")
        self._scale = scale
        wall = time.time() if start is None else start
        self._began_wall, self._began = origin or (wall, time.clock_gettime(_ELAPSED))

    @property
    def origin(self) -> tuple[float, float]:
        """When it began: in epoch seconds, and on the machine's clock that counts through suspend."""
        return self._began_wall, self._began

    def now(self) -> float:
        return self._began_wall + self._elapsed()

    def monotonic(self) -> float:
        return self._began + self._elapsed()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._scale)

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds / self._scale)

    def _elapsed(self) -> float:
        return (time.clock_gettime(_ELAPSED) - self._began) * self._scale
