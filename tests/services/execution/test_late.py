"""Evidence after the end: what executed is booked whatever was believed, and too much of it stops the account."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from backend.domain.lifecycle import IntentState, Proof
from backend.domain.orders import OrderReport, OrderStatus, Side
from backend.domain.reasons import DropReason
from backend.integrations.journal.verify import verify
from backend.policies.horizon import GHOST_S
from backend.services.execution.resolving import Word, resolve
from tests.services.execution.conftest import Desk, buy


def appear(desk: Desk, filled: str, status: OrderStatus = OrderStatus.EXPIRED) -> None:
    """The order that binance was said not to have is there after all."""
    binance = desk.venues["binance"]
    order = binance.placed[0]
    binance.reports["9"] = OrderReport(
        venue="binance",
        symbol=order.symbol,
        venue_order_id="9",
        client_id=order.client_id,
        side=Side.BUY,
        quantity=order.quantity,
        filled=Decimal(filled),
        status=status,
    )
    binance.parts["9"] = [Decimal(filled)]


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
    """When its time is over nobody asks any more."""
    await moved(desk)
    desk.clock.advance(GHOST_S + 1)
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
