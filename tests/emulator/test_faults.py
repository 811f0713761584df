"""Every kind of fault, on the cores: what the client sees, and what really happened."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from backend.emulator.dialect import VenueError
from backend.emulator.fault_kinds import arm
from backend.emulator.faults import FAULTS_MAX, Fault, FaultBoard, FaultError, FaultKind
from backend.emulator.registry import KINDS
from backend.emulator.wire import Endpoint, Hang, Reset, Respond
from tests.emulator.kit import T0, Desk, answer

PLACE = frozenset({Endpoint.PLACE})
VENUES = tuple(KINDS)
ERRORS = [(venue, name, error) for venue in VENUES for name, error in KINDS[venue].errors.items()]


def filled(desk: Desk) -> Decimal:
    return sum((trade.quantity for trade in desk.core.ledger.trades), Decimal(0))


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(("when", "executed"), [("before", "0"), ("after", "0.5")])
@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.RESET, FaultKind.STATUS, FaultKind.BODY])
def test_a_fault_strikes_before_or_after_the_order_takes_effect(
    venue: str, kind: FaultKind, when: str, executed: str
) -> None:
    """The client sees the same in both cases; only the ledger knows whether the order was executed."""
    desk = Desk(venue)
    params = {FaultKind.STATUS: {"name": next(iter(KINDS[venue].errors))}, FaultKind.BODY: {"body": "<html>"}}.get(
        kind, {}
    )
    desk.fault(kind, Endpoint.PLACE, when=when, **params)
    effect = desk.effect(desk.order())
    assert isinstance(effect, {FaultKind.HANG: Hang, FaultKind.RESET: Reset}.get(kind, Respond))
    if kind is FaultKind.STATUS:
        assert answer(effect).body == next(iter(KINDS[venue].errors.values())).answer(T0).body
    if kind is FaultKind.BODY:
        assert answer(effect).body == b"<html>"
    assert filled(desk) == Decimal(executed)


@pytest.mark.parametrize(("venue", "name", "error"), ERRORS)
def test_the_next_order_can_be_answered_with_any_listed_error(venue: str, name: str, error: VenueError) -> None:
    """Each error of a venue's table comes out with its status and body, once, and can hide an execution."""
    desk = Desk(venue)
    desk.core.inject(Fault(FaultKind.STATUS, PLACE, count=1, params={"name": name, "executed": True}), desk.now)
    got = answer(desk.effect(desk.order()))
    assert (got.status, got.body, got.headers) == (error.status, error.answer(desk.now).body, error.headers)
    assert filled(desk) == Decimal("0.5")
    if error.content_type == "application/json":
        assert isinstance(json.loads(got.body), dict)
    assert answer(desk.effect(desk.order())).body != got.body


@pytest.mark.parametrize(
    ("venue", "code", "definite"),
    [
        ("binance", "-1008", True),
        ("binance", "-1007", False),
        ("kraken", "EService:Market in cancel_only mode", True),
        ("kraken", "EService:Timeout", False),
        ("firi", "InsufficientFunds", True),
        ("firi", "html_500", False),
        ("kucoin", "200004", True),
        ("bybit", "170131", True),
        ("bybit", "10016", False),
        ("okx", "51008", True),
        ("okx", "51149", False),
        ("kucoin", "408000", False),
    ],
)
def test_reject_takes_only_errors_that_promise_no_execution(venue: str, code: str, definite: bool) -> None:
    """A rejection is never an ambiguous error, and never executes."""
    desk = Desk(venue)
    fault = Fault(FaultKind.REJECT, PLACE, params={"code": code})
    if not definite:
        with pytest.raises(FaultError, match="code must be one of"):
            desk.core.inject(fault, desk.now)
        return
    desk.core.inject(fault, desk.now)
    assert answer(desk.effect(desk.order())).body == KINDS[venue].errors[code].answer(T0).body
    assert filled(desk) == 0


@pytest.mark.parametrize("venue", VENUES)
def test_every_venue_separates_its_proofs_from_its_doubts(venue: str) -> None:
    """Each listed error either may be a rejection, or is refused as one: none is in between."""
    for name, error in KINDS[venue].errors.items():
        fault = Fault(FaultKind.REJECT, PLACE, params={"code": name})
        if error.definite:
            arm(fault, KINDS[venue])
        else:
            with pytest.raises(FaultError, match="code must be one of"):
                arm(fault, KINDS[venue])


def test_limits_say_how_long_to_wait() -> None:
    """A rate limit carries Retry-After, a ban also the time of its end in the message."""
    desk = Desk("binance")
    desk.fault(FaultKind.STATUS, Endpoint.PLACE, name="-1003:banned")
    got = answer(desk.effect(desk.order()))
    assert (got.status, got.headers) == (418, (("Retry-After", "120"),))
    assert f"banned until {int((T0 + 120) * 1000)}." in got.body.decode()


LOOK_UPS: dict[str, list[tuple[str, str, dict[str, str]]]] = {
    "binance": [
        ("GET", "/api/v3/order", {"symbol": "BTCUSDT", "origClientOrderId": "a-1"}),
        ("GET", "/api/v3/allOrders", {"symbol": "BTCUSDT"}),
        ("GET", "/api/v3/myTrades", {"symbol": "BTCUSDT"}),
    ],
    "kraken": [
        ("POST", "/0/private/ClosedOrders", {"cl_ord_id": "a-1"}),
        ("POST", "/0/private/TradesHistory", {}),
    ],
    "firi": [("GET", "/v2/orders/history", {}), ("GET", "/v2/history/orders", {})],
    "bybit": [
        ("GET", "/v5/order/realtime", {"orderLinkId": "a-1"}),
        ("GET", "/v5/order/history", {}),
        ("GET", "/v5/execution/list", {"orderLinkId": "a-1"}),
    ],
    "okx": [
        ("GET", "/api/v5/trade/order", {"instId": "BTC-USDT", "clOrdId": "a1"}),
        ("GET", "/api/v5/trade/orders-history", {"instType": "SPOT"}),
        ("GET", "/api/v5/trade/fills", {"instType": "SPOT"}),
    ],
    "kucoin": [
        ("GET", "/api/v1/hf/orders/client-order/a-1", {"symbol": "BTC-USDT"}),
        ("GET", "/api/v1/hf/orders/done", {"symbol": "BTC-USDT"}),
        ("GET", "/api/v1/hf/fills", {"symbol": "BTC-USDT"}),
    ],
}
CLIENT_IDS = {"binance": "newClientOrderId", "kraken": "cl_ord_id", "kucoin": "clientOid", "bybit": "orderLinkId"}
CLIENT_IDS |= {"okx": "clOrdId"}


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize(("drop", "effect"), [("reset", Reset), ("hang", Hang)])
def test_a_lost_answer_hides_an_executed_order_for_a_while(venue: str, drop: str, effect: type) -> None:
    """The order executes, nobody is told, and no look-up finds order or trades before the visible time."""
    desk = Desk(venue)
    client_id = {CLIENT_IDS[venue]: "a1" if venue == "okx" else "a-1"} if venue in CLIENT_IDS else {}
    desk.fault(FaultKind.LOST_ANSWER, Endpoint.PLACE, drop=drop, min=1.0, max=1.5)
    assert isinstance(desk.effect(desk.order(**client_id)), effect)
    assert filled(desk) == Decimal("0.5")
    hidden = [desk.ask(*call).body for call in LOOK_UPS[venue]]
    (order,) = desk.core.ledger.orders
    assert T0 + 1 <= order.visible_at <= T0 + 1.5
    desk.now = T0 + 1.5
    shown = [desk.ask(*call).body for call in LOOK_UPS[venue]]
    assert all(
        before != after and order.order_id.encode() in after for before, after in zip(hidden, shown, strict=True)
    )


def test_a_hidden_resting_order_still_guards_its_id() -> None:
    """An order that nobody can see blocks its client id all the same, and cannot be cancelled yet."""
    desk = Desk("binance")
    desk.fault(FaultKind.LOST_ANSWER, Endpoint.PLACE, min=1.0)
    desk.effect(desk.order(price="98", newClientOrderId="a-1"))
    desk.core.clear(desk.now)
    assert b"Duplicate order sent." in answer(desk.effect(desk.order(newClientOrderId="a-1"))).body
    named = {"symbol": "BTCUSDT", "origClientOrderId": "a-1"}
    assert desk.json("DELETE", "/api/v3/order", named)["code"] == -2011
    desk.now += 2
    assert desk.json("DELETE", "/api/v3/order", named)["status"] == "CANCELED"


@pytest.mark.parametrize(
    ("stage", "answered", "entered"),
    [("arrival", 1.5, 1.5), ("forward", 1.5, 1.5), ("engine", 1.5, 1.5), ("answer", 1.5, 0.0)],
)
def test_latency_lies_where_it_is_put(stage: str, answered: float, entered: float) -> None:
    """Delays on the way in move the execution, a delay of the answer does not."""
    desk = Desk("binance")
    desk.fault(FaultKind.LATENCY, Endpoint.PLACE, seconds=1.5, stage=stage)
    effect = desk.effect(desk.order())
    assert isinstance(effect, Respond)
    assert effect.at == T0 + answered
    assert desk.core.ledger.orders[0].at == T0 + entered


def test_lognormal_latency_is_drawn_and_bounded() -> None:
    """A random latency differs from request to request and repeats with the seed."""

    def delays() -> list[float]:
        desk = Desk("binance", seed=7)
        desk.fault(FaultKind.LATENCY, Endpoint.TIME, median=0.1, sigma=1.0, stage="answer")
        request = desk.call("GET", "/api/v3/time")
        effects = [desk.effect(request) for _ in range(20)]
        return [effect.at - T0 for effect in effects if isinstance(effect, Respond)]

    drawn = delays()
    assert drawn == delays()
    assert len(set(drawn)) == 20
    assert all(0 < delay < 120 for delay in drawn)


def test_a_share_strikes_a_share() -> None:
    """With p = 0.3 about three of ten requests fail."""
    desk = Desk("binance")
    desk.core.inject(Fault(FaultKind.STATUS, frozenset({Endpoint.TIME}), p=0.3, params={"name": "html_500"}), T0)
    request = desk.call("GET", "/api/v3/time")
    statuses = [answer(desk.effect(request)).status for _ in range(500)]
    assert 100 < statuses.count(500) < 200


def test_a_fault_has_endpoints_a_beginning_and_an_end() -> None:
    """Outside its time, away from its endpoints and after its count a fault does nothing."""
    desk = Desk("binance")
    fault = Fault(FaultKind.STATUS, PLACE, start=10, length=5, count=1, params={"name": "html_500"})
    desk.core.inject(fault, desk.now)

    def status(at: float) -> int:
        desk.now = at
        return answer(desk.effect(desk.order(quantity="0.1"))).status

    assert status(T0 + 9) == 200
    desk.now = T0 + 11
    assert answer(desk.effect(desk.call("GET", "/api/v3/time"))).status == 200
    assert [status(T0 + 11), status(T0 + 12)] == [500, 200]
    assert desk.core.faults(desk.now) == {}


def test_two_faults_add_their_delays_and_the_first_answer_wins() -> None:
    """Faults combine."""
    desk = Desk("binance")
    for seconds in (0.5, 0.25):
        desk.fault(FaultKind.LATENCY, seconds=seconds)
    desk.fault(FaultKind.RESET)
    desk.fault(FaultKind.HANG)
    effect = desk.effect(desk.order())
    assert effect == Reset(T0 + 0.75)


@pytest.mark.parametrize(
    ("venue", "kind", "endpoints", "changes", "text"),
    [
        ("binance", FaultKind.HANG, PLACE, {"p": 1.5}, "p must be"),
        ("binance", FaultKind.HANG, PLACE, {"start": -1.0}, "start must be"),
        ("binance", FaultKind.HANG, PLACE, {"length": 0.0}, "length must be"),
        ("binance", FaultKind.HANG, PLACE, {"count": 0}, "count must be"),
        ("binance", FaultKind.HANG, PLACE, {"params": {"when": "later"}}, "when must be one of"),
        ("binance", FaultKind.HANG, PLACE, {"params": {"max_s": True}}, "max_s must be a number"),
        ("binance", FaultKind.HANG, PLACE, {"params": {"size": 1}}, "unknown parameters: size"),
        ("binance", FaultKind.REFUSE, PLACE, {}, "concerns the whole venue"),
        ("binance", FaultKind.MODE, frozenset(), {"params": {"mode": "post_only"}}, "mode must be one of"),
        ("firi", FaultKind.MODE, frozenset(), {"params": {"mode": "maintenance"}}, "has no modes"),
        ("binance", FaultKind.LOST_ANSWER, frozenset(), {}, "fault of PLACE"),
        ("binance", FaultKind.LOST_ANSWER, PLACE, {"params": {"max": 3.0}}, "max must be"),
        ("binance", FaultKind.LATENCY, PLACE, {"params": {"seconds": 3, "stage": "engine"}}, "seconds must be"),
        ("binance", FaultKind.LATENCY, PLACE, {}, "median must be"),
        ("binance", FaultKind.BODY, PLACE, {"params": {"headers": {"a": 1}}}, "headers must map"),
        ("binance", FaultKind.BODY, PLACE, {"params": {"headers": []}}, "headers must be an object"),
        ("binance", FaultKind.STATUS, PLACE, {"params": {"name": "html_500", "executed": 1}}, "executed must be"),
        ("binance", FaultKind.STATUS, PLACE, {"params": {"name": 5}}, "name must be a text"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    venue: str, kind: FaultKind, endpoints: frozenset[Endpoint], changes: dict[str, Any], text: str
) -> None:
    """A wrong fault is told at once, in words, instead of doing nothing later."""
    with pytest.raises(FaultError, match=text):
        arm(Fault(kind, endpoints, **changes), KINDS[venue])


def test_bounds_can_be_broken_on_purpose() -> None:
    """Only with an explicit word may an order stay hidden for longer than the venue promises."""
    params = {"min": 10.0, "max": 20.0, "beyond_bounds": True}
    desk = Desk("binance")
    desk.core.inject(Fault(FaultKind.LOST_ANSWER, PLACE, params=params), desk.now)
    desk.effect(desk.order())
    assert T0 + 10 <= desk.core.ledger.orders[0].visible_at <= T0 + 20


def test_engine_delays_stay_within_the_engine_bound() -> None:
    """However many faults delay the engine, an order takes effect within the bound after its last check."""
    desk = Desk("binance")
    for _ in range(3):
        desk.fault(FaultKind.LATENCY, Endpoint.PLACE, seconds=1.5, stage="engine")
    desk.effect(desk.order())
    assert desk.core.ledger.orders[0].at == T0 + KINDS["binance"].bounds.engine_s


def test_a_board_is_bounded_and_makes_room() -> None:
    """A venue carries so many faults at a time; those that are over do not count."""
    board = FaultBoard(Random(1))  # noqa: S311 - repeatable, guards nothing
    armed = arm(Fault(FaultKind.RESET, length=1), KINDS["binance"])
    for _ in range(FAULTS_MAX):
        board.pin(armed, T0)
    with pytest.raises(FaultError, match="at most"):
        board.pin(armed, T0)
    assert board.pin(armed, T0 + 2)
