"""Trades and cancels: every fill once, and what a cancel's answer does and does not say."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from backend.domain.errors import VenueCallFailed
from backend.domain.limits import VenueLimits
from backend.domain.orders import OrderRef, Side
from backend.domain.outcomes import CancelState
from backend.domain.rules import Fact, RateRule, Verification
from backend.integrations.exchanges.factory import rules_of
from backend.integrations.exchanges.firi import adapter as firi_adapter
from backend.ports.transport import TransportFault
from tests.fakes.transport import Reply, answer, failure
from tests.integrations.exchanges.recurring import (
    BINANCE_ORDER,
    FIRI_ORDER,
    HTML,
    KRAKEN_ORDER,
    VENUES,
    D,
    bybit,
    kraken,
    kucoin,
    okx,
)
from tests.integrations.exchanges.support import CLIENT_ID, SYMBOLS, make_bench, warm_bench


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


async def test_binance_trades_that_fill_a_list_are_not_all_of_them() -> None:
    """What a full list hides would understate an execution: it is a failed call, not a sum."""
    trade = {"orderId": 28, "price": "1", "qty": "1", "commission": "0", "commissionAsset": "USDT", "time": 1}
    sides = {"isBuyer": True, "isMaker": False}
    bench = await warm_bench("binance", answer([{**trade, **sides, "id": n} for n in range(1, 1001)]))
    with pytest.raises(VenueCallFailed, match="fill the list"):
        await bench.adapter.my_trades("BTC/USDT", venue_order_id="28")


async def test_binance_trades_since_a_time_are_read_to_the_end() -> None:
    """Too many for one list: time is halved, and what lies at the edge of both halves counts once."""
    row = {"orderId": 28, "price": "1", "qty": "1", "commission": "0", "commissionAsset": "USDT", "time": 1}
    rows = [{**row, "isBuyer": True, "isMaker": False, "id": n} for n in range(1, 1001)]
    bench = await warm_bench("binance", answer(rows), answer(rows[:600]), answer(rows[599:]))
    fills = await bench.adapter.my_trades("BTC/USDT", since=1.0e9 + 7e8 - 5)
    assert [fill.trade_id for fill in fills] == [str(n) for n in range(1, 1001)]


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
    fast = Fact(RateRule(1000, 1.0), Verification.RUN, "2026-11-23", "a test")
    rules = replace(rules_of("kraken"), limits=VenueLimits(), read_rate=fast)
    bench = make_bench("kraken", rules=rules)
    await bench.adapter.warm()
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
        ([{**HISTORY, "amount": "0.0005"}], D(499000)),
        ([HISTORY, *({**HISTORY, "id": 9} for _ in range(99))], D(500000)),
    ],
    ids=["average of the parts", "one part", "a full page hides parts: the limit"],
)
async def test_firi_gives_one_provisional_fill(history: list[object], price: Decimal) -> None:
    """There are no trade ids: one fill for the matched amount, at the history's average or at the worst price."""
    order = {**FIRI_ORDER, "price": "500000.00"}
    bench = await warm_bench("firi", answer([order]), answer(history))
    (fill,) = await bench.adapter.my_trades("BTC/NOK", venue_order_id="12345678")
    assert (fill.trade_id, fill.quantity, fill.price) == ("12345678:0.0005", D("0.0005"), price)
    assert [urlsplit(r.url).path for r in bench.sent] == ["/v2/order/12345678", "/v2/history/orders/BTCNOK"]


@pytest.mark.parametrize("history", [[HISTORY], []], ids=["a part", "nothing"])
async def test_firi_history_that_lags_is_waited_for(history: list[object]) -> None:
    """Its price is asked for again; only when it has not caught up for long, the order's limit is booked."""
    order = {**FIRI_ORDER, "price": "500000.00"}
    bench = await warm_bench("firi", *(4 * (answer([order]), answer(history))))
    for later in (0.0, 7.0, 7.9):
        bench.clock.at += later
        with pytest.raises(VenueCallFailed, match=r"does not come to the 0\.0005"):
            await bench.adapter.my_trades("BTC/NOK", venue_order_id="12345678")
    bench.clock.at += 0.2
    (fill,) = await bench.adapter.my_trades("BTC/NOK", venue_order_id="12345678")
    assert (fill.quantity, fill.price) == (D("0.0005"), D(500000))


async def test_firi_remembers_only_so_many_that_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten, and waited for anew."""
    monkeypatch.setattr(firi_adapter, "LAGGING_MAX", 2)
    orders = [{**FIRI_ORDER, "id": 12345670 + number} for number in range(4)]
    replies = [reply for order in orders for reply in (answer([order]), answer([]))]
    bench = await warm_bench("firi", *replies)
    for order in orders:
        with pytest.raises(VenueCallFailed):
            await bench.adapter.my_trades("BTC/NOK", venue_order_id=str(order["id"]))
    assert len(bench.adapter._lagging) == 2


async def test_firi_without_a_match_has_no_fill() -> None:
    """Nothing matched, nothing to price."""
    order = {**FIRI_ORDER, "matched": "0", "cancelled": "0.002"}
    bench = await warm_bench("firi", answer([order]))
    assert await bench.adapter.my_trades("BTC/NOK", venue_order_id="12345678") == ()


KUCOIN_CANCELLED = {
    "orderId": "12345678",
    "originSize": "0.002",
    "dealSize": "0.0005",
    "remainSize": "0",
    "canceledSize": "0.0015",
    "status": "done",
}
CANCELLED = {
    "binance": (answer({**BINANCE_ORDER, "status": "CANCELED"}), "0.0005"),
    "kucoin": (kucoin(KUCOIN_CANCELLED), "0.0005"),
    "kraken": (kraken({"count": 1}), None),
    "firi": (answer({"matched": "0.00002"}), "0.00002"),
    "bybit": (bybit({"orderId": "12345678", "orderLinkId": ""}), None),
    "okx": (okx({"ordId": "12345678", "clOrdId": "", "sCode": "0", "sMsg": ""}), None),
}
GONE = {
    "binance": answer({"code": -2011, "msg": "Unknown order sent."}, 400),
    "kucoin": answer({"code": "400100", "msg": "order_not_exist_or_not_allow_to_cancel"}, 400),
    "kraken": answer({"error": ["EOrder:Unknown order"]}),
    "firi": answer({"name": "OrderNotFound", "message": "Order not found"}, 404),
    "bybit": bybit({}, 170213),
    "okx": okx({"ordId": "12345678", "clOrdId": "", "sCode": "51400", "sMsg": "Cancellation failed"}, code="1"),
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
    """The venue's words for an order that it does not know; at Firi nobody knows what they mean."""
    bench = await warm_bench(venue, GONE[venue])
    outcome = await bench.adapter.cancel_order(OrderRef(SYMBOLS[venue], "12345678"))
    assert outcome.state is (CancelState.NOT_OPEN if venue == "firi" else CancelState.NO_SUCH_ORDER)


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
        bybit({}),
        bybit({}, 170147),
        okx(),
        okx({"ordId": "12345678", "clOrdId": "", "sCode": "51412", "sMsg": "Timed out"}, code="1"),
        okx({"ordId": "", "clOrdId": "", "sCode": "0", "sMsg": ""}),
        failure(TransportFault.RESET, headers_written=True),
    ],
)
async def test_any_other_answer_to_a_cancel_says_nothing(venue: str, reply: Reply) -> None:
    """Neither cancelled nor gone: the caller has to ask for the order."""
    bench = await warm_bench(venue, reply)
    with pytest.raises(VenueCallFailed):
        await bench.adapter.cancel_order(OrderRef(SYMBOLS[venue], "12345678"))
    assert len(bench.sent) == 1
