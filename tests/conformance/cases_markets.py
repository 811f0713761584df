"""Markets, books and amounts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.domain.errors import InvalidOrder, VenueCallFailed
from backend.domain.orders import Side
from backend.domain.outcomes import Outcome, ProvenNotExecuted
from backend.domain.reasons import HealthClass, RejectReason
from backend.emulator.wire import Endpoint
from tests.conformance.desk import SOON_S, Desk
from tests.conformance.needs import Need
from tests.conformance.nonsense import NOT_READABLE
from tests.conformance.registry import Group, case


def refused(desk: Desk, outcome: Outcome, *reasons: RejectReason) -> None:
    """A proof for one of the reasons, our own doing, and nothing at the venue."""
    assert isinstance(outcome, ProvenNotExecuted), outcome
    assert outcome.reason in reasons
    assert outcome.health is HealthClass.OURS
    assert desk.orders == ()


@case(12, Group.MARKETS)
async def instruments(desk: Desk) -> None:
    """Every market has the venue's names, steps and minimums."""
    listed = await desk.adapter.instruments()
    assert set(listed) == {market.symbol for market in desk.kind.markets}
    for market in desk.kind.markets:
        found = listed[market.symbol]
        assert (found.native_id, found.base, found.quote) == (market.native, market.base, market.quote)
        assert (found.price_tick, found.quantity_step) == (market.price_step, market.quantity_step)
        assert found.min_notional == market.cost_min
        assert found.min_quantity in (0, market.quantity_min)
        assert found.active


@case(13, Group.MARKETS)
async def loaded_once(desk: Desk) -> None:
    """Markets are loaded once."""
    await desk.adapter.warm()
    await desk.adapter.instruments()
    assert desk.tap.sent == []


@case(14, Group.MARKETS)
async def unreadable_markets(desk: Desk) -> None:
    """Markets that cannot be read are a failed call, no order goes out, and the next try succeeds."""
    adapter = desk.other_adapter()
    for answer in NOT_READABLE:
        desk.nonsense(answer, Endpoint.MARKETS)
        with pytest.raises(VenueCallFailed):
            await adapter.warm()
        desk.clear()
    refused(desk, await desk.send(desk.order(), adapter), RejectReason.NOT_SENT)
    assert desk.symbol in await adapter.instruments()


@case(15, Group.MARKETS)
async def book(desk: Desk) -> None:
    """The book has the venue's levels, best first, and our own takings are gone from it."""
    await desk.placed(quantity="0.5")
    book = await desk.adapter.order_book(desk.symbol)
    assert [(level.price, level.quantity) for level in book.asks] == [
        (Decimal(100), Decimal("0.5")),
        (Decimal(101), Decimal(2)),
        (Decimal(102), Decimal(5)),
    ]
    assert [level.price for level in book.bids] == [Decimal(99), Decimal(98), Decimal(97)]


@case(16, Group.MARKETS)
async def one_sided_book(desk: Desk) -> None:
    """An empty side of a book is an empty side, not an error."""
    desk.books.write(desk.clock.now() + SOON_S, asks=())
    await desk.pass_time(2 * SOON_S)
    book = await desk.adapter.order_book(desk.symbol)
    assert (book.asks, len(book.bids)) == ((), 3)


@case(17, Group.MARKETS)
async def unreadable_book(desk: Desk) -> None:
    """A book that cannot be read is a failed call."""
    for answer in NOT_READABLE:
        desk.nonsense(answer, Endpoint.DEPTH)
        with pytest.raises(VenueCallFailed):
            await desk.adapter.order_book(desk.symbol)
        desk.clear()


@case(18, Group.MARKETS)
async def not_listed(desk: Desk) -> None:
    """A market that is not listed is an error before anything is sent, for a book and for an order."""
    with pytest.raises(InvalidOrder):
        await desk.adapter.order_book("MOON/SUN")
    refused(desk, await desk.place(symbol="MOON/SUN"), RejectReason.NOT_SENT)
    assert desk.tap.sent == []


@case(19, Group.AMOUNTS)
async def exact_amounts(desk: Desk) -> None:
    """Quantity and price arrive digit for digit, without exponent, down to the smallest step."""
    market = desk.market
    for quantity, price in ((market.quantity_step, market.price_step), (Decimal("1E+1"), Decimal("1E+1"))):
        order = desk.order(side=Side.SELL, quantity=3 + quantity, price=200 + price)
        await desk.send(order)
        sent = desk.orders[-1]
        assert (sent.quantity, sent.price) == (order.quantity, order.price)


@case(20, Group.AMOUNTS)
async def between_steps(desk: Desk) -> None:
    """A quantity between two steps is refused, never cut."""
    refused(desk, await desk.place(quantity=1 + desk.market.quantity_step / 2), RejectReason.INVALID_REQUEST)


@case(21, Group.AMOUNTS)
async def between_ticks(desk: Desk) -> None:
    """A price between two ticks is refused, never rounded."""
    refused(desk, await desk.place(price=90 + desk.market.price_step / 2), RejectReason.INVALID_REQUEST)


@case(22, Group.AMOUNTS)
async def under_minimum_quantity(desk: Desk) -> None:
    """A quantity under the minimum is refused."""
    least = desk.market.quantity_min
    under = least - desk.market.quantity_step or least / 2
    outcome = await desk.place(quantity=under, price="50000")
    refused(desk, outcome, RejectReason.UNDER_MINIMUM, RejectReason.INVALID_REQUEST)


@case(23, Group.AMOUNTS, Need.COST_MINIMUM)
async def under_minimum_notional(desk: Desk) -> None:
    """A notional under the minimum is refused by that name."""
    market = desk.market
    quantity = market.cost_min / 100 - market.quantity_step
    refused(desk, await desk.place(quantity=quantity), RejectReason.UNDER_MINIMUM)


@case(24, Group.AMOUNTS)
async def over_maximum(desk: Desk) -> None:
    """A quantity over the maximum is refused."""
    over = desk.market.quantity_max + desk.market.quantity_step
    outcome = await desk.place(quantity=over, price="1")
    refused(desk, outcome, RejectReason.INVALID_REQUEST, RejectReason.UNDER_MINIMUM, RejectReason.ORDER_LIMIT)


@case(25, Group.AMOUNTS)
async def negative_and_zero(desk: Desk) -> None:
    """Zero is refused as a quantity and as a price."""
    refused(desk, await desk.place(quantity="0"), RejectReason.INVALID_REQUEST, RejectReason.UNDER_MINIMUM)
    refused(desk, await desk.place(price="0"), RejectReason.INVALID_REQUEST, RejectReason.UNDER_MINIMUM)
