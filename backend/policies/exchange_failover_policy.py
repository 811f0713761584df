"""The failover chain and live health: the specified interface. A facade; decisions and state lie elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend import bootstrap
from backend.domain.health import ExchangeHealth, HealthStatus
from backend.policies.routing_tables import CHAINS, DEFAULT_FAILOVER_CHAIN

__all__ = [
    "DEFAULT_FAILOVER_CHAIN",
    "choose_exchange_with_failover",
    "get_exchange_health",
    "get_failover_chain",
    "is_healthy",
    "set_failover_chain",
]


def get_failover_chain(exchange: str) -> list[str]:
    """The chain in force; an exchange without one stands alone, with a warning."""
    if not CHAINS.has(exchange):
        bootstrap.process_telemetry().warning("No failover chain configured for exchange", exchange=exchange)
    return list(CHAINS.of(exchange))


def set_failover_chain(exchange: str, chain: Sequence[str]) -> None:
    """Changes a chain at run time; the next order sees it.

    Raises ConfigurationError for an empty chain, an unknown or repeated name, or one that does not begin with
    ``exchange``; the chain in force is then unchanged.
    """
    CHAINS.set(exchange, chain)


async def get_exchange_health(exchange: str) -> ExchangeHealth:
    """A live check of the exchange's public time endpoint, never cached, never raising: see README, Health."""
    return await bootstrap.live_health(exchange)


def is_healthy(health: Mapping[str, object]) -> bool:
    """Only ``ok`` is healthy; ``degraded`` is not."""
    return health.get("status") == HealthStatus.OK


async def choose_exchange_with_failover(primary_exchange: str, default_exchange: str = "binance") -> str:
    """The first healthy exchange of the primary's chain (then the default), or ``default_exchange`` if none is.

    Each exchange is asked once through this module's ``get_exchange_health``; a check that raises counts as down.
    """
    return await bootstrap.choose_exchange(
        primary_exchange,
        default_exchange,
        # Looked up when it is called, so that a test or a user can replace it.
        ask=lambda exchange: get_exchange_health(exchange),  # noqa: PLW0108
        healthy=is_healthy,
    )
