"""A journal that was put back and not yet confirmed: what is said is stored, and no exchange hears of any order."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.domain.errors import RouterHalted, UnknownOrder
from backend.domain.lifecycle import AttemptState, IntentState
from backend.domain.reasons import EndReason
from backend.services.execution.resolving import Word
from tests.services.execution.conftest import Desk, buy


async def halted(desk: Desk) -> dict[str, list[str]]:
    """One order whose fate is unknown, in a journal that is halted since; and what each exchange was asked so far."""
    desk.venues["binance"].clock = desk.clock
    desk.venues["binance"].script.append("vanish")
    desk.venues["binance"].silent = True
    await desk.router.submit(buy(exchange="binance", valid_for_s=300))
    desk.venues["binance"].silent = False
    desk.journal.halted = "put back"
    desk.clock.advance(30)
    return asked(desk)


def asked(desk: Desk) -> dict[str, list[str]]:
    return {name: list(venue.calls) for name, venue in desk.venues.items()}


async def test_a_cancel_is_stored_and_carried_out_after_the_confirmation(desk: Desk) -> None:
    """The wish is never lost, and until somebody has looked no exchange is asked, told or believed anything."""
    before = await halted(desk)
    told = await desk.router.cancel("order-1")
    assert (told.state, told.blocked, asked(desk)) == (IntentState.PARKED, Decimal(1), before)
    record = await desk.journal.get("order-1")
    assert record is not None
    assert record.cancel_requested_at == desk.clock.now()
    assert record.attempts[0].state is AttemptState.UNKNOWN
    with pytest.raises(UnknownOrder):
        await desk.router.cancel("nobody")
    await desk.restart()  # its journal is opened anew, without the halt: confirmed
    await desk.router.review()
    record = await desk.journal.get("order-1")
    assert record is not None
    assert (record.state, record.reason, len(record.attempts)) == (IntentState.REJECTED, EndReason.CANCELLED, 1)


async def test_no_other_way_in_reaches_an_exchange(desk: Desk) -> None:
    """Orders, repeats, reviews, an operator's word and the end: all of them without a question to anybody."""
    before = await halted(desk)
    for order in (buy("two"), buy(exchange="binance", valid_for_s=300)):
        with pytest.raises(RouterHalted):
            await desk.router.submit(order)
        with pytest.raises(RouterHalted):
            await desk.router.run_on_venue("binance", order)
    assert await desk.router.review() == ()
    record = await desk.router.resolve("order-1", Word(Decimal(0), "not in the history"))
    assert record.state is IntentState.REJECTED
    assert await desk.router.review() == ()
    await desk.router.close(grace_s=0)
    await desk.router.start()
    assert asked(desk) == before
