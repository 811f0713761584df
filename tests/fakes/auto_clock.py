"""A clock whose sleeps cost no time: each one moves the hand by what was asked and lets the others run."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager


class AutoClock:
    """Starts at a round time; ``advance`` moves it by hand, ``set_wall`` steps the wall clock alone. Sleeps beyond
    ``patience_s`` never end by themselves.

    ``wall_ahead_s``: how far its wall clock was set. ``pace_s``: so long a sleep really takes, where others must get
    their turn while somebody sleeps again and again.
    """

    def __init__(self, start: float = 1_700_000_000.0, patience_s: float = 50.0) -> None:
        self._now = start
        self.patience_s = patience_s
        self.pace_s = 0.0
        self.wall_ahead_s = 0.0

    def now(self) -> float:
        return self._now + self.wall_ahead_s

    def monotonic(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds

    def set_wall(self, seconds: float) -> None:
        """As somebody, or a time server, would: back, where it is negative."""
        self.wall_ahead_s += seconds

    async def sleep(self, seconds: float) -> None:
        if seconds > self.patience_s:
            await asyncio.Event().wait()
        await asyncio.sleep(self.pace_s)
        self._now += max(seconds, 0.0)

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(None)
