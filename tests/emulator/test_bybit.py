"""The emulated Bybit: signatures, ids that are never free again, filters, lists with pages, and what a key may do."""

from __future__ import annotations

from typing import Any

import pytest

from backend.emulator.dialect import Mode
from backend.emulator.faults import FaultKind
from backend.emulator.wire import Endpoint, Request
from tests.emulator.kit import T0, Desk, decoded


@pytest.fixture
def desk() -> Desk:
    return Desk("bybit")


def placed(desk: Desk, **changes: str) -> Any:
    return decoded(desk.effect(desk.order(**changes)))


def found(desk: Desk, **fields: str) -> Any:
    return desk.json("GET", "/v5/order/realtime", fields)["result"]["list"]


def test_an_acknowledgement_tells_only_the_ids(desk: Desk) -> None:
    """What became of the order has to be asked for."""
    told = placed(desk, orderLinkId="a-1")
    assert (told["retCode"], told["retMsg"]) == (0, "OK")
    assert told["result"] == {"orderId": desk.core.ledger.orders[0].order_id, "orderLinkId": "a-1"}


@pytest.mark.parametrize(
    ("changes", "status", "executed"),
    [
        ({"price": "98"}, "New", "0"),
        ({}, "Filled", "0.5"),
        ({"qty": "1.5"}, "PartiallyFilled", "1"),
        ({"qty": "1.5", "timeInForce": "IOC"}, "PartiallyFilledCanceled", "1"),
        ({"qty": "1.5", "timeInForce": "FOK"}, "Cancelled", "0"),
        ({"price": "98", "timeInForce": "IOC"}, "Cancelled", "0"),
        ({"price": "98", "timeInForce": "PostOnly"}, "New", "0"),
        ({"price": "101", "timeInForce": "PostOnly"}, "Rejected", "0"),
    ],
)
def test_what_becomes_of_an_order(desk: Desk, changes: dict[str, str], status: str, executed: str) -> None:
    """Each life has the venue's word for its end, and a look-up by either id finds it."""
    order_id = placed(desk, orderLinkId="a-1", **changes)["result"]["orderId"]
    for name in ({"orderId": order_id}, {"orderLinkId": "a-1"}):
        (row,) = found(desk, symbol="BTCUSDT", **name)
        assert (row["orderStatus"], row["cumExecQty"], row["orderLinkId"]) == (status, executed, "a-1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"timeInForce": "PostOnly"}, "EC_PostOnlyWillTakeLiquidity"),
        ({"price": "98", "timeInForce": "IOC"}, "EC_NoImmediateQtyToFill"),
        ({}, "EC_NoError"),
    ],
)
def test_an_order_tells_why_it_ended(desk: Desk, changes: dict[str, str], reason: str) -> None:
    """The acknowledgement is the same for all; why an order was not taken stands in its row."""
    assert placed(desk, orderLinkId="a-1", **changes)["retCode"] == 0
    (row,) = found(desk, orderLinkId="a-1")
    assert row["rejectReason"] == reason


def test_without_an_id_only_open_orders_are_listed(desk: Desk) -> None:
    """Closed orders are in the history, which has no open ones."""
    resting = placed(desk, price="98")["result"]["orderId"]
    closed = placed(desk)["result"]["orderId"]
    assert [row["orderId"] for row in found(desk)] == [resting]
    history = desk.json("GET", "/v5/order/history")["result"]["list"]
    assert [row["orderId"] for row in history] == [closed]


@pytest.mark.parametrize("price", ["98", "100"])
def test_an_id_is_never_free_again(desk: Desk, price: str) -> None:
    """The same orderLinkId is refused while its order is open and after it has ended."""
    assert placed(desk, orderLinkId="a-1", price=price)["retCode"] == 0
    assert placed(desk, orderLinkId="a-1")["retCode"] == 170141
    assert len(desk.core.ledger.orders) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "DOGEUSDT"}, 170121),
        ({"category": "option"}, 10001),
        ({"side": "buy"}, 170130),
        ({"timeInForce": "GTX"}, 170130),
        ({"triggerPrice": "90"}, 170130),
        ({"qty": "0.0000005"}, 170137),
        ({"qty": "0.000001"}, 170136),
        ({"qty": "84"}, 170381),
        ({"qty": "83", "price": "100000"}, 170381),
        ({"price": "100.05"}, 170134),
        ({"price": "2000001"}, 170132),
        ({"qty": "0.04"}, 170140),
        ({"orderLinkId": "a" * 37}, 10001),
        ({"orderLinkId": "a b"}, 10001),
        ({"orderType": "Market", "marketUnit": "coins"}, 170130),
        ({"orderType": "Market", "side": "Sell", "marketUnit": "quoteCoin", "qty": "0.0001"}, 170136),
    ],
)
def test_what_is_refused(desk: Desk, changes: dict[str, str], code: int) -> None:
    """Each rule has its code, and nothing is placed."""
    assert placed(desk, **changes)["retCode"] == code
    assert desk.core.ledger.orders == ()


def test_too_little_money() -> None:
    """The engine's refusal has its code."""
    assert placed(Desk("bybit", {"USDT": "10"}))["retCode"] == 170131


@pytest.mark.parametrize(
    ("changes", "executed"),
    [
        ({"side": "Buy", "qty": "50"}, "0.5"),
        ({"side": "Buy", "qty": "0.5", "marketUnit": "baseCoin"}, "0.5"),
        ({"side": "Sell", "qty": "0.25"}, "0.25"),
        ({"side": "Sell", "qty": "197", "marketUnit": "quoteCoin"}, "2"),
    ],
)
def test_market_orders_and_their_units(desk: Desk, changes: dict[str, str], executed: str) -> None:
    """A buy without a unit is in quote units."""
    order_id = placed(desk, orderType="Market", **changes)["result"]["orderId"]
    (row,) = found(desk, orderId=order_id)
    assert (row["orderStatus"], row["cumExecQty"]) == ("Filled", executed)


def test_a_cancel_by_either_id(desk: Desk) -> None:
    """A cancelled order is gone from the open ones; cancelled, filled and unknown orders have a code each."""
    order_id = placed(desk, price="98", orderLinkId="a-1")["result"]["orderId"]
    placed(desk, price="97", orderLinkId="a-2")
    for name in ({"orderId": order_id}, {"orderLinkId": "a-2"}):
        fields = {"category": "spot", "symbol": "BTCUSDT", **name}
        assert desk.json("POST", "/v5/order/cancel", fields)["retCode"] == 0
        assert desk.json("POST", "/v5/order/cancel", fields)["retCode"] == 170142
    filled = {"category": "spot", "symbol": "BTCUSDT", "orderId": placed(desk, price="103")["result"]["orderId"]}
    assert desk.json("POST", "/v5/order/cancel", filled)["retCode"] == 170139
    unknown = {"category": "spot", "symbol": "BTCUSDT", "orderLinkId": "nobody"}
    assert desk.json("POST", "/v5/order/cancel", unknown)["retCode"] == 170213
    assert found(desk) == []
    nameless = {"category": "spot", "symbol": "BTCUSDT"}
    assert desk.json("POST", "/v5/order/cancel", nameless)["retCode"] == 10001


def test_cancel_all(desk: Desk) -> None:
    """The open orders of a symbol, and nothing else."""
    ids = {placed(desk, price=price)["result"]["orderId"] for price in ("98", "97")}
    told = desk.json("POST", "/v5/order/cancel-all", {"category": "spot", "symbol": "BTCUSDT"})
    assert {row["orderId"] for row in told["result"]["list"]} == ids
    assert found(desk) == []


def test_executions_come_in_pages(desk: Desk) -> None:
    """Newest first; the cursor leads through all of them once; ids and times narrow the list."""
    for number in range(3):
        desk.now += 1
        desk.books.write(desk.now)
        placed(desk, orderLinkId=f"a-{number}")
    seen, cursor = [], ""
    while True:
        page = desk.json("GET", "/v5/execution/list", {"limit": "1", **({"cursor": cursor} if cursor else {})})
        seen += [row["orderLinkId"] for row in page["result"]["list"]]
        cursor = page["result"]["nextPageCursor"]
        if not cursor:
            break
    assert seen == ["a-2", "a-1", "a-0"]
    narrowed = desk.json("GET", "/v5/execution/list", {"orderLinkId": "a-1"})["result"]["list"]
    assert [(row["execQty"], row["execPrice"], row["feeCurrency"]) for row in narrowed] == [("0.5", "100", "BTC")]
    late = desk.json("GET", "/v5/execution/list", {"startTime": str(int((T0 + 2.5) * 1000))})["result"]["list"]
    assert [row["orderLinkId"] for row in late] == ["a-2"]


def test_the_history_forgets_what_was_not_filled(desk: Desk) -> None:
    """A day after its end an order without a fill is in no history, and still among the latest closed ones."""
    placed(desk, price="98", timeInForce="IOC", orderLinkId="unfilled")
    placed(desk, orderLinkId="filled")

    def listed() -> list[str]:
        return [row["orderLinkId"] for row in desk.json("GET", "/v5/order/history")["result"]["list"]]

    desk.now += 86_400
    assert listed() == ["filled", "unfilled"]
    desk.now += 1
    assert listed() == ["filled"]
    assert [row["orderStatus"] for row in found(desk, orderLinkId="unfilled")] == ["Cancelled"]


def test_an_account_knows_its_fee_rates(desk: Desk) -> None:
    """The rates are those that executions are charged."""
    (rates,) = desk.json("GET", "/v5/account/fee-rate", {"symbol": "BTCUSDT"})["result"]["list"]
    assert rates == {"symbol": "BTCUSDT", "takerFeeRate": "0.001", "makerFeeRate": "0.001"}
    assert len(desk.json("GET", "/v5/account/fee-rate")["result"]["list"]) == 2


def test_the_wallet(desk: Desk) -> None:
    """What an open order holds is locked."""
    placed(desk, price="98", qty="1")
    (account,) = desk.json("GET", "/v5/account/wallet-balance", {"accountType": "UNIFIED"})["result"]["list"]
    (coin,) = [row for row in account["coin"] if row["coin"] == "USDT"]
    assert (coin["walletBalance"], coin["locked"]) == ("10000000", "98")
    one = desk.json("GET", "/v5/account/wallet-balance", {"coin": "BTC"})["result"]["list"][0]["coin"]
    assert [row["coin"] for row in one] == ["BTC"]


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("x-bapi-api-key", "", 10001),
        ("x-bapi-timestamp", "", 10001),
        ("x-bapi-timestamp", "soon", 10001),
        ("x-bapi-recv-window", "-5", 10001),
        ("x-bapi-api-key", "another", 10003),
        ("x-bapi-sign", "", 10004),
        ("x-bapi-sign", "0" * 64, 10004),
    ],
)
def test_who_may_not_call(desk: Desk, header: str, value: str, code: int) -> None:
    """Each header is looked at."""
    request = desk.order()
    request = Request(request.method, request.path, request.query, {**request.headers, header: value}, request.body)
    assert decoded(desk.effect(request))["retCode"] == code
    assert desk.core.ledger.orders == ()


def test_a_body_that_was_changed_is_refused(desk: Desk) -> None:
    """The signature covers the exact bytes."""
    request = desk.order()
    body = request.body.replace(b'"0.5"', b'"5"')
    assert decoded(desk.effect(Request("POST", request.path, "", request.headers, body)))["retCode"] == 10004


@pytest.mark.parametrize(("late_s", "code"), [(-1.001, 10002), (-0.9, 0), (4.9, 0), (5.1, 10002)])
def test_the_window_of_a_call(desk: Desk, late_s: float, code: int) -> None:
    """At most a second ahead, and as old as the window allows."""
    request = desk.order()
    desk.now += late_s
    assert decoded(desk.effect(request))["retCode"] == code


def test_the_window_counts_again_before_the_engine(desk: Desk) -> None:
    """An order that waits inside the venue until its window is over is refused."""
    desk.fault(FaultKind.LATENCY, Endpoint.PLACE, seconds=6, stage="forward")
    assert placed(desk)["retCode"] == 10002
    assert desk.core.ledger.orders == ()


def test_maintenance(desk: Desk) -> None:
    """The status page tells of it, and no order is taken."""
    assert desk.get("/v5/system/status")["result"]["list"] == []
    desk.fault(FaultKind.MODE, mode=Mode.MAINTENANCE.value)
    (event,) = desk.get("/v5/system/status")["result"]["list"]
    assert (event["state"], 2 in event["product"], event["env"]) == ("ongoing", True, 1)
    for query, count in (("state=ongoing", 1), ("state=scheduled", 0)):
        assert len(desk.get("/v5/system/status", query)["result"]["list"]) == count
    assert placed(desk)["retCode"] == 170031


@pytest.mark.parametrize(("permissions", "withdraws"), [("trade", False), ("trade,withdraw", True)])
def test_a_key_tells_what_it_may_do(desk: Desk, permissions: str, withdraws: bool) -> None:
    """A key that can withdraw says so in its wallet's permissions."""
    desk.keys["permissions"] = permissions
    told = desk.json("GET", "/v5/user/query-api")["result"]
    assert ("Withdraw" in told["permissions"]["Wallet"], told["readOnly"]) == (withdraws, 0)


def test_public_answers(desk: Desk) -> None:
    """Time, markets, book and ticker, and empty lists for what is not spot."""
    assert desk.get("/v5/market/time")["result"]["timeSecond"] == str(int(T0))
    rows = desk.get("/v5/market/instruments-info", "category=spot")["result"]["list"]
    assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT"]
    for query in ("category=linear", "category=spot&status=PreLaunch"):
        assert desk.get("/v5/market/instruments-info", query)["result"]["list"] == []
    assert len(desk.get("/v5/market/instruments-info", "category=spot&symbol=ETHUSDT")["result"]["list"]) == 1
    book = desk.get("/v5/market/orderbook", "category=spot&symbol=BTCUSDT&limit=2")["result"]
    assert (book["b"], book["a"]) == ([["99", "1"], ["98", "2"]], [["100", "1"], ["101", "2"]])
    (ticker,) = desk.get("/v5/market/tickers", "category=spot&symbol=BTCUSDT")["result"]["list"]
    assert (ticker["bid1Price"], ticker["ask1Price"]) == ("99", "100")
    assert desk.get("/v5/market/orderbook", "category=spot&symbol=X")["retCode"] == 170121
