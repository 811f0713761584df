"""Time that passes only while nothing else can happen.

Client and server share one event loop, and loopback delivers at once. So when the loop is about to wait, everybody
waits for time: the clock jumps to the next moment that somebody asked for. A hang of a minute costs nothing, and a slow
machine never turns into a time-out.
"""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from itertools import count

START = 1_750_000_000.0
GRACE_S = 0.002
"""Real seconds that the network gets before time jumps."""

Fire = Callable[[], None]


class JumpingClock:
    """The clock port. ``held`` stops it while a thread works, which the event loop cannot see."""

    def __init__(self) -> None:
        self._now = START
        self._numbers = count()
        self._waiting: list[tuple[float, int, Fire]] = []
        self._live: set[int] = set()
        self._holds = 0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        with self._at(self._now + seconds, lambda: None if woken.done() else woken.set_result(None)):
            await woken

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return self._timeout(seconds)

    @asynccontextmanager
    async def _timeout(self, seconds: float) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None if seconds > 0 else 0) as limit:
            with self._at(self._now + seconds, lambda: limit.reschedule(loop.time())):
                yield

    @contextmanager
    def _at(self, at: float, fire: Fire) -> Iterator[None]:
        number = next(self._numbers)
        self._live.add(number)
        heapq.heappush(self._waiting, (at, number, fire))
        try:
            yield
        finally:
            self._live.discard(number)

    @contextmanager
    def held(self) -> Iterator[None]:
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1

    @property
    def can_jump(self) -> bool:
        while self._waiting and self._waiting[0][1] not in self._live:
            heapq.heappop(self._waiting)
        return bool(self._waiting) and not self._holds

    def jump(self) -> None:
        """To the earliest moment that somebody waits for."""
        at, _, fire = heapq.heappop(self._waiting)
        self._now = max(self._now, at)
        fire()


class SkewedClock:
    """The same time as another clock, but the hands stand wrong by ``off_s`` seconds."""

    def __init__(self, right: JumpingClock, off_s: float) -> None:
        self._right = right
        self._off_s = off_s

    def now(self) -> float:
        return self._right.now() + self._off_s

    def monotonic(self) -> float:
        return self._right.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._right.sleep(seconds)

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return self._right.timeout(seconds)


class _PatientSelector(selectors.DefaultSelector):
    """Asks the network first, and lets the clock jump when the event loop would wait."""

    def __init__(self, clock: JumpingClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        waits = timeout is None or timeout > 0
        if not waits or not self._clock.can_jump:
            return super().select(timeout)
        events = super().select(GRACE_S)
        if not events:
            self._clock.jump()
        return events


def loop_on(clock: JumpingClock) -> asyncio.AbstractEventLoop:
    """An event loop whose idle moments move the clock."""
    return asyncio.SelectorEventLoop(_PatientSelector(clock))
