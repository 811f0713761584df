"""Instruments and the few words that all emulated venues share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)
PLAIN_NUMBER = re.compile(r"\d{1,20}(\.\d{1,20})?")


class Side(StrEnum):
    """From the view of the account that orders."""

    BUY = "buy"
    SELL = "sell"


class TimeInForce(StrEnum):
    """What happens to the part of an order that does not trade at once."""

    GTC = "GTC"  # it rests
    IOC = "IOC"  # it is dropped
    FOK = "FOK"  # it must not exist: all or nothing


@dataclass(frozen=True, slots=True)
class Market:
    """One tradable pair. Quantities are in base units, prices and costs in quote units."""

    symbol: str  # the common name, BASE/QUOTE
    native: str  # the venue's own name
    base: str
    quote: str
    price_step: Decimal
    quantity_step: Decimal
    quantity_min: Decimal
    quantity_max: Decimal
    cost_min: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class FeeRule:
    """Fees as fractions of the traded value, in the quote asset (``in_quote``) or in what the trade brings in."""

    taker: Decimal
    maker: Decimal
    in_quote: bool
    step: Decimal = Decimal("0.00000001")  # fees are rounded to this; how the venues round is unverified


@dataclass(frozen=True, slots=True)
class EmulatedBounds:
    """What an emulated venue promises about time, in seconds. This says nothing about the real venue.

    ``engine_s``: a request that passed its deadline check takes effect within this time or never.
    ``visibility_s``: an order that took effect is found by every look-up after this time.
    """

    engine_s: float = 2.0
    visibility_s: float = 2.0


def number(text: object) -> Decimal | None:
    """A plain non-negative decimal number written as text, or None: no sign, no exponent, no blanks."""
    return Decimal(text) if isinstance(text, str) and PLAIN_NUMBER.fullmatch(text) else None


def on_step(value: Decimal, step: Decimal) -> bool:
    """Is ``value`` a whole number of steps?"""
    return value % step == ZERO


def plain(value: Decimal) -> str:
    """The shortest plain notation: no exponent, no trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def places(value: Decimal, count: int) -> str:
    """Exactly ``count`` decimals."""
    return f"{value:.{count}f}"
