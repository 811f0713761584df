"""Evidence that comes after the end: an order that was proven dead by time, or declared so, and is seen all the same.

It is booked, whatever was believed before; the journal halts the account when more executed than was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from backend.domain.lifecycle import Proof
from backend.domain.money import ZERO
from backend.domain.orders import OrderRef, OrderReport
from backend.domain.records import Attempt, Drop, IntentRecord
from backend.ports.clock import Clock
from backend.ports.exchange import ExchangeAdapter
from backend.ports.journal import Journal
from backend.ports.telemetry import Telemetry
from backend.services.execution.attempts import Attempts

WATCHED = (Proof.DEADLINE, Proof.OPERATOR)
"""The proofs that rest on somebody keeping a word."""


@dataclass(frozen=True, slots=True)
class LateEvidence:
    """Looks for the ghosts of the journal: bounded by them."""

    journal: Journal
    attempts: Attempts
    clock: Clock
    telemetry: Telemetry

    async def look(self, adapter_of: Callable[[str], ExchangeAdapter | Drop]) -> tuple[IntentRecord, ...]:
        """One look for each; the records of those that were there after all."""
        found = []
        for record in await self.journal.ghosts(now=self.clock.now()):
            for attempt in record.attempts:
                if attempt.proof not in WATCHED:
                    continue
                adapter = adapter_of(attempt.venue)
                seen = None if isinstance(adapter, Drop) else await self._seen(record, attempt, adapter)
                if seen is not None:
                    found.append(seen)
        return tuple(found)

    async def _seen(self, before: IntentRecord, attempt: Attempt, adapter: ExchangeAdapter) -> IntentRecord | None:
        order = attempt.order
        if not order.client_id and attempt.venue_order_id is None:
            return None
        # Somebody's word is no measure for what the venue says now.
        attempt = replace(attempt, filled=_traded(before, attempt))
        ref = OrderRef(order.symbol, attempt.venue_order_id, order.client_id or None, order.created_at)
        report = await self.attempts.asking.ask(attempt, adapter.get_order(ref))
        if not isinstance(report, OrderReport):
            return None
        if not report.status.terminal:
            # It must not execute any further. What it did is booked when the venue says that it is over.
            await self.attempts.asking.ask(attempt, adapter.cancel_order(ref))
            return None
        fills = await self.attempts.asking.fills(attempt, adapter, report)
        if not fills:
            return None
        record = await self.attempts.late(before, attempt, report, fills)
        self.telemetry.error(
            "An order that had ended executed all the same",
            order_id=record.intent.id,
            exchange=attempt.venue,
            filled=record.filled,
            quantity=record.intent.quantity,
            proof=attempt.proof,
        )
        return record


def _traded(record: IntentRecord, attempt: Attempt) -> Decimal:
    own = (f for f in record.fills if (f.venue, f.venue_order_id) == (attempt.venue, attempt.venue_order_id))
    return sum((fill.quantity for fill in own if not fill.provisional), ZERO)
