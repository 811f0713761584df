"""Follows an order that rests in a venue's book: books what executes, and takes it out when it has to go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backend.domain.lifecycle import AttemptState
from backend.domain.orders import OrderRef, OrderReport
from backend.domain.records import Attempt, IntentRecord
from backend.policies.late import too_much
from backend.policies.resting import look_interval_s, next_look_s, why_leave
from backend.ports.clock import Clock
from backend.ports.exchange import ExchangeAdapter
from backend.ports.telemetry import Telemetry
from backend.services.execution.asking import NOT_ASKED
from backend.services.execution.attempts import Attempts, Parked
from backend.services.execution.cancels import Cancels


@dataclass(frozen=True, slots=True)
class Resting:
    """Holds no state of its own: what executed is in the journal, the wish to cancel in ``cancels``."""

    attempts: Attempts
    cancels: Cancels
    clock: Clock
    telemetry: Telemetry

    async def follow(
        self, record: IntentRecord, attempt: Attempt, adapter: ExchangeAdapter, at_rest: Callable[[bool], None]
    ) -> IntentRecord | Parked:
        """Watches a working attempt until the venue says it has ended, or until it has to leave: then it is cancelled
        and followed to its terminal state, as any other. Only that state tells what is left to move. ``at_rest`` is
        called with True when it is there and stays for the time being."""
        with self.cancels.followed(record.intent.id):
            record = await self.attempts.current(record.intent.id)
            return await self._watch(record, record.attempt(attempt.id), adapter, at_rest)

    async def _watch(
        self, record: IntentRecord, attempt: Attempt, adapter: ExchangeAdapter, at_rest: Callable[[bool], None]
    ) -> IntentRecord | Parked:
        ref = OrderRef(attempt.order.symbol, attempt.venue_order_id, attempt.order.client_id or None, watched=True)
        silent = unasked = 0
        while True:
            if self.cancels.stirred(record.intent.id):
                record = await self.attempts.current(record.intent.id)
            leave = why_leave(
                now=self.clock.now(),
                valid_until=record.valid_until,
                cancel_requested=self.cancels.wanted(record.intent.id),
                silent_looks=silent,
                too_much=attempt.id in {one.id for one in too_much(record)},
            )
            if leave is not None:
                self.telemetry.info(
                    "Resting order leaves", order_id=record.intent.id, exchange=attempt.venue, reason=leave.value
                )
                return await self.attempts.settle(attempt, adapter, at_rest)
            report = await self.attempts.asking.ask(attempt, adapter.get_order(ref))
            if report is NOT_ASKED:
                # The limits leave no room for a moment, which says nothing of the venue: the order stays.
                unasked += 1
            else:
                silent, unasked = (0 if isinstance(report, OrderReport) else silent + 1), 0
            if isinstance(report, OrderReport):
                record = await self.attempts.progress(record, attempt, adapter, report)
                attempt = record.attempt(attempt.id)
                if attempt.state is AttemptState.CLOSED:
                    return record
            at_rest(True)
            pause_s = next_look_s(self.clock.now(), record.valid_until, look_interval_s(unasked))
            await self.cancels.wait(record.intent.id, self.clock, pause_s)
