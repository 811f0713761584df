"""The matching engine of one emulated venue.

Our orders trade with an external book that a source provides. What our takers take is gone until the source's next
book. A resting order fills, at its own price, when a later book crosses it. Our orders never trade with each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from backend.emulator.accounts import Account
from backend.emulator.books import BookFrame, BookSource, Level
from backend.emulator.kept import Kept
from backend.emulator.ledger import Ledger, LedgerOrder, LedgerTrade
from backend.emulator.market import ZERO, FeeRule, Market, Side, TimeInForce
from backend.emulator.orders import EngineRefusal, NewOrder, Order, Reason, Status, Trade

CATCH_UP_FRAMES_MAX = 600

MakeId = Callable[[int], str]


@dataclass(slots=True)
class _Live:
    """The book that stands now, and how much of each price our orders have taken from it."""

    frame: BookFrame
    taken: dict[Decimal, Decimal]


class Engine:
    """All markets and the one account of a venue.

    Look-ups, ``book`` and ``cancel`` are called by a dialect and take the time of the venue's clock, which is ``ahead``
    seconds ahead of the true time; ``advance`` and ``submit`` are called by the core and take the true time.
    """

    def __init__(
        self,
        *,
        venue: str,
        markets: Sequence[Market],
        fees: FeeRule,
        account: Account,
        ledger: Ledger,
        books: BookSource,
        order_id: MakeId,
        trade_id: MakeId,
    ) -> None:
        self.venue = venue
        self.fees = fees
        self.account = account
        self.ledger = ledger
        self.markets: Mapping[str, Market] = {market.symbol: market for market in markets}
        self.ahead = 0.0
        self.told_books: Mapping[str, BookFrame] | None = None  # told instead of the true ones, while a request lasts
        self._books = books
        self._order_id = order_id
        self._trade_id = trade_id
        self._live: dict[str, _Live] = {}
        self._kept = Kept()
        self._orders_made = 0
        self._trades_made = dict.fromkeys(self.markets, 0)

    def advance(self, now: float, *, matching: bool = True) -> None:
        """Bring resting orders to ``now``, book by book since the last look. Without matching the time just passes."""
        for symbol in self._kept.open_symbols():
            for frame in self._frames_until(symbol, now):
                self._live[symbol] = _Live(frame, {})
                if matching:
                    self._fill_resting(symbol, frame.at)

    def look_again(self, now: float, *, matching: bool = True) -> None:
        """The source has other books from ``now`` on than it told before: what stands and when it ends is asked again.

        What was taken from a book that has not changed stays taken.
        """
        for symbol, live in list(self._live.items()):
            frame = self._books.book(self.venue, symbol, now)
            same = (frame.bids, frame.asks) == (live.frame.bids, live.frame.asks)
            self._live[symbol] = _Live(frame, live.taken if same else {})
            if matching and not same:
                self._fill_resting(symbol, now)

    def book(self, symbol: str, now: float) -> BookFrame:
        """The external book less what our orders have taken from it."""
        if self.told_books is not None and symbol in self.told_books:
            return self.told_books[symbol]
        live = self._current(symbol, now - self.ahead)
        frame = live.frame
        if not live.taken and not self.ahead:
            return frame
        at, until = frame.at + self.ahead, frame.until + self.ahead
        return BookFrame(at, until, tuple(_left(frame.bids, live)), tuple(_left(frame.asks, live)))

    def submit(self, new: NewOrder, now: float, visible_at: float, trade_lag_s: float = 0.0) -> Order:
        """Take the order and trade it as far as the book goes; raises EngineRefusal and then nothing has happened."""
        if new.unique_open_id and new.client_id and self.has_open(new.client_id):
            raise EngineRefusal(Reason.DUPLICATE)
        if new.unique_for_ever and new.client_id and self._kept.has(new.client_id):
            raise EngineRefusal(Reason.DUPLICATE)
        takes = self._takes(new, now)
        would_take = new.post_only and bool(takes)
        if would_take and not new.ends_instead_of_taking:
            raise EngineRefusal(Reason.WOULD_TAKE)
        takes = [] if would_take else takes
        quantity = new.quantity if new.spend is None else sum((size for _, size in takes), ZERO)
        if new.time_in_force is TimeInForce.FOK and sum((size for _, size in takes), ZERO) < quantity:
            takes = []
        asset, reserve = self._needed(new, takes)
        if reserve > self.account.free(asset):
            raise EngineRefusal(Reason.FUNDS)
        order = self._open_order(new, quantity, now, visible_at, asset, reserve)
        order.trade_lag_s = trade_lag_s
        for price, size in takes:
            self._take(order, price, size, now)
        if order.remaining and (would_take or new.time_in_force is not TimeInForce.GTC or new.price is None):
            self._close(order, Status.EXPIRED, now)
        return order

    def cancel(self, order: Order, now: float) -> None:
        """Take an open order out of the book; a closed one stays as it is."""
        if order.status is Status.OPEN:
            self._close(order, Status.CANCELLED, now - self.ahead)

    def has_open(self, client_id: str) -> bool:
        """Does an open order carry this client id, visible or not?"""
        return self._kept.has_open(client_id)

    def find(
        self, now: float, *, order_id: str | None = None, client_id: str | None = None, symbol: str | None = None
    ) -> Order | None:
        """The newest visible order that fits all that is given. Which of several a venue returns is unverified."""
        return self._kept.find(now - self.ahead, order_id, client_id, symbol)

    def open_orders(self, now: float, symbol: str | None = None) -> list[Order]:
        """Visible open orders, oldest first."""
        return self._kept.open(now - self.ahead, symbol)

    def closed_orders(self, now: float, symbol: str | None = None) -> list[Order]:
        """Visible closed orders, in the order in which they closed; a bounded number is remembered."""
        return self._kept.closed(now - self.ahead, symbol)

    def trades(
        self, now: float, symbol: str | None = None, *, order_id: str | None = None
    ) -> list[tuple[Order, Trade]]:
        """Visible trades of visible orders, oldest first."""
        return self._kept.trades(now - self.ahead, symbol, order_id)

    def _current(self, symbol: str, now: float) -> _Live:
        live = self._live.get(symbol)
        if live is None or _is_over(live.frame, now):
            frame = self._books.book(self.venue, symbol, now)
            if live is None or frame.at != live.frame.at:
                live = self._live[symbol] = _Live(frame, {})
        return live

    def _frames_until(self, symbol: str, now: float) -> Iterator[BookFrame]:
        """The books after the present one, up to ``now``. A gap longer than the bound is jumped over."""
        frame = self._live[symbol].frame
        for _ in range(CATCH_UP_FRAMES_MAX):
            if not _is_over(frame, now):
                return
            following = self._books.book(self.venue, symbol, min(frame.until, now))
            if following.at == frame.at:
                return
            frame = following
            yield frame
        yield self._books.book(self.venue, symbol, now)

    def _takes(self, new: NewOrder, now: float) -> list[Level]:
        """The levels the order would take now: price and quantity each."""
        live = self._current(new.market.symbol, now)
        levels = live.frame.asks if new.side is Side.BUY else live.frame.bids
        takes: list[Level] = []
        want, money = new.quantity, new.spend
        for price, size in _left(levels, live):
            if new.price is not None and not _crosses(new.side, new.price, price):
                break
            if money is not None:
                step = new.market.quantity_step
                want = (money / price) // step * step
            part = min(want, size)
            if part <= ZERO:
                break
            takes.append((price, part))
            want -= part
            money = None if money is None else money - part * price
        return takes

    def _needed(self, new: NewOrder, takes: Iterable[Level]) -> tuple[str, Decimal]:
        """Which asset has to be held for the order and how much, with the fee where the venue takes it in quote."""
        if new.side is Side.SELL:
            return new.market.base, new.quantity
        cost = sum((price * size for price, size in takes), ZERO) if new.price is None else new.price * new.quantity
        return new.market.quote, cost * (1 + self.fees.taker) if self.fees.in_quote else cost

    def _open_order(
        self, new: NewOrder, quantity: Decimal, now: float, visible_at: float, asset: str, reserve: Decimal
    ) -> Order:
        self._orders_made += 1
        order_id = self._order_id(self._orders_made)
        stamp = now + self.ahead
        order = Order(order_id, new, quantity, stamp, visible_at, asset, reserve, updated=stamp, entered=now)
        self.account.hold(asset, reserve)
        self._kept.add(order)
        self._record(order)
        if not quantity:
            self._close(order, Status.EXPIRED, now)
        return order

    def _take(self, order: Order, price: Decimal, size: Decimal, now: float) -> None:
        taken = self._live[order.new.market.symbol].taken
        taken[price] = taken.get(price, ZERO) + size
        self._trade(order, price, size, now, maker=False)

    def _fill_resting(self, symbol: str, at: float) -> None:
        """Resting orders that the new book crosses, best price first, share what the book offers at their price."""
        resting = [order for order in self._kept.resting(symbol) if order.new.price]
        resting.sort(key=_eagerness, reverse=True)
        for side in Side:
            for order in resting:
                if order.new.side is side and not self._fill_one(order, symbol, at):
                    break  # the next ones ask for no less

    def _fill_one(self, order: Order, symbol: str, at: float) -> bool:
        """Fill a resting order as far as the book crosses it. False: it does not, or nothing is left."""
        live = self._live[symbol]
        levels = live.frame.asks if order.new.side is Side.BUY else live.frame.bids
        crossed = False
        for price, size in _left(levels, live):
            if order.status is not Status.OPEN or not _crosses(order.new.side, order.new.price or ZERO, price):
                break
            crossed = True
            part = min(order.remaining, size)
            live.taken[price] = live.taken.get(price, ZERO) + part
            self._trade(order, order.new.price or price, part, at, maker=True)
        return crossed

    def _trade(self, order: Order, price: Decimal, size: Decimal, at: float, *, maker: bool) -> None:
        market, symbol = order.new.market, order.new.market.symbol
        self._trades_made[symbol] += 1
        number = self._trades_made[symbol]
        fee, fee_asset = self._fee(market, order.new.side, price, size, maker=maker)
        stamp, visible_at = at + self.ahead, at + order.trade_lag_s
        trade = Trade(self._trade_id(number), number, price, size, fee, fee_asset, maker, stamp, visible_at)
        order.trades.append(trade)
        order.filled += size
        order.cost += trade.cost
        order.updated = stamp
        self._settle(order, trade)
        self._kept.record(order, trade, at)
        self.ledger.record_trade(_ledger_trade(self.venue, order, trade, at))
        if order.remaining:
            self._record(order)
        else:
            self._close(order, Status.FILLED, at)

    def _fee(self, market: Market, side: Side, price: Decimal, size: Decimal, *, maker: bool) -> tuple[Decimal, str]:
        rate = self.fees.maker if maker else self.fees.taker
        in_base = side is Side.BUY and not self.fees.in_quote
        fee = (size if in_base else size * price) * rate
        return fee.quantize(self.fees.step), market.base if in_base else market.quote

    def _settle(self, order: Order, trade: Trade) -> None:
        """Move the money of one trade: out of what is held, into what is free, less the fee."""
        market, buying = order.new.market, order.new.side is Side.BUY
        out = trade.cost if buying else trade.quantity
        if buying and trade.fee_asset == market.quote:
            out += trade.fee
        gain = trade.quantity if buying else trade.cost
        gain_asset = market.base if buying else market.quote
        if trade.fee_asset == gain_asset:
            gain -= trade.fee
        self.account.pay(order.reserve_asset, out)
        self.account.receive(gain_asset, gain)
        order.reserve -= out

    def _close(self, order: Order, status: Status, now: float) -> None:
        order.status = status
        order.updated = now + self.ahead
        self.account.hold(order.reserve_asset, -order.reserve)
        order.reserve = ZERO
        self._kept.close(order)
        self._record(order)

    def _record(self, order: Order) -> None:
        self.ledger.record_order(_ledger_order(self.venue, order))


def _is_over(frame: BookFrame, now: float) -> bool:
    """Can there be a later book? Where the end of a frame was not known, the source has to be asked again."""
    return now >= frame.until or math.isinf(frame.until)


def _crosses(side: Side, limit: Decimal, price: Decimal) -> bool:
    return price <= limit if side is Side.BUY else price >= limit


def _eagerness(order: Order) -> Decimal:
    price = order.new.price or ZERO
    return price if order.new.side is Side.BUY else -price


def _left(levels: Iterable[Level], live: _Live) -> Iterator[Level]:
    for price, size in levels:
        left = size - live.taken.get(price, ZERO)
        if left > ZERO:
            yield price, left


def _ledger_order(venue: str, order: Order) -> LedgerOrder:
    new = order.new
    return LedgerOrder(
        venue=venue,
        order_id=order.id,
        client_id=new.client_id,
        symbol=new.market.symbol,
        side=new.side,
        quantity=order.quantity,
        price=new.price,
        time_in_force=new.time_in_force,
        at=order.entered,
        visible_at=order.visible_at,
        filled=order.filled,
        status=order.status.value,
        not_after=new.not_after,
    )


def _ledger_trade(venue: str, order: Order, trade: Trade, at: float) -> LedgerTrade:
    return LedgerTrade(
        venue=venue,
        order_id=order.id,
        client_id=order.new.client_id,
        trade_id=trade.id,
        symbol=order.new.market.symbol,
        side=order.new.side,
        quantity=trade.quantity,
        price=trade.price,
        fee=trade.fee,
        fee_asset=trade.fee_asset,
        maker=trade.maker,
        at=at,
    )
