"""Markets where an order cannot be looked up by our id: one un-answered place at a time, none while one is parked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backend.domain.lifecycle import AttemptState
from backend.domain.records import Attempt
from backend.domain.rules import VenueRules
from backend.policies.late import WATCHED

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
        venue's own id, can be told from any other. One that was declared dead by somebody's word is looked for on by
        what was asked for: until it is let go another order of the same words would be taken for it."""
        if not rules.one_unanswered_place_per_market:
            return
        if _may_be_mistaken(attempt):
            self._blocked.setdefault((rules.venue, attempt.order.symbol), set()).add(attempt.id)
        else:
            self.let_go(attempt)

    def let_go(self, attempt: Attempt) -> None:
        """Nobody looks for it any more: it keeps its market no longer."""
        market = (attempt.venue, attempt.order.symbol)
        self._blocked.get(market, set()).discard(attempt.id)
        if not self._blocked.get(market):
            self._blocked.pop(market, None)


def _may_be_mistaken(attempt: Attempt) -> bool:
    looked_for_on = attempt.proof in WATCHED and attempt.venue_order_id is None
    return looked_for_on or attempt.state in (AttemptState.OPEN, AttemptState.UNKNOWN)
