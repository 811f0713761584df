"""Look-ups: an order by the venue's id and by ours, and the few answers that say there is none."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from backend.config.model import Timeouts
from backend.domain.errors import VenueCallFailed, VenueLimited
from backend.domain.orders import OrderRef, OrderStatus, Side
from backend.ports.transport import TransportFault
from tests.fakes.transport import Reply, answer, failure
from tests.integrations.exchanges.recurring import (
    BINANCE_ORDER,
    BYBIT_ORDER,
    FIRI_ORDER,
    HTML,
    KRAKEN_ORDER,
    KUCOIN_ORDER,
    OKX_ORDER,
    VENUES,
    D,
    bybit,
    bybit_rows,
    kraken,
    kucoin,
    okx,
)
from tests.integrations.exchanges.support import CLIENT_ID, SYMBOLS, make_bench, warm_bench

FOUND = {
    "binance": answer(BINANCE_ORDER),
    "kucoin": kucoin(KUCOIN_ORDER),
    "kraken": kraken({"28": KRAKEN_ORDER}),
    "firi": answer([FIRI_ORDER]),
    "bybit": bybit_rows(BYBIT_ORDER),
    "okx": okx(OKX_ORDER),
}


def number_at(venue: str) -> str:
    return "12345678" if venue == "firi" else "28"


@pytest.mark.parametrize("venue", FOUND)
async def test_an_order_by_its_venue_id(venue: str) -> None:
    """Side, quantities, state and times of a partly filled order that has ended."""
    number = number_at(venue)
    average = None if venue == "firi" else D(49980)
    bench = await warm_bench(venue, FOUND[venue])
    report = await bench.adapter.get_order(OrderRef(SYMBOLS[venue], number))
    assert report is not None
    assert (report.venue, report.symbol, report.venue_order_id) == (venue, SYMBOLS[venue], number)
    assert (report.side, report.quantity, report.filled) == (Side.SELL, D("0.002"), D("0.0005"))
    assert report.status is (OrderStatus.EXPIRED if venue == "binance" else OrderStatus.CANCELED)
    assert report.average == average
    assert report.client_id == (None if venue == "firi" else CLIENT_ID)
    assert report.created_at == pytest.approx(1700000000.123, abs=0.001)


NOT_FOUND = {
    "binance": answer({"code": -2013, "msg": "Order does not exist."}, 400),
    "kucoin": kucoin(None),
    "kraken": answer({"error": ["EOrder:Unknown order"]}),
    "firi": answer([]),
    "okx": okx(code="51603"),
}


@pytest.mark.parametrize("venue", NOT_FOUND)
async def test_a_definite_not_found_is_none(venue: str) -> None:
    """The venue answered that it knows no such order."""
    bench = await warm_bench(venue, NOT_FOUND[venue])
    assert await bench.adapter.get_order(OrderRef(SYMBOLS[venue], "99")) is None


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(
    "reply",
    [
        answer("", 200),
        answer(HTML, 200),
        answer("{}"),
        answer("null"),
        answer(HTML, 404),
        answer(HTML, 502),
        answer("", 429),
        answer({"code": -2026, "msg": "Order was archived."}, 400),
        answer({"code": -1003, "msg": "Too many requests queued."}, 429),
        answer({"error": ["EAPI:Rate limit exceeded"]}),
        answer({"error": ["EService:Unavailable"]}),
        answer({"error": [], "result": {}}),
        answer({"error": [], "result": {"open": {}}}),
        answer({"name": "ApiKeyNotFound", "message": ""}, 401),
        answer([{**FIRI_ORDER, "id": 5}]),
        bybit({}),
        bybit({}, 10000),
        bybit_rows({**BYBIT_ORDER, "orderId": "5"}),
        okx(),
        okx(code="50011"),
        okx({**OKX_ORDER, "ordId": "5"}),
        okx({**OKX_ORDER, "ordId": "99"}, {**OKX_ORDER, "ordId": "99"}),
        failure(TransportFault.TIMEOUT, headers_written=True),
    ],
)
async def test_anything_else_is_not_a_not_found(venue: str, reply: Reply) -> None:
    """Only the venue's own words say that an order is not there; silence and noise never do."""
    bench = await warm_bench(venue, reply)
    with pytest.raises(VenueCallFailed):
        await bench.adapter.get_order(OrderRef(SYMBOLS[venue], "99"))
    assert len(bench.sent) == 1


async def test_binance_finds_an_order_by_our_id() -> None:
    """origClientOrderId, and the venue's id is not sent beside it."""
    bench = await warm_bench("binance", answer(BINANCE_ORDER))
    report = await bench.adapter.get_order(OrderRef("BTC/USDT", None, CLIENT_ID))
    assert report is not None
    query = dict(parse_qsl(urlsplit(bench.sent[0].url).query))
    assert (query["origClientOrderId"], query["symbol"], "orderId" in query) == (CLIENT_ID, "BTCUSDT", False)


async def test_kraken_finds_an_order_by_our_id_in_both_lists() -> None:
    """Open orders first, then closed ones: an order that ends in between is still seen. Other ids do not count."""
    other = {**KRAKEN_ORDER, "cl_ord_id": "f" * 32}
    bench = await warm_bench(
        "kraken", kraken({"open": {"O-OTHER": other}}), kraken({"closed": {"O-1": KRAKEN_ORDER}, "count": 1})
    )
    report = await bench.adapter.get_order(OrderRef("BTC/USD", None, CLIENT_ID))
    assert report is not None
    assert report.venue_order_id == "O-1"
    assert [(r.url.rsplit("/", 1)[1], dict(parse_qsl((r.body or b"").decode()))["cl_ord_id"]) for r in bench.sent] == [
        ("OpenOrders", CLIENT_ID),
        ("ClosedOrders", CLIENT_ID),
    ]


async def test_kraken_knows_no_order_only_after_both_lists() -> None:
    """An answer from one list alone is no not-found."""
    ref = OrderRef("BTC/USD", None, CLIENT_ID)
    bench = await warm_bench("kraken", kraken({"open": {}}), kraken({"closed": {}, "count": 0}))
    assert await bench.adapter.get_order(ref) is None
    bench = await warm_bench("kraken", kraken({"open": {}}), answer(HTML, 520))
    with pytest.raises(VenueCallFailed):
        await bench.adapter.get_order(ref)


async def test_firi_has_no_client_ids() -> None:
    """A look-up by our id is refused here, and an id never becomes another path."""
    bench = await warm_bench("firi")
    for ref in (OrderRef("BTC/NOK", None, CLIENT_ID), OrderRef("BTC/NOK", "BTCNOK"), OrderRef("BTC/NOK", "../1")):
        for call in (bench.adapter.get_order(ref), bench.adapter.cancel_order(ref)):
            with pytest.raises(VenueCallFailed, match="no client ids"):
                await call
    assert bench.sent == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"remaining": "0.002", "matched": "0", "cancelled": "0"}, OrderStatus.OPEN),
        ({"remaining": "0.001", "matched": "0.001", "cancelled": "0"}, OrderStatus.OPEN),
        ({"remaining": "0", "matched": "0.002", "cancelled": "0"}, OrderStatus.FILLED),
        ({"remaining": "0", "matched": "0.002", "cancelled": None}, OrderStatus.FILLED),
        ({"remaining": "0.001", "matched": "0.001", "cancelled": "0.001"}, OrderStatus.CANCELED),
    ],
)
async def test_firi_states(change: dict[str, object], status: OrderStatus) -> None:
    """There is no state field: it follows from the amounts."""
    bench = await warm_bench("firi", answer([{**FIRI_ORDER, **change}]))
    report = await bench.adapter.get_order(OrderRef("BTC/NOK", "12345678"))
    assert report is not None
    assert report.status is status


async def test_firi_amounts_that_do_not_add_up_are_no_state() -> None:
    """Nothing remains, nothing is cancelled, and not all is matched: no state may be read into that."""
    bench = await warm_bench("firi", answer([{**FIRI_ORDER, "cancelled": "0", "matched": "0.0001"}]))
    with pytest.raises(VenueCallFailed, match="nothing remains"):
        await bench.adapter.get_order(OrderRef("BTC/NOK", "12345678"))


@pytest.mark.parametrize(
    ("venue", "reply"),
    [
        ("binance", answer([BINANCE_ORDER])),
        ("kucoin", kucoin([KUCOIN_ORDER])),
        ("kraken", kraken({"open": {"O-1": KRAKEN_ORDER}})),
        ("firi", answer([FIRI_ORDER])),
        ("bybit", bybit_rows({**BYBIT_ORDER, "orderStatus": "PartiallyFilled"}, BYBIT_ORDER | {"orderId": "29"})),
        ("okx", okx({**OKX_ORDER, "state": "partially_filled"})),
    ],
)
async def test_open_orders_of_one_market(venue: str, reply: Reply) -> None:
    """Each entry is a full report."""
    bench = await warm_bench(venue, reply)
    assert [report.quantity for report in await bench.adapter.open_orders(SYMBOLS[venue])] == [D("0.002")]


LOOKS_MAX = 2_000


@pytest.mark.parametrize("venue", FOUND)
async def test_looks_at_what_rests_leave_room(venue: str) -> None:
    """However many orders rest, and however often they are looked at: balances, the end of one of them and its trades
    are still asked for at once."""
    bench = make_bench(venue, timeouts=Timeouts(read_s=0.02))
    await bench.adapter.warm()
    bench.clock.at += 60
    rests = OrderRef(SYMBOLS[venue], number_at(venue), watched=True)
    for _ in range(LOOKS_MAX):
        bench.transport.then(FOUND[venue])
        try:
            await bench.adapter.get_order(rests)
        except VenueLimited:
            break
    else:
        pytest.fail("no limit was reached")
    for question in (
        bench.adapter.balances(),
        bench.adapter.get_order(replace(rests, watched=False)),
        bench.adapter.my_trades(SYMBOLS[venue], venue_order_id=number_at(venue)),
    ):
        sent = len(bench.sent)
        bench.transport.then(answer([]))
        with suppress(VenueCallFailed):  # what was answered is not what was asked for
            await question
        assert len(bench.sent) > sent
