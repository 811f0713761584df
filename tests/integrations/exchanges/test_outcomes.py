"""Every answer to a place that the venues' documents name, as a raw body, and what it proves."""

from __future__ import annotations

import pytest

from backend.domain.outcomes import Accepted, ProvenNotExecuted, Unknown
from backend.domain.reasons import HealthClass as H
from backend.domain.reasons import RejectReason as R
from backend.domain.reasons import UnknownReason as U
from backend.integrations.exchanges.shared.outcomes import Key
from backend.ports.transport import TransportFault
from tests.fakes.transport import answer, failure
from tests.integrations.exchanges import documented_answers
from tests.integrations.exchanges.documented_answers import HTML, Case
from tests.integrations.exchanges.documented_bybit import BYBIT
from tests.integrations.exchanges.documented_kucoin import KUCOIN, PLACED
from tests.integrations.exchanges.documented_okx import OKX
from tests.integrations.exchanges.support import CLIENT_ID, make_bench, rows_hit, warm_bench

CASES = {**documented_answers.CASES, "bybit": BYBIT, "okx": OKX, "kucoin": KUCOIN}
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
        ("kucoin", {"code": "200000", "data": PLACED}),
        ("kraken", {"error": [], "result": {"txid": ["OEKVV2-IH52O-TPL6GZ"]}}),
        ("firi", {"id": 12345678}),
        ("bybit", {"retCode": 0, "retMsg": "OK", "result": {"orderId": "1", "orderLinkId": CLIENT_ID}}),
        ("okx", {"code": "0", "msg": "", "data": [{"ordId": "1", "clOrdId": CLIENT_ID, "sCode": "0", "sMsg": ""}]}),
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
