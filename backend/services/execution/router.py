"""The router: takes intents, runs each as a task of its own, and picks up what an earlier process left open."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass

from backend.config.model import Settings
from backend.domain.errors import IdempotencyConflict, InvalidOrder, JournalError, RouterBusy, RouterClosed
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

    def __repr__(self) -> str:
        return f"Router({'open' if self._open else 'closed'}, orders in flight: {len(self._running)})"

    async def start(self) -> None:
        """Settles what the journal holds open, then opens the intake.

        Every attempt found open is treated as unknown: its order is looked up and adopted, or its intent is parked.
        """
        if self._open:
            return
        left_open = await self._journal.unfinished()
        await asyncio.gather(*(self._start(r.intent, r.body_hash, self._restore(r)) for r in left_open))
        self._open = True
        self._reviewer = asyncio.create_task(self._review_forever(), name="review of parked orders")

    async def submit(self, intent: Intent) -> ExecutionResult:
        """Routes the intent and returns when it is final or parked.

        The same id with the same body returns the same result; with another body IdempotencyConflict is raised.
        Raises InvalidOrder, RouterBusy, RouterClosed, JournalError: in each case nothing was sent.
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
        left = [record for record in await self._journal.unfinished() if record.intent.id not in self._running]
        looks = [self._start(r.intent, r.body_hash, self._lifecycle.look_again(r, NO_NEW_ATTEMPT)) for r in left]
        results = await asyncio.gather(*looks, return_exceptions=True)
        return tuple(result for result in results if isinstance(result, ExecutionResult))

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
        if error is not None:
            self._telemetry.error("Order not followed to its end", order_id=intent_id, error=repr(error))

    async def _accepted(self, intent: Intent, body: str, route: Route) -> ExecutionResult:
        """Stored first; an id that is stored already only gets its result."""
        now = self._clock.now()
        valid_until = now + DEFAULT_VALIDITY_S if intent.valid_until is None else intent.valid_until
        if valid_until > now + VALIDITY_MAX_S:
            raise InvalidOrder("valid_until", f"{valid_until} is more than {VALIDITY_MAX_S:g} s from now")
        record = await self._journal.accept(intent, body_hash=body, now=now, valid_until=valid_until)
        if record.state is not IntentState.NEW:
            return ExecutionResult.of(record)
        return await self._lifecycle.drive(record, route)

    async def _restore(self, record: IntentRecord) -> ExecutionResult:
        """Settles what an earlier process left. Nothing new is sent: its caller may be gone for good reasons."""
        if record.state is IntentState.PARKED:
            return await self._lifecycle.look_again(record, NO_NEW_ATTEMPT)
        return await self._lifecycle.drive(record, NO_NEW_ATTEMPT)

    async def _review_forever(self) -> None:
        while True:
            await self._clock.sleep(REVIEW_INTERVAL_S)
            try:
                await self.review()
            except JournalError as error:
                self._telemetry.error("Review of parked orders failed", error=str(error))
