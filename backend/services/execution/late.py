"""Evidence that comes after the end: an order that was proven dead by time, or declared so, and is seen all the same.

It is booked, whatever was believed before, and its account is halted, in one transaction of the journal. What works
elsewhere for the same order is woken: it leaves when it would bring more than what is left. An order that was seen is
looked at until its venue has told how it ended; one that was not is let go after a look when its time is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from backend.domain.errors import JournalError, OrderTaken, QuantumTraderError
from backend.domain.orders import OrderRef, OrderReport
from backend.domain.records import Attempt, Drop, Ghost, IntentRecord
from backend.policies.late import Sight, own_fills, sight, traded
from backend.ports.clock import Clock
from backend.ports.exchange import ExchangeAdapter
from backend.ports.journal import Journal
from backend.ports.telemetry import Telemetry
from backend.services.execution.asking import NoAnswer
from backend.services.execution.attempts import Attempts
from backend.services.execution.cancels import Cancels
from backend.services.execution.markets import MarketGuard

LOOKS_AT_ONCE = 4
"""So many ghosts of one venue are looked at side by side; the venues do not wait for each other."""


@dataclass(frozen=True, slots=True)
class LateEvidence:
    """Looks for the ghosts of the journal. They are bounded by the caps: each keeps its reservation."""

    journal: Journal
    attempts: Attempts
    cancels: Cancels
    markets: MarketGuard
    clock: Clock
    telemetry: Telemetry

    async def look(self, adapter_of: Callable[[str], ExchangeAdapter | Drop]) -> None:
        """One look for each. A failure is told and leaves the ghost as it is."""
        try:
            ghosts = await self.journal.ghosts()
        except JournalError as error:
            self.telemetry.error("The ghosts cannot be read", error=str(error))
            return
        by_venue: dict[str, list[Ghost]] = {}
        for ghost in ghosts:
            by_venue.setdefault(ghost.attempt.venue, []).append(ghost)
        found = ((adapter_of(venue), own) for venue, own in by_venue.items())
        await asyncio.gather(*(self._looked(adapter, own) for adapter, own in found if not isinstance(adapter, Drop)))

    async def _looked(self, adapter: ExchangeAdapter, ghosts: Iterable[Ghost]) -> None:
        waiting = iter(ghosts)

        async def one_after_the_other() -> None:
            for ghost in waiting:
                try:
                    await self._look_at(ghost, adapter)
                except QuantumTraderError as error:  # one ghost in a state that nobody foresaw must not hide the others
                    self.telemetry.error("A ghost cannot be booked", order_id=ghost.record.intent.id, error=str(error))

        await asyncio.gather(*(one_after_the_other() for _ in range(LOOKS_AT_ONCE)))

    async def _look_at(self, ghost: Ghost, adapter: ExchangeAdapter) -> None:
        # Somebody's word is no measure for what the venue says now.
        attempt = replace(ghost.attempt, filled=traded(own_fills(ghost.record, ghost.attempt)))
        looked_at = self.clock.now()
        report = await self.attempts.asking.ask(attempt, _question(attempt, adapter))
        if isinstance(report, NoAnswer):
            return
        if not isinstance(report, OrderReport) or not await self._told(ghost, attempt, report, adapter):
            await self._laid(ghost, looked_at)

    async def _told(self, ghost: Ghost, attempt: Attempt, report: OrderReport, adapter: ExchangeAdapter) -> bool:
        """Books what is new. False: there is nothing left of it to wait for."""
        trades = await self.attempts.asking.fills(attempt, adapter, report)
        seen = sight(ghost, report, trades, self.clock.now())
        try:
            if seen is not None:
                await self._booked(ghost, report, seen, adapter)
        except OrderTaken as taken:
            self.attempts.asking.log(attempt, "The order found is another attempt's", problem=str(taken))
            return False
        if not report.status.terminal:
            # It must not execute any further. Only after it is known as this attempt's own.
            order = attempt.order
            ref = OrderRef(order.symbol, report.venue_order_id, order.client_id or None, order.created_at)
            await self.attempts.asking.ask(attempt, adapter.cancel_order(ref))
            return True
        return seen is not None

    async def _booked(self, ghost: Ghost, report: OrderReport, seen: Sight, adapter: ExchangeAdapter) -> None:
        name = ghost.record.intent.id
        try:
            record = await self.attempts.late(ghost, report, seen)
        finally:
            # Also when the wait for the commit was given up: it may come all the same, and a read comes after it.
            self.cancels.stir(name)
        self.markets.note(adapter.rules, record.attempt(ghost.attempt.id))
        self._tell(ghost, record, seen)

    def _tell(self, ghost: Ghost, record: IntentRecord, seen: Sight) -> None:
        before, after = ghost.attempt, record.attempt(ghost.attempt.id)
        if not seen.lives and before.filled == after.filled and seen.settled:
            self.attempts.asking.log(after, "An order that was seen after its end is settled", filled=after.filled)
            return
        self.telemetry.error(
            "An order that had ended lives" if seen.lives else "An order that had ended executed all the same",
            order_id=record.intent.id,
            exchange=after.venue,
            filled=record.filled,
            quantity=record.intent.quantity,
            proof=after.proof,
            attempt_filled=after.filled,
            provisional=any(fill.provisional for fill in own_fills(record, after)),
        )

    async def _laid(self, ghost: Ghost, looked_at: float) -> None:
        if looked_at >= ghost.until and await self.journal.lay_ghost(ghost.attempt.id, looked_at=looked_at):
            self.attempts.exposure.release(ghost.attempt.id)
            self.markets.let_go(ghost.attempt)


async def _question(attempt: Attempt, adapter: ExchangeAdapter) -> OrderReport | None:
    """By any id there is; where the venue has none of ours, by what was asked for."""
    order = attempt.order
    if not order.client_id and attempt.venue_order_id is None:
        return await adapter.search_order(OrderRef(order.symbol, created_at=order.created_at, like=order))
    return await adapter.get_order(
        OrderRef(order.symbol, attempt.venue_order_id, order.client_id or None, order.created_at)
    )
