"""A stop in each phase, and a journal that fails: the end comes soon, and whoever waits is told what is known."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from backend.domain.errors import IdempotencyConflict, JournalFailed, OrderFateUnknown, RouterClosed
from backend.domain.lifecycle import AttemptState, IntentState
from backend.domain.orders import OrderRef, OrderReport
from backend.domain.records import Attempt, IntentRecord
from backend.integrations.journal.journal import SqliteJournal
from backend.services.control.desk import Desk as Counter
from tests.services.execution.conftest import Desk, buy

SOON_S = 2.0


def counter(desk: Desk) -> Counter:
    """The operator's desk over the scripted venues."""
    health = desk.router._lifecycle.venues.health
    venues = tuple(desk.venues)
    return Counter(desk.router, desk.journal, health, desk.chains, desk.clock, venues, (), desk.adapter_of, 0.0)


async def sent(desk: Desk) -> asyncio.Event:
    """Waits until Binance has an order and does not answer; set the event to let it."""
    gate = desk.venues["binance"].gate
    assert gate is not None
    async with asyncio.timeout(SOON_S):
        while not desk.venues["binance"].placed:  # noqa: ASYNC110 - the scripted venue tells nobody
            await asyncio.sleep(0)
    return gate


async def test_a_stop_waits_for_orders_under_way(desk: Desk) -> None:
    """Without being told otherwise it gives them a while: an order that is answered soon ends here."""
    desk.venues["binance"].gate = asyncio.Event()
    caller = asyncio.create_task(desk.router.submit(buy()))
    gate = await sent(desk)
    asyncio.get_running_loop().call_later(0.05, gate.set)
    await desk.router.close()
    assert (await caller).state is IntentState.DONE


async def test_an_order_at_a_silent_venue_holds_up_no_stop(desk: Desk) -> None:
    """It is left open for the next start, and its caller is told that its fate is not known: the same id tells it."""
    desk.venues["binance"].gate = asyncio.Event()
    caller = asyncio.create_task(desk.router.submit(buy()))
    await sent(desk)
    async with asyncio.timeout(SOON_S):
        await desk.router.close(grace_s=0.05)
        with pytest.raises(OrderFateUnknown, match="repeat the same id") as told:
            await caller
    assert isinstance(told.value.cause, RouterClosed)
    record = await desk.journal.get("order-1")
    assert record is not None
    assert [one.state for one in record.attempts] == [AttemptState.OPEN]


async def test_a_caller_at_the_desk_gets_the_order_as_it_is_left(desk: Desk) -> None:
    """The router stops while somebody waits: the stored order is a better answer than an error."""
    desk.venues["binance"].gate = asyncio.Event()
    caller = asyncio.create_task(counter(desk).submit(buy(), 60))
    await sent(desk)
    await desk.router.close(grace_s=0)
    record = await caller
    assert isinstance(record, IntentRecord)
    assert (record.state, record.blocked) == (IntentState.ACTIVE, Decimal(1))


async def test_a_journal_that_fails_too_does_not_hide_that_an_order_was_sent(desk: Desk) -> None:
    """The router stops while somebody waits, and the stored order cannot be read: its fate is unknown, which is worse
    than that a journal failed."""
    desk.venues["binance"].gate = asyncio.Event()
    caller = asyncio.create_task(counter(desk).submit(buy(), 60))
    await sent(desk)

    async def fails(*_: object) -> None:
        raise JournalFailed("no disk")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(desk.journal, "get", fails)
        await desk.router.close(grace_s=0)
        with pytest.raises(OrderFateUnknown):
            await caller


@pytest.mark.parametrize("ghost", [False, True])
async def test_a_close_ends_a_start_whose_looks_take_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, ghost: bool
) -> None:
    """A venue that never answers, asked for an open order or for one that was proven dead, holds up no stop."""
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    binance.clock = desk.clock if ghost else None
    await desk.router.submit(buy(exchange="binance", valid_for_s=300))
    await desk.router.close(grace_s=0)
    asked = asyncio.Event()

    async def never(_: OrderRef) -> OrderReport | None:
        asked.set()
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(binance, "get_order", never)
    starting = asyncio.create_task(desk.router.start())
    async with asyncio.timeout(SOON_S):
        await asked.wait()
        await desk.router.close()
        with pytest.raises(RouterClosed, match="while it started"):
            await starting
    assert desk.router.in_flight == 0


async def test_a_cancelled_start_is_cancelled(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gives the start up is not told that somebody closed the router."""
    await desk.router.close(grace_s=0)
    asked = asyncio.Event()

    async def never() -> tuple[IntentRecord, ...]:
        asked.set()
        await asyncio.Event().wait()
        return ()

    monkeypatch.setattr(desk.journal, "unfinished", never)
    starting = asyncio.create_task(desk.router.start())
    async with asyncio.timeout(SOON_S):
        await asked.wait()
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting


async def test_a_failed_journal_sends_nothing_and_is_told_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails between an attempt's commit and its send: the bytes stay here, and the log has one line about it."""
    stored = desk.journal.open_attempt

    async def then_fails(attempt: Attempt, *, worst_price: Decimal, cap: Decimal | None = None) -> IntentRecord:
        record = await stored(attempt, worst_price=worst_price, cap=cap)
        monkeypatch.setattr(SqliteJournal, "failed", property(lambda _: "the disk is full"))
        return record

    monkeypatch.setattr(desk.journal, "open_attempt", then_fails)
    for name in ("one", "two"):
        with pytest.raises(OrderFateUnknown) as told:
            await desk.router.submit(buy(name))
        assert isinstance(told.value.cause, JournalFailed)
    assert desk.venues["binance"].placed == []
    assert desk.router.failure() == "the disk is full"
    assert sum("Journal failed" in text for _, text, _ in desk.telemetry.records) == 1
    assert counter(desk).status()["failed"] == "the disk is full"


async def test_the_desk_tells_that_a_cancel_is_only_stored(desk: Desk) -> None:
    """On a halted journal the answer is the order with the wish in it, not a result."""
    desk.venues["binance"].script.append("vanish")
    await desk.router.submit(buy(exchange="binance", valid_for_s=300))
    desk.journal.halted = "put back"
    record = await counter(desk).cancel("order-1", 60)
    assert isinstance(record, IntentRecord)
    assert record.cancel_requested_at == desk.clock.now()


async def test_an_order_that_is_asked_for_again_and_again_leaves_nothing_behind(desk: Desk) -> None:
    """It rests for hours, and its caller repeats it each second: nobody waits for each of these until its end."""
    desk.clock.pace_s = 0.01
    desk.venues["binance"].partial = Decimal(0)
    port = counter(desk)
    rests = buy(exchange="binance", order_type="limit", limit_price="90", time_in_force="gtc", valid_for_s=8e4)
    await port.submit(rests, 0)
    before = len(asyncio.all_tasks())
    for _ in range(20):
        assert not (await port.submit(rests, 0)).state.final
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) < before + 10
    assert desk.router.in_flight == 1


async def test_another_order_under_the_same_id_is_told_also_without_waiting(desk: Desk) -> None:
    """The stored order is no answer to one that differs from it: its caller would take it for its own."""
    port = counter(desk)
    await port.submit(buy(exchange="binance"), 20)
    with pytest.raises(IdempotencyConflict, match="quantity"):
        await port.submit(buy(quantity="2", exchange="binance"), 0)
    assert (await port.submit(buy(exchange="binance"), 0)).state is IntentState.DONE


async def test_an_order_that_cannot_be_read_any_more_may_have_been_sent(desk: Desk) -> None:
    """It is under way when its caller's time is over, and the journal fails: "nothing was sent" would be a lie."""
    desk.venues["binance"].gate = asyncio.Event()
    caller = asyncio.create_task(counter(desk).submit(buy(), 0.2))
    gate = await sent(desk)

    async def fails(*_: object) -> None:
        raise JournalFailed("no disk")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(desk.journal, "get", fails)
        with pytest.raises(OrderFateUnknown):
            await caller
    gate.set()


async def test_cancels_that_are_repeated_leave_nothing_behind(desk: Desk) -> None:
    """The exchange does not answer, and the caller asks again and again without waiting."""
    desk.venues["binance"].gate = asyncio.Event()
    port = counter(desk)
    caller = asyncio.create_task(port.submit(buy(), 60))
    gate = await sent(desk)
    before = len(asyncio.all_tasks())
    for _ in range(20):
        record = await port.cancel("order-1", 0)
        assert isinstance(record, IntentRecord)
        assert record.cancel_requested_at is not None
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) < before + 10
    gate.set()
    await caller
