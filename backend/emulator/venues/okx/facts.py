"""OKX spot as data: markets, fees, time windows, keys and ids. Steps are those of the documents' example rows."""

from __future__ import annotations

import base64
from collections.abc import Callable
from decimal import Decimal
from random import Random

from backend.emulator.books import BookShape
from backend.emulator.limits import Limit, Throttle
from backend.emulator.market import FeeRule, Market
from backend.emulator.wire import Endpoint


def _market(base: str, price_step: str, quantity_step: str, quantity_min: str) -> Market:
    """No minimum notional is documented, only a minimum size."""
    return Market(
        symbol=f"{base}/USDT",
        native=f"{base}-USDT",
        base=base,
        quote="USDT",
        price_step=Decimal(price_step),
        quantity_step=Decimal(quantity_step),
        quantity_min=Decimal(quantity_min),
        quantity_max=Decimal(9_999),
    )


MARKETS = (_market("BTC", "0.1", "0.00000001", "0.00001"), _market("ETH", "0.01", "0.000001", "0.0001"))
QUOTE_STEP = Decimal("0.01")

FEES = FeeRule(taker=Decimal("0.0015"), maker=Decimal("0.001"), in_quote=False)
BALANCES = {"BTC": "100", "ETH": "1000", "USDT": "10000000"}
SHAPE = BookShape(spread_bps=1.0, basis_bps=1.8, gap_bps=1.1, level_usd=17_000.0)

SKEW_MAX_S = 30.0
BATCH_MAX = 20
# How long the venue shows what has ended; an order that was cancelled without a fill is forgotten sooner.
UNFILLED_KEPT_S = 2 * 3_600.0
FILLS_KEPT_S = 3 * 86_400.0
HISTORY_KEPT_S = 7 * 86_400.0
ARCHIVE_KEPT_S = 90 * 86_400.0
PERMISSIONS, WITHDRAWS = "read_only,trade", "withdraw"
FIRST_ORDER_ID = 312_269_865_356_374_016

# Requests per 2 seconds; here for all instruments together. No header tells what is used, and no ban is documented.
THROTTLE = Throttle(
    limited="50011",
    limits=tuple(
        Limit("50011", 60, {endpoint: 1}, window_s=2.0)
        for endpoint in (Endpoint.PLACE, Endpoint.CANCEL, Endpoint.QUERY, Endpoint.OPEN, Endpoint.TRADES)
    ),
)


def new_keys(random_bytes: Callable[[int], bytes]) -> dict[str, str]:
    """A fresh key with its secret and passphrase; the forms are invented."""
    return {
        "api_key": random_bytes(16).hex(),
        "secret": random_bytes(16).hex().upper(),
        "passphrase": base64.b32encode(random_bytes(10)).decode(),
    }


def order_id(number: int, rng: Random) -> str:  # noqa: ARG001 - other venues draw theirs
    """Whole numbers that rise."""
    return str(FIRST_ORDER_ID + 4096 * number)


def trade_id(number: int, rng: Random) -> str:  # noqa: ARG001 - other venues draw theirs
    """Whole numbers that rise per instrument: the same number can stand in two instruments."""
    return str(number)
