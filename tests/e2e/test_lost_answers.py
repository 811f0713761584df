"""Accepted, but the answer is lost: the moment this program is built around."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from backend.config import Timeouts
from backend.domain.lifecycle import IntentState, Proof
from backend.domain.reasons import DropReason, EndReason, ParkReason
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.wire import Endpoint
from tests.e2e.conftest import PLACE, VENUES, World, buy, hasty, lost

PROVABLE_S = 14.0
"""Deadline, spread and both bounds of the emulated exchanges are over after ten seconds."""

LOOKED_UP = [venue for venue in VENUES if venue != "firi"]


@pytest.mark.parametrize("venue", LOOKED_UP)
@pytest.mark.parametrize("drop", ["reset", "hang"])
async def test_a_lost_answer_is_adopted_not_sent_again(world: World, venue: str, drop: str) -> None:
    """The order is found by its client id after a while; the exchange's own book has it once."""
    world.emulator.inject(venue, lost(drop, hidden_s=3.0))
    result = await (await world.runtime.router()).submit(buy(exchange=venue))
    assert (result.state, result.venues) == (IntentState.DONE, (venue,))
    assert result.attempts[0].settled_by.startswith("look-up")
    assert world.orders() == 1
    assert result.filled == world.executed() == Decimal("0.01")


@pytest.mark.parametrize("drop", ["reset", "hang"])
async def test_at_firi_it_is_known_by_what_was_asked_for(world: World, drop: str) -> None:
    """Without client ids the order is told by its market, side, amount, fingerprinted price and time: adopted, once."""
    world.emulator.inject("firi", lost(drop, hidden_s=1.0))
    result = await (await world.runtime.router()).submit(buy(exchange="firi"))
    assert (result.state, result.venues) == (IntentState.DONE, ("firi",))
    assert result.attempts[0].settled_by.startswith("look-up")
    assert len(world.emulator.ledger("firi").orders) == 1


async def test_at_firi_an_absent_order_is_parked_and_its_market_blocked(world: World) -> None:
    """Absence proves nothing there: parked, and no other order goes to that market."""
    world.emulator.inject("firi", Fault(FaultKind.RESET, PLACE, count=1, params={"when": "before"}))
    router = await world.runtime.router()
    parked = await router.submit(buy("one", exchange="firi"))
    assert (parked.state, parked.reason) == (IntentState.PARKED, ParkReason.NO_CLIENT_ID)
    other = await router.submit(buy("two", exchange="firi"))
    assert {drop.venue: drop.reason for drop in other.dropped}["firi"] is DropReason.UNRESOLVED_ORDER
    assert other.venues == ("binance",)
    assert parked.unresolved_until is None
    assert world.emulator.ledger("firi").orders == ()


@pytest.mark.parametrize(("venue", "name"), [("okx", "51402"), ("bybit", "170142")])
async def test_a_cancel_of_an_ended_order_is_no_part_of_a_proof(world: World, venue: str, name: str) -> None:
    """The exchange's look-ups lag behind its bounds, but its cancel says that the order is over: nothing is moved."""
    world.emulator.inject(venue, lost(hidden_s=120.0))
    world.emulator.inject(venue, Fault(FaultKind.STATUS, frozenset({Endpoint.CANCEL}), params={"name": name}))
    now = world.clock.now()  # type: ignore[attr-defined]
    result = await (await world.runtime.router()).submit(buy(exchange=venue, valid_until=now + PROVABLE_S))
    assert (result.state, result.blocked) == (IntentState.PARKED, Decimal("0.01"))
    assert "the exchange answered: ended already" in result.attempts[0].evidence
    assert (world.orders(), world.executed()) == (1, Decimal("0.01"))


@pytest.mark.parametrize("venue", LOOKED_UP)
async def test_cut_off_before_the_exchange_saw_it_ends_unsent_elsewhere(world: World, venue: str) -> None:
    """No longer wanted when its absence is proven: it ends as expired, blocks nothing, and nothing is sent anywhere."""
    world.timeouts = Timeouts(place_s=3.0, send_window_s=15.0, lookup_window_s=40.0)
    await world.restart()
    world.emulator.inject(venue, Fault(FaultKind.RESET, PLACE, count=1, params={"when": "before"}))
    result = await (await world.runtime.router()).submit(buy(exchange=venue, valid_until=hasty(world)))
    assert result.attempts, result
    assert (result.state, result.reason) == (IntentState.REJECTED, EndReason.EXPIRED)
    assert (result.attempts[0].proof, result.blocked) == (Proof.DEADLINE, Decimal(0))
    assert world.orders() == 0


@pytest.mark.parametrize(
    "params",
    [
        {"status": 200, "body": ""},
        {"status": 200, "body": "<html>busy</html>", "content_type": "text/html"},
        {"status": 200, "body": "{}"},
        {"status": 200, "body": "[]"},
        {"status": 200, "body": '{"orderId": 12', "missing": 40},
        {"status": 302, "body": "", "headers": {"Location": "/elsewhere"}},
        {"status": 523, "body": "<html>origin unreachable</html>", "content_type": "text/html"},
        {"status": 524, "body": ""},
    ],
    ids=["empty", "page", "empty object", "empty list", "cut off", "redirect", "523", "524"],
)
@pytest.mark.parametrize("venue", VENUES)
async def test_a_strange_answer_to_an_executed_order(world: World, venue: str, params: dict[str, object]) -> None:
    """Whatever nonsense comes back after the execution, there is one execution and it is accounted for."""
    fault = Fault(FaultKind.BODY, PLACE, count=1, params={**params, "when": "after"})
    world.emulator.inject(venue, fault)
    result = await (await world.runtime.router()).submit(buy(exchange=venue))
    assert world.orders() == 1
    assert (result.state, result.filled) == (IntentState.DONE, world.executed())


@pytest.mark.parametrize("venue", LOOKED_UP)
async def test_a_restart_adopts_what_was_under_way(world: World, venue: str) -> None:
    """The router is stopped while an answer hangs; the next one finds the order and books it, once."""
    world.emulator.inject(venue, lost("hang", hidden_s=1.0))
    router = await world.runtime.router()
    caller = asyncio.create_task(router.submit(buy(exchange=venue)))
    while world.orders() == 0:  # noqa: ASYNC110 - the exchange's book has no event to wait for
        await asyncio.sleep(0.01)
    await router.close(grace_s=0)
    await asyncio.gather(caller, return_exceptions=True)
    await world.restart()
    result = await (await world.runtime.router()).submit(buy(exchange=venue))
    assert (result.state, result.venues) == (IntentState.DONE, (venue,))
    assert world.orders() == 1
    assert result.filled == world.executed()
