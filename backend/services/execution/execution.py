"""The specified entry points of execution. A facade: it holds no decision, the parts are put together by bootstrap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from decimal import Decimal

from backend import bootstrap
from backend.config import ExecutionConfig
from backend.domain.orders import Signal
from backend.policies import exchange_failover_policy, exchange_policy
from backend.policies.risk_limits import LimitDecision
from backend.ports.exchange import ExchangeAdapter
from backend.services.execution.loop import ExecutionLoop, LoopParts, LoopSummary, ResultListener

__all__ = [
    "build_execution_adapter",
    "check_exchange_limits",
    "resolve_exchange_for_signal",
    "resolve_exchange_with_failover",
    "run_execution_loop",
]


def resolve_exchange_for_signal(signal_exchange: str | None, strategy_id: str) -> str:
    """Explicit, then the strategy's, then the default. An unknown explicit name warns and gives the default."""
    if signal_exchange:
        return exchange_policy.validate_exchange_name(signal_exchange)
    return exchange_policy.get_exchange_for_strategy(strategy_id)


async def resolve_exchange_with_failover(primary_exchange: str, default_exchange: str = "binance") -> str:
    """The first healthy exchange of the primary's chain; ``default_exchange`` when none is."""
    return await exchange_failover_policy.choose_exchange_with_failover(primary_exchange, default_exchange)


def build_execution_adapter(config: ExecutionConfig, exchange_override: str | None = None) -> ExchangeAdapter:
    """The adapter of ``exchange_override`` or of ``config.exchange``. Raises UnknownExchange.

    ``"paper"`` is a PaperExchangeAdapter: it fills against the books of ``config.exchange`` and sends no order.
    """
    return bootstrap.execution_adapter(exchange_override or config.exchange, config)


def check_exchange_limits(exchange_name: str, symbol: str, notional: Decimal, trace_id: str) -> LimitDecision:
    """Would an order of this notional (in its quote) fit the per-order and the exchange's caps? Falsy when refused."""
    return bootstrap.limit_decision(exchange_name, symbol, notional, trace_id)


async def run_execution_loop(
    signals: AsyncIterable[Signal],
    config: ExecutionConfig,
    *,
    failover: bool = True,
    stop: asyncio.Event | None = None,
    on_result: ResultListener | None = None,
) -> LoopSummary:
    """Executes signals until the stream ends or ``stop`` is set: routing, failover, limits on the final exchange,
    execution.

    When every exchange of a chain is down the default is tried as specified, and the execution tells the error. An
    invalid signal is logged and counted, the loop goes on. Raises JournalError: without a journal nothing is sent.
    """
    runtime = await bootstrap.default_runtime()
    parts = LoopParts(
        resolve=lambda exchange, strategy: resolve_exchange_for_signal(exchange, strategy),  # noqa: PLW0108
        fail_over=(lambda primary, default: resolve_exchange_with_failover(primary, default)) if failover else None,  # noqa: PLW0108
        check_limits=lambda *question: check_exchange_limits(*question),  # noqa: PLW0108 - looked up when called
        executor=await runtime.router(),
        adapter_of=runtime.adapter,
        chains=runtime.chains,
        ids=runtime.ids,
        telemetry=runtime.telemetry,
    )
    return await ExecutionLoop(parts, config, on_result).run(signals, stop)
