"""The public client library, unmodified, against the emulator: a check of the emulator by somebody else's reading."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import ccxt.async_support as ccxt
import pytest

from backend.emulator.faults import Fault, FaultKind
from backend.emulator.host import Emulator
from backend.emulator.wire import Endpoint
from tests.emulator.web import redirected, started

CASES = [("binance", "BTC/USDT"), ("binance", "ETH/USDT"), ("kraken", "BTC/USD"), ("kraken", "ETH/USDT")]
CASES += [(venue, symbol) for venue in ("bybit", "kucoin", "okx") for symbol in ("BTC/USDT", "ETH/USDT")]
WANTED = {"bybit": {"acknowledged": True}}  # the library asks its caller to say that it knows what a look-up can find


@asynccontextmanager
async def client(emulator: Emulator, venue: str, **changes: str) -> AsyncIterator[Any]:
    """The library's own class for the venue, with all its default requests."""
    keys = emulator.credentials[venue]
    async with redirected(emulator.addresses[venue]) as session:
        options = {"apiKey": keys["api_key"], "secret": keys["secret"], "password": keys.get("passphrase"), **changes}
        yield getattr(ccxt, venue)(
            {**options, "session": session, "enableRateLimit": False, "options": {"fetchMargins": True}}
        )


@pytest.mark.parametrize(("venue", "symbol"), CASES)
async def test_the_life_of_an_order(venue: str, symbol: str) -> None:
    """Markets load; an order is placed, queried, listed and cancelled; another one fills; balances and trades agree."""
    known = WANTED.get(venue, {})
    async with started(written=False) as emulator, client(emulator, venue) as exchange:
        markets = await exchange.load_markets()
        assert markets[symbol]["active"]
        assert abs(await exchange.fetch_time() / 1000 - exchange.milliseconds() / 1000) < 2
        assert (await exchange.fetch_status())["status"] == "ok"
        book = await exchange.fetch_order_book(symbol, 20)
        far = exchange.price_to_precision(symbol, book["bids"][0][0] * 0.98)
        placed = await exchange.create_order(symbol, "limit", "buy", "0.05", far, {"clientOrderId": "rests1"})
        found = await exchange.fetch_order(placed["id"], symbol, known)
        assert (found["status"], found["amount"], found["filled"], found["clientOrderId"]) == (
            "open",
            0.05,
            0.0,
            "rests1",
        )
        assert [order["id"] for order in await exchange.fetch_open_orders(symbol)] == [placed["id"]]
        held = (await exchange.fetch_balance())["used"][symbol.split("/")[1]]
        assert held > 0.0499 * float(far)
        await exchange.cancel_order(placed["id"], symbol)
        assert (await exchange.fetch_order(placed["id"], symbol, known))["status"] == "canceled"
        assert await exchange.fetch_open_orders(symbol) == []

        near = exchange.price_to_precision(symbol, book["asks"][0][0] * 1.005)
        taken = await exchange.create_order(
            symbol, "limit", "buy", "0.05", near, {"timeInForce": "IOC", "clientOrderId": "takes1"}
        )
        done = await exchange.fetch_order(taken["id"], symbol, known)
        assert (done["status"], done["filled"]) == ("closed", 0.05)
        trades = await exchange.fetch_my_trades(symbol)
        assert {trade["order"] for trade in trades} == {taken["id"]}
        assert math.isclose(sum(trade["amount"] for trade in trades), 0.05)
        assert all(trade["fee"]["cost"] > 0 and trade["takerOrMaker"] == "taker" for trade in trades)
        assert [order["id"] for order in await exchange.fetch_closed_orders(symbol)][-1] == taken["id"]
        truth = emulator.ledger(venue)
        assert truth.filled("takes1") == Decimal("0.05")


@pytest.mark.parametrize("venue", ["binance", "bybit", "kraken", "kucoin", "okx"])
async def test_a_market_order_fills(venue: str) -> None:
    """A market order needs no price and ends closed."""
    symbol, known = "BTC/USDT", WANTED.get(venue, {})
    async with started() as emulator, client(emulator, venue) as exchange:
        placed = await exchange.create_order(symbol, "market", "sell", "0.5")
        assert (await exchange.fetch_order(placed["id"], symbol, known))["average"] == 99.0


@pytest.mark.parametrize(
    ("venue", "error"),
    [
        ("binance", ccxt.AuthenticationError),
        ("kraken", ccxt.ExchangeError),
        ("kucoin", ccxt.AuthenticationError),
        ("bybit", ccxt.AuthenticationError),
        ("okx", ccxt.AuthenticationError),
    ],
)
async def test_a_wrong_secret_is_refused(venue: str, error: type[Exception]) -> None:
    """A signature made with another secret opens nothing."""
    secret = "YW5vdGhlcg==" if venue == "kraken" else "another"
    async with started() as emulator, client(emulator, venue, secret=secret) as exchange:
        with pytest.raises(error, match=r"[Ss]ignature|API-SIGN"):
            await exchange.fetch_balance()


@pytest.mark.parametrize(
    ("venue", "name", "error"),
    [
        ("binance", "-2010:balance", ccxt.InsufficientFunds),
        ("binance", "-2010:post_only", ccxt.OrderImmediatelyFillable),
        ("binance", "-1007", ccxt.RequestTimeout),
        ("binance", "-1008", ccxt.OperationFailed),
        ("binance", "-1003:banned", ccxt.DDoSProtection),
        ("binance", "html_502", ccxt.ExchangeNotAvailable),
        ("kraken", "EOrder:Insufficient funds", ccxt.InsufficientFunds),
        ("kraken", "EService:Unavailable", ccxt.ExchangeNotAvailable),
        ("kraken", "EService:Market in cancel_only mode", ccxt.OnMaintenance),
        ("kraken", "EService:Timeout", ccxt.ExchangeError),
        ("kraken", "html_520", ccxt.ExchangeNotAvailable),
        ("okx", "51008", ccxt.InsufficientFunds),
        ("okx", "51016", ccxt.InvalidOrder),
        ("okx", "51149", ccxt.ExchangeError),
        ("okx", "50004", ccxt.RequestTimeout),
        ("okx", "50011", ccxt.RateLimitExceeded),
        ("okx", "50102", ccxt.InvalidNonce),
        ("okx", "50120", ccxt.ExchangeError),
        ("okx", "gateway", ccxt.ExchangeError),
        ("bybit", "170131", ccxt.InsufficientFunds),
        ("bybit", "170141", ccxt.InvalidOrder),
        ("bybit", "170146", ccxt.InvalidOrder),
        ("bybit", "10016", ccxt.ExchangeError),
        ("bybit", "10002", ccxt.InvalidNonce),
        ("bybit", "10005", ccxt.PermissionDenied),
        ("bybit", "403", ccxt.RateLimitExceeded),
        ("bybit", "html_504", ccxt.RequestTimeout),
        ("kucoin", "200004", ccxt.InsufficientFunds),
        ("kucoin", "400002", ccxt.InvalidNonce),
        ("kucoin", "400100:duplicate", ccxt.BadRequest),
        ("kucoin", "400600", ccxt.BadSymbol),
        ("kucoin", "408000", ccxt.BadRequest),
        ("kucoin", "429000", ccxt.RateLimitExceeded),
        ("kucoin", "500000", ccxt.ExchangeNotAvailable),
        ("kucoin", "503000", ccxt.ExchangeError),
        ("kucoin", "html_504", ccxt.RequestTimeout),
    ],
)
async def test_errors_are_read_as_those_of_the_real_venue(venue: str, name: str, error: type[Exception]) -> None:
    """The library maps the emulated errors to the classes that it has for the real ones."""
    async with started() as emulator, client(emulator, venue) as exchange:
        await exchange.load_markets()
        emulator.inject(venue, Fault(FaultKind.STATUS, frozenset({Endpoint.PLACE}), params={"name": name}))
        with pytest.raises(error):
            await exchange.create_order("BTC/USDT", "limit", "buy", "0.1", "90")


NO_ANSWERS = {
    "bybit": ("html_523", "html_524", "200_empty", "200_html", "200_no_result"),
    "kucoin": ("html_523", "html_524", "html_527", "200_empty", "200_html", "200000:null"),
    "okx": ("html_523", "html_524", "html_527", "html_529", "200_empty", "200_html", "200_no_data"),
}


@pytest.mark.parametrize(("venue", "name"), [(venue, name) for venue, names in NO_ANSWERS.items() for name in names])
async def test_some_answers_look_like_an_order(venue: str, name: str) -> None:
    """The library makes an order without an id of what is no answer at all."""
    async with started() as emulator, client(emulator, venue) as exchange:
        await exchange.load_markets()
        emulator.inject(venue, Fault(FaultKind.STATUS, frozenset({Endpoint.PLACE}), params={"name": name}))
        assert (await exchange.create_order("BTC/USDT", "limit", "buy", "0.1", "90"))["id"] is None


async def test_several_orders_in_one_call() -> None:
    """The library places and cancels lists of orders where the venue takes them."""
    symbol = "BTC/USDT"
    wanted = [
        {"symbol": symbol, "type": "limit", "side": "buy", "amount": 0.5, "price": price} for price in (90, 91, 92)
    ]
    async with started() as emulator, client(emulator, "okx") as exchange:
        ids = [order["id"] for order in await exchange.create_orders(wanted)]
        assert [order.order_id for order in emulator.ledger("okx").orders] == ids
        await exchange.cancel_orders(ids[:2], symbol)
        assert [order["id"] for order in await exchange.fetch_open_orders(symbol)] == ids[2:]


@pytest.mark.parametrize(("side", "spent"), [("buy", "50"), ("sell", "49.5")])
async def test_a_market_order_for_an_amount_of_quote(side: str, spent: str) -> None:
    """Where the library sizes a market order in the quote currency, half a coin is traded for its price."""
    symbol, known = "BTC/USDT", WANTED["bybit"]
    async with started() as emulator, client(emulator, "bybit") as exchange:
        placed = await exchange.create_order(symbol, "market", side, "0.5", None, {"cost": spent})
        assert (await exchange.fetch_order(placed["id"], symbol, known))["filled"] == 0.5


@pytest.mark.parametrize("venue", ["binance", "bybit", "kraken", "kucoin", "okx"])
async def test_a_refused_port_is_a_connection_that_never_was(venue: str) -> None:
    """The library says "not available", with the proof that nothing was sent as its cause."""
    async with started() as emulator, client(emulator, venue) as exchange:
        await exchange.load_markets()
        emulator.inject(venue, Fault(FaultKind.REFUSE))
        with pytest.raises(ccxt.ExchangeNotAvailable) as refused:
            await exchange.fetch_order_book("BTC/USDT")
        assert type(refused.value.__cause__).__name__ == "ClientConnectorError"
