"""Orders and cancels pass one queue into the engine: first in, first out, and within the engine's bound."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.emulator.engine_queue import EngineQueue
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.registry import KINDS
from backend.emulator.wire import Answer, Effect, Endpoint, Pause, Request, Respond
from tests.emulator.calls import CANCEL_ALL, CLIENT_ID, cancel
from tests.emulator.kit import BIDS, T0, VENUES, Desk, answer, decoded

NAMED = sorted(CLIENT_ID)
RESTING = {"firi": {"price": "98.00"}, "okx": {"px": "98"}}
BOUND_S = 2.0
SECONDS = st.floats(0, BOUND_S, allow_nan=False)


def place(desk: Desk, client_id: str = "a1") -> Request:
    """An order that rests."""
    named = {CLIENT_ID[desk.venue]: client_id} if desk.venue in CLIENT_ID else {}
    return desk.order(**{**RESTING.get(desk.venue, {"price": "98"}), **named})


def slow(desk: Desk, seconds: float, endpoint: Endpoint = Endpoint.PLACE, stage: str = "engine") -> None:
    """Hold the next request of a kind up."""
    params = {"seconds": seconds, "stage": stage}
    desk.core.inject(Fault(FaultKind.LATENCY, frozenset({endpoint}), count=1, params=params), desk.now)


def waits(effect: Effect, until: float) -> Callable[[float], Effect]:
    """The effect is a pause until then; gives what has to be called."""
    assert isinstance(effect, Pause)
    assert effect.at == until
    return effect.then


@pytest.mark.parametrize("venue", NAMED)
@pytest.mark.parametrize("timers", ["place first", "cancel first"])
def test_a_cancel_waits_behind_the_place_before_it(venue: str, timers: str) -> None:
    """A cancel that arrives while the order is still on its way into the engine finds it there, and ends it."""
    desk = Desk(venue)
    slow(desk, 1.5)
    placing = waits(desk.core.handle(place(desk), T0), T0 + 1.5)
    desk.now = T0 + 0.5
    cancelling = waits(desk.core.handle(desk.call(*cancel(venue, client_id="a1")), desk.now), T0 + 1.5)
    assert not list(desk.core.ledger.orders)
    both = [placing, cancelling] if timers == "place first" else [cancelling, placing]
    effects = [then(T0 + 1.5) for then in both]
    assert all(isinstance(effect, Respond) and effect.at == T0 + 1.5 for effect in effects)
    (order,) = desk.core.ledger.orders
    assert (order.client_id, order.at, order.status) == ("a1", T0 + 1.5, "cancelled")


@pytest.mark.parametrize("venue", sorted(CANCEL_ALL))
def test_a_cancel_of_all_waits_as_well(venue: str) -> None:
    """What is on its way when everything is cancelled is cancelled too; what comes later is not."""
    desk = Desk(venue)
    slow(desk, 1.5)
    first = desk.core.handle(place(desk, "a1"), T0)
    clearing = desk.core.handle(desk.call(*CANCEL_ALL[venue]), T0)
    second = desk.core.handle(place(desk, "a2"), T0)
    for effect in (second, clearing, first):
        assert isinstance(waits(effect, T0 + 1.5)(T0 + 1.5), Respond)
    assert [order.status for order in desk.core.ledger.orders] == ["cancelled", "open"]


def test_the_cancels_of_a_batch_wait_together() -> None:
    """OKX takes several cancels in one request: each row is answered in its place, in the order of the request."""
    desk = Desk("okx")
    slow(desk, 1.5)
    desk.core.handle(place(desk), T0)
    named = (("X-Y", "a1"), ("BTC-USDT", "a1"), ("BTC-USDT", "b"))
    rows = [{"instId": native, "clOrdId": name} for native, name in named]
    request = desk.call("POST", "/api/v5/trade/cancel-batch-orders", rows=rows)
    told = decoded(waits(desk.core.handle(request, T0), T0 + 1.5)(T0 + 1.5))
    assert [row["sCode"] for row in told["data"]] == ["51001", "0", "51400"]
    assert desk.core.ledger.orders[0].status == "cancelled"


@pytest.mark.parametrize("venue", VENUES)
def test_a_cancel_answers_by_what_is_true_when_its_turn_comes(venue: str) -> None:
    """An order that fills while its cancel is in the queue is filled, and the cancel finds nothing to end."""
    desk = Desk(venue)
    placed = decoded(desk.effect(place(desk)))
    by_id = cancel(venue, order_id=order_id(venue, placed))
    desk.books.write(T0 + 0.5, bids=(("97.0", "1"),), asks=(("97.5", "5"),))
    slow(desk, 1.0, Endpoint.CANCEL)
    late = desk.effect(desk.call(*by_id))
    again = desk.effect(desk.call(*by_id))
    assert desk.core.ledger.orders[0].status == "filled"
    said = b"170139" if venue == "bybit" else UNKNOWN[venue]
    assert all(said in answer(one).body for one in (late, again))


def order_id(venue: str, placed: dict[str, object]) -> str:
    """The id in the answer to a place."""
    found: object = placed
    for step in {
        "binance": ("orderId",),
        "kraken": ("result", "txid", 0),
        "bybit": ("result", "orderId"),
        "okx": ("data", 0, "ordId"),
        "kucoin": ("data", "orderId"),
        "firi": ("id",),
    }[venue]:
        found = found[step]  # type: ignore[index]
    return str(found)


UNKNOWN = {
    "binance": b"-2011",
    "kraken": b"EOrder:Unknown order",
    "bybit": b"170213",
    "okx": b"51400",
    "kucoin": b"order_not_exist_or_not_allow_to_cancel",
    "firi": b"OrderNotFound",
}
"""The venue's words for an order that it does not know; all but Bybit have no others for one that has ended."""


@pytest.mark.parametrize("venue", NAMED)
def test_a_cancel_does_not_see_what_is_not_visible_yet(venue: str) -> None:
    """An order that took effect and is hidden from look-ups is hidden from cancels, also after a wait in the queue."""
    desk = Desk(venue)
    desk.fault(FaultKind.LOST_ANSWER, Endpoint.PLACE, min=1.5)
    desk.effect(place(desk))
    slow(desk, 1.0, Endpoint.CANCEL)
    early = answer(desk.effect(desk.call(*cancel(venue, client_id="a1"))))
    assert desk.now == T0 + 1.0
    assert UNKNOWN[venue] in early.body
    assert desk.core.ledger.orders[0].status == "open"
    slow(desk, 1.0, Endpoint.CANCEL)  # sent while it is hidden still, and through when it is not
    desk.effect(desk.call(*cancel(venue, client_id="a1")))
    assert desk.core.ledger.orders[0].status == "cancelled"


def test_an_order_does_not_overtake_another() -> None:
    """An order without a delay of its own waits for the one before it, and takes what that one leaves."""
    desk = Desk("binance")
    slow(desk, 1.0)
    desk.core.handle(desk.order(quantity="0.7", newClientOrderId="a1"), T0)
    waits(desk.core.handle(desk.order(quantity="0.7", newClientOrderId="a2"), T0), T0 + 1.0)(T0 + 1.0)
    assert [(order.client_id, str(order.filled)) for order in desk.core.ledger.orders] == [("a1", "0.7"), ("a2", "0.3")]


def test_a_look_up_sees_what_is_due() -> None:
    """The moment an order's turn has come it is there for everybody, also when its own timer is late."""
    desk = Desk("binance")
    slow(desk, 1.0)
    placing = waits(desk.core.handle(place(desk), T0), T0 + 1.0)
    desk.now = T0 + 1.2
    assert [row["clientOrderId"] for row in desk.json("GET", "/api/v3/openOrders", {"symbol": "BTCUSDT"})] == ["a1"]
    assert decoded(placing(T0 + 1.3))["status"] == "NEW"
    assert len(desk.core.ledger.orders) == 1


@pytest.mark.parametrize(("venue", "said"), [("binance", b"-1021"), ("bybit", b"10002")])
def test_a_cancel_whose_deadline_passes_on_the_way_is_refused(venue: str, said: bytes) -> None:
    """Where a window covers every signed request, it is looked at again before the engine, and the order rests on."""
    desk = Desk(venue)
    desk.effect(place(desk))
    slow(desk, 3.0, Endpoint.CANCEL, "forward")
    late = answer(desk.effect(desk.call(*cancel(venue, client_id="a1"), window=1000)))
    assert said in late.body
    assert desk.core.ledger.orders[0].status == "open"


def test_a_cancel_can_execute_without_an_answer() -> None:
    """A fault after the effect leaves a cancelled order and a client who does not know."""
    desk = Desk("kraken")
    desk.effect(place(desk))
    desk.fault(FaultKind.RESET, Endpoint.CANCEL, when="after")
    assert not isinstance(desk.effect(desk.call(*cancel("kraken", client_id="a1"))), Respond)
    assert desk.core.ledger.orders[0].status == "cancelled"


@given(st.lists(st.tuples(SECONDS, SECONDS), max_size=30), st.randoms(use_true_random=False))
def test_the_queue_keeps_order_and_bound(moves: list[tuple[float, float]], shuffled: object) -> None:
    """Whatever the delays and however the timers fire: first in, first out, once, none earlier and none beyond."""
    queue, now, done = EngineQueue(), T0, []
    pauses: list[Pause] = []
    entered: list[tuple[float, float]] = []

    def work(number: int) -> Callable[[float], Effect]:
        def run(at: float) -> Effect:
            done.append((number, at))
            return Respond(at, Answer(200, str(number).encode()))

        return run

    for number, (gap, delay) in enumerate(moves):
        now += gap
        entered.append((now, delay))
        effect = queue.enter(delay, now, work(number))
        if isinstance(effect, Pause):
            assert now + delay <= effect.at <= now + BOUND_S
            pauses.append(effect)
    shuffled.shuffle(pauses)  # type: ignore[attr-defined]
    end = max([now, *(pause.at for pause in pauses)])
    for pause in pauses:
        assert isinstance(pause.then(end), Respond)
    assert [number for number, _ in done] == list(range(len(moves)))
    assert all(at >= came + delay for (_, at), (came, delay) in zip(done, entered, strict=True))


def test_the_bound_is_the_venues() -> None:
    """The property above speaks of the bound that all emulated venues promise."""
    assert {kind.bounds.engine_s for kind in KINDS.values()} == {BOUND_S}
    assert BIDS[0] == ("99.0", "1")  # so that an order at 98 rests
