"""Books and balances as the venues document them, exact to the digit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain.books import Level
from backend.domain.errors import InvalidOrder, MissingCredentials, VenueCallFailed
from backend.domain.orders import Balance, Credentials, OrderRef
from backend.ports.transport import HttpAnswer, TransportFault
from tests.fakes.transport import Reply, answer, failure
from tests.integrations.exchanges.recurring import HTML, VENUES, D, bybit, bybit_rows, kraken, kucoin, okx
from tests.integrations.exchanges.support import SYMBOLS, warm_bench

BOOK_SIDES = {
    "bids": [["49990.10", "0.3", 1700000000], ["49991.5", "1", 1700000000]],
    "asks": [["50001.0", "0.25", 1], ["50000.00000001", "2", 1]],
}
BOOKS = {
    "binance": answer({"lastUpdateId": 7, **BOOK_SIDES}),
    "kucoin": kucoin({"sequence": "7", "time": 1700000000250, **BOOK_SIDES}),
    "kraken": kraken({"XXBTZUSD": BOOK_SIDES}),
    "firi": answer(BOOK_SIDES),
    "bybit": bybit({"s": "BTCUSDT", "b": BOOK_SIDES["bids"], "a": BOOK_SIDES["asks"], "ts": 1, "u": 1}),
    "okx": okx({**BOOK_SIDES, "ts": "1", "seqId": 1}),
}


@pytest.mark.parametrize("venue", VENUES)
async def test_a_book_is_exact_and_best_first(venue: str) -> None:
    """Decimal levels in trading order, whatever order they came in, stamped with our own clock."""
    bench = await warm_bench(venue, BOOKS[venue])
    book = await bench.adapter.order_book(SYMBOLS[venue], 5)
    assert (book.venue, book.symbol, book.at) == (venue, SYMBOLS[venue], bench.clock.at)
    assert book.bids == (Level(D("49991.5"), D(1)), Level(D("49990.10"), D("0.3")))
    assert book.asks == (Level(D("50000.00000001"), D(2)), Level(D("50001.0"), D("0.25")))


BAD_BOOKS = (
    "{}",
    "[]",
    "",
    HTML,
    '{"bids":[],"asks":null}',
    '{"bids":[["a","1"]],"asks":[]}',
    '{"bids":[[1]],"asks":[]}',
)


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    "body",
    [
        *BAD_BOOKS,
        '{"error":[],"result":{}}',
        '{"bids":[["NaN","1"]],"asks":[]}',
        '{"retCode":0,"result":{"s":"BTCUSDT","b":[],"a":null}}',
        '{"retCode":0,"result":{"s":"ETHUSDT","b":[],"a":[]}}',
        '{"retCode":10006,"result":{"s":"BTCUSDT","b":[],"a":[]}}',
        '{"code":"0","data":[]}',
        '{"code":"50011","data":[{"bids":[],"asks":[]}]}',
    ],
)
async def test_a_strange_answer_is_no_book(venue: str, body: str) -> None:
    """Nothing that is not a book is read as an empty one."""
    bench = await warm_bench(venue, answer(body))
    with pytest.raises(VenueCallFailed) as caught:
        await bench.adapter.order_book(SYMBOLS[venue])
    assert (caught.value.venue, caught.value.operation, caught.value.not_sent) == (venue, "order_book", False)


@pytest.mark.parametrize("venue", VENUES)
async def test_an_error_status_is_no_book_whatever_it_carries(venue: str) -> None:
    """A stale page of a proxy may look like a book."""
    book = BOOKS[venue]
    assert isinstance(book, HttpAnswer)
    bench = await warm_bench(venue, replace(book, status=502))
    with pytest.raises(VenueCallFailed, match="HTTP 502"):
        await bench.adapter.order_book(SYMBOLS[venue])


async def test_an_error_beside_a_result_is_no_answer() -> None:
    """An envelope that says both is not read as either; a warning beside a result is fine."""
    both = {"error": ["EService:Busy"], "result": {"XXBTZUSD": BOOK_SIDES}}
    bench = await warm_bench("kraken", answer(both), answer({**both, "error": ["WGeneral:Danger"]}))
    with pytest.raises(VenueCallFailed, match="EService:Busy"):
        await bench.adapter.order_book("BTC/USD")
    assert (await bench.adapter.order_book("BTC/USD")).bids


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("written", [True, False])
async def test_a_read_says_whether_a_byte_left(venue: str, written: bool) -> None:
    """A refused connection and a lost answer are told apart, and neither is tried twice."""
    bench = await warm_bench(venue, failure(TransportFault.REFUSED, headers_written=written))
    with pytest.raises(VenueCallFailed) as caught:
        await bench.adapter.balances()
    assert caught.value.not_sent is not written
    assert len(bench.sent) == 1


@pytest.mark.parametrize("venue", VENUES)
async def test_an_unknown_market_names_the_field(venue: str) -> None:
    """A wrong symbol is the caller's mistake, found before anything is sent."""
    bench = await warm_bench(venue)
    for call in (
        bench.adapter.order_book("ABC/XYZ"),
        bench.adapter.open_orders("ABC/XYZ"),
        bench.adapter.my_trades("ABC/XYZ", venue_order_id="1"),
        bench.adapter.get_order(OrderRef("ABC/XYZ", "1")),
    ):
        with pytest.raises(InvalidOrder) as caught:
            await call
        assert caught.value.field == "symbol"
    assert bench.sent == []


@pytest.mark.parametrize("venue", VENUES)
async def test_private_reads_without_keys_send_nothing(venue: str) -> None:
    """The message names the settings to fill."""
    bench = await warm_bench(venue, credentials=Credentials())
    for call in (
        bench.adapter.balances(),
        bench.adapter.get_order(OrderRef(SYMBOLS[venue], "1")),
        bench.adapter.cancel_order(OrderRef(SYMBOLS[venue], "1")),
        bench.adapter.my_trades(SYMBOLS[venue], venue_order_id="1"),
    ):
        with pytest.raises(MissingCredentials, match="api_key"):
            await call
    assert bench.sent == []


@pytest.mark.parametrize(
    ("venue", "reply"),
    [
        ("binance", answer({"balances": [{"asset": "BTC", "free": "1.00000001", "locked": "0.50000000"}]})),
        ("kraken", kraken({"XXBT": {"balance": "1.50000001", "hold_trade": "0.50000000"}})),
        (
            "kucoin",
            kucoin(
                [
                    {
                        "currency": "BTC",
                        "type": "trade_hf",
                        "balance": "1.5",
                        "available": "1.00000001",
                        "holds": "0.5",
                    },
                    {"currency": "BTC", "type": "trade", "balance": "9", "available": "9", "holds": "0"},
                ]
            ),
        ),
        ("firi", answer([{"currency": "BTC", "balance": "1.5", "hold": "0.5", "available": "1.00000001"}])),
        ("bybit", bybit_rows({"coin": [{"coin": "BTC", "walletBalance": "1.50000001", "locked": "0.5"}]})),
        ("okx", okx({"details": [{"ccy": "BTC", "availBal": "1.00000001", "frozenBal": "0.5"}]})),
    ],
)
async def test_balances_are_exact(venue: str, reply: Reply) -> None:
    """What is held in orders is not free."""
    bench = await warm_bench(venue, reply)
    assert await bench.adapter.balances() == {"BTC": Balance("BTC", D("1.00000001"), D("0.5"))}


async def test_kraken_assets_get_their_common_names() -> None:
    """ZUSD is USD, XXBT is BTC; what is staked or unknown keeps a name of its own."""
    entry = {"balance": "1", "hold_trade": "0"}
    names = ("ZUSD", "XXBT", "XBT.F", "USD.M", "NEWCOIN")
    bench = await warm_bench("kraken", kraken(dict.fromkeys(names, entry)))
    assert set(await bench.adapter.balances()) == {"USD", "BTC", "XBT.F", "USD.M", "NEWCOIN"}
