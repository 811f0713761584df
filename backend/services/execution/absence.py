"""One round of questions about an order that nobody finds: is it there after all, or proven never to execute?"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass

from backend.domain.health import HealthReading
from backend.domain.lifecycle import AttemptState
from backend.domain.orders import OrderRef, OrderReport
from backend.domain.outcomes import CancelOutcome, CancelState
from backend.domain.reasons import UnknownReason
from backend.domain.records import Attempt
from backend.policies.horizon import (
    CONTROL_INTENTS_MAX,
    CancelUnknown,
    Horizon,
    Missing,
    NotFound,
    horizon,
    is_past,
    known_order,
    missing_proof,
)
from backend.policies.venue_clock import VenueTime, venue_time
from backend.ports.clock import Clock
from backend.ports.exchange import ExchangeAdapter
from backend.ports.journal import Journal
from backend.services.execution.asking import Asking
from backend.services.health.clocks import VenueClocks

CLOCK_SPREAD_S = 1.0
"""How far the clock of a venue's time endpoint may be from the one that checks deadlines (unverified)."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The order did not execute and never will. ``evidence`` says how that is known."""

    evidence: str


def horizon_of(attempt: Attempt, adapter: ExchangeAdapter) -> Horizon | None:
    """When the attempt's absence can be proven; None where it never can."""
    if attempt.seen or not attempt.order.client_id:
        return None
    return horizon(adapter.rules, attempt.order.not_after, CLOCK_SPREAD_S)


@dataclass(frozen=True, slots=True)
class _Round:
    """The venue's clock, told once at ``at`` on our monotonic one: an answer takes time, and endpoints cut off what is
    finer than they tell (``rules.clock_resolution_s``), so it is never ahead of the truth. An endpoint that rounded
    whole seconds could be by half of one, which CLOCK_SPREAD_S covers."""

    told: VenueTime
    at: float
    clock: Clock

    def now(self) -> VenueTime:
        return self.told.after(self.clock.monotonic() - self.at)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Whom a round asks about what. ``attempt`` is as the journal has it now."""

    attempt: Attempt
    adapter: ExchangeAdapter
    journal: Journal
    clock: Clock
    clocks: VenueClocks
    asking: Asking

    @property
    def ref(self) -> OrderRef:
        order = self.attempt.order
        return OrderRef(order.symbol, None, order.client_id, order.created_at)

    async def ask(self, question: Coroutine[object, object, object]) -> object:
        """Whatever goes wrong is an answer of its own, equal to neither a report nor None."""
        return await self.asking.ask(self.attempt, question)

    async def begun(self) -> _Round | None:
        """The time endpoint is asked: the round's first control, and what dates everything after it."""
        reading = await self.ask(self.adapter.health())
        if not isinstance(reading, HealthReading):
            return None
        monotonic, known = self.clock.monotonic(), self.clocks.known(self.attempt.venue)
        told = venue_time(reading.server_time, self.clock.now(), monotonic, known)
        return _Round(told, monotonic, self.clock)

    async def remember(self, state: CancelState) -> None:
        """The order was there. Stored before anything else is asked, for whoever looks for it from here on."""
        told = f"asked to cancel it, the exchange answered: {state.value}"
        await self.journal.step_attempt(
            self.attempt.id,
            AttemptState.UNKNOWN,
            now=self.clock.now(),
            outcome_reason=UnknownReason.SEEN,
            evidence="; ".join(part for part in (self.attempt.evidence, told) if part),
        )

    async def controlled(self) -> bool:
        """Another order that the venue must know is asked for, in the same words: does it find that one?"""
        records = await self.journal.recent(CONTROL_INTENTS_MAX)
        known = known_order(records, self.attempt, self.adapter.rules, self.clock.now())
        if known is None:
            return True
        ref = OrderRef(known.order.symbol, None, known.order.client_id, known.order.created_at)
        return isinstance(await self.asking.ask(known, self.adapter.get_order(ref)), OrderReport)


async def absence(inquiry: Inquiry) -> OrderReport | Absent | Missing:
    """The report when the order was found, Absent when its death is proven, otherwise what the proof still lacks.

    The time endpoint is asked first. Then the order's id is cancelled; then two endpoints are asked for it; then the
    first of them for an order that it must know, where there is one.
    """
    ask, adapter, ref = inquiry.ask, inquiry.adapter, inquiry.ref
    if inquiry.attempt.seen:
        found = await ask(adapter.search_order(ref))
        return found if isinstance(found, OrderReport) else Missing.SEEN
    limits = horizon_of(inquiry.attempt, adapter)
    if limits is None:
        return Missing.DEADLINE
    venue = await inquiry.begun()
    if venue is None:
        return Missing.CONTROL
    if not is_past(limits, venue.now().earliest):
        return Missing.LOOKUPS
    asked_at = venue.now()
    cancelled = await ask(adapter.cancel_order(ref))
    if not isinstance(cancelled, CancelOutcome) or cancelled.state is not CancelState.NO_SUCH_ORDER:
        return await _not_unknown(inquiry, cancelled)
    cancel = CancelUnknown(asked_at.earliest, venue.now().earliest)
    asked: list[tuple[str, VenueTime, VenueTime]] = []
    for endpoint, question in (("query", adapter.get_order), ("lists", adapter.search_order)):
        sent = venue.now()
        found = await ask(question(ref))
        # A search of many pages takes its time: what the venue had forgotten by its last page counts as forgotten.
        asked.append((endpoint, sent, venue.now()))
        if isinstance(found, OrderReport):
            return found
        if found is not None:
            return Missing.LOOKUPS
    control = await inquiry.controlled()
    looked = [NotFound(one, sent.earliest, control, answered.latest - sent.earliest) for one, sent, answered in asked]
    missing = missing_proof(limits, cancel, looked)
    return _proven(limits, cancel, looked) if missing is None else missing


async def _not_unknown(inquiry: Inquiry, cancelled: object) -> OrderReport | Missing:
    """The cancel was not answered with "no such order". Only a look-up can tell what the order executed before."""
    there = isinstance(cancelled, CancelOutcome) and cancelled.state.was_there
    if isinstance(cancelled, CancelOutcome) and there:
        await inquiry.remember(cancelled.state)
    found = await inquiry.ask(inquiry.adapter.get_order(inquiry.ref))
    if isinstance(found, OrderReport):
        return found
    return Missing.SEEN if there else Missing.CANCEL


def _proven(limits: Horizon, cancel: CancelUnknown, looked: list[NotFound]) -> Absent:
    asked = ", ".join(f"{one.endpoint} at {one.sent_at:.3f}" for one in looked)
    return Absent(
        f"could execute until {limits.absent_from:.3f} on the venue's clock; cancel at {cancel.sent_at:.3f}: no such "
        f"order; not found by {asked}"
    )
