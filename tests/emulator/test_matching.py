"""The matching engine under all dialects: resting orders, shared liquidity, money."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.emulator import ledger
from backend.emulator.accounts import Account
from backend.emulator.ledger import Ledger
from backend.emulator.market import Side, TimeInForce
from backend.emulator.matching import CATCH_UP_FRAMES_MAX, Engine
from backend.emulator.orders import EngineRefusal, NewOrder, Order, Reason, Status
from backend.emulator.registry import KINDS
from tests.emulator.kit import ASKS, BIDS, SYMBOLS, T0, WrittenBooks

VENUES = tuple(SYMBOLS)


class Bench:
    """An engine with books that the test writes."""

    def __init__(self, venue: str = "binance", free: dict[str, str] | None = None) -> None:
        kind = KINDS[venue]
        self.market = next(market for market in kind.markets if market.symbol == SYMBOLS[venue])
        self.books = WrittenBooks()
        self.ledger = Ledger(venue)
        self.account = Account({k: Decimal(v) for k, v in (free or {"BTC": "10", self.market.quote: "10000"}).items()})
        self.engine = Engine(
            venue=venue,
            markets=kind.markets,
            fees=kind.fees,
            account=self.account,
            ledger=self.ledger,
            books=self.books,
            order_id=str,
            trade_id=str,
        )

    def submit(self, side: Side, quantity: str, price: str | None, at: float = T0, **more: object) -> Order:
        """Hand the engine an order."""
        limit = None if price is None else Decimal(price)
        new = NewOrder(market=self.market, side=side, quantity=Decimal(quantity), price=limit, **more)  # type: ignore[arg-type]
        return self.engine.submit(new, at, at)


def held(bench: Bench) -> dict[str, Decimal]:
    return {asset: balance.held for asset, balance in bench.account.balances().items() if balance.held}


@pytest.mark.parametrize("venue", VENUES)
def test_a_resting_order_fills_when_the_book_comes_to_it(venue: str) -> None:
    """A later book that crosses a resting order fills it at its own price, for the maker's fee, at that book's time."""
    bench = Bench(venue)
    bench.books.write(T0 + 1, asks=(("99.4", "0.5"), ("99.6", "9")))
    bench.books.write(T0 + 2, asks=(("99.5", "4"),))
    order = bench.submit(Side.BUY, "2", "99.5")
    bench.engine.advance(T0 + 0.9)
    assert order.filled == 0
    bench.engine.advance(T0 + 10)
    assert [(t.price, t.quantity, t.maker, t.at) for t in order.trades] == [
        (Decimal("99.5"), Decimal("0.5"), True, T0 + 1),
        (Decimal("99.5"), Decimal("1.5"), True, T0 + 2),
    ]
    assert order.status is Status.FILLED
    assert held(bench) == {}


def test_a_source_may_learn_of_its_next_book_late() -> None:
    """A frame without a known end is replaced as soon as the source has another one."""
    bench = Bench()
    order = bench.submit(Side.BUY, "1", "99.5")
    bench.engine.advance(T0 + 1)
    bench.books.write(T0 + 2, asks=(("99.5", "4"),))
    bench.engine.advance(T0 + 3)
    assert (order.status, order.trades[0].at) == (Status.FILLED, T0 + 2)


def test_the_best_resting_order_fills_first() -> None:
    """Two resting orders share what one book offers, the better price first."""
    bench = Bench()
    low = bench.submit(Side.BUY, "1", "99.4")
    high = bench.submit(Side.BUY, "1", "99.6")
    bench.books.write(T0 + 1, asks=(("99.3", "1.5"),))
    bench.engine.advance(T0 + 1)
    assert (high.filled, low.filled) == (Decimal(1), Decimal("0.5"))


def test_what_is_taken_is_gone_until_the_next_book() -> None:
    """Takers eat the book; the source's next book is whole again."""
    bench = Bench()
    bench.books.write(T0 + 5)
    bench.submit(Side.BUY, "1.5", "101")
    assert bench.engine.book("BTC/USDT", T0).asks == ((Decimal(101), Decimal("1.5")), (Decimal(102), Decimal(5)))
    assert bench.submit(Side.BUY, "1", "100").filled == 0
    assert bench.engine.book("BTC/USDT", T0 + 5).asks[0] == (Decimal(100), Decimal(1))


def test_no_matching_means_that_time_just_passes() -> None:
    """Books that came while nothing was matched do not fill anything afterwards."""
    bench = Bench()
    order = bench.submit(Side.BUY, "1", "99.5")
    bench.books.write(T0 + 1, asks=(("99.0", "5"),))
    bench.books.write(T0 + 2)
    bench.engine.advance(T0 + 3, matching=False)
    bench.engine.advance(T0 + 4)
    assert order.status is Status.OPEN


@pytest.mark.parametrize(
    ("tif", "quantity", "filled", "status"),
    [
        (TimeInForce.GTC, "1.5", "1", Status.OPEN),
        (TimeInForce.IOC, "1.5", "1", Status.EXPIRED),
        (TimeInForce.IOC, "0.5", "0.5", Status.FILLED),
        (TimeInForce.FOK, "1.5", "0", Status.EXPIRED),
        (TimeInForce.FOK, "1", "1", Status.FILLED),
    ],
)
def test_time_in_force_decides_about_the_rest(tif: TimeInForce, quantity: str, filled: str, status: Status) -> None:
    """GTC rests, IOC drops its rest, FOK is all or nothing."""
    order = Bench().submit(Side.BUY, quantity, "100", time_in_force=tif)
    assert (order.filled, order.status) == (Decimal(filled), status)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("end", ["filled", "cancelled", "expired"])
def test_money_is_neither_made_nor_lost(venue: str, side: Side, end: str) -> None:
    """After any order all is free again, and what left or arrived is the ledger's trades and fees."""
    bench = Bench(venue)
    before = {asset: balance.total for asset, balance in bench.account.balances().items()}
    tif = TimeInForce.IOC if end == "expired" else TimeInForce.GTC
    price = "100" if side is Side.BUY else "99"
    order = bench.submit(side, "0.7" if end == "filled" else "1.5", price, time_in_force=tif)
    if end == "cancelled":
        assert held(bench)
        bench.engine.cancel(order, T0)
    sign = 1 if side is Side.BUY else -1
    for trade in bench.ledger.trades:
        before["BTC"] += sign * trade.quantity
        before[bench.market.quote] -= sign * trade.quantity * trade.price
        before[trade.fee_asset] -= trade.fee
    assert {asset: balance.free for asset, balance in bench.account.balances().items()} == before
    assert held(bench) == {}
    assert bench.ledger.trades
    assert bench.ledger.orders[0].status == end


def test_refusals_change_nothing() -> None:
    """An order without funds, a post-only order that would take and a repeated open id leave no trace."""
    bench = Bench(free={"USDT": "150"})
    bench.submit(Side.BUY, "0.5", "99", client_id="a")
    cases = [
        (Reason.FUNDS, {"quantity": "1.5", "price": "100"}),
        (Reason.WOULD_TAKE, {"quantity": "0.1", "price": "100", "post_only": True}),
        (Reason.DUPLICATE, {"quantity": "0.1", "price": "98", "client_id": "a"}),
    ]
    for reason, fields in cases:
        with pytest.raises(EngineRefusal) as refused:
            bench.submit(Side.BUY, **fields)  # type: ignore[arg-type]
        assert refused.value.reason is reason
    assert len(bench.ledger.orders) == 1
    assert held(bench) == {"USDT": Decimal("49.5")}


def test_an_order_is_invisible_until_its_time() -> None:
    """Look-ups and lists see an order only from its visible time on; the ledger sees it at once."""
    bench = Bench()
    new = NewOrder(bench.market, Side.BUY, Decimal("0.5"), Decimal(100), client_id="a")
    bench.engine.submit(new, T0, T0 + 1.5)
    engine = bench.engine
    for at, seen in ((T0 + 1.4, 0), (T0 + 1.5, 1)):
        assert len(engine.closed_orders(at)) == len(engine.trades(at)) == seen
        assert (engine.find(at, client_id="a") is not None) == bool(seen)
    assert bench.ledger.filled("a") == Decimal("0.5")


def test_the_written_books_are_what_the_tests_count_on() -> None:
    """The tests above read their prices off these two sides."""
    assert (ASKS[0], BIDS[0]) == (("100.0", "1"), ("99.0", "1"))


def test_a_long_silence_is_jumped_over() -> None:
    """After hours without a look the engine catches up over a bounded number of books and ends at the present one."""
    bench = Bench()
    for i in range(CATCH_UP_FRAMES_MAX + 10):
        bench.books.write(T0 + 1 + i)
    end = T0 + CATCH_UP_FRAMES_MAX + 100
    bench.books.write(end, asks=(("99.2", "5"),))
    bench.books.write(end + 10)
    order = bench.submit(Side.BUY, "1", "99.5")
    bench.engine.advance(end + 1)
    assert (order.status, order.updated) == (Status.FILLED, end)


def test_a_full_ledger_stops_the_venue(monkeypatch: pytest.MonkeyPatch) -> None:
    """The truth is complete or there is none."""
    monkeypatch.setattr(ledger, "ENTRIES_MAX", 1)
    bench = Bench()
    bench.submit(Side.BUY, "0.1", "90")
    with pytest.raises(ledger.LedgerFull):
        bench.submit(Side.BUY, "0.1", "90")
