"""Kraken spot as data: pairs, assets, fees, keys and ids."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from backend.emulator.books import BookShape
from backend.emulator.limits import Limit, Throttle
from backend.emulator.market import FeeRule, Market
from backend.emulator.wire import Endpoint

ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
DEADLINE_MIN_S = 2.0
DEADLINE_MAX_S = 60.0


@dataclass(frozen=True, slots=True)
class Names:
    """What Kraken calls a pair. ``base`` and ``quote`` are asset ids."""

    altname: str
    wsname: str
    base: str
    quote: str
    pair_decimals: int
    cost_decimals: int


@dataclass(frozen=True, slots=True)
class Asset:
    """What Kraken calls an asset."""

    id: str
    altname: str
    decimals: int
    display_decimals: int


def _market(symbol: str, native: str, price_step: str, ordermin: str) -> Market:
    base, quote = symbol.split("/")
    return Market(
        symbol=symbol,
        native=native,
        base=base,
        quote=quote,
        price_step=Decimal(price_step),
        quantity_step=Decimal("0.00000001"),
        quantity_min=Decimal(ordermin),
        quantity_max=Decimal(100_000),
        cost_min=Decimal("0.5"),
    )


MARKETS = (
    _market("BTC/USD", "XXBTZUSD", "0.1", "0.0001"),
    _market("ETH/USD", "XETHZUSD", "0.01", "0.002"),
    _market("BTC/USDT", "XBTUSDT", "0.1", "0.0001"),
    _market("ETH/USDT", "ETHUSDT", "0.01", "0.002"),
)
NAMES = {
    "XXBTZUSD": Names("XBTUSD", "XBT/USD", "XXBT", "ZUSD", 1, 5),
    "XETHZUSD": Names("ETHUSD", "ETH/USD", "XETH", "ZUSD", 2, 5),
    "XBTUSDT": Names("XBTUSDT", "XBT/USDT", "XXBT", "USDT", 1, 6),
    "ETHUSDT": Names("ETHUSDT", "ETH/USDT", "XETH", "USDT", 2, 6),
}
ASSETS = {
    "BTC": Asset("XXBT", "XBT", 10, 5),
    "ETH": Asset("XETH", "ETH", 10, 5),
    "USD": Asset("ZUSD", "USD", 4, 2),
    "USDT": Asset("USDT", "USDT", 8, 4),
}

# The base tier is believed to be 0.40 / 0.25 percent (unverified).
FEES = FeeRule(taker=Decimal("0.004"), maker=Decimal("0.0025"), in_quote=True)
BALANCES = {"BTC": "100", "ETH": "1000", "USD": "10000000", "USDT": "10000000"}
SHAPE = BookShape(spread_bps=2.0, basis_bps=2.5, gap_bps=1.5, level_usd=15_000.0)

PUBLIC_ENDPOINTS = frozenset({Endpoint.TIME, Endpoint.STATUS, Endpoint.MARKETS, Endpoint.DEPTH})
# The counter of a Pro account: history calls cost 2, other private calls 1, placing and cancelling do not count there.
CALLS = {Endpoint.QUERY: 2, Endpoint.TRADES: 2, Endpoint.OPEN: 1, Endpoint.BALANCES: 1}
# The matching engine counts orders. Here for all pairs together, and cancelling is free: the real one is dearer.
ORDERS = {Endpoint.PLACE: 1}
# No header tells what is used. A lockout concerns the key, so that public calls still work; about 15 minutes.
THROTTLE = Throttle(
    limited="EAPI:Rate limit exceeded",
    orders="EOrder:Rate limit exceeded",
    banned="EGeneral:Temporary lockout",
    ban_s=900.0,
    spared=PUBLIC_ENDPOINTS,
    limits=(
        Limit("EAPI:Rate limit exceeded", 20, CALLS, decay_per_s=1.0),
        Limit("EOrder:Rate limit exceeded", 180, ORDERS, decay_per_s=3.75),  # the decay is unverified
    ),
)


def new_keys(random_bytes: Callable[[int], bytes]) -> dict[str, str]:
    """A fresh key; the secret is 64 bytes in base64."""
    key = base64.b64encode(random_bytes(42)).decode()
    return {"api_key": key, "secret": base64.b64encode(random_bytes(64)).decode()}


def order_id(number: int, rng: Random) -> str:  # noqa: ARG001 - drawn, not counted
    """Looks like OXXXXX-XXXXX-XXXXXX."""
    return _drawn("O", rng)


def trade_id(number: int, rng: Random) -> str:  # noqa: ARG001 - drawn, not counted
    """Looks like TXXXXX-XXXXX-XXXXXX."""
    return _drawn("T", rng)


def _drawn(first: str, rng: Random) -> str:
    text = first + "".join(rng.choices(ID_ALPHABET, k=16))
    return f"{text[:6]}-{text[6:11]}-{text[11:]}"
