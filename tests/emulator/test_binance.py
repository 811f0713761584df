"""The emulated Binance: its checks, its answers, its errors."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from backend.emulator.faults import Fault, FaultKind
from backend.emulator.wire import Endpoint, Request
from tests.emulator.kit import T0, Desk, answer, decoded

ORDER = "/api/v3/order"


@pytest.fixture
def desk() -> Desk:
    return Desk("binance")


def refusal(desk: Desk, request: Request) -> tuple[int, int, str]:
    got = answer(desk.effect(request))
    body = json.loads(got.body)
    return got.status, body["code"], body["msg"]


def test_a_place_answers_with_fills_in_the_received_asset(desk: Desk) -> None:
    """A marketable limit order trades level by level and pays its fee in what it buys."""
    placed = decoded(desk.effect(desk.order(quantity="1.5", price="101", newClientOrderId="a-1")))
    assert placed["status"] == "FILLED"
    assert placed["clientOrderId"] == "a-1"
    assert [(f["price"], f["qty"], f["commission"], f["commissionAsset"]) for f in placed["fills"]] == [
        ("100.00000000", "1.00000000", "0.00100000", "BTC"),
        ("101.00000000", "0.50000000", "0.00050000", "BTC"),
    ]
    assert placed["cummulativeQuoteQty"] == "150.50000000"
    balances = {row["asset"]: row["free"] for row in desk.json("GET", "/api/v3/account")["balances"]}
    assert balances == {"BTC": "101.49850000", "ETH": "1000.00000000", "USDT": "9999849.50000000"}


def test_the_ledger_keeps_the_deadline_that_the_request_carried(desk: Desk) -> None:
    """A referee can compare it with what the caller believes to have sent; without one it is empty."""
    desk.effect(desk.order(newClientOrderId="a-1"))
    assert [order.not_after for order in desk.core.ledger.orders] == [pytest.approx(desk.now + 5.0, abs=0.001)]
    firi = Desk("firi")
    firi.effect(firi.order())
    assert [order.not_after for order in firi.core.ledger.orders] == [None]


def test_an_ioc_order_keeps_its_part_and_expires(desk: Desk) -> None:
    """What an IOC order cannot trade at once is dropped, and the order says EXPIRED with a filled part."""
    placed = decoded(desk.effect(desk.order(quantity="1.5", timeInForce="IOC")))
    assert (placed["status"], placed["executedQty"]) == ("EXPIRED", "1.00000000")
    assert desk.json("GET", "/api/v3/openOrders") == []


def test_a_resting_order_is_found_by_both_ids_and_cancelled(desk: Desk) -> None:
    """An order can be looked up by the venue's id and by the client's, and leaves the book when cancelled."""
    placed = decoded(desk.effect(desk.order(price="98.5", newClientOrderId="a-1")))
    assert placed["status"] == "NEW"
    by_client = desk.json("GET", ORDER, {"symbol": "BTCUSDT", "origClientOrderId": "a-1"})
    assert by_client == desk.json("GET", ORDER, {"symbol": "BTCUSDT", "orderId": str(placed["orderId"])})
    assert [o["orderId"] for o in desk.json("GET", "/api/v3/openOrders", {"symbol": "BTCUSDT"})] == [placed["orderId"]]
    cancelled = desk.json("DELETE", ORDER, {"symbol": "BTCUSDT", "origClientOrderId": "a-1"})
    assert (cancelled["status"], cancelled["origClientOrderId"]) == ("CANCELED", "a-1")
    again = desk.call("DELETE", ORDER, {"symbol": "BTCUSDT", "origClientOrderId": "a-1"})
    assert refusal(desk, again) == (400, -2011, "Unknown order sent.")
    missing = desk.call("GET", ORDER, {"symbol": "BTCUSDT", "origClientOrderId": "other"})
    assert refusal(desk, missing) == (400, -2013, "Order does not exist.")


def test_an_id_is_unique_only_while_its_order_is_open(desk: Desk) -> None:
    """The same id is refused beside an open order and makes a second execution after a filled one."""
    desk.effect(desk.order(price="98.5", newClientOrderId="a-1"))
    assert refusal(desk, desk.order(newClientOrderId="a-1")) == (400, -2010, "Duplicate order sent.")
    desk.json("DELETE", ORDER, {"symbol": "BTCUSDT", "origClientOrderId": "a-1"})
    for _ in range(2):
        assert decoded(desk.effect(desk.order(newClientOrderId="a-1", timeInForce="IOC", quantity="0.2")))["fills"]
    assert str(desk.core.ledger.filled("a-1")) == "0.4"


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"symbol": "DOGEUSDT"}, -1121, "Invalid symbol."),
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "STOP"}, -1116, "Invalid orderType."),
        ({"timeInForce": "DAY"}, -1115, "Invalid timeInForce."),
        ({"quantity": ""}, -1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."),
        ({"quantity": "-1"}, -1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."),
        ({"quantity": "0.123456789"}, -1111, "Precision is over the maximum defined for this asset."),
        ({"quantity": "0.123456"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "9001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"price": "100.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "0.04"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "8000", "price": "100000"}, -1013, "Filter failure: NOTIONAL"),
        ({"side": "SELL", "quantity": "101"}, -2010, "Account has insufficient balance for requested action."),
        (
            {"newClientOrderId": "no spaces"},
            -1100,
            "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
        ),
    ],
)
def test_a_wrong_order_is_refused_with_its_code(desk: Desk, changes: dict[str, str], code: int, text: str) -> None:
    """Each rule has its own documented code, and nothing takes effect."""
    assert refusal(desk, desk.order(**changes)) == (400, code, text)
    assert desk.core.ledger.orders == ()


def test_a_post_only_order_never_takes(desk: Desk) -> None:
    """LIMIT_MAKER is refused when it would trade and rests otherwise."""
    fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.5", "price": "100"}
    assert refusal(desk, desk.call("POST", ORDER, fields)) == (400, -2010, "Order would immediately match and take.")
    assert desk.json("POST", ORDER, {**fields, "price": "99.5"})["status"] == "NEW"


def test_a_market_order_takes_a_quantity_or_spends_an_amount(desk: Desk) -> None:
    """Market orders can be sized in base or in quote units."""
    fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
    assert desk.json("POST", ORDER, {**fields, "quantity": "0.5"})["executedQty"] == "0.50000000"
    assert desk.json("POST", ORDER, {**fields, "quoteOrderQty": "50"})["executedQty"] == "0.50000000"
    assert desk.json("POST", ORDER, {**fields, "quantity": "20"})["status"] == "EXPIRED"


@pytest.mark.parametrize(
    ("at", "window", "code"),
    [(T0 - 4.9, 5000, None), (T0 - 5.1, 5000, -1021), (T0 + 0.9, 5000, None), (T0 + 1.1, 5000, -1021),
     (T0, 60_001, -1131)],
)  # fmt: skip
def test_a_request_must_be_fresh(desk: Desk, at: float, window: int, code: int | None) -> None:
    """A timestamp may be as old as recvWindow and less than a second ahead."""
    got: Any = desk.json("GET", "/api/v3/account", at=at, window=window)
    assert got.get("code") == code


def test_the_window_is_checked_again_before_the_engine(desk: Desk) -> None:
    """An order that was fresh on arrival is refused when it reaches the engine too late."""
    desk.fault(FaultKind.LATENCY, Endpoint.PLACE, seconds=6.0, stage="forward")
    assert refusal(desk, desk.order())[1] == -1021
    assert desk.core.ledger.orders == ()


def test_keys_and_signatures_are_verified(desk: Desk) -> None:
    """No key, a wrong key, no signature and a wrong signature each have their own answer."""
    right = desk.call("GET", "/api/v3/account")
    cases = {
        -2014: dataclasses.replace(right, headers={}),
        -2015: dataclasses.replace(right, headers={"x-mbx-apikey": "0" * 64}),
        -1102: dataclasses.replace(right, query=right.query.split("&signature")[0]),
        -1022: dataclasses.replace(right, query=right.query.replace("recvWindow=5000", "recvWindow=5001")),
    }
    assert {code: refusal(desk, request)[1] for code, request in cases.items()} == {code: code for code in cases}


def test_trades_and_closed_orders_are_listed(desk: Desk) -> None:
    """myTrades and allOrders show what happened, and can be narrowed to an order."""
    first = decoded(desk.effect(desk.order(quantity="0.5")))
    decoded(desk.effect(desk.order(quantity="0.2")))
    trades = desk.json("GET", "/api/v3/myTrades", {"symbol": "BTCUSDT"})
    assert [(t["qty"], t["isBuyer"], t["isMaker"]) for t in trades] == [
        ("0.50000000", True, False),
        ("0.20000000", True, False),
    ]
    narrowed = desk.json("GET", "/api/v3/myTrades", {"symbol": "BTCUSDT", "orderId": str(first["orderId"])})
    assert [t["id"] for t in narrowed] == [trades[0]["id"]]
    assert [o["status"] for o in desk.json("GET", "/api/v3/allOrders", {"symbol": "BTCUSDT"})] == ["FILLED"] * 2
    day = {"symbol": "BTCUSDT", "startTime": "0", "endTime": "86400000"}
    assert desk.json("GET", "/api/v3/allOrders", day) == []
    for path in ("/api/v3/allOrders", "/api/v3/myTrades"):
        assert desk.json("GET", path, {**day, "endTime": "86400001"})["code"] == -1127


@pytest.mark.parametrize(
    ("mode", "system", "symbol"), [(None, 0, "TRADING"), ("maintenance", 1, "BREAK"), ("cancel_only", 0, "CANCEL_ONLY")]
)
def test_a_mode_shows_in_status_markets_and_orders(desk: Desk, mode: str | None, system: int, symbol: str) -> None:
    """A mode is seen before an order is sent, and an order then gets the matching refusal."""
    if mode:
        desk.core.inject(Fault(FaultKind.MODE, params={"mode": mode}), desk.now)
    assert desk.get("/sapi/v1/system/status")["status"] == system
    assert {s["status"] for s in desk.get("/api/v3/exchangeInfo")["symbols"]} == {symbol}
    assert ("code" in decoded(desk.effect(desk.order()))) == bool(mode)


def test_open_calls_need_no_key(desk: Desk) -> None:
    """Time, book and markets answer anybody; an unknown path gets a page."""
    assert desk.get("/api/v3/ping") == {}
    assert desk.get("/api/v3/time") == {"serverTime": int(T0 * 1000)}
    book = desk.get("/api/v3/depth", "symbol=BTCUSDT&limit=1")
    assert (book["bids"], book["asks"]) == ([["99.00000000", "1.00000000"]], [["100.00000000", "1.00000000"]])
    assert desk.get("/api/v3/ticker/bookTicker", "symbol=BTCUSDT")["askPrice"] == "100.00000000"
    assert desk.get("/fapi/v1/exchangeInfo")["symbols"] == []
    assert answer(desk.effect(Request("GET", "/api/v3/nothing"))).status == 404


def test_all_orders_of_a_symbol_are_cancelled_at_once(desk: Desk) -> None:
    """The bulk cancel lists what it cancelled; with nothing to cancel it is refused."""
    for client_id in ("a-1", "a-2"):
        desk.effect(desk.order(price="98.5", newClientOrderId=client_id))
    symbol = {"symbol": "BTCUSDT"}
    cancelled = desk.json("DELETE", "/api/v3/openOrders", symbol)
    assert [o["origClientOrderId"] for o in cancelled] == ["a-1", "a-2"]
    assert refusal(desk, desk.call("DELETE", "/api/v3/openOrders", symbol))[1] == -2011


@pytest.mark.parametrize(("kind", "keys"), [("ACK", 5), ("RESULT", 16), ("FULL", 17)])
def test_the_answer_is_as_long_as_asked(desk: Desk, kind: str, keys: int) -> None:
    """newOrderRespType chooses between acknowledgement, result and fills."""
    assert len(decoded(desk.effect(desk.order(newOrderRespType=kind)))) == keys


def test_parameters_that_are_missing_are_named(desk: Desk) -> None:
    """Which parameter is missing stands in the message."""
    for fields, name in (({}, "symbol"), ({"symbol": "BTCUSDT"}, "origClientOrderId")):
        _, code, text = refusal(desk, desk.call("GET", ORDER, fields))
        assert code == -1102
        assert f"'{name}'" in text
    for name in ("timestamp", "recvWindow"):
        request = desk.call("GET", "/api/v3/account")
        query = "&".join(part for part in request.query.split("&") if not part.startswith("timestamp"))
        query = query if name == "timestamp" else request.query.replace("recvWindow=5000", "recvWindow=x")
        assert f"'{name}'" in refusal(desk, dataclasses.replace(request, query=query))[2]


def test_an_account_knows_its_fee_rates(desk: Desk) -> None:
    """The commission call shows the rates that trades are charged."""
    rates = desk.json("GET", "/api/v3/account/commission", {"symbol": "BTCUSDT"})["standardCommission"]
    assert (rates["maker"], rates["taker"]) == ("0.001", "0.001")


def test_an_order_without_an_id_gets_one(desk: Desk) -> None:
    """The venue makes up a client id that works like any other."""
    made_up = decoded(desk.effect(desk.order(price="98.5")))["clientOrderId"]
    found = desk.json("GET", ORDER, {"symbol": "BTCUSDT", "origClientOrderId": made_up})
    assert found["clientOrderId"] == made_up
