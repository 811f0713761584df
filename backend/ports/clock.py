"""Time. Everything that reads a clock or waits does so through this port."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Clock(Protocol):
    """Seconds. ``now`` is wall time (epoch); ``monotonic`` counts through suspend and never goes back."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """Cancels its body after ``seconds`` of this clock and raises TimeoutError, like asyncio.timeout."""
        ...
