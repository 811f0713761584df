"""The emulated Kraken: its checks, its answers, its errors."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from backend.emulator.faults import Fault, FaultKind
from backend.emulator.wire import Endpoint, Request
from tests.emulator.kit import T0, Desk, answer, decoded

ADD = "/0/private/AddOrder"
CANCEL = "/0/private/CancelOrder"
OPEN = "/0/private/OpenOrders"
CLOSED = "/0/private/ClosedOrders"
QUERY = "/0/private/QueryOrders"


@pytest.fixture
def desk() -> Desk:
    return Desk("kraken")


def error(desk: Desk, request: Request) -> str:
    got = answer(desk.effect(request))
    assert got.status == 200
    errors: list[str] = json.loads(got.body)["error"]
    assert len(errors) == 1
    return errors[0]


def deadline(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def test_a_place_answers_with_an_id_and_nothing_else(desk: Desk) -> None:
    """The answer to AddOrder names the order and describes it, and says nothing about fills."""
    placed = decoded(desk.effect(desk.order()))
    txid = placed["result"]["txid"][0]
    assert placed == {
        "error": [],
        "result": {"descr": {"order": "buy 0.50000000 XBTUSD @ limit 100.0"}, "txid": [txid]},
    }
    shown = desk.json("POST", QUERY, {"txid": txid, "trades": "True"})["result"][txid]
    assert (shown["status"], shown["vol_exec"], shown["cost"], shown["fee"]) == (
        "closed",
        "0.50000000",
        "50.00000",
        "0.20000",
    )
    trades = desk.json("POST", "/0/private/TradesHistory")["result"]["trades"]
    assert list(trades) == shown["trades"]
    assert next(iter(trades.values()))["ordertxid"] == txid
    balances = desk.json("POST", "/0/private/BalanceEx")["result"]
    assert balances["ZUSD"] == {"balance": "9999949.8000000000", "hold_trade": "0.0000000000"}
    assert balances["XXBT"]["balance"] == "100.5000000000"


def test_an_order_is_found_by_client_id_while_open_and_after(desk: Desk) -> None:
    """cl_ord_id narrows the open and the closed list; cancel works by either id."""
    client_id = "0" * 31 + "1"
    txid = decoded(desk.effect(desk.order(price="98.5", cl_ord_id=client_id)))["result"]["txid"][0]
    decoded(desk.effect(desk.order(price="98.4", cl_ord_id="other")))
    assert list(desk.json("POST", OPEN, {"cl_ord_id": client_id})["result"]["open"]) == [txid]
    assert desk.json("POST", CLOSED, {"cl_ord_id": client_id})["result"]["count"] == 0
    assert desk.json("POST", CANCEL, {"cl_ord_id": client_id})["result"] == {"count": 1}
    closed = desk.json("POST", CLOSED, {"cl_ord_id": client_id})["result"]["closed"]
    assert closed[txid]["status"] == "canceled"
    assert error(desk, desk.call("POST", CANCEL, {"txid": txid})) == "EOrder:Unknown order"
    assert error(desk, desk.call("POST", QUERY, {"txid": "OAAAAA-AAAAA-AAAAAA"})) == "EOrder:Unknown order"


def test_an_ioc_order_keeps_its_part(desk: Desk) -> None:
    """The rest of an IOC order is cancelled at once."""
    txid = decoded(desk.effect(desk.order(volume="1.5", timeinforce="IOC")))["result"]["txid"][0]
    shown = desk.json("POST", QUERY, {"txid": txid})["result"][txid]
    assert (shown["status"], shown["vol_exec"]) == ("canceled", "1.00000000")


def test_an_id_is_unique_only_while_its_order_is_open(desk: Desk) -> None:
    """The id of a filled order makes a second execution."""
    desk.effect(desk.order(price="98.5", cl_ord_id="a-1"))
    assert error(desk, desk.order(cl_ord_id="a-1")) == "EOrder:Duplicate cl_ord_id"
    desk.json("POST", CANCEL, {"cl_ord_id": "a-1"})
    for _ in range(2):
        assert decoded(desk.effect(desk.order(cl_ord_id="a-1", volume="0.2")))["error"] == []
    assert str(desk.core.ledger.filled("a-1")) == "0.4"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        ({"type": "hold"}, "EGeneral:Invalid arguments:type"),
        ({"ordertype": "iceberg"}, "EGeneral:Invalid arguments:ordertype"),
        ({"volume": "x"}, "EGeneral:Invalid arguments:volume"),
        ({"price": ""}, "EGeneral:Invalid arguments:price"),
        ({"timeinforce": "DAY"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"cl_ord_id": "longer than eighteen"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": "a", "userref": "1"}, "EGeneral:Invalid arguments"),
        ({"volume": "0.00001"}, "EOrder:Order minimum not met"),
        ({"volume": "0.0001"}, "EOrder:Cost minimum not met"),
        ({"price": "100.01"}, "EOrder:Tick size check failed"),
        ({"type": "sell", "volume": "101"}, "EOrder:Insufficient funds"),
        ({"oflags": "post"}, "EOrder:Post only order"),
    ],
)
def test_a_wrong_order_is_refused_with_its_error(desk: Desk, changes: dict[str, str], text: str) -> None:
    """Each rule has its own error, with HTTP 200, and nothing takes effect."""
    assert error(desk, desk.order(**changes)) == text
    assert desk.core.ledger.orders == ()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.0, None),
        (59.0, None),
        (1.0, "EService:Deadline elapsed"),
        (-1.0, "EService:Deadline elapsed"),
        (61.0, "EGeneral:Invalid arguments:deadline"),
    ],
)
def test_a_deadline_is_at_least_two_seconds_and_at_most_a_minute_away(
    desk: Desk, seconds: float, text: str | None
) -> None:
    """The documented range of ``deadline`` is enforced."""
    got = decoded(desk.effect(desk.order(deadline=deadline(T0 + seconds))))["error"]
    assert got == ([text] if text else [])


def test_a_deadline_is_checked_by_the_engine(desk: Desk) -> None:
    """An order that waits longer than its deadline is refused and never takes effect."""
    desk.fault(FaultKind.LATENCY, Endpoint.PLACE, seconds=4.0, stage="forward")
    assert error(desk, desk.order(deadline=deadline(T0 + 3))) == "EService:Deadline elapsed"
    assert desk.core.ledger.orders == ()


def test_keys_signatures_and_nonces_are_verified(desk: Desk) -> None:
    """A wrong key, a changed body and a nonce that does not rise are each refused."""
    balance = "/0/private/BalanceEx"
    right = desk.call("POST", balance)
    assert error(desk, dataclasses.replace(right, headers={})) == "EAPI:Invalid key"
    assert error(desk, dataclasses.replace(right, body=right.body + b"&a=b")) == "EAPI:Invalid signature"
    assert desk.json("POST", balance, nonce=10)["error"] == []
    for nonce in (10, 9):
        assert error(desk, desk.call("POST", balance, nonce=nonce)) == "EAPI:Invalid nonce"
    assert desk.json("POST", balance, nonce=11)["error"] == []


@pytest.mark.parametrize(
    ("mode", "place", "post_only", "cancel"),
    [
        ("maintenance", False, False, False),
        ("cancel_only", False, False, True),
        ("post_only", False, True, True),
    ],
)
def test_a_mode_allows_what_it_says(desk: Desk, mode: str, place: bool, post_only: bool, cancel: bool) -> None:
    """The status endpoint tells the mode, and exactly the orders and cancels that it allows go through."""
    desk.effect(desk.order(price="98.5", cl_ord_id="rests"))
    desk.core.inject(Fault(FaultKind.MODE, params={"mode": mode}), desk.now)
    assert desk.get("/0/public/SystemStatus")["result"]["status"] == mode
    refused = [f"EService:Market in {mode} mode"]
    assert decoded(desk.effect(desk.order()))["error"] == ([] if place else refused)
    assert decoded(desk.effect(desk.order(price="98", oflags="post")))["error"] == ([] if post_only else refused)
    assert desk.json("POST", CANCEL, {"cl_ord_id": "rests"})["error"] == ([] if cancel else refused)


def test_validate_is_a_dry_run(desk: Desk) -> None:
    """An order with ``validate`` is checked and described, and does not exist."""
    assert decoded(desk.effect(desk.order(validate="true")))["result"] == {
        "descr": {"order": "buy 0.50000000 XBTUSD @ limit 100.0"}
    }
    assert desk.core.ledger.orders == ()


def test_a_market_buy_can_state_its_cost(desk: Desk) -> None:
    """With viqc the volume is an amount of the quote asset."""
    fields = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "50", "oflags": "viqc"}
    assert desk.json("POST", ADD, fields)["error"] == []
    assert [str(trade.quantity) for trade in desk.core.ledger.trades] == ["0.50000000"]


def test_open_calls_need_no_key(desk: Desk) -> None:
    """Time, book and pairs answer anybody; what is unknown gets the usual envelope or a page."""
    assert desk.get("/0/public/Time")["result"]["unixtime"] == int(T0)
    assert set(desk.get("/0/public/AssetPairs")["result"]) == {"XXBTZUSD", "XETHZUSD", "XBTUSDT", "ETHUSDT"}
    assert desk.get("/0/public/AssetPairs", "pair=XBTUSD")["result"]["XXBTZUSD"]["tick_size"] == "0.1"
    assert desk.get("/0/public/Assets")["result"]["XXBT"]["altname"] == "XBT"
    assert desk.get("/0/public/Depth", "pair=XBTUSD&count=1")["result"]["XXBTZUSD"]["asks"] == [["100.0", "1.000", 0]]
    assert desk.get("/0/public/Ticker", "pair=XBTUSD")["result"]["XXBTZUSD"]["b"] == ["99.0", "1", "1.000"]
    assert desk.get("/0/public/Nothing") == {"error": ["EGeneral:Unknown method"]}
    assert answer(desk.effect(Request("GET", "/"))).status == 404


def test_all_orders_are_cancelled_at_once(desk: Desk) -> None:
    """CancelAll counts what it cancelled."""
    for price in ("98", "97"):
        desk.effect(desk.order(price=price))
    assert desk.json("POST", "/0/private/CancelAll")["result"] == {"count": 2}
    assert desk.json("POST", OPEN)["result"] == {"open": {}}
    assert desk.json("POST", CLOSED, {"ofs": "1"})["result"]["count"] == 2
    assert desk.json("POST", CLOSED, {"start": str(T0 + 1)})["result"]["count"] == 0


def test_trades_and_balances_have_a_second_call(desk: Desk) -> None:
    """QueryTrades finds trades by id; Balance shows totals only."""
    desk.effect(desk.order())
    (trade,) = desk.core.ledger.trades
    assert list(desk.json("POST", "/0/private/QueryTrades", {"txid": trade.trade_id})["result"]) == [trade.trade_id]
    assert desk.json("POST", "/0/private/Balance")["result"]["XXBT"] == "100.5000000000"


def test_a_private_call_may_carry_json(desk: Desk) -> None:
    """A flat JSON body is signed and read like a form."""
    request = desk.call("POST", OPEN)
    assert answer(desk.effect(request)).status == 200
    body = b'{"nonce": "77", "trades": true}'
    inner = hashlib.sha256(b"77" + body).digest()
    sign = hmac.new(base64.b64decode(desk.keys["secret"]), OPEN.encode() + inner, hashlib.sha512).digest()
    headers = {"api-key": desk.keys["api_key"], "api-sign": base64.b64encode(sign).decode()}
    request = Request("POST", OPEN, "", {**headers, "content-type": "application/json"}, body)
    assert decoded(desk.effect(request))["error"] == []
