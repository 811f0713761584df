"""Every answer to a place that the venues' documents name, as a raw body, and what it proves."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from backend.domain.outcomes import Accepted, ProvenNotExecuted, Unknown
from backend.domain.reasons import HealthClass as H
from backend.domain.reasons import RejectReason as R
from backend.domain.reasons import UnknownReason as U
from backend.integrations.exchanges.shared.outcomes import Key
from backend.ports.transport import TransportFault
from tests.fakes.transport import answer, failure
from tests.integrations.exchanges.support import CLIENT_ID, make_bench, rows_hit, warm_bench


class Case(NamedTuple):
    status: int
    body: str
    reason: R | U
    health: H


def minus(code: int, message: str) -> str:
    return f'{{"code":{code},"msg":"{message}"}}'


def error(*texts: str) -> str:
    return '{"error":[' + ",".join(f'"{text}"' for text in texts) + "]}"


HTML = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"

BINANCE = (
    Case(429, minus(-1003, "Too many requests queued."), R.RATE_LIMITED, H.LIMITED),
    Case(
        429, minus(-1015, "Too many new orders; current limit is 100 orders per 10 SECOND."), R.RATE_LIMITED, H.LIMITED
    ),
    Case(429, "", R.RATE_LIMITED, H.LIMITED),
    Case(418, minus(-1003, "Way too much request weight used; IP banned until 1700000120000."), R.BANNED, H.LIMITED),
    Case(403, HTML, R.BLOCKED, H.OURS),
    Case(451, minus(0, "Service unavailable from a restricted location"), R.BLOCKED, H.OURS),
    Case(408, "", U.TIMEOUT, H.UNKNOWN),
    Case(408, minus(-1007, "Timeout waiting for response from backend server."), U.TIMEOUT, H.UNKNOWN),
    Case(503, minus(-1008, "Server is currently overloaded with other requests."), U.SERVER_ERROR, H.UNKNOWN),
    Case(400, minus(-1008, "Server is currently overloaded with other requests."), U.UNLISTED, H.UNKNOWN),
    Case(500, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(502, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(503, "Service Unavailable.", U.SERVER_ERROR, H.UNKNOWN),
    Case(503, minus(-1001, "Internal error; unable to process your request."), U.SERVER_ERROR, H.UNKNOWN),
    Case(503, minus(-1016, "This service is no longer available."), U.SERVER_ERROR, H.UNKNOWN),
    Case(503, minus(-2010, "Market is closed."), U.SERVER_ERROR, H.UNKNOWN),
    Case(504, minus(-1007, "Timeout waiting for response from backend server."), U.SERVER_ERROR, H.UNKNOWN),
    Case(523, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(524, "", U.SERVER_ERROR, H.UNKNOWN),
    Case(400, minus(-1000, "An unknown error occurred while processing the request."), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(400, minus(-1001, "Internal error; unable to process your request."), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(400, minus(-1006, "Execution status unknown."), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(400, minus(-1007, "Send status unknown; execution status unknown."), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(400, minus(-1003, "Too many requests queued."), R.RATE_LIMITED, H.LIMITED),
    Case(400, minus(-1015, "Too many new orders."), R.RATE_LIMITED, H.LIMITED),
    Case(400, minus(-1016, "This service is no longer available."), R.VENUE_MODE, H.MODE),
    Case(400, minus(-1014, "Unsupported order combination."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1020, "This operation is not supported."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1100, "Illegal characters found in parameter 'price'."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1101, "Too many parameters."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1102, "Mandatory parameter 'price' was not sent."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1103, "An unknown parameter was sent."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1104, "Not all sent parameters were read."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1105, "Parameter 'price' was empty."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1106, "Parameter 'price' sent when not required."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1108, "Parameter 'price' overflowed."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1111, "Parameter 'quantity' has too much precision."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1114, "TimeInForce parameter sent when not required."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1115, "Invalid timeInForce."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1116, "Invalid orderType."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1117, "Invalid side."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1118, "New client order ID was empty."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1128, "Combination of optional parameters invalid."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1130, "Data sent for parameter 'side' is not valid."), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1121, "Invalid symbol."), R.UNKNOWN_SYMBOL, H.OURS),
    Case(400, minus(-1021, "Timestamp for this request is outside of the recvWindow."), R.CLOCK, H.OURS),
    Case(400, minus(-1131, "recvWindow must be less than 60000"), R.CLOCK, H.OURS),
    Case(401, minus(-1002, "You are not authorized to execute this request."), R.AUTHENTICATION, H.OURS),
    Case(400, minus(-1022, "Signature for this request is not valid."), R.AUTHENTICATION, H.OURS),
    Case(401, minus(-2014, "API-key format invalid."), R.AUTHENTICATION, H.OURS),
    Case(401, minus(-2015, "Invalid API-key, IP, or permissions for action."), R.AUTHENTICATION, H.OURS),
    Case(400, minus(-1013, "Filter failure: LOT_SIZE"), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"), R.INVALID_REQUEST, H.OURS),
    Case(400, minus(-1013, "Filter failure: NOTIONAL"), R.UNDER_MINIMUM, H.OURS),
    Case(400, minus(-1013, "Filter failure: MIN_NOTIONAL"), R.UNDER_MINIMUM, H.OURS),
    Case(400, minus(-1013, "Filter failure: MAX_NUM_ORDERS"), R.ORDER_LIMIT, H.OURS),
    Case(400, minus(-2010, "Duplicate order sent."), U.DUPLICATE_ID, H.UNKNOWN),
    Case(
        400,
        minus(-2010, "Account has insufficient balance for requested action."),
        R.INSUFFICIENT_FUNDS,
        H.OURS,
    ),
    Case(400, minus(-2010, "Order would immediately match and take."), R.WOULD_TAKE, H.OURS),
    Case(400, minus(-2010, "Market is closed."), R.MARKET_CLOSED, H.MODE),
    Case(400, minus(-2010, "This symbol is not permitted for this account."), R.PERMISSION, H.OURS),
    Case(400, minus(-2010, "This symbol is restricted for this account."), R.PERMISSION, H.OURS),
    Case(400, minus(-2010, "This action is disabled on this account."), R.ACCOUNT_LOCKED, H.OURS),
    Case(400, minus(-2010, "This account may not place or cancel orders."), R.ACCOUNT_LOCKED, H.OURS),
    # Words that contain listed words are other words.
    Case(400, minus(-2010, "Market is closed. Duplicate order sent."), U.UNLISTED, H.UNKNOWN),
    Case(400, minus(-2010, "account has insufficient balance for requested action."), U.UNLISTED, H.UNKNOWN),
    Case(400, minus(-2010, ""), U.UNLISTED, H.UNKNOWN),
    Case(400, minus(-9999, "A code that nobody has seen."), U.UNLISTED, H.UNKNOWN),
    Case(400, '{"code":"-1121","msg":"a code of another type"}', U.UNLISTED, H.UNKNOWN),
    Case(400, HTML, U.UNLISTED, H.UNKNOWN),
    Case(404, HTML, U.UNLISTED, H.UNKNOWN),
    Case(200, minus(-2010, "Market is closed."), U.NO_ORDER_ID, H.UNKNOWN),
)

KRAKEN = (
    Case(200, error("EOrder:Insufficient funds"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(200, error("EOrder:Insufficient margin"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(200, error("EOrder:Order minimum not met"), R.UNDER_MINIMUM, H.OURS),
    Case(200, error("EOrder:Cost minimum not met"), R.UNDER_MINIMUM, H.OURS),
    Case(200, error("EGeneral:Invalid arguments"), R.INVALID_REQUEST, H.OURS),
    Case(200, error("EGeneral:Invalid arguments:volume"), R.INVALID_REQUEST, H.OURS),
    Case(200, error("EGeneral:Invalid arguments:price"), R.INVALID_REQUEST, H.OURS),
    Case(200, error("EGeneral:Invalid arguments:cl_ord_id"), R.INVALID_REQUEST, H.OURS),
    Case(200, error("EOrder:Tick size check failed"), R.INVALID_REQUEST, H.OURS),
    Case(200, error("EOrder:Post only order"), R.WOULD_TAKE, H.OURS),
    Case(200, error("EOrder:Orders limit exceeded"), R.ORDER_LIMIT, H.OURS),
    Case(200, error("EOrder:Trading agreement required"), R.PERMISSION, H.OURS),
    Case(200, error("EOrder:Cannot open position"), R.PERMISSION, H.OURS),
    Case(200, error("EGeneral:Permission denied"), R.PERMISSION, H.OURS),
    Case(200, error("EQuery:Unknown asset pair"), R.UNKNOWN_SYMBOL, H.OURS),
    Case(200, error("EAPI:Invalid key"), R.AUTHENTICATION, H.OURS),
    Case(200, error("EAPI:Invalid signature"), R.AUTHENTICATION, H.OURS),
    Case(200, error("EAPI:Invalid nonce"), R.NONCE, H.OURS),
    Case(200, error("ETrade:User Locked"), R.ACCOUNT_LOCKED, H.OURS),
    Case(200, error("EService:Market in cancel_only mode"), R.VENUE_MODE, H.MODE),
    Case(200, error("EService:Market in post_only mode"), R.VENUE_MODE, H.MODE),
    Case(200, error("EService:Market in limit_only mode"), R.VENUE_MODE, H.MODE),
    Case(200, error("EService:Market in reduce_only mode"), R.VENUE_MODE, H.MODE),
    Case(200, error("EService:Market in maintenance mode"), R.VENUE_MODE, H.MODE),
    Case(200, error("EAPI:Rate limit exceeded"), R.RATE_LIMITED, H.LIMITED),
    Case(200, error("EOrder:Rate limit exceeded"), R.RATE_LIMITED, H.LIMITED),
    Case(200, error("EOrder:Domain rate limit exceeded"), R.RATE_LIMITED, H.LIMITED),
    Case(200, error("EGeneral:Too many requests"), R.RATE_LIMITED, H.LIMITED),
    Case(200, error("EService:Throttled"), R.RATE_LIMITED, H.LIMITED),
    Case(200, error("EService:Throttled: 1700000009"), R.RATE_LIMITED, H.LIMITED),
    Case(200, error("EGeneral:Temporary lockout"), R.BANNED, H.LIMITED),
    Case(200, error("EService:Unavailable"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EService:Busy"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EService:Timeout"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EGeneral:Internal error"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EGeneral:Internal error:500"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EDatabase:Internal error"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EOrder:Unknown order"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(408, HTML, U.TIMEOUT, H.UNKNOWN),
    Case(500, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(502, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(520, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(524, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(504, error("EOrder:Insufficient funds"), U.SERVER_ERROR, H.UNKNOWN),
    Case(200, error("EOrder:Something new"), U.UNLISTED, H.UNKNOWN),
    Case(200, error("EOrder:Insufficient funds:detail"), U.UNLISTED, H.UNKNOWN),
    Case(200, error("EOrder:insufficient funds"), U.UNLISTED, H.UNKNOWN),
    Case(200, error("no category"), U.UNLISTED, H.UNKNOWN),
    # Several errors are a proof only when each of them is.
    Case(200, error("EOrder:Insufficient funds", "EOrder:Tick size check failed"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(200, error("EOrder:Insufficient funds", "EService:Busy"), U.VENUE_SAYS_UNKNOWN, H.UNKNOWN),
    Case(200, error("EOrder:Insufficient funds", "EOrder:Something new"), U.UNLISTED, H.UNKNOWN),
    Case(
        200, '{"error":["EOrder:Insufficient funds"],"result":{"txid":["OAAAAA-BBBBB-CCCCCC"]}}', U.UNLISTED, H.UNKNOWN
    ),
    Case(200, '{"error":["WGeneral:Danger"],"result":{}}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"error":[],"result":{}}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"error":[],"result":{"txid":[]}}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"error":[],"result":{"txid":[""]}}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"error":[],"result":{"txid":[null]}}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"error":[],"result":{"descr":{"order":"buy"}}}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(200, '{"error":"EOrder:Insufficient funds"}', U.BROKEN_ANSWER, H.UNKNOWN),
    Case(200, '{"error":[17]}', U.BROKEN_ANSWER, H.UNKNOWN),
)


def named(name: str, message: str) -> str:
    return f'{{"name":"{name}","message":"{message}"}}'


FIRI = (
    Case(400, named("InsufficientFunds", "Insufficient funds"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(200, named("InsufficientFunds", "Insufficient funds"), R.INSUFFICIENT_FUNDS, H.OURS),
    Case(400, named("TooHighPriceAccuracy", "Too many decimals"), R.INVALID_REQUEST, H.OURS),
    Case(400, named("TooHighVolumeAccuracy", "Too many decimals"), R.INVALID_REQUEST, H.OURS),
    Case(400, named("InvalidAmount", "Invalid amount"), R.INVALID_REQUEST, H.OURS),
    Case(400, named("BadRequest", "Volume too low"), R.UNDER_MINIMUM, H.OURS),
    Case(400, named("BadRequest", "Price is invalid"), R.INVALID_REQUEST, H.OURS),
    Case(400, named("BadRequest", "Something else"), U.UNLISTED, H.UNKNOWN),
    Case(401, named("ApiKeyNotFound", "Unknown key"), R.AUTHENTICATION, H.OURS),
    Case(401, named("Invalid Signature", ""), R.AUTHENTICATION, H.OURS),
    Case(401, named("InvalidSignature", "Invalid Signature"), R.AUTHENTICATION, H.OURS),
    Case(401, named("SecurityLevelTooLow", "Security level too low"), R.PERMISSION, H.OURS),
    Case(401, named("Expired Signature", ""), R.CLOCK, H.OURS),
    Case(401, named("ExpiredSignature", "Expired Signature"), R.CLOCK, H.OURS),
    Case(404, named("MarketNotFound", "Unknown market"), R.UNKNOWN_SYMBOL, H.OURS),
    Case(429, "", R.RATE_LIMITED, H.LIMITED),
    Case(500, "<html><body>Internal Server Error</body></html>", U.SERVER_ERROR, H.UNKNOWN),
    Case(500, named("InsufficientFunds", "Insufficient funds"), U.SERVER_ERROR, H.UNKNOWN),
    Case(502, HTML, U.SERVER_ERROR, H.UNKNOWN),
    Case(527, "", U.SERVER_ERROR, H.UNKNOWN),
    Case(400, named("NeverSeen", "A new name"), U.UNLISTED, H.UNKNOWN),
    Case(200, named("NeverSeen", "A new name"), U.UNLISTED, H.UNKNOWN),
    Case(403, HTML, U.UNLISTED, H.UNKNOWN),
    Case(401, "", U.UNLISTED, H.UNKNOWN),
    Case(201, '{"id":12345678,"name":"InsufficientFunds","message":""}', U.UNLISTED, H.UNKNOWN),
    Case(201, '{"id":null}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(201, '{"id":0}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(201, '{"id":true}', U.NO_ORDER_ID, H.UNKNOWN),
    Case(201, '{"id":""}', U.NO_ORDER_ID, H.UNKNOWN),
)

CASES = {"binance": BINANCE, "kraken": KRAKEN, "firi": FIRI}
EVERY_CASE = [
    pytest.param(venue, case, id=f"{venue} {case.status} {case.body[:60]}") for venue in CASES for case in CASES[venue]
]


@pytest.mark.parametrize(("venue", "case"), EVERY_CASE)
async def test_what_an_answer_proves(venue: str, case: Case) -> None:
    """Each documented answer is exactly as strong a proof as its documents make it, and one request was sent."""
    bench = await warm_bench(venue)
    outcome = await bench.place(answer(case.body, case.status))
    assert not isinstance(outcome, Accepted)
    assert isinstance(outcome, ProvenNotExecuted) is isinstance(case.reason, R)
    assert (outcome.reason, outcome.health) == (case.reason, case.health)
    assert (outcome.evidence.headers_written, outcome.evidence.status) == (True, case.status)
    assert len(bench.sent) == 1


@pytest.mark.parametrize("venue", CASES)
def test_every_row_is_driven_by_a_case(venue: str) -> None:
    """A row that no literal answer reaches is either wrong or untested."""
    adapter = make_bench(venue).adapter
    hit: set[Key] = set()
    for case in CASES[venue]:
        try:
            hit |= rows_hit(adapter, answer(case.body, case.status))
        except ValueError:
            assert case.reason is U.BROKEN_ANSWER
    # Kraken's own row for an elapsed deadline is driven where its look-up is tested.
    apart = {(None, "EService", "Deadline elapsed")} if venue == "kraken" else set()
    assert hit == set(adapter.OUTCOMES) - apart


@pytest.mark.parametrize("venue", CASES)
def test_every_row_names_its_source(venue: str) -> None:
    """Nobody has to guess why an answer is a proof."""
    table = make_bench(venue).adapter.OUTCOMES
    assert [key for key, row in table.items() if not row.source.strip()] == []


STRANGE = (
    ("empty", 200, "", U.NO_ORDER_ID),
    ("page", 200, HTML, U.NO_ORDER_ID),
    ("cut off", 200, '{"orderId":28,"id":28,"result":{"txid":["O', U.NO_ORDER_ID),
    ("object", 200, "{}", U.NO_ORDER_ID),
    ("list", 200, "[]", U.NO_ORDER_ID),
    ("null", 200, "null", U.NO_ORDER_ID),
    ("deep", 200, "[" * 100_000, U.NO_ORDER_ID),
    ("not text", 200, b"\xff\xfe\x00", U.NO_ORDER_ID),
    ("no content", 204, "", U.NO_ORDER_ID),
    ("redirect", 302, HTML, U.UNLISTED),
    ("not modified", 304, "", U.UNLISTED),
    ("payment", 402, "", U.UNLISTED),
    ("too early", 425, "", U.UNLISTED),
    ("origin gone", 523, "", U.SERVER_ERROR),
    ("origin slow", 524, "", U.SERVER_ERROR),
    ("beyond", 599, "", U.SERVER_ERROR),
)


@pytest.mark.parametrize("venue", CASES)
@pytest.mark.parametrize(("status", "body", "reason"), [s[1:] for s in STRANGE], ids=[s[0] for s in STRANGE])
async def test_a_strange_answer_is_unknown(venue: str, status: int, body: str | bytes, reason: U) -> None:
    """What ccxt would turn into an order without an id, or into a plain refusal, proves nothing."""
    bench = await warm_bench(venue)
    outcome = await bench.place(answer(body, status))
    assert isinstance(outcome, Unknown)
    assert outcome.reason is reason


@pytest.mark.parametrize("venue", CASES)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (TransportFault.TIMEOUT, U.TIMEOUT),
        (TransportFault.RESET, U.CONNECTION_LOST),
        (TransportFault.BROKEN_ANSWER, U.BROKEN_ANSWER),
        (TransportFault.TLS, U.CONNECTION_LOST),
    ],
)
async def test_a_lost_answer_is_unknown(venue: str, fault: TransportFault, reason: U) -> None:
    """Once a byte may have left, no failure of the network is a no."""
    bench = await warm_bench(venue)
    outcome = await bench.place(failure(fault, headers_written=True))
    assert isinstance(outcome, Unknown)
    assert (outcome.reason, outcome.health) == (reason, H.UNKNOWN)
    assert len(bench.sent) == 1


@pytest.mark.parametrize("venue", CASES)
@pytest.mark.parametrize("fault", list(TransportFault))
async def test_a_request_that_never_left_is_proven(venue: str, fault: TransportFault) -> None:
    """No byte left, so nothing can execute: proof 0, whatever the fault."""
    bench = await warm_bench(venue)
    outcome = await bench.place(failure(fault, headers_written=False))
    assert isinstance(outcome, ProvenNotExecuted)
    assert (outcome.reason, outcome.health) == (R.NOT_SENT, H.FAILED)
    assert not outcome.evidence.headers_written


FULL = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": CLIENT_ID,
    "transactTime": 1507725176595,
    "price": "50000.00",
    "origQty": "0.00012000",
    "executedQty": "0.00012000",
    "cummulativeQuoteQty": "5.9994",
    "status": "FILLED",
    "timeInForce": "IOC",
    "type": "LIMIT",
    "side": "BUY",
    "fills": [
        {"price": "49990", "qty": "0.00006", "commission": "0.00000006", "commissionAsset": "BTC", "tradeId": 56},
        {"price": "50000.00", "qty": "0.00006", "commission": "0.0000001", "commissionAsset": "BNB", "tradeId": 57},
    ],
}


async def test_a_full_answer_is_accepted_with_its_fills() -> None:
    """The answer of a place can settle the order at once: state, cumulative quantity, and each fill exactly."""
    bench = await warm_bench("binance")
    outcome = await bench.place(answer(FULL))
    assert isinstance(outcome, Accepted)
    assert outcome.venue_order_id == "28"
    report = outcome.report
    assert report is not None
    assert (report.status.value, str(report.filled), report.client_id) == ("filled", "0.00012000", CLIENT_ID)
    assert [(f.trade_id, str(f.price), str(f.fee), f.fee_asset) for f in report.fills] == [
        ("56", "49990", "6E-8", "BTC"),
        ("57", "50000.00", "1E-7", "BNB"),
    ]


@pytest.mark.parametrize("status", [202, 302, 400, 500, 502, 504])
@pytest.mark.parametrize(
    ("venue", "body"),
    [
        ("binance", FULL),
        ("kraken", {"error": [], "result": {"txid": ["OEKVV2-IH52O-TPL6GZ"]}}),
        ("firi", {"id": 12345678}),
    ],
)
async def test_an_id_beside_an_error_status_is_neither_yes_nor_no(venue: str, body: object, status: int) -> None:
    """Only a success that names the order is an acceptance; a proxy's 502 around the same words is not."""
    bench = await warm_bench(venue)
    outcome = await bench.place(answer(body, status))
    assert isinstance(outcome, Accepted if status == 202 else Unknown)


@pytest.mark.parametrize("change", [{"clientOrderId": "somebody-else"}, {"status": None}, {"orderId": None}])
async def test_an_answer_about_another_order_is_no_acceptance(change: dict[str, object]) -> None:
    """Order id, our own client id and a state: without one of them it is not known whose order this is."""
    bench = await warm_bench("binance")
    outcome = await bench.place(answer({**FULL, **change}))
    assert isinstance(outcome, Unknown)
    assert outcome.reason is U.NO_ORDER_ID


async def test_an_accepted_order_with_an_unreadable_state_stays_accepted() -> None:
    """The id is the acceptance; a state that cannot be read is looked up later."""
    bench = await warm_bench("binance")
    outcome = await bench.place(answer({**FULL, "executedQty": "a lot"}))
    assert isinstance(outcome, Accepted)
    assert outcome.report is None


@pytest.mark.parametrize("body", ['{"error":[],"result":{"txid":["OEKVV2-IH52O-TPL6GZ"]}}', None])
async def test_a_warning_beside_a_txid_is_an_acceptance(body: str | None) -> None:
    """ccxt raises for a warning although the order was placed."""
    bench = await warm_bench("kraken")
    body = body or '{"error":["WGeneral:Danger"],"result":{"descr":{"order":"buy"},"txid":["OEKVV2-IH52O-TPL6GZ"]}}'
    outcome = await bench.place(answer(body))
    assert isinstance(outcome, Accepted)
    assert outcome.venue_order_id == "OEKVV2-IH52O-TPL6GZ"


@pytest.mark.parametrize(("status", "body"), [(201, '{"id":12345678}'), (200, '{"id":"12345678"}')])
async def test_an_id_is_an_acceptance_at_firi(status: int, body: str) -> None:
    """The documented 201 with an integer, and its neighbours."""
    bench = await warm_bench("firi")
    outcome = await bench.place(answer(body, status))
    assert isinstance(outcome, Accepted)
    assert outcome.venue_order_id == "12345678"


DEADLINE = '{"error":["EService:Deadline elapsed"]}'
NONE_OPEN = '{"error":[],"result":{"open":{}}}'
NONE_CLOSED = '{"error":[],"result":{"closed":{},"count":0}}'


async def test_an_elapsed_deadline_is_believed_after_one_look() -> None:
    """The documents promise that a late order is refused; one look-up in both lists has to agree."""
    bench = await warm_bench("kraken")
    assert rows_hit(bench.adapter, answer(DEADLINE)) == {(None, "EService", "Deadline elapsed")}
    outcome = await bench.place(answer(DEADLINE), answer(NONE_OPEN), answer(NONE_CLOSED))
    assert isinstance(outcome, ProvenNotExecuted)
    assert (outcome.reason, outcome.health) == (R.DEADLINE_ELAPSED, H.FAILED)
    assert [r.url.rsplit("/", 1)[1] for r in bench.sent] == ["AddOrder", "OpenOrders", "ClosedOrders"]


async def test_an_elapsed_deadline_without_a_look_is_unknown() -> None:
    """A look-up that gets no answer confirms nothing."""
    bench = await warm_bench("kraken")
    outcome = await bench.place(answer(DEADLINE), answer(HTML, 502))
    assert isinstance(outcome, Unknown)
    assert outcome.reason is U.VENUE_SAYS_UNKNOWN


async def test_an_elapsed_deadline_of_an_order_that_exists_is_an_acceptance() -> None:
    """The promise would be broken, and the order is adopted."""
    bench = await warm_bench("kraken")
    order = {
        "status": "closed",
        "cl_ord_id": CLIENT_ID,
        "opentm": 1700000000.5,
        "descr": {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "50000.0"},
        "vol": "0.00012000",
        "vol_exec": "0.00012000",
        "price": "50000.0",
    }
    closed = answer({"error": [], "result": {"closed": {"OFOUND-00000-000001": order}, "count": 1}})
    outcome = await bench.place(answer(DEADLINE), answer(NONE_OPEN), closed)
    assert isinstance(outcome, Accepted)
    assert outcome.venue_order_id == "OFOUND-00000-000001"
