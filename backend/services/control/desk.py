"""An operator's desk: everything that can be asked of a running router from outside, in one place.

The HTTP port and the command line both come through here, so that they can do the same and mean the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from backend.domain.errors import JournalError, OrderFateUnknown, RouterBusy, RouterClosed, UnknownOrder
from backend.domain.ids import differences
from backend.domain.orders import Intent
from backend.domain.records import Event, ExecutionResult, IntentRecord, Standing
from backend.policies.routing_tables import FailoverChains
from backend.ports.clock import Clock
from backend.ports.exchange import ExchangeAdapter
from backend.ports.journal import Journal
from backend.services.control.documents import order_document, venue_documents
from backend.services.execution.resolving import Word
from backend.services.execution.router import Router
from backend.services.health.board import HealthBoard
from backend.services.health.keys import key_problems

WAIT_MAX_S = 300.0
"""How long a caller may wait for a result."""
PAGE_MAX = 1_000
STORED_LOOKS_MAX = 1_000
"""How often the journal is asked for an order that is on its way into it."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Holds no state of its own. ``signing``: the venues with keys, each asked through ``adapter_of``."""

    router: Router
    journal: Journal
    health: HealthBoard
    chains: FailoverChains
    clock: Clock
    venues: tuple[str, ...]
    signing: tuple[str, ...]
    adapter_of: Callable[[str], ExchangeAdapter]
    began: float

    async def submit(self, intent: Intent, wait_s: float) -> ExecutionResult | IntentRecord:
        """The result, if there is one within ``wait_s``; else the record as it stands then. Either way the order is
        stored when this returns. Raises what ``Router.submit`` raises."""
        task = asyncio.create_task(self.router.submit(intent), name=f"caller of {intent.id}")
        task.add_done_callback(_noted)
        done, _ = await asyncio.wait({task}, timeout=min(max(wait_s, 0.0), WAIT_MAX_S))
        if done:
            return await self._told(intent.id, task)
        for _ in range(STORED_LOOKS_MAX):
            record = await self._stored(intent.id, task)
            if record is not None and not differences(record.intent, intent):
                task.cancel()  # it only waits: the order is the router's, and one more for each repeat would pile up
                return record
            if task.done():
                return await self._told(intent.id, task)
        raise RouterBusy(f"order {intent.id!r} is not stored yet; repeat it with the same id")

    async def _stored(self, intent_id: str, task: asyncio.Task[ExecutionResult]) -> IntentRecord | None:
        """What the journal has of an order that may be under way: when it cannot tell, nobody may believe that nothing
        was sent."""
        try:
            return await self.journal.get(intent_id)
        except JournalError as error:
            task.cancel()
            raise OrderFateUnknown(intent_id, error) from error

    async def cancel(self, intent_id: str, wait_s: float) -> ExecutionResult | IntentRecord:
        """Like ``submit``; the record too where the wish is only stored, because the journal is halted. Raises
        UnknownOrder."""
        task = asyncio.create_task(self.router.cancel(intent_id), name=f"cancel of {intent_id}")
        done, _ = await asyncio.wait({task}, timeout=min(max(wait_s, 0.0), WAIT_MAX_S))
        if done:
            told = await self._told(intent_id, task)
            return told if told.state.final or self.journal.halted is None else await self.order(intent_id)
        task.add_done_callback(_noted)
        try:
            return await self.order(intent_id)  # behind the wish, in the journal's queue
        finally:
            task.cancel()  # it only waits

    async def _told(self, intent_id: str, task: asyncio.Task[ExecutionResult]) -> ExecutionResult | IntentRecord:
        """The task's result; when the router stops meanwhile, the order as it is left to the next start."""
        try:
            return task.result()
        except OrderFateUnknown as error:
            if not isinstance(error.cause, RouterClosed):
                raise
            try:
                record = await self.journal.get(intent_id)
            except JournalError:
                raise error from None  # it may have been sent: that is what its caller has to know
            if record is None:
                raise error.cause from None
            return record

    async def resolve(self, intent_id: str, filled: Decimal, reason: str) -> IntentRecord:
        """Ends a parked order by the operator's word."""
        return await self.router.resolve(intent_id, Word(filled, reason))

    async def order(self, intent_id: str) -> IntentRecord:
        """Raises UnknownOrder."""
        record = await self.journal.get(intent_id)
        if record is None:
            raise UnknownOrder(intent_id)
        return record

    async def orders(self, limit: int, *, open_only: bool, before: str | None) -> tuple[IntentRecord, ...]:
        """The newest first, those older than the order ``before``; or everything that is open, oldest first."""
        count = min(max(limit, 1), PAGE_MAX)
        if open_only:
            return (await self.journal.unfinished())[:count]
        return await self.journal.recent(count, before=before)

    async def events(self, after: int, limit: int) -> tuple[Event, ...]:
        """The journal's events after that number, oldest first."""
        return await self.journal.events(after, min(max(limit, 1), PAGE_MAX))

    async def venue_documents(self) -> list[dict[str, object]]:
        """Each venue's health and keys, asked now, its chain, and what stands against using it."""
        verdicts, keys = await asyncio.gather(
            asyncio.gather(*(self.health.check(venue) for venue in self.venues)),
            key_problems(self.adapter_of, self.signing),
        )
        return venue_documents(
            self.health,
            self.clock,
            dict(zip(self.venues, verdicts, strict=True)),
            chains=self.chains,
            keys=keys,
            standing=Standing(await self.journal.unfinished(), await self.journal.halts(), self.journal.halted),
        )

    def document(self, record: IntentRecord) -> dict[str, object]:
        """One order in full."""
        return order_document(record, self.router.unresolved_until(record))

    def status(self) -> Mapping[str, object]:
        """The router itself."""
        return {
            "orders_in_flight": self.router.in_flight,
            "up_s": round(self.clock.monotonic() - self.began, 1),
            "incarnation": self.journal.incarnation,
            "halted": self.journal.halted,
            "failed": self.journal.failed,
        }


def _noted(task: asyncio.Task[ExecutionResult]) -> None:
    """Nobody waits any more; the router itself logs what fails."""
    if not task.cancelled():
        task.exception()
