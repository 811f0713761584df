"""A start looks once and opens the intake: what stays in doubt is blocked and followed, and holds up nobody."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from backend.domain.errors import RouterClosed
from backend.domain.lifecycle import AttemptState, IntentState
from backend.domain.outcomes import Accepted, Evidence, Outcome
from backend.domain.reasons import DropReason
from backend.domain.records import IntentRecord
from backend.integrations.journal.verify import verify
from tests.fakes.auto_clock import AutoClock
from tests.services.execution.conftest import Desk, buy

ONE_ROUND_S = 0.6
"""The longest pause within a round of looks, and a little; a clock of this patience never ends a longer sleep."""


async def under_way(desk: Desk, venue: str, script: Outcome | str, *, gate: bool = False) -> None:
    """An order at that venue whose process ends in the middle; a new one starts, and nobody ends a longer sleep."""
    desk.clock = AutoClock(start=desk.clock.now(), patience_s=ONE_ROUND_S)
    await desk.restart()
    desk.venues[venue].script.append(script)
    desk.venues[venue].gate = asyncio.Event() if gate else None
    caller = asyncio.create_task(desk.router.submit(buy(exchange=venue, valid_until=desk.clock.now() + 300)))
    async with asyncio.timeout(10):
        while not desk.venues[venue].placed or not (gate or await answered(desk)):  # noqa: ASYNC110 - a fake's list
            await asyncio.sleep(0.001)
        await desk.restart()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)


async def first(desk: Desk) -> IntentRecord:
    record = await desk.journal.get("order-1")
    assert record is not None
    return record


async def answered(desk: Desk) -> bool:
    return (await first(desk)).attempts[0].state is not AttemptState.OPEN


@pytest.mark.parametrize("gate", [True, False])
@pytest.mark.parametrize("venue", ["firi", "binance"])
async def test_the_intake_opens_although_an_attempt_is_in_doubt(desk: Desk, venue: str, gate: bool) -> None:
    """Its own task follows it: reserved, not moved, and on a market without client ids nothing else is placed."""
    await under_way(desk, venue, "vanish", gate=gate)
    assert desk.router.in_flight == 1
    desk.venues[venue].gate = None
    desk.venues[venue].script.clear()
    async with asyncio.timeout(10):
        other = await desk.router.submit(buy("order-2", exchange=venue))
    assert other.state is IntentState.DONE
    refused = {drop.venue: drop.reason for drop in other.dropped}
    assert refused == ({"firi": DropReason.UNRESOLVED_ORDER} if venue == "firi" else {})
    record = await first(desk)
    assert [(one.venue, one.state) for one in record.attempts] == [(venue, AttemptState.UNKNOWN)]
    assert record.remaining == 0
    assert [one.attempt_id for one in (await desk.journal.exposure()).reservations] == ["order-1/1"]
    async with asyncio.timeout(10):
        await desk.router.close(grace_s=0)
    assert desk.router.in_flight == 0
    assert verify(desk.path).problems == ()


async def test_what_the_first_look_finds_is_settled_before_the_intake_opens(desk: Desk) -> None:
    """It executed and its answer was lost: the start adopts it, and books it."""
    await under_way(desk, "binance", "lost")
    record = await first(desk)
    assert (record.attempts[0].state, record.filled) == (AttemptState.CLOSED, Decimal(1))


async def test_an_accepted_order_whose_venue_is_silent_holds_up_nobody(desk: Desk) -> None:
    """One round of questions about it, then the intake opens; it stays open and reserved."""
    desk.venues["binance"].silent = True
    await under_way(desk, "binance", Accepted("77", Evidence(headers_written=True, status=200), None))
    assert desk.router.in_flight == 1
    assert (await first(desk)).attempts[0].state is AttemptState.WORKING
    async with asyncio.timeout(10):
        assert (await desk.router.submit(buy("order-2", exchange="kraken"))).state is IntentState.DONE
    assert [order.attempt_id for order in desk.venues["kraken"].placed] == ["order-2/1"]


async def test_its_window_goes_on_after_the_start(desk: Desk) -> None:
    """When its window has ended the task that the start has left parks it, without a review."""
    await under_way(desk, "firi", "vanish")
    desk.clock = AutoClock(start=desk.clock.now())
    desk.clock.pace_s = 0.0005
    await desk.restart()
    async with asyncio.timeout(10):
        while desk.router.in_flight:  # noqa: ASYNC110 - a task of the router, which tells nobody
            await asyncio.sleep(0.001)
    record = await first(desk)
    assert (record.state, len(record.attempts), record.blocked) == (IntentState.PARKED, 1, Decimal(1))


async def test_a_close_during_a_start_wins(desk: Desk) -> None:
    """The start says so, and the router takes no orders afterwards."""
    await desk.router.close(grace_s=0)
    starting = asyncio.create_task(desk.router.start())
    await asyncio.sleep(0)
    await desk.router.close(grace_s=0)
    with pytest.raises(RouterClosed, match="while it started"):
        await starting
    with pytest.raises(RouterClosed):
        await desk.router.submit(buy())


async def test_one_order_that_contradicts_itself_holds_up_no_start(desk: Desk) -> None:
    """Its venue tells a booked trade with another price. That order is told and stays as the journal has it; the router
    starts, and takes others."""
    binance = desk.venues["binance"]
    binance.clock, binance.partial, desk.clock.pace_s = desk.clock, Decimal("0.4"), 0.001
    rests = buy(order_type="limit", limit_price="90", time_in_force="gtc", exchange="binance", valid_for_s=3_000)
    caller = asyncio.create_task(desk.router.submit(rests))
    async with asyncio.timeout(10):
        while (record := await desk.journal.get("order-1")) is None or not record.fills:  # noqa: ASYNC110 - a journal
            await asyncio.sleep(0.002)
        binance.price = Decimal("100.01")
        binance.execute("1", "0.1")
        await desk.restart()
        other = await desk.router.submit(buy("order-2", exchange="kraken"))
    await asyncio.gather(caller, return_exceptions=True)
    assert other.state is IntentState.DONE
    assert (await first(desk)).state is IntentState.ACTIVE
    assert any("not followed to its end" in text for _, text, _ in desk.telemetry.records)
