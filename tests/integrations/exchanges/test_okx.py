"""What only OKX has: a deadline in a header, results inside rows, pages by id, a status page of many events."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from backend.domain.errors import MissingCredentials, VenueCallFailed
from backend.domain.health import VenueMode
from backend.domain.limits import VenueLimits
from backend.domain.orders import Credentials, OrderRef, OrderStatus, Side, TimeInForce
from backend.domain.outcomes import Accepted, CancelState
from backend.domain.rules import Fact, RateRule, Verification
from backend.integrations.exchanges.factory import rules_of
from backend.ports.transport import HttpRequest
from tests.fakes.transport import Reply, answer
from tests.integrations.exchanges.recurring import OKX_ORDER, D, okx
from tests.integrations.exchanges.support import CLIENT_ID, OKX_MARKET, Bench, make_bench, warm_bench

PLACED = okx({"ordId": "28", "clOrdId": CLIENT_ID, "tag": "", "ts": "1", "sCode": "0", "sMsg": ""})
BY_US = OrderRef("BTC/USDT", None, CLIENT_ID)
TIME = okx({"ts": "1700000000250"})


def signature(bench: Bench, request: HttpRequest) -> str:
    """As documented: timestamp, method, path with query, body; base64 of the HMAC."""
    url = urlsplit(request.url)
    target = f"{url.path}?{url.query}" if url.query else url.path
    text = request.headers["OK-ACCESS-TIMESTAMP"] + request.method + target + (request.body or b"").decode()
    return base64.b64encode(
        hmac.new(bench.credentials.secret.encode(), text.encode(), hashlib.sha256).digest()
    ).decode()


def query(request: HttpRequest) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(request.url).query, strict_parsing=True))


async def test_places_from_the_frozen_fields() -> None:
    """The endpoint of one order, cash mode, our id without a broker's prefix, and the deadline as a header."""
    bench = await warm_bench("okx")
    bench.clock.at += 1
    outcome = await bench.place(PLACED)
    assert isinstance(outcome, Accepted)
    assert (outcome.venue_order_id, outcome.report) == ("28", None)
    (request,) = bench.sent
    assert (request.method, request.url) == ("POST", "https://www.okx.com/api/v5/trade/order")
    assert request.timeout_s == 12.0
    assert json.loads(request.body or b"") == {
        "instId": "BTC-USDT",
        "tdMode": "cash",
        "side": "buy",
        "ordType": "ioc",
        "sz": "0.00012",
        "px": "50000",
        "clOrdId": CLIENT_ID,
    }
    headers = request.headers
    assert headers["OK-ACCESS-TIMESTAMP"] == "2023-11-14T22:13:20.250Z"
    assert headers["expTime"] == "1700000005250"
    assert headers["OK-ACCESS-SIGN"] == signature(bench, request)
    assert headers["OK-ACCESS-KEY"] == bench.credentials.api_key
    assert headers["OK-ACCESS-PASSPHRASE"] == bench.credentials.extra["passphrase"]
    assert headers["Content-Type"] == "application/json"
    assert "x-simulated-trading" not in headers


async def test_sells_and_rests() -> None:
    """The other side and the other time in force, in the venue's words."""
    bench = await warm_bench("okx")
    await bench.place(PLACED, side=Side.SELL, time_in_force=TimeInForce.GTC)
    body = json.loads(bench.sent[0].body or b"")
    assert (body["side"], body["ordType"]) == ("sell", "limit")


@pytest.mark.parametrize(
    ("window_s", "sent"), [(0.0015, "251"), (1.2345, "1484"), (30.0, "30250"), (90.0, "30250"), (29.9999, "30249")]
)
async def test_never_takes_a_later_deadline(window_s: float, sent: str) -> None:
    """Cut off to milliseconds and to what the timestamp allows: never later than the journaled deadline."""
    bench = await warm_bench("okx")
    await bench.place(PLACED, not_after=bench.order.created_at + window_s)
    assert int(bench.sent[0].headers["expTime"]) == 1_700_000_000_000 + int(sent)


async def test_one_request_leaves_no_deadline_for_the_next() -> None:
    """A header of the whole object would end the look-ups of an order together with the order."""
    bench = await warm_bench("okx", PLACED, okx(OKX_ORDER))
    await bench.place()
    bench.clock.at += 60
    await bench.adapter.get_order(BY_US)
    request = bench.sent[1]
    assert "expTime" not in request.headers
    assert datetime.fromisoformat(request.headers["OK-ACCESS-TIMESTAMP"]) == datetime.fromtimestamp(1700000060.25, UTC)
    assert request.headers["OK-ACCESS-SIGN"] == signature(bench, request)
    assert query(request) == {"instId": "BTC-USDT", "clOrdId": CLIENT_ID}


async def test_the_passphrase_is_a_credential() -> None:
    """Without it nothing is sent, and the message names it."""
    bench = await warm_bench("okx", credentials=Credentials("key of nobody", "secret of nobody"))
    with pytest.raises(MissingCredentials, match="passphrase"):
        await bench.adapter.balances()
    assert bench.sent == []


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("live", OrderStatus.OPEN),
        ("partially_filled", OrderStatus.OPEN),
        ("filled", OrderStatus.FILLED),
        ("canceled", OrderStatus.CANCELED),
        ("mmp_canceled", OrderStatus.CANCELED),
    ],
)
async def test_states(word: str, status: OrderStatus) -> None:
    """Each documented word has its state; a cancelled order may have executed; optional fields may be empty."""
    bench = await warm_bench("okx", okx({**OKX_ORDER, "state": word, "px": "", "avgPx": "", "cTime": ""}))
    report = await bench.adapter.get_order(BY_US)
    assert report is not None
    assert (report.status, report.filled) == (status, D("0.0005"))
    assert (report.price, report.average, report.created_at) == (None, None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "napping"},
        {"side": "hold"},
        {"sz": "x"},
        {"accFillSz": None},
        {"ordId": ""},
        {"instId": "A-B"},
        {"clOrdId": "another"},
        {"tgtCcy": "quote_ccy"},
    ],
)
async def test_an_order_that_is_not_as_documented_is_no_report(change: dict[str, object]) -> None:
    """Unknown words, another order, or a size in quote money, which would be read as a quantity."""
    bench = await warm_bench("okx", okx({**OKX_ORDER, **change}))
    with pytest.raises(VenueCallFailed, match="not as documented"):
        await bench.adapter.get_order(BY_US)


async def test_an_empty_answer_is_no_not_found() -> None:
    """The venue has a code for that; ccxt would make an order without an id of it."""
    bench = await warm_bench("okx", okx(), okx(code="51603"))
    with pytest.raises(VenueCallFailed, match="0 rows"):
        await bench.adapter.get_order(BY_US)
    assert await bench.adapter.get_order(BY_US) is None


def fill(bill: int, order_id: str = "28", **changes: object) -> dict[str, object]:
    return {
        "instType": "SPOT",
        "instId": "BTC-USDT",
        "tradeId": f"t{bill}",
        "ordId": order_id,
        "clOrdId": CLIENT_ID,
        "billId": str(bill),
        "fillPx": "49980",
        "fillSz": "0.0005",
        "side": "sell",
        "feeCcy": "USDT",
        "fee": "-0.02499",
        "ts": "1700000000456",
        **changes,
    }


async def test_trades_of_one_order_over_pages() -> None:
    """From the newest back by the last row's bill; a charged fee is negative there and positive here."""
    first = [fill(1000 - i, "28" if i == 3 else "29") for i in range(100)]
    last = [fill(7, fee="0.001"), fill(6, fee=""), fill(5, instId="ETH-USDT")]
    bench = await warm_bench("okx", okx(*first), okx(*last))
    fills = await bench.adapter.my_trades("BTC/USDT", venue_order_id="28", since=bench.clock.at - 60)
    assert [(f.trade_id, f.side, f.quantity, f.price, f.fee, f.fee_asset, f.at) for f in fills] == [
        ("t997", Side.SELL, D("0.0005"), D(49980), D("0.02499"), "USDT", 1700000000.456),
        ("t7", Side.SELL, D("0.0005"), D(49980), D("-0.001"), "USDT", 1700000000.456),
        ("t6", Side.SELL, D("0.0005"), D(49980), D(0), "USDT", 1700000000.456),
    ]
    asked = {"instType": "SPOT", "instId": "BTC-USDT", "ordId": "28", "limit": "100"}
    assert [query(request) for request in bench.sent] == [asked, {**asked, "after": "901"}]
    assert {urlsplit(request.url).path for request in bench.sent} == {"/api/v5/trade/fills"}
    assert bench.sent[1].headers["OK-ACCESS-SIGN"] == signature(bench, bench.sent[1])


@pytest.mark.parametrize(
    ("age_s", "path", "begin"),
    [
        (60.0, "/api/v5/trade/fills", "1699999940250"),
        (3 * 86_400.0, "/api/v5/trade/fills-history", "1699740800250"),
        (None, "/api/v5/trade/fills-history", None),
    ],
)
async def test_old_trades_are_in_another_list(age_s: float | None, path: str, begin: str | None) -> None:
    """The list of the last days forgets; without a time the long one is asked."""
    bench = await warm_bench("okx", okx())
    since = None if age_s is None else bench.clock.at - age_s
    assert await bench.adapter.my_trades("BTC/USDT", since=since) == ()
    assert (urlsplit(bench.sent[0].url).path, query(bench.sent[0]).get("begin")) == (path, begin)


@pytest.mark.parametrize(
    ("pages", "sent"),
    [
        ([[fill(i) for i in range(100)]] * 2, 2),
        ([[fill(100 * page + i) for i in range(100)] for page in range(25)], 20),
    ],
    ids=["nothing new", "no end"],
)
async def test_trades_that_are_incomplete_are_no_answer(pages: list[list[object]], sent: int) -> None:
    """A fill would be understated; and a long history cannot keep the adapter reading for ever."""
    replies: list[Reply] = [okx(*page) for page in pages]
    fast = Fact(RateRule(1000, 1.0), Verification.RUN, "2026-11-23", "a test")
    bench = make_bench("okx", *replies, rules=replace(rules_of("okx"), limits=VenueLimits(), read_rate=fast))
    await bench.adapter.warm()
    with pytest.raises(VenueCallFailed, match="more entries"):
        await bench.adapter.my_trades("BTC/USDT", venue_order_id="28")
    assert len(bench.sent) == sent


async def test_a_cancel_names_the_order_once() -> None:
    """By the venue's id where there is one, else by ours."""
    row = {"ordId": "28", "clOrdId": CLIENT_ID, "sCode": "0", "sMsg": ""}
    bench = await warm_bench("okx", okx(row), okx(row))
    await bench.adapter.cancel_order(OrderRef("BTC/USDT", "28", CLIENT_ID))
    await bench.adapter.cancel_order(BY_US)
    assert [request.url for request in bench.sent] == ["https://www.okx.com/api/v5/trade/cancel-order"] * 2
    bodies = [json.loads(request.body or b"") for request in bench.sent]
    assert bodies == [{"instId": "BTC-USDT", "ordId": "28"}, {"instId": "BTC-USDT", "clOrdId": CLIENT_ID}]


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("51400", CancelState.NO_SUCH_ORDER),
        ("51603", CancelState.NO_SUCH_ORDER),
        ("51401", CancelState.ENDED),
        ("51402", CancelState.ENDED),
        ("51410", CancelState.ENDED),
    ],
)
async def test_a_cancel_of_what_is_not_open(code: str, state: CancelState) -> None:
    """A code that says "already" tells that the order was there; only the other two may be about one that never was."""
    row = {"ordId": "", "clOrdId": CLIENT_ID, "sCode": code, "sMsg": "Cancellation failed"}
    bench = await warm_bench("okx", okx(row, code="1"))
    outcome = await bench.adapter.cancel_order(BY_US)
    assert (outcome.state, outcome.evidence.code) == (state, code)


async def test_markets_become_instruments() -> None:
    """Steps are exact and there is no minimum amount; what does not trade is not active, what has no step left out."""
    bench = make_bench("okx")
    halted = {**OKX_MARKET, "instId": "HALT-USDT", "baseCcy": "HALT", "state": "suspend"}
    unopened = {**OKX_MARKET, "instId": "NEW-USDT", "baseCcy": "NEW", "state": "preopen", "tickSz": ""}
    bench.transport.standing["/api/v5/public/instruments"] = okx(OKX_MARKET, halted, unopened)
    listed = await bench.adapter.instruments()
    btc = listed["BTC/USDT"]
    assert (btc.native_id, btc.price_tick, btc.quantity_step) == ("BTC-USDT", D("0.1"), D("1E-8"))
    assert (btc.min_quantity, btc.max_quantity, btc.min_notional) == (D("0.00001"), D(9999), D(0))
    assert {symbol: one.active for symbol, one in listed.items()} == {"BTC/USDT": True, "HALT/USDT": False}
    assert query(bench.transport.requests[0]) == {"instType": "SPOT"}


OURS = {"title": "Trading", "state": "ongoing", "serviceType": "5", "system": "unified", "env": "1", "maintType": "1"}


@pytest.mark.parametrize(
    ("events", "mode"),
    [
        ([], VenueMode.ONLINE),
        ([OURS], VenueMode.MAINTENANCE),
        ([OURS, {**OURS, "state": "scheduled"}], VenueMode.MAINTENANCE),
        ([{**OURS, "state": "pre_open"}, OURS], VenueMode.MAINTENANCE),
        ([{**OURS, "serviceType": "8"}], VenueMode.MAINTENANCE),
        ([{**OURS, "serviceType": "9"}], VenueMode.MAINTENANCE),
        ([{**OURS, "state": "pre_open"}], VenueMode.POST_ONLY),
        ([{**OURS, "state": "scheduled"}, {**OURS, "state": "completed"}], VenueMode.ONLINE),
        ([{**OURS, "state": "canceled"}], VenueMode.ONLINE),
        ([{**OURS, "serviceType": "0"}], VenueMode.ONLINE),
        ([{**OURS, "serviceType": "99"}], VenueMode.ONLINE),
        ([{**OURS, "env": "2"}], VenueMode.ONLINE),
        ([{**OURS, "state": "something new"}], VenueMode.UNKNOWN),
        ([{**OURS, "serviceType": ""}], VenueMode.UNKNOWN),
    ],
)
async def test_the_mode_is_the_worst_of_our_events(events: list[object], mode: VenueMode) -> None:
    """ccxt takes the last event of the list, whatever it concerns."""
    bench = make_bench("okx", TIME)
    bench.transport.standing = {"/api/v5/system/status": okx(*events)}
    assert (await bench.adapter.health()).mode is mode


async def test_the_status_is_asked_no_more_often_than_the_venue_takes_it() -> None:
    """One request in five seconds; between them the last answer stands."""
    bench = make_bench("okx", *[TIME] * 4)
    bench.transport.standing = {"/api/v5/system/status": okx(OURS)}
    modes = []
    for seconds in (0.0, 2.0, 2.9, 0.2):
        bench.clock.at += seconds
        modes.append((await bench.adapter.health()).mode)
        bench.transport.standing = {"/api/v5/system/status": answer("", 500)}
    assert modes == [VenueMode.MAINTENANCE] * 3 + [VenueMode.UNKNOWN]
    paths = [urlsplit(request.url).path for request in bench.transport.requests]
    assert paths.count("/api/v5/system/status") == 2
