"""The exchanges, the failover chains and the strategy map: the objects that facade and router share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from backend.domain.errors import ConfigurationError, UnknownExchange

EXCHANGES: tuple[str, ...] = ("binance", "bybit", "okx", "kucoin", "kraken", "firi")

PAPER = "paper"
"""The venue of orders on paper. It is no exchange: no chain, strategy or signal can name it."""

DEFAULT_FAILOVER_CHAIN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "binance": ("binance", "bybit", "okx", "kucoin", "kraken", "firi"),
        "bybit": ("bybit", "okx", "binance", "kucoin", "kraken", "firi"),
        "okx": ("okx", "bybit", "binance", "kucoin", "kraken", "firi"),
        "kucoin": ("kucoin", "okx", "bybit", "binance", "kraken", "firi"),
        "kraken": ("kraken", "binance", "firi", "bybit", "okx", "kucoin"),
        "firi": ("firi", "binance", "kraken", "bybit", "okx", "kucoin"),
    }
)


def known_exchange(name: object) -> str:
    """The name itself. Raises UnknownExchange unless it is one of EXCHANGES, exactly."""
    if not isinstance(name, str) or name not in EXCHANGES:
        raise UnknownExchange(name, EXCHANGES)
    return name


def checked_chain(exchange: str, chain: Iterable[str]) -> tuple[str, ...]:
    """The chain as a tuple. Raises ConfigurationError when it is empty, repeats a name, or begins elsewhere."""
    known_exchange(exchange)
    if isinstance(chain, str):
        raise ConfigurationError(f"failover chain of {exchange}: {chain!r} is one string; give a sequence of names")
    names = tuple(known_exchange(name) for name in chain)
    if not names:
        raise ConfigurationError(f"failover chain of {exchange} is empty; it must at least name {exchange} itself")
    if names[0] != exchange:
        raise ConfigurationError(f"failover chain of {exchange} begins with {names[0]}; it must begin with {exchange}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigurationError(f"failover chain of {exchange} names {', '.join(repeated)} more than once")
    return names


class FailoverChains:
    """The chains in force. A change is seen by the next decision of everybody who holds this object."""

    def __init__(self, chains: Mapping[str, Sequence[str]] = DEFAULT_FAILOVER_CHAIN) -> None:
        self._chains = {name: checked_chain(name, chain) for name, chain in chains.items()}

    def __repr__(self) -> str:
        return f"FailoverChains({self._chains!r})"

    def has(self, exchange: str) -> bool:
        return exchange in self._chains

    def of(self, exchange: str) -> tuple[str, ...]:
        """The chain; an exchange without one stands alone."""
        return self._chains.get(exchange, (exchange,))

    def set(self, exchange: str, chain: Sequence[str]) -> None:
        """Raises ConfigurationError for a chain that cannot be used, and then changes nothing."""
        self._chains[exchange] = checked_chain(exchange, chain)


CHAINS = FailoverChains()
"""The process's chains: ``set_failover_chain`` changes them, every router reads them."""

STRATEGY_EXCHANGE_MAP: dict[str, str] = {}
"""The process's strategy map: strategy id -> primary exchange. A strategy that is not listed uses the default."""


def candidates(chain: Sequence[str], default_exchange: str) -> tuple[str, ...]:
    """The chain, with the default at its end when the chain lacks it."""
    return tuple(chain) if default_exchange in chain else (*chain, default_exchange)


def primary_of(explicit: str | None, strategy_id: str, strategies: Mapping[str, str], default_exchange: str) -> str:
    """Explicit, then the strategy's, then the default."""
    return explicit or strategies.get(strategy_id) or default_exchange
