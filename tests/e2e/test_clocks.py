"""The venues' clocks at real clients: known well enough from a cold start, learned anew after a jump, or no order."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.config import Timeouts
from backend.domain.lifecycle import IntentState
from backend.domain.reasons import DropReason
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.wire import Endpoint
from backend.policies.venue_clock import CLOCK_ERROR_MAX_S, ClockEstimate
from tests.e2e.conftest import VENUES, World, buy

DEADLINES = [venue for venue in VENUES if venue != "firi"]
TOO_SLOW_S = 0.7


@pytest.fixture
def timeouts() -> Timeouts:
    """A slow answer is still a healthy one, also on a busy machine."""
    return Timeouts(place_s=3.0, lookup_window_s=30.0, degraded_after_s=4.0, health_s=5.0)


def known(world: World, venue: str) -> ClockEstimate:
    estimate = world.runtime.health.clocks.known(venue)
    assert estimate is not None
    return estimate


def ahead_s(world: World, venue: str) -> float:
    clock = world.runtime.clock
    return known(world, venue).ahead_s(clock.now(), clock.monotonic())


@pytest.mark.parametrize("venue", DEADLINES)
async def test_the_first_order_finds_a_clock_that_is_known(world: World, venue: str) -> None:
    """From a cold start, also where the time is told in whole seconds: the order is done, its venue's clock right
    within its bound."""
    result = await (await world.runtime.router()).submit(buy(exchange=venue))
    assert (result.state, result.venues) == (IntentState.DONE, (venue,))
    assert known(world, venue).error_s <= CLOCK_ERROR_MAX_S
    assert abs(ahead_s(world, venue)) <= known(world, venue).error_s


async def test_answers_that_take_too_long_send_the_order_elsewhere(world: World) -> None:
    """Healthy, but too slow to know its clock by: dropped with that reason, and done at the next exchange, once."""
    world.emulator.inject(
        "binance", Fault(FaultKind.LATENCY, frozenset({Endpoint.TIME}), params={"seconds": TOO_SLOW_S})
    )
    result = await (await world.runtime.router()).submit(buy(exchange="binance"))
    assert (result.state, result.venues) == (IntentState.DONE, ("bybit",))
    drops = {drop.venue: drop for drop in result.dropped}
    assert drops["binance"].reason is DropReason.CLOCK_UNCERTAIN
    assert "an order needs it to 250 ms" in drops["binance"].detail
    assert world.orders() == 1
    world.emulator.clear("binance")
    await world.runtime.clock.sleep(1.1)  # what is known of its health is too old by then: it is asked again
    assert (await (await world.runtime.router()).submit(buy("later", exchange="binance"))).venues == ("binance",)


@pytest.mark.parametrize("venue", ["binance", "kraken"])
async def test_a_clock_that_jumps_and_comes_back_takes_orders_again(world: World, venue: str) -> None:
    """While it is minutes wrong its venue refuses what we sign, and the order is done elsewhere; its new offset is
    known at once. When it is right again, so are we."""
    router = await world.runtime.router()
    assert (await router.submit(buy("before", exchange=venue))).venues == (venue,)
    world.emulator.inject(venue, Fault(FaultKind.CLOCK, params={"seconds": 120}))
    await world.runtime.clock.sleep(1.1)
    moved = await router.submit(buy("meanwhile", exchange=venue))
    assert (moved.state, venue in moved.venues) == (IntentState.DONE, False)
    assert DropReason.CLOCK_UNCERTAIN not in {drop.reason for drop in moved.dropped}
    assert len(world.emulator.ledger(venue).orders) == 1
    assert ahead_s(world, venue) == pytest.approx(120, abs=known(world, venue).error_s)
    world.emulator.clear(venue)
    await world.runtime.clock.sleep(1.1)
    assert (await router.submit(buy("after", exchange=venue))).venues == (venue,)
    assert abs(ahead_s(world, venue)) <= known(world, venue).error_s
    assert world.executed() == 3 * Decimal("0.01")
