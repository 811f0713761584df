"""An account on paper: what it owns, its orders, and how a book fills them. No I/O, no clock; every amount exact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, localcontext

from backend.domain.books import Book, within
from backend.domain.instruments import Instrument
from backend.domain.money import ZERO, floor_to_step, plain
from backend.domain.orders import Balance, Fill, OrderReport, OrderStatus, Side, TimeInForce, VenueOrder
from backend.domain.reasons import RejectReason
from backend.policies.routing_tables import PAPER

OPEN_ORDERS_MAX = 200
ENDED_ORDERS_MAX = 10_000
"""How many ended orders are remembered; the oldest go first, with their trades and client ids."""
EXACT = Context(prec=100)
"""A product of two amounts and a fee is never rounded."""


@dataclass(slots=True)
class PaperOrder:
    """One order with what it executed so far."""

    id: str
    order: VenueOrder
    instrument: Instrument
    status: OrderStatus = OrderStatus.OPEN
    fills: list[Fill] = field(default_factory=list)

    @property
    def filled(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def left(self) -> Decimal:
        return self.order.quantity - self.filled

    @property
    def locked(self) -> tuple[str, Decimal]:
        """The asset and the amount that the open part may still need, fees included."""
        listed = self.instrument
        if self.order.side is Side.SELL:
            return listed.base, self.left
        return listed.quote, self.left * self.order.price * (1 + max(listed.taker_fee, listed.maker_fee))

    def report(self) -> OrderReport:
        filled = self.filled
        spent = sum((fill.price * fill.quantity for fill in self.fills), ZERO)
        return OrderReport(
            venue=PAPER,
            symbol=self.order.symbol,
            venue_order_id=self.id,
            client_id=self.order.client_id or None,
            side=self.order.side,
            quantity=self.order.quantity,
            filled=filled,
            status=self.status,
            price=self.order.price,
            average=spent / filled if filled else None,
            created_at=self.order.created_at,
            fills=tuple(self.fills),
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an order was not taken."""

    reason: RejectReason
    problem: str


class PaperAccount:
    """Starts with the given amounts by asset; what is not named is zero."""

    def __init__(self, start: Mapping[str, Decimal]) -> None:
        self._start = dict(start)
        self._owned = dict(start)
        self._open: dict[str, PaperOrder] = {}
        self._ended: dict[str, PaperOrder] = {}
        self._names: dict[str, str] = {}
        self._taken: dict[tuple[str, Side], dict[Decimal, Decimal]] = {}

    def restore(self, fills: Iterable[Fill]) -> None:
        """The start amounts with these fills booked, instead of what is owned now. Orders stay as they are."""
        self._owned = dict(self._start)
        for fill in fills:
            self._book(fill)

    def balances(self) -> dict[str, Balance]:
        with localcontext(EXACT):
            held: dict[str, Decimal] = {}
            for order in self.open_orders():
                asset, amount = order.locked
                held[asset] = held.get(asset, ZERO) + amount
            return {
                asset: Balance(asset, owned - held.get(asset, ZERO), held.get(asset, ZERO))
                for asset, owned in self._owned.items()
            }

    def open_orders(self) -> list[PaperOrder]:
        return list(self._open.values())

    def order(self, *, order_id: str | None, client_id: str | None) -> PaperOrder | None:
        """By its own id where one is given, else by the client's."""
        name = order_id or self._names.get(client_id or "", "")
        return self._open.get(name) or self._ended.get(name)

    def trades(self, symbol: str) -> list[Fill]:
        orders = [*self._ended.values(), *self._open.values()]
        return [fill for order in orders if order.order.symbol == symbol for fill in order.fills]

    def accept(self, order: VenueOrder, instrument: Instrument, order_id: str) -> PaperOrder | Refusal:
        """Takes an order that keeps the market's rules and can be paid; it executes nothing yet."""
        with localcontext(EXACT):
            refused = _unfit(order, instrument)
            if refused is not None:
                return refused
            if len(self._open) >= OPEN_ORDERS_MAX:
                return Refusal(RejectReason.ORDER_LIMIT, f"{OPEN_ORDERS_MAX} orders are open")
            taken = PaperOrder(order_id, order, instrument)
            asset, need = taken.locked
            balance = self.balances().get(asset, Balance(asset, ZERO))
            if balance.free < need:
                problem = f"{plain(balance.free)} {asset} free, {plain(need)} needed"
                return Refusal(RejectReason.INSUFFICIENT_FUNDS, problem)
        self._open[order_id] = taken
        if order.client_id:
            self._names[order.client_id] = order_id
        return taken

    def match(self, order: PaperOrder, book: Book, now: float, *, resting: bool) -> None:
        """Fills an open order from the book within its price; what is not filled at once rests or is cancelled.

        A taker pays each level's price, an order that rested its own. What was taken of a level is gone until the level
        is: a book is not fuller because nobody sent our order.
        """
        with localcontext(EXACT):
            side, listed = order.order.side, order.instrument
            gone = self._gone(book, side)
            for level in book.taking(side):
                if not within(side, level.price, order.order.price):
                    break
                there = max(ZERO, level.quantity - gone.get(level.price, ZERO))
                quantity = floor_to_step(min(there, order.left), listed.quantity_step)
                if quantity > ZERO:
                    gone[level.price] = gone.get(level.price, ZERO) + quantity
                    self._execute(order, quantity, order.order.price if resting else level.price, now, resting=resting)
            if order.left == ZERO:
                self._end(order, OrderStatus.FILLED)
            elif order.order.time_in_force is TimeInForce.IOC:
                self._end(order, OrderStatus.CANCELED)

    def cancel(self, order: PaperOrder) -> bool:
        """False for an order that has ended already."""
        if order.status.terminal:
            return False
        self._end(order, OrderStatus.CANCELED)
        return True

    def _gone(self, book: Book, side: Side) -> dict[Decimal, Decimal]:
        """What we took of the levels that still stand; bounded by the book."""
        known = self._taken.get((book.symbol, side), {})
        standing = {level.price for level in book.taking(side)}
        gone = self._taken[(book.symbol, side)] = {price: known[price] for price in standing if price in known}
        return gone

    def _execute(self, order: PaperOrder, quantity: Decimal, price: Decimal, now: float, *, resting: bool) -> None:
        listed = order.instrument
        fill = Fill(
            venue=PAPER,
            symbol=order.order.symbol,
            venue_order_id=order.id,
            trade_id=f"{order.id}-{len(order.fills) + 1}",
            side=order.order.side,
            quantity=quantity,
            price=price,
            fee=quantity * price * (listed.maker_fee if resting else listed.taker_fee),
            fee_asset=listed.quote,
            at=now,
        )
        order.fills.append(fill)
        self._book(fill)

    def _book(self, fill: Fill) -> None:
        with localcontext(EXACT):
            base, quote = fill.symbol.split("/")
            sign = 1 if fill.side is Side.BUY else -1
            for asset, change in (
                (base, sign * fill.quantity),
                (quote, -sign * fill.quantity * fill.price),
                (fill.fee_asset, -fill.fee),
            ):
                self._owned[asset] = self._owned.get(asset, ZERO) + change

    def _end(self, order: PaperOrder, status: OrderStatus) -> None:
        order.status = status
        self._ended[order.id] = self._open.pop(order.id)
        if len(self._ended) > ENDED_ORDERS_MAX:
            oldest = self._ended.pop(next(iter(self._ended)))
            self._names.pop(oldest.order.client_id, None)


def _unfit(order: VenueOrder, instrument: Instrument) -> Refusal | None:
    """What a real exchange would refuse: steps, minimums, maximum."""
    if order.quantity % instrument.quantity_step or order.price % instrument.price_tick:
        steps = f"{plain(instrument.quantity_step)} {instrument.base} and {plain(instrument.price_tick)}"
        return Refusal(RejectReason.INVALID_REQUEST, f"quantity and price are not multiples of {steps}")
    if order.quantity < instrument.min_quantity or order.notional < instrument.min_notional:
        least = f"{plain(instrument.min_quantity)} {instrument.base} or {plain(instrument.min_notional)}"
        return Refusal(RejectReason.UNDER_MINIMUM, f"under the minimum of {least} {instrument.quote}")
    if instrument.max_quantity and order.quantity > instrument.max_quantity:
        most = f"{plain(instrument.max_quantity)} {instrument.base}"
        return Refusal(RejectReason.INVALID_REQUEST, f"over the maximum of {most}")
    return None
