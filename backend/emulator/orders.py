"""Orders and trades as an emulated venue keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from backend.emulator.market import ZERO, Market, Side, TimeInForce


class Status(StrEnum):
    """The life of an order. All but OPEN are final."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"  # by request
    EXPIRED = "expired"  # by its own time in force


class Reason(StrEnum):
    """Why the engine refuses an order that the gateway has let through."""

    FUNDS = "funds"
    WOULD_TAKE = "would take"
    DUPLICATE = "duplicate"


class EngineRefusal(Exception):
    """The engine does not take the order; nothing has happened."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order as the gateway hands it to the engine. No price: a market order.

    ``quantity`` is in base units. A market buy may state ``spend`` (quote units) instead, with quantity zero.
    ``unique_open_id``: the engine refuses it while an open order has the same client id. ``unique_for_ever``: also
    when an order that has ended had it, as long as that one is remembered.
    ``ends_instead_of_taking``: a post-only order that would take is accepted and ends at once, and is not refused.
    ``not_after``: the deadline in the request, as the gateway read it (epoch seconds of the venue's clock).
    """

    market: Market
    side: Side
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    client_id: str | None = None
    spend: Decimal | None = None
    unique_open_id: bool = True
    unique_for_ever: bool = False
    ends_instead_of_taking: bool = False
    kind: str = "limit"  # the venue's own word for the type, given back as it came
    not_after: float | None = None


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution of one of our orders."""

    id: str
    number: int  # counts per market
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    at: float  # epoch seconds, by the venue's clock
    visible_at: float = 0.0  # epoch seconds from which lists of trades show it

    @property
    def cost(self) -> Decimal:
        """Value in quote units, without the fee."""
        return self.price * self.quantity


@dataclass(slots=True)
class Order:
    """An order that took effect. ``reserve`` is what is still held for it, in ``reserve_asset``.

    ``created`` and ``updated`` are stamps of the venue's clock; ``entered`` and ``visible_at`` are true times.
    """

    id: str
    new: NewOrder
    quantity: Decimal
    created: float
    visible_at: float
    reserve_asset: str
    reserve: Decimal = ZERO
    updated: float = 0.0
    status: Status = Status.OPEN
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    trades: list[Trade] = field(default_factory=list)
    entered: float = 0.0
    trade_lag_s: float = 0.0  # lists of trades show its trades so much later

    @property
    def remaining(self) -> Decimal:
        """Base quantity not executed."""
        return self.quantity - self.filled

    @property
    def average(self) -> Decimal:
        """Mean price of the executed part, zero when there is none."""
        return self.cost / self.filled if self.filled else ZERO

    @property
    def fee(self) -> Decimal:
        """Sum of the fees; meaningful where all trades pay in one asset."""
        return sum((trade.fee for trade in self.trades), ZERO)
