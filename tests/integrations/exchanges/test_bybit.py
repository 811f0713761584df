"""What only Bybit has: acknowledged orders, two lists to look through, rejected duplicates, cursors."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from backend.domain.errors import VenueCallFailed
from backend.domain.health import VenueMode
from backend.domain.orders import Balance, OrderRef, OrderStatus, Side, TimeInForce
from backend.domain.outcomes import Accepted, CancelState
from backend.ports.transport import HttpRequest
from tests.fakes.transport import Reply, answer
from tests.integrations.exchanges.recurring import BYBIT_ORDER, D, bybit, bybit_rows
from tests.integrations.exchanges.support import BYBIT_MARKET, CLIENT_ID, Bench, make_bench, warm_bench

ACKNOWLEDGED = bybit({"orderId": "28", "orderLinkId": CLIENT_ID})
BY_US = OrderRef("BTC/USDT", None, CLIENT_ID)


def signature(bench: Bench, request: HttpRequest, signed: str) -> str:
    """As documented: timestamp, key, window, then the query string or the body."""
    headers = request.headers
    text = headers["X-BAPI-TIMESTAMP"] + bench.credentials.api_key + headers["X-BAPI-RECV-WINDOW"] + signed
    return hmac.new(bench.credentials.secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def query(request: HttpRequest) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(request.url).query, strict_parsing=True))


async def test_places_from_the_frozen_fields() -> None:
    """Timestamp and window are the journaled ones, so a request that was held up is refused on arrival."""
    bench = await warm_bench("bybit")
    bench.clock.at += 1
    outcome = await bench.place(ACKNOWLEDGED)
    assert isinstance(outcome, Accepted)
    assert (outcome.venue_order_id, outcome.report) == ("28", None)
    (request,) = bench.sent
    assert (request.method, request.url) == ("POST", "https://api.bybit.com/v5/order/create")
    assert request.timeout_s == 12.0
    body = (request.body or b"").decode()
    assert json.loads(body) == {
        "category": "spot",
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderType": "Limit",
        "timeInForce": "IOC",
        "qty": "0.00012",
        "price": "50000",
        "orderLinkId": CLIENT_ID,
    }
    headers = request.headers
    assert (headers["X-BAPI-TIMESTAMP"], headers["X-BAPI-RECV-WINDOW"]) == ("1700000000250", "5000")
    assert headers["X-BAPI-SIGN"] == signature(bench, request, body)
    assert headers["X-BAPI-API-KEY"] == bench.credentials.api_key
    assert headers["Content-Type"] == "application/json"
    assert "Referer" not in headers


async def test_sells_and_rests() -> None:
    """The other side and the other time in force, in the venue's words."""
    bench = await warm_bench("bybit")
    await bench.place(ACKNOWLEDGED, side=Side.SELL, time_in_force=TimeInForce.GTC)
    body = json.loads(bench.sent[0].body or b"")
    assert (body["side"], body["timeInForce"]) == ("Sell", "GTC")


@pytest.mark.parametrize(
    ("window_s", "sent"), [(0.0015, "1"), (1.2345, "1234"), (60.0, "60000"), (90.0, "60000"), (29.9999, "29999")]
)
async def test_never_takes_a_later_deadline(window_s: float, sent: str) -> None:
    """Cut off to milliseconds and to the maximum: earlier, never later than the journaled deadline."""
    bench = await warm_bench("bybit")
    await bench.place(ACKNOWLEDGED, not_after=bench.order.created_at + window_s)
    assert bench.sent[0].headers["X-BAPI-RECV-WINDOW"] == sent


async def test_one_request_leaves_no_times_for_the_next() -> None:
    """A read after a place is signed with the time of now and the usual window."""
    bench = await warm_bench("bybit", ACKNOWLEDGED, bybit_rows({"coin": []}))
    await bench.place(not_after=bench.order.created_at + 1)
    bench.clock.at += 60
    await bench.adapter.balances()
    headers = bench.sent[1].headers
    assert (headers["X-BAPI-TIMESTAMP"], headers["X-BAPI-RECV-WINDOW"]) == ("1700000060250", "5000")
    assert headers["X-BAPI-SIGN"] == signature(bench, bench.sent[1], "accountType=UNIFIED")
    assert bench.sent[1].url == "https://api.bybit.com/v5/account/wallet-balance?accountType=UNIFIED"


async def test_looks_an_order_up_by_our_id_in_both_lists() -> None:
    """The cache of closed orders is emptied by a restart of the venue; the history then still knows the order."""
    bench = await warm_bench("bybit", bybit_rows(), bybit_rows(BYBIT_ORDER))
    report = await bench.adapter.get_order(BY_US)
    assert report is not None
    assert (report.venue_order_id, report.status, report.filled) == ("28", OrderStatus.CANCELED, D("0.0005"))
    assert [urlsplit(r.url).path for r in bench.sent] == ["/v5/order/realtime", "/v5/order/history"]
    expected = {"category": "spot", "symbol": "BTCUSDT", "orderLinkId": CLIENT_ID}
    assert [query(request) for request in bench.sent] == [expected, expected]


@pytest.mark.parametrize("ref", [BY_US, OrderRef("BTC/USDT", "28")])
async def test_no_order_is_known_only_after_both_lists(ref: OrderRef) -> None:
    """An empty answer of one list alone is no not-found."""
    bench = await warm_bench("bybit", bybit_rows(), bybit_rows())
    assert await bench.adapter.get_order(ref) is None
    bench = await warm_bench("bybit", bybit_rows(), bybit({}, 10016))
    with pytest.raises(VenueCallFailed):
        await bench.adapter.get_order(ref)


DUPLICATE = {
    **BYBIT_ORDER,
    "orderId": "29",
    "orderStatus": "Rejected",
    "rejectReason": "EC_DuplicatedClOrdID",
    "cumExecQty": "0",
    "cumExecValue": "",
}
REFUSED = {**DUPLICATE, "orderId": "30", "rejectReason": "EC_NoImmediateQtyToFill"}


@pytest.mark.parametrize(
    "lists",
    [
        ([DUPLICATE, BYBIT_ORDER],),
        ([BYBIT_ORDER, DUPLICATE],),
        ([REFUSED, BYBIT_ORDER],),
        ([DUPLICATE], [BYBIT_ORDER, DUPLICATE]),
        ([REFUSED], [BYBIT_ORDER]),
    ],
)
async def test_a_rejected_row_is_passed_over_beside_the_order(lists: tuple[list[object], ...]) -> None:
    """A copy that was refused for its id has a row of its own; what counts is the order that lives or lived."""
    bench = await warm_bench("bybit", *(bybit_rows(*rows) for rows in lists))
    report = await bench.adapter.get_order(BY_US)
    assert report is not None
    assert (report.venue_order_id, report.filled) == ("28", D("0.0005"))


@pytest.mark.parametrize(
    "rows",
    [
        [DUPLICATE],
        [DUPLICATE, REFUSED],
        [BYBIT_ORDER, {**BYBIT_ORDER, "orderId": "31"}],
        [{**BYBIT_ORDER, "orderLinkId": "another"}],
    ],
    ids=["only a duplicate's", "two rejections", "two orders", "somebody else's"],
)
async def test_rows_that_leave_doubt_settle_nothing(rows: list[object]) -> None:
    """Neither "not found" nor "rejected": a rejected duplicate says that the order does exist."""
    bench = await warm_bench("bybit", bybit_rows(*rows), bybit_rows(*rows))
    with pytest.raises(VenueCallFailed, match="not as documented"):
        await bench.adapter.get_order(BY_US)


async def test_an_order_that_the_engine_refused_has_ended() -> None:
    """Acknowledged, then rejected with a reason of its own: ended with nothing executed, once both lists say so."""
    bench = await warm_bench("bybit", bybit_rows(REFUSED), bybit_rows(REFUSED))
    report = await bench.adapter.get_order(BY_US)
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.REJECTED, D(0))


async def test_a_rejected_rest_keeps_what_was_executed() -> None:
    """A partly filled order whose rest is rejected has ended, and its fills count."""
    bench = await warm_bench("bybit", bybit_rows({**BYBIT_ORDER, "orderStatus": "Rejected"}))
    report = await bench.adapter.get_order(OrderRef("BTC/USDT", "28"))
    assert report is not None
    assert (report.status, report.filled) == (OrderStatus.CANCELED, D("0.0005"))


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("New", OrderStatus.OPEN),
        ("PartiallyFilled", OrderStatus.OPEN),
        ("Untriggered", OrderStatus.OPEN),
        ("Filled", OrderStatus.FILLED),
        ("Cancelled", OrderStatus.CANCELED),
        ("Deactivated", OrderStatus.CANCELED),
    ],
)
async def test_states(word: str, status: OrderStatus) -> None:
    """Each documented word has its state; optional fields may be empty or missing."""
    bench = await warm_bench("bybit", bybit_rows({**BYBIT_ORDER, "orderStatus": word, "price": "", "createdTime": ""}))
    report = await bench.adapter.get_order(OrderRef("BTC/USDT", "28"))
    assert report is not None
    assert (report.status, report.price, report.created_at) == (status, None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"orderStatus": "Napping"},
        {"side": "Hold"},
        {"qty": "x"},
        {"cumExecQty": None},
        {"orderId": ""},
        {"symbol": "A"},
    ],
)
async def test_an_order_that_is_not_as_documented_is_no_report(change: dict[str, object]) -> None:
    """A word or number that nobody knows is not read as something near it."""
    bench = await warm_bench("bybit", bybit_rows({**BYBIT_ORDER, **change}))
    with pytest.raises(VenueCallFailed, match="not as documented"):
        await bench.adapter.get_order(BY_US)


def execution(trade_id: str, order_id: str = "28", **changes: object) -> dict[str, object]:
    return {
        "symbol": "BTCUSDT",
        "orderId": order_id,
        "orderLinkId": CLIENT_ID,
        "side": "Sell",
        "execId": trade_id,
        "execPrice": "49980",
        "execQty": "0.0005",
        "execFee": "0.02499",
        "feeCurrency": "USDT",
        "execType": "Trade",
        "execTime": "1700000000456",
        **changes,
    }


async def test_trades_of_one_order_over_pages() -> None:
    """By cursor, which is sent back byte for byte; what is no trade, or of another order, is left out."""
    bench = await warm_bench(
        "bybit",
        bybit_rows(execution("a"), execution("b", "29"), cursor="132766%3A2%2C132766%3A2"),
        bybit_rows(
            execution("c"),
            execution("d", execType="Funding"),
            execution("e", symbol="ETHUSDT"),
            cursor="132766%3A3%2C132766%3A3",
        ),
        bybit_rows(cursor="132766%3A3%2C132766%3A3"),
    )
    fills = await bench.adapter.my_trades("BTC/USDT", venue_order_id="28", since=1.0)
    assert [(f.trade_id, f.side, f.quantity, f.price, f.fee, f.fee_asset, f.at) for f in fills] == [
        (name, Side.SELL, D("0.0005"), D(49980), D("0.02499"), "USDT", 1700000000.456) for name in ("a", "c")
    ]
    queries = [urlsplit(request.url).query for request in bench.sent]
    asked = "category=spot&symbol=BTCUSDT&limit=100&orderId=28"
    assert queries == [
        asked,
        f"{asked}&cursor=132766%3A2%2C132766%3A2",
        f"{asked}&cursor=132766%3A3%2C132766%3A3",
    ]
    assert bench.sent[1].headers["X-BAPI-SIGN"] == signature(bench, bench.sent[1], queries[1])


async def test_trades_since_a_time() -> None:
    """Without an order id the time bounds the search, and more than the venue looks through at once is no answer."""
    bench = await warm_bench("bybit", bybit_rows())
    assert await bench.adapter.my_trades("BTC/USDT", since=1699999999.5) == ()
    assert query(bench.sent[0])["startTime"] == "1699999999500"
    with pytest.raises(VenueCallFailed, match="seven days"):
        await bench.adapter.my_trades("BTC/USDT", since=bench.clock.at - 8 * 86_400)


@pytest.mark.parametrize(
    ("pages", "sent"),
    [
        ([bybit_rows(execution("a"), cursor="1"), bybit_rows(execution("a"), cursor="2")], 2),
        ([bybit_rows(execution(f"t{i}"), cursor=f"{i}") for i in range(25)], 20),
    ],
    ids=["nothing new", "no end"],
)
async def test_trades_that_are_incomplete_are_no_answer(pages: list[Reply], sent: int) -> None:
    """A fill would be understated; and a long history cannot keep the adapter reading for ever."""
    bench = await warm_bench("bybit", *pages)
    with pytest.raises(VenueCallFailed, match="more entries"):
        await bench.adapter.my_trades("BTC/USDT", venue_order_id="28")
    assert len(bench.sent) == sent


async def test_a_cancel_names_the_order_once() -> None:
    """By the venue's id where there is one, else by ours."""
    bench = await warm_bench("bybit", bybit({"orderId": "28"}), bybit({"orderId": "28"}))
    await bench.adapter.cancel_order(OrderRef("BTC/USDT", "28", CLIENT_ID))
    await bench.adapter.cancel_order(BY_US)
    assert [request.url for request in bench.sent] == ["https://api.bybit.com/v5/order/cancel"] * 2
    bodies = [json.loads(request.body or b"") for request in bench.sent]
    assert bodies == [
        {"category": "spot", "symbol": "BTCUSDT", "orderId": "28"},
        {"category": "spot", "symbol": "BTCUSDT", "orderLinkId": CLIENT_ID},
    ]


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (170213, CancelState.NO_SUCH_ORDER),
        (110001, CancelState.NOT_OPEN),
        (170143, CancelState.NOT_OPEN),
        *((code, CancelState.ENDED) for code in (110008, 110010, 110079, 170139, 170142, 170144, 170190)),
    ],
)
async def test_a_cancel_of_what_is_not_open(code: int, state: CancelState) -> None:
    """Filled and cancelled tell that the order was there; of the rest only spot's own "does not exist" is plain."""
    bench = await warm_bench("bybit", bybit({}, code))
    outcome = await bench.adapter.cancel_order(BY_US)
    assert (outcome.state, outcome.evidence.code) == (state, str(code))


async def test_balances_leave_out_what_is_borrowed() -> None:
    """Borrowed coins stand in the wallet balance; free is never below zero, and there is exactly one account."""
    coins = [
        {"coin": "BTC", "walletBalance": "2", "locked": "0.5", "spotBorrow": "0.25"},
        {"coin": "ETH", "walletBalance": "0", "locked": "", "spotBorrow": "1"},
    ]
    bench = await warm_bench("bybit", bybit_rows({"accountType": "UNIFIED", "coin": coins}), bybit_rows())
    assert await bench.adapter.balances() == {
        "BTC": Balance("BTC", D("1.25"), D("0.5")),
        "ETH": Balance("ETH", D(0), D(0)),
    }
    with pytest.raises(VenueCallFailed, match="0 unified accounts"):
        await bench.adapter.balances()


async def test_markets_become_instruments() -> None:
    """Steps and minimums are exact; what does not trade is listed but not active, what has no step is left out."""
    bench = make_bench("bybit")
    halted = {**BYBIT_MARKET, "symbol": "HALTUSDT", "baseCoin": "HALT", "status": "PreLaunch"}
    stepless = {**BYBIT_MARKET, "symbol": "NOUSDT", "baseCoin": "NO", "priceFilter": {}}
    bench.transport.standing["/v5/market/instruments-info"] = bybit_rows(BYBIT_MARKET, halted, stepless)
    listed = await bench.adapter.instruments()
    btc = listed["BTC/USDT"]
    assert (btc.native_id, str(btc.price_tick), str(btc.quantity_step)) == ("BTCUSDT", "0.1", "0.000001")
    assert (btc.min_quantity, btc.max_quantity, btc.min_notional) == (D("0.000011"), D(83), D(5))
    assert {symbol: one.active for symbol, one in listed.items()} == {"BTC/USDT": True, "HALT/USDT": False}
    assert query(bench.transport.requests[0]) == {"category": "spot"}


OURS = {"state": "ongoing", "serviceTypes": [2, 3], "product": [1, 2], "uidSuffix": [], "maintainType": 1, "env": 1}


@pytest.mark.parametrize(
    ("events", "mode"),
    [
        ([], VenueMode.ONLINE),
        ([OURS], VenueMode.MAINTENANCE),
        ([{**OURS, "serviceTypes": [1]}], VenueMode.MAINTENANCE),
        ([{**OURS, "serviceTypes": [], "product": []}], VenueMode.MAINTENANCE),
        ([{**OURS, "state": "scheduled"}, OURS], VenueMode.MAINTENANCE),
        ([{**OURS, "state": "scheduled"}], VenueMode.ONLINE),
        ([{**OURS, "state": "completed"}, {**OURS, "state": "canceled"}], VenueMode.ONLINE),
        ([{**OURS, "product": [3]}], VenueMode.ONLINE),
        ([{**OURS, "serviceTypes": [3, 4, 5]}], VenueMode.ONLINE),
        ([{**OURS, "env": 2}], VenueMode.ONLINE),
        ([{**OURS, "state": "something new"}], VenueMode.UNKNOWN),
        ([{**OURS, "product": None}], VenueMode.UNKNOWN),
    ],
)
async def test_the_mode_is_that_of_spot_trading(events: list[object], mode: VenueMode) -> None:
    """An event of options, of market data or of the demo system is no maintenance of ours."""
    time = answer({"retCode": 0, "result": {"timeNano": "1700000000250000000"}})
    bench = make_bench("bybit", time)
    bench.transport.standing = {"/v5/system/status": bybit({"list": events})}
    assert (await bench.adapter.health()).mode is mode


async def test_an_emulation_can_have_a_narrower_window() -> None:
    """The maximum of recv_window is a rule, not a constant of the code."""
    rules = make_bench("bybit").adapter.rules
    bench = make_bench("bybit", rules=replace(rules, deadline_max_s=replace(rules.deadline_max_s, value=2.0)))
    await bench.adapter.warm()
    await bench.place(ACKNOWLEDGED)
    assert bench.sent[0].headers["X-BAPI-RECV-WINDOW"] == "2000"
