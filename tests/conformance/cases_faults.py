"""Venues that storm, lie and run late."""

from __future__ import annotations

from decimal import Decimal

from backend.domain.health import VenueMode
from backend.domain.lifecycle import IntentState
from backend.domain.outcomes import Accepted, ProvenNotExecuted
from backend.domain.reasons import DropReason, HealthClass, RejectReason
from backend.emulator.faults import FaultKind
from backend.emulator.wire import Endpoint
from tests.conformance.desk import SOON_S, Desk
from tests.conformance.market import open_pair
from tests.conformance.needs import Need
from tests.conformance.registry import Group, case

NONE, HALF = Decimal(0), Decimal("0.5")
LATE = (RejectReason.DEADLINE_ELAPSED, RejectReason.CLOCK)
AFTER_A_BAN_S = 4 * 86_400.0


@case(145, Group.FAULTS)
async def storm(desk: Desk) -> None:
    """In a storm an order is answered as limited, which is a proof; after it orders are taken again."""
    adapter = await desk.fresh_adapter()
    desk.fault(FaultKind.STORM, Endpoint.PLACE, rate=0)
    outcome = await desk.send(desk.order(), adapter)
    assert isinstance(outcome, ProvenNotExecuted), outcome
    assert (outcome.reason, outcome.health) == (RejectReason.RATE_LIMITED, HealthClass.LIMITED)
    assert desk.orders == ()
    desk.clear()
    assert isinstance(await desk.send(desk.order(), await desk.fresh_adapter()), Accepted)


@case(146, Group.FAULTS, Need.BAN_IN_A_STORM)
async def ban(desk: Desk) -> None:
    """Who goes on in a storm is banned: a proof by its own name, and over when the ban is over."""
    desk.fault(FaultKind.STORM, Endpoint.PLACE, rate=0, ban_after=0)
    adapters = [await desk.fresh_adapter() for _ in range(2)]
    await desk.send(desk.order(), adapters[0])
    outcome = await desk.send(desk.order(), adapters[1])
    assert isinstance(outcome, ProvenNotExecuted), outcome
    assert (outcome.reason, outcome.health) == (RejectReason.BANNED, HealthClass.LIMITED)
    desk.clear()
    await desk.pass_time(AFTER_A_BAN_S)
    assert isinstance(await desk.send(desk.order(), await desk.fresh_adapter()), Accepted)


@case(147, Group.FAULTS)
async def storm_moves(desk: Desk) -> None:
    """An order that meets a storm is done at the next venue, once."""
    async with open_pair(desk) as pair:
        desk.fault(FaultKind.STORM, Endpoint.PLACE, rate=0)
        result = await pair.submit()
        assert (result.state, result.venues) == (IntentState.DONE, (pair.partner,))
        assert (desk.executed, pair.executed_elsewhere) == (NONE, HALF)


@case(148, Group.FAULTS)
async def late_order(desk: Desk) -> None:
    """An accepted order that look-ups do not show yet is None at most, never another state, and shows in the end."""
    desk.fault(FaultKind.LATE, Endpoint.PLACE, min=1.5, max=1.5)
    ref = await desk.placed()
    assert await desk.adapter.get_order(ref) is None
    assert await desk.adapter.my_trades(desk.symbol, venue_order_id=ref.venue_order_id) == ()
    await desk.pass_time(2)
    assert (await desk.report(ref)).filled == desk.executed == HALF


@case(149, Group.FAULTS)
async def late_order_once(desk: Desk) -> None:
    """Orders and trades that show late are booked at their venue, whole and once."""
    async with open_pair(desk) as pair:
        desk.fault(FaultKind.LATE, Endpoint.PLACE, min=1.0, max=1.0, trades_min=1.0, trades_max=1.0)
        result = await pair.submit()
        assert (result.state, result.filled, result.venues) == (IntentState.DONE, HALF, (desk.venue,))
        assert (desk.executed, pair.orders_elsewhere) == (HALF, 0)


@case(150, Group.FAULTS)
async def zero_balances(desk: Desk) -> None:
    """A venue that tells an empty account is sent no order; the next venue is."""
    async with open_pair(desk) as pair:
        desk.fault(FaultKind.BALANCES, Endpoint.BALANCES, tell="zero")
        result = await pair.submit()
        assert [drop.reason for drop in result.dropped] == [DropReason.BALANCE_TOO_SMALL]
        assert (result.venues, desk.orders) == ((pair.partner,), ())


@case(151, Group.FAULTS)
async def stale_balances(desk: Desk) -> None:
    """Money that is told and not there is refused by the venue, which is a proof: the order is done elsewhere."""
    async with open_pair(desk) as pair:
        desk.fault(FaultKind.BALANCES, Endpoint.BALANCES, tell="stale")
        desk.emulator.set_balances(desk.venue, {desk.market.quote: Decimal(10)})
        result = await pair.submit()
        assert [a.outcome_reason for a in result.attempts] == [RejectReason.INSUFFICIENT_FUNDS, None]
        assert (desk.executed, pair.executed_elsewhere) == (NONE, HALF)


@case(152, Group.FAULTS)
async def stale_book(desk: Desk) -> None:
    """A book that is old costs no more than the bound: what the present market does not give is done elsewhere."""
    async with open_pair(desk) as pair:
        await desk.adapter.order_book(desk.symbol)
        desk.fault(FaultKind.STALE_BOOK, Endpoint.DEPTH)
        desk.books.write(desk.clock.now() + SOON_S, bids=(("149.0", "5"),), asks=(("150.0", "5"),))
        await desk.pass_time(2 * SOON_S)
        result = await pair.submit()
        assert (desk.executed, pair.executed_elsewhere) == (NONE, HALF)
        assert all(fill.price <= Decimal("100.5") for fill in result.fills)
        assert [order.status for order in desk.orders if order.status == "open"] == []


@case(153, Group.FAULTS, Need.STATUS, Need.MAINTENANCE)
async def hidden_maintenance(desk: Desk) -> None:
    """A status endpoint that says normal during maintenance is contradicted by the refusal, which moves the order."""
    async with open_pair(desk) as pair:
        desk.fault(FaultKind.MODE, mode="maintenance")
        desk.fault(FaultKind.STATUS_LIE, Endpoint.STATUS, tell="normal")
        assert (await desk.adapter.health()).mode is VenueMode.ONLINE
        result = await pair.submit()
        assert (result.state, result.venues) == (IntentState.DONE, (pair.partner,))
        assert desk.orders == ()


@case(154, Group.FAULTS, Need.STATUS, Need.MAINTENANCE)
async def invented_maintenance(desk: Desk) -> None:
    """A status endpoint that says maintenance is believed: no order goes there, and the next venue does it."""
    async with open_pair(desk) as pair:
        desk.fault(FaultKind.STATUS_LIE, Endpoint.STATUS, tell="maintenance")
        result = await pair.submit()
        assert [attempt.venue for attempt in result.attempts] == [pair.partner]


@case(155, Group.FAULTS)
async def venue_ahead(desk: Desk) -> None:
    """A venue whose clock runs a minute ahead refuses an order as too late, which is a proof."""
    desk.fault(FaultKind.CLOCK, seconds=60.0)
    outcome = await desk.place()
    assert isinstance(outcome, ProvenNotExecuted), outcome
    assert outcome.reason in LATE
    assert desk.orders == ()


@case(156, Group.FAULTS)
async def venue_behind(desk: Desk) -> None:
    """A venue whose clock runs five minutes behind refuses an order from the future, which is a proof."""
    desk.fault(FaultKind.CLOCK, seconds=-300.0)
    outcome = await desk.place()
    assert isinstance(outcome, ProvenNotExecuted), outcome
    assert outcome.reason in (*LATE, RejectReason.INVALID_REQUEST)
    assert desk.orders == ()
