"""Manual time: nothing passes until a test says so."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

TURNS = 20
"""How often the others may run after each wake-up: enough for a task to go on to its next wait."""


class FakeClock:
    """Implements the Clock port. Sleepers wake when ``advance`` passes their time, in the order of their times."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._start = start
        self._elapsed = 0.0
        self._count = 0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []

    @property
    def sleepers(self) -> int:
        """How many wait now; those whose task was cancelled do not count."""
        return sum(not future.done() for _, _, future in self._waiting)

    def now(self) -> float:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self._due(self._elapsed + seconds)

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return self._timeout(seconds)

    async def advance(self, seconds: float) -> None:
        """Moves the hand, stopping at every sleeper on the way so that what it does next is done at its own time."""
        target = self._elapsed + seconds
        await _let_others_run()
        while self._waiting and self._waiting[0][0] <= target:
            due, _, future = heapq.heappop(self._waiting)
            if future.done():
                continue
            self._elapsed = due
            future.set_result(None)
            await _let_others_run()
        self._elapsed = target

    @asynccontextmanager
    async def _timeout(self, seconds: float) -> AsyncIterator[object]:
        inside = True

        def ring(alarm: asyncio.Future[None]) -> None:
            if inside and not alarm.cancelled():
                scope.reschedule(0)

        async with asyncio.timeout(None) as scope:
            alarm = self._due(self._elapsed + seconds)
            alarm.add_done_callback(ring)
            try:
                yield scope
            finally:
                inside = False
                alarm.cancel()

    def _due(self, at: float) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._waiting, (at, self._count, future))
        return future


async def _let_others_run() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)
