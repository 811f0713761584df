"""More answers as others recorded them: Binance, Kraken and KuCoin, and Kraken's own list of its errors."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest

from backend.domain.books import Book
from backend.domain.errors import VenueCallFailed
from backend.domain.health import VenueMode
from backend.domain.money import plain
from backend.domain.orders import Balance, OrderRef, OrderReport, OrderStatus, Side
from backend.domain.outcomes import Accepted, ProvenNotExecuted, Unknown
from backend.domain.reasons import RejectReason as R
from backend.domain.reasons import UnknownReason
from tests.fakes.transport import answer
from tests.integrations.exchanges.recurring import D, kraken
from tests.integrations.exchanges.support import CLIENT_ID, KRAKEN_PAIR, KUCOIN_MARKET, Bench, make_bench, warm_bench
from tests.integrations.exchanges.test_recorded import DATA, recorded

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder with recorded venue answers is not here")

BINANCE, KRAKEN = "nautilus/adapters/binance/spot/http_json", "nautilus/adapters/kraken"


def told(report: OrderReport | None) -> tuple[Side, OrderStatus, str, str]:
    assert report is not None
    return report.side, report.status, plain(report.quantity), plain(report.filled)


# --- Binance ----------------------------------------------------------------------------------------------------------


async def test_binance_orders_trades_and_balances() -> None:
    """One order as query, list, cancel and history tell it, under the bench's market."""

    def here(name: str) -> Any:
        document = recorded(f"{BINANCE}/{name}.json")
        return [{**one, "symbol": "BTCUSDT"} for one in document] if isinstance(document, list) else document

    order = {**here("order_response"), "symbol": "BTCUSDT"}
    opened, history = here("open_orders_response"), here("all_orders_response")
    bench = await warm_bench("binance", answer(order), answer(opened), answer(history))
    expected = (Side.BUY, OrderStatus.OPEN, "1", "0")
    assert told(await bench.adapter.get_order(OrderRef("BTC/USDT", "1"))) == expected
    for _ in range(2):
        assert [told(one) for one in await bench.adapter.open_orders("BTC/USDT")] == [expected]
    bench.transport.then(answer(here("cancel_order_response")), answer(here("account_trades_response")))
    cancelled = await bench.adapter.cancel_order(OrderRef("BTC/USDT", "4"))
    assert (cancelled.done, cancelled.filled) == (True, "0")
    (fill,) = await bench.adapter.my_trades("BTC/USDT")
    assert (fill.side, fill.quantity, fill.price, fill.fee, fill.fee_asset) == (
        Side.BUY,
        D(12),
        D("4.00000100"),
        D("10.1"),
        "BNB",
    )
    bench.transport.then(answer(recorded(f"{BINANCE}/account_response.json")))
    assert (await bench.adapter.balances())["LTC"] == Balance("LTC", D("4763368.68006011"), D(0))


async def test_binance_place_answers_with_fills() -> None:
    """The recorded FULL answer belongs to another client id: no acceptance; under ours every fill is read."""
    full = recorded(f"{BINANCE}/new_order_full_response.json")
    bench = await warm_bench("binance")
    assert isinstance(await bench.place(answer(full)), Unknown)
    outcome = await bench.place(answer({**full, "clientOrderId": CLIENT_ID}))
    assert isinstance(outcome, Accepted)
    assert outcome.report is not None
    assert sum(fill.quantity for fill in outcome.report.fills) == outcome.report.filled == D(10)
    assert {fill.fee_asset for fill in outcome.report.fills} == {"USDT"}


async def test_binance_time_books_and_a_market_without_steps() -> None:
    """Two recorded books; a market that states no filters cannot be traded exactly, so it is left out."""
    bench = make_bench("binance", answer(recorded(f"{BINANCE}/server_time_response.json")))
    bench.transport.standing["/sapi/v1/system/status"] = answer("", 500)
    assert (await bench.adapter.health()).server_time == 1499827319.559
    bench = await warm_bench(
        "binance",
        answer(recorded(f"{BINANCE}/depth_response.json")),
        answer(recorded("xchange/binance/depth.json")),
        answer(recorded("ccxt-rs/binance/raw_order_book_BTC_USDT.json")),
    )
    book = await bench.adapter.order_book("BTC/USDT")
    assert (book.bids[0].price, book.asks[0].quantity) == (D("4.00000000"), D("12.00000000"))
    for _ in range(2):
        assert_in_order(await bench.adapter.order_book("BTC/USDT"))
    bare = make_bench("binance")
    bare.transport.standing["/api/v3/exchangeInfo"] = answer(recorded(f"{BINANCE}/exchange_info_response.json"))
    assert await bare.adapter.instruments() == {}


def assert_in_order(book: Book) -> None:
    """Best first on both sides, and not crossed."""
    bids, asks = [level.price for level in book.bids], [level.price for level in book.asks]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


async def test_binance_refuses_with_a_code() -> None:
    """The one recorded error body: not authorized."""
    bench = await warm_bench("binance")
    outcome = await bench.place(answer(recorded("xchange/binance/withdraw-400.json"), 400))
    assert isinstance(outcome, ProvenNotExecuted)
    assert outcome.reason is R.AUTHENTICATION


# --- Kraken -----------------------------------------------------------------------------------------------------------


async def kraken_bench() -> Bench:
    """Bitcoin and ether against tether, the pairs of the recordings; only Bitcoin's was recorded."""
    bench = make_bench("kraken")
    assets = recorded("xchange/kraken/example-assets-data.json")
    pairs = recorded(f"{KRAKEN}/http_asset_pairs.json")
    ether = {**pairs["result"]["XBTUSDT"], "altname": "ETHUSDT", "wsname": "ETH/USDT", "base": "XETH"}
    pairs["result"]["ETHUSDT"] = ether
    bench.transport.standing |= {"/0/public/Assets": answer(assets), "/0/public/AssetPairs": answer(pairs)}
    await bench.adapter.warm()
    return bench


async def test_kraken_orders_and_trades() -> None:
    """Open, closed and traded, of two markets; a stop order's missing limit is no price."""
    bench = await kraken_bench()
    listed = (await bench.adapter.instruments())["BTC/USDT"]
    assert (listed.price_tick, listed.min_quantity, listed.taker_fee) == (D("0.1"), D("0.00005"), D("0.004"))
    opened = answer(recorded(f"{KRAKEN}/http_open_orders.json"))
    bench.transport.then(opened, opened, opened, answer(recorded(f"{KRAKEN}/http_closed_orders.json")))
    (bitcoin,) = await bench.adapter.open_orders("BTC/USDT")
    (ether,) = await bench.adapter.open_orders("ETH/USDT")
    assert told(bitcoin) == (Side.BUY, OrderStatus.OPEN, "0.5", "0")
    assert (ether.side, ether.price) == (Side.SELL, None)
    # None of them bears our client id, though all are read.
    assert await bench.adapter.get_order(OrderRef("BTC/USDT", None, CLIENT_ID)) is None
    closed = recorded(f"{KRAKEN}/http_closed_orders.json")["result"]["closed"]
    bench.transport.then(kraken({"O5KZFT-GH3AD-LP6TLU": closed["O5KZFT-GH3AD-LP6TLU"]}))
    report = await bench.adapter.get_order(OrderRef("BTC/USDT", "O5KZFT-GH3AD-LP6TLU"))
    assert told(report) == (Side.BUY, OrderStatus.FILLED, "0.5", "0.5")
    bench.transport.then(answer(recorded(f"{KRAKEN}/http_trades_history.json")))
    (fill,) = await bench.adapter.my_trades("ETH/USDT", venue_order_id="OYEQF4-FDE4C-NMUYUI")
    assert (fill.side, fill.quantity, fill.price, fill.fee, fill.fee_asset) == (
        Side.SELL,
        D(1),
        D("1799.75"),
        D("3.60"),
        "USDT",
    )


async def test_kraken_acceptance_cancel_books_and_health() -> None:
    """The rest of the recorded calls, each as the adapter meets it."""
    bench = await kraken_bench()
    order = bench.order
    for name, txid in (
        (f"{KRAKEN}/http_add_order_spot.json", "OUF4EM-FRGI2-MQMWZD"),
        ("xchange/kraken/example-order-data.json", "OBQHEF-4PORS-OGMG2F"),
    ):
        outcome = await bench.place(answer(recorded(name)), symbol="BTC/USDT", created_at=order.created_at)
        assert isinstance(outcome, Accepted)
        assert outcome.venue_order_id == txid
    bench.transport.then(
        answer(recorded(f"{KRAKEN}/http_cancel_order_spot.json")),
        answer(recorded(f"{KRAKEN}/http_order_book.json")),
        answer(recorded("xchange/kraken/example-depth-data.json")),
    )
    assert (await bench.adapter.cancel_order(OrderRef("BTC/USDT", "O-1"))).done
    for _ in range(2):
        assert_in_order(await bench.adapter.order_book("BTC/USDT"))
    bench.transport.standing["/0/public/SystemStatus"] = answer(recorded(f"{KRAKEN}/http_system_status.json"))
    bench.transport.then(answer(recorded(f"{KRAKEN}/http_server_time.json")))
    health = await bench.adapter.health()
    assert (health.server_time, health.mode) == (1762820224.0, VenueMode.ONLINE)


@pytest.mark.parametrize("name", [f"{KRAKEN}/http_spot_balance.json", "xchange/kraken/example-balance-data.json"])
async def test_kraken_plain_balances_are_no_answer(name: str) -> None:
    """They are of another endpoint, which does not tell what is held in orders: never read as free money."""
    bench = await kraken_bench()
    bench.transport.then(answer(recorded(name)))
    with pytest.raises(VenueCallFailed):
        await bench.adapter.balances()


async def test_kraken_orders_of_old() -> None:
    """A market order that filled, and an order in the transaction currency, from the first years of the interface."""
    bench = make_bench("kraken")
    pair = {**KRAKEN_PAIR, "quote": "ZEUR", "altname": "XBTEUR"}
    litecoin = {**KRAKEN_PAIR, "base": "XLTC", "altname": "LTCUSD"}
    bench.transport.standing["/0/public/Assets"] = answer(recorded("xchange/kraken/example-assets-data.json"))
    bench.transport.standing["/0/public/AssetPairs"] = kraken({"XXBTZEUR": pair, "XLTCZUSD": litecoin})
    await bench.adapter.warm()
    bench.transport.then(answer(recorded("xchange/kraken/example-openorders-in-transaction-currency-data.json")))
    (opened,) = await bench.adapter.open_orders("BTC/EUR")
    assert (opened.status, opened.price) == (OrderStatus.OPEN, D(500))
    bench.transport.then(answer(recorded("xchange/kraken/example-market-ask-order.json")))
    report = await bench.adapter.get_order(OrderRef("LTC/USD", "OHR2QC-2XDSQ-WHOFMW"))
    assert report is not None
    assert (report.status, report.filled, report.average) == (OrderStatus.FILLED, D("0.84962599"), D("260.23"))


KRAKEN_ERROR = re.compile(r"E[A-Z][A-Za-z]+:[^\")(.]+")
CATALOGUE = {
    "EAPI:Invalid key": R.AUTHENTICATION,
    "EAPI:Rate limit exceeded": R.RATE_LIMITED,
    "EOrder:Insufficient funds": R.INSUFFICIENT_FUNDS,
}


async def test_kraken_errors_of_its_own_program() -> None:
    """Every error text in the official program's catalogue is one that our table judges; a new one fails here."""
    catalogue = json.dumps(recorded("kraken-cli/error-catalog.json"), ensure_ascii=False).replace('\\"', '"')
    found = {text.strip() for text in KRAKEN_ERROR.findall(catalogue)}
    assert found == set(CATALOGUE)
    bench = await warm_bench("kraken")
    for text, reason in CATALOGUE.items():
        outcome = await bench.place(answer({"error": [text]}))
        assert isinstance(outcome, ProvenNotExecuted)
        assert outcome.reason is reason
        bench = await warm_bench("kraken")


# --- KuCoin -----------------------------------------------------------------------------------------------------------


def captured(path: str) -> list[Any]:
    """The REST answers of this path in the capture of one connection's whole traffic."""
    file = DATA / "cryptofeed" / "KUCOIN.jsonl.gz"
    if not file.is_file():
        pytest.skip(f"the recording cryptofeed/{file.name} is not here")
    records = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    return [json.loads(r["data"]) for r in records if r["t"] == "http" and path in r["url"]]


async def test_kucoin_markets() -> None:
    """The whole recorded list: exact steps, and renamed assets under their new names."""
    bench = make_bench("kucoin")
    (symbols,) = captured("/api/v1/symbols")
    bench.transport.standing["/api/v2/symbols"] = answer(symbols)
    listed = await bench.adapter.instruments()
    assert len(listed) == len(symbols["data"]) > 600
    assert all(one.price_tick > 0 and one.quantity_step > 0 and one.taker_fee == D("0.001") for one in listed.values())
    renamed = {symbol: one.native_id for symbol, one in listed.items() if one.native_id != symbol.replace("/", "-")}
    assert renamed["BSV/USDT"] == "BCHSV-USDT"
    assert renamed["OXEN/BTC"] == "LOKI-BTC"
    assert len(renamed) < 20


async def test_kucoin_books() -> None:
    """Five recorded books, and the only recorded answer of the newer interface, whose levels look the same."""
    books = [*captured("/market/orderbook/level2"), recorded_uta_book()]
    assert len(books) == 6
    bench = await warm_bench("kucoin", *(answer(book) for book in books))
    for _ in books:
        assert_in_order(await bench.adapter.order_book("BTC/USDT"))


def recorded_uta_book() -> Any:
    routes = recorded("gocryptotrader/kucoin_http.json")["routes"]
    return routes["/api/ua/v1/market/orderbook"]["GET"][0]["data"]


@pytest.mark.parametrize("name", ["single-ticker-data", "all-ticker-data", "example-ticker", "example-balance"])
async def test_kucoin_answers_of_its_first_interface_say_nothing(name: str) -> None:
    """Recorded in 2018, when the code was "OK": no place, look-up or balance takes them for an answer."""
    old = answer(recorded(f"xchange/kucoin/{name}.json"))
    bench = await warm_bench("kucoin", old, old)
    with pytest.raises(VenueCallFailed):
        await bench.adapter.get_order(OrderRef("BTC/USDT", "1"))
    with pytest.raises(VenueCallFailed):
        await bench.adapter.balances()
    outcome = await bench.place(old)
    assert isinstance(outcome, Unknown)
    assert outcome.reason in (UnknownReason.NO_ORDER_ID, UnknownReason.UNLISTED)


async def test_kucoin_orders_of_the_private_stream() -> None:
    """The recorded life of an order, in the form that the look-up gives it: ids and amounts are read as they are."""
    names = ("btc-02-trade-orders", "btc-03-trade-orders")
    matched, done = (recorded(f"bbgo/kucoin/{name}.json")["data"] for name in names)
    assert (matched["orderId"], done["type"]) == (done["orderId"], "filled")
    order = {
        "id": done["orderId"],
        "symbol": done["symbol"],
        "side": done["side"],
        "price": done["price"],
        "size": done["size"],
        "dealSize": done["filledSize"],
        "cancelledSize": "0",
        "active": False,
    }
    fill = {**matched, "price": matched["matchPrice"], "size": matched["matchSize"], "createdAt": 1640198796191}
    pages = answer({"code": "200000", "data": {"items": [fill], "lastId": 1}})
    bench = await warm_bench("kucoin", answer({"code": "200000", "data": order}), pages)
    report = await bench.adapter.get_order(OrderRef("BTC/USDT", done["orderId"]))
    assert report is not None
    assert (report.side, report.status, report.filled) == (Side.BUY, OrderStatus.FILLED, D("0.00028975"))
    (trade,) = await bench.adapter.my_trades("BTC/USDT", venue_order_id=done["orderId"])
    assert (trade.trade_id, trade.quantity, trade.price) == (matched["tradeId"], report.filled, D("48604.5"))
    assert done["symbol"] == KUCOIN_MARKET["symbol"]
