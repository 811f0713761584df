"""Binance spot as data: markets, fees, time windows, keys and ids. Steps are those of exchangeInfo in 2026."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

from backend.emulator.books import BookShape
from backend.emulator.limits import Limit, Tell, Throttle
from backend.emulator.market import FeeRule, Market
from backend.emulator.wire import Endpoint

MARKETS = (
    Market(
        symbol="BTC/USDT",
        native="BTCUSDT",
        base="BTC",
        quote="USDT",
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.00001"),
        quantity_min=Decimal("0.00001"),
        quantity_max=Decimal(9000),
        cost_min=Decimal(5),
    ),
    Market(
        symbol="ETH/USDT",
        native="ETHUSDT",
        base="ETH",
        quote="USDT",
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.0001"),
        quantity_min=Decimal("0.0001"),
        quantity_max=Decimal(9000),
        cost_min=Decimal(5),
    ),
)
COST_MAX = Decimal(9_000_000)
PRICE_MAX = Decimal(1_000_000)

FEES = FeeRule(taker=Decimal("0.001"), maker=Decimal("0.001"), in_quote=False)
BALANCES = {"BTC": "100", "ETH": "1000", "USDT": "10000000"}
SHAPE = BookShape(spread_bps=1.0, basis_bps=1.5, gap_bps=1.0, level_usd=18_000.0)

RECV_WINDOW_MS = 5_000
RECV_WINDOW_MAX_MS = 60_000
AHEAD_MAX_MS = 1_000
FIRST_ORDER_ID = 28_000_000

# Weights as documented; those that depend on parameters are the smallest (openOrders without a symbol costs 80, large
# books more). Since 2026-04-02 placing and cancelling cost no weight when they succeed; here they never do.
WEIGHTS = {
    Endpoint.TIME: 1,
    Endpoint.STATUS: 1,
    Endpoint.MARKETS: 20,
    Endpoint.DEPTH: 5,
    Endpoint.PLACE: 0,
    Endpoint.CANCEL: 0,
    Endpoint.QUERY: 4,
    Endpoint.OPEN: 6,
    Endpoint.TRADES: 20,
    Endpoint.BALANCES: 20,
    Endpoint.KEYS: 1,
}
ORDER = {Endpoint.PLACE: 1}
# The numbers of the order limits are those that accounts commonly show (unverified).
THROTTLE = Throttle(
    limited="-1003",
    orders="-1015",
    banned="-1003:banned",
    ban_s=120.0,  # documented: from 2 minutes to 3 days, growing; here it does not grow
    limits=(
        Limit("-1003", 6_000, WEIGHTS, window_s=60.0, headers=(("X-MBX-USED-WEIGHT-1M", Tell.USED),)),
        Limit("-1015", 100, ORDER, window_s=10.0, headers=(("X-MBX-ORDER-COUNT-10S", Tell.USED),)),
        Limit("-1015", 200_000, ORDER, window_s=86_400.0, headers=(("X-MBX-ORDER-COUNT-1D", Tell.USED),)),
    ),
)


def new_keys(random_bytes: Callable[[int], bytes]) -> dict[str, str]:
    """A fresh HMAC key pair."""
    return {"api_key": random_bytes(32).hex(), "secret": random_bytes(32).hex()}


def order_id(number: int, rng: Random) -> str:  # noqa: ARG001 - other venues draw theirs
    """Whole numbers that rise."""
    return str(FIRST_ORDER_ID + number)


def trade_id(number: int, rng: Random) -> str:  # noqa: ARG001 - other venues draw theirs
    """Whole numbers that rise per symbol: the same number can stand in two symbols."""
    return str(number)
