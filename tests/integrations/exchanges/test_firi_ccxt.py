"""The ccxt class of our own: it behaves like any other ccxt class, and reaches the network only through the port."""

from __future__ import annotations

from typing import Any

import pytest
from ccxt.base import errors as ccxt_errors

from backend.ports.transport import TransportFault
from tests.fakes.transport import Reply, answer, failure
from tests.integrations.exchanges.support import Bench, make_bench

ORDER = {
    "id": 12345678,
    "market": "BTCNOK",
    "type": "bid",
    "price": "500000.00",
    "amount": "0.002",
    "remaining": "0.001",
    "matched": "0.001",
    "cancelled": "0",
    "created_at": "2023-11-14T22:13:20.123Z",
}


def exchange(*replies: Reply) -> tuple[Any, Bench]:
    bench = make_bench("firi", *replies)
    return bench.adapter._ccxt, bench


async def test_time_and_markets() -> None:
    """Milliseconds and a market table, as ccxt has them."""
    firi, _ = exchange(answer({"time": 1632954488}))
    assert await firi.fetch_time() == 1632954488000
    market = (await firi.load_markets())["BTC/NOK"]
    assert (market["id"], market["base"], market["quote"], market["precision"]["amount"]) == (
        "BTCNOK",
        "BTC",
        "NOK",
        1e-8,
    )


async def test_book_and_balance() -> None:
    """String pairs become a book; hold is used, available is free."""
    balance = {"currency": "NOK", "balance": "1000.50", "hold": "100.00", "available": "900.50"}
    firi, _ = exchange(answer({"bids": [["1", "2"]], "asks": [["3", "4"]]}), answer([balance]))
    book = await firi.fetch_order_book("BTC/NOK", 5)
    assert (book["bids"], book["asks"]) == ([[1.0, 2.0]], [[3.0, 4.0]])
    assert (await firi.fetch_balance())["NOK"] == {"free": 900.5, "used": 100.0, "total": 1000.5}


async def test_a_limit_order_and_its_life() -> None:
    """Place, look up, list, cancel; numbers go out without exponent."""
    replies = (answer({"id": 12345678}, 201), answer([ORDER]), answer([ORDER]), answer({"matched": "0.001"}))
    firi, bench = exchange(*replies)
    assert (await firi.create_order("BTC/NOK", "limit", "buy", "0.002", 5e5))["id"] == "12345678"
    assert bench.sent[0].body == b'{"market":"BTCNOK","type":"bid","price":"500000","amount":"0.002"}'
    found = await firi.fetch_order("12345678", "BTC/NOK")
    assert (found["status"], found["side"], found["filled"], found["remaining"]) == ("open", "buy", 0.001, 0.001)
    assert [order["id"] for order in await firi.fetch_open_orders("BTC/NOK")] == ["12345678"]
    assert (await firi.cancel_order("12345678", "BTC/NOK"))["filled"] == 0.001


@pytest.mark.parametrize(("type_", "price"), [("market", None), ("limit", None)])
async def test_only_limit_orders(type_: str, price: object) -> None:
    """There is nothing else at this venue, and nothing is sent to find out."""
    firi, bench = exchange()
    with pytest.raises(ccxt_errors.NotSupported):
        await firi.create_order("BTC/NOK", type_, "buy", "1", price)
    assert bench.sent == []


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer({"name": "InsufficientFunds", "message": ""}, 400), "InsufficientFunds"),
        (answer({"name": "InsufficientFunds", "message": ""}, 200), "InsufficientFunds"),
        (answer({"name": "Expired Signature", "message": ""}, 401), "InvalidNonce"),
        (answer({"name": "NeverSeen", "message": ""}, 400), "ExchangeError"),
        (answer("", 429), "RateLimitExceeded"),
        (answer("<html>", 523), "ExchangeNotAvailable"),
        (answer("<html>", 500), "ExchangeNotAvailable"),
        (answer("", 201), "BadResponse"),
        (answer({}, 201), "BadResponse"),
        (failure(TransportFault.TIMEOUT, headers_written=True), "RequestTimeout"),
        (failure(TransportFault.REFUSED, headers_written=False), "ExchangeNotAvailable"),
    ],
)
async def test_errors_are_ccxt_errors(reply: Reply, kind: str) -> None:
    """By name, also with status 200; and an answer without an id is no order."""
    firi, bench = exchange(reply)
    with pytest.raises(getattr(ccxt_errors, kind)) as caught:
        await firi.create_order("BTC/NOK", "limit", "buy", "1", "2")
    assert type(caught.value).__name__ == kind
    assert len(bench.sent) == 1


async def test_an_unknown_order_is_not_found() -> None:
    """An empty list is how the venue says it."""
    firi, _ = exchange(answer([]))
    with pytest.raises(ccxt_errors.OrderNotFound):
        await firi.fetch_order("1", "BTC/NOK")


async def test_time_comes_from_the_port() -> None:
    """ccxt's clock and its sleep are ours, and its throttle never waits."""
    firi, bench = exchange()
    assert (firi.milliseconds(), firi.nonce()) == (1700000000250, 1700000000250)
    await firi.sleep(250)
    assert bench.clock.at == 1_700_000_000.5
    await firi.throttle(1_000_000)
    assert (firi.enableRateLimit, firi.session) == (False, None)
