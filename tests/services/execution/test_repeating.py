"""An order that is said again: the same words are the same order, whenever they come and by whichever way."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from backend.domain.errors import IdempotencyConflict, InvalidOrder
from backend.domain.ids import body_hash
from backend.domain.lifecycle import IntentState
from tests.services.execution.conftest import Desk, buy
from tests.services.execution.test_loop import Loop, signal

OLD_DIGEST = "fde0a9455b452329c741d916417f37c88ac08a00f5e20395afe8871eff3fff23"
LIMIT = {"order_type": "limit", "limit_price": "101"}


async def test_a_duration_said_again_is_the_same_order(desk: Desk) -> None:
    """A minute later "for 30 s" comes to another moment, but it is what the caller said before."""
    first = await desk.router.submit(buy(**LIMIT, valid_for_s=30))
    desk.clock.advance(60)
    again = await desk.router.submit(buy(**LIMIT, valid_for_s=30.0))
    await desk.restart()
    after_a_restart = await desk.router.submit(buy(**LIMIT, valid_for_s=30))
    assert [result.filled for result in (first, again, after_a_restart)] == [Decimal(1)] * 3
    assert len(desk.venues["binance"].placed) == 1


async def test_a_duration_counts_from_when_the_order_is_accepted(desk: Desk) -> None:
    """It becomes a moment once, and stays that moment."""
    began = desk.clock.now()
    await desk.router.submit(buy(valid_for_s=40))
    desk.clock.advance(5)
    await desk.router.submit(buy(valid_for_s=40))
    record = await desk.journal.get("order-1")
    assert record is not None
    assert record.valid_until == began + 40
    with pytest.raises(InvalidOrder, match="valid_for_s"):
        await desk.router.submit(buy("too long", valid_for_s=86_401))


async def test_a_signal_that_is_delivered_again_is_the_same_order(desk: Desk) -> None:
    """The loop gives a signal its validity; that must not make another order of it a second later."""
    loop = Loop(desk)
    assert (await loop.run(signal("one"))).done == 1
    desk.clock.advance(1.0)
    assert (await loop.run(signal("one"))).done == 1
    assert len(desk.venues["binance"].placed) == 1


async def test_an_order_from_before_durations_were_kept_is_recognised(desk: Desk) -> None:
    """Older journals hold the moment that a duration came to: the same words return that order, other words do not."""
    old = buy(**LIMIT, valid_until=desk.clock.now() + 30)
    await desk.router.submit(old)
    desk.clock.advance(1)
    assert (await desk.router.submit(buy(**LIMIT, valid_for_s=30))).state is IntentState.DONE
    with pytest.raises(IdempotencyConflict):
        await desk.router.submit(buy("order-1", "2", **LIMIT, valid_for_s=30))
    assert len(desk.venues["binance"].placed) == 1


@pytest.mark.parametrize("running", [False, True])
async def test_a_conflict_names_the_fields_and_warns_of_a_second_order(desk: Desk, running: bool) -> None:
    """Its words must not lead anybody to send the same order again under a new id."""
    gate = desk.venues["binance"].gate = asyncio.Event() if running else None
    first = asyncio.create_task(desk.router.submit(buy(valid_for_s=20)))
    await asyncio.wait({first}, timeout=0.05 if running else None)
    with pytest.raises(IdempotencyConflict) as told:
        await desk.router.submit(buy(quantity="2", valid_for_s=25))
    assert told.value.fields == ("quantity", "valid_for_s")
    assert "a new id would be a second order" in str(told.value)
    assert "use a new id" not in str(told.value)
    if gate is not None:
        gate.set()
    assert (await first).filled == Decimal(1)


def test_only_what_was_said_is_in_the_digest() -> None:
    """Durations tell orders apart, a moment is another thing than a duration, and older digests stay what they were."""
    short, longer, moment = buy(valid_for_s=30), buy(valid_for_s=60), buy(valid_until=1_700_000_030.0)
    assert len({body_hash(one) for one in (short, longer, moment, buy())}) == 4
    assert body_hash(buy(valid_for_s=30)) == body_hash(buy(valid_for_s=30.0))
    assert body_hash(buy(valid_until=1_700_000_030.0)) == OLD_DIGEST


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"valid_for_s": 5, "valid_until": 2e9}, "valid_for_s"),
        ({"valid_for_s": 0}, "valid_for_s"),
        ({"valid_for_s": float("nan")}, "valid_for_s"),
        ({"order_type": "limit", "limit_price": "1"}, "valid_until"),
    ],
)
def test_a_validity_is_said_once_and_can_be_understood(values: dict[str, object], field: str) -> None:
    """Two validities, none where one is needed, and one that is no duration are refused by name."""
    with pytest.raises(InvalidOrder) as refused:
        buy(**values)  # type: ignore[arg-type]
    assert refused.value.field == field


async def test_a_pinned_order_said_again_stays_where_it_was_pinned(desk: Desk) -> None:
    """Its first caller chose one venue, and its task failed; a repeat through submit must not take it elsewhere."""
    order, now = buy(valid_for_s=300), desk.clock.now()
    await desk.journal.accept(order, body_hash=body_hash(order), now=now, valid_until=now + 300, pinned="binance")
    desk.venues["binance"].down = True
    desk.venues["binance"].listed.clear()
    result = await desk.router.submit(order)
    assert (result.state, result.venues) == (IntentState.REJECTED, ())
    assert desk.venues["kraken"].placed == []


async def test_an_order_of_the_chain_is_not_pinned_by_a_repeat(desk: Desk) -> None:
    """The other way round: a repeat on one venue does not narrow what was asked for first."""
    order, now = buy(valid_for_s=300), desk.clock.now()
    await desk.journal.accept(order, body_hash=body_hash(order), now=now, valid_until=now + 300)
    desk.venues["binance"].listed.clear()
    assert (await desk.router.run_on_venue("binance", order)).venues == ("kraken",)


async def test_a_parked_order_said_again_tells_from_when_its_absence_can_be_proven(desk: Desk) -> None:
    """Each way of asking tells the same moment: a repeat, one after a restart, and the order in full."""
    desk.venues["binance"].script.append("vanish")
    first = await desk.router.submit(buy(exchange="binance"))
    assert (first.state, first.unresolved_until is None) == (IntentState.PARKED, False)
    again = await desk.router.submit(buy(exchange="binance"))
    await desk.restart()
    after = await desk.router.submit(buy(exchange="binance"))
    record = await desk.journal.get("order-1")
    assert record is not None
    told = (again.unresolved_until, after.unresolved_until, desk.router.unresolved_until(record))
    assert told == (first.unresolved_until,) * 3


async def test_looks_in_vain_are_counted(desk: Desk) -> None:
    """How often an order was looked for is stored when the looking pauses, dated like the last look."""
    desk.venues["binance"].script.append("vanish")
    result = await desk.router.submit(buy(exchange="binance"))
    (attempt,) = result.attempts
    assert attempt.lookups == desk.venues["binance"].calls.count("get_order") > 1
    last = [event for event in await desk.journal.events(0, 100) if event.kind == "attempt_stepped"][-1]
    assert last.data["lookups"] == attempt.lookups
    assert last.at == pytest.approx(desk.clock.now(), abs=0.001)
    assert await desk.journal.verify_chain() == []
