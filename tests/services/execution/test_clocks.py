"""No order where the venue's clock is not known well enough; and what is done so that it is."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from backend.domain.health import HealthReading, VenueMode
from backend.domain.lifecycle import IntentState, Proof
from backend.domain.reasons import DropReason, EndReason, RejectReason
from backend.domain.records import Attempt, ExecutionResult, IntentRecord
from backend.policies.venue_clock import AGE_MAX_S, AIMED_SAMPLES_MAX
from backend.services.health.clocks import PAUSE_S
from tests.fakes.exchange import FakeExchange, rules
from tests.services.execution.conftest import Desk, buy

TOO_SLOW_S = 0.7


def checks(venue: FakeExchange) -> int:
    return venue.calls.count("health")


def whole_seconds(desk: Desk) -> FakeExchange:
    """Binance, with a time endpoint that cuts off the fraction."""
    binance = desk.venues["binance"]
    binance.clock = desk.clock
    binance.behave(clock_resolution_s=1.0)
    return binance


def dropped(result: ExecutionResult) -> dict[str, str]:
    return {drop.venue: drop.detail for drop in result.dropped if drop.reason is DropReason.CLOCK_UNCERTAIN}


async def test_one_check_is_enough_where_the_answer_is_quick_and_exact(desk: Desk) -> None:
    """Milliseconds in a quick answer: no further check, no wait."""
    began = desk.clock.now()
    assert (await desk.router.submit(buy())).venues == ("binance",)
    assert (checks(desk.venues["binance"]), desk.clock.now()) == (1, began)


async def test_whole_seconds_are_narrowed_once_for_all_who_wait(desk: Desk) -> None:
    """A first check leaves half a second of doubt; two aimed ones end it, for all who wait and who follow."""
    binance = whole_seconds(desk)
    results = await asyncio.gather(*(desk.router.submit(buy(f"order-{n}")) for n in range(5)))
    assert {result.venues for result in results} == {("binance",)}
    assert checks(binance) == 3
    assert (await desk.router.submit(buy("later"))).venues == ("binance",)
    assert checks(binance) == 3


async def test_slow_answers_keep_a_venue_out(desk: Desk) -> None:
    """A venue whose answers take too long gets no order: it goes to the next one, and nothing was journaled there. A
    while later its clock is asked again, and when it has become quick it takes orders."""
    binance = desk.venues["binance"]
    binance.clock = desk.clock
    binance.round_trip_s = TOO_SLOW_S
    result = await desk.router.submit(buy("first"))
    assert (result.state, result.venues, len(result.attempts)) == (IntentState.DONE, ("kraken",), 1)
    assert "its clock is known to 351 ms, an order needs it to 250 ms" in dropped(result)["binance"]
    assert checks(binance) == 1 + AIMED_SAMPLES_MAX
    assert (await desk.router.submit(buy("at once"))).venues == ("kraken",)
    assert checks(binance) == 1 + AIMED_SAMPLES_MAX
    desk.clock.advance(PAUSE_S)
    binance.round_trip_s = 0.1
    assert (await desk.router.submit(buy("later"))).venues == ("binance",)


async def test_one_slow_answer_harms_nothing(desk: Desk) -> None:
    """What was known before stays known: the best of the recent answers counts, not the newest."""
    binance = desk.venues["binance"]
    binance.clock = desk.clock
    await desk.router.submit(buy("first"))
    binance.round_trip_s = TOO_SLOW_S
    desk.clock.advance(2)
    assert (await desk.router.submit(buy("second"))).venues == ("binance",)
    assert checks(binance) == 2
    desk.clock.advance(AGE_MAX_S)
    assert "binance" in dropped(await desk.router.submit(buy("third")))


async def test_a_venue_without_deadlines_needs_no_clock(desk: Desk) -> None:
    """Nothing at such a venue depends on its clock."""
    binance = desk.venues["binance"]
    binance.behave(deadline=False)
    binance.round_trip_s = 5.0
    assert (await desk.router.submit(buy())).venues == ("binance",)
    assert checks(binance) == 1


async def test_a_venue_that_tells_no_time_gets_no_order(desk: Desk) -> None:
    """Also when the caller chose it and nobody asked for its health: the clock is asked for, and there is no answer."""
    binance = desk.venues["binance"]
    binance.refuses.add("health")
    result = await binance.place_order(buy())
    assert (result.state, result.reason) == (IntentState.REJECTED, EndReason.NO_USABLE_VENUE)
    assert "its clock is not known" in dropped(result)["binance"]
    assert (checks(binance), binance.placed) == (1, [])
    binance.refuses.clear()
    assert (await binance.place_order(buy("it answers"))).venues == ("binance",)


async def test_silence_while_it_is_narrowed_ends_the_asking(desk: Desk) -> None:
    """A venue that stops answering is not asked to the end of the list."""
    binance = whole_seconds(desk)
    desk.venues["kraken"].clock = desk.clock
    await desk.router._lifecycle.venues.health.check("binance")
    binance.refuses.add("health")
    result = await binance.place_order(buy())
    assert "its clock is known to 501 ms" in dropped(result)["binance"]
    assert checks(binance) == 2


async def test_clocks_are_learned_before_the_first_order(desk: Desk) -> None:
    """Begun at the start, done when the order comes: it finds the clock known, and asks no more for it."""
    binance = whole_seconds(desk)
    clocks = desk.router._lifecycle.venues.health.clocks
    clocks.begin([binance.rules, rules("firi", deadline=False)])
    assert list(clocks._running) == ["binance"]
    await asyncio.gather(*clocks._running.values())
    asked = checks(binance)
    assert asked >= 2
    assert (await desk.router.submit(buy())).venues == ("binance",)
    assert checks(binance) <= asked + 1


async def test_a_venue_that_falls_ill_meanwhile_gets_no_order(desk: Desk) -> None:
    """The checks take a second or two. What they find of its health counts, not what was known before them."""
    binance = whole_seconds(desk)
    healthy = binance.health

    async def health() -> HealthReading:
        binance.mode = VenueMode.POST_ONLY if checks(binance) else VenueMode.ONLINE
        return await healthy()

    binance.health = health  # type: ignore[method-assign]
    result = await desk.router.submit(buy())
    assert {drop.venue: drop.reason for drop in result.dropped}["binance"] is DropReason.UNHEALTHY
    assert (result.venues, binance.placed) == (("kraken",), [])


@pytest.mark.parametrize("ahead_s", [90.0, -90.0])
async def test_a_clock_that_jumps_is_learned_anew(desk: Desk, ahead_s: float) -> None:
    """A jump contradicts what was known, which is dropped; the same order still finds the new offset in time."""
    binance = whole_seconds(desk)
    await desk.router.submit(buy("before"))
    binance.ahead_s = ahead_s
    desk.clock.advance(2)
    assert (await desk.router.submit(buy("after"))).venues == ("binance",)
    known = desk.router._lifecycle.venues.health.clocks.known("binance")
    assert known is not None
    assert known.ahead_s(desk.clock.now(), desk.clock.monotonic()) == pytest.approx(ahead_s, abs=known.error_s)


async def test_a_clock_that_becomes_uncertain_before_the_send_keeps_the_bytes(desk: Desk) -> None:
    """The last look: the attempt is journaled when another check finds the clock set. It provably sends nothing, and
    the order goes to the next exchange."""
    binance, health = whole_seconds(desk), desk.router._lifecycle.venues.health
    journaled = desk.journal.open_attempt

    async def slowly(attempt: Attempt, **options: object) -> IntentRecord:
        record = await journaled(attempt, **options)  # type: ignore[arg-type]
        binance.ahead_s = 45.0
        await health.check("binance")
        return record

    desk.journal.open_attempt = slowly  # type: ignore[method-assign]
    result = await desk.router.submit(buy())
    first, second = result.attempts
    assert (first.venue, first.outcome_reason, first.proof) == ("binance", RejectReason.NOT_SENT, Proof.NOT_SENT)
    assert "its clock is known to 501 ms" in first.evidence
    assert (second.venue, binance.placed) == ("kraken", [])


async def test_a_deadline_passes_also_while_the_wall_clock_is_set_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal took longer than the send window, and somebody set the clock back meanwhile: nothing leaves."""
    stored = desk.journal.open_attempt

    async def slowly(attempt: Attempt, *, worst_price: Decimal, cap: Decimal | None = None) -> IntentRecord:
        record = await stored(attempt, worst_price=worst_price, cap=cap)
        desk.clock.advance(desk.settings.timeouts.send_window_s + 1)
        desk.clock.set_wall(-desk.settings.timeouts.send_window_s - 1)
        return record

    monkeypatch.setattr(desk.journal, "open_attempt", slowly)
    result = await desk.router.submit(buy(valid_for_s=300))
    assert result.attempts
    assert {attempt.outcome_reason for attempt in result.attempts} == {RejectReason.NOT_SENT}
    assert all(venue.placed == [] for venue in desk.venues.values())
