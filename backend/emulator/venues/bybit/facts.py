"""Bybit spot as data: markets, fees, time windows, keys and ids. Steps are those of the documents' example rows."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

from backend.emulator.books import BookShape
from backend.emulator.limits import Limit, Tell, Throttle
from backend.emulator.market import FeeRule, Market
from backend.emulator.wire import Endpoint


def _market(base: str, price_step: str, quantity_step: str, quantity_min: str, quantity_max: int) -> Market:
    return Market(
        symbol=f"{base}/USDT",
        native=f"{base}USDT",
        base=base,
        quote="USDT",
        price_step=Decimal(price_step),
        quantity_step=Decimal(quantity_step),
        quantity_min=Decimal(quantity_min),
        quantity_max=Decimal(quantity_max),
        cost_min=Decimal(5),
    )


MARKETS = (
    _market("BTC", "0.1", "0.000001", "0.000011", 83),
    _market("ETH", "0.01", "0.00001", "0.00039", 2_000),
)
PRICE_MAX = Decimal(2_000_000)
COST_MAX = Decimal(8_000_000)
QUOTE_STEP = Decimal("0.0000001")

FEES = FeeRule(taker=Decimal("0.001"), maker=Decimal("0.001"), in_quote=False)
BALANCES = {"BTC": "100", "ETH": "1000", "USDT": "10000000"}
SHAPE = BookShape(spread_bps=1.1, basis_bps=1.8, gap_bps=1.0, level_usd=16_000.0)

RECV_WINDOW_MS = 5_000
RECV_WINDOW_MAX_MS = 60_000  # no most is documented; a wider window is cut to this (unverified)
AHEAD_MAX_MS = 1_000
# How long the history shows an order: two years, one without a fill a day.
FILLED_KEPT_S = 730 * 86_400.0
UNFILLED_KEPT_S = 86_400.0
FIRST_ORDER_ID = 1_321_003_749_386_327_552
FIRST_TRADE_ID = 2_100_000_000_128_000_000

# Requests per rolling second and account, here in fixed seconds; each header speaks of the answered call's own limit.
HEADERS = (
    ("X-Bapi-Limit", Tell.MOST),
    ("X-Bapi-Limit-Status", Tell.LEFT),
    ("X-Bapi-Limit-Reset-Timestamp", Tell.RESET_AT_MS),
)
READS = {Endpoint.QUERY: 1, Endpoint.OPEN: 1, Endpoint.TRADES: 1, Endpoint.BALANCES: 1}
THROTTLE = Throttle(
    limited="10006",
    banned="403",
    ban_s=600.0,  # documented: wait at least 10 minutes
    limits=(
        Limit("10006", 20, {Endpoint.PLACE: 1}, window_s=1.0, headers=HEADERS),
        Limit("10006", 20, {Endpoint.CANCEL: 1}, window_s=1.0, headers=HEADERS),
        Limit("10006", 50, READS, window_s=1.0, headers=HEADERS),
        Limit("403", 600, dict.fromkeys(Endpoint, 1), window_s=5.0),
    ),
)


def new_keys(random_bytes: Callable[[int], bytes]) -> dict[str, str]:
    """A fresh HMAC key pair; its form is invented."""
    return {"api_key": random_bytes(9).hex(), "secret": random_bytes(18).hex()}


def order_id(number: int, rng: Random) -> str:  # noqa: ARG001 - other venues draw theirs
    """Whole numbers that rise."""
    return str(FIRST_ORDER_ID + 256 * number)


def trade_id(number: int, rng: Random) -> str:  # noqa: ARG001 - other venues draw theirs
    """Whole numbers that rise."""
    return str(FIRST_TRADE_ID + number)
