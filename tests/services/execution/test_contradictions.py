"""What must not happen and does: answers that contradict themselves, parts that break, callers that come and go."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from backend.config import Limits
from backend.domain.approval import Approved
from backend.domain.errors import InvalidOrder, JournalError, MissingCredentials, OrderFateUnknown
from backend.domain.lifecycle import IntentState
from backend.domain.orders import OrderRef, OrderReport, OrderStatus
from backend.domain.outcomes import Outcome
from backend.domain.reasons import DropReason, ParkReason
from tests.fakes.exchange import FakeExchange
from tests.services.execution.conftest import Desk, buy


def lying(venue: FakeExchange, **changes: object) -> None:
    """From now on this venue's reports are altered."""
    honest = venue.get_order

    async def get_order(ref: OrderRef) -> OrderReport | None:
        report = await honest(ref)
        return None if report is None else replace(report, **changes)  # type: ignore[arg-type]

    venue.get_order = get_order  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": OrderStatus.FILLED, "filled": Decimal(0)},
        {"status": OrderStatus.FILLED, "filled": Decimal("0.4")},
        {"status": OrderStatus.REJECTED, "filled": Decimal("0.4")},
        {"filled": Decimal(2)},
        {"quantity": Decimal(3)},
        {"symbol": "ETH/USDT"},
        {"client_id": "somebody else's"},
    ],
    ids=[
        "filled nothing",
        "filled a part",
        "rejected a part",
        "too much",
        "other quantity",
        "other symbol",
        "other id",
    ],
)
async def test_a_report_that_cannot_be_true_moves_nothing(desk: Desk, changes: dict[str, object]) -> None:
    """A terminal state is a proof only when it agrees with itself and with the order."""
    desk.venues["binance"].script.append("lost")
    lying(desk.venues["binance"], **changes)
    result = await desk.router.submit(buy())
    assert result.state is IntentState.PARKED
    assert result.blocked == Decimal(1)
    assert desk.venues["kraken"].placed == []


@pytest.mark.parametrize(
    "error",
    [MissingCredentials("binance", ("secret",)), InvalidOrder("symbol", "delisted"), ArithmeticError("1e9999999")],
)
async def test_a_look_up_that_breaks_parks_and_never_stops_a_start(desk: Desk, error: Exception) -> None:
    """A removed key, a delisted market or a bug in a parser is no answer; the router still opens."""
    desk.venues["binance"].script.append("lost")

    async def get_order(ref: OrderRef) -> OrderReport | None:
        raise error

    honest, desk.venues["binance"].get_order = desk.venues["binance"].get_order, get_order  # type: ignore[method-assign]
    result = await desk.router.submit(buy())
    assert (result.state, result.reason) == (IntentState.PARKED, ParkReason.VENUE_SILENT)
    await desk.restart()
    assert (await desk.router.submit(buy("other", exchange="kraken"))).state is IntentState.DONE
    desk.venues["binance"].get_order = honest  # type: ignore[method-assign]
    (settled,) = await desk.router.review()
    assert settled.filled == Decimal(1)


async def test_a_journal_that_fails_after_the_send_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a failure after the send never looks like "nothing was sent"."""

    async def full(*values: object, **named: object) -> None:
        raise JournalError("disk full")

    monkeypatch.setattr(desk.journal, "step_attempt", full)
    with pytest.raises(OrderFateUnknown) as raised:
        await desk.router.submit(buy())
    assert isinstance(raised.value.cause, JournalError)
    assert len(desk.venues["binance"].placed) == 1


def break_places(venue: FakeExchange) -> None:
    async def broken(approved: Approved) -> Outcome:
        venue.placed.append(approved.order)
        raise RuntimeError("a bug")

    venue._place = broken  # type: ignore[method-assign]


async def test_a_market_without_look_ups_is_blocked_before_the_bytes_leave(desk: Desk) -> None:
    """Even when the sending task breaks, no second order reaches a market with an unsettled one."""
    break_places(desk.venues["firi"])
    with pytest.raises(OrderFateUnknown):
        await desk.router.submit(buy("one", exchange="firi"))
    second = await desk.router.submit(buy("two", exchange="firi"))
    assert {drop.venue: drop.reason for drop in second.dropped}["firi"] is DropReason.UNRESOLVED_ORDER
    assert len(desk.venues["firi"].placed) == 1


async def test_the_same_id_after_a_failure_settles_and_sends_nothing(desk: Desk) -> None:
    """Repeating the id is the way to learn the fate: the order is looked up, and nothing new is sent."""
    binance = desk.venues["binance"]
    break_places(binance)
    with pytest.raises(OrderFateUnknown):
        await desk.router.submit(buy())
    result = await desk.router.submit(buy())
    assert result.state is IntentState.PARKED
    assert len(binance.placed) == 1
    assert desk.venues["kraken"].placed == []


async def test_cancelling_a_review_cancels_no_order(desk: Desk) -> None:
    """Who waits for a review may go; the looks it began go on, and so does a submit that joined one of them."""
    binance = desk.venues["binance"]
    binance.script.append("lost")
    binance.hidden_lookups = 50
    await desk.router.submit(buy())
    gate = asyncio.Event()
    honest = binance.get_order

    async def slow(ref: OrderRef) -> OrderReport | None:
        await gate.wait()
        return await honest(ref)

    binance.get_order = slow  # type: ignore[method-assign]
    binance.hidden_lookups = 0
    review = asyncio.create_task(desk.router.review())
    await asyncio.sleep(0.05)
    joined = asyncio.create_task(desk.router.submit(buy()))
    await asyncio.sleep(0)
    review.cancel()
    await asyncio.gather(review, return_exceptions=True)
    gate.set()
    assert (await joined).filled == Decimal(1)


async def test_two_starts_are_one(desk: Desk) -> None:
    """Starting twice at once restores each order once."""
    desk.venues["binance"].script.append("vanish")
    await desk.router.submit(buy())
    await desk.router.close()
    desk.build()
    await asyncio.gather(desk.router.start(), desk.router.start())
    assert (await desk.router.submit(buy("other", exchange="kraken"))).state is IntentState.DONE


async def test_many_sells_do_not_all_reduce_one_position(desk: Desk) -> None:
    """Concurrent sells count as reducing only while all of them together leave no more than the position was."""
    await desk.configure(limits=Limits(per_venue={"binance": Decimal(150)}))
    assert (await desk.router.submit(buy("long", exchange="binance"))).venues == ("binance",)
    gate = desk.venues["binance"].gate = asyncio.Event()
    wanted = [buy(f"sell-{number}", exchange="binance", side="sell") for number in range(4)]
    sells = [asyncio.create_task(desk.router.submit(one)) for one in wanted]
    await asyncio.sleep(0.3)
    gate.set()
    results = await asyncio.gather(*sells)
    # From 100 long two sells lead to 100 short at worst; a third would lead to 200 short.
    assert sum(result.venues == ("binance",) for result in results) == 2
    assert desk.exposure.of("binance").total <= Decimal(150)
