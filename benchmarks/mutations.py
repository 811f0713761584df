"""Ways to break the program, each as a change that a careless hand could make. The simulation must notice.

Each function patches modules that are imported already; it runs in a process of its own.
"""

# mypy: ignore-errors
# What is put in its place need not fit.

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal
from importlib import import_module
from typing import Any

from backend.domain.lifecycle import AttemptState, Proof
from backend.domain.money import ZERO
from backend.domain.orders import OrderRef, OrderReport, VenueOrder
from backend.domain.outcomes import Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.domain.records import Attempt, IntentRecord
from backend.integrations.exchanges.shared import adapter as shared
from backend.integrations.exchanges.shared import ported
from backend.integrations.journal import chain, exposure, fills, store
from backend.policies import horizon, risk_limits
from backend.policies.routing_tables import EXCHANGES
from backend.ports.transport import HttpRequest, TransportFault
from backend.services.execution import absence, attempts, late, lifecycle, resting, router
from backend.services.execution.markets import MarketGuard

ADAPTERS = {venue: import_module(f"backend.integrations.exchanges.{venue}.adapter").ADAPTER for venue in EXCHANGES}
Change = Callable[[], None]


def _read_as_refused(*reasons: UnknownReason) -> None:
    real = shared.classify

    def classify(*given: Any) -> Outcome:
        outcome = real(*given)
        if isinstance(outcome, Unknown) and (not reasons or outcome.reason in reasons):
            return ProvenNotExecuted(RejectReason.OVERLOADED, outcome.evidence, HealthClass.FAILED)
        return outcome

    shared.classify = classify


def timeout_as_refusal() -> None:
    """A place without an answer counts as refused."""
    _read_as_refused(UnknownReason.TIMEOUT)


def cut_off_as_refusal() -> None:
    """A connection that breaks after the send counts as not executed."""
    _read_as_refused(UnknownReason.CONNECTION_LOST)


def broken_answer_as_refusal() -> None:
    """An answer that cannot be read counts as refused."""
    _read_as_refused(UnknownReason.BROKEN_ANSWER, UnknownReason.NO_ORDER_ID)


def server_error_as_refusal() -> None:
    """A 5xx counts as refused."""
    _read_as_refused(UnknownReason.SERVER_ERROR)


def sent_counts_as_unsent() -> None:
    """Every failure of the connection counts as one before the first byte."""
    real = ported.HttpFact.of_error

    def of_error(error: Any) -> Any:
        return dataclasses.replace(real(error), headers_written=False)

    ported.HttpFact.of_error = staticmethod(of_error)


def _other_times(change: Callable[[Any, VenueOrder], VenueOrder]) -> None:
    for kind in ADAPTERS.values():
        real = kind._place_call

        def place_call(self: Any, order: VenueOrder, instrument: Any, real: Any = real) -> Any:
            return real(self, change(self, order), instrument)

        kind._place_call = place_call


def deadline_at_the_send() -> None:
    """The deadline is counted from when the request is made, not from when the attempt was journaled."""
    real = attempts.Attempts.send

    async def send(self: Any, opened: Any, adapter: Any) -> Any:
        now = self.clock.now()
        order = dataclasses.replace(opened.attempt.order, created_at=now, not_after=now + 5.0)
        late_one = attempts.Opened(
            dataclasses.replace(opened.attempt, order=order),
            dataclasses.replace(opened.approved, order=order),
            self.clock.monotonic() + 5.0,
        )
        return await real(self, late_one, adapter)

    attempts.Attempts.send = send


def no_deadline() -> None:
    """The request may arrive as late as the venue allows."""
    _other_times(lambda _, order: dataclasses.replace(order, not_after=order.created_at + 55.0))


def _sooner(seconds: Callable[[Any], float]) -> None:
    real = horizon.horizon

    def early(rules: Any, not_after: float, skew_s: float) -> Any:
        limits = real(rules, not_after, skew_s)
        if limits is None:
            return None
        return dataclasses.replace(limits, absent_from=limits.absent_from - seconds(rules))

    absence.horizon = early


def no_engine_bound() -> None:
    """Not found is a proof although an order may still be in the engine's queue or on its way to the look-ups."""
    _sooner(lambda rules: rules.engine_bound_s.value + rules.visibility_bound_s.value)


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


def retry_of_the_library() -> None:
    """The client library repeats a request that timed out."""
    real = ported.PortedExchange.send

    async def send(self: Any, request: HttpRequest) -> Any:
        fact = await real(self, request)
        return await real(self, request) if fact.fault is TransportFault.TIMEOUT else fact

    ported.PortedExchange.send = send


def send_before_the_journal() -> None:
    """The bytes leave while the attempt is still being written."""
    real, writing = attempts.Attempts._journaled, []

    async def journaled(self: Any, attempt: Attempt, approved: Any, worst_price: Decimal) -> Any:
        writing.append(asyncio.ensure_future(real(self, attempt, approved, worst_price)))

    attempts.Attempts._journaled = journaled


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


def market_is_not_blocked() -> None:
    """A second order goes to a market of an exchange without ids while the fate of the first is unknown.

    Survives: the fingerprint in the price tells the two apart all the same, unless a hundred prices collide. The guard
    is the second line there; what it is for alone are orders of other programs, which the simulation has not.
    """
    MarketGuard.blocked_by = lambda *_: None


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


def keys_in_the_log() -> None:
    """A request is told with its headers."""
    real = ported.PortedExchange.send

    async def send(self: Any, request: HttpRequest) -> Any:
        self._clock._fate._parts.watch.noted(f"{request.headers} {self.apiKey}")
        return await real(self, request)

    ported.PortedExchange.send = send


MUTATIONS: Mapping[str, Change] = {
    change.__name__: change
    for change in (
        timeout_as_refusal,
        cut_off_as_refusal,
        broken_answer_as_refusal,
        server_error_as_refusal,
        sent_counts_as_unsent,
        deadline_at_the_send,
        no_deadline,
        no_engine_bound,
        not_found_before_the_deadline,
        absence_without_deadline,
        new_id_on_recovery,
        open_means_unsent,
        retry_of_the_library,
        send_before_the_journal,
        parts_are_ignored,
        cancel_is_the_last_word,
        fills_count_twice,
        fees_enlarge_the_rest,
        chain_is_not_kept,
        state_without_event,
        ends_with_an_open_attempt,
        reservation_is_lost,
        caps_are_forgotten,
        market_is_not_blocked,
        repeated_id_is_a_new_order,
        validity_is_forgotten,
        budget_is_forgotten,
        parked_for_ever,
        late_evidence_is_ignored,
        halt_is_forgotten,
        keys_in_the_log,
    )
}
BEYOND = frozenset({"late_evidence_is_ignored", "halt_is_forgotten"})
"""Those that show only where exchanges break their bounds."""
