"""Our own pace towards a venue: orders and reads each have their bucket and never wait for each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from aiolimiter import AsyncLimiter

from backend.domain.rules import RateRule
from backend.ports.clock import Clock

T = TypeVar("T")


class PerLoop(Generic[T]):
    """One value per running event loop: locks and limiters hold futures, and those belong to one loop."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[asyncio.AbstractEventLoop, T] = {}

    def get(self) -> T:
        """The running loop's value. Those of closed loops are dropped."""
        loop = asyncio.get_running_loop()
        if loop not in self._values:
            self._values = {kept: value for kept, value in self._values.items() if not kept.is_closed()}
            self._values[loop] = self._make()
        return self._values[loop]


class Pace:
    """A leaky bucket: bursts up to the rule's number of requests, and its rate in the long run."""

    def __init__(self, rate: RateRule) -> None:
        self._limiters = PerLoop(lambda: AsyncLimiter(rate.requests, rate.period_s))

    async def turn(self) -> None:
        """Waits until one more request is within the rate."""
        await self._limiters.get().acquire()


class KeyTurn:
    """Lets the private calls of one key go one after the other, in the order in which they were signed.

    A call gives its turn back with its answer, or ``hold_s`` after it went: by then it has arrived, or it will be
    refused for its nonce, which is a definite no. So a lost answer cannot hold up every look-up behind it.
    """

    def __init__(self, clock: Clock, hold_s: float) -> None:
        self._clock = clock
        self._hold_s = hold_s
        self._locks = PerLoop(asyncio.Lock)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        lock = self._locks.get()
        await lock.acquire()

        def give_back(_: object) -> None:
            lock.release()

        over = asyncio.create_task(self._clock.sleep(self._hold_s), name="turn of a key")
        over.add_done_callback(give_back)
        try:
            yield
        finally:
            if over.remove_done_callback(give_back):
                over.cancel()
                lock.release()
