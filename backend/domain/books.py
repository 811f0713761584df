"""Order books. Levels are Decimal here: depths are small and the price bound of an order comes from them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from backend.domain.money import ZERO
from backend.domain.orders import Side


@dataclass(frozen=True, slots=True)
class Level:
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """One venue's book: bids from high to low, asks from low to high. ``at`` is when we received it (epoch seconds)."""

    venue: str
    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at: float

    def taking(self, side: Side) -> tuple[Level, ...]:
        """The levels that an order of this side would take."""
        return self.asks if side is Side.BUY else self.bids

    def available(self, side: Side, worst_price: Decimal) -> Decimal:
        """Base quantity that can be taken without passing ``worst_price``."""
        return sum((level.quantity for level in self.taking(side) if within(side, level.price, worst_price)), ZERO)


def within(side: Side, price: Decimal, worst_price: Decimal) -> bool:
    """Is ``price`` no worse than ``worst_price`` for this side?"""
    return price <= worst_price if side is Side.BUY else price >= worst_price
