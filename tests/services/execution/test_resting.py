"""An order that rests: only the venue's final word tells what is left of it, and only that moves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from backend.domain.errors import UnknownOrder, VenueLimited
from backend.domain.ids import body_hash
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Intent, OrderRef, OrderReport, TimeInForce
from backend.domain.reasons import EndReason, ParkReason
from backend.domain.records import ExecutionResult
from backend.policies.resting import SILENT_LOOKS_MAX
from backend.services.execution.lifecycle import Route
from tests.services.execution.conftest import Desk, buy


def limit(desk: Desk, valid_s: float = 60.0, quantity: str = "1", **changes: object) -> Intent:
    """A buy under the market, to stay in the book."""
    values = {"order_type": "limit", "limit_price": "90", "time_in_force": "gtc", "exchange": "binance", **changes}
    return buy("order-1", quantity, valid_until=desk.clock.now() + valid_s, **values)


async def resting(desk: Desk, intent: Intent, venue: str = "binance") -> asyncio.Task[ExecutionResult]:
    """Submits it and returns when it is in the venue's book."""
    desk.clock.pace_s = 0.01
    desk.venues[venue].partial = Decimal(0)
    task = asyncio.create_task(desk.router.submit(intent))
    while not desk.router._lifecycle.cancels.waiting:
        await asyncio.sleep(0)
        assert not task.done()
    return task


async def test_it_rests_until_it_is_filled(desk: Desk) -> None:
    """Parts are booked as they execute, each once; at the end the whole is."""
    task = await resting(desk, limit(desk, valid_s=8e4))
    binance = desk.venues["binance"]
    assert [(o.time_in_force, o.price) for o in binance.placed] == [(TimeInForce.GTC, Decimal(90))]
    binance.execute("1", "0.25")
    record = await desk.journal.get("order-1")
    while record is not None and not record.fills:
        await asyncio.sleep(0)
        record = await desk.journal.get("order-1")
    assert record is not None
    assert (record.filled, record.blocked, record.remaining) == (Decimal("0.25"), Decimal("0.75"), Decimal(0))
    binance.execute("1", "0.75")
    result = await task
    assert (result.state, result.reason, len(result.fills)) == (IntentState.DONE, EndReason.FILLED, 2)
    assert binance.cancelled == []


async def test_its_end_takes_it_out_of_the_book(desk: Desk) -> None:
    """At ``valid_until`` it is cancelled; what executed before is kept, the rest ends there and goes nowhere."""
    task = await resting(desk, limit(desk, valid_s=20))
    desk.venues["binance"].execute("1", "0.4")
    result = await task
    assert (result.state, result.reason, result.filled) == (IntentState.DONE_SHORT, EndReason.EXPIRED, Decimal("0.4"))
    assert desk.venues["binance"].cancelled == ["1"]
    assert desk.venues["kraken"].placed == []


async def test_its_cancel_is_kept_and_honoured(desk: Desk) -> None:
    """A cancel ends it with what the venue says in the end, also what executed while the cancel was under way."""
    task = await resting(desk, limit(desk, valid_s=8e4))
    desk.venues["binance"].execute("1", "0.3")
    cancelled = await desk.router.cancel("order-1")
    assert (cancelled.state, cancelled.reason) == (IntentState.DONE_SHORT, EndReason.CANCELLED)
    assert (cancelled.filled, cancelled.blocked) == (Decimal("0.3"), Decimal(0))
    assert await task == cancelled
    assert (await desk.router.cancel("order-1")).filled == Decimal("0.3")
    record = await desk.journal.get("order-1")
    assert record is not None
    assert record.cancel_requested_at is not None


async def test_a_cancel_that_comes_too_late_tells_of_the_fill(desk: Desk) -> None:
    """The venue has filled it already: the order is done, whatever was asked."""
    await resting(desk, limit(desk, valid_s=8e4))
    desk.venues["binance"].execute("1", "1")
    result = await desk.router.cancel("order-1")
    assert (result.state, result.filled) == (IntentState.DONE, Decimal(1))


async def test_a_venue_that_falls_silent_is_left_on_its_own_word_only(desk: Desk) -> None:
    """Silence moves nothing: the order is parked. When the venue speaks again it is cancelled there, and only what the
    venue's final state leaves goes to the next one."""
    task = await resting(desk, limit(desk, valid_s=8e4))
    binance, kraken = desk.venues["binance"], desk.venues["kraken"]
    binance.execute("1", "0.3")
    binance.silent = True
    parked = await task
    assert (parked.state, parked.reason) == (IntentState.PARKED, ParkReason.VENUE_SILENT)
    assert kraken.placed == []
    binance.silent = False
    await desk.router.cancel("order-1")
    record = await desk.journal.get("order-1")
    assert record is not None
    assert (record.state, record.filled) == (IntentState.DONE_SHORT, Decimal("0.3"))


async def test_only_the_remainder_moves(desk: Desk) -> None:
    """The venue itself ends the order after a part: exactly the rest is placed at the next exchange."""
    task = await resting(desk, limit(desk, valid_s=8e4))
    binance, kraken = desk.venues["binance"], desk.venues["kraken"]
    binance.execute("1", "0.3")
    await binance.cancel_order(_ref("1"))
    result = await task
    assert [order.quantity for order in kraken.placed] == [Decimal("0.7")]
    assert (result.state, result.venues) == (IntentState.DONE, ("binance", "kraken"))
    assert [attempt.proof for attempt in result.attempts] == [Proof.TERMINAL_STATE, Proof.TERMINAL_STATE]


async def test_the_remainder_waits_for_a_venue(desk: Desk) -> None:
    """The other venues are down when the order loses its place: it is placed when one of them is back."""
    task = await resting(desk, limit(desk, valid_s=8e4))
    binance, kraken = desk.venues["binance"], desk.venues["kraken"]
    kraken.down = desk.venues["firi"].down = True
    await binance.cancel_order(_ref("1"))
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert not task.done()
    kraken.down = False
    result = await task
    assert (result.state, result.venues) == (IntentState.DONE, ("kraken",))


async def test_dust_is_told_and_never_rounded_up(desk: Desk) -> None:
    """What is left is under every other venue's minimum: the order ends short, with the reason."""
    await desk.configure(allowed_exchanges=("binance", "kraken"))
    task = await resting(desk, limit(desk, valid_s=8e4))
    binance = desk.venues["binance"]
    binance.execute("1", "0.99")
    await binance.cancel_order(_ref("1"))
    result = await task
    assert (result.state, result.reason) == (IntentState.DONE_SHORT, EndReason.DUST)
    assert desk.venues["kraken"].placed == []


async def test_a_restart_finds_it_resting_and_opens_the_intake(desk: Desk) -> None:
    """The next process takes new orders at once and goes on watching: one order at the venue, ever."""
    await resting(desk, limit(desk, valid_s=8e4))
    await desk.restart()
    binance = desk.venues["binance"]
    binance.partial = None
    other = await desk.router.submit(buy("other", exchange="binance", valid_until=desk.clock.now() + 4e4))
    assert other.state is IntentState.DONE
    binance.execute("1", "1")
    result = await _ended(desk, "order-1")
    assert (result.state, result.filled) == (IntentState.DONE, Decimal(1))
    assert len(binance.placed) == 2


async def test_a_cancel_before_a_restart_is_honoured_after_it(desk: Desk) -> None:
    """The wish is in the journal: a process that dies before it acts leaves it to the next."""
    await resting(desk, limit(desk, valid_s=8e4))
    await desk.journal.request_cancel("order-1", now=desk.clock.now())
    await desk.restart()
    result = await _ended(desk, "order-1")
    assert (result.state, result.reason, result.filled) == (IntentState.DONE_SHORT, EndReason.CANCELLED, Decimal(0))
    assert desk.venues["binance"].cancelled == ["1"]


async def test_a_cancel_stops_the_next_attempt(desk: Desk) -> None:
    """Its fate at the first exchange is unknown when the cancel comes: nothing is sent elsewhere once it is proven
    dead."""
    binance = desk.venues["binance"]
    binance.clock = desk.clock
    binance.script.append("vanish")
    binance.silent = True
    parked = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + 300))
    assert parked.state is IntentState.PARKED
    waiting = await desk.router.cancel("order-1")
    assert (waiting.state, waiting.blocked) == (IntentState.PARKED, Decimal(1))
    binance.silent = False
    await desk.router.review()
    record = await desk.journal.get("order-1")
    assert record is not None
    assert (record.state, record.reason) == (IntentState.REJECTED, EndReason.CANCELLED)
    assert desk.venues["kraken"].placed == []


async def test_the_journal_knows_of_a_cancel_first(desk: Desk) -> None:
    """Stored by somebody while a venue is being looked at: the attempt is refused, and the order ends as cancelled."""
    await desk.journal.accept(one := buy("one"), body_hash=body_hash(one), now=desk.clock.now(), valid_until=2e9)
    await desk.journal.request_cancel("one", now=desk.clock.now())
    record = await desk.journal.get("one")
    assert record is not None
    result = await desk.router._lifecycle.drive(replace(record, cancel_requested_at=None), Route(("binance", "kraken")))
    assert (result.state, result.reason) == (IntentState.REJECTED, EndReason.CANCELLED)
    assert desk.venues["binance"].placed == desk.venues["kraken"].placed == []


async def test_nobody_cancels_an_order_that_is_not_there(desk: Desk) -> None:
    """A wrong id is told at once."""
    with pytest.raises(UnknownOrder, match="nobody"):
        await desk.router.cancel("nobody")


async def test_a_venue_without_client_ids_can_hold_several(desk: Desk) -> None:
    """Known by the venue's own number they can be told apart: the market is not blocked while one rests."""
    firi = desk.venues["firi"]
    first = await resting(desk, limit(desk, valid_s=8e4, exchange="firi", limit_price="80"), venue="firi")
    second = asyncio.create_task(
        desk.router.submit(
            buy(
                "two",
                exchange="firi",
                order_type="limit",
                limit_price="81",
                time_in_force="gtc",
                valid_until=desk.clock.now() + 8e4,
            )
        )
    )
    while len(desk.router._lifecycle.cancels.waiting) < 2:
        await asyncio.sleep(0)
        assert not second.done(), second.result()
    assert len(firi.placed) == 2
    for name, task in (("order-1", first), ("two", second)):
        assert (await desk.router.cancel(name)).reason is EndReason.CANCELLED
        await task


async def _ended(desk: Desk, intent_id: str) -> ExecutionResult:
    record = await desk.journal.get(intent_id)
    while record is None or not record.state.final:
        await asyncio.sleep(0)
        record = await desk.journal.get(intent_id)
    assert all(attempt.state is AttemptState.CLOSED for attempt in record.attempts)
    return ExecutionResult.of(record)


def _ref(number: str) -> OrderRef:
    return OrderRef("BTC/USDT", number)


async def test_a_cancel_counts_though_its_caller_goes(desk: Desk) -> None:
    """The caller gives up while the wish is being stored: it is carried out all the same, and not only by a restart."""
    task = await resting(desk, limit(desk, valid_s=8e4))
    caller = asyncio.create_task(desk.router.cancel("order-1"))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    async with asyncio.timeout(20):
        result = await task
    assert (result.state, result.reason) == (IntentState.DONE_SHORT, EndReason.CANCELLED)


async def test_an_order_without_a_venue_does_not_hold_up_the_review(desk: Desk) -> None:
    """Its attempt is proven dead and no exchange takes the rest: it waits for one, for hours if need be. Everything
    else that is parked is looked at meanwhile."""
    for venue in desk.venues.values():
        venue.clock = desk.clock
    binance, kraken = desk.venues["binance"], desk.venues["kraken"]
    binance.script.append("vanish")
    binance.silent = True
    assert (await desk.router.submit(limit(desk, valid_s=8e4))).state is IntentState.PARKED
    binance.script.append("lost")
    assert (await desk.router.submit(buy("order-2", exchange="binance"))).state is IntentState.PARKED
    kraken.down = desk.venues["firi"].down = True
    binance.silent = False
    desk.clock.advance(600)
    desk.clock.pace_s = 0.0005
    async with asyncio.timeout(20):
        results = await desk.router.review()
    assert [result.state for result in results] == [IntentState.DONE]
    waiting = await desk.journal.get("order-1")
    assert waiting is not None
    assert (waiting.state, waiting.attempts[0].proof) == (IntentState.ACTIVE, Proof.DEADLINE)
    kraken.down = False
    async with asyncio.timeout(20):
        while not kraken.placed:  # noqa: ASYNC110 - a venue
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("lasting", [False, True])
async def test_limits_are_no_silence(desk: Desk, lasting: bool) -> None:
    """When the limits leave no room for its looks an order stays in the book, and what it executed is booked with the
    next look; an exchange that shuts us out for long is one that does not answer."""
    task = await resting(desk, limit(desk, valid_s=8e4))
    binance = desk.venues["binance"]
    looks = 0

    async def limited(ref: OrderRef) -> None:
        nonlocal looks
        looks += 1
        raise VenueLimited("binance", "watch_order", "no room", until=0.0, lasting=lasting)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(binance, "get_order", limited)
        async with asyncio.timeout(20):
            while looks < 3 * SILENT_LOOKS_MAX and not task.done():  # noqa: ASYNC110 - a venue
                await asyncio.sleep(0.002)
    if lasting:
        await task
        assert binance.cancelled == ["1"]
        return
    assert (task.done(), binance.cancelled) == (False, [])
    binance.execute("1", "1")
    async with asyncio.timeout(20):
        assert (await task).state is IntentState.DONE


async def test_looks_at_what_rests_say_so(desk: Desk) -> None:
    """So that they can leave room for what is asked once."""
    binance, seen = desk.venues["binance"], []
    get_order = binance.get_order

    async def watched(ref: OrderRef) -> OrderReport | None:
        seen.append(ref.watched)
        return await get_order(ref)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(binance, "get_order", watched)
        task = await resting(desk, limit(desk, valid_s=8e4))
        async with asyncio.timeout(20):
            while not seen:  # noqa: ASYNC110 - a venue
                await asyncio.sleep(0.002)
            watching = all(seen)
            await desk.router.cancel("order-1")
            await task
    assert (watching, seen[-1]) == (True, False)
