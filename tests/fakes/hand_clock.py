"""A clock that stands still until it is moved by hand, and then ends each sleep at its own moment."""

from __future__ import annotations

import asyncio
import heapq
from contextlib import AbstractAsyncContextManager

SETTLING = 12
"""How often the loop turns between two moments, so that everything that woke has gone to sleep again."""


class HandClock:
    """Starts at a round time."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._sleeps: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._count += 1
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleeps, (self._now + max(seconds, 0.0), self._count, over))
        await over

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(None)

    async def settle(self) -> None:
        """Lets everything run that can."""
        for _ in range(SETTLING):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Moves through every moment up to ``seconds`` from now at which a sleep ends."""
        end = self._now + seconds
        await self.settle()
        while self._sleeps and self._sleeps[0][0] <= end:
            at, _, over = heapq.heappop(self._sleeps)
            if not over.done():
                self._now = max(self._now, at)
                over.set_result(None)
                await self.settle()
        self._now = end
        await self.settle()
