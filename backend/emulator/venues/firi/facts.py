"""Firi as data. It publishes no steps, minimums or fees: these numbers come from what clients use (unverified)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

from backend.emulator.books import BookShape
from backend.emulator.limits import Throttle
from backend.emulator.market import FeeRule, Market

PRICE_DECIMALS = 2
AMOUNT_DECIMALS = 8
TICKER_DECIMALS = 16
FIRST_ORDER_ID = 12_000_000


def _market(symbol: str, quantity_min: str) -> Market:
    base, quote = symbol.split("/")
    return Market(
        symbol=symbol,
        native=base + quote,
        base=base,
        quote=quote,
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.00000001"),
        quantity_min=Decimal(quantity_min),
        quantity_max=Decimal(100_000),
    )


MARKETS = (_market("BTC/NOK", "0.0001"), _market("ETH/NOK", "0.001"))

# 0.5 percent: the price page of 2022; later 0.7 percent is mentioned (unverified). No maker rate is known.
FEES = FeeRule(taker=Decimal("0.005"), maker=Decimal("0.005"), in_quote=True)
BALANCES = {"BTC": "100", "ETH": "1000", "NOK": "10000000"}
SHAPE = BookShape(spread_bps=30.0, basis_bps=10.0, gap_bps=4.0, level_usd=9_000.0)

THROTTLE = Throttle(limited="429")  # neither limits nor bans are documented; the answer is unverified


def new_keys(random_bytes: Callable[[int], bytes]) -> dict[str, str]:
    """A fresh access key, and client id and secret for signed requests. The forms are invented."""
    return {"api_key": random_bytes(24).hex(), "secret": random_bytes(32).hex(), "client_id": random_bytes(8).hex()}


def order_id(number: int, rng: Random) -> str:  # noqa: ARG001 - other venues draw theirs
    """Whole numbers that rise, as seen in logs (whether they always do is unverified)."""
    return str(FIRST_ORDER_ID + number)


def trade_id(number: int, rng: Random) -> str:  # noqa: ARG001 - other venues draw theirs
    """Never shown by the venue: trades are known by their order."""
    return str(number)
