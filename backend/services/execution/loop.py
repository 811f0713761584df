"""Works through a stream of signals: routing, failover, limits, execution, each signal on its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from backend.config.model import ExecutionConfig
from backend.domain.errors import (
    InvalidOrder,
    JournalError,
    JournalFailed,
    OrderFateUnknown,
    QuantumTraderError,
    VenueCallFailed,
)
from backend.domain.lifecycle import IntentState
from backend.domain.orders import Intent, OrderType, Side, Signal
from backend.domain.reasons import FailoverFailure
from backend.domain.records import ExecutionResult
from backend.policies.risk_limits import LimitDecision
from backend.policies.routing_tables import PAPER, FailoverChains, candidates
from backend.ports.exchange import ExchangeAdapter
from backend.ports.ids import Ids
from backend.ports.telemetry import Telemetry
from backend.services.execution.lifecycle import Route

ResultListener = Callable[[Signal, ExecutionResult], None]


@dataclass(frozen=True, slots=True)
class LoopSummary:
    """How the signals ended: ``refused`` by a limit, ``invalid`` by their own content, ``fate_unknown`` when something
    failed after the order may have been sent (repeat its id), ``failed`` otherwise."""

    received: int = 0
    done: int = 0
    done_short: int = 0
    rejected: int = 0
    parked: int = 0
    refused: int = 0
    invalid: int = 0
    fate_unknown: int = 0
    failed: int = 0

    def plus(self, name: str) -> LoopSummary:
        return replace(self, **{name: getattr(self, name) + 1})

    @property
    def ended(self) -> int:
        """Signals whose fate is told."""
        ended = self.done + self.done_short + self.rejected + self.parked
        return ended + self.refused + self.invalid + self.fate_unknown + self.failed


class Executor(Protocol):
    """The part of the router that the loop uses."""

    async def execute(self, intent: Intent, route: Route) -> ExecutionResult: ...

    async def known(self, intent_id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class LoopParts:
    """What the loop works with. The three functions are the specified ones, so that replacing them replaces them."""

    resolve: Callable[[str | None, str], str]
    fail_over: Callable[[str, str], Awaitable[str]] | None
    check_limits: Callable[[str, str, Decimal, str], LimitDecision]
    executor: Executor
    adapter_of: Callable[[str], ExchangeAdapter]
    chains: FailoverChains
    ids: Ids
    telemetry: Telemetry


class ExecutionLoop:
    """One run over a stream. At most ``config.concurrency`` signals are worked on at once."""

    def __init__(self, parts: LoopParts, config: ExecutionConfig, listener: ResultListener | None) -> None:
        self._parts = parts
        self._config = config
        self._listener = listener
        self._summary = LoopSummary()

    async def run(self, signals: AsyncIterable[Signal], stop: asyncio.Event | None) -> LoopSummary:
        """Until the stream ends or ``stop`` is set; what was begun is finished first. Raises JournalError."""
        places = asyncio.Semaphore(self._config.concurrency)
        try:
            async with asyncio.TaskGroup() as group:
                async for signal in _until(signals, stop):
                    await places.acquire()
                    self._summary = self._summary.plus("received")
                    group.create_task(self._guarded(signal, places))
        except* JournalError as failures:
            raise failures.exceptions[0] from None
        return self._summary

    async def _guarded(self, signal: Signal, places: asyncio.Semaphore) -> None:
        try:
            outcome = await self._one(signal)
        except JournalError:
            raise
        except OrderFateUnknown as error:
            outcome = "fate_unknown"
            self._parts.telemetry.error("The fate of an order is not known", error=str(error))
            if isinstance(error.cause, JournalFailed):
                raise error.cause from error
        except InvalidOrder as error:
            outcome = "invalid"
            self._parts.telemetry.error("Signal refused", strategy=signal.strategy_id, error=str(error))
        except QuantumTraderError as error:
            outcome = "failed"
            self._parts.telemetry.error("Signal failed", strategy=signal.strategy_id, error=str(error))
        finally:
            places.release()
        self._summary = self._summary.plus(outcome)

    async def _one(self, signal: Signal) -> str:
        parts = self._parts
        if (signal.exchange or "").strip().lower() == PAPER:
            # By the specified rule an unknown name is the default exchange: a rehearsal would trade for real.
            raise InvalidOrder("exchange", f"{PAPER!r} is no exchange; use build_execution_adapter(config, {PAPER!r})")
        intent = self._intent(signal)
        primary = parts.resolve(signal.exchange, signal.strategy_id)
        if parts.fail_over is None:
            route = Route((primary,), frozenset({primary}))
        else:
            selected = await parts.fail_over(primary, self._config.default_exchange)
            chain = candidates(parts.chains.of(primary), self._config.default_exchange)
            route = Route((selected, *(venue for venue in chain if venue != selected)), frozenset({selected}))
        repeated = signal.id is not None and await parts.executor.known(signal.id)
        notional = None if repeated else await self._notional(route.primary, intent)
        if notional is not None:
            decision = parts.check_limits(route.primary, intent.symbol, notional, intent.id)
            if not decision.allowed:
                parts.telemetry.warning(
                    "Order refused by a limit", order_id=intent.id, exchange=route.primary, reason=decision.reason
                )
                parts.telemetry.failover_failed(primary, FailoverFailure.LIMIT_REFUSED)
                return "refused"
        result = await parts.executor.execute(intent, route)
        self._tell(signal, result)
        return result.state.value if result.state in _COUNTED else "failed"

    def _tell(self, signal: Signal, result: ExecutionResult) -> None:
        if self._listener is None:
            return
        try:
            self._listener(signal, result)
        except Exception as error:  # noqa: BLE001 - the listener is the caller's own; its fault must not stop the others
            self._parts.telemetry.error("on_result raised", order_id=result.intent_id, error=repr(error))

    def _intent(self, signal: Signal) -> Intent:
        config = self._config
        slippage = signal.slippage_bps
        if slippage is None and signal.order_type == OrderType.MARKET:
            slippage = config.slippage_bps
        return Intent.create(
            id=signal.id or self._parts.ids.new_id(),
            strategy_id=signal.strategy_id,
            symbol=signal.symbol,
            side=signal.side,
            quantity=signal.quantity,
            order_type=signal.order_type,
            limit_price=signal.limit_price,
            slippage_bps=slippage,
            exchange=signal.exchange,
            valid_until=signal.valid_until,
            # A duration: the moment that it comes to would make another order of a signal that is delivered again.
            valid_for_s=config.valid_for_s if signal.valid_until is None else None,
        )

    async def _notional(self, exchange: str, intent: Intent) -> Decimal | None:
        """The order's notional on its final exchange; None when nothing there tells a price (the execution will say
        why)."""
        if intent.limit_price is not None:
            return intent.limit_price * intent.quantity
        try:
            adapter = self._parts.adapter_of(exchange)
            await adapter.warm()
            book = await adapter.order_book(intent.symbol, 5)
        except (VenueCallFailed, QuantumTraderError):
            return None
        levels = book.asks if intent.side is Side.BUY else book.bids
        return levels[0].price * intent.quantity if levels else None


_COUNTED = (IntentState.DONE, IntentState.DONE_SHORT, IntentState.REJECTED, IntentState.PARKED)


async def _until(signals: AsyncIterable[Signal], stop: asyncio.Event | None) -> AsyncIterator[Signal]:
    """The stream's items until it ends or ``stop`` is set, also while waiting for the next one."""
    if stop is None:
        async for signal in signals:
            yield signal
        return
    iterator = aiter(signals)
    stopping = asyncio.ensure_future(stop.wait())
    coming: asyncio.Future[Signal] | None = None
    try:
        while not stop.is_set():
            coming = asyncio.ensure_future(anext(iterator))
            await asyncio.wait((coming, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                return
            try:
                yield coming.result()
            except StopAsyncIteration:
                return
    finally:
        for task in (stopping, coming):
            if task is not None and not task.done():
                task.cancel()
