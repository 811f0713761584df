"""Which orders are to be cancelled, and which have changed beside their followers: the journal keeps it, this wakes
whoever follows one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from backend.ports.clock import Clock


class Cancels:
    """Bounded by the orders at work: an order that has ended is forgotten."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self.waiting: set[str] = set()
        """Orders that rest, and for which nothing is being asked or stored at the moment."""

    def __repr__(self) -> str:
        return f"Cancels({sorted(one for one, event in self._events.items() if event.is_set())})"

    def ask(self, intent_id: str) -> None:
        """From here on the order is to be cancelled. Call it after the journal has it."""
        self._event(intent_id).set()

    def wanted(self, intent_id: str) -> bool:
        event = self._events.get(intent_id)
        return event is not None and event.is_set()

    def forget(self, intent_id: str) -> None:
        """The order has ended."""
        self._events.pop(intent_id, None)

    @contextmanager
    def followed(self, intent_id: str) -> Iterator[None]:
        """While it lasts, ``stir`` is heard. Read the record after it has begun: what was stirred before is in it."""
        self._changed[intent_id] = asyncio.Event()
        try:
            yield
        finally:
            del self._changed[intent_id]

    def stir(self, intent_id: str) -> None:
        """The journal has, or is about to have, something new of this order: its follower reads it again."""
        if intent_id in self._changed:
            self._changed[intent_id].set()

    def stirred(self, intent_id: str) -> bool:
        """Was the order stirred since this was asked last?"""
        changed = self._changed[intent_id]
        told = changed.is_set()
        changed.clear()
        return told

    async def wait(self, intent_id: str, clock: Clock, seconds: float) -> None:
        """Returns after ``seconds``, or as soon as the order is to be cancelled or was stirred."""
        events = [self._event(intent_id), *filter(None, [self._changed.get(intent_id)])]
        both = [asyncio.ensure_future(clock.sleep(seconds)), *(asyncio.ensure_future(one.wait()) for one in events)]
        self.waiting.add(intent_id)
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.waiting.discard(intent_id)
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    def _event(self, intent_id: str) -> asyncio.Event:
        return self._events.setdefault(intent_id, asyncio.Event())
