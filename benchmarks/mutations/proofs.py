"""What counts as a proof that an order is dead, and what is taken for an order of ours."""

# mypy: ignore-errors
# What is put in its place need not fit.

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from backend.domain.lifecycle import AttemptState, Proof
from backend.domain.outcomes import CancelOutcome, CancelState
from backend.domain.records import Attempt, IntentRecord
from backend.integrations.exchanges.firi import adapter as firi
from backend.policies import horizon
from backend.services.execution import absence, attempts, lifecycle
from backend.services.execution.markets import MarketGuard
from benchmarks.mutations.wire import ADAPTERS


def _sooner(seconds: Callable[[Any], float]) -> None:
    real = horizon.horizon

    def early(rules: Any, not_after: float, skew_s: float) -> Any:
        limits = real(rules, not_after, skew_s)
        if limits is None:
            return None
        return dataclasses.replace(limits, absent_from=limits.absent_from - seconds(rules))

    absence.horizon = early


def no_engine_bound() -> None:
    """Not found is a proof although an order may still be in the engine's queue."""
    _sooner(lambda rules: rules.engine_bound_s.value)


def no_visibility_bound() -> None:
    """Not found is a proof although an order may be on its way to the look-ups."""
    _sooner(lambda rules: rules.visibility_bound_s.value)


def not_found_before_the_deadline() -> None:
    """Not found is a proof as soon as it is asked."""
    real = horizon.horizon

    def at_once(rules: Any, not_after: float, skew_s: float) -> Any:
        limits = real(rules, not_after, skew_s)
        return None if limits is None else dataclasses.replace(limits, cancel_from=0.0, absent_from=0.0)

    absence.horizon = at_once


def absence_without_deadline() -> None:
    """Where no deadline is checked and no id is kept, not found at the end of the window counts as dead."""
    real = attempts.Attempts.resolve

    async def resolve(self: Any, record: IntentRecord, attempt: Attempt, adapter: Any, **more: Any) -> Any:
        reached = await real(self, record, attempt, adapter, **more)
        if isinstance(reached, attempts.Parked) and not attempt.order.client_id:
            return await self.journal.step_attempt(
                attempt.id, AttemptState.CLOSED, now=self.clock.now(), proof=Proof.DEADLINE, evidence="nobody knows it"
            )
        return reached

    attempts.Attempts.resolve = resolve


def new_id_on_recovery() -> None:
    """An attempt that a dead router left is looked for under an id of this one's."""
    real = attempts.Attempts.look_up

    async def look_up(self: Any, attempt: Attempt, adapter: Any, count: int) -> Any:
        order = attempt.order
        if order.client_id and order.client_id[8:12] != self.journal.incarnation:
            mine = order.client_id[:8] + self.journal.incarnation + order.client_id[12:]
            attempt = dataclasses.replace(attempt, order=dataclasses.replace(order, client_id=mine))
        return await real(self, attempt, adapter, count)

    attempts.Attempts.look_up = look_up
    real_absence = attempts.absence

    async def absent(inquiry: Any) -> Any:
        order = inquiry.attempt.order
        other = dataclasses.replace(order, client_id=order.client_id[:8] + "ffff" + order.client_id[12:])
        attempt = dataclasses.replace(inquiry.attempt, order=other)
        return await real_absence(dataclasses.replace(inquiry, attempt=attempt))

    attempts.absence = absent


def open_means_unsent() -> None:
    """An attempt that is found open at the start is taken for one that never left."""

    async def doubted(self: Any, record: IntentRecord, attempt: Attempt) -> IntentRecord:
        if attempt.state is not AttemptState.OPEN:
            return record
        return await self.journal.step_attempt(
            attempt.id, AttemptState.REJECTED, now=self.clock.now(), proof=Proof.NOT_SENT, evidence="found open"
        )

    lifecycle.Lifecycle._doubted = doubted


def market_is_not_blocked() -> None:
    """A second order goes to a market of an exchange without ids while the fate of the first is unknown.

    Survives: the fingerprint in the price tells the two apart all the same, unless a hundred prices collide. The guard
    is the second line there; what it is for alone are orders of other programs, which the simulation has not.
    """
    MarketGuard.blocked_by = lambda *_: None


def silence_is_a_proof() -> None:
    """Once its time is over an order counts as dead, also where the exchange answers no look-up."""
    real = attempts.Attempts.resolve

    async def resolve(self: Any, record: IntentRecord, attempt: Attempt, adapter: Any, **more: Any) -> Any:
        reached = await real(self, record, attempt, adapter, **more)
        limits = absence.horizon_of(attempt, adapter)
        if limits is None or not isinstance(reached, attempts.Parked) or self.clock.now() < limits.absent_from:
            return reached
        return await self.journal.step_attempt(
            attempt.id, AttemptState.CLOSED, now=self.clock.now(), proof=Proof.DEADLINE, evidence="its time is over"
        )

    attempts.Attempts.resolve = resolve


def seen_is_forgotten() -> None:
    """A cancel that says that the order was there counts as one that knows no such order."""
    for kind in ADAPTERS.values():
        _unknown_to_the_cancel(kind)


def _unknown_to_the_cancel(kind: Any) -> None:
    real = kind.cancel_order

    async def cancel_order(self: Any, ref: Any) -> CancelOutcome:
        outcome = await real(self, ref)
        return dataclasses.replace(outcome, state=CancelState.NO_SUCH_ORDER)

    kind.cancel_order = cancel_order


def any_order_is_ours() -> None:
    """Where no ids are kept, whatever the exchange lists counts as the order that is looked for."""
    firi._fits = lambda *_: True
