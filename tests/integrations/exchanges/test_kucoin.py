"""KuCoin: the bytes of its requests, and the readings that only this venue needs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from backend.domain.errors import VenueCallFailed
from backend.domain.orders import OrderRef, OrderStatus, Side
from backend.domain.outcomes import Accepted, CancelState
from backend.domain.reasons import UnknownReason
from backend.integrations.exchanges.factory import rules_of
from backend.integrations.exchanges.kucoin.rules import FILL_PAGES_MAX
from backend.ports.transport import HttpRequest
from tests.fakes.transport import Reply, answer
from tests.integrations.exchanges.documented_kucoin import PLACED
from tests.integrations.exchanges.recurring import KUCOIN_ORDER, D, kucoin
from tests.integrations.exchanges.support import CLIENT_ID, KUCOIN_MARKET, Bench, make_bench, warm_bench

BY_ID = OrderRef("BTC/USDT", "28", CLIENT_ID)
BY_CLIENT_ID = OrderRef("BTC/USDT", None, CLIENT_ID)


def signature(bench: Bench, request: HttpRequest) -> str:
    """KC-API-SIGN by the documents: base64 of HMAC-SHA256 over time, method, path with query, and body."""
    parts = urlsplit(request.url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    signed = f"{request.headers['KC-API-TIMESTAMP']}{request.method}{path}".encode() + (request.body or b"")
    return base64.b64encode(hmac.new(bench.credentials.secret.encode(), signed, hashlib.sha256).digest()).decode()


async def placed(bench: Bench, **changes: object) -> HttpRequest:
    """The one request of a place."""
    assert isinstance(await bench.place(kucoin(PLACED), **changes), Accepted)
    assert len(bench.sent) == 1
    return bench.sent[0]


async def test_an_order_is_placed_from_the_frozen_fields() -> None:
    """Timestamp and window are the journaled ones, and the header bears the same timestamp as the body."""
    bench = await warm_bench("kucoin")
    bench.clock.at += 1
    request = await placed(bench)
    assert (request.method, request.url) == ("POST", "https://api.kucoin.com/api/v1/hf/orders/sync")
    assert json.loads(request.body or b"") == {
        "clientOid": CLIENT_ID,
        "symbol": "BTC-USDT",
        "side": "buy",
        "type": "limit",
        "size": "0.00012",
        "price": "50000",
        "timeInForce": "IOC",
        "allowMaxTimeWindow": 5000,
        "clientTimestamp": 1700000000250,
    }
    assert request.headers["KC-API-TIMESTAMP"] == "1700000000250"
    assert request.headers["KC-API-SIGN"] == signature(bench, request)
    keys = bench.credentials
    hidden = hmac.new(keys.secret.encode(), keys.value("passphrase").encode(), hashlib.sha256).digest()
    assert request.headers["KC-API-PASSPHRASE"] == base64.b64encode(hidden).decode()
    assert (request.headers["KC-API-KEY"], request.headers["KC-API-KEY-VERSION"]) == (keys.api_key, "2")
    assert not [name for name in request.headers if "PARTNER" in name]


@pytest.mark.parametrize(("window_s", "sent"), [(0.0015, 1), (1.2345, 1234), (5.0, 5000), (30.0, 5000)])
async def test_a_deadline_is_never_later(window_s: float, sent: int) -> None:
    """Cut off to milliseconds and to what the timestamp's own age allows: earlier, never later than journaled."""
    bench = await warm_bench("kucoin")
    request = await placed(bench, not_after=bench.order.created_at + window_s)
    assert json.loads(request.body or b"")["allowMaxTimeWindow"] == sent


async def test_a_read_is_signed_with_the_time_of_now() -> None:
    """Only an order keeps the time of its journal; what comes after it is signed afresh, query included."""
    bench = await warm_bench("kucoin")
    bench.clock.at += 2
    await placed(bench)
    bench.transport.then(kucoin([]))
    await bench.adapter.balances()
    request = bench.sent[-1]
    assert request.url == "https://api.kucoin.com/api/v1/accounts?type=trade_hf"
    assert request.headers["KC-API-TIMESTAMP"] == "1700000002250"
    assert request.headers["KC-API-SIGN"] == signature(bench, request)


@pytest.mark.parametrize(
    ("ref", "cancel", "path"),
    [
        (BY_ID, False, "/api/v1/hf/orders/28"),
        (BY_CLIENT_ID, False, f"/api/v1/hf/orders/client-order/{CLIENT_ID}"),
        (BY_ID, True, "/api/v1/hf/orders/sync/28"),
        (BY_CLIENT_ID, True, f"/api/v1/hf/orders/sync/client-order/{CLIENT_ID}"),
    ],
)
async def test_an_order_is_named_once(ref: OrderRef, cancel: bool, path: str) -> None:
    """By the venue's id where there is one, else by ours; the market is the only other parameter."""
    bench = await warm_bench("kucoin", kucoin(None) if not cancel else kucoin(CANCELLED))
    await (bench.adapter.cancel_order(ref) if cancel else bench.adapter.get_order(ref))
    parts = urlsplit(bench.sent[0].url)
    assert (bench.sent[0].method, parts.path, parts.query) == ("DELETE" if cancel else "GET", path, "symbol=BTC-USDT")


@pytest.mark.parametrize("ref", [OrderRef("BTC/USDT", "../fills"), OrderRef("BTC/USDT", "a/b"), OrderRef("BTC/USDT")])
async def test_an_id_never_becomes_another_path(ref: OrderRef) -> None:
    """What is no id is refused here, before anything is sent."""
    bench = await warm_bench("kucoin")
    for call in (bench.adapter.get_order(ref), bench.adapter.cancel_order(ref)):
        with pytest.raises(VenueCallFailed, match="path") as caught:
            await call
        assert caught.value.not_sent
    assert bench.sent == []


def test_our_ids_fit_the_venue() -> None:
    """32 hex digits are within the documented alphabet and length."""
    rule = rules_of("kucoin").client_id
    assert rule is not None
    assert re.fullmatch(rule.value.pattern, CLIENT_ID)
    assert not re.fullmatch(rule.value.pattern, "a" * (rule.value.length_max + 1))


@pytest.mark.parametrize(
    ("change", "status", "filled"),
    [
        ({}, OrderStatus.FILLED, "0.00012"),
        ({"dealSize": "0", "canceledSize": "0.00012"}, OrderStatus.CANCELED, "0"),
        ({"dealSize": "0.00002", "canceledSize": "0.0001"}, OrderStatus.CANCELED, "0.00002"),
        ({"dealSize": "0.00002", "remainSize": "0.0001", "status": "open"}, OrderStatus.OPEN, "0.00002"),
    ],
)
async def test_a_synchronous_answer_tells_the_state(change: dict[str, str], status: OrderStatus, filled: str) -> None:
    """Parts that come to the whole are a report; side and price are the order's own."""
    bench = await warm_bench("kucoin")
    outcome = await bench.place(kucoin({**PLACED, **change}))
    assert isinstance(outcome, Accepted)
    report = outcome.report
    assert report is not None
    assert (report.status, report.filled, report.quantity) == (status, D(filled), D("0.00012"))
    assert (report.side, report.client_id, report.venue_order_id) == (Side.BUY, CLIENT_ID, PLACED["orderId"])


@pytest.mark.parametrize(
    "change",
    [
        {"dealSize": "0"},
        {"remainSize": "0.00001"},
        {"dealSize": "0.0001", "remainSize": "0.00002"},
        {"status": "new word"},
        {"originSize": None},
        {"dealSize": None},
        {"originSize": "0", "dealSize": "0"},
    ],
)
async def test_a_state_that_does_not_add_up_is_only_an_id(change: dict[str, object]) -> None:
    """The id is the acceptance; a state with a part missing is asked for again, never taken for the end."""
    bench = await warm_bench("kucoin")
    outcome = await bench.place(kucoin({**PLACED, **change}))
    assert isinstance(outcome, Accepted)
    assert outcome.report is None


async def test_an_answer_that_echoes_no_client_id_is_accepted() -> None:
    """The id is documented, its echo at this endpoint is not everywhere; another id is no acceptance."""
    bench = await warm_bench("kucoin")
    outcome = await bench.place(kucoin({"orderId": "67110f7c"}))
    assert isinstance(outcome, Accepted)
    assert outcome.venue_order_id == "67110f7c"


async def test_a_duplicate_id_is_no_refusal() -> None:
    """ccxt calls it a bad request; it means that an order of this id exists."""
    bench = await warm_bench("kucoin")
    refused = answer({"code": "400100", "msg": "validation.createOrder.clientOidDuplicated"}, 400)
    assert getattr(await bench.place(refused), "reason", None) is UnknownReason.DUPLICATE_ID


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("400100", "order not exist"),
        ("400100", "order not exist."),
        ("400100", "The order does not exist."),
        ("400100", "Order does not exist"),
        ("order_not_exist", "order_not_exist"),
    ],
)
async def test_every_wording_of_not_found(code: str, message: str) -> None:
    """The venue answered that it knows no such order, in one of its words for it; to a cancel it means the same."""
    refused = answer({"code": code, "msg": message}, 400)
    bench = await warm_bench("kucoin", refused, refused)
    assert await bench.adapter.get_order(BY_CLIENT_ID) is None
    assert (await bench.adapter.cancel_order(BY_CLIENT_ID)).state is CancelState.NO_SUCH_ORDER


async def test_a_cancel_of_an_ended_order_in_its_other_wording() -> None:
    """It may have been filled; but these are the venue's only words for an order that is not there."""
    refused = answer({"code": "400100", "msg": "Order not exist or not allow to be cancelled"}, 400)
    bench = await warm_bench("kucoin", refused)
    assert (await bench.adapter.cancel_order(BY_ID)).state is CancelState.NO_SUCH_ORDER


@pytest.mark.parametrize(
    "reply",
    [
        answer({"code": "400100", "msg": "order_not_exist_or_not_allow_to_cancel"}, 400),
        answer({"code": "400100", "msg": "Parameter Error"}, 400),
        answer({"code": "200000"}),
        answer({"data": None}),
        answer({"code": "500000", "msg": "order not exist"}, 500),
    ],
)
async def test_other_answers_to_a_look_up_are_no_not_found(reply: Reply) -> None:
    """Only a null in an envelope, or the very words, say that there is no order."""
    bench = await warm_bench("kucoin", reply)
    with pytest.raises(VenueCallFailed):
        await bench.adapter.get_order(BY_ID)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"active": True, "cancelExist": False, "cancelledSize": "0"}, OrderStatus.OPEN),
        ({"active": True, "dealSize": "0.002", "cancelledSize": "0"}, OrderStatus.OPEN),
        ({"dealSize": "0.002", "cancelledSize": "0"}, OrderStatus.FILLED),
        ({"dealSize": "0.002", "cancelledSize": None, "cancelExist": False}, OrderStatus.FILLED),
        ({"cancelExist": False}, OrderStatus.CANCELED),
        ({"dealSize": "0", "dealFunds": "0", "cancelledSize": "0.002"}, OrderStatus.CANCELED),
    ],
)
async def test_a_state_comes_from_the_amounts(change: dict[str, object], status: OrderStatus) -> None:
    """ccxt calls an order cancelled that was filled to the last unit: the flag is on it all the same."""
    bench = await warm_bench("kucoin", kucoin({**KUCOIN_ORDER, **change}))
    report = await bench.adapter.get_order(BY_ID)
    assert report is not None
    assert report.status is status


@pytest.mark.parametrize(
    "change",
    [
        {"active": None},
        {"active": "false"},
        {"cancelledSize": "0"},
        {"cancelledSize": "0.001"},
        {"dealSize": None},
        {"size": "0"},
        {"side": "HOLD"},
        {"symbol": "ETH-USDT"},
        {"id": ""},
    ],
)
async def test_an_order_that_is_not_as_documented_is_no_report(change: dict[str, object]) -> None:
    """Nothing is concluded from an order with a part unaccounted for, or about another market."""
    bench = await warm_bench("kucoin", kucoin({**KUCOIN_ORDER, **change}), kucoin([{**KUCOIN_ORDER, **change}]))
    with pytest.raises(VenueCallFailed, match="not as documented"):
        await bench.adapter.get_order(BY_ID)
    with pytest.raises(VenueCallFailed, match="not as documented"):
        await bench.adapter.open_orders("BTC/USDT")


async def test_a_renamed_asset_has_one_name() -> None:
    """A market's id keeps the code of before; the account may bear either. Other accounts do not count."""
    bench = make_bench("kucoin")
    market = {**KUCOIN_MARKET, "symbol": "BCHSV-USDT", "name": "BSV-USDT", "baseCurrency": "BSV"}
    bench.transport.standing["/api/v2/symbols"] = kucoin([market])
    assert set(await bench.adapter.instruments()) == {"BSV/USDT"}
    account = {"currency": "BCHSV", "type": "trade_hf", "balance": "2", "available": "2", "holds": "0"}
    bench.transport.then(kucoin([account, {**account, "currency": "KALT"}]), kucoin([{**account, "currency": "BSV"}]))
    assert set(await bench.adapter.balances()) == {"BSV", "ALT"}
    assert set(await bench.adapter.balances()) == {"BSV"}


FILL = {
    "id": 2678765568,
    "symbol": "BTC-USDT",
    "tradeId": 616179312641,
    "orderId": "28",
    "side": "sell",
    "liquidity": "taker",
    "price": "49980",
    "size": "0.0005",
    "funds": "24.99",
    "fee": "0.02499",
    "feeCurrency": "USDT",
    "createdAt": 1700000000456,
}


def page(count: int, *, first: int = 0, last_id: object = 17) -> Reply:
    return kucoin({"items": [{**FILL, "tradeId": first + i + 1} for i in range(count)], "lastId": last_id})


async def test_fills_of_one_order() -> None:
    """The venue filters by order id and then ignores times; each fill keeps its own id, fee and time."""
    bench = await warm_bench("kucoin", kucoin({"items": [FILL, {**FILL, "orderId": "29"}], "lastId": 0}))
    fills = await bench.adapter.my_trades("BTC/USDT", venue_order_id="28", since=1.0)
    assert [(f.trade_id, f.side, f.quantity, f.price, f.fee, f.fee_asset, f.at) for f in fills] == [
        ("616179312641", Side.SELL, D("0.0005"), D(49980), D("0.02499"), "USDT", 1700000000.456)
    ]
    query = dict(parse_qsl(urlsplit(bench.sent[0].url).query))
    assert query == {"symbol": "BTC-USDT", "limit": "100", "orderId": "28"}


async def test_fills_over_pages() -> None:
    """A full page has one behind it, from its last id on; a fill that two pages show is one fill."""
    bench = await warm_bench("kucoin", page(100, last_id=901), page(3, first=99))
    fills = await bench.adapter.my_trades("BTC/USDT", since=1700000000.0)
    assert len(fills) == 102
    queries = [dict(parse_qsl(urlsplit(r.url).query)) for r in bench.sent]
    assert [(q["startAt"], q.get("lastId")) for q in queries] == [("1699999940000", None), ("1699999940000", "901")]


@pytest.mark.parametrize("reply", [page(100), page(100, first=50, last_id=None)])
async def test_fills_that_are_incomplete_are_no_answer(reply: Reply) -> None:
    """A full page that brings nothing new, or tells no place to go on from: a fill would be understated."""
    bench = await warm_bench("kucoin", page(100), reply)
    with pytest.raises(VenueCallFailed):
        await bench.adapter.my_trades("BTC/USDT")


async def test_fill_pages_are_bounded() -> None:
    """A long history cannot keep the adapter reading for ever."""
    bench = await warm_bench("kucoin", *(page(100, first=100 * i) for i in range(FILL_PAGES_MAX + 1)))
    with pytest.raises(VenueCallFailed, match=f"no end after {100 * FILL_PAGES_MAX} fills"):
        await bench.adapter.my_trades("BTC/USDT")
    assert len(bench.sent) == FILL_PAGES_MAX


CANCELLED = {
    "orderId": "28",
    "originSize": "0.002",
    "dealSize": "0.0005",
    "remainSize": "0",
    "canceledSize": "0.0015",
    "status": "done",
}


@pytest.mark.parametrize(
    "change", [{"status": "open", "remainSize": "0.0015", "canceledSize": "0"}, {"dealSize": "0"}, {"status": None}]
)
async def test_a_cancel_that_did_not_end_the_order_says_nothing(change: dict[str, object]) -> None:
    """Still open, or parts missing: the caller has to ask for the order."""
    bench = await warm_bench("kucoin", kucoin({**CANCELLED, **change}))
    with pytest.raises(VenueCallFailed):
        await bench.adapter.cancel_order(BY_ID)


@pytest.mark.parametrize(
    ("depth", "path"), [(5, "level2_20"), (20, "level2_20"), (21, "level2_100"), (500, "level2_100")]
)
async def test_a_book_of_the_next_depth(depth: int, path: str) -> None:
    """The venue has two depths; the smaller one that holds what was asked for is taken."""
    bench = await warm_bench("kucoin", kucoin({"bids": [["1", "1"]], "asks": [["2", "1"]]}))
    book = await bench.adapter.order_book("BTC/USDT", depth)
    assert (book.bids[0].price, book.asks[0].price) == (Decimal(1), Decimal(2))
    assert urlsplit(bench.sent[0].url).path.endswith(path)
    assert "KC-API-KEY" not in bench.sent[0].headers
