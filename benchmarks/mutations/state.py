"""What is stored, reserved, told and followed."""

# mypy: ignore-errors
# What is put in its place need not fit.

from __future__ import annotations

import asyncio
import dataclasses
from decimal import Decimal
from typing import Any

from backend.domain.lifecycle import AttemptState, Proof
from backend.domain.money import ZERO
from backend.domain.orders import OrderRef, OrderReport
from backend.domain.records import Attempt, IntentRecord
from backend.integrations.journal import chain, exposure, fills, journal, store
from backend.policies import risk_limits
from backend.services.execution import attempts, late, lifecycle, resting, router


def parts_are_ignored() -> None:
    """A cancelled order counts as not executed."""
    real = attempts.Attempts._close

    async def close(self: Any, attempt: Attempt, report: OrderReport, booked: Any, **more: Any) -> Any:
        part = report.filled < report.quantity
        return await real(self, attempt, report, () if part else booked, **more)

    attempts.Attempts._close = close


def cancel_is_the_last_word() -> None:
    """A resting order is over, with what was known of it, once its cancel was answered."""
    real = resting.Resting.follow

    async def follow(self: Any, record: IntentRecord, attempt: Attempt, adapter: Any, settled: Any) -> Any:
        if self.cancels.wanted(record.intent.id):
            ref = OrderRef(attempt.order.symbol, attempt.venue_order_id)
            await self.attempts.asking.ask(attempt, adapter.cancel_order(ref))
            return await self.attempts.journal.step_attempt(
                attempt.id,
                AttemptState.CLOSED,
                now=self.clock.now(),
                proof=Proof.TERMINAL_STATE,
                evidence="cancelled",
            )
        return await real(self, record, attempt, adapter, settled)

    resting.Resting.follow = follow


def fills_count_twice() -> None:
    """A trade that is told again is booked again."""
    real, count = fills.book, iter(range(10**9))

    def book(db: Any, attempt_id: str, fill: Any) -> bool:
        return real(db, attempt_id, dataclasses.replace(fill, trade_id=f"{fill.trade_id}.{next(count)}"))

    fills.book = book


def fees_enlarge_the_rest() -> None:
    """A part of what was executed is tried again because a fee was taken from it."""
    real = IntentRecord.filled.fget
    IntentRecord.filled = property(lambda self: real(self) * Decimal("0.99"))


def chain_is_not_kept() -> None:
    """Every tenth event does not name the one before it."""
    real, count = chain._link, iter(range(10**9))

    def link(before: str, *parts: object) -> str:
        return real(chain.FIRST_LINK if next(count) % 10 == 9 else before, *parts)

    chain._link = link


def state_without_event() -> None:
    """An intent's end is written to its table and to no event."""
    real = store.chain.append

    def append(db: Any, at: float, kind: str, *rest: Any) -> None:
        if kind != "intent_stepped":
            real(db, at, kind, *rest)

    store.chain.append = append


def ends_with_an_open_attempt() -> None:
    """An order that is parked is told as done short."""
    real = lifecycle.Lifecycle.result_of

    def parked(self: Any, record: IntentRecord, *rest: Any) -> Any:
        state = lifecycle.IntentState.DONE_SHORT
        return dataclasses.replace(real(self, record, *rest), state=state)

    lifecycle.Lifecycle.result_of = parked


def reservation_is_lost() -> None:
    """The journal reserves nothing for an attempt."""
    exposure.reserve = lambda *_: None


def caps_are_forgotten() -> None:
    """No order is too much for an account."""
    risk_limits.judge_notional = lambda *_: None
    real = exposure.reserve

    def reserve(db: Any, attempt: Attempt, account: str, _: Any) -> None:
        real(db, attempt, account, None)

    exposure.reserve = reserve


def repeated_id_is_a_new_order() -> None:
    """A caller who asks again gets a second order."""
    real, count = router.Router.submit, iter(range(10**9))

    async def submit(self: Any, intent: Any) -> Any:
        return await real(self, dataclasses.replace(intent, id=f"{intent.id}.{next(count)}"))

    router.Router.submit = submit


def validity_is_forgotten() -> None:
    """An order goes on after its time."""
    lifecycle.Lifecycle._expired = lambda *_: False
    real = lifecycle.request_deadline
    lifecycle.request_deadline = lambda now, window, _: real(now, window, now + window)


def budget_is_forgotten() -> None:
    """Relief is given again and again."""
    lifecycle.relief = lambda record: ZERO if not record.intent.overfill_budget else record.intent.quantity
    store.add_leg = _any_leg


def _any_leg(db: Any, intent_id: str, quantity: Decimal, *, now: float) -> IntentRecord:
    record = store._known(db, intent_id)
    number = len(record.legs) + 1
    db.execute("INSERT INTO leg VALUES (?, ?, ?)", (intent_id, number, format(quantity, "f")))
    chain.append(db, now, "leg_added", intent_id, None, {"leg": number, "quantity": quantity})
    return store._known(db, intent_id)


def parked_for_ever() -> None:
    """Nobody looks for a parked order again."""

    async def review(self: Any) -> tuple[object, ...]:
        return ()

    router.Router.review = review


def late_evidence_is_ignored() -> None:
    """What shows after the end is not looked for. (Only where exchanges break their bounds does that matter.)"""

    async def look(self: Any, adapter_of: Any) -> tuple[object, ...]:
        return ()

    late.LateEvidence.look = look


def halt_is_forgotten() -> None:
    """An account at which a proof was wrong goes on taking orders."""
    store.halting.judge = lambda *_, **__: None


def answered_cancel_is_lost() -> None:
    """A cancel is answered before it is stored."""

    async def nothing(self: Any, intent_id: str, *_: Any, **__: Any) -> Any:
        return await self.get(intent_id)

    journal.SqliteJournal.request_cancel = nothing


def reviewer_dies() -> None:
    """The task that looks for parked orders ends with an error of a kind that nobody thought of."""

    async def review(self: Any) -> tuple[object, ...]:
        raise ValueError("a program's fault")

    router.Router.review = review


def cancel_hangs() -> None:
    """Whoever cancels an order waits for ever."""

    async def cancel(self: Any, intent_id: str) -> Any:
        await asyncio.get_running_loop().create_future()

    router.Router.cancel = cancel
