"""The demo's orders: several strategies, seeded, so that the same seed asks for the same orders."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

STRATEGIES: Mapping[str, str] = {
    "momentum": "binance",
    "market-making": "bybit",
    "basis": "okx",
    "listing": "kucoin",
    "carry": "kraken",
    "mean-reversion": "kraken",
    "treasury": "firi",
}
"""The demo's strategy map. A strategy that is not listed ("ad-hoc") goes to the default exchange."""

UNMAPPED = "ad-hoc"
SIZES: Mapping[str, tuple[str, str, str]] = {
    "BTC/USD": ("0.001", "0.012", "0.0001"),
    "ETH/USD": ("0.02", "0.2", "0.001"),
}
"""Per symbol: smallest and largest quantity and the step between, in base units."""

SLIPPAGE_BPS = (40, 60, 80)
PATIENT_SHARE = 1 / 3
PATIENT_S = 300.0
"""So many orders are wanted for five minutes: those move on even when only the deadline proves an attempt dead."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a strategy wants; it becomes an intent when it is its turn. ``pause_s`` passes before it;
    a patient one is wanted for PATIENT_S."""

    number: int
    strategy: str
    symbol: str
    side: str
    quantity: Decimal
    slippage_bps: int
    pause_s: float
    patient: bool


def wishes(seed: int, count: int, symbols: tuple[str, ...]) -> list[Wish]:
    """``count`` orders over the given symbols, buys and sells in equal parts."""
    dice = random.Random(f"orders of seed {seed}")  # noqa: S311 - a workload, not a secret
    names = (*STRATEGIES, UNMAPPED)
    return [_wish(dice, number, names, symbols) for number in range(1, count + 1)]


def _wish(dice: random.Random, number: int, names: tuple[str, ...], symbols: tuple[str, ...]) -> Wish:
    symbol = dice.choice(symbols)
    least, most, step = (Decimal(text) for text in SIZES[symbol])
    steps = int((most - least) / step)
    # Most orders are small: the square keeps the large ones rare.
    quantity = least + step * int(steps * dice.random() ** 2)
    return Wish(
        number=number,
        strategy=dice.choice(names),
        symbol=symbol,
        side=dice.choice(("buy", "sell")),
        quantity=quantity,
        slippage_bps=dice.choice(SLIPPAGE_BPS),
        pause_s=dice.expovariate(5),
        patient=dice.random() < PATIENT_SHARE,
    )
