"""Markets where an order cannot be looked up by our id: one un-answered place at a time, none while one is parked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.domain.lifecycle import AttemptState
from backend.domain.records import Attempt
from backend.domain.rules import VenueRules

Market = tuple[str, str]


class MarketGuard:
    """Bounded by the number of such venues' markets."""

    def __init__(self) -> None:
        self._turns: dict[Market, asyncio.Lock] = {}
        self._blocked: dict[Market, set[str]] = {}

    def __repr__(self) -> str:
        return f"MarketGuard(blocked={sorted(self._blocked)})"

    @asynccontextmanager
    async def turn(self, rules: VenueRules, symbol: str) -> AsyncIterator[None]:
        """Waits for this market's turn where the venue's rules ask for it; elsewhere it never waits."""
        if not rules.one_unanswered_place_per_market:
            yield
            return
        async with self._turns.setdefault((rules.venue, symbol), asyncio.Lock()):
            yield

    def blocked_by(self, rules: VenueRules, symbol: str) -> str | None:
        """The attempt whose fate is unknown on this market, if that blocks it."""
        return min(self._blocked.get((rules.venue, symbol), ()), default=None)

    def note(self, rules: VenueRules, attempt: Attempt) -> None:
        """Blocks or frees the attempt's market, by the attempt's state. One that is known to be there, under the
        venue's own id, can be told from any other."""
        if not rules.one_unanswered_place_per_market:
            return
        market = (rules.venue, attempt.order.symbol)
        if attempt.state in (AttemptState.OPEN, AttemptState.UNKNOWN):
            self._blocked.setdefault(market, set()).add(attempt.id)
            return
        self._blocked.get(market, set()).discard(attempt.id)
        if not self._blocked.get(market):
            self._blocked.pop(market, None)
