"""Evidence after the end: what executed is booked whatever was believed, and too much of it stops the account."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from backend.config import Settings
from backend.domain.books import Book
from backend.domain.errors import IllegalTransition
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Fill, OrderRef, OrderReport, OrderStatus, Side
from backend.domain.reasons import DropReason
from backend.domain.records import ExecutionResult, Ghost, IntentRecord
from backend.integrations.journal.verify import verify
from backend.policies.horizon import GHOST_S
from backend.policies.late import Sight
from backend.services.execution.attempts import Attempts
from backend.services.execution.late import LOOKS_AT_ONCE
from backend.services.execution.resolving import Word, resolve
from backend.services.execution.router import REVIEW_INTERVAL_S
from tests.fakes.auto_clock import AutoClock
from tests.services.execution.conftest import EQUIVALENTS, Desk, buy, scripted


def appear(desk: Desk, filled: str, status: OrderStatus = OrderStatus.EXPIRED, venue: str = "binance") -> None:
    """The order that the venue was said not to have is there after all."""
    there = desk.venues[venue]
    order = there.placed[0]
    there.reports["9"] = OrderReport(
        venue=venue,
        symbol=order.symbol,
        venue_order_id="9",
        client_id=order.client_id or None,
        side=Side.BUY,
        quantity=order.quantity,
        filled=Decimal(filled),
        status=status,
    )
    there.parts["9"] = [Decimal(filled)] if Decimal(filled) else []


async def stored(desk: Desk) -> IntentRecord:
    record = await desk.journal.get("order-1")
    assert record is not None
    return record


async def halted(desk: Desk) -> list[str]:
    return [halt.venue for halt in await desk.journal.halts()]


async def moved(desk: Desk) -> None:
    """Proven dead at binance by its deadline, executed at kraken."""
    binance = desk.venues["binance"]
    binance.clock = desk.clock
    binance.script.append("vanish")
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + 300))
    assert [attempt.proof for attempt in result.attempts] == [Proof.DEADLINE, Proof.TERMINAL_STATE]


async def test_an_order_that_comes_back_is_booked_and_stops_its_account(desk: Desk) -> None:
    """The venue broke its bound: both executions are booked, an alarm is told, and no order goes there until somebody
    acknowledges it, also after a restart."""
    await moved(desk)
    appear(desk, "0.4")
    await desk.router.review()
    record = await desk.journal.get("order-1")
    assert record is not None
    assert (record.filled, record.state) == (Decimal("1.4"), IntentState.DONE)
    assert any(level == "ERROR" and "executed all the same" in told for level, told, _ in desk.telemetry.records)
    await desk.restart()
    refused = await desk.router.submit(buy("next", exchange="binance"))
    assert refused.venues == ("kraken",)
    assert {drop.venue: drop.reason for drop in refused.dropped}["binance"] is DropReason.ACCOUNT_HALTED
    assert await desk.journal.acknowledge("binance", word="sold it by hand", now=desk.clock.now()) == 1
    assert (await desk.router.submit(buy("after", exchange="binance"))).venues == ("binance",)
    assert verify(desk.path).problems == ()


async def test_a_ghost_that_still_rests_is_cancelled(desk: Desk) -> None:
    """It must not execute any further: it is cancelled at sight."""
    await moved(desk)
    appear(desk, "0", status=OrderStatus.OPEN)
    await desk.router.review()
    assert desk.venues["binance"].cancelled == ["9"]
    record = await desk.journal.get("order-1")
    assert record is not None
    assert record.filled == Decimal(1)


async def test_a_ghost_is_not_looked_for_for_ever(desk: Desk) -> None:
    """When a look after its time has not found it, it is let go, and nobody asks any more."""
    await moved(desk)
    desk.clock.advance(GHOST_S + 1)
    await desk.router.review()
    assert not await desk.journal.ghosts()
    assert desk.exposure.of("binance").reserved == 0
    before = len(desk.venues["binance"].calls)
    await desk.router.review()
    assert len(desk.venues["binance"].calls) == before


async def test_trades_take_the_place_of_an_operators_word(desk: Desk) -> None:
    """The operator said 0.5; the venue's own trades say 0.3: those count, and are not added."""
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    binance.silent = True
    await desk.router.submit(buy(exchange="binance"))
    record = await resolve(desk.journal, desk.clock, "order-1", Word(Decimal("0.5"), "the page says so"))
    assert [fill.provisional for fill in record.fills] == [True]
    binance.silent = False
    appear(desk, "0.3")
    await desk.restart()
    after = await desk.journal.get("order-1")
    assert after is not None
    assert [(fill.quantity, fill.provisional) for fill in after.fills] == [(Decimal("0.3"), False)]
    held = {one.venue: one.amount for one in (await desk.journal.exposure()).positions}
    assert held == {"binance": Decimal("30.00000000")}
    assert verify(desk.path).problems == ()


async def test_ghosts_live_through_a_restart(desk: Desk) -> None:
    """The reservation of an order that was proven dead by time is the journal's: the next process has it too."""
    await moved(desk)
    reserved = desk.exposure.of("binance").reserved
    assert reserved > 100
    await desk.restart()
    desk.exposure.load(await desk.journal.exposure())
    assert desk.exposure.of("binance").reserved == reserved
    assert replace(desk.exposure.of("kraken"), reserved=Decimal(0)).positions == Decimal(100)


@pytest.mark.parametrize(
    ("late", "placed"), [(["1"], []), (["0.4"], [Decimal("0.6")]), (["0.2", "0.2", "0.3"], [Decimal("0.3")])]
)
async def test_what_appears_while_the_next_venue_is_chosen_is_not_bought_again(
    desk: Desk, late: list[str], placed: list[Decimal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Binance shows its order, at once or bit by bit, between the look at kraken's book and the opening of the attempt
    there: only what is left is placed, and the caller gets a result, not an error about a fate that nobody doubts."""
    binance, kraken = desk.venues["binance"], desk.venues["kraken"]
    binance.clock = desk.clock
    binance.script.append("vanish")
    read_book = kraken.order_book

    async def order_book(symbol: str, depth: int = 20) -> Book:
        if late:
            binance.refuses.add("cancel_order")
            if "9" not in binance.reports:
                appear(desk, "0", OrderStatus.OPEN)
            binance.execute("9", late.pop(0))
            await desk.router._look_for_ghosts()
        return await read_book(symbol, depth)

    monkeypatch.setattr(kraken, "order_book", order_book)
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + 300))
    assert (result.state, result.filled) == (IntentState.DONE, Decimal(1))
    assert [order.quantity for order in kraken.placed] == placed
    assert verify(desk.path).problems == ()


async def waiting(desk: Desk) -> asyncio.Task[ExecutionResult]:
    """An order that may rest, proven dead at binance by its deadline; it waits for what comes next."""
    desk.clock.pace_s = 0.002
    desk.venues["binance"].clock = desk.clock
    desk.venues["binance"].script.append("vanish")
    order = buy(
        order_type="limit",
        limit_price="90",
        time_in_force="gtc",
        exchange="binance",
        valid_until=desk.clock.now() + 80_000,
    )
    task = asyncio.create_task(desk.router.submit(order))
    while not desk.router._lifecycle.cancels.waiting:
        await asyncio.sleep(0)
        assert not task.done(), task.result()
    return task


async def resting_elsewhere(desk: Desk) -> asyncio.Task[ExecutionResult]:
    """Proven dead at binance by its deadline; the remainder, all of it, rests at kraken."""
    desk.venues["kraken"].partial = Decimal(0)
    task = await waiting(desk)
    assert [attempt.state for attempt in (await stored(desk)).attempts] == [AttemptState.CLOSED, AttemptState.WORKING]
    return task


async def test_what_rests_elsewhere_leaves_at_once_when_the_dead_one_has_executed(desk: Desk) -> None:
    """Binance shows 1 of 1 while kraken rests 1: kraken is cancelled, nothing executes twice; and it is binance that is
    halted, whose proof was wrong, although no more than asked for has executed."""
    task = await resting_elsewhere(desk)
    appear(desk, "1", status=OrderStatus.FILLED)
    await desk.router._look_for_ghosts()
    assert await halted(desk) == ["binance"]
    result = await asyncio.wait_for(task, 10)
    assert desk.venues["kraken"].cancelled == ["1"]
    assert (result.state, result.filled) == (IntentState.DONE, Decimal(1))
    assert await halted(desk) == ["binance"]
    assert verify(desk.path).problems == ()


async def test_what_executed_before_its_cancel_halts_the_one_that_was_said_to_be_dead(desk: Desk) -> None:
    """Kraken fills before the cancel reaches it: both are booked, and kraken, which did what it was asked, goes on."""
    task = await resting_elsewhere(desk)
    appear(desk, "1", status=OrderStatus.FILLED)
    desk.venues["kraken"].execute("1", "1")
    await desk.router._look_for_ghosts()
    result = await asyncio.wait_for(task, 10)
    assert (result.state, result.filled) == (IntentState.DONE, Decimal(2))
    assert await halted(desk) == ["binance"]


async def test_what_must_leave_leaves_after_a_restart_too(desk: Desk) -> None:
    """The process died between the booking and the cancel: the record alone tells that kraken rests for too much."""
    task = await resting_elsewhere(desk)
    attempt = (await stored(desk)).attempts[0]
    trade = Fill("binance", attempt.order.symbol, "9", "t1", Side.BUY, Decimal(1), Decimal(90))
    await desk.journal.step_attempt(
        attempt.id, AttemptState.CLOSED, now=desk.clock.now(), venue_order_id="9", fills=[trade]
    )
    assert desk.venues["kraken"].cancelled == []
    await desk.restart()
    await asyncio.gather(task, return_exceptions=True)
    await desk.router.submit((await stored(desk)).intent)
    assert desk.venues["kraken"].cancelled == ["1"]
    assert (await stored(desk)).filled == Decimal(1)


async def test_what_still_fits_goes_on_for_the_rest(desk: Desk) -> None:
    """Of the dead one 0.4 executed: what rests for 1 leaves, and only what is left is placed again."""
    task = await resting_elsewhere(desk)
    firi = desk.venues["firi"]
    appear(desk, "0.4")
    await desk.router._look_for_ghosts()
    while not firi.placed:
        await asyncio.sleep(0.001)
        assert not task.done(), task.result()
    assert (firi.placed[0].quantity, desk.venues["kraken"].cancelled) == (Decimal("0.6"), ["1"])


async def test_an_order_that_waits_for_a_venue_learns_what_has_executed(desk: Desk) -> None:
    """No venue is usable while the dead one shows 1 of 1: the order ends with it, and is not placed where it fails at
    the journal."""
    kraken = desk.venues["kraken"]
    kraken.down = desk.venues["firi"].down = True
    task = await waiting(desk)
    appear(desk, "1", status=OrderStatus.FILLED)
    await desk.router._look_for_ghosts()
    kraken.down = False
    result = await asyncio.wait_for(task, 10)
    assert (result.state, result.filled, kraken.placed) == (IntentState.DONE, Decimal(1), [])


async def test_a_ghost_that_executes_on_is_booked_and_never_let_go(desk: Desk) -> None:
    """Seen open with a part executed, and its cancel does not get through: the part is booked and the account halted at
    once; long after its time it is still cancelled, its reservation stays, and its end is booked."""
    await moved(desk)
    binance = desk.venues["binance"]
    appear(desk, "0.4", status=OrderStatus.OPEN)
    binance.refuses.add("cancel_order")
    await desk.router.review()
    assert ((await stored(desk)).filled, await halted(desk)) == (Decimal("1.4"), ["binance"])
    desk.clock.advance(GHOST_S + 1)
    await desk.router.review()
    assert desk.exposure.of("binance").reserved > 100
    await desk.restart()
    binance.refuses.clear()
    binance.execute("9", "0.1")
    await desk.router.review()
    assert binance.cancelled == ["9"]
    await desk.router.review()
    assert (await stored(desk)).filled == Decimal("1.5")
    assert not await desk.journal.ghosts()
    desk.exposure.load(await desk.journal.exposure())
    assert desk.exposure.of("binance").reserved == 0
    assert verify(desk.path).problems == ()


async def test_a_ghost_that_lives_halts_its_account_before_it_executes(desk: Desk) -> None:
    """The bound is broken already: proofs by time are not to be believed there."""
    await moved(desk)
    appear(desk, "0", status=OrderStatus.OPEN)
    await desk.router.review()
    assert (await halted(desk), desk.venues["binance"].cancelled) == (["binance"], ["9"])
    await desk.router.review()
    assert not await desk.journal.ghosts()
    assert any(level == "ERROR" and told.endswith("lives") for level, told, _ in desk.telemetry.records)


async def test_a_ghost_whose_trades_are_missing_is_booked_at_once(desk: Desk) -> None:
    """It has executed 0.4 and its trades do not show: the total is booked and told, the account halted, and the trades
    take its place whenever they come."""
    await moved(desk)
    appear(desk, "0.4")
    desk.venues["binance"].refuses.add("my_trades")
    await desk.router.review()
    late = [fill for fill in (await stored(desk)).fills if fill.venue == "binance"]
    assert [(fill.quantity, fill.provisional) for fill in late] == [(Decimal("0.4"), True)]
    assert await halted(desk) == ["binance"]
    alarms = len([level for level, *_ in desk.telemetry.records if level == "ERROR"])
    desk.clock.advance(GHOST_S + 1)
    await desk.router.review()
    assert len([level for level, *_ in desk.telemetry.records if level == "ERROR"]) == alarms
    desk.venues["binance"].refuses.clear()
    await desk.router.review()
    late = [fill for fill in (await stored(desk)).fills if fill.venue == "binance"]
    assert [(fill.quantity, fill.provisional) for fill in late] == [(Decimal("0.4"), False)]
    assert not await desk.journal.ghosts()
    assert desk.exposure.of("binance").positions == Decimal(40)
    assert verify(desk.path).problems == ()


async def test_an_acknowledgement_lets_a_seen_ghost_go(desk: Desk) -> None:
    """Its trades never come. Somebody has looked at the account and says so: the total stays, and it is looked for as
    long as any other ghost."""
    await moved(desk)
    appear(desk, "0.4")
    desk.venues["binance"].refuses.add("my_trades")
    await desk.router.review()
    assert await desk.journal.acknowledge("binance", word="sold it by hand", now=desk.clock.now()) == 1
    await desk.router.review()
    assert len(await desk.journal.ghosts()) == 1
    desk.clock.advance(GHOST_S + 1)
    await desk.router.review()
    assert (await desk.journal.ghosts(), await halted(desk)) == ((), [])
    assert (await stored(desk)).filled == Decimal("1.4")


async def test_a_router_that_was_down_looks_before_it_lets_a_ghost_go(desk: Desk) -> None:
    """The ghost's time passed while nobody looked: it is looked at at the next start, and what executed is booked."""
    await moved(desk)
    appear(desk, "0.4")
    await desk.router.close(grace_s=0)
    desk.clock.advance(GHOST_S + 1)
    await desk.restart()
    assert ((await stored(desk)).filled, await halted(desk)) == (Decimal("1.4"), ["binance"])


async def test_a_ghost_at_a_silent_venue_is_not_let_go(desk: Desk) -> None:
    """No answer is no look: it stays until its venue has said something after its time."""
    await moved(desk)
    desk.venues["binance"].silent = True
    desk.clock.advance(GHOST_S + 1)
    await desk.restart()
    assert len(await desk.journal.ghosts()) == 1
    desk.venues["binance"].silent = False
    await desk.router.review()
    assert not await desk.journal.ghosts()


class _BriefClock(AutoClock):
    """Its timeouts are real, and short."""

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(0.05)


async def test_a_start_does_not_wait_for_a_venue_that_does_not_answer(tmp_path: Path) -> None:
    """The ghosts there are looked at beside the intake, a few at a time, and those elsewhere do not wait for them."""
    desk = scripted(tmp_path / "journal.sqlite", Settings(equivalents=EQUIVALENTS))
    desk.clock = _BriefClock()
    desk.build()
    await desk.router.start()
    binance = desk.venues["binance"]
    binance.clock = desk.clock
    for number in range(6):
        binance.script.append("vanish")
        order = buy(f"order-{number}", exchange="binance", valid_until=desk.clock.now() + 300)
        await desk.router.submit(order)
    assert len(await desk.journal.ghosts()) == 6
    asked, release = [], asyncio.Event()

    async def hangs(ref: OrderRef) -> OrderReport | None:
        asked.append(ref)
        await release.wait()
        return None

    binance.get_order = hangs  # type: ignore[method-assign]
    await asyncio.wait_for(desk.restart(), 10)
    assert (await desk.router.submit(buy("next", exchange="kraken"))).state is IntentState.DONE
    assert len(asked) == LOOKS_AT_ONCE
    await desk.router.review()
    assert len(asked) == LOOKS_AT_ONCE
    await desk.router.close(grace_s=0)
    await desk.journal.close()


async def test_a_word_gives_way_to_the_venues_when_nothing_executed(desk: Desk) -> None:
    """The operator said 0.5; the venue says that it ended with nothing: the record and the exposure say so too. The
    order stays as it ended."""
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    binance.silent = True
    await desk.router.submit(buy(exchange="binance"))
    await desk.router.resolve("order-1", Word(Decimal("0.5"), "the page says so"))
    assert desk.exposure.of("binance").positions == Decimal("50.25")
    binance.silent = False
    appear(desk, "0", status=OrderStatus.OPEN)
    await desk.router.review()
    assert (await stored(desk)).filled == Decimal("0.5")
    await desk.router.review()
    after = await stored(desk)
    assert (after.fills, after.state) == ((), IntentState.DONE_SHORT)
    assert (await desk.journal.exposure()).positions[0].amount == desk.exposure.of("binance").positions == 0
    assert not await desk.journal.ghosts()
    assert await halted(desk) == []
    assert verify(desk.path).problems == ()


async def test_a_word_is_checked_where_there_are_no_ids_of_ours(desk: Desk) -> None:
    """Said to be dead at firi, and executed: it is searched for by what was asked for, and booked."""
    firi = desk.venues["firi"]
    firi.script.append("vanish")
    await desk.router.submit(buy(exchange="firi"))
    await desk.router.resolve("order-1", Word(Decimal(0), "not in the history"))
    appear(desk, "1", status=OrderStatus.FILLED, venue="firi")
    await desk.router.review()
    assert (await stored(desk)).filled == Decimal(1)
    assert any(level == "ERROR" and "executed all the same" in told for level, told, _ in desk.telemetry.records)


async def test_an_order_of_another_attempt_is_never_cancelled_for_a_ghost(desk: Desk) -> None:
    """The search at firi finds an order that fits and belongs to another attempt: it is left alone."""
    firi = desk.venues["firi"]
    await desk.router.submit(buy("other", exchange="firi"))
    (other,) = firi.reports
    firi.script.append("vanish")
    await desk.router.submit(buy(exchange="firi"))
    await desk.router.resolve("order-1", Word(Decimal(0), "not in the history"))
    firi.reports[other] = replace(firi.reports[other], status=OrderStatus.OPEN, filled=Decimal(0))
    firi.cancelled.clear()
    await desk.router.review()
    assert firi.cancelled == []
    assert (await stored(desk)).filled == 0
    desk.clock.advance(GHOST_S + 1)
    await desk.router.review()
    assert not await desk.journal.ghosts()


async def test_a_ghost_that_cannot_be_booked_is_told_and_looked_for_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state that nobody foresaw must not end the round of looks, which is for the others too."""
    await moved(desk)
    appear(desk, "0.3")
    book = Attempts.late

    async def refuses(self: Attempts, ghost: Ghost, report: OrderReport, seen: Sight) -> IntentRecord:
        monkeypatch.setattr(Attempts, "late", book)
        raise IllegalTransition("attempt", ghost.attempt.id, "closed", "open")

    monkeypatch.setattr(Attempts, "late", refuses)
    await desk.router._look_for_ghosts()
    assert (await stored(desk)).filled == Decimal(1)
    assert "A ghost cannot be booked" in [message for _, message, _ in desk.telemetry.records]
    await desk.router._look_for_ghosts()
    assert (await stored(desk)).filled == Decimal("1.3")


async def test_the_review_goes_on_after_an_order_that_it_cannot_handle(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what looks for every order in doubt: it must not end with the first surprise."""
    reviewed = asyncio.Event()

    async def goes_on(self: object) -> tuple[ExecutionResult, ...]:
        reviewed.set()
        return ()

    async def fails(self: object) -> tuple[ExecutionResult, ...]:
        monkeypatch.setattr(type(desk.router), "review", goes_on)
        raise IllegalTransition("attempt", "order-1/1", "closed", "open")

    monkeypatch.setattr(type(desk.router), "review", fails)
    desk.clock.patience_s = REVIEW_INTERVAL_S
    task = asyncio.create_task(desk.router._review_forever())
    await asyncio.wait_for(reviewed.wait(), 5)
    task.cancel()
