"""What can be traded at a venue, and in which steps."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from backend.domain.money import ZERO


@dataclass(frozen=True, slots=True)
class Instrument:
    """One spot market of one venue.

    ``symbol`` is the unified name (BASE/QUOTE); ``native_id`` is the venue's own. Steps and limits are in base units
    (quantity) and quote units (price, notional). A limit of zero means that the venue states none.
    """

    venue: str
    symbol: str
    native_id: str
    base: str
    quote: str
    price_tick: Decimal
    quantity_step: Decimal
    min_quantity: Decimal = ZERO
    max_quantity: Decimal = ZERO
    min_notional: Decimal = ZERO
    taker_fee: Decimal = ZERO
    maker_fee: Decimal = ZERO
    active: bool = True
