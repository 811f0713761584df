"""What choosing an exchange costs when the health is known."""

from __future__ import annotations

import time
from collections.abc import Mapping

from backend import bootstrap
from backend.domain.health import ExchangeHealth
from backend.policies.exchange_failover_policy import is_healthy
from benchmarks.figure import Figure
from benchmarks.timing import median

CALLS = 2_000
ROUNDS = 7


async def measure() -> list[Figure]:
    """Primary healthy, and the fifth of the chain healthy (with its log records and metrics)."""
    return [
        await _one("choose, primary healthy", {"binance": "ok"}),
        await _one("choose, fifth of the chain healthy", {"kraken": "ok"}),
    ]


async def _one(name: str, statuses: Mapping[str, str]) -> Figure:
    answers: dict[str, ExchangeHealth] = {
        exchange: {"status": statuses.get(exchange, "down"), "latency_ms": 5.0, "last_error": None}  # type: ignore[typeddict-item]
        for exchange in ("binance", "bybit", "okx", "kucoin", "kraken", "firi")
    }

    async def known(exchange: str) -> ExchangeHealth:
        return answers[exchange]

    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(CALLS):
            await bootstrap.choose_exchange("binance", "binance", ask=known, healthy=is_healthy)
        rounds.append((time.perf_counter() - began) / CALLS)
    return Figure(name, f"{median(rounds) * 1e6:.1f} us", "20 us", f"median of {ROUNDS} rounds of {CALLS} calls")
