"""One round of questions about an order that nobody finds: is it there after all, or proven never to execute?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

from backend.domain.orders import OrderRef, OrderReport
from backend.domain.records import Attempt
from backend.policies.horizon import CancelUnknown, Horizon, Missing, NotFound, horizon, missing_proof
from backend.ports.clock import Clock
from backend.ports.exchange import ExchangeAdapter

CLOCK_SPREAD_S = 1.0
"""How far the clock of a venue's time endpoint may be from the one that checks deadlines (unverified)."""

Ask = Callable[[Coroutine[object, object, object]], Awaitable[object]]
"""Puts a question to the venue; whatever goes wrong is an answer of its own, equal to neither a report nor None."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The order did not execute and never will. ``evidence`` says how that is known."""

    evidence: str


def horizon_of(attempt: Attempt, adapter: ExchangeAdapter) -> Horizon | None:
    """When the attempt's absence can be proven; None where it never can."""
    return horizon(adapter.rules, attempt.order.not_after, CLOCK_SPREAD_S) if attempt.order.client_id else None


@dataclass(slots=True)
class _Round:
    """The venue's clock, as its own answer told it: never ahead of the truth, because the answer took time, and because
    endpoints cut off what is finer than they tell (``rules.clock_resolution_s``). So a proof only waits longer. An
    endpoint that rounded whole seconds could be ahead by half of one, which CLOCK_SPREAD_S covers."""

    told: float
    at: float
    clock: Clock

    def now(self) -> float:
        return self.told + self.clock.monotonic() - self.at


async def absence(attempt: Attempt, adapter: ExchangeAdapter, clock: Clock, ask: Ask) -> OrderReport | Absent | Missing:
    """The report when the order was found, Absent when its death is proven, otherwise what the proof still lacks.

    The time endpoint is asked first: it is the positive control of the round, and everything after it is dated by the
    venue's own clock. Then the order's id is cancelled; then two endpoints are asked for it.
    """
    limits = horizon_of(attempt, adapter)
    if limits is None:
        return Missing.DEADLINE
    reading = await ask(adapter.health())
    server_time = getattr(reading, "server_time", None)
    if not isinstance(server_time, float):
        return Missing.CONTROL
    venue = _Round(server_time, clock.monotonic(), clock)
    if venue.now() <= limits.absent_from:
        return Missing.LOOKUPS
    ref = OrderRef(attempt.order.symbol, None, attempt.order.client_id, attempt.order.created_at)
    sent_at = venue.now()
    cancelled = await ask(adapter.cancel_order(ref))
    if getattr(cancelled, "done", None) is not False:
        # Cancelled, so it was there; or no answer. Only a look-up can tell what it executed before.
        found = await ask(adapter.get_order(ref))
        return found if isinstance(found, OrderReport) else Missing.CANCEL
    cancel = CancelUnknown(sent_at, venue.now())
    looked = []
    for endpoint, question in (("query", adapter.get_order), ("lists", adapter.search_order)):
        sent_at = venue.now()
        found = await ask(question(ref))
        if isinstance(found, OrderReport):
            return found
        if found is not None:
            return Missing.LOOKUPS
        looked.append(NotFound(endpoint, sent_at, control=True))
    missing = missing_proof(limits, cancel, looked)
    return _proven(limits, cancel, looked) if missing is None else missing


def _proven(limits: Horizon, cancel: CancelUnknown, looked: list[NotFound]) -> Absent:
    asked = ", ".join(f"{one.endpoint} at {one.sent_at:.3f}" for one in looked)
    return Absent(
        f"could execute until {limits.absent_from:.3f} on the venue's clock; cancel at {cancel.sent_at:.3f}: no such "
        f"order; not found by {asked}"
    )
