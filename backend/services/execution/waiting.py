"""Waiting for an order's task: its callers may go, and a router that stops tells those that stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from backend.domain.errors import OrderFateUnknown, RouterClosed
from backend.domain.records import ExecutionResult


def setter(event: asyncio.Event, only_resting: bool = False) -> Callable[[object], None]:
    """Sets the event; or only when what it is told is true."""

    def told(what: object) -> None:
        if what or not only_resting:
            event.set()

    return told


def is_cancelled() -> bool:
    """Was the running task itself cancelled, and not only what it waits for?"""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def told(intent_id: str, task: asyncio.Task[ExecutionResult]) -> ExecutionResult:
    """The order's result. Its caller may go; a router that stops tells those that stay."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.cancelled() or is_cancelled():
            raise
    raise OrderFateUnknown(intent_id, RouterClosed("the router was closed while the order was under way"))
