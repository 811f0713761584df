"""An operator's word: kept with its reason, bounded by what was asked for, and nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from backend.domain.errors import (
    InvalidOrder,
    JournalError,
    NothingToResolve,
    OrderFateUnknown,
    RouterBusy,
    UnknownOrder,
)
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Fill, Intent
from backend.domain.reasons import DropReason, EndReason
from backend.policies.horizon import GHOST_S
from backend.services.execution.resolving import Word, resolve
from tests.services.execution.conftest import Desk, buy


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)


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
    """A part had traded, and a word tells of more: memory and journal hold the same position."""
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
    assert (await desk.router.resolve("order-1", Word(Decimal("0.5"), "its page"))).filled == Decimal("0.5")
    stored = (await desk.journal.exposure()).positions
    assert desk.exposure.of("binance").positions == sum(abs(one.amount) for one in stored) > 0


async def partly_booked(desk: Desk, *, provisional: bool) -> None:
    """Of 1 the exchange has told 0.3: by a trade, or as a running total. Then nothing more was heard."""
    await parked(desk)
    record = await desk.journal.get("order-1")
    assert record is not None
    order = record.attempts[0].order
    fill = Fill("binance", order.symbol, "7", "t1", order.side, Decimal("0.3"), order.price, provisional=provisional)
    now = desk.clock.now()
    await desk.journal.step_attempt(
        "order-1/1", AttemptState.WORKING, now=now, venue_order_id="7", settled_by="test", fills=[fill]
    )


@pytest.mark.parametrize("provisional", [False, True])
@pytest.mark.parametrize(("word", "filled"), [("0", "0.3"), ("0.3", "0.3"), ("0.5", "0.5"), ("1", "1")])
async def test_a_word_tells_all_that_executed(desk: Desk, provisional: bool, word: str, filled: str) -> None:
    """What is booked already is a part of what the operator sees, however it was booked; "dead" is nothing beyond."""
    await partly_booked(desk, provisional=provisional)
    record = await resolve(desk.journal, desk.clock, "order-1", Word(Decimal(word), "order history"))
    assert (record.filled, record.blocked, record.state.final) == (Decimal(filled), Decimal(0), True)
    assert await desk.journal.verify_chain() == []


@pytest.mark.parametrize("provisional", [False, True])
async def test_a_word_cannot_take_back_what_is_booked(desk: Desk, provisional: bool) -> None:
    """Less than the exchange itself has told is a slip of the pen."""
    await partly_booked(desk, provisional=provisional)
    with pytest.raises(InvalidOrder, match=r"0\.3 of it is booked already"):
        await resolve(desk.journal, desk.clock, "order-1", Word(Decimal("0.2"), "order history"))


@pytest.mark.parametrize("word", ["0", "0.4"])
async def test_nothing_is_sent_by_a_process_that_finds_a_word_half_done(
    desk: Desk, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between the attempt's end and the order's: the next one ends it, though it is wanted for hours
    and other exchanges would take it."""
    desk.venues["binance"].script.append("vanish")
    await desk.router.submit(buy(exchange="binance", valid_for_s=8_000))

    async def dies(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(desk.journal, "step_intent", dies)
        with pytest.raises(asyncio.CancelledError):
            await resolve(desk.journal, desk.clock, "order-1", Word(Decimal(word), "its page"))
    await desk.restart()
    async with asyncio.timeout(20):
        while not (record := await desk.journal.get("order-1")) or not record.state.final:  # noqa: ASYNC110 - a journal
            await asyncio.sleep(0.002)
    assert (record.reason, record.filled) == (EndReason.RESOLVED, Decimal(word))
    assert desk.venues["kraken"].placed == []


async def test_nobody_works_on_an_order_while_a_word_is_stored(desk: Desk) -> None:
    """A look at that moment could find what the operator has just declared dead."""
    await parked(desk)
    word = asyncio.create_task(desk.router.resolve("order-1", Word(Decimal(0), "its page")))
    await until(lambda: desk.router.in_flight == 1)
    with pytest.raises(RouterBusy):
        await desk.router.resolve("order-1", Word(Decimal(1), "its page"))
    looks = desk.venues["binance"].calls.count("get_order")
    assert await desk.router.review() == ()
    assert (await word).state is IntentState.REJECTED
    assert desk.venues["binance"].calls.count("get_order") == looks
    assert (await desk.router.submit(buy(exchange="binance"))).state is IntentState.REJECTED


async def test_a_caller_that_goes_leaves_its_word(desk: Desk) -> None:
    """What was said is stored to the end, whoever waits for it."""
    await parked(desk)
    word = asyncio.create_task(desk.router.resolve("order-1", Word(Decimal(0), "its page")))
    await until(lambda: desk.router.in_flight == 1)
    word.cancel()
    await until(lambda: desk.router.in_flight == 0)
    record = await desk.journal.get("order-1")
    assert record is not None
    assert record.state is IntentState.REJECTED


async def test_an_order_that_is_looked_for_by_its_words_keeps_its_market(desk: Desk) -> None:
    """At an exchange without ids of ours another order of the same words would be taken for the one that was declared
    dead: booked for it, and cancelled. There is none until nobody looks any more, also not after a restart."""
    for venue in desk.venues.values():
        venue.clock = desk.clock
    firi = desk.venues["firi"]
    firi.script.append("vanish")

    def order(name: str) -> Intent:
        return buy(name, "0.1", symbol="BTC/NOK", exchange="firi")

    assert (await desk.router.submit(order("a"))).state is IntentState.PARKED
    await desk.router.resolve("a", Word(Decimal(0), "its page"))
    refused = await desk.router.submit(order("b"))
    assert {drop.venue: drop.reason for drop in refused.dropped}["firi"] is DropReason.UNRESOLVED_ORDER
    await desk.restart()
    refused = await desk.router.submit(order("c"))
    assert {drop.venue: drop.reason for drop in refused.dropped}["firi"] is DropReason.UNRESOLVED_ORDER
    desk.clock.advance(GHOST_S + 1)
    await desk.router.review()
    assert (await desk.router.submit(order("d"))).filled == Decimal("0.1")


async def test_an_order_that_showed_frees_its_market(desk: Desk) -> None:
    """From then on it is known by the exchange's own id."""
    for venue in desk.venues.values():
        venue.clock = desk.clock
    firi = desk.venues["firi"]
    firi.script.append("lost")
    firi.silent = True
    first = buy("a", "0.1", symbol="BTC/NOK", exchange="firi")
    assert (await desk.router.submit(first)).state is IntentState.PARKED
    await desk.router.resolve("a", Word(Decimal(0), "its page"))
    firi.silent = False
    await desk.router.review()
    record = await desk.journal.get("a")
    assert record is not None
    assert record.filled == Decimal("0.1")
    assert (await desk.router.submit(buy("b", "0.1", symbol="BTC/NOK", exchange="firi"))).filled == Decimal("0.1")


async def test_a_word_that_is_stored_by_half_is_told_as_what_failed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator hears what failed; who repeats the order meanwhile, that its fate is not known. What the word booked
    is in the exposure at once."""
    await parked(desk)
    step, reached, go = desk.journal.step_intent, asyncio.Event(), asyncio.Event()

    async def fails(*_: object, **__: object) -> None:
        reached.set()
        await go.wait()
        raise JournalError("too many writes wait")

    with monkeypatch.context() as patched:
        patched.setattr(desk.journal, "step_intent", fails)
        word = asyncio.create_task(desk.router.resolve("order-1", Word(Decimal("0.4"), "its page")))
        await reached.wait()
        repeat = asyncio.create_task(desk.router.submit(buy(exchange="binance")))
        await asyncio.sleep(0)
        go.set()
        with pytest.raises(JournalError):
            await word
        with pytest.raises(OrderFateUnknown):
            await repeat
    assert desk.journal.step_intent == step
    stored = (await desk.journal.exposure()).positions
    assert desk.exposure.of("binance").positions == sum(abs(one.amount) for one in stored) > 0
    (ended,) = await desk.router.review()
    assert (ended.state, ended.filled) == (IntentState.DONE_SHORT, Decimal("0.4"))
