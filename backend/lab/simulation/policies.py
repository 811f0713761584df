"""What to believe of an order that nobody answered for: ours, and the two naive ways that others go.

The naive ones run through the same router, journal and exchanges. They stand here to show that the simulation would
notice: a machine that finds no fault in them finds none in anything.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from backend.domain.approval import Approved
from backend.domain.errors import VenueCallFailed
from backend.domain.orders import OrderRef, OrderReport, VenueOrder
from backend.domain.outcomes import Accepted, Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import HealthClass, RejectReason
from backend.ports.clock import Clock
from backend.ports.exchange import ExchangeAdapter

LOOKS = 5
LOOK_S = 2.0


class Policy(StrEnum):
    """OURS moves on proof. The others: no answer means dead; five look-ups without a hit, two seconds apart, do."""

    OURS = "ours"
    TIMEOUT_MEANS_DEAD = "timeout-means-dead"
    NOT_FOUND_MEANS_DEAD = "not-found-means-dead"


def policied(policy: Policy, clock: Clock) -> Callable[[ExchangeAdapter], ExchangeAdapter]:
    """What stands before each adapter."""
    if policy is Policy.OURS:
        return lambda adapter: adapter
    return lambda adapter: _Naive(adapter, policy, clock)


class _Naive:
    """An adapter that takes silence for a no."""

    def __init__(self, adapter: ExchangeAdapter, policy: Policy, clock: Clock) -> None:
        self._adapter = adapter
        self._policy = policy
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    async def _place(self, approved: Approved) -> Outcome:
        outcome = await self._adapter._place(approved)
        if not isinstance(outcome, Unknown):
            return outcome
        if self._policy is Policy.NOT_FOUND_MEANS_DEAD:
            found = await self._looked_for(approved)
            if found is not None:
                return Accepted(found, outcome.evidence)
        return ProvenNotExecuted(RejectReason.OVERLOADED, outcome.evidence, HealthClass.FAILED)

    async def _looked_for(self, approved: Approved) -> str | None:
        order = approved.order
        for _ in range(LOOKS):
            await self._clock.sleep(LOOK_S)
            try:
                report = await self._looked_at(order)
            except VenueCallFailed:
                continue
            if report is not None:
                return report.venue_order_id
        return None

    async def _looked_at(self, order: VenueOrder) -> OrderReport | None:
        """By our id; among the market's lists where the exchange keeps none."""
        if order.client_id:
            return await self._adapter.get_order(OrderRef(order.symbol, client_id=order.client_id))
        return await self._adapter.search_order(OrderRef(order.symbol, created_at=order.created_at, like=order))
