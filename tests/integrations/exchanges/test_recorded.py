"""Answers recorded at the real venues by others. The recordings are no part of this repository."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backend.domain.orders import OrderRef, OrderStatus, Side
from backend.domain.outcomes import Accepted
from tests.fakes.transport import answer
from tests.integrations.exchanges.support import make_bench, warm_bench

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder with recorded venue answers is not here")


def recorded(name: str) -> Any:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"the recording {name} is not here")
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return json.loads(raw, parse_float=str)


def binance_routes() -> Any:
    return recorded("gocryptotrader/binance_http_api_v3.json.gz")["routes"]


def kraken_markets() -> dict[str, Any]:
    return {
        "/0/public/Assets": answer(recorded("xchange/kraken/example-assets-data.json")),
        "/0/public/AssetPairs": answer(recorded("xchange/kraken/example-assetpairs-data.json")),
    }


async def test_binance_markets_book_and_balances() -> None:
    """Full recorded answers of the spot API."""
    routes = binance_routes()
    bench = make_bench("binance")
    bench.transport.standing["/api/v3/exchangeInfo"] = answer(routes["/api/v3/exchangeInfo"]["GET"][0]["data"])
    listed = await bench.adapter.instruments()
    assert len(listed) > 20
    assert all(one.price_tick > 0 and one.quantity_step > 0 for one in listed.values())
    symbol = next(iter(listed))
    bench.transport.then(answer(routes["/api/v3/depth"]["GET"][0]["data"]))
    book = await bench.adapter.order_book(symbol)
    assert book.asks[0].price == Decimal("32085.66")
    assert [level.price for level in book.asks] == sorted(level.price for level in book.asks)
    bench.transport.then(answer(routes["/api/v3/account"]["GET"][0]["data"]))
    assert (await bench.adapter.balances())["BTC"].free == 0


async def test_binance_orders() -> None:
    """An order as the query, the cancel and the open-orders list give it."""
    order = recorded("xchange/binance/filled-market-order.json")
    bench = await warm_bench("binance", answer({**order, "symbol": "BTCUSDT"}))
    report = await bench.adapter.get_order(OrderRef("BTC/USDT", "460498247"))
    assert report is not None
    assert (report.side, report.status, report.filled) == (Side.SELL, OrderStatus.FILLED, Decimal("0.107"))
    cancelled = binance_routes()["/api/v3/order"]["DELETE"][0]["data"]
    bench.transport.then(answer(cancelled), answer(recorded("xchange/binance/open-orders.json")))
    assert (await bench.adapter.cancel_order(OrderRef("BTC/USDT", "28"))).filled == "8"
    assert [one.quantity for one in await bench.adapter.open_orders("BTC/USDT")] == [Decimal("1.0")]


async def test_kraken_markets() -> None:
    """The full tables of assets and pairs, with every asset under its common name."""
    bench = make_bench("kraken")
    bench.transport.standing = kraken_markets()
    listed = await bench.adapter.instruments()
    assert len(listed) > 20
    assert {"BTC/USD", "ETH/EUR"} <= set(listed)
    assert not [symbol for symbol in listed if "XBT" in symbol or "XDG" in symbol]
    assert all(one.price_tick > 0 and one.quantity_step > 0 for one in listed.values())


async def test_kraken_orders_trades_and_time() -> None:
    """Acceptance, open orders, trade history, cancel and time in their recorded form."""
    bench = make_bench("kraken")
    bench.transport.standing = kraken_markets()
    await bench.adapter.warm()
    placed = await bench.place(answer(recorded("xchange/kraken/example-addorder-response-data.json")))
    assert isinstance(placed, Accepted)
    assert placed.venue_order_id == "OWQJ5O-ZWYC7-5R7POQ"
    bench.transport.then(answer(recorded("xchange/kraken/example-openorders-data.json")))
    opened = await bench.adapter.open_orders("XRP/BTC")
    assert {(one.status, one.filled) for one in opened} == {(OrderStatus.OPEN, Decimal(0))}
    assert Decimal("0.00001") in {one.price for one in opened}
    bench.transport.then(answer(recorded("xchange/kraken/example-cancelorder-data.json")))
    assert (await bench.adapter.cancel_order(OrderRef("BTC/USD", "O-1"))).done
    history = recorded("xchange/kraken/example-tradehistory-data.json")
    history["result"]["count"] = len(history["result"]["trades"])
    bench.transport.then(answer(history))
    (fill,) = await bench.adapter.my_trades("LTC/BTC", venue_order_id="ONRNOX-DVI4W-76DL6Q-1")
    assert (fill.side, fill.quantity, fill.price, fill.fee) == (
        Side.SELL,
        Decimal("0.5"),
        Decimal("32.07562"),
        Decimal("0.03208"),
    )
    bench.transport.then(answer(recorded("xchange/kraken/example-servertime-data.json")))
    bench.transport.standing["/0/public/SystemStatus"] = answer("", 500)
    assert (await bench.adapter.health()).server_time == 1391835876.0


async def test_firi_markets_book_and_time() -> None:
    """The only real recordings of this venue: the order book of a thin market."""
    answers = {
        r["path"].partition("?")[0]: r["response"]
        for r in recorded("firi-miraiex/recorded_responses_2021-01-15.json")["records"]
    }
    bench = make_bench("firi", answer(answers["/time"]))
    assert (await bench.adapter.health()).server_time == 1610737184.0
    bench.transport.standing = {path: answer(body) for path, body in answers.items()}
    assert set(await bench.adapter.instruments()) == {"BTC/NOK", "DAI/NOK", "ETH/NOK", "LTC/NOK", "XRP/NOK"}
    book = await bench.adapter.order_book("BTC/NOK", 100)
    assert (book.bids[0].price, book.asks[0].price) == (Decimal("302949.17"), Decimal("308989.04"))
    assert (len(book.bids), len(book.asks)) == (125, 57)
