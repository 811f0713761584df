"""The orders and trades of a venue, as its look-ups find them: by id, by client id, open or closed."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable

from backend.emulator.orders import Order, Status, Trade

CLOSED_KEPT_MAX = 20_000
TRADES_KEPT_MAX = 40_000


class Kept:
    """All open orders and the newest closed ones, CLOSED_KEPT_MAX at most; and their newest trades.

    Times are true times here. What is not visible yet is kept and not found.
    """

    def __init__(self) -> None:
        self._open: dict[str, Order] = {}
        self._closed: OrderedDict[str, Order] = OrderedDict()  # in the order in which they closed
        self._ranks: dict[str, int] = {}  # by order id: later is higher, of opening and then of closing
        self._of_client: dict[str, list[Order]] = {}
        self._open_of_client: Counter[str] = Counter()
        self._open_in: Counter[str] = Counter()
        self._trades: list[tuple[float, Order, Trade]] = []
        self._events = 0

    def add(self, order: Order) -> None:
        """A new order, open."""
        self._open[order.id] = order
        self._rank(order)
        self._open_in[order.new.market.symbol] += 1
        if order.new.client_id:
            self._of_client.setdefault(order.new.client_id, []).append(order)
            self._open_of_client[order.new.client_id] += 1

    def close(self, order: Order) -> None:
        """An open order is open no more. The oldest closed one is forgotten when there are too many."""
        if self._open.pop(order.id, None) is None:
            return
        self._closed[order.id] = order
        self._rank(order)
        _count_down(self._open_in, order.new.market.symbol)
        if order.new.client_id:
            _count_down(self._open_of_client, order.new.client_id)
        if len(self._closed) > CLOSED_KEPT_MAX:
            self._forget(self._closed.popitem(last=False)[1])

    def record(self, order: Order, trade: Trade, at: float) -> None:
        """A trade that happened at a true time, which may lie before those of other markets."""
        place = len(self._trades)
        while place and self._trades[place - 1][0] > at:
            place -= 1
        self._trades.insert(place, (at, order, trade))
        if len(self._trades) >= 2 * TRADES_KEPT_MAX:
            del self._trades[:-TRADES_KEPT_MAX]

    def has_open(self, client_id: str) -> bool:
        """Does an open order carry this client id, visible or not?"""
        return client_id in self._open_of_client

    def has(self, client_id: str) -> bool:
        """Does any order that is remembered carry this client id?"""
        return client_id in self._of_client

    def open_symbols(self) -> list[str]:
        """The markets with open orders."""
        return list(self._open_in)

    def resting(self, symbol: str) -> list[Order]:
        """The open orders of a market, visible or not, oldest first."""
        return [order for order in self._open.values() if order.new.market.symbol == symbol]

    def find(self, now: float, order_id: str | None, client_id: str | None, symbol: str | None) -> Order | None:
        """The newest visible order that fits all that is given; open ones come before closed ones."""
        fitting = [
            order
            for order in self._candidates(order_id, client_id)
            if order.visible_at <= now
            and order_id in {None, order.id}
            and client_id in {None, order.new.client_id}
            and symbol in {None, order.new.market.symbol}
        ]
        return max(fitting, key=lambda order: (order.status is Status.OPEN, self._ranks[order.id]), default=None)

    def open(self, now: float, symbol: str | None) -> list[Order]:
        """Visible open orders, oldest first."""
        return _visible(self._open.values(), now, symbol)

    def closed(self, now: float, symbol: str | None) -> list[Order]:
        """Visible closed orders, in the order in which they closed."""
        return _visible(self._closed.values(), now, symbol)

    def trades(self, now: float, symbol: str | None, order_id: str | None) -> list[tuple[Order, Trade]]:
        """Visible trades of visible orders, in the order in which they happened; at most TRADES_KEPT_MAX."""
        if order_id is None:
            pairs = [(order, trade) for _, order, trade in self._trades[-TRADES_KEPT_MAX:]]
        else:
            pairs = [(order, trade) for order in self._candidates(order_id, None) for trade in order.trades]
        return [
            (order, trade)
            for order, trade in pairs
            if order.visible_at <= now and trade.visible_at <= now and symbol in {None, order.new.market.symbol}
        ]

    def _candidates(self, order_id: str | None, client_id: str | None) -> Iterable[Order]:
        if order_id is not None:
            order = self._open.get(order_id) or self._closed.get(order_id)
            return [] if order is None else [order]
        if client_id is not None:
            return self._of_client.get(client_id, [])
        return [*self._open.values(), *self._closed.values()]

    def _rank(self, order: Order) -> None:
        self._events += 1
        self._ranks[order.id] = self._events

    def _forget(self, order: Order) -> None:
        del self._ranks[order.id]
        if order.new.client_id:
            left = [one for one in self._of_client[order.new.client_id] if one is not order]
            if left:
                self._of_client[order.new.client_id] = left
            else:
                del self._of_client[order.new.client_id]


def _visible(orders: Iterable[Order], now: float, symbol: str | None) -> list[Order]:
    return [o for o in orders if o.visible_at <= now and symbol in {None, o.new.market.symbol}]


def _count_down(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
