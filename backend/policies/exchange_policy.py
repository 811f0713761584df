"""Strategy -> primary exchange: the specified interface. A facade; the tables lie in ``routing_tables``.

Environment, read at import: DEFAULT_EXCHANGE (binance) and ALLOWED_EXCHANGES (comma-separated; all).
"""

from __future__ import annotations

from collections.abc import Mapping

from backend import bootstrap
from backend.policies.routing_tables import EXCHANGES, STRATEGY_EXCHANGE_MAP, known_exchange

__all__ = [
    "ALLOWED_EXCHANGES",
    "DEFAULT_EXCHANGE",
    "STRATEGY_EXCHANGE_MAP",
    "get_current_mapping",
    "get_exchange_for_strategy",
    "set_strategy_exchange_mapping",
    "validate_exchange_name",
]


def _allowed() -> tuple[str, ...]:
    names = bootstrap.environment_names("ALLOWED_EXCHANGES")
    for name in names:
        if name not in EXCHANGES:
            bootstrap.process_telemetry().warning("Unknown exchange in ALLOWED_EXCHANGES ignored", exchange=name)
    return tuple(name for name in names if name in EXCHANGES) or EXCHANGES


def _default(allowed: tuple[str, ...]) -> str:
    names = bootstrap.environment_names("DEFAULT_EXCHANGE") or (EXCHANGES[0],)
    if names[0] in allowed:
        return names[0]
    bootstrap.process_telemetry().warning(
        "DEFAULT_EXCHANGE is not among the allowed exchanges", exchange=names[0], used=allowed[0]
    )
    return allowed[0]


ALLOWED_EXCHANGES: tuple[str, ...] = _allowed()
DEFAULT_EXCHANGE: str = _default(ALLOWED_EXCHANGES)


def validate_exchange_name(exchange: str | None) -> str:
    """The name in lower case if it is an allowed exchange; otherwise a warning and DEFAULT_EXCHANGE."""
    name = exchange.strip().lower() if isinstance(exchange, str) else exchange
    if isinstance(name, str) and name in ALLOWED_EXCHANGES:
        return name
    bootstrap.process_telemetry().warning(
        "Unknown exchange name, using the default", exchange=exchange, default=DEFAULT_EXCHANGE
    )
    return DEFAULT_EXCHANGE


def get_exchange_for_strategy(strategy_id: str | None) -> str:
    """The strategy's exchange, or DEFAULT_EXCHANGE when it has none."""
    mapped = STRATEGY_EXCHANGE_MAP.get(strategy_id) if strategy_id is not None else None
    return DEFAULT_EXCHANGE if mapped is None else validate_exchange_name(mapped)


def set_strategy_exchange_mapping(mapping: Mapping[str, str]) -> None:
    """Merges into the map in force. Raises UnknownExchange, and then changes nothing."""
    checked = {strategy: known_exchange(exchange) for strategy, exchange in mapping.items()}
    STRATEGY_EXCHANGE_MAP.update(checked)


def get_current_mapping() -> dict[str, str]:
    """A copy of the map in force."""
    return dict(STRATEGY_EXCHANGE_MAP)
