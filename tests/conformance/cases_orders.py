"""Orders and what becomes of them, their identity, look-ups and cancels."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from random import Random

import pytest

from backend.domain.errors import VenueCallFailed
from backend.domain.orders import OrderRef, OrderStatus, Side, TimeInForce
from backend.domain.outcomes import Accepted, CancelState, Unknown
from backend.domain.reasons import UnknownReason
from backend.domain.rules import DeadlineClass, IdClass
from backend.emulator.faults import FaultKind
from backend.emulator.wire import Endpoint
from tests.conformance.desk import SOON_S, Desk
from tests.conformance.needs import Need
from tests.conformance.nonsense import NOT_READABLE
from tests.conformance.registry import Group, case

CROSSING = (("89.0", "5"),)
"""Asks that a buy resting at 90 meets."""


async def cross(desk: Desk, after_s: float = SOON_S) -> None:
    """A new book that fills what rests at 90, from ``after_s`` on."""
    desk.books.write(desk.clock.now() + after_s, bids=(("88.0", "5"),), asks=CROSSING)
    if after_s <= SOON_S:
        await desk.pass_time(2 * SOON_S)


def strange_id(desk: Desk) -> str:
    """An order id of the venue's form that it never gave out."""
    return desk.kind.order_id(987_654, Random(99))  # noqa: S311 - repeatable, guards nothing


# --- Orders -------------------------------------------------------------------------------------------------------


@case(26, Group.ORDERS)
async def resting_buy(desk: Desk) -> None:
    """A limit buy below the market rests, and is among the open orders as it was sent."""
    ref = await desk.resting()
    (found,) = await desk.adapter.open_orders(desk.symbol)
    assert (found.venue_order_id, found.side, found.status) == (ref.venue_order_id, Side.BUY, OrderStatus.OPEN)
    assert (found.quantity, found.price, found.filled) == (Decimal("0.5"), Decimal(90), Decimal(0))
    assert [order.order_id for order in desk.orders] == [ref.venue_order_id]


@case(27, Group.ORDERS)
async def resting_sell(desk: Desk) -> None:
    """A limit sell above the market rests."""
    ref = await desk.placed(side=Side.SELL, price="110")
    report = await desk.report(ref)
    assert (report.side, report.status, report.price) == (Side.SELL, OrderStatus.OPEN, Decimal(110))


@case(28, Group.ORDERS)
async def market_price(desk: Desk) -> None:
    """A limit above the market executes at the market's price and is reported filled."""
    report = await desk.report(await desk.placed(price="101"))
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal("0.5"))
    assert [trade.price for trade in desk.trades] == [Decimal(100)]
    assert report.average in (None, Decimal(100))


@case(29, Group.ORDERS)
async def sell_into_bids(desk: Desk) -> None:
    """A sell executes against the bids."""
    report = await desk.report(await desk.placed(side=Side.SELL, price="98"))
    assert (report.status, report.side) == (OrderStatus.FILLED, Side.SELL)
    assert [(trade.price, trade.side.value) for trade in desk.trades] == [(Decimal(99), "sell")]


@case(30, Group.ORDERS)
async def partial_fill(desk: Desk) -> None:
    """A limit order larger than the market fills in part and rests with its remainder."""
    report = await desk.report(await desk.placed(quantity="4"))
    assert (report.status, report.filled, report.quantity) == (OrderStatus.OPEN, Decimal(1), Decimal(4))
    assert desk.executed == 1


@case(31, Group.ORDERS, Need.IOC)
async def immediate_part(desk: Desk) -> None:
    """Immediate-or-cancel takes what is there and drops the rest."""
    report = await desk.report(await desk.placed(quantity="4", time_in_force=TimeInForce.IOC))
    assert report.status.terminal
    assert (report.filled, report.quantity) == (Decimal(1), Decimal(4))
    assert await desk.adapter.open_orders(desk.symbol) == ()


@case(32, Group.ORDERS, Need.IOC)
async def immediate_nothing(desk: Desk) -> None:
    """Immediate-or-cancel beyond the market ends without a fill."""
    report = await desk.report(await desk.placed(price="90", time_in_force=TimeInForce.IOC))
    assert report.status.terminal
    assert (report.filled, desk.executed) == (Decimal(0), Decimal(0))


@case(33, Group.ORDERS)
async def filled_later(desk: Desk) -> None:
    """A resting order that the market reaches later is reported filled."""
    ref = await desk.resting()
    await cross(desk)
    report = await desk.report(ref)
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal("0.5"))
    assert await desk.adapter.open_orders(desk.symbol) == ()


@case(34, Group.ORDERS)
async def several_levels(desk: Desk) -> None:
    """An order over several price levels is one order with one trade for each."""
    ref = await desk.placed(quantity="4", price="102")
    report = await desk.report(ref)
    assert (report.status, report.filled) == (OrderStatus.FILLED, Decimal(4))
    assert [trade.quantity for trade in desk.trades] == [Decimal(1), Decimal(2), Decimal(1)]
    assert report.average in (None, Decimal(101))


@case(35, Group.ORDERS)
async def sent_once(desk: Desk) -> None:
    """An accepted order is one request, and the venue's id is the one in its own book."""
    outcome = await desk.place()
    assert isinstance(outcome, Accepted)
    assert [order.order_id for order in desk.orders] == [outcome.venue_order_id]
    assert len(desk.tap.sent) == 1


@case(36, Group.ORDERS)
async def told_at_once(desk: Desk) -> None:
    """Whatever the answer to a place tells of fills is what the venue executed."""
    outcome = await desk.place(quantity="4", price="101")
    assert isinstance(outcome, Accepted)
    if outcome.report is not None:
        assert (outcome.report.filled, outcome.report.status) == (desk.executed, OrderStatus.OPEN)
        told = [(fill.quantity, fill.price) for fill in outcome.report.fills]
        assert told in ([], [(trade.quantity, trade.price) for trade in desk.trades])
    assert desk.executed == 3


@case(37, Group.ORDERS)
async def many_at_once(desk: Desk) -> None:
    """Orders that are placed at the same time are each accepted once."""
    outcomes = await asyncio.gather(*(desk.place(price="90", quantity="0.1") for _ in range(8)))
    ids = {outcome.venue_order_id for outcome in outcomes if isinstance(outcome, Accepted)}
    assert ids == {order.order_id for order in desk.orders}
    assert len(ids) == 8
    assert len(await desk.adapter.open_orders(desk.symbol)) == 8


# --- Identity and look-up -----------------------------------------------------------------------------------------


@case(38, Group.IDENTITY, Need.CLIENT_ID)
async def client_id_arrives(desk: Desk) -> None:
    """The client id arrives as it was journaled and comes back with the order."""
    order = desk.order(price="90")
    outcome = await desk.send(order)
    assert isinstance(outcome, Accepted)
    assert [kept.client_id for kept in desk.orders] == [order.client_id]
    report = await desk.report(OrderRef(desk.symbol, outcome.venue_order_id))
    assert report.client_id == order.client_id


@case(39, Group.IDENTITY, Need.CLIENT_ID)
async def duplicate_of_an_open_order(desk: Desk) -> None:
    """A second order with the client id of an open one does not exist afterwards, and the answer is no proof."""
    order = desk.order(price="90")
    assert isinstance(await desk.send(order), Accepted)
    again = await desk.send(order)
    assert isinstance(again, Unknown), again
    assert again.reason in (UnknownReason.DUPLICATE_ID, UnknownReason.UNLISTED)
    assert len(desk.orders) == 1


@case(40, Group.IDENTITY, Need.CLIENT_ID)
async def duplicate_of_an_ended_order(desk: Desk) -> None:
    """The client id of an ended order is refused or taken again, as the venue's id class says; never a false proof."""
    order = desk.order()
    assert isinstance(await desk.send(order), Accepted)
    again = await desk.send(order)
    permanent = desk.rules.id_class.value is IdClass.PERMANENT
    assert isinstance(again, Unknown if permanent else Accepted), again
    assert [kept.client_id for kept in desk.orders] == [order.client_id] * (1 if permanent else 2)


@case(41, Group.IDENTITY)
async def by_venue_id(desk: Desk) -> None:
    """An order is found by the venue's id, open and ended."""
    for ref, status in ((await desk.resting(), OrderStatus.OPEN), (await desk.placed(), OrderStatus.FILLED)):
        report = await desk.report(ref)
        assert (report.venue_order_id, report.status) == (ref.venue_order_id, status)


@case(42, Group.IDENTITY, Need.LOOKUP_BY_CLIENT_ID)
async def open_by_client_id(desk: Desk) -> None:
    """An open order is found by its client id."""
    order = desk.order(price="90")
    outcome = await desk.send(order)
    assert isinstance(outcome, Accepted)
    found = await desk.report(OrderRef(desk.symbol, client_id=order.client_id))
    assert (found.venue_order_id, found.status) == (outcome.venue_order_id, OrderStatus.OPEN)


@case(43, Group.IDENTITY, Need.LOOKUP_BY_CLIENT_ID)
async def ended_by_client_id(desk: Desk) -> None:
    """An ended order is found by its client id: filled, and cancelled without a fill."""
    filled, cancelled = desk.order(), desk.order(price="90")
    await desk.send(filled)
    outcome = await desk.send(cancelled)
    assert isinstance(outcome, Accepted)
    await desk.adapter.cancel_order(OrderRef(desk.symbol, outcome.venue_order_id))
    for order, status in ((filled, OrderStatus.FILLED), (cancelled, OrderStatus.CANCELED)):
        found = await desk.report(OrderRef(desk.symbol, client_id=order.client_id, created_at=order.created_at))
        assert (found.client_id, found.status) == (order.client_id, status)


@case(44, Group.IDENTITY)
async def unknown_venue_id(desk: Desk) -> None:
    """An order that the venue does not know is None, not an error."""
    await desk.resting()
    assert await desk.adapter.get_order(OrderRef(desk.symbol, strange_id(desk))) is None


@case(45, Group.IDENTITY, Need.LOOKUP_BY_CLIENT_ID)
async def unknown_client_id(desk: Desk) -> None:
    """A client id that the venue does not know is None, not an error and not another order."""
    await desk.resting()
    await desk.placed()
    assert await desk.adapter.get_order(OrderRef(desk.symbol, client_id="f" * 32)) is None


@case(46, Group.IDENTITY, Need.LOOKUP_BY_CLIENT_ID)
async def lost_answer_found(desk: Desk) -> None:
    """An order whose answer was lost is hidden at first, which proves nothing, and is then found by its client id."""
    order = desk.order()
    ref = OrderRef(desk.symbol, client_id=order.client_id, created_at=order.created_at)
    desk.at_place(FaultKind.LOST_ANSWER, drop="reset", min=2.0, max=2.0)
    assert isinstance(await desk.send(order), Unknown)
    assert await desk.adapter.get_order(ref) is None
    await desk.pass_time(2.5)
    found = await desk.report(ref)
    assert (found.filled, desk.executed) == (Decimal("0.5"), Decimal("0.5"))


@case(47, Group.IDENTITY)
async def unreadable_query(desk: Desk) -> None:
    """A look-up without a valid answer is a failed call, never "no such order"."""
    ref = await desk.resting()
    for answer in NOT_READABLE:
        desk.nonsense(answer, Endpoint.QUERY, Endpoint.OPEN)
        with pytest.raises(VenueCallFailed):
            await desk.adapter.get_order(ref)
        desk.clear()
    assert await desk.adapter.get_order(ref) is not None


@case(48, Group.IDENTITY, Need.LOOKUP_BY_CLIENT_ID)
async def unreadable_query_by_client_id(desk: Desk) -> None:
    """The same for a look-up by client id."""
    order = desk.order(price="90")
    await desk.send(order)
    ref = OrderRef(desk.symbol, client_id=order.client_id, created_at=order.created_at)
    for answer in NOT_READABLE:
        desk.nonsense(answer, Endpoint.QUERY, Endpoint.OPEN)
        with pytest.raises(VenueCallFailed):
            await desk.adapter.get_order(ref)
        desk.clear()
    assert await desk.adapter.get_order(ref) is not None


@case(49, Group.IDENTITY)
async def unreadable_open_orders(desk: Desk) -> None:
    """A list of open orders without a valid answer is a failed call, never an empty list."""
    await desk.resting()
    for answer in NOT_READABLE:
        desk.nonsense(answer, Endpoint.QUERY, Endpoint.OPEN)
        with pytest.raises(VenueCallFailed):
            await desk.adapter.open_orders(desk.symbol)
        desk.clear()


@case(50, Group.IDENTITY)
async def open_orders_of_one_market(desk: Desk) -> None:
    """Open orders are those of the market that is asked for."""
    other = desk.kind.markets[1].symbol
    here, there = await desk.resting(), await desk.resting(symbol=other)
    found = {symbol: await desk.adapter.open_orders(symbol) for symbol in (desk.symbol, other)}
    assert [report.venue_order_id for report in found[desk.symbol]] == [here.venue_order_id]
    assert [report.venue_order_id for report in found[other]] == [there.venue_order_id]


# --- Cancels ------------------------------------------------------------------------------------------------------


@case(51, Group.CANCELS)
async def cancel_by_venue_id(desk: Desk) -> None:
    """A resting order is cancelled by the venue's id, and it alone."""
    kept, ref = await desk.resting(), await desk.resting()
    assert (await desk.adapter.cancel_order(ref)).done
    assert (await desk.report(ref)).status is OrderStatus.CANCELED
    assert [report.venue_order_id for report in await desk.adapter.open_orders(desk.symbol)] == [kept.venue_order_id]


@case(52, Group.CANCELS, Need.CLIENT_ID)
async def cancel_by_client_id(desk: Desk) -> None:
    """A resting order is cancelled by its client id, and it alone."""
    kept, order = await desk.resting(), desk.order(price="90")
    await desk.send(order)
    assert (await desk.adapter.cancel_order(OrderRef(desk.symbol, client_id=order.client_id))).done
    assert [report.venue_order_id for report in await desk.adapter.open_orders(desk.symbol)] == [kept.venue_order_id]


@case(53, Group.CANCELS)
async def cancel_after_part(desk: Desk) -> None:
    """A cancelled order keeps what it had executed."""
    ref = await desk.placed(quantity="4")
    outcome = await desk.adapter.cancel_order(ref)
    assert outcome.done
    assert outcome.filled is None or Decimal(outcome.filled) == 1
    report = await desk.report(ref)
    assert (report.status, report.filled) == (OrderStatus.CANCELED, Decimal(1))


@case(54, Group.CANCELS)
async def cancel_of_a_filled_order(desk: Desk) -> None:
    """A cancel of a filled order is not done, and the fill stands."""
    ref = await desk.placed()
    assert not (await desk.adapter.cancel_order(ref)).done
    assert (await desk.report(ref)).status is OrderStatus.FILLED


@case(55, Group.CANCELS)
async def cancel_twice(desk: Desk) -> None:
    """A second cancel is not done."""
    ref = await desk.resting()
    assert (await desk.adapter.cancel_order(ref)).done
    assert not (await desk.adapter.cancel_order(ref)).done
    assert (await desk.report(ref)).status is OrderStatus.CANCELED


@case(56, Group.CANCELS)
async def cancel_of_an_unknown_order(desk: Desk) -> None:
    """A cancel of an order that the venue does not know never says that it was there, and touches nothing."""
    kept = await desk.resting()
    outcome = await desk.adapter.cancel_order(OrderRef(desk.symbol, strange_id(desk)))
    assert not outcome.state.was_there
    if desk.adapter.rules.deadline_class.value is not DeadlineClass.NONE:
        # Without these words a proof by deadline would be impossible here.
        assert outcome.state is CancelState.NO_SUCH_ORDER
    assert (await desk.report(kept)).status is OrderStatus.OPEN


@case(57, Group.CANCELS)
async def fill_wins_the_race(desk: Desk) -> None:
    """The order fills while its cancel is on the way: not done, and the fill is reported."""
    ref = await desk.resting()
    desk.fault(FaultKind.LATENCY, Endpoint.CANCEL, count=1, seconds=2.0)
    await cross(desk, after_s=1.0)
    assert not (await desk.adapter.cancel_order(ref)).done
    report = await desk.report(ref)
    assert (report.status, report.filled) == (OrderStatus.FILLED, desk.executed)


@case(58, Group.CANCELS)
async def cancel_wins_the_race(desk: Desk) -> None:
    """The cancel takes effect and its answer is late: the market that comes meanwhile finds no order."""
    ref = await desk.resting()
    desk.fault(FaultKind.LATENCY, Endpoint.CANCEL, count=1, seconds=2.0, stage="answer")
    await cross(desk, after_s=1.0)
    assert (await desk.adapter.cancel_order(ref)).done
    assert (await desk.report(ref)).status is OrderStatus.CANCELED
    assert desk.executed == 0


@case(59, Group.CANCELS)
async def lost_cancel_answer(desk: Desk) -> None:
    """A cancel whose answer is lost is a failed call, sent once; the query then tells what became of it."""
    for kind in (FaultKind.RESET, FaultKind.HANG):
        ref = await desk.resting()
        sent = len(desk.tap.sent)
        desk.fault(kind, Endpoint.CANCEL, count=1, when="after")
        with pytest.raises(VenueCallFailed):
            await desk.adapter.cancel_order(ref)
        assert len(desk.tap.sent) == sent + 1
        desk.clear()
        assert (await desk.report(ref)).status is OrderStatus.CANCELED


@case(60, Group.CANCELS)
async def unreadable_cancel_answer(desk: Desk) -> None:
    """A cancel with a malformed answer is a failed call, never done and never "no such order"."""
    ref = await desk.resting()
    for answer in NOT_READABLE:
        desk.nonsense(answer, Endpoint.CANCEL)
        with pytest.raises(VenueCallFailed):
            await desk.adapter.cancel_order(ref)
        desk.clear()
    assert (await desk.report(ref)).status is OrderStatus.OPEN
