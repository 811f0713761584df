"""Bybit's and OKX's answers as others recorded them; websocket messages where their rows are those of REST."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backend.domain.errors import VenueCallFailed
from backend.domain.orders import Balance, OrderRef, OrderStatus, Side
from backend.domain.outcomes import Accepted, ProvenNotExecuted
from backend.domain.reasons import RejectReason
from tests.fakes.transport import answer
from tests.integrations.exchanges.recurring import D, bybit, bybit_rows, okx
from tests.integrations.exchanges.support import Bench, make_bench, warm_bench
from tests.integrations.exchanges.test_recorded import DATA, recorded

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder with recorded venue answers is not here")

BYBIT, OKX = "nautilus/adapters/bybit", "nautilus/adapters/okx"


def recorded_lines(name: str) -> list[Any]:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"the recording {name} is not here")
    return [json.loads(line, parse_float=str) for line in path.read_text().splitlines()]


async def bybit_bench() -> Bench:
    """The bench with the recorded markets."""
    bench = make_bench("bybit")
    bench.transport.standing["/v5/market/instruments-info"] = answer(
        recorded(f"{BYBIT}/http_get_instruments_spot.json")
    )
    await bench.adapter.warm()
    return bench


async def test_bybit_markets_books_and_balances() -> None:
    """Steps, levels and free amounts, exact to the digit."""
    bench = await bybit_bench()
    listed = await bench.adapter.instruments()
    assert {s: (str(i.price_tick), str(i.quantity_step), i.min_notional) for s, i in listed.items()} == {
        "BTC/USDT": ("0.1", "0.0001", D(10)),
        "ETH/USDT": ("0.01", "0.00001", D(10)),
    }
    bench.transport.then(
        answer(recorded("ccxt-rs/bybit/raw_order_book_BTC_USDT.json")),
        answer(recorded(f"{BYBIT}/http_get_orderbook.json")),
        answer(recorded(f"{BYBIT}/http_get_wallet_balance.json")),
        answer(recorded(f"{BYBIT}/http_get_wallet_balance_spot_short.json")),
    )
    book = await bench.adapter.order_book("BTC/USDT")
    assert (book.bids[0].price, book.asks[0].price, len(book.asks)) == (D("69372.5"), D("69372.6"), 5)
    assert (await bench.adapter.order_book("BTC/USDT")).bids[0].quantity == D("1.500")
    assert await bench.adapter.balances() == {
        "BTC": Balance("BTC", D(0)),
        "USDT": Balance("USDT", D("1000.50")),
        "ETH": Balance("ETH", D(0)),
    }
    assert (await bench.adapter.balances())["USDT"].free == D(2500)


async def test_bybit_orders_and_trades() -> None:
    """Open, cancelled and partly executed orders, and executions on two pages."""
    bench = await bybit_bench()
    opened = recorded(f"{BYBIT}/http_get_orders_realtime.json")
    bench.transport.then(answer(opened))
    reports = await bench.adapter.open_orders("ETH/USDT")
    assert [(r.venue_order_id, r.side, r.price, r.status) for r in reports] == [
        ("open-order-1", Side.BUY, D("3930.41"), OrderStatus.OPEN),
        ("open-order-2", Side.SELL, D("3940.42"), OrderStatus.OPEN),
    ]
    bench.transport.then(bybit_rows(), answer(recorded(f"{BYBIT}/http_get_orders_history.json")))
    cancelled = await bench.adapter.get_order(OrderRef("BTC/USDT", None, "client-1"))
    assert (cancelled.status, cancelled.filled, cancelled.average) == (OrderStatus.CANCELED, D(0), None)
    partly = recorded(f"{BYBIT}/http_get_order_partially_filled_rejected.json")
    bench.transport.then(answer(partly))
    report = await bench.adapter.get_order(OrderRef("BTC/USDT", "5cf98598-39a7-459e-97bf-76ca765ee021"))
    assert (report.status, report.filled, report.average) == (OrderStatus.CANCELED, D("0.005"), D(30000))
    bench.transport.then(answer(recorded(f"{BYBIT}/http_get_executions.json")), bybit_rows())
    (fill,) = await bench.adapter.my_trades("BTC/USDT", venue_order_id="8c065341-7b52-4ca9-ac2c-37e31ac55c94")
    assert (fill.trade_id, fill.quantity, fill.fee) == ("e0cbe81d-0f18-5866-9415-cf319b5dab3b", D("0.1"), D("0.015"))


@pytest.mark.parametrize(
    ("name", "status", "filled"),
    [
        ("ws_account_order", OrderStatus.CANCELED, "0.0"),
        ("ws_account_order_filled", OrderStatus.FILLED, "0.100"),
        ("ws_account_order_partially_filled_rejected", OrderStatus.CANCELED, "50"),
        ("ws_account_order_stop_limit", OrderStatus.OPEN, "0"),
    ],
)
async def test_bybit_order_rows_of_the_stream(name: str, status: OrderStatus, filled: str) -> None:
    """The stream's rows are those of the query, so they show more states than the recorded queries."""
    (row,) = recorded(f"{BYBIT}/{name}.json")["data"]
    bench = await warm_bench("bybit", bybit_rows({**row, "symbol": "BTCUSDT"}))
    report = await bench.adapter.get_order(OrderRef("BTC/USDT", row["orderId"]))
    assert (report.status, report.filled) == (status, D(filled))


async def test_bybit_rows_of_another_recorder() -> None:
    """An order, an execution and a wallet; an acknowledgement too, whose data is the result of REST."""
    rows = {
        line["topic"]: line["data"][0]
        for line in reversed(recorded_lines("gocryptotrader/bybit_wsAuth.jsonl"))
        if "topic" in line
    }
    order = {**rows["order"], "symbol": "BTCUSDT"}
    bench = await warm_bench("bybit", bybit_rows(order), bybit_rows(rows["wallet"]))
    report = await bench.adapter.get_order(OrderRef("BTC/USDT", order["orderId"]))
    assert (report.status, report.filled, report.average, report.client_id) == (OrderStatus.FILLED, D(1), D(75), None)
    assert (await bench.adapter.balances())["BTC"].free == D("0.06488393")
    told = recorded(f"{BYBIT}/ws_order_response.json")
    outcome = await bench.place(bybit(told["data"]), client_id="client-order-1")
    assert isinstance(outcome, Accepted)
    assert outcome.venue_order_id == "1726025498520715008"


async def test_okx_markets_books_and_balances() -> None:
    """Steps, levels and free amounts, exact to the digit."""
    bench = make_bench("okx")
    bench.transport.standing["/api/v5/public/instruments"] = answer(recorded(f"{OKX}/http_get_instruments_spot.json"))
    listed = await bench.adapter.instruments()
    assert set(listed) == {"BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "USDT/USD"}
    assert (listed["XRP/USD"].price_tick, listed["XRP/USD"].min_quantity) == (D("0.0001"), D(1))
    bench.transport.then(
        answer(recorded("ccxt-rs/okx/raw_order_book_BTC_USDT.json")),
        answer(recorded(f"{OKX}/http_get_order_book.json")),
        answer(recorded(f"{OKX}/http_get_account_balance.json")),
        okx({"details": [recorded(f"{OKX}/http_balance_detail_old_fields.json")]}),
        okx({"details": [recorded(f"{OKX}/http_balance_detail_new_fields.json")]}),
    )
    book = await bench.adapter.order_book("BTC/USD")
    assert (book.bids[0].price, book.asks[0].price, len(book.bids)) == (D("69359.9"), D(69360), 5)
    assert (await bench.adapter.order_book("BTC/USD")).asks[2].quantity == D("2.05842530")
    assert await bench.adapter.balances() == {"USDT": Balance("USDT", D("94.42612990333333"), D("5.468566666666667"))}
    for _ in range(2):
        assert (await bench.adapter.balances())["USDT"].free == D(100)


@pytest.mark.parametrize(
    ("name", "status", "filled"),
    [
        ("http_get_orders_history", OrderStatus.FILLED, "0.03"),
        ("http_get_orders_pending", OrderStatus.OPEN, "0"),
        ("ws_orders", OrderStatus.FILLED, "0.03"),
        ("ws_orders_ioc", OrderStatus.OPEN, "0.02"),
        ("ws_orders_fok", OrderStatus.FILLED, "0.05"),
    ],
)
async def test_okx_order_rows(name: str, status: OrderStatus, filled: str) -> None:
    """Rows of lists and of the stream are those of the query."""
    (row,) = recorded(f"{OKX}/{name}.json")["data"]
    bench = await warm_bench("okx", okx({**row, "instId": "BTC-USDT"}))
    report = await bench.adapter.get_order(OrderRef("BTC/USDT", row["ordId"]))
    assert (report.status, report.filled) == (status, D(filled))


async def test_okx_order_rows_of_another_recorder() -> None:
    """A limit order is read; a market order in quote money is not, for its size is no quantity."""
    rows = [line["data"][0] for line in recorded_lines("gocryptotrader/okx_wsOrders.jsonl")]
    bench = await warm_bench("okx", *(okx(row) for row in rows))
    first = await bench.adapter.get_order(OrderRef("BTC/USDT", rows[0]["ordId"]))
    assert (first.status, first.side, first.filled, first.price) == (
        OrderStatus.FILLED,
        Side.SELL,
        D("0.001"),
        D("31527.1"),
    )
    for row in rows[1:]:
        with pytest.raises(VenueCallFailed, match="quote money"):
            await bench.adapter.get_order(OrderRef("BTC/USDT", row["ordId"]))


@pytest.mark.parametrize(
    ("name", "order_id", "price", "fee"),
    [
        ("bbgo/okex/get_three_days_transaction_history_request.json", "688362711456706560", "73397.8", "0.000001"),
        ("bbgo/okex/get_transaction_history_request.json", "688362711456706560", "73397.8", "0.000001"),
        (f"{OKX}/http_transaction_detail.json", "987654321", "42000.5", "-0.042"),
        (f"{OKX}/http_transaction_detail_empty_fee.json", "987654321", "42000.5", "0"),
    ],
)
async def test_okx_fills(name: str, order_id: str, price: str, fee: str) -> None:
    """Charged fees are positive here, rebates negative, and an empty one is none."""
    told = recorded(name)
    bench = await warm_bench("okx", answer(told) if "data" in told else okx(told))
    (fill,) = await bench.adapter.my_trades("BTC/USDT", venue_order_id=order_id)
    assert (fill.side, fill.quantity, fill.price, fill.fee) == (Side.BUY, D("0.001"), D(price), D(fee))


async def test_okx_answers_to_a_place() -> None:
    """A row with an order id is an acceptance; a row with an sCode under an envelope of success is a refusal."""
    bench = await warm_bench("okx")
    placed = recorded(f"{OKX}/http_place_order_response.json")
    accepted = await bench.place(okx(placed), client_id=placed["clOrdId"])
    assert isinstance(accepted, Accepted)
    assert accepted.venue_order_id == "12345678901234567890"
    refused = await bench.place(answer(recorded(f"{OKX}/http_place_algo_order_rejected.json")))
    assert isinstance(refused, ProvenNotExecuted)
    assert refused.reason is RejectReason.INVALID_REQUEST
