"""Prices of an order across quote currencies, always on the safe side of the caller's bound."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal

from backend.domain.books import Book
from backend.domain.instruments import Instrument
from backend.domain.money import BASIS_POINT, ceil_to_step, floor_to_step
from backend.domain.orders import Intent, Side
from backend.domain.records import Equivalent

FINGERPRINT_TICKS_MAX = 99
FINGERPRINT_BPS_MAX = Decimal(1)
"""A fingerprint moves a price by no more than this."""


def listed_market(
    symbol: str, instruments: Mapping[str, Instrument], equivalents: tuple[Equivalent, ...]
) -> tuple[Instrument, Decimal] | None:
    """The venue's market for the symbol and its quote per unit of the symbol's quote; None when there is none.

    The same symbol first; then only the equivalents that the settings name, in their order.
    """
    if symbol in instruments:
        return instruments[symbol], Decimal(1)
    for equivalent in equivalents:
        if equivalent.symbol in instruments:
            return instruments[equivalent.symbol], equivalent.rate
    return None


def worst_price(intent: Intent, book: Book, rate: Decimal) -> Decimal | None:
    """The absolute worst price in the intent's own quote; None when the book has nothing to take.

    Fixed once, from the first book seen; it never moves afterwards.
    """
    if intent.limit_price is not None:
        return intent.limit_price
    levels = book.taking(intent.side)
    if not levels:
        return None
    slippage = (intent.slippage_bps or Decimal(0)) * BASIS_POINT
    factor = 1 + slippage if intent.side is Side.BUY else 1 - slippage
    return levels[0].price / rate * factor


def venue_price(side: Side, price: Decimal, rate: Decimal, tick: Decimal) -> Decimal:
    """The bound in the venue's quote, rounded to its tick towards safety: a buy never pays more, a sell never takes
    less."""
    converted = price * rate
    return floor_to_step(converted, tick) if side is Side.BUY else ceil_to_step(converted, tick)


def fingerprinted(intent: Intent, price: Decimal, tick: Decimal) -> Decimal:
    """The price moved by a few ticks that follow from the intent's id, towards safety: where a venue has no client
    ids, an order whose answer was lost is told from its neighbours by it (firi.md, section 5)."""
    room = min(FINGERPRINT_TICKS_MAX, int(price * FINGERPRINT_BPS_MAX * BASIS_POINT / tick))
    digest = hashlib.sha256(intent.id.encode()).digest()
    ticks = int.from_bytes(digest[:4]) % (room + 1)
    return price - ticks * tick if intent.side is Side.BUY else price + ticks * tick
