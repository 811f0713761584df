"""The emulated KuCoin: its checks, its answers, its errors."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from backend.emulator.faults import Fault, FaultKind
from backend.emulator.registry import KINDS
from backend.emulator.wire import Endpoint, Request
from tests.emulator.kit import T0, Desk, answer, decoded

ORDERS = "/api/v1/hf/orders"
SYMBOL = {"symbol": "BTC-USDT"}
CANNOT_CANCEL = (200, "400100", "order_not_exist_or_not_allow_to_cancel")


@pytest.fixture
def desk() -> Desk:
    return Desk("kucoin")


def refusal(desk: Desk, request: Request) -> tuple[int, str, str]:
    got = answer(desk.effect(request))
    body = json.loads(got.body)
    return got.status, body["code"], body["msg"]


def placed(desk: Desk, **changes: str) -> Any:
    body = decoded(desk.effect(desk.order(**changes)))
    assert body["code"] == "200000"
    return body["data"]


def test_a_synchronous_place_tells_what_became_of_the_order(desk: Desk) -> None:
    """Sizes and state come with the answer, the trades are listed, and the fee is taken in the quote currency."""
    data = placed(desk, size="1.5", price="101", clientOid="a-1")
    assert {name: data[name] for name in ("clientOid", "originSize", "dealSize", "remainSize", "canceledSize")} == {
        "clientOid": "a-1",
        "originSize": "1.5",
        "dealSize": "1.5",
        "remainSize": "0",
        "canceledSize": "0",
    }
    assert (data["status"], data["orderTime"]) == ("done", int(T0 * 1000))
    fills = desk.json("GET", "/api/v1/hf/fills", SYMBOL)["data"]["items"]
    assert [(f["price"], f["size"], f["funds"], f["fee"], f["feeCurrency"], f["liquidity"]) for f in fills] == [
        ("101", "0.5", "50.5", "0.0505", "USDT", "taker"),
        ("100", "1", "100", "0.1", "USDT", "taker"),
    ]
    accounts = desk.json("GET", "/api/v1/accounts", {"type": "trade_hf"})["data"]
    assert {row["currency"]: row["available"] for row in accounts} == {
        "BTC": "101.5",
        "ETH": "1000",
        "USDT": "9999849.3495",
    }


def test_an_asynchronous_place_tells_only_the_ids(desk: Desk) -> None:
    """The answer says that the order was taken in; what became of it has to be asked for."""
    fields = {**SYMBOL, "side": "buy", "type": "limit", "size": "0.5", "price": "100", "clientOid": "a-1"}
    data = desk.json("POST", ORDERS, fields)["data"]
    assert set(data) == {"orderId", "clientOid"}
    found = desk.json("GET", f"{ORDERS}/{data['orderId']}", SYMBOL)["data"]
    assert (found["clientOid"], found["dealSize"], found["active"]) == ("a-1", "0.5", False)


def test_a_test_order_is_checked_and_forgotten(desk: Desk) -> None:
    """The test call answers like a place and refuses like one, and nothing takes effect."""
    fields = {**SYMBOL, "side": "buy", "type": "limit", "size": "0.5", "price": "100", "clientOid": "a-1"}
    assert desk.json("POST", f"{ORDERS}/test", fields)["data"]["clientOid"] == "a-1"
    late = {"allowMaxTimeWindow": "1000", "clientTimestamp": str(int((T0 - 2) * 1000))}
    for wrong in ({"price": "100.01"}, late):
        assert desk.json("POST", f"{ORDERS}/test", {**fields, **wrong})["code"] == "400100"
    assert desk.core.ledger.orders == ()


def test_an_ioc_order_keeps_its_part_and_shows_a_cancel(desk: Desk) -> None:
    """The rest of an IOC order counts as cancelled, in the answer and in the query."""
    data = placed(desk, size="1.5", timeInForce="IOC")
    assert (data["status"], data["dealSize"], data["canceledSize"]) == ("done", "1", "0.5")
    found = desk.json("GET", f"{ORDERS}/{data['orderId']}", SYMBOL)["data"]
    wanted = ("cancelExist", "cancelledSize", "cancelledFunds", "remainSize", "remainFunds", "funds", "dealFunds")
    assert [found[name] for name in wanted] == [True, "0.5", "50", "0", "0", "150", "100"]


@pytest.mark.parametrize("sync", ["", "/sync"])
@pytest.mark.parametrize("by", ["orderId", "clientOid"])
def test_a_resting_order_is_found_and_cancelled_by_both_ids(desk: Desk, sync: str, by: str) -> None:
    """Either id finds an order, open or done; a cancel names the id that it was given; a second one is refused."""
    order = placed(desk, price="98.5", clientOid="a-1")
    assert order["status"] == "open"
    last = order[by] if by == "orderId" else f"client-order/{order[by]}"
    found = desk.json("GET", f"{ORDERS}/{last}", SYMBOL)["data"]
    assert (found["id"], found["active"], found["inOrderBook"]) == (order["orderId"], True, True)
    assert [o["id"] for o in desk.json("GET", f"{ORDERS}/active", SYMBOL)["data"]] == [order["orderId"]]
    done = desk.json("DELETE", f"{ORDERS}{sync}/{last}", SYMBOL)["data"]
    assert done[by] == order[by]
    assert ("canceledSize" in done) == bool(sync)
    after = desk.json("GET", f"{ORDERS}/{last}", SYMBOL)["data"]
    assert (after["active"], after["cancelExist"], after["cancelledSize"]) == (False, True, "0.5")
    assert refusal(desk, desk.call("DELETE", f"{ORDERS}{sync}/{last}", SYMBOL)) == CANNOT_CANCEL


def test_an_order_that_is_not_there_is_a_success_without_data(desk: Desk) -> None:
    """A query for an unknown id, or in another symbol, answers 200000 with null."""
    order = placed(desk, price="98.5", clientOid="a-1")
    for last, symbol in (("0" * 24, "BTC-USDT"), ("client-order/other", "BTC-USDT"), (order["orderId"], "ETH-USDT")):
        assert desk.json("GET", f"{ORDERS}/{last}", {"symbol": symbol}) == {"code": "200000", "data": None}


def test_an_id_is_unique_only_while_its_order_is_open(desk: Desk) -> None:
    """The same id is refused beside an open order and makes a second execution after a filled one."""
    placed(desk, price="98.5", clientOid="a-1")
    duplicate = (200, "400100", "validation.createOrder.clientOidDuplicated")
    assert refusal(desk, desk.order(clientOid="a-1")) == duplicate
    desk.json("DELETE", f"{ORDERS}/client-order/a-1", SYMBOL)
    for _ in range(2):
        assert placed(desk, clientOid="a-1", timeInForce="IOC", size="0.2")["dealSize"] == "0.2"
    assert desk.core.ledger.filled("a-1") == Decimal("0.4")


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"symbol": "DOGE-USDT"}, "400600", "validation.createOrder.symbolNotAvailable"),
        ({"symbol": ""}, "400100", "Parameter Error"),
        ({"side": "hold"}, "400100", "Parameter Error"),
        ({"type": "stop"}, "400100", "Parameter Error"),
        ({"timeInForce": "DAY"}, "400100", "Parameter Error"),
        ({"timeInForce": "GTT"}, "400100", "Parameter Error"),
        ({"hidden": "true"}, "400100", "Parameter Error"),
        ({"size": ""}, "400100", "Parameter Error"),
        ({"size": "-1"}, "400100", "Parameter Error"),
        ({"type": "market", "funds": "10"}, "400100", "Parameter Error"),
        ({"allowMaxTimeWindow": "500"}, "400100", "Parameter Error"),
        ({"size": "0.123456789"}, "400100", "Order size increment invalid."),
        ({"price": "100.01"}, "400100", "Price increment invalid."),
        ({"type": "market", "size": "", "funds": "10.1234567"}, "400100", "Funds increment invalid."),
        ({"size": "0.00000999"}, "400100", "Order size below the minimum requirement."),
        ({"size": "0.0001"}, "400100", "Order size below the minimum requirement."),
        ({"size": "10000000001"}, "400100", "Order size above the maximum requirement."),
        ({"type": "market", "size": "", "funds": "100000000"}, "400100", "Order size above the maximum requirement."),
        ({"side": "sell", "size": "101"}, "200004", "Balance insufficient!"),
        ({"clientOid": "no spaces"}, "400100", "validation.createOrder.clientOidIsInvalid"),
        ({"clientOid": "a" * 41}, "400100", "validation.createOrder.clientOidIsInvalid"),
    ],
)
def test_a_wrong_order_is_refused_with_its_code(desk: Desk, changes: dict[str, str], code: str, text: str) -> None:
    """Each rule has its own answer, with HTTP 200, and nothing takes effect."""
    assert refusal(desk, desk.order(**changes)) == (200, code, text)
    assert desk.core.ledger.orders == ()


def test_a_post_only_order_never_takes(desk: Desk) -> None:
    """It is refused when it would trade and rests otherwise; with IOC the flag has no meaning."""
    assert refusal(desk, desk.order(postOnly="true"))[1] == "400100"
    assert placed(desk, postOnly="true", price="99.5")["status"] == "open"
    assert placed(desk, postOnly="true", timeInForce="IOC")["dealSize"] == "0.5"


def test_a_market_order_takes_a_size_or_spends_funds(desk: Desk) -> None:
    """Market orders can be sized in base or in quote units; what finds no book is dropped."""
    fields = {**SYMBOL, "side": "buy", "type": "market"}
    sync = f"{ORDERS}/sync"
    assert desk.json("POST", sync, {**fields, "size": "0.5"})["data"]["dealSize"] == "0.5"
    by_funds = desk.json("POST", sync, {**fields, "funds": "50"})["data"]
    found = desk.json("GET", f"{ORDERS}/{by_funds['orderId']}", SYMBOL)["data"]
    assert (found["size"], found["funds"], found["dealFunds"], found["price"]) == ("0", "50", "50", "0")
    assert desk.json("POST", sync, {**fields, "size": "20"})["data"]["canceledSize"] == "13"


def test_numbers_and_flags_may_be_json(desk: Desk) -> None:
    """Amounts as JSON numbers are read as they are written, flags as true and false, null as left out."""
    body = b'{"symbol":"BTC-USDT","side":"buy","size":0.10000001,"price":99.5,"postOnly":true,"remark":null}'
    request = desk.call("POST", f"{ORDERS}/sync")
    signed = dataclasses.replace(request, body=body, headers=resigned(desk, request, body))
    assert decoded(desk.effect(signed))["data"]["originSize"] == "0.10000001"
    for wrong in (b"[1]", b"{", b'{"symbol":["BTC-USDT"]}'):
        signed = dataclasses.replace(request, body=wrong, headers=resigned(desk, request, wrong))
        assert refusal(desk, signed)[:2] == (200, "400100")


def resigned(desk: Desk, request: Request, body: bytes) -> dict[str, str]:
    """The headers of a request with another body."""
    text = request.headers["kc-api-timestamp"] + request.method + request.path + body.decode()
    return {**request.headers, "kc-api-sign": desk.kucoin_hmac(text)}


@pytest.mark.parametrize(("at", "fresh"), [(T0 - 4.9, True), (T0 - 5.1, False), (T0 + 4.9, True), (T0 + 5.1, False)])
def test_a_request_must_be_fresh(desk: Desk, at: float, fresh: bool) -> None:
    """The timestamp may be five seconds off in either direction."""
    request = desk.call("GET", "/api/v1/accounts", at=at)
    if fresh:
        assert decoded(desk.effect(request))["code"] == "200000"
    else:
        assert refusal(desk, request) == (400, "400002", "Invalid KC-API-TIMESTAMP")


def test_an_order_is_refused_when_its_window_is_over(desk: Desk) -> None:
    """allowMaxTimeWindow counts from clientTimestamp, on arrival and once more before the engine."""
    window = {"allowMaxTimeWindow": "2000"}
    late = desk.order(**window, clientTimestamp=str(int((T0 - 2.1) * 1000)))
    assert refusal(desk, late)[2] == "The order exceeded allowMaxTimeWindow."
    assert placed(desk, **window, clientTimestamp=str(int((T0 - 1.9) * 1000)), price="98")["status"] == "open"
    desk.fault(FaultKind.LATENCY, Endpoint.PLACE, seconds=2.1, stage="forward")
    held_up = desk.order(**window, clientTimestamp=str(int(desk.now * 1000)))
    assert refusal(desk, held_up)[2] == "The order exceeded allowMaxTimeWindow."
    assert len(desk.core.ledger.orders) == 1


def test_keys_and_signatures_are_verified(desk: Desk) -> None:
    """A missing header and a wrong key, signature, passphrase or version each have their answer."""
    right = desk.call("GET", "/api/v1/accounts", {"type": "trade_hf"})

    def changed(**headers: str) -> Request:
        names = {f"kc-api-{name.replace('_', '-')}": value for name, value in headers.items()}
        return dataclasses.replace(right, headers={**right.headers, **names})

    cases = [
        (changed(sign=""), (401, "400001")),
        (changed(key="0" * 24), (401, "400003")),
        (changed(passphrase=desk.kucoin_hmac("another")), (401, "400004")),
        (changed(passphrase=desk.keys["passphrase"], key_version="1"), (401, "400004")),
        (changed(key_version="1"), (401, "400004")),
        (changed(sign=desk.kucoin_hmac("another")), (401, "400005")),
        (dataclasses.replace(right, query="type=trade"), (401, "400005")),
        (dataclasses.replace(right, method="GET", body=b"{}"), (401, "400005")),
    ]
    assert [refusal(desk, request)[:2] for request, _ in cases] == [wanted for _, wanted in cases]
    for harmless in (changed(key_version="3"), changed(partner="anybody", partner_sign="anything")):
        assert decoded(desk.effect(harmless))["code"] == "200000"


def test_a_signature_may_cover_the_plain_or_the_encoded_query(desk: Desk) -> None:
    """Clients differ in what they sign when a query is percent-encoded; both are taken."""
    plain = desk.call("GET", "/api/v1/trade-fees", {})
    stamp = plain.headers["kc-api-timestamp"]
    symbols = "BTC-USDT,ETH-USDT"
    encoded = f"symbols={quote(symbols)}"
    for signed in (f"symbols={symbols}", encoded):
        sign = desk.kucoin_hmac(f"{stamp}GET/api/v1/trade-fees?{signed}")
        request = dataclasses.replace(plain, query=encoded, headers={**plain.headers, "kc-api-sign": sign})
        rows = decoded(desk.effect(request))["data"]
        assert [(row["symbol"], row["takerFeeRate"]) for row in rows] == [("BTC-USDT", "0.001"), ("ETH-USDT", "0.001")]
    assert desk.json("GET", "/api/v1/trade-fees", {"symbols": "DOGE-USDT"})["code"] == "400100"


@pytest.mark.parametrize(("granted", "shown"), [("trade", "General,Spot"), ("trade,withdraw", "General,Spot,Transfer")])
def test_a_key_tells_what_it_may_do(desk: Desk, granted: str, shown: str) -> None:
    """A key that can withdraw says so."""
    desk.keys["permissions"] = granted
    data = desk.json("GET", "/api/v1/user/api-key")["data"]
    assert (data["apiKey"], data["permission"]) == (desk.keys["api_key"], shown)


def test_lists_are_narrowed_and_continued(desk: Desk) -> None:
    """done and fills show the newest first, go on after lastId, and can be narrowed."""
    ids = [placed(desk, size="0.1", clientOid=f"a-{i}")["orderId"] for i in range(3)]
    desk.now += 1
    ids.append(placed(desk, side="sell", price="99", size="0.1")["orderId"])

    def done(**fields: str) -> Any:
        return desk.json("GET", f"{ORDERS}/done", {**SYMBOL, **fields})["data"]

    first = done(limit="3")
    assert [row["id"] for row in first["items"]] == ids[:0:-1]
    rest = done(lastId=str(first["lastId"]))
    assert [row["id"] for row in rest["items"]] == ids[:1]
    assert done(lastId=str(rest["lastId"])) == {"items": [], "lastId": 0}
    assert [row["id"] for row in done(side="sell")["items"]] == ids[3:]
    assert len(done(endAt=str(int(T0 * 1000)))["items"]) == 3
    assert len(done(startAt=str(int(T0 * 1000) + 1))["items"]) == 1
    fills = desk.json("GET", "/api/v1/hf/fills", {**SYMBOL, "orderId": ids[1]})["data"]
    assert [row["orderId"] for row in fills["items"]] == [ids[1]]
    older = desk.json("GET", "/api/v1/hf/fills", {**SYMBOL, "lastId": str(fills["lastId"])})["data"]
    assert [row["orderId"] for row in older["items"]] == ids[:1]


def test_open_orders_are_cancelled_by_symbol_or_all_at_once(desk: Desk) -> None:
    """The bulk cancels say in which symbols they found something."""
    placed(desk, price="98")
    placed(desk, price="98", symbol="ETH-USDT")
    assert desk.json("DELETE", ORDERS, SYMBOL)["data"] == "success"
    assert desk.json("GET", f"{ORDERS}/active", SYMBOL)["data"] == []
    placed(desk, price="98")
    all_cancelled = desk.json("DELETE", f"{ORDERS}/cancelAll")["data"]
    assert all_cancelled == {"succeedSymbols": ["BTC-USDT", "ETH-USDT"], "failedSymbols": []}
    assert [order.status for order in desk.core.ledger.orders] == ["cancelled"] * 3


@pytest.mark.parametrize(
    ("mode", "word", "place", "cancel"),
    [
        (None, "open", None, None),
        ("maintenance", "close", "900001", "200002"),
        ("cancel_only", "cancelonly", "200001", None),
    ],
)
def test_a_mode_shows_in_the_status_and_in_orders(
    desk: Desk, mode: str | None, word: str, place: str | None, cancel: str | None
) -> None:
    """A mode is seen before an order is sent; cancel-only lets cancels through, a closed venue does not."""
    order = placed(desk, price="98")
    if mode:
        desk.core.inject(Fault(FaultKind.MODE, params={"mode": mode}), desk.now)
    assert desk.get("/api/v1/status")["data"]["status"] == word
    assert {s["enableTrading"] for s in desk.get("/api/v2/symbols")["data"]} == {word != "close"}
    assert decoded(desk.effect(desk.order(price="98")))["code"] == (place or "200000")
    assert desk.json("DELETE", f"{ORDERS}/sync/{order['orderId']}", SYMBOL)["code"] == (cancel or "200000")
    if cancel:
        assert desk.json("DELETE", f"{ORDERS}/cancelAll")["code"] == cancel


def test_open_calls_need_no_key(desk: Desk) -> None:
    """Time, symbols, currencies, prices and books answer anybody; what is not emulated is not found."""
    assert desk.get("/api/v1/timestamp") == {"code": "200000", "data": int(T0 * 1000)}
    assert {s["symbol"]: s["priceIncrement"] for s in desk.get("/api/v2/symbols")["data"]} == {
        "BTC-USDT": "0.1",
        "ETH-USDT": "0.01",
    }
    assert desk.get("/api/v2/symbols/ETH-USDT")["data"]["baseMinSize"] == "0.0001"
    assert desk.get("/api/v2/symbols/DOGE-USDT")["msg"] == "Unsupported trading pair."
    assert {row["currency"] for row in desk.get("/api/v3/currencies")["data"]} == {"BTC", "ETH", "USDT"}
    assert [row["sell"] for row in desk.get("/api/v1/market/allTickers")["data"]["ticker"]] == ["100", "100"]
    book = desk.get("/api/v1/market/orderbook/level2_20", "symbol=BTC-USDT")["data"]
    assert (book["bids"][0], book["asks"][0], len(book["asks"])) == (["99", "1"], ["100", "1"], 3)
    assert desk.get("/api/v1/market/orderbook/level2_100", "symbol=BTC-USDT")["data"] == book
    assert desk.get("/api/v1/market/orderbook/level1", "symbol=BTC-USDT")["data"]["bestAsk"] == "100"
    assert desk.get("/api/v1/contracts/active")["data"] == []
    assert desk.get("/api/v3/margin/symbols")["data"]["items"] == []
    for path in ("/api/v1/orders", "/api/v1/fills", "/"):
        assert refusal(desk, Request("GET", path)) == (404, "404000", "Url Not Found")


def test_what_a_client_asks_before_it_trades(desk: Desk) -> None:
    """The signed calls around an account: a classic one, with the HF account opened and nothing on margin."""
    assert desk.json("GET", "/api/ua/v1/account/mode")["data"]["selfAccountMode"] == "CLASSIC"
    assert desk.json("GET", "/api/v1/hf/accounts/opened")["data"] is True
    assert desk.json("GET", "/api/v1/isolated/symbols")["data"] == []
    assert desk.json("GET", "/api/v1/accounts", {"type": "main"})["data"] == []
    assert [row["balance"] for row in desk.json("GET", "/api/v1/accounts", {"currency": "BTC"})["data"]] == ["100"]
    assert desk.json("GET", "/api/v3/market/orderbook/level2", SYMBOL)["data"]["asks"][0] == ["100", "1"]


def test_a_full_quota_is_told_in_headers() -> None:
    """A rate limit says how much there is, what is left and when it starts anew."""
    for name in ("429000", "429000:200"):
        assert dict(KINDS["kucoin"].errors[name].headers) == {
            "gw-ratelimit-limit": "4000",
            "gw-ratelimit-remaining": "0",
            "gw-ratelimit-reset": "30000",
        }


@pytest.mark.parametrize(
    "name",
    ["408000", "503000", "html_523", "html_524", "html_527", "200_empty", "200_html", "200_object", "200000:null"],
)
def test_what_looks_like_a_clear_answer_promises_nothing(name: str) -> None:
    """The answers that are easily misread are not among those that promise "not executed"."""
    error = KINDS["kucoin"].errors[name]
    assert not error.definite
    if name.startswith("200"):
        assert error.status == 200
