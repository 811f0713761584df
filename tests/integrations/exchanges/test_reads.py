"""Reads: books, balances, orders, trades and cancels as the venues document them, exact to the digit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from backend.domain.books import Level
from backend.domain.errors import InvalidOrder, MissingCredentials, VenueCallFailed
from backend.domain.orders import Balance, Credentials, OrderRef, OrderStatus, Side
from backend.ports.transport import HttpAnswer, TransportFault
from tests.fakes.transport import Reply, answer, failure
from tests.integrations.exchanges.support import CLIENT_ID, SYMBOLS, warm_bench

D = Decimal
VENUES = ("binance", "kraken", "firi")
HTML = "<html>maintenance</html>"

BINANCE_ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "clientOrderId": CLIENT_ID,
    "price": "50000.00",
    "origQty": "0.00200000",
    "executedQty": "0.00050000",
    "cummulativeQuoteQty": "24.99",
    "status": "EXPIRED",
    "timeInForce": "IOC",
    "type": "LIMIT",
    "side": "SELL",
    "time": 1700000000123,
}
KRAKEN_ORDER = {
    "refid": None,
    "userref": None,
    "cl_ord_id": CLIENT_ID,
    "status": "canceled",
    "opentm": 1700000000.1234,
    "descr": {"pair": "XBTUSD", "type": "sell", "ordertype": "limit", "price": "50000.0"},
    "vol": "0.00200000",
    "vol_exec": "0.00050000",
    "price": "49980.0",
}
FIRI_ORDER = {
    "id": 12345678,
    "market": "BTCNOK",
    "type": "ask",
    "price": "500000.00",
    "amount": "0.002",
    "remaining": "0",
    "matched": "0.0005",
    "cancelled": "0.0015",
    "created_at": "2023-11-14T22:13:20.123Z",
}


def kraken(result: object) -> Reply:
    return answer({"error": [], "result": result})


BOOK_SIDES = {
    "bids": [["49990.10", "0.3", 1700000000], ["49991.5", "1", 1700000000]],
    "asks": [["50001.0", "0.25", 1], ["50000.00000001", "2", 1]],
}
BOOKS = {
    "binance": answer({"lastUpdateId": 7, **BOOK_SIDES}),
    "kraken": kraken({"XXBTZUSD": BOOK_SIDES}),
    "firi": answer(BOOK_SIDES),
}


@pytest.mark.parametrize("venue", VENUES)
async def test_a_book_is_exact_and_best_first(venue: str) -> None:
    """Decimal levels in trading order, whatever order they came in, stamped with our own clock."""
    bench = await warm_bench(venue, BOOKS[venue])
    book = await bench.adapter.order_book(SYMBOLS[venue], 5)
    assert (book.venue, book.symbol, book.at) == (venue, SYMBOLS[venue], bench.clock.at)
    assert book.bids == (Level(D("49991.5"), D(1)), Level(D("49990.10"), D("0.3")))
    assert book.asks == (Level(D("50000.00000001"), D(2)), Level(D("50001.0"), D("0.25")))


BAD_BOOKS = (
    "{}",
    "[]",
    "",
    HTML,
    '{"bids":[],"asks":null}',
    '{"bids":[["a","1"]],"asks":[]}',
    '{"bids":[[1]],"asks":[]}',
)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("body", [*BAD_BOOKS, '{"error":[],"result":{}}', '{"bids":[["NaN","1"]],"asks":[]}'])
async def test_a_strange_answer_is_no_book(venue: str, body: str) -> None:
    """Nothing that is not a book is read as an empty one."""
    bench = await warm_bench(venue, answer(body))
    with pytest.raises(VenueCallFailed) as caught:
        await bench.adapter.order_book(SYMBOLS[venue])
    assert (caught.value.venue, caught.value.operation, caught.value.not_sent) == (venue, "order_book", False)


@pytest.mark.parametrize("venue", VENUES)
async def test_an_error_status_is_no_book_whatever_it_carries(venue: str) -> None:
    """A stale page of a proxy may look like a book."""
    book = BOOKS[venue]
    assert isinstance(book, HttpAnswer)
    bench = await warm_bench(venue, replace(book, status=502))
    with pytest.raises(VenueCallFailed, match="HTTP 502"):
        await bench.adapter.order_book(SYMBOLS[venue])


async def test_an_error_beside_a_result_is_no_answer() -> None:
    """An envelope that says both is not read as either; a warning beside a result is fine."""
    both = {"error": ["EService:Busy"], "result": {"XXBTZUSD": BOOK_SIDES}}
    bench = await warm_bench("kraken", answer(both), answer({**both, "error": ["WGeneral:Danger"]}))
    with pytest.raises(VenueCallFailed, match="EService:Busy"):
        await bench.adapter.order_book("BTC/USD")
    assert (await bench.adapter.order_book("BTC/USD")).bids


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("written", [True, False])
async def test_a_read_says_whether_a_byte_left(venue: str, written: bool) -> None:
    """A refused connection and a lost answer are told apart, and neither is tried twice."""
    bench = await warm_bench(venue, failure(TransportFault.REFUSED, headers_written=written))
    with pytest.raises(VenueCallFailed) as caught:
        await bench.adapter.balances()
    assert caught.value.not_sent is not written
    assert len(bench.sent) == 1


@pytest.mark.parametrize("venue", VENUES)
async def test_an_unknown_market_names_the_field(venue: str) -> None:
    """A wrong symbol is the caller's mistake, found before anything is sent."""
    bench = await warm_bench(venue)
    for call in (
        bench.adapter.order_book("ABC/XYZ"),
        bench.adapter.open_orders("ABC/XYZ"),
        bench.adapter.my_trades("ABC/XYZ", venue_order_id="1"),
        bench.adapter.get_order(OrderRef("ABC/XYZ", "1")),
    ):
        with pytest.raises(InvalidOrder) as caught:
            await call
        assert caught.value.field == "symbol"
    assert bench.sent == []


@pytest.mark.parametrize("venue", VENUES)
async def test_private_reads_without_keys_send_nothing(venue: str) -> None:
    """The message names the settings to fill."""
    bench = await warm_bench(venue, credentials=Credentials())
    for call in (
        bench.adapter.balances(),
        bench.adapter.get_order(OrderRef(SYMBOLS[venue], "1")),
        bench.adapter.cancel_order(OrderRef(SYMBOLS[venue], "1")),
        bench.adapter.my_trades(SYMBOLS[venue], venue_order_id="1"),
    ):
        with pytest.raises(MissingCredentials, match="api_key"):
            await call
    assert bench.sent == []


@pytest.mark.parametrize(
    ("venue", "reply"),
    [
        ("binance", answer({"balances": [{"asset": "BTC", "free": "1.00000001", "locked": "0.50000000"}]})),
        ("kraken", kraken({"XXBT": {"balance": "1.50000001", "hold_trade": "0.50000000"}})),
        ("firi", answer([{"currency": "BTC", "balance": "1.5", "hold": "0.5", "available": "1.00000001"}])),
    ],
)
async def test_balances_are_exact(venue: str, reply: Reply) -> None:
    """What is held in orders is not free."""
    bench = await warm_bench(venue, reply)
    assert await bench.adapter.balances() == {"BTC": Balance("BTC", D("1.00000001"), D("0.5"))}


async def test_kraken_assets_get_their_common_names() -> None:
    """ZUSD is USD, XXBT is BTC; what is staked or unknown keeps a name of its own."""
    entry = {"balance": "1", "hold_trade": "0"}
    names = ("ZUSD", "XXBT", "XBT.F", "USD.M", "NEWCOIN")
    bench = await warm_bench("kraken", kraken(dict.fromkeys(names, entry)))
    assert set(await bench.adapter.balances()) == {"USD", "BTC", "XBT.F", "USD.M", "NEWCOIN"}


@pytest.mark.parametrize(
    ("venue", "reply", "average"),
    [
        ("binance", answer(BINANCE_ORDER), D(49980)),
        ("kraken", kraken({"28": KRAKEN_ORDER}), D(49980)),
        ("firi", answer([FIRI_ORDER]), None),
    ],
)
async def test_an_order_by_its_venue_id(venue: str, reply: Reply, average: Decimal | None) -> None:
    """Side, quantities, state and times of a partly filled order that has ended."""
    number = "12345678" if venue == "firi" else "28"
    bench = await warm_bench(venue, reply)
    report = await bench.adapter.get_order(OrderRef(SYMBOLS[venue], number))
    assert report is not None
    assert (report.venue, report.symbol, report.venue_order_id) == (venue, SYMBOLS[venue], number)
    assert (report.side, report.quantity, report.filled) == (Side.SELL, D("0.002"), D("0.0005"))
    assert report.status is (OrderStatus.EXPIRED if venue == "binance" else OrderStatus.CANCELED)
    assert report.average == average
    assert report.client_id == (None if venue == "firi" else CLIENT_ID)
    assert report.created_at == pytest.approx(1700000000.123, abs=0.001)


NOT_FOUND = {
    "binance": answer({"code": -2013, "msg": "Order does not exist."}, 400),
    "kraken": answer({"error": ["EOrder:Unknown order"]}),
    "firi": answer([]),
}


@pytest.mark.parametrize("venue", VENUES)
async def test_a_definite_not_found_is_none(venue: str) -> None:
    """The venue answered that it knows no such order."""
    bench = await warm_bench(venue, NOT_FOUND[venue])
    assert await bench.adapter.get_order(OrderRef(SYMBOLS[venue], "99")) is None


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    "reply",
    [
        answer("", 200),
        answer(HTML, 200),
        answer("{}"),
        answer("null"),
        answer(HTML, 404),
        answer(HTML, 502),
        answer("", 429),
        answer({"code": -2026, "msg": "Order was archived."}, 400),
        answer({"code": -1003, "msg": "Too many requests queued."}, 429),
        answer({"error": ["EAPI:Rate limit exceeded"]}),
        answer({"error": ["EService:Unavailable"]}),
        answer({"error": [], "result": {}}),
        answer({"error": [], "result": {"open": {}}}),
        answer({"name": "ApiKeyNotFound", "message": ""}, 401),
        answer([{**FIRI_ORDER, "id": 5}]),
        failure(TransportFault.TIMEOUT, headers_written=True),
    ],
)
async def test_anything_else_is_not_a_not_found(venue: str, reply: Reply) -> None:
    """Only the venue's own words say that an order is not there; silence and noise never do."""
    bench = await warm_bench(venue, reply)
    with pytest.raises(VenueCallFailed):
        await bench.adapter.get_order(OrderRef(SYMBOLS[venue], "99"))
    assert len(bench.sent) == 1


async def test_binance_finds_an_order_by_our_id() -> None:
    """origClientOrderId, and the venue's id is not sent beside it."""
    bench = await warm_bench("binance", answer(BINANCE_ORDER))
    report = await bench.adapter.get_order(OrderRef("BTC/USDT", None, CLIENT_ID))
    assert report is not None
    query = dict(parse_qsl(urlsplit(bench.sent[0].url).query))
    assert (query["origClientOrderId"], query["symbol"], "orderId" in query) == (CLIENT_ID, "BTCUSDT", False)


async def test_kraken_finds_an_order_by_our_id_in_both_lists() -> None:
    """Open orders first, then closed ones: an order that ends in between is still seen. Other ids do not count."""
    other = {**KRAKEN_ORDER, "cl_ord_id": "f" * 32}
    bench = await warm_bench(
        "kraken", kraken({"open": {"O-OTHER": other}}), kraken({"closed": {"O-1": KRAKEN_ORDER}, "count": 1})
    )
    report = await bench.adapter.get_order(OrderRef("BTC/USD", None, CLIENT_ID))
    assert report is not None
    assert report.venue_order_id == "O-1"
    assert [(r.url.rsplit("/", 1)[1], dict(parse_qsl((r.body or b"").decode()))["cl_ord_id"]) for r in bench.sent] == [
        ("OpenOrders", CLIENT_ID),
        ("ClosedOrders", CLIENT_ID),
    ]


async def test_kraken_knows_no_order_only_after_both_lists() -> None:
    """An answer from one list alone is no not-found."""
    ref = OrderRef("BTC/USD", None, CLIENT_ID)
    bench = await warm_bench("kraken", kraken({"open": {}}), kraken({"closed": {}, "count": 0}))
    assert await bench.adapter.get_order(ref) is None
    bench = await warm_bench("kraken", kraken({"open": {}}), answer(HTML, 520))
    with pytest.raises(VenueCallFailed):
        await bench.adapter.get_order(ref)


async def test_firi_has_no_client_ids() -> None:
    """A look-up by our id is refused here, and an id never becomes another path."""
    bench = await warm_bench("firi")
    for ref in (OrderRef("BTC/NOK", None, CLIENT_ID), OrderRef("BTC/NOK", "BTCNOK"), OrderRef("BTC/NOK", "../1")):
        for call in (bench.adapter.get_order(ref), bench.adapter.cancel_order(ref)):
            with pytest.raises(VenueCallFailed, match="no client ids"):
                await call
    assert bench.sent == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"remaining": "0.002", "matched": "0", "cancelled": "0"}, OrderStatus.OPEN),
        ({"remaining": "0.001", "matched": "0.001", "cancelled": "0"}, OrderStatus.OPEN),
        ({"remaining": "0", "matched": "0.002", "cancelled": "0"}, OrderStatus.FILLED),
        ({"remaining": "0", "matched": "0.002", "cancelled": None}, OrderStatus.FILLED),
        ({"remaining": "0.001", "matched": "0.001", "cancelled": "0.001"}, OrderStatus.CANCELED),
    ],
)
async def test_firi_states(change: dict[str, object], status: OrderStatus) -> None:
    """There is no state field: it follows from the amounts."""
    bench = await warm_bench("firi", answer([{**FIRI_ORDER, **change}]))
    report = await bench.adapter.get_order(OrderRef("BTC/NOK", "12345678"))
    assert report is not None
    assert report.status is status


async def test_firi_amounts_that_do_not_add_up_are_no_state() -> None:
    """Nothing remains, nothing is cancelled, and not all is matched: no state may be read into that."""
    bench = await warm_bench("firi", answer([{**FIRI_ORDER, "cancelled": "0", "matched": "0.0001"}]))
    with pytest.raises(VenueCallFailed, match="nothing remains"):
        await bench.adapter.get_order(OrderRef("BTC/NOK", "12345678"))


@pytest.mark.parametrize(
    ("venue", "reply"),
    [
        ("binance", answer([BINANCE_ORDER])),
        ("kraken", kraken({"open": {"O-1": KRAKEN_ORDER}})),
        ("firi", answer([FIRI_ORDER])),
    ],
)
async def test_open_orders_of_one_market(venue: str, reply: Reply) -> None:
    """Each entry is a full report."""
    bench = await warm_bench(venue, reply)
    assert [report.quantity for report in await bench.adapter.open_orders(SYMBOLS[venue])] == [D("0.002")]


async def test_binance_trades_of_one_order() -> None:
    """The venue filters by order id; each trade keeps its own id, fee and time."""
    trade = {
        "symbol": "BTCUSDT",
        "id": 28457,
        "orderId": 28,
        "price": "49980.00000000",
        "qty": "0.00050000",
        "commission": "0.02499000",
        "commissionAsset": "USDT",
        "time": 1700000000456,
        "isBuyer": False,
        "isMaker": False,
    }
    bench = await warm_bench("binance", answer([trade, {**trade, "orderId": 29}]))
    fills = await bench.adapter.my_trades("BTC/USDT", venue_order_id="28", since=1.0)
    assert [(f.trade_id, f.side, f.quantity, f.price, f.fee, f.fee_asset, f.at) for f in fills] == [
        ("28457", Side.SELL, D("0.0005"), D(49980), D("0.02499"), "USDT", 1700000000.456)
    ]
    query = dict(parse_qsl(urlsplit(bench.sent[0].url).query))
    assert (query["orderId"], "startTime" in query) == ("28", False)


async def test_binance_trades_since_a_time() -> None:
    """Without an order id the time bounds the search; a trade without a time of its own is no trade."""
    bench = await warm_bench("binance", answer([]), answer([{"time": "soon"}]))
    assert await bench.adapter.my_trades("BTC/USDT", since=1700000000.5) == ()
    assert dict(parse_qsl(urlsplit(bench.sent[0].url).query))["startTime"] == "1700000000500"
    with pytest.raises(VenueCallFailed):
        await bench.adapter.my_trades("BTC/USDT")


async def test_firi_lists_no_trades_without_an_order() -> None:
    """There is no trade list, so there is nothing to ask for."""
    bench = await warm_bench("firi")
    with pytest.raises(VenueCallFailed, match="ask for one order"):
        await bench.adapter.my_trades("BTC/NOK")


@pytest.mark.parametrize(
    ("created", "read"), [("not a time", None), (None, None), ("2023-11-14T22:13:20Z", 1700000000.0)]
)
async def test_firi_times_are_optional(created: object, read: float | None) -> None:
    """The time of an order is only for people."""
    bench = await warm_bench("firi", answer({**FIRI_ORDER, "created_at": created}))
    report = await bench.adapter.get_order(OrderRef("BTC/NOK", "12345678"))
    assert report is not None
    assert report.created_at == read


@pytest.mark.parametrize("name", ["OrderNotFound"])
async def test_firi_says_not_found_by_name_too(name: str) -> None:
    """The name of the code base that this API descends from."""
    bench = await warm_bench("firi", answer({"name": name, "message": ""}, 404))
    assert await bench.adapter.get_order(OrderRef("BTC/NOK", "12345678")) is None


async def test_two_kraken_orders_of_one_client_id_are_not_guessed_at() -> None:
    """An id can be used again once its order ended; which of the two is ours cannot be told."""
    both = {"O-1": KRAKEN_ORDER, "O-2": KRAKEN_ORDER}
    bench = await warm_bench("kraken", kraken({"open": {}}), kraken({"closed": both, "count": 2}))
    with pytest.raises(VenueCallFailed, match="2 orders of one client id"):
        await bench.adapter.get_order(OrderRef("BTC/USD", None, CLIENT_ID))


@pytest.mark.parametrize(
    "change",
    [
        {"status": "new word"},
        {"side": "HOLD"},
        {"origQty": True},
        {"origQty": "x"},
        {"origQty": "Infinity"},
        {"orderId": None},
    ],
)
async def test_an_order_that_is_not_as_documented_is_no_report(change: dict[str, object]) -> None:
    """A word or number that nobody knows is not read as something near it."""
    bench = await warm_bench("binance", answer({**BINANCE_ORDER, **change}))
    with pytest.raises(VenueCallFailed, match="not as documented"):
        await bench.adapter.get_order(OrderRef("BTC/USDT", "28"))


def kraken_trade(order_id: str, volume: str) -> dict[str, object]:
    return {
        "ordertxid": order_id,
        "pair": "XXBTZUSD",
        "time": 1700000000.5678,
        "type": "sell",
        "ordertype": "limit",
        "price": "49980.0",
        "cost": "24.99",
        "fee": "0.09996",
        "vol": volume,
        "trade_id": 5,
        "maker": False,
    }


async def test_kraken_trades_of_one_order_over_pages() -> None:
    """The venue has no filter: pages are read until they come to its own count."""
    first = {f"T{i}": kraken_trade("O-1" if i == 3 else "O-OTHER", "0.0003") for i in range(50)}
    bench = await warm_bench(
        "kraken",
        kraken({"trades": first, "count": 51}),
        kraken({"trades": {"T50": kraken_trade("O-1", "0.0002")}, "count": 51}),
    )
    fills = await bench.adapter.my_trades("BTC/USD", venue_order_id="O-1", since=1700000000.0)
    assert [(f.trade_id, f.quantity, f.fee, f.fee_asset) for f in fills] == [
        ("T3", D("0.0003"), D("0.09996"), "USD"),
        ("T50", D("0.0002"), D("0.09996"), "USD"),
    ]
    forms = [dict(parse_qsl((r.body or b"").decode())) for r in bench.sent]
    assert [(f["start"], f["ofs"]) for f in forms] == [("1699999940", "0"), ("1699999940", "50")]


async def test_kraken_trades_that_are_incomplete_are_no_answer() -> None:
    """A page that brings nothing new, short of the count: a fill would be understated."""
    page = kraken({"trades": {"T1": kraken_trade("O-1", "0.0003")}, "count": 2})
    bench = await warm_bench("kraken", page, page)
    with pytest.raises(VenueCallFailed, match="1 trades readable of 2"):
        await bench.adapter.my_trades("BTC/USD", venue_order_id="O-1")


async def test_kraken_trade_pages_are_bounded() -> None:
    """An account with a long history cannot keep the adapter reading for ever."""
    bench = await warm_bench("kraken")
    bench.adapter._reads_pace._limiters.get().max_rate = 1000
    for i in range(25):
        bench.transport.then(kraken({"trades": {f"T{i}": kraken_trade("O-1", "1")}, "count": 1000}))
    with pytest.raises(VenueCallFailed, match="20 trades readable of 1000"):
        await bench.adapter.my_trades("BTC/USD")
    assert len(bench.sent) == 20


HISTORY = {
    "id": 12345678,
    "market": "BTCNOK",
    "price": "499000.00",
    "amount": "0.0003",
    "side": "ask",
    "isMaker": False,
    "date": "2023-11-14T22:13:21Z",
}


@pytest.mark.parametrize(
    ("history", "price"),
    [
        ([HISTORY, {**HISTORY, "amount": "0.0002", "price": "501500.00"}, {**HISTORY, "id": 9}], D(500000)),
        ([HISTORY], D(500000)),
        ([{**HISTORY, "amount": "0.0005"}], D(499000)),
        ([], D(500000)),
    ],
    ids=["average of the parts", "parts are missing: the limit", "one part", "no history: the limit"],
)
async def test_firi_gives_one_provisional_fill(history: list[object], price: Decimal) -> None:
    """There are no trade ids: one fill for the matched amount, at the history's average or at the worst price."""
    order = {**FIRI_ORDER, "price": "500000.00"}
    bench = await warm_bench("firi", answer([order]), answer(history))
    (fill,) = await bench.adapter.my_trades("BTC/NOK", venue_order_id="12345678")
    assert (fill.trade_id, fill.quantity, fill.price) == ("12345678:0.0005", D("0.0005"), price)
    assert [urlsplit(r.url).path for r in bench.sent] == ["/v2/order/12345678", "/v2/history/orders/BTCNOK"]


async def test_firi_without_a_match_has_no_fill() -> None:
    """Nothing matched, nothing to price."""
    order = {**FIRI_ORDER, "matched": "0", "cancelled": "0.002"}
    bench = await warm_bench("firi", answer([order]))
    assert await bench.adapter.my_trades("BTC/NOK", venue_order_id="12345678") == ()


CANCELLED = {
    "binance": (answer({**BINANCE_ORDER, "status": "CANCELED"}), "0.0005"),
    "kraken": (kraken({"count": 1}), None),
    "firi": (answer({"matched": "0.00002"}), "0.00002"),
}
GONE = {
    "binance": answer({"code": -2011, "msg": "Unknown order sent."}, 400),
    "kraken": answer({"error": ["EOrder:Unknown order"]}),
    "firi": answer({"name": "OrderNotFound", "message": "Order not found"}, 404),
}


@pytest.mark.parametrize("venue", VENUES)
async def test_a_cancel_that_worked(venue: str) -> None:
    """Done, with the executed part where the answer tells it."""
    reply, filled = CANCELLED[venue]
    bench = await warm_bench(venue, reply)
    outcome = await bench.adapter.cancel_order(OrderRef(SYMBOLS[venue], "12345678"))
    assert (outcome.done, outcome.filled) == (True, filled)


@pytest.mark.parametrize("venue", VENUES)
async def test_a_cancel_of_an_order_that_is_not_open(venue: str) -> None:
    """Not done: it may have filled, or a first copy of the cancel may have worked."""
    bench = await warm_bench(venue, GONE[venue])
    outcome = await bench.adapter.cancel_order(OrderRef(SYMBOLS[venue], "12345678"))
    assert not outcome.done


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    "reply",
    [
        answer("", 200),
        answer(HTML, 404),
        answer(HTML, 502),
        answer({"code": -2011, "msg": "Order was not canceled due to cancel restrictions."}, 400),
        answer({"error": ["EService:Busy"]}),
        answer({"error": [], "result": {"count": 0}}),
        answer({"error": [], "result": {}}),
        answer({"name": "NeverSeen", "message": ""}, 400),
        failure(TransportFault.RESET, headers_written=True),
    ],
)
async def test_any_other_answer_to_a_cancel_says_nothing(venue: str, reply: Reply) -> None:
    """Neither cancelled nor gone: the caller has to ask for the order."""
    bench = await warm_bench(venue, reply)
    with pytest.raises(VenueCallFailed):
        await bench.adapter.cancel_order(OrderRef(SYMBOLS[venue], "12345678"))
    assert len(bench.sent) == 1
