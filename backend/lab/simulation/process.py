"""One router process of a simulation: it can be paused at any await, and killed there. Nothing of it runs after that.

A kill cancels no task, because that would run its ``finally``. Its callbacks are simply never run again, and whatever
it waits for never comes; journal, network and exchanges live on.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextvars import Context, copy_context
from typing import Protocol

from backend.lab.simulation.loop import OWNER

EPOCH_S = 1_780_000_000.0
"""What the world's clock shows at the beginning: some day in 2026."""


class Fate(Protocol):
    """Decides at each point of a process: may raise ``Died`` never; it pauses or kills through the process."""

    def at(self, process: Process, point: str) -> None: ...


class Process:
    """``skew_s`` and ``drift``: how its wall clock differs from the world's."""

    def __init__(
        self, number: int, loop: asyncio.AbstractEventLoop, fate: Fate, *, skew_s: float, drift: float
    ) -> None:
        self.number = number
        self.dead = False
        self.died: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._fate = fate
        self._paused = False
        self._held: list[asyncio.Handle] = []
        self._skew_s = skew_s
        self._drift = drift
        self._resumed_at = -math.inf
        self.born = loop.time()
        self.context: Context = copy_context()
        self.context.run(OWNER.set, self)

    def __repr__(self) -> str:
        return f"Process({self.number}, {'dead' if self.dead else 'paused' if self._paused else 'alive'})"

    def keeps(self, handle: asyncio.Handle) -> bool:
        """Of a dead process everything is kept, so that nothing of it is even cleaned up."""
        if self.dead or self._paused:
            self._held.append(handle)
            return True
        return False

    def kill(self) -> None:
        """From now on nothing of it runs."""
        self.dead = True
        if not self.died.done():
            self.died.set_result(None)

    def pause(self, seconds: float) -> None:
        """It stands still, as a machine that swaps or a container that is frozen."""
        if not self._paused and not self.dead:
            self._paused = True
            self._loop.call_later(seconds, self._resumed, context=Context())

    def _resumed(self) -> None:
        self._paused = False
        self._resumed_at = self._loop.time()
        held, self._held = self._held, []
        if self.dead:
            self._held = held
            return
        for handle in held:
            if not handle.cancelled():
                self._loop._ready.append(handle)  # type: ignore[attr-defined]

    @property
    def lagging(self) -> bool:
        """It stands still, or did until this very moment."""
        return self._paused or self._resumed_at == self._loop.time()

    async def point(self, name: str) -> None:
        """An await at which its fate is drawn. Does not return in a process that died here."""
        self._fate.at(self, name)
        if self.dead:
            await self._loop.create_future()
        if self._paused:
            await asyncio.sleep(0)

    def start(self, work: Callable[[], object], name: str) -> asyncio.Task[object]:
        """Runs a coroutine as one of its tasks."""
        return self._loop.create_task(work(), name=name, context=self.context)  # type: ignore[arg-type]

    # --- its clock ----------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return EPOCH_S + self._skew_s + self._loop.time() * (1 + self._drift)

    def monotonic(self) -> float:
        return 1_000.0 * self.number + self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await self.point("sleep")
        await asyncio.sleep(max(0.0, seconds))

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)
