"""The router: takes intents, runs each as a task of its own, and picks up what an earlier process left open."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass

from backend.config.model import Settings
from backend.domain.errors import (
    IdempotencyConflict,
    InvalidOrder,
    JournalError,
    OrderFateUnknown,
    RouterBusy,
    RouterClosed,
)
from backend.domain.ids import body_hash
from backend.domain.lifecycle import IntentState
from backend.domain.orders import DEFAULT_VALIDITY_S, Intent
from backend.domain.records import ExecutionResult, IntentRecord
from backend.policies.routing_tables import FailoverChains, candidates, known_exchange, primary_of
from backend.ports.clock import Clock
from backend.ports.journal import Journal
from backend.ports.telemetry import Telemetry
from backend.services.execution.lifecycle import Lifecycle, Route

ORDERS_IN_FLIGHT_MAX = 1_000
REVIEW_INTERVAL_S = 60.0
VALIDITY_MAX_S = 86_400.0
NO_NEW_ATTEMPT = Route(())
"""Settle what is open, send nothing."""


async def _all_ended(tasks: Sequence[asyncio.Task[ExecutionResult]]) -> None:
    """Waits for all. Cancelling the wait cancels none of them: an order belongs to the router."""
    if tasks:
        await asyncio.wait(tasks)


@dataclass(frozen=True, slots=True)
class _Running:
    body: str
    task: asyncio.Task[ExecutionResult]


class Router:
    """``await router.start()`` first. An order belongs to the router: cancelling the caller never cancels it."""

    def __init__(
        self,
        *,
        journal: Journal,
        lifecycle: Lifecycle,
        chains: FailoverChains,
        strategies: Mapping[str, str],
        settings: Settings,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._journal = journal
        self._lifecycle = lifecycle
        self._chains = chains
        self._strategies = strategies
        self._settings = settings
        self._clock = clock
        self._telemetry = telemetry
        self._running: dict[str, _Running] = {}
        self._reviewer: asyncio.Task[None] | None = None
        self._open = False
        self._starting = asyncio.Lock()

    def __repr__(self) -> str:
        return f"Router({'open' if self._open else 'closed'}, orders in flight: {len(self._running)})"

    async def start(self) -> None:
        """Settles what the journal holds open, then opens the intake.

        Every attempt found open is treated as unknown: its order is looked up and adopted, or its intent is parked.
        """
        async with self._starting:
            if self._open:
                return
            left = await self._idle()
            restored = [self._start(r.intent, r.body_hash, self._restore(r)) for r in left]
            await _all_ended(restored)
            for task in restored:
                error = task.exception()
                if isinstance(error, OrderFateUnknown) and isinstance(error.cause, JournalError):
                    raise error.cause
            self._open = True
            self._reviewer = asyncio.create_task(self._review_forever(), name="review of parked orders")

    async def submit(self, intent: Intent) -> ExecutionResult:
        """Routes the intent and returns when it is final or parked.

        The same id with the same body returns the same result; with another body IdempotencyConflict is raised.
        Raises InvalidOrder, RouterBusy, RouterClosed, JournalError: in each case nothing was sent. Raises
        OrderFateUnknown when something failed later: only the same id may be repeated then.
        """
        if intent.exchange is not None:
            known_exchange(intent.exchange)
        return await self.execute(intent, self.route_of(intent))

    def route_of(self, intent: Intent) -> Route:
        """Primary by explicit name, strategy or default; then its chain, then the default."""
        default = self._settings.default_exchange
        primary = primary_of(intent.exchange, intent.strategy_id, self._strategies, default)
        return Route(candidates(self._chains.of(primary), default))

    async def run_on_venue(self, venue: str, intent: Intent) -> ExecutionResult:
        """One attempt on this venue and no other, without a health check: the caller chose it."""
        return await self.execute(intent, Route((venue,), frozenset({venue})))

    async def execute(self, intent: Intent, route: Route) -> ExecutionResult:
        """Like ``submit`` with a route given."""
        if not self._open:
            raise RouterClosed("the router takes no orders: it was not started or is closed")
        body = body_hash(intent)
        running = self._running.get(intent.id)
        if running is None:
            if len(self._running) >= ORDERS_IN_FLIGHT_MAX:
                raise RouterBusy(f"{ORDERS_IN_FLIGHT_MAX} orders are in flight; repeat {intent.id!r} later")
            task = self._start(intent, body, self._accepted(intent, body, route))
        elif running.body == body:
            task = running.task
        else:
            raise IdempotencyConflict(intent.id)
        return await asyncio.shield(task)

    async def review(self) -> tuple[ExecutionResult, ...]:
        """Looks once more for every parked order, and takes up what a failed task has left. Returns their results."""
        looks = [self._start(r.intent, r.body_hash, self._looked_again(r)) for r in await self._idle()]
        await _all_ended(looks)
        return tuple(task.result() for task in looks if not task.cancelled() and task.exception() is None)

    async def known(self, intent_id: str) -> bool:
        """Is this id at work or in the journal? Then submitting it again only tells its result."""
        return intent_id in self._running or await self._journal.get(intent_id) is not None

    async def _idle(self) -> list[IntentRecord]:
        """What is not final and nobody works on."""
        return [record for record in await self._journal.unfinished() if record.intent.id not in self._running]

    async def close(self, grace_s: float = 5.0) -> None:
        """Stops the intake, waits up to ``grace_s`` for orders in flight, and leaves the rest as the journal has them:
        the next start settles those."""
        self._open = False
        if self._reviewer is not None:
            self._reviewer.cancel()
            await asyncio.gather(self._reviewer, return_exceptions=True)
            self._reviewer = None
        tasks = [running.task for running in self._running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _start(
        self, intent: Intent, body: str, work: Coroutine[object, object, ExecutionResult]
    ) -> asyncio.Task[ExecutionResult]:
        task = asyncio.create_task(work, name=f"order {intent.id}")
        self._running[intent.id] = _Running(body, task)
        task.add_done_callback(lambda done: self._ended(intent.id, done))
        return task

    def _ended(self, intent_id: str, task: asyncio.Task[ExecutionResult]) -> None:
        """A task that failed is told even if its caller has gone; the next review takes its intent up."""
        self._running.pop(intent_id, None)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, OrderFateUnknown):
            self._telemetry.error("Order not followed to its end", order_id=intent_id, error=repr(error.cause))

    async def _accepted(self, intent: Intent, body: str, route: Route) -> ExecutionResult:
        """Stored first; an id that is stored already only gets its result."""
        now = self._clock.now()
        valid_until = now + DEFAULT_VALIDITY_S if intent.valid_until is None else intent.valid_until
        if valid_until > now + VALIDITY_MAX_S:
            raise InvalidOrder("valid_until", f"{valid_until} is more than {VALIDITY_MAX_S:g} s from now")
        record = await self._journal.accept(intent, body_hash=body, now=now, valid_until=valid_until)
        if record.state is IntentState.ACTIVE:
            return await self._driven(record, NO_NEW_ATTEMPT)
        if record.state is not IntentState.NEW:
            return ExecutionResult.of(record)
        return await self._driven(record, route)

    async def _driven(self, record: IntentRecord, route: Route) -> ExecutionResult:
        """Raises OrderFateUnknown for whatever fails on the way: from here on bytes may have left."""
        try:
            return await self._lifecycle.drive(record, route)
        except Exception as error:
            raise OrderFateUnknown(record.intent.id, error) from error

    async def _looked_again(self, record: IntentRecord) -> ExecutionResult:
        try:
            return await self._lifecycle.look_again(record, NO_NEW_ATTEMPT)
        except Exception as error:
            raise OrderFateUnknown(record.intent.id, error) from error

    async def _restore(self, record: IntentRecord) -> ExecutionResult:
        """Settles what an earlier process left. Nothing new is sent: its caller may be gone for good reasons."""
        parked = record.state is IntentState.PARKED
        return await (self._looked_again(record) if parked else self._driven(record, NO_NEW_ATTEMPT))

    async def _review_forever(self) -> None:
        while True:
            await self._clock.sleep(REVIEW_INTERVAL_S)
            try:
                await self.review()
            except JournalError as error:
                self._telemetry.error("Review of parked orders failed", error=str(error))
