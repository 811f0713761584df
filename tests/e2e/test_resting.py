"""Orders that rest at the emulated exchanges, over real clients."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from backend.domain.lifecycle import IntentState, Proof
from backend.domain.orders import Intent, OrderRef, TimeInForce
from backend.domain.reasons import EndReason
from backend.domain.records import ExecutionResult, IntentRecord
from backend.services.execution.router import Router
from tests.e2e.conftest import VENUES, World, buy

LOOKS_MAX = 1_000


async def away(world: World, venue: str, valid_s: float = 600.0) -> Intent:
    """A buy at a third of the market: it stays where it is. In dollars; firi's book is in kroner."""
    adapter = world.runtime.adapter("kraken")
    await adapter.warm()
    price = (await adapter.order_book("BTC/USD")).bids[0].price
    return buy(
        exchange=venue,
        order_type="limit",
        limit_price=(price / 3).quantize(Decimal(1)),
        time_in_force="gtc",
        valid_until=world.runtime.clock.now() + valid_s,
    )


async def resting(world: World, router: Router, intent: Intent) -> tuple[asyncio.Task[ExecutionResult], IntentRecord]:
    """Submits it; the task, and its record when the exchange has the order."""
    task = asyncio.create_task(router.submit(intent))
    while True:
        record = await world.runtime.journal.get(intent.id)
        if record is not None and record.attempts and record.attempts[-1].venue_order_id is not None:
            return task, record
        assert not task.done(), task.result()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("venue", VENUES)
async def test_it_rests_and_is_cancelled(world: World, venue: str) -> None:
    """It is in the exchange's book until its cancel; then the exchange itself says that nothing executed."""
    router = await world.runtime.router()
    task, record = await resting(world, router, await away(world, venue))
    (attempt,) = record.attempts
    assert (attempt.venue, attempt.order.time_in_force) == (venue, TimeInForce.GTC)
    assert [order.status for order in world.emulator.ledger(venue).orders] == ["open"]
    result = await router.cancel("order-1")
    assert (result.state, result.reason) == (IntentState.DONE_SHORT, EndReason.CANCELLED)
    assert (result.filled, result.attempts[0].proof) == (Decimal(0), Proof.TERMINAL_STATE)
    assert await task == result
    assert [order.status for order in world.emulator.ledger(venue).orders] == ["cancelled"]


async def test_the_rest_of_it_moves_when_the_exchange_ends_it(world: World) -> None:
    """Somebody cancels it at the exchange: what is left is placed at the next one, once."""
    router = await world.runtime.router()
    task, record = await resting(world, router, await away(world, "okx"))
    (attempt,) = record.attempts
    ref = OrderRef(attempt.order.symbol, attempt.venue_order_id, attempt.order.client_id)
    assert (await world.runtime.adapter("okx").cancel_order(ref)).done
    known = record
    for _ in range(LOOKS_MAX):
        if len(known.attempts) == 2:
            break
        await asyncio.sleep(0.01)
        known = await stored(world)
    assert known.attempts[0].proof is Proof.TERMINAL_STATE
    assert known.attempts[1].order.quantity == Decimal("0.01")
    await router.cancel("order-1")
    await task
    assert world.orders() == 2


async def test_a_new_router_watches_what_the_old_one_left(world: World) -> None:
    """The order rests through a restart: the same one, and the end of its time takes it out of the book."""
    task, _ = await resting(world, await world.runtime.router(), await away(world, "binance", valid_s=20.0))
    await world.restart()
    assert task.cancelled() or task.done()
    router = await world.runtime.router()
    result = await router.submit((await stored(world)).intent)
    assert (result.state, result.reason) == (IntentState.DONE_SHORT, EndReason.EXPIRED)
    assert [order.status for order in world.emulator.ledger("binance").orders] == ["cancelled"]


async def stored(world: World) -> IntentRecord:
    record = await world.runtime.journal.get("order-1")
    assert record is not None
    return record
