"""The specified choice: the first healthy exchange of a chain, each asked once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from backend.domain.health import ExchangeHealth
from backend.domain.reasons import FailoverFailure
from backend.policies.routing_tables import FailoverChains, candidates
from backend.ports.telemetry import Telemetry

HealthQuestion = Callable[[str], Awaitable[ExchangeHealth]]
HealthAnswer = Callable[[ExchangeHealth], bool]


async def choose_exchange(
    primary: str,
    default_exchange: str,
    *,
    chains: FailoverChains,
    ask: HealthQuestion,
    healthy: HealthAnswer,
    telemetry: Telemetry,
) -> str:
    """First healthy in the chain, then the default; none healthy: ``default_exchange`` all the same, loudly."""
    chain = candidates(chains.of(primary), default_exchange)
    for exchange in chain:
        health = await _asked(ask, exchange)
        if healthy(health):
            if exchange != primary:
                telemetry.warning(
                    "Failover activated - primary exchange unhealthy",
                    primary=primary,
                    selected=exchange,
                    latency_ms=health["latency_ms"],
                )
                telemetry.failed_over(primary, exchange)
            return exchange
        telemetry.debug(
            "Exchange unhealthy, trying next in chain",
            exchange=exchange,
            status=health["status"],
            error=health["last_error"],
        )
    telemetry.error(
        "All exchanges in failover chain are unhealthy",
        primary=primary,
        chain=list(chain),
        fallback=default_exchange,
    )
    telemetry.failover_failed(primary, FailoverFailure.ALL_DOWN)
    return default_exchange


async def _asked(ask: HealthQuestion, exchange: str) -> ExchangeHealth:
    try:
        return await ask(exchange)
    except Exception as error:  # noqa: BLE001 - the question may be anybody's own function; a check that raises is down
        return {"status": "down", "latency_ms": None, "last_error": f"health check raised: {error!r}"}
