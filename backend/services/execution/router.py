"""The router: takes intents, runs each as a task of its own, and picks up what an earlier process left open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass

from backend.config.model import Settings
from backend.domain.errors import (
    IdempotencyConflict,
    JournalFailed,
    OrderFateUnknown,
    QuantumTraderError,
    RouterBusy,
    RouterClosed,
    RouterHalted,
    UnknownOrder,
)
from backend.domain.ids import body_hash, differences
from backend.domain.lifecycle import IntentState
from backend.domain.orders import Intent
from backend.domain.records import ExecutionResult, IntentRecord
from backend.policies.routing_tables import FailoverChains, candidates, known_exchange, primary_of
from backend.policies.validity import valid_until
from backend.ports.clock import Clock
from backend.ports.journal import Journal
from backend.ports.telemetry import Telemetry
from backend.services.execution.late import LateEvidence
from backend.services.execution.lifecycle import Lifecycle, OnSettled, Route, nobody_waits
from backend.services.execution.resolving import Word, check_word, resolve
from backend.services.execution.waiting import is_cancelled, setter, told

ORDERS_IN_FLIGHT_MAX = 1_000
REVIEW_INTERVAL_S = 60.0
GRACE_S = 3.0
"""So long a stop waits for orders under way."""

GHOST_PATIENCE_S = 1.0
"""So long a start, and a review, waits for the looks at the ghosts: those at a silent venue go on beside it."""


_Work = Callable[[IntentRecord, OnSettled], Coroutine[object, object, ExecutionResult]]


def _pinned(venue: str) -> Route:
    """This venue and no other, without a health check."""
    return Route((venue,), frozenset({venue}))


@dataclass(frozen=True, slots=True)
class _Running:
    intent: Intent
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
        self._late = LateEvidence(journal, lifecycle.attempts, lifecycle.cancels, lifecycle.markets, clock, telemetry)
        self._ghost_look: asyncio.Task[None] | None = None
        self._running: dict[str, _Running] = {}
        self._reviewer: asyncio.Task[None] | None = None
        self._open = False
        self._closed = 0
        self._wishes: set[asyncio.Task[ExecutionResult | asyncio.Task[ExecutionResult]]] = set()
        self._starting = asyncio.Lock()
        self._taking_up: asyncio.Task[None] | None = None
        self._failure_told = False

    def __repr__(self) -> str:
        return f"Router({'open' if self._open else 'closed'}, orders in flight: {len(self._running)})"

    async def start(self) -> None:
        """Looks once at everything that the journal holds open, then opens the intake.

        Every attempt found open is treated as unknown. What is found is adopted and settled first. What stays in doubt
        is followed as a task of its own: its quantity, its reservation and its market are blocked before the intake
        opens, and nothing of it moves without a proof. What is left of an intent that is still valid goes on along its
        chain, as if nothing had happened. Raises JournalError; RouterClosed when it is closed meanwhile, which ends the
        looks. Whoever cancels a start closes the router next.
        """
        async with self._starting:
            if self._open:
                return
            closed = self._closed
            if self._journal.halted is not None:
                self._telemetry.error("Journal halted - nothing is accepted or sent", reason=self._journal.halted)
            self._taking_up = asyncio.create_task(self._take_up(), name="what an earlier process left")
            try:
                await self._taking_up
            except asyncio.CancelledError:
                if is_cancelled():
                    raise
            finally:
                self._taking_up = None
            if self._closed != closed:
                await self.close(grace_s=0)
                raise RouterClosed("the router was closed while it started")
            self._open = True
            self._reviewer = asyncio.create_task(self._review_forever(), name="review of parked orders")

    async def _take_up(self) -> None:
        for ghost in await self._journal.ghosts():
            self._lifecycle.block_market(ghost.attempt)
        await self._look_for_ghosts()
        for task in await self._taken_up(self._restore, wait_for_ends=False):
            error = task.exception() if task.done() and not task.cancelled() else None
            if isinstance(error, OrderFateUnknown) and isinstance(error.cause, JournalFailed):
                raise error.cause
            # Anything else is about one order: it is told, stays blocked, and the next review looks again.

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
        return await self.execute(intent, _pinned(venue), pinned=venue)

    def _route(self, record: IntentRecord) -> Route:
        """The route of a stored intent: the venue that its caller chose, or today's chain."""
        return self.route_of(record.intent) if record.pinned is None else _pinned(record.pinned)

    async def execute(self, intent: Intent, route: Route, pinned: str | None = None) -> ExecutionResult:
        """Like ``submit`` with a route given."""
        if not self._open:
            raise RouterClosed("the router takes no orders: it was not started or is closed")
        if self._journal.halted is not None:
            raise RouterHalted(self._journal.halted)
        running = self._running.get(intent.id)
        if running is None:
            if len(self._running) >= ORDERS_IN_FLIGHT_MAX:
                raise RouterBusy(f"{ORDERS_IN_FLIGHT_MAX} orders are in flight; repeat {intent.id!r} later")
            task = self._start(intent, self._accepted(intent, route, pinned))
        elif differing := differences(running.intent, intent):
            raise IdempotencyConflict(intent.id, differing)
        else:
            task = running.task
        return await told(intent.id, task)

    async def cancel(self, intent_id: str) -> ExecutionResult:
        """Stores that the order is to be cancelled, and returns its result once it is final or parked.

        From the moment it is stored no new attempt is made; what rests is cancelled at its venue, and only the venue's
        own final word tells how much had executed before. An order that is final already just tells its result; one
        whose fate is unknown stays parked until evidence comes, and is not sent elsewhere then. Safe to repeat.

        While the journal is halted the wish is only stored, and the order's state told: nobody may act for an order
        that may have ended in the time that the journal does not know. The router that runs after `journal confirm`
        carries it out.

        Raises UnknownOrder, RouterClosed, JournalError.
        """
        if not self._open:
            raise RouterClosed("the router is closed: cancel the order when it runs, or with the command line")
        # A task of its own: a caller who goes while the wish is being stored must not leave it stored and unheard.
        wish = asyncio.create_task(self._wished(intent_id), name=f"cancel of {intent_id}")
        self._wishes.add(wish)
        wish.add_done_callback(self._wish_ended)
        reached = await asyncio.shield(wish)
        return reached if isinstance(reached, ExecutionResult) else await told(intent_id, reached)

    async def _wished(self, intent_id: str) -> ExecutionResult | asyncio.Task[ExecutionResult]:
        """Stores the wish and sees that it is carried out: the result, or the task that will have it."""
        record = await self._journal.request_cancel(intent_id, now=self._clock.now())
        if record.state.final or self._journal.halted is not None:
            return self._lifecycle.result_of(record)
        self._lifecycle.cancels.ask(intent_id)
        running = self._running.get(intent_id)
        if not running and not self._open:  # closed meanwhile: the next start carries it out
            return self._lifecycle.result_of(record)
        return running.task if running else self._start(record.intent, self._looked_again(record))

    def _wish_ended(self, wish: asyncio.Task[ExecutionResult | asyncio.Task[ExecutionResult]]) -> None:
        self._wishes.discard(wish)
        if not wish.cancelled():
            wish.exception()  # told to its caller, if he is still there

    async def resolve(self, intent_id: str, word: Word) -> IntentRecord:
        """Ends a parked order by an operator's word. Raises RouterBusy while it is being looked for, JournalError,
        UnknownOrder, NothingToResolve, InvalidOrder.

        Meanwhile nobody else works on the order: a look that found it now would contradict the word.
        """
        self._check_idle(intent_id)
        record = await self._journal.get(intent_id)
        if record is None:
            raise UnknownOrder(intent_id)
        self._check_idle(intent_id)
        check_word(record, word)
        try:
            await told(intent_id, self._start(record.intent, self._ended_by(intent_id, word)))
        except OrderFateUnknown as error:
            raise error.cause from None
        return await self._lifecycle.attempts.current(intent_id)

    def _check_idle(self, intent_id: str) -> None:
        if intent_id in self._running:
            raise RouterBusy(
                f"order {intent_id!r} is being worked on: it rests (cancel it then), or is looked for right now (repeat"
                " this in a moment); a word is only for an order that is parked"
            )

    async def _ended_by(self, intent_id: str, word: Word) -> ExecutionResult:
        """What fails is told as of an order that may have been sent: a repeat of it may have joined."""
        try:
            record = await resolve(self._journal, self._clock, intent_id, word, self._lifecycle.taken_at_word)
        except Exception as error:
            raise OrderFateUnknown(intent_id, error) from error
        if record.state.final:
            self._lifecycle.cancels.forget(intent_id)
        return self._lifecycle.result_of(record)

    def unresolved_until(self, record: IntentRecord) -> float | None:
        """From then on the absence of what is in doubt of an order can be proven; as in its result."""
        return self._lifecycle.result_of(record).unresolved_until

    @property
    def in_flight(self) -> int:
        """Orders that are worked on, resting ones too."""
        return len(self._running)

    async def review(self) -> tuple[ExecutionResult, ...]:
        """Looks once more for every parked order, and takes up what a failed task has left. Returns their results."""
        await self._look_for_ghosts()
        looks = await self._taken_up(self._looked_again, wait_for_ends=True)
        ended = [task for task in looks if task.done() and not task.cancelled()]
        return tuple(task.result() for task in ended if task.exception() is None)

    async def _taken_up(self, work: _Work, *, wait_for_ends: bool) -> list[asyncio.Task[ExecutionResult]]:
        """Starts ``work`` for everything that is idle, and waits until each task has ended or follows an order that
        rests; or only until one round of looks is over. Cancelling the wait cancels none of them."""
        tasks, known = [], []
        idle = await self._idle()
        for record in idle:
            # All of them first: one that goes on must not place where another may be unanswered.
            self._lifecycle.block_markets(record)
        for record in idle:
            settled = asyncio.Event()
            task = self._start(record.intent, work(record, setter(settled, wait_for_ends)))
            task.add_done_callback(setter(settled))
            tasks.append(task)
            known.append(settled)
        for settled in known:
            await settled.wait()
        return tasks

    async def known(self, intent_id: str) -> bool:
        """Is this id at work or in the journal? Then submitting it again only tells its result."""
        return intent_id in self._running or await self._journal.get(intent_id) is not None

    async def _look_for_ghosts(self) -> None:
        """One round of looks, or what is left of the last one; waited for only a while. Nothing depends on it: what is
        not looked at stays reserved."""
        if self._journal.halted is not None:
            return
        if self._ghost_look is None or self._ghost_look.done():
            self._ghost_look = asyncio.create_task(self._late.look(self._lifecycle.adapter), name="look for ghosts")
        look = self._ghost_look
        with suppress(TimeoutError):
            async with self._clock.timeout(GHOST_PATIENCE_S):
                await asyncio.wait({look})
        if look.done() and not look.cancelled():
            look.result()

    async def _idle(self) -> list[IntentRecord]:
        """What is not final and nobody works on. Nothing while the journal is halted: an order of a journal that was
        put back may have been executed in the time that it does not know."""
        if self._journal.halted is not None:
            return []
        return [record for record in await self._journal.unfinished() if record.intent.id not in self._running]

    def failure(self) -> str | None:
        """Why the journal has failed, logged the first time; None while it works. Whoever runs the router ends the
        process then: nothing is accepted or sent any more, and the next start settles what is open."""
        problem = self._journal.failed
        if problem is not None and not self._failure_told:
            self._failure_told = True
            self._telemetry.error("Journal failed - nothing is accepted or sent any more", problem=problem)
        return problem

    async def close(self, grace_s: float = GRACE_S) -> None:
        """Stops the intake and a start, waits up to ``grace_s`` for orders in flight, and leaves the rest as the
        journal has them: the next start settles those, and whoever waits for one is told by OrderFateUnknown."""
        self._open = False
        self._closed += 1
        until = asyncio.get_running_loop().time() + grace_s
        if self._wishes:
            await asyncio.wait(self._wishes, timeout=grace_s)
        if self._taking_up is not None:
            self._taking_up.cancel()
            await asyncio.wait({self._taking_up})
        if self._reviewer is not None:
            self._reviewer.cancel()
            await asyncio.gather(self._reviewer, return_exceptions=True)
            self._reviewer = None
        if self._ghost_look is not None:
            self._ghost_look.cancel()
            await asyncio.gather(self._ghost_look, return_exceptions=True)
            self._ghost_look = None
        for intent_id in sorted(self._lifecycle.cancels.waiting & self._running.keys()):
            # It only rests: there is nothing to wait for, and the next start finds it.
            self._running[intent_id].task.cancel()
        tasks = [running.task for running in self._running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=max(0.0, until - asyncio.get_running_loop().time()))
            unfinished = [task for task in tasks if task in late]  # in an order that repeats
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)

    def _start(self, intent: Intent, work: Coroutine[object, object, ExecutionResult]) -> asyncio.Task[ExecutionResult]:
        task = asyncio.create_task(work, name=f"order {intent.id}")
        self._running[intent.id] = _Running(intent, task)
        task.add_done_callback(lambda done: self._ended(intent.id, done))
        return task

    def _ended(self, intent_id: str, task: asyncio.Task[ExecutionResult]) -> None:
        """A task that failed is told even if its caller has gone; the next review takes its intent up."""
        self._running.pop(intent_id, None)
        self.failure()
        error = None if task.cancelled() else task.exception()
        if isinstance(error, OrderFateUnknown):
            self._telemetry.error("Order not followed to its end", order_id=intent_id, error=repr(error.cause))

    async def _accepted(self, intent: Intent, route: Route, pinned: str | None) -> ExecutionResult:
        """Stored first; an id that is stored already only gets its result."""
        now = self._clock.now()
        until = valid_until(intent, now)
        digest = body_hash(intent)
        record = await self._journal.accept(intent, body_hash=digest, now=now, valid_until=until, pinned=pinned)
        if record.pinned != pinned:  # a repeat that came another way: it is still the order that was asked for first
            route = self._route(record)
        if record.state in (IntentState.NEW, IntentState.ACTIVE):
            return await self._driven(record, route)
        return self._lifecycle.result_of(record)

    async def _driven(
        self, record: IntentRecord, route: Route, on_settled: OnSettled = nobody_waits
    ) -> ExecutionResult:
        """Raises OrderFateUnknown for whatever fails on the way: from here on bytes may have left."""
        try:
            return await self._lifecycle.drive(record, route, on_settled)
        except Exception as error:
            raise OrderFateUnknown(record.intent.id, error) from error

    async def _looked_again(self, record: IntentRecord, on_settled: OnSettled = nobody_waits) -> ExecutionResult:
        try:
            return await self._lifecycle.look_again(record, self._route(record), on_settled)
        except Exception as error:
            raise OrderFateUnknown(record.intent.id, error) from error

    async def _restore(self, record: IntentRecord, on_settled: OnSettled) -> ExecutionResult:
        """Takes up what an earlier process left, and goes on with it: its ``valid_until`` says for how long."""
        try:
            return await self._lifecycle.restore(record, self._route(record), on_settled)
        except Exception as error:
            raise OrderFateUnknown(record.intent.id, error) from error

    async def _review_forever(self) -> None:
        while True:
            await self._clock.sleep(REVIEW_INTERVAL_S)
            try:
                await self.review()
            except QuantumTraderError as error:  # whatever one order is about: the others are looked at on
                if self.failure() is not None:
                    return
                self._telemetry.error("Review of parked orders failed", error=str(error))
