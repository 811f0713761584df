"""An operator's word: kept with its reason, bounded by what was asked for, and nothing is sent."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from backend.domain.errors import InvalidOrder, NothingToResolve, UnknownOrder
from backend.domain.lifecycle import IntentState, Proof
from backend.domain.reasons import EndReason
from backend.services.execution.resolving import Word, resolve
from tests.services.execution.conftest import Desk, buy


async def parked(desk: Desk) -> None:
    desk.venues["binance"].script.append("vanish")
    result = await desk.router.submit(buy(exchange="binance"))
    assert result.state is IntentState.PARKED


@pytest.mark.parametrize(
    ("filled", "state", "reason"),
    [
        ("0", IntentState.REJECTED, EndReason.EXPIRED),
        ("0.4", IntentState.DONE_SHORT, EndReason.EXPIRED),
        ("1", IntentState.DONE, EndReason.FILLED),
    ],
)
async def test_a_parked_order_ends_by_an_operators_word(
    desk: Desk, filled: str, state: IntentState, reason: EndReason
) -> None:
    """What was seen is booked at the order's own limit, the reason is kept, and no exchange is asked anything."""
    await parked(desk)
    before = [list(venue.calls) for venue in desk.venues.values()]
    record = await resolve(desk.journal, desk.clock, "order-1", Word(Decimal(filled), "seen on the exchange's page"))
    assert (record.state, record.reason, record.filled, record.blocked) == (state, reason, Decimal(filled), Decimal(0))
    (attempt,) = record.attempts
    assert (attempt.proof, attempt.evidence) == (Proof.OPERATOR, "operator: seen on the exchange's page")
    assert all(fill.price == attempt.order.price for fill in record.fills)
    assert [list(venue.calls) for venue in desk.venues.values()] == before
    assert await desk.journal.verify_chain() == []


@pytest.mark.parametrize(
    ("word", "error"),
    [
        (Word(Decimal("1.1"), "seen"), InvalidOrder),
        (Word(Decimal(-1), "seen"), InvalidOrder),
        (Word(Decimal("NaN"), "seen"), InvalidOrder),
        (Word(Decimal(0), "  "), InvalidOrder),
    ],
)
async def test_a_word_that_cannot_be_changes_nothing(desk: Desk, word: Word, error: type[Exception]) -> None:
    """More than was asked for, less than nothing, or without a reason."""
    await parked(desk)
    with pytest.raises(error):
        await resolve(desk.journal, desk.clock, "order-1", word)
    record = await desk.journal.get("order-1")
    assert record is not None
    assert record.state is IntentState.PARKED


async def test_what_is_not_open_cannot_be_resolved(desk: Desk) -> None:
    """An unknown id and an order that has ended."""
    with pytest.raises(UnknownOrder, match="nobody"):
        await resolve(desk.journal, desk.clock, "nobody", Word(Decimal(0), "seen"))
    await desk.router.submit(buy("done", exchange="binance"))
    with pytest.raises(NothingToResolve, match="it is done"):
        await resolve(desk.journal, desk.clock, "done", Word(Decimal(0), "seen"))


@pytest.mark.parametrize("filled", ["0", "0.4", "1"])
async def test_an_order_that_is_still_wanted_ends_by_the_word_and_says_so(desk: Desk, filled: str) -> None:
    """Valid for hours: it has not expired, and "expired" would send its caller looking for another reason."""
    desk.venues["binance"].script.append("vanish")
    await desk.router.submit(buy(exchange="binance", valid_for_s=8_000))
    record = await desk.router.resolve("order-1", Word(Decimal(filled), "seen on the exchange's page"))
    assert record.reason is (EndReason.FILLED if filled == "1" else EndReason.RESOLVED)


async def test_an_order_that_was_to_be_cancelled_ends_as_that(desk: Desk) -> None:
    """The caller's own wish is the reason that counts."""
    desk.venues["binance"].script.append("vanish")
    await desk.router.submit(buy(exchange="binance", valid_for_s=8_000))
    await desk.router.cancel("order-1")
    record = await desk.router.resolve("order-1", Word(Decimal(0), "seen on the exchange's page"))
    assert (record.state, record.reason) == (IntentState.REJECTED, EndReason.CANCELLED)


async def test_a_word_leaves_what_traded_before_it_in_the_exposure(desk: Desk) -> None:
    """A part had traded, and a word adds the rest: memory and journal hold the same position."""
    binance = desk.venues["binance"]
    for venue in desk.venues.values():
        venue.clock = desk.clock
    binance.price, binance.partial, desk.clock.pace_s = Decimal("33.33"), Decimal("0.4"), 0.0005
    rests = buy(order_type="limit", limit_price="40", time_in_force="gtc", exchange="binance", valid_for_s=60)
    caller = asyncio.create_task(desk.router.submit(rests))
    async with asyncio.timeout(20):
        while (record := await desk.journal.get("order-1")) is None or not record.fills:  # noqa: ASYNC110 - a journal
            await asyncio.sleep(0.002)
        binance.silent = True
        binance.refuses |= {"cancel_order"}
        assert (await caller).state is IntentState.PARKED
    await desk.router.resolve("order-1", Word(Decimal("0.1"), "its page"))
    stored = (await desk.journal.exposure()).positions
    assert desk.exposure.of("binance").positions == sum(abs(one.amount) for one in stored) > 0
