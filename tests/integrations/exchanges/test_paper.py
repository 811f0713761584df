"""Paper: fills against a real exchange's books, exact to the digit, and nothing but public questions leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.approval import Approved
from backend.domain.books import Book, Level
from backend.domain.errors import ConfigurationError, InvalidOrder, VenueCallFailed
from backend.domain.health import HealthReading
from backend.domain.instruments import Instrument
from backend.domain.orders import Balance, Credentials, Intent, OrderRef, OrderStatus, Side, TimeInForce, VenueOrder
from backend.domain.outcomes import Accepted, CancelState, Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import RejectReason, UnknownReason
from backend.domain.rules import VenueRules
from backend.integrations.exchanges.factory import rules_of
from backend.integrations.exchanges.paper import PaperExchangeAdapter, account
from tests.fakes.transport import answer
from tests.integrations.exchanges.support import CountedIds, SteadyClock, make_bench

D = Decimal
SYMBOL = "BTC/USDT"
LISTED = Instrument(
    venue="binance",
    symbol=SYMBOL,
    native_id="BTCUSDT",
    base="BTC",
    quote="USDT",
    price_tick=D("0.1"),
    quantity_step=D("0.001"),
    min_quantity=D("0.002"),
    max_quantity=D(50),
    min_notional=D(5),
    taker_fee=D("0.001"),
    maker_fee=D("0.0005"),
)
ASKS = (("100", "1"), ("101", "2"), ("103", "5"))
BIDS = (("99", "1"), ("98", "2"))


def levels(pairs: tuple[tuple[str, str], ...]) -> tuple[Level, ...]:
    return tuple(Level(D(price), D(quantity)) for price, quantity in pairs)


@dataclass
class Books:
    """A real exchange's public side with a book that a test can change or take away."""

    venue: str = "binance"
    asks: tuple[tuple[str, str], ...] = ASKS
    bids: tuple[tuple[str, str], ...] = BIDS
    silent: bool = False
    clock: SteadyClock = field(default_factory=SteadyClock)
    slow_s: float = 0.0
    listed: Instrument = LISTED
    closed: bool = False

    @property
    def rules(self) -> VenueRules:
        return rules_of(self.venue)

    async def health(self) -> HealthReading:
        return HealthReading(0.1, self.clock.now())

    async def warm(self) -> None:
        """Nothing to load."""

    async def instruments(self) -> Mapping[str, Instrument]:
        return {SYMBOL: self.listed}

    async def order_book(self, symbol: str, depth: int = 20) -> Book:
        if self.silent:
            raise VenueCallFailed(self.venue, "order_book", "no answer")
        self.clock.at += self.slow_s
        return Book(self.venue, symbol, levels(self.bids)[:depth], levels(self.asks)[:depth], self.clock.now())

    async def close(self) -> None:
        self.closed = True


class Paper:
    """A warm paper exchange with 1000 USDT and 3 BTC, and how to order there."""

    def __init__(self, books: Books | None = None, **balances: str) -> None:
        self.books = books or Books()
        amounts = {asset: D(amount) for asset, amount in (balances or {"USDT": "1000", "BTC": "3"}).items()}
        self.adapter = PaperExchangeAdapter(
            source=self.books, balances=amounts, clock=self.books.clock, ids=CountedIds()
        )
        self.count = 0

    async def order(self, quantity: str, price: str, side: Side = Side.BUY, **changes: object) -> Outcome:
        await self.adapter.warm()
        self.count += 1
        now = self.books.clock.now()
        order = VenueOrder(
            venue="paper",
            attempt_id=f"order-{self.count}/1",
            client_id=f"{self.count:032x}",
            symbol=SYMBOL,
            side=side,
            quantity=D(quantity),
            price=D(price),
            time_in_force=TimeInForce.IOC,
            created_at=now,
            not_after=now + 5,
        )
        order = replace(order, **changes)  # type: ignore[arg-type]
        return await self.adapter._place(Approved(order, order.notional))

    async def rest(self, quantity: str, price: str, side: Side = Side.BUY) -> OrderRef:
        """Places an order that may rest; how to name it."""
        outcome = await self.order(quantity, price, side, time_in_force=TimeInForce.GTC)
        assert isinstance(outcome, Accepted)
        return OrderRef(SYMBOL, outcome.venue_order_id)

    async def owned(self) -> dict[str, tuple[Decimal, Decimal]]:
        return {b.asset: (b.free, b.held) for b in (await self.adapter.balances()).values()}


async def test_an_order_walks_the_book_within_its_price() -> None:
    """Level by level at each level's price; what lies beyond the price is not taken and the rest is cancelled."""
    paper = Paper()
    outcome = await paper.order("4", "101")
    assert isinstance(outcome, Accepted)
    report = outcome.report
    assert report is not None
    assert [(f.quantity, f.price, f.fee, f.fee_asset) for f in report.fills] == [
        (D(1), D(100), D("0.1"), "USDT"),
        (D(2), D(101), D("0.202"), "USDT"),
    ]
    assert (report.status, report.filled, report.quantity) == (OrderStatus.CANCELED, D(3), D(4))
    assert report.average == D(302) / 3
    assert {fill.venue for fill in report.fills} == {"paper"}
    assert await paper.owned() == {"USDT": (D("697.698"), D(0)), "BTC": (D(6), D(0))}


async def test_a_sell_takes_the_bids() -> None:
    """The other side of the book, downwards, and the fee comes off the proceeds."""
    paper = Paper()
    outcome = await paper.order("1.5", "98", Side.SELL)
    assert isinstance(outcome, Accepted)
    assert outcome.report is not None
    assert outcome.report.status is OrderStatus.FILLED
    assert await paper.owned() == {"USDT": (D(1000) + D(148) - D("0.148"), D(0)), "BTC": (D("1.5"), D(0))}


async def test_nothing_within_the_price_is_an_order_without_a_fill() -> None:
    """Accepted and cancelled, as an immediate-or-cancel order is at a real exchange."""
    outcome = await Paper().order("1", "99.9")
    assert isinstance(outcome, Accepted)
    assert outcome.report is not None
    assert (outcome.report.status, outcome.report.filled, outcome.report.fills) == (OrderStatus.CANCELED, D(0), ())


async def test_only_whole_steps_are_taken() -> None:
    """A level that is no multiple of the step is taken up to the last whole one."""
    outcome = await Paper(Books(asks=(("100", "0.0129"),))).order("0.05", "100")
    assert isinstance(outcome, Accepted)
    assert outcome.report is not None
    assert outcome.report.filled == D("0.012")


@pytest.mark.parametrize(
    ("quantity", "price", "side", "reason"),
    [
        ("0.001", "100", Side.BUY, RejectReason.UNDER_MINIMUM),
        ("0.04", "100", Side.BUY, RejectReason.UNDER_MINIMUM),
        ("51", "1", Side.BUY, RejectReason.INVALID_REQUEST),
        ("1.0005", "100", Side.BUY, RejectReason.INVALID_REQUEST),
        ("1", "100.05", Side.BUY, RejectReason.INVALID_REQUEST),
        ("10", "100", Side.BUY, RejectReason.INSUFFICIENT_FUNDS),
        ("3.001", "99", Side.SELL, RejectReason.INSUFFICIENT_FUNDS),
    ],
)
async def test_what_a_real_exchange_would_refuse(quantity: str, price: str, side: Side, reason: RejectReason) -> None:
    """Minimums, maximum, steps and the balance, fees included: 10 at 100 is 1001 with its fee."""
    paper = Paper()
    outcome = await paper.order(quantity, price, side)
    assert isinstance(outcome, ProvenNotExecuted)
    assert (outcome.reason, outcome.evidence.headers_written) == (reason, False)
    assert await paper.owned() == {"USDT": (D(1000), D(0)), "BTC": (D(3), D(0))}


async def test_the_last_cent_can_be_spent() -> None:
    """Exactly the price and its fee is enough."""
    paper = Paper(USDT="100.1")
    assert isinstance(await paper.order("1", "100"), Accepted)
    assert (await paper.owned())["USDT"] == (D(0), D(0))


async def test_a_level_that_was_taken_is_gone() -> None:
    """The real book does not know of our fills: what was taken is not there twice, until the level itself is gone."""
    paper = Paper(USDT="100000")
    for expected in ("1", "0"):
        outcome = await paper.order("1.5", "100")
        assert isinstance(outcome, Accepted)
        assert outcome.report is not None
        assert outcome.report.filled == D(expected)
    paper.books.asks = (("101", "1"),)
    await paper.order("0.5", "101")
    paper.books.asks = ASKS
    outcome = await paper.order("1.5", "100")
    assert isinstance(outcome, Accepted)
    assert outcome.report is not None
    assert outcome.report.filled == D(1)


async def test_a_resting_order_locks_what_it_needs_and_fills_later() -> None:
    """Evaluated when it is looked at: at its own price, for the maker's fee, as far as the book of then goes."""
    paper = Paper()
    ref = await paper.rest("2", "98")
    assert (await paper.owned())["USDT"] == (D(1000) - D("196.196"), D("196.196"))
    report = await paper.adapter.get_order(ref)
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.OPEN, D(0))
    paper.books.asks = (("97.5", "0.5"),)
    (report,) = await paper.adapter.open_orders(SYMBOL)
    assert [(f.quantity, f.price, f.fee) for f in report.fills] == [(D("0.5"), D(98), D("0.0245"))]
    paper.books.asks = (("97", "9"),)
    report = await paper.adapter.get_order(ref)
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.FILLED, D(2))
    assert await paper.adapter.open_orders(SYMBOL) == ()
    assert await paper.owned() == {"USDT": (D(1000) - D("196.098"), D(0)), "BTC": (D(5), D(0))}


async def test_an_order_that_takes_a_part_rests_with_the_remainder() -> None:
    """The taken part pays the taker's fee, and only the rest is locked."""
    paper = Paper()
    ref = await paper.rest("3", "100")
    report = await paper.adapter.get_order(ref)
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.OPEN, D(1))
    assert (await paper.owned())["USDT"] == (D("899.9") - D("200.2"), D("200.2"))
    cancelled = await paper.adapter.cancel_order(ref)
    assert (cancelled.done, cancelled.filled) == (True, "1")
    assert (await paper.owned())["USDT"] == (D("899.9"), D(0))
    assert (await paper.adapter.cancel_order(ref)).state is CancelState.ENDED
    unknown = await paper.adapter.cancel_order(OrderRef(SYMBOL, "nobody's"))
    assert unknown.state is CancelState.NO_SUCH_ORDER


async def test_a_resting_order_is_told_as_it_is_while_the_books_are_silent() -> None:
    """Its state is ours: it needs no answer from anybody."""
    paper = Paper()
    ref = await paper.rest("1", "98")
    paper.books.silent = True
    report = await paper.adapter.get_order(ref)
    assert report is not None
    assert report.status is OrderStatus.OPEN


async def test_an_order_is_found_by_either_id() -> None:
    """By ours too, and not under another market's name."""
    paper = Paper()
    ref = await paper.rest("1", "98")
    named = await paper.adapter.get_order(OrderRef(SYMBOL, None, f"{1:032x}"))
    assert named is not None
    assert named.venue_order_id == ref.venue_order_id
    assert await paper.adapter.get_order(OrderRef(SYMBOL, None, "f" * 32)) is None
    assert await paper.adapter.get_order(OrderRef(SYMBOL)) is None


async def test_a_client_id_is_used_once() -> None:
    """A second order of an id is refused as what it is: one of that id exists. Nothing executes again."""
    paper = Paper()
    await paper.order("1", "100", client_id="a" * 32)
    outcome = await paper.order("1", "101", client_id="a" * 32)
    assert isinstance(outcome, Unknown)
    assert outcome.reason is UnknownReason.DUPLICATE_ID
    assert (await paper.owned())["BTC"] == (D(4), D(0))


async def test_no_book_is_no_order() -> None:
    """Without a book there is nothing to fill against; the order provably did nothing."""
    paper = Paper(Books(silent=True))
    outcome = await paper.order("1", "100")
    assert isinstance(outcome, ProvenNotExecuted)
    assert outcome.reason is RejectReason.NOT_SENT


async def test_a_book_that_comes_after_the_deadline_fills_nothing() -> None:
    """The deadline counts at the last moment, as everywhere."""
    paper = Paper(Books(slow_s=6.0))
    outcome = await paper.order("1", "100")
    assert isinstance(outcome, ProvenNotExecuted)
    assert "deadline" in outcome.evidence.message


async def test_a_cold_adapter_and_an_unknown_market() -> None:
    """No order before the markets are there; a wrong symbol names the field."""
    paper = Paper()
    order = VenueOrder("paper", "a/1", "b" * 32, SYMBOL, Side.BUY, D(1), D(100), TimeInForce.IOC, 0.0, 2e9)
    assert isinstance(await paper.adapter._place(Approved(order, D(100))), ProvenNotExecuted)
    for call in (
        paper.adapter.get_order(OrderRef("ABC/XYZ", "1")),
        paper.adapter.open_orders("ABC/XYZ"),
        paper.adapter.my_trades("ABC/XYZ"),
        paper.adapter.cancel_order(OrderRef("ABC/XYZ", "1")),
    ):
        with pytest.raises(InvalidOrder):
            await call


async def test_trades_by_order_and_since() -> None:
    """Every fill once; a time counts only without an order id."""
    paper = Paper()
    first = await paper.order("1", "100")
    paper.books.clock.at += 10
    await paper.order("1", "101")
    assert isinstance(first, Accepted)
    trades = await paper.adapter.my_trades(SYMBOL)
    assert len({fill.trade_id for fill in trades}) == len(trades) == 2
    assert [f.price for f in await paper.adapter.my_trades(SYMBOL, since=paper.books.clock.at)] == [D(101)]
    own = await paper.adapter.my_trades(SYMBOL, venue_order_id=first.venue_order_id, since=paper.books.clock.at)
    assert [fill.price for fill in own] == [D(100)]


async def test_open_and_remembered_orders_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many open orders are refused; of the ended ones the oldest are forgotten, with their ids."""
    monkeypatch.setattr(account, "OPEN_ORDERS_MAX", 2)
    monkeypatch.setattr(account, "ENDED_ORDERS_MAX", 2)
    paper = Paper()
    refs = [await paper.rest("0.1", "90") for _ in range(2)]
    refused = await paper.order("0.1", "90", time_in_force=TimeInForce.GTC)
    assert isinstance(refused, ProvenNotExecuted)
    assert refused.reason is RejectReason.ORDER_LIMIT
    for ref in refs:
        await paper.adapter.cancel_order(ref)
    await paper.order("0.1", "90", client_id="a" * 32)
    assert await paper.adapter.get_order(refs[0]) is None
    assert await paper.adapter.get_order(refs[1]) is not None
    assert await paper.adapter.get_order(OrderRef(SYMBOL, None, "a" * 32)) is not None


async def test_a_restart_changes_no_balance() -> None:
    """The fills of an earlier process are booked again; its open orders and what they locked are gone."""
    paper = Paper()
    await paper.order("2.5", "101")
    await paper.order("1", "98", Side.SELL)
    before = await paper.owned()
    fills = await paper.adapter.my_trades(SYMBOL)
    again = Paper()
    again.adapter.restore(fills)
    again.adapter.restore(fills)
    assert await again.owned() == before


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Side)),
            st.decimals("0.002", "3", places=3),
            st.decimals("90", "110", places=1),
            st.sampled_from(list(TimeInForce)),
        ),
        max_size=8,
    )
)
async def test_nothing_is_made_or_lost(orders: list[tuple[Side, Decimal, Decimal, TimeInForce]]) -> None:
    """Whatever is ordered: what is owned is the start, the fills and their fees, exactly, and never below zero."""
    paper = Paper()
    for side, quantity, price, force in orders:
        await paper.order(str(quantity), str(price), side, time_in_force=force)
    await paper.adapter.open_orders(SYMBOL)
    base, quote = D(3), D(1000)
    for fill in await paper.adapter.my_trades(SYMBOL):
        sign = 1 if fill.side is Side.BUY else -1
        base += sign * fill.quantity
        quote -= sign * fill.quantity * fill.price + fill.fee
    owned = await paper.owned()
    assert (sum(owned["BTC"]), sum(owned["USDT"])) == (base, quote)
    assert min(amount for both in owned.values() for amount in both) >= 0


async def test_the_rest_is_the_real_exchange_under_the_papers_name() -> None:
    """Health, markets and books pass through; times in force are the exchange's own, the account needs no key."""
    paper = Paper()
    adapter = paper.adapter
    assert (adapter.venue, adapter.source, (await adapter.health()).latency_s) == ("paper", "binance", 0.1)
    assert {one.venue for one in (await adapter.instruments()).values()} == {"paper"}
    book = await adapter.order_book(SYMBOL, 1)
    assert (book.venue, len(book.asks)) == ("paper", 1)
    assert (adapter.rules.venue, adapter.rules.credential_fields) == ("paper", ())
    assert adapter.rules.time_in_force == rules_of("binance").time_in_force
    firi = PaperExchangeAdapter(source=Books(venue="firi"), balances={}, clock=SteadyClock(), ids=CountedIds())
    assert firi.rules.time_in_force.value == {TimeInForce.GTC}
    assert firi.rules.has_client_id
    assert not firi.rules.one_unanswered_place_per_market
    assert "binance" in repr(adapter)
    await adapter.close()
    assert paper.books.closed


async def test_place_order_needs_a_router() -> None:
    """Without one nothing would journal the order."""
    with pytest.raises(ConfigurationError, match="without a router"):
        await Paper().adapter.place_order(Intent.create(id="a", symbol=SYMBOL, side="buy", quantity="1"))


async def test_only_public_questions_leave() -> None:
    """Over a real adapter, with every act of an account: GETs without a key, and nothing that changes anything."""
    bench = make_bench("binance", credentials=Credentials())
    depth = {"bids": [["99", "1"]], "asks": [["100", "1"]]}
    bench.transport.standing["/api/v3/depth"] = answer(depth)
    adapter = PaperExchangeAdapter(
        source=bench.adapter, balances={"USDT": D(10_000)}, clock=bench.clock, ids=CountedIds()
    )
    await adapter.warm()
    for force in TimeInForce:
        order = replace(bench.order, client_id=f"{force}", time_in_force=force, price=D(100), quantity=D("0.5"))
        assert isinstance(await adapter._place(Approved(order, order.notional)), Accepted)
    (left,) = await adapter.open_orders(SYMBOL) or (None,)
    assert left is None
    await adapter.my_trades(SYMBOL)
    await adapter.cancel_order(OrderRef(SYMBOL, "1"))
    assert await adapter.balances() == {"USDT": Balance("USDT", D("9899.9")), "BTC": Balance("BTC", D(1))}
    assert {(r.method, urlsplit(r.url).path, r.body) for r in bench.transport.requests} == {
        ("GET", "/api/v3/exchangeInfo", None),
        ("GET", "/api/v3/depth", None),
    }
    assert not [r for r in bench.transport.requests if "X-MBX-APIKEY" in r.headers or "signature" in r.url]
