"""Meridian's markets, fees and ids, all invented."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

from backend.emulator.books import BookShape
from backend.emulator.limits import Throttle
from backend.emulator.market import FeeRule, Market


def _market(base: str, tick: str, step: str) -> Market:
    return Market(
        symbol=f"{base}/USDT",
        native=f"{base}_USDT",
        base=base,
        quote="USDT",
        price_step=Decimal(tick),
        quantity_step=Decimal(step),
        quantity_min=Decimal(step) * 10,
        quantity_max=Decimal(10_000),
        cost_min=Decimal(5),
    )


MARKETS = (_market("BTC", "0.1", "0.00001"), _market("ETH", "0.01", "0.0001"))
FEES = FeeRule(taker=Decimal("0.001"), maker=Decimal("0.001"), in_quote=True)
BALANCES = {"BTC": "100", "ETH": "1000", "USDT": "10000000"}
SHAPE = BookShape(spread_bps=1.0, basis_bps=2.0, gap_bps=0.7, level_usd=20_000.0)
THROTTLE = Throttle(limited="429")


def new_keys(random_bytes: Callable[[int], bytes]) -> dict[str, str]:
    """A fresh key and secret."""
    return {"api_key": random_bytes(12).hex(), "secret": random_bytes(32).hex()}


def order_id(number: int, rng: Random) -> str:
    """A counter and a drawn tail."""
    return f"m{number}-{rng.getrandbits(32):08x}"


def trade_id(number: int, rng: Random) -> str:
    """Counts."""
    return f"t{number}"
