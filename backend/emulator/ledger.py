"""The truth about an emulated venue: every order it took and every trade it made, whatever its answers said.

Only the lab reads it, as the referee. A router that could see it would not need to be safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from backend.emulator.market import ZERO, Side, TimeInForce

ENTRIES_MAX = 1_000_000


class LedgerFull(RuntimeError):
    """The truth must be complete, so a full ledger stops the venue instead of forgetting."""


@dataclass(frozen=True, slots=True)
class LedgerOrder:
    """One order that took effect. ``filled`` and ``status`` are the latest; a market order has no price. ``not_after``:
    the deadline that its request carried."""

    venue: str
    order_id: str
    client_id: str | None
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal | None
    time_in_force: TimeInForce
    at: float  # epoch seconds at which it entered the book
    visible_at: float  # epoch seconds from which look-ups find it
    filled: Decimal = ZERO
    status: str = "open"  # open, filled, cancelled, expired
    not_after: float | None = None


@dataclass(frozen=True, slots=True)
class LedgerTrade:
    """One execution. ``fee`` is in ``fee_asset``; ``at`` is the time of the execution in epoch seconds."""

    venue: str
    order_id: str
    client_id: str | None
    trade_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    at: float


class Ledger:
    """Append-only, apart from the state of an order. At most ENTRIES_MAX orders and as many trades."""

    def __init__(self, venue: str) -> None:
        self.venue = venue
        self._orders: dict[str, LedgerOrder] = {}
        self._trades: list[LedgerTrade] = []

    @property
    def orders(self) -> tuple[LedgerOrder, ...]:
        """Every order that ever took effect, oldest first, in its present state."""
        return tuple(self._orders.values())

    @property
    def trades(self) -> tuple[LedgerTrade, ...]:
        """Every execution, oldest first."""
        return tuple(self._trades)

    def trades_after(self, count: int) -> list[LedgerTrade]:
        """The executions behind the first ``count``."""
        return self._trades[count:]

    def order(self, order_id: str) -> LedgerOrder | None:
        """An order in its present state."""
        return self._orders.get(order_id)

    def filled(self, client_id: str) -> Decimal:
        """Base quantity executed under a client id, over all orders that carried it."""
        return sum((trade.quantity for trade in self._trades if trade.client_id == client_id), ZERO)

    def record_order(self, order: LedgerOrder) -> None:
        """A new order, or the new state of a known one."""
        if order.order_id not in self._orders and len(self._orders) >= ENTRIES_MAX:
            raise LedgerFull(f"{self.venue}: {ENTRIES_MAX} orders")
        self._orders[order.order_id] = order

    def record_trade(self, trade: LedgerTrade) -> None:
        """A new execution."""
        if len(self._trades) >= ENTRIES_MAX:
            raise LedgerFull(f"{self.venue}: {ENTRIES_MAX} trades")
        self._trades.append(trade)
