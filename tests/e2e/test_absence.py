"""An order that never arrived, at real clients: proven dead by its deadline, and done at the next exchange, once."""

from __future__ import annotations

import asyncio

import pytest

from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import OrderRef
from backend.emulator.faults import Fault, FaultKind
from tests.e2e.conftest import PLACE, VENUES, World, buy, lost

LOOKED_UP = [venue for venue in VENUES if venue != "firi"]
PATIENT_S = 300.0


@pytest.mark.parametrize("venue", LOOKED_UP)
async def test_an_order_that_never_arrived_moves_on_the_proof(world: World, venue: str) -> None:
    """The request is cut off on its way in. Deadline, cancel and two endpoints prove it dead; the next one executes."""
    world.emulator.inject(venue, Fault(FaultKind.RESET, PLACE, count=1, params={"when": "before"}))
    valid_until = world.runtime.clock.now() + PATIENT_S
    result = await (await world.runtime.router()).submit(buy(exchange=venue, valid_until=valid_until))
    first, second = result.attempts
    assert (first.venue, first.state, first.proof) == (venue, AttemptState.CLOSED, Proof.DEADLINE)
    assert "not found by query at" in first.evidence
    bounds = world.emulator.bounds(venue)
    assert second.opened_at > first.order.not_after + bounds.engine_s + bounds.visibility_s
    assert (result.state, result.venues) == (IntentState.DONE, (second.venue,))
    assert world.orders() == 1
    assert world.executed() == result.filled


@pytest.mark.parametrize("venue", LOOKED_UP)
async def test_an_order_that_executed_unseen_is_never_proven_dead(world: World, venue: str) -> None:
    """It executed at the last moment of its bounds and shows as late as it may: adopted, not moved."""
    hidden_s = world.emulator.bounds(venue).visibility_s
    world.emulator.inject(venue, lost(hidden_s=hidden_s))
    valid_until = world.runtime.clock.now() + PATIENT_S
    result = await (await world.runtime.router()).submit(buy(exchange=venue, valid_until=valid_until))
    assert (result.state, result.venues, len(result.attempts)) == (IntentState.DONE, (venue,), 1)
    assert world.orders() == 1


async def test_a_busy_account_does_not_hide_an_order(world: World) -> None:
    """More orders have closed since than a page of the exchange's list holds: the search goes on to the end of it."""
    router = await world.runtime.router()
    results = []
    for batch in range(14):
        orders = (buy(f"order-{batch}-{place}", "0.001", exchange="kraken") for place in range(4))
        results += await asyncio.gather(*(router.submit(order) for order in orders))
    first = results[0].attempts[0].order
    adapter = world.runtime.adapter("kraken")
    assert len(world.emulator.ledger("kraken").orders) > 50
    found = await adapter.search_order(OrderRef(first.symbol, None, first.client_id, first.created_at))
    assert found is not None
    assert found.client_id == first.client_id
    assert await adapter.search_order(OrderRef(first.symbol, None, "0" * 32, first.created_at)) is None
