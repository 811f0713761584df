"""The emulated OKX: signed with a passphrase, results in rows, a deadline in a header, ids free after the end."""

from __future__ import annotations

from typing import Any

import pytest

from backend.emulator.dialect import Mode
from backend.emulator.faults import FaultKind
from backend.emulator.wire import Endpoint, Request
from tests.emulator.kit import T0, Desk, decoded

INSTRUMENT = {"instId": "BTC-USDT"}


@pytest.fixture
def desk() -> Desk:
    return Desk("okx")


def placed(desk: Desk, **changes: str) -> Any:
    return decoded(desk.effect(desk.order(**changes)))


def code_of(told: Any) -> str:
    """The row's own result where there is a row, as the documents say."""
    return str(told["data"][0]["sCode"] if told["data"] else told["code"])


def found(desk: Desk, **fields: str) -> Any:
    (row,) = desk.json("GET", "/api/v5/trade/order", {**INSTRUMENT, **fields})["data"]
    return row


def test_an_acknowledgement_tells_only_the_ids(desk: Desk) -> None:
    """What became of the order has to be asked for."""
    (row,) = placed(desk, clOrdId="a1")["data"]
    assert (row["sCode"], row["clOrdId"], row["ordId"]) == ("0", "a1", desk.core.ledger.orders[0].order_id)
    assert "state" not in row


@pytest.mark.parametrize(
    ("changes", "state", "executed"),
    [
        ({"px": "98"}, "live", "0"),
        ({}, "filled", "0.5"),
        ({"sz": "1.5"}, "partially_filled", "1"),
        ({"sz": "1.5", "ordType": "ioc"}, "canceled", "1"),
        ({"sz": "1.5", "ordType": "fok"}, "canceled", "0"),
        ({"px": "98", "ordType": "post_only"}, "live", "0"),
        ({"px": "101", "ordType": "post_only"}, "canceled", "0"),
    ],
)
def test_what_becomes_of_an_order(desk: Desk, changes: dict[str, str], state: str, executed: str) -> None:
    """Each life has the venue's word for its end; a post-only order that would take is accepted and then cancelled."""
    order_id = placed(desk, clOrdId="a1", **changes)["data"][0]["ordId"]
    for name in ({"ordId": order_id}, {"clOrdId": "a1"}):
        row = found(desk, **name)
        assert (row["state"], row["accFillSz"]) == (state, executed)


ROW = {**INSTRUMENT, "tdMode": "cash", "side": "buy", "ordType": "limit", "sz": "0.5", "px": "98"}
BATCH = "/api/v5/trade/batch-orders"


def test_a_batch_of_one(desk: Desk) -> None:
    """The list form, which a well-known client uses for every order, is answered like a single one."""
    told = desk.json("POST", BATCH, rows=[{**ROW, "clOrdId": "a1"}])
    assert (told["code"], [row["sCode"] for row in told["data"]]) == ("0", ["0"])
    assert found(desk, clOrdId="a1")["state"] == "live"


def test_the_list_form_is_signed_too(desk: Desk) -> None:
    """Brackets that were added on the way break the signature."""
    single = desk.call("POST", BATCH, ROW)
    body = b"[" + single.body + b"]"
    assert code_of(decoded(desk.effect(Request("POST", single.path, "", single.headers, body)))) == "50113"
    assert code_of(decoded(desk.effect(single))) == "0"


@pytest.mark.parametrize(
    ("sizes", "code", "results"),
    [
        (["0.5", "0.5"], "0", ["0", "0"]),
        (["0.5", "x", "0.5"], "2", ["0", "51000", "0"]),
        (["0.5", "9000"], "2", ["0", "51008"]),
        (["x", "0.000000001"], "1", ["51000", "51121"]),
        (["9000", "9000"], "1", ["51008", "51008"]),
    ],
)
def test_a_batch_of_several(sizes: list[str], code: str, results: list[str]) -> None:
    """Each row has its result and its id; the code tells whether all, none or some of them were taken."""
    desk = Desk("okx", {"USDT": "1000"})
    told = desk.json("POST", BATCH, rows=[{**ROW, "sz": size, "clOrdId": f"a{n}"} for n, size in enumerate(sizes)])
    assert told["code"] == code
    assert [(row["clOrdId"], row["sCode"]) for row in told["data"]] == [(f"a{n}", r) for n, r in enumerate(results)]
    assert [order.client_id for order in desk.core.ledger.orders] == [
        f"a{n}" for n, result in enumerate(results) if result == "0"
    ]
    assert [row["ordId"] for row in told["data"] if row["ordId"]] == [o.order_id for o in desk.core.ledger.orders]


def test_a_batch_has_one_deadline(desk: Desk) -> None:
    """A batch that is too late is refused as a whole, also behind the gateway."""
    rows = [{**ROW, "clOrdId": "a1"}, {**ROW, "clOrdId": "a2"}]
    desk.fault(FaultKind.LATENCY, Endpoint.PLACE, seconds=6, stage="forward")
    told = desk.json("POST", BATCH, rows=rows, expires=desk.now + 5)
    assert (told["code"], told["data"]) == ("50037", [])
    assert desk.core.ledger.orders == ()


def test_a_lost_answer_hides_the_whole_batch(desk: Desk) -> None:
    """All orders of a batch are found from the same time on."""
    desk.fault(FaultKind.LOST_ANSWER, Endpoint.PLACE, min=1.0)
    desk.effect(desk.call("POST", BATCH, rows=[{**ROW, "clOrdId": "a1"}, {**ROW, "clOrdId": "a2"}]))
    assert desk.json("GET", "/api/v5/trade/orders-pending")["data"] == []
    desk.now += 2
    assert [row["clOrdId"] for row in desk.json("GET", "/api/v5/trade/orders-pending")["data"]] == ["a2", "a1"]


@pytest.mark.parametrize("rows", [[], [ROW] * 21, ["x"], [ROW, 1]])
def test_a_list_that_is_none(desk: Desk, rows: list[Any]) -> None:
    """At least one and at most twenty orders, nothing else."""
    assert desk.json("POST", BATCH, rows=rows)["code"] == "50002"
    assert desk.core.ledger.orders == ()


def test_several_are_cancelled_at_once(desk: Desk) -> None:
    """Each row of a cancel has its result."""
    for name in ("a1", "a2"):
        placed(desk, px="98", clOrdId=name)
    rows = [{**INSTRUMENT, "clOrdId": name} for name in ("a1", "nobody", "a2")]
    told = desk.json("POST", "/api/v5/trade/cancel-batch-orders", rows=rows)
    assert (told["code"], [row["sCode"] for row in told["data"]]) == ("2", ["0", "51400", "0"])
    assert desk.json("GET", "/api/v5/trade/orders-pending")["data"] == []


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({"ordType": "ioc", "sz": "1.5"}, "14"),
        ({"ordType": "fok", "sz": "1.5"}, "13"),
        ({"ordType": "post_only"}, "31"),
        ({}, ""),
    ],
)
def test_an_order_tells_what_cancelled_it(desk: Desk, changes: dict[str, str], source: str) -> None:
    """Orders that the venue cancels by itself say why."""
    placed(desk, clOrdId="a1", **changes)
    assert found(desk, clOrdId="a1")["cancelSource"] == source


@pytest.mark.parametrize(
    ("changes", "code", "executed"),
    [
        ({"side": "buy", "sz": "200"}, "0", "0.5"),
        ({"side": "buy", "sz": "2", "tgtCcy": "base_ccy"}, "0", "0.5"),
        ({"side": "sell", "sz": "2"}, "0", "0.25"),
        ({"side": "buy", "sz": "200", "banAmend": "true"}, "51008", None),
        ({"side": "buy", "sz": "2", "tgtCcy": "base_ccy", "banAmend": "true"}, "51008", None),
        ({"side": "sell", "sz": "2", "banAmend": "true"}, "51008", None),
    ],
)
def test_a_market_order_is_cut_to_the_balance(changes: dict[str, str], code: str, executed: str | None) -> None:
    """Unless the caller forbids it, a market order that is too large is made smaller."""
    desk = Desk("okx", {"USDT": "50", "BTC": "0.25"})
    assert code_of(placed(desk, ordType="market", clOrdId="a1", **changes)) == code
    assert [str(trade.quantity.normalize()) for trade in desk.core.ledger.trades] == ([executed] if executed else [])


@pytest.mark.parametrize(
    ("days", "shown", "archived", "fills"),
    [
        (1 / 24, {"filled", "unfilled"}, {"filled", "unfilled"}, 1),
        (1 / 11, {"filled"}, {"filled"}, 1),
        (4, {"filled"}, {"filled"}, 0),
        (8, set(), {"filled"}, 0),
        (91, set(), set(), 0),
    ],
)
def test_what_has_ended_is_forgotten(desk: Desk, days: float, shown: set[str], archived: set[str], fills: int) -> None:
    """An order that was cancelled without a fill is kept for two hours, others for a week and three months."""
    placed(desk, clOrdId="filled")
    placed(desk, clOrdId="unfilled", px="98", ordType="ioc")
    desk.now += days * 86_400

    def ids(path: str) -> set[str]:
        return {row["clOrdId"] for row in desk.json("GET", f"/api/v5/trade/{path}", {"instType": "SPOT"})["data"]}

    assert (ids("orders-history"), ids("orders-history-archive")) == (shown, archived)
    assert len(ids("fills")) == fills
    assert bool(ids("fills-history")) == (days < 90)
    told = desk.json("GET", "/api/v5/trade/order", {**INSTRUMENT, "clOrdId": "unfilled"})
    assert told["code"] == ("0" if "unfilled" in shown else "51603")


def test_an_account_knows_its_fee_rates(desk: Desk) -> None:
    """Negative, because they are charged."""
    (rates,) = desk.json("GET", "/api/v5/account/trade-fee", {"instType": "SPOT"})["data"]
    assert (rates["maker"], rates["taker"]) == ("-0.001", "-0.0015")


def test_events_are_filtered_by_state(desk: Desk) -> None:
    """An interruption is shown to whoever asks for ongoing ones, or for any."""
    desk.fault(FaultKind.MODE, mode=Mode.MAINTENANCE.value)
    for query, count in (("", 1), ("state=ongoing", 1), ("state=scheduled", 0)):
        assert len(desk.get("/api/v5/system/status", query)["data"]) == count


def test_an_id_is_free_again_after_the_end(desk: Desk) -> None:
    """The same clOrdId is refused while its order is live, and then a look-up finds the newest."""
    first = placed(desk, clOrdId="a1", px="98")["data"][0]["ordId"]
    assert code_of(placed(desk, clOrdId="a1")) == "51016"
    assert code_of(desk.json("POST", "/api/v5/trade/cancel-order", {**INSTRUMENT, "ordId": first})) == "0"
    second = placed(desk, clOrdId="a1")["data"][0]["ordId"]
    assert second != first
    assert found(desk, clOrdId="a1")["ordId"] == second


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instId": "DOGE-USDT"}, "51001"),
        ({"instId": ""}, "50014"),
        ({"tdMode": "cross"}, "51000"),
        ({"side": "Buy"}, "51000"),
        ({"ordType": "stop"}, "51000"),
        ({"sz": "0.000000001"}, "51121"),
        ({"sz": "0.00000999"}, "51020"),
        ({"sz": "10000"}, "51000"),
        ({"px": "100.05"}, "51006"),
        ({"clOrdId": "a-1"}, "51000"),
        ({"clOrdId": "a" * 33}, "51000"),
        ({"ordType": "market", "tgtCcy": "coins"}, "51000"),
        ({"ordType": "market", "side": "sell", "tgtCcy": "quote_ccy", "sz": "0.001"}, "51121"),
        ({"attachAlgoOrds": ""}, "51000"),
    ],
)
def test_what_is_refused(desk: Desk, changes: dict[str, str], code: str) -> None:
    """Each rule has its code, and nothing is placed."""
    assert code_of(placed(desk, **changes)) == code
    assert desk.core.ledger.orders == ()


def test_too_little_money() -> None:
    """The engine's refusal has its code, in the row."""
    assert code_of(placed(Desk("okx", {"USDT": "10"}))) == "51008"


@pytest.mark.parametrize(
    ("changes", "executed"),
    [
        ({"side": "buy", "sz": "50"}, "0.5"),
        ({"side": "buy", "sz": "0.5", "tgtCcy": "base_ccy"}, "0.5"),
        ({"side": "sell", "sz": "0.25"}, "0.25"),
        ({"side": "sell", "sz": "197", "tgtCcy": "quote_ccy"}, "2"),
    ],
)
def test_market_orders_and_their_units(desk: Desk, changes: dict[str, str], executed: str) -> None:
    """A buy without a unit is in quote units."""
    row = found(desk, ordId=placed(desk, ordType="market", **changes)["data"][0]["ordId"])
    assert (row["state"], row["accFillSz"]) == ("filled", executed)


def test_a_cancel_by_either_id(desk: Desk) -> None:
    """A cancelled order is gone from the pending ones; what is not open cannot be cancelled."""
    order_id = placed(desk, px="98", clOrdId="a1")["data"][0]["ordId"]
    placed(desk, px="97", clOrdId="a2")
    for name in ({"ordId": order_id}, {"clOrdId": "a2"}):
        assert code_of(desk.json("POST", "/api/v5/trade/cancel-order", {**INSTRUMENT, **name})) == "0"
        assert code_of(desk.json("POST", "/api/v5/trade/cancel-order", {**INSTRUMENT, **name})) == "51400"
    assert desk.json("GET", "/api/v5/trade/orders-pending")["data"] == []
    assert code_of(desk.json("POST", "/api/v5/trade/cancel-order", INSTRUMENT)) == "50015"


def test_an_order_that_is_not_there(desk: Desk) -> None:
    """A code of its own, and no empty success."""
    assert desk.json("GET", "/api/v5/trade/order", {**INSTRUMENT, "clOrdId": "nobody"})["code"] == "51603"


def test_fills_are_continued(desk: Desk) -> None:
    """Newest first, older than a billId; an order and a time narrow the list; a fee that is charged is negative."""
    ids = []
    for _ in range(3):
        desk.now += 1
        desk.books.write(desk.now)
        ids.append(placed(desk)["data"][0]["ordId"])
    seen, after = [], ""
    while page := desk.json("GET", "/api/v5/trade/fills", {"limit": "1", **({"after": after} if after else {})})[
        "data"
    ]:
        seen.append(page[0]["ordId"])
        after = page[0]["billId"]
    assert seen == ids[::-1]
    (one,) = desk.json("GET", "/api/v5/trade/fills-history", {"instType": "SPOT", "ordId": ids[1]})["data"]
    assert (one["fillSz"], one["fillPx"], one["fee"], one["feeCcy"]) == ("0.5", "100", "-0.00075", "BTC")
    late = desk.json("GET", "/api/v5/trade/fills", {"begin": str(int((T0 + 2.5) * 1000))})["data"]
    assert [row["ordId"] for row in late] == ids[2:]


def test_the_account(desk: Desk) -> None:
    """What an open order holds is frozen."""
    placed(desk, px="98", sz="1")
    details = desk.json("GET", "/api/v5/account/balance", {"ccy": "USDT"})["data"][0]["details"]
    assert [(row["ccy"], row["cashBal"], row["availBal"], row["frozenBal"]) for row in details] == [
        ("USDT", "10000000", "9999902", "98")
    ]


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("ok-access-key", "", "50103"),
        ("ok-access-passphrase", "", "50104"),
        ("ok-access-sign", "", "50106"),
        ("ok-access-timestamp", "", "50107"),
        ("ok-access-timestamp", "soon", "50112"),
        ("ok-access-timestamp", "2025-06-15T15:00:00.000Z", "50102"),
        ("ok-access-key", "another", "50111"),
        ("ok-access-sign", "another", "50113"),
        ("x-simulated-trading", "1", "50101"),
        ("ok-access-passphrase", "another", "50105"),
    ],
)
def test_who_may_not_call(desk: Desk, header: str, value: str, code: str) -> None:
    """Each header is looked at, and the answer has status 401."""
    request = desk.order()
    request = Request(request.method, request.path, request.query, {**request.headers, header: value}, request.body)
    told = decoded(desk.effect(request))
    assert (told["code"], told["data"]) == (code, [])
    assert desk.core.ledger.orders == ()


@pytest.mark.parametrize(("late_s", "code"), [(-30.1, "50102"), (-29.9, "0"), (29.9, "0"), (30.1, "50102")])
def test_the_age_of_a_call(desk: Desk, late_s: float, code: str) -> None:
    """Thirty seconds to either side."""
    request = desk.order()
    desk.now += late_s
    assert code_of(decoded(desk.effect(request))) == code


@pytest.mark.parametrize(("expires_s", "delay_s", "code"), [(5, 0, "0"), (-1, 0, "50036"), (5, 6, "50037")])
def test_the_deadline_of_an_order(desk: Desk, expires_s: float, delay_s: float, code: str) -> None:
    """Past when it comes, or past when it gets to the engine: both mean that nothing is executed."""
    if delay_s:
        desk.fault(FaultKind.LATENCY, Endpoint.PLACE, seconds=delay_s, stage="forward")
    told = desk.json("POST", "/api/v5/trade/order", ROW, expires=desk.now + expires_s)
    assert code_of(told) == code
    assert len(desk.core.ledger.orders) == (code == "0")


def test_maintenance_and_what_follows_it(desk: Desk) -> None:
    """The status page tells of both; before the opening only post-only orders and cancels work."""
    assert desk.get("/api/v5/system/status")["data"] == []
    resting = placed(desk, px="98")["data"][0]["ordId"]
    for mode, state, code in ((Mode.MAINTENANCE, "ongoing", "50001"), (Mode.POST_ONLY, "pre_open", "51022")):
        desk.core.clear(desk.now)
        desk.fault(FaultKind.MODE, mode=mode.value)
        assert [row["state"] for row in desk.get("/api/v5/system/status")["data"]] == [state]
        assert code_of(placed(desk)) == code
    assert code_of(placed(desk, px="97", ordType="post_only")) == "0"
    assert code_of(desk.json("POST", "/api/v5/trade/cancel-order", {**INSTRUMENT, "ordId": resting})) == "0"


@pytest.mark.parametrize(
    ("permissions", "shown"), [("trade", "read_only,trade"), ("trade,withdraw", "read_only,trade,withdraw")]
)
def test_a_key_tells_what_it_may_do(desk: Desk, permissions: str, shown: str) -> None:
    """A key that can withdraw says so."""
    desk.keys["permissions"] = permissions
    assert desk.json("GET", "/api/v5/account/config")["data"][0]["perm"] == shown


def test_public_answers(desk: Desk) -> None:
    """Time, instruments, book and ticker, and empty lists for what is not spot."""
    assert desk.get("/api/v5/public/time")["data"] == [{"ts": str(int(T0 * 1000))}]
    rows = desk.get("/api/v5/public/instruments", "instType=SPOT")["data"]
    assert [row["instId"] for row in rows] == ["BTC-USDT", "ETH-USDT"]
    assert desk.get("/api/v5/public/instruments", "instType=SWAP")["data"] == []
    assert desk.get("/api/v5/public/instruments")["code"] == "50014"
    (book,) = desk.get("/api/v5/market/books", "instId=BTC-USDT&sz=1")["data"]
    assert (book["bids"], book["asks"]) == ([["99", "1", "0", "1"]], [["100", "1", "0", "1"]])
    (ticker,) = desk.get("/api/v5/market/ticker", "instId=BTC-USDT")["data"]
    assert (ticker["bidPx"], ticker["askPx"]) == ("99", "100")
    assert desk.get("/api/v5/trade/nothing")["code"] == "404"
