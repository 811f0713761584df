"""The emulated Firi: its checks, its answers, its errors."""

from __future__ import annotations

import dataclasses
import json

import pytest

from backend.emulator.wire import Request
from tests.emulator.kit import T0, Desk, answer, decoded


@pytest.fixture
def desk() -> Desk:
    return Desk("firi")


def refusal(desk: Desk, request: Request) -> tuple[int, str]:
    got = answer(desk.effect(request))
    return got.status, json.loads(got.body)["name"]


def test_a_place_answers_with_an_id(desk: Desk) -> None:
    """The answer to an order is 201 and a whole number; everything else has to be asked for."""
    placed = answer(desk.effect(desk.order(amount="1.5")))
    assert placed.status == 201
    order_id = json.loads(placed.body)["id"]
    assert isinstance(order_id, int)
    assert desk.json("GET", f"/v2/order/{order_id}") == [
        {
            "id": order_id,
            "market": "BTCNOK",
            "type": "bid",
            "price": "100.00",
            "amount": "1.50000000",
            "remaining": "0.50000000",
            "matched": "1.00000000",
            "cancelled": "0.00000000",
            "created_at": "2025-06-15T15:06:40.000Z",
        }
    ]
    matches = desk.json("GET", "/v2/history/orders/BTCNOK", {})
    assert [(m["id"], m["amount"], m["isMaker"]) for m in matches] == [(order_id, "1.00000000", False)]


def test_a_cancel_tells_what_had_matched(desk: Desk) -> None:
    """The part that was filled before the cancel is in its answer, and the order stays in the history."""
    order_id = decoded(desk.effect(desk.order(amount="1.5")))["id"]
    assert [o["id"] for o in desk.json("GET", "/v2/orders")] == [order_id]
    assert answer(desk.effect(desk.call("GET", "/v2/orders/BTCNOK"))).status == 201
    assert desk.json("DELETE", f"/v2/orders/{order_id}/detailed") == {"matched": "1.00000000"}
    past = desk.json("GET", "/v2/orders/BTCNOK/history")
    assert [(o["matched"], o["cancelled"], o["remaining"]) for o in past] == [
        ("1.00000000", "0.50000000", "0.00000000")
    ]
    assert refusal(desk, desk.call("DELETE", f"/v2/orders/{order_id}/BTCNOK/detailed")) == (404, "OrderNotFound")
    assert refusal(desk, desk.call("GET", "/v2/order/1")) == (404, "OrderNotFound")


@pytest.mark.parametrize("path", ["/v2/orders", "/v2/orders/BTCNOK"])
def test_cancelling_many_answers_with_nothing(desk: Desk, path: str) -> None:
    """Bulk cancels answer 204 without a body."""
    desk.effect(desk.order(price="98.00"))
    got = desk.ask("DELETE", path)
    assert (got.status, got.body) == (204, b"")
    assert desk.json("GET", "/v2/orders") == []


@pytest.mark.parametrize(
    ("changes", "status", "name"),
    [
        ({"market": "BTCSEK"}, 404, "MarketNotFound"),
        ({"type": "buy"}, 400, "BadRequest"),
        ({"price": "0"}, 400, "BadRequest"),
        ({"amount": "none"}, 400, "InvalidAmount"),
        ({"price": "100.001"}, 400, "TooHighPriceAccuracy"),
        ({"amount": "0.123456789"}, 400, "TooHighVolumeAccuracy"),
        ({"amount": "0.00001"}, 400, "BadRequest"),
        ({"type": "ask", "amount": "101"}, 400, "InsufficientFunds"),
    ],
)
def test_a_wrong_order_is_refused_by_name(desk: Desk, changes: dict[str, str], status: int, name: str) -> None:
    """Each rule has its own name, and nothing takes effect."""
    assert refusal(desk, desk.order(**changes)) == (status, name)
    assert desk.core.ledger.orders == ()


def test_the_same_order_sent_twice_is_two_orders(desk: Desk) -> None:
    """There is no client id: nothing tells a repetition from a second order."""
    request = desk.order(amount="0.2")
    ids = {decoded(desk.effect(request))["id"] for _ in range(2)}
    assert len(ids) == 2
    assert [str(trade.quantity) for trade in desk.core.ledger.trades] == ["0.2", "0.2"]


@pytest.mark.parametrize("generation", ["firi", "miraiex"])
def test_a_plain_key_is_enough(desk: Desk, generation: str) -> None:
    """The key in a header opens private calls, under the old and the new name."""
    right = {f"{generation}-access-key": desk.keys["api_key"]}
    assert answer(desk.effect(Request("GET", "/v2/balances", headers=right))).status == 200
    wrong = {f"{generation}-access-key": "0" * 48}
    assert refusal(desk, Request("GET", "/v2/balances", headers=wrong)) == (401, "ApiKeyNotFound")
    assert refusal(desk, Request("GET", "/v2/balances")) == (401, "ApiKeyNotFound")


@pytest.mark.parametrize(
    ("signed_at", "name"), [(T0, None), (T0 - 1, None), (T0 - 3, "Expired Signature"), (T0 + 4, "Expired Signature")]
)
def test_a_signature_holds_for_its_validity(desk: Desk, signed_at: float, name: str | None) -> None:
    """A signed call passes while its time and validity cover now."""
    got = desk.json("GET", "/v2/balances", signed_at=signed_at)
    assert (got["name"] if isinstance(got, dict) else None) == name


def test_a_signature_covers_the_body(desk: Desk) -> None:
    """A signed order passes as it was signed, and not with another amount."""
    fields = {"market": "BTCNOK", "type": "bid", "price": "100.00", "amount": "0.5"}
    right = desk.call("POST", "/v2/orders", fields, signed_at=T0)
    changed = dataclasses.replace(right, body=right.body.replace(b"0.5", b"5.0"))
    assert refusal(desk, changed) == (401, "Invalid Signature")
    assert answer(desk.effect(right)).status == 201


def test_open_calls_need_no_key(desk: Desk) -> None:
    """Time and market data answer anybody; a wrong path gets an error in the usual shape."""
    assert desk.get("/time") == {"time": int(T0)}
    assert [m["id"] for m in desk.get("/v2/markets")] == ["BTCNOK", "ETHNOK"]
    assert desk.get("/v2/markets/BTCNOK")["last"] == "99.50"
    assert desk.get("/v2/markets/BTCNOK/ticker")["bid"] == "99.0000000000000000"
    assert desk.get("/v2/markets/tickers")[0]["market"] == "BTCNOK"
    book = desk.get("/v2/markets/BTCNOK/depth", "bids=1&asks=2")
    assert book == {
        "bids": [["99.00", "1.00000000"]],
        "asks": [["100.00", "1.00000000"], ["101.00", "2.00000000"]],
    }
    assert desk.get("/v2/markets/BTCNOK/history") == []
    assert desk.get("/v2/markets/BTCSEK")["name"] == "MarketNotFound"
    assert desk.get("/v3/markets")["name"] == "NotFound"
