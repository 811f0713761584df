"""The whole stack: router, journal and adapter, with a second venue to which an order could wrongly be moved."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.reasons import DropReason
from backend.emulator.faults import FaultKind
from backend.emulator.wire import Endpoint
from tests.conformance.desk import TIMEOUTS, Desk
from tests.conformance.market import open_pair
from tests.conformance.needs import Need
from tests.conformance.registry import Group, case
from tests.e2e.test_answers import MORE_CAREFUL

NONE, HALF = Decimal(0), Decimal("0.5")
SICK: tuple[tuple[FaultKind, dict[str, object]], ...] = ((FaultKind.LATENCY, {"seconds": 1.5}), (FaultKind.HANG, {}))


@case(127, Group.ROUTER)
async def executed_here(desk: Desk) -> None:
    """An order executes at its venue, and what is booked is what the venue has."""
    async with open_pair(desk) as pair:
        result = await pair.submit()
        assert (result.state, result.filled, result.venues) == (IntentState.DONE, HALF, (desk.venue,))
        assert sum(f.quantity * f.price for f in result.fills) == sum(t.quantity * t.price for t in desk.trades)
        assert pair.orders_elsewhere == 0


@case(128, Group.ROUTER)
async def moved_on_refusal(desk: Desk) -> None:
    """A definite refusal moves the order to the next venue, whole and once."""
    codes = sorted(n for n, e in desk.kind.errors.items() if e.definite and (desk.venue, n) not in MORE_CAREFUL)
    async with open_pair(desk) as pair:
        desk.at_place(FaultKind.REJECT, code=codes[0])
        result = await pair.submit()
        assert (result.state, result.venues) == (IntentState.DONE, (pair.partner,))
        assert (desk.executed, pair.executed_elsewhere) == (NONE, HALF)


@case(129, Group.ROUTER)
async def moved_on_refused_connection(desk: Desk) -> None:
    """A refused connection moves the order to the next venue, whole and once."""
    async with open_pair(desk) as pair:
        await pair.submit("warm")
        await desk.refuse()
        result = await pair.submit()
        assert (result.state, result.venues) == (IntentState.DONE, (pair.partner,))
        assert (desk.executed, pair.executed_elsewhere) == (HALF, HALF)


@case(130, Group.ROUTER)
async def unknown_stays(desk: Desk) -> None:
    """A connection that is reset before the order took effect moves nothing: parked, or proven dead when it is late."""
    async with open_pair(desk) as pair:
        desk.at_place(FaultKind.RESET, when="before")
        result = await pair.submit(valid_until=desk.clock.now() + TIMEOUTS.send_window_s)
        proven = result.attempts[0].proof is Proof.DEADLINE
        assert (result.state, result.blocked) == ((IntentState.REJECTED, 0) if proven else (IntentState.PARKED, HALF))
        assert proven is desk.rules.has_client_id
        assert (len(desk.orders), pair.orders_elsewhere) == (0, 0)


@case(131, Group.ROUTER)
async def lost_answer_adopted(desk: Desk) -> None:
    """An executed order whose answer is lost is found and adopted, and nothing is sent again."""
    for number, (drop, quantity) in enumerate((("reset", "0.25"), ("hang", "0.125")), start=1):
        async with open_pair(desk) as pair:
            desk.at_place(FaultKind.LOST_ANSWER, drop=drop, min=1.5, max=1.5)
            result = await pair.submit(quantity=quantity)
            assert (result.state, result.venues) == (IntentState.DONE, (desk.venue,))
            assert result.attempts[0].settled_by.startswith("look-up")
            assert (len(desk.orders), pair.orders_elsewhere) == (number, 0)
        await desk.pass_time(1)  # the nonces of the next router must be later


@case(132, Group.ROUTER)
async def lost_answer_once(desk: Desk) -> None:
    """Whether it is adopted or parked: an executed order whose answer is lost is never executed a second time."""
    async with open_pair(desk) as pair:
        desk.at_place(FaultKind.LOST_ANSWER, drop="reset", min=1.0, max=1.0)
        first = await pair.submit()
        again = await pair.submit()
        assert first.filled + first.blocked == again.filled + again.blocked == HALF
        assert (desk.executed, pair.executed_elsewhere) == (HALF, NONE)


@case(133, Group.ROUTER)
async def error_although_executed(desk: Desk) -> None:
    """An ambiguous error answer to an executed order does not move it."""
    name = next(name for name, error in sorted(desk.kind.errors.items()) if not error.definite)
    async with open_pair(desk) as pair:
        desk.at_place(FaultKind.STATUS, name=name, executed=True)
        result = await pair.submit()
        assert result.filled + result.blocked == HALF
        assert (desk.executed, pair.executed_elsewhere) == (HALF, NONE)


@case(134, Group.ROUTER)
async def remainder_moves(desk: Desk) -> None:
    """What the venue cannot fill within the bound is moved on; nothing is left resting; the parts add up."""
    async with open_pair(desk) as pair:
        result = await pair.submit(quantity="1.75")
        assert (result.state, result.venues) == (IntentState.DONE, (desk.venue, pair.partner))
        assert (desk.executed, pair.executed_elsewhere) == (Decimal(1), Decimal("0.75"))
        assert [order.status for order in desk.orders if order.status == "open"] == []


@case(135, Group.ROUTER)
async def same_id_once(desk: Desk) -> None:
    """The adapter's own place_order: the same id twice, even at once, is one order with one result."""
    async with open_pair(desk) as pair:
        await pair.runtime.router()
        adapter = pair.runtime.adapter(desk.venue)
        first, second = await asyncio.gather(*(adapter.place_order(pair.intent()) for _ in range(2)))
        assert (first.state, first.fills) == (IntentState.DONE, second.fills)
        assert len(desk.orders) == 1


@case(136, Group.ROUTER)
async def rounded_down(desk: Desk) -> None:
    """Quantity and price of a request are rounded to the venue's steps, never to more and never past the bound."""
    async with open_pair(desk) as pair:
        result = await pair.submit(quantity="0.123456789123", slippage_bps="33.333")
        sent, market = result.attempts[0].order, desk.market
        assert sent.quantity % market.quantity_step == sent.price % market.price_step == 0
        assert 0 <= Decimal("0.123456789123") - sent.quantity < market.quantity_step
        assert sent.price <= Decimal("100.33333")
        kept = desk.orders[0]
        assert (kept.quantity, kept.price) == (sent.quantity, sent.price)


@case(137, Group.ROUTER, Need.STATUS, Need.MAINTENANCE)
async def not_in_maintenance(desk: Desk) -> None:
    """A venue that tells maintenance is sent no order; the next venue is."""
    async with open_pair(desk) as pair:
        desk.fault(FaultKind.MODE, mode="maintenance")
        result = await pair.submit()
        assert (result.venues, [drop.reason for drop in result.dropped]) == ((pair.partner,), [DropReason.UNHEALTHY])
        assert [attempt.venue for attempt in result.attempts] == [pair.partner]


@case(138, Group.ROUTER)
async def not_when_slow(desk: Desk) -> None:
    """A venue whose health is slow or silent is sent no order; the next venue is."""
    for number, (kind, params) in enumerate(SICK):
        async with open_pair(desk) as pair:
            desk.fault(kind, Endpoint.TIME, **params)  # type: ignore[arg-type]
            result = await pair.submit(f"order-{number}")
            assert [attempt.venue for attempt in result.attempts] == [pair.partner]
            desk.clear()


@case(139, Group.ROUTER)
async def too_little_money(desk: Desk) -> None:
    """A venue without the money is sent no order; the next venue is."""
    async with open_pair(desk) as pair:
        desk.emulator.set_balances(desk.venue, {desk.market.quote: Decimal(10)})
        result = await pair.submit()
        assert [drop.reason for drop in result.dropped] == [DropReason.BALANCE_TOO_SMALL]
        assert (result.venues, desk.orders) == ((pair.partner,), ())


@case(140, Group.ROUTER)
async def under_the_minimum(desk: Desk) -> None:
    """An order under the venue's minimum is dropped before it is sent, and says so."""
    async with open_pair(desk) as pair:
        result = await pair.submit(quantity=f"{desk.market.quantity_min / 2:f}")
        reasons = {drop.venue: drop.reason for drop in result.dropped}
        assert reasons[desk.venue] is DropReason.UNDER_MINIMUM
        assert desk.orders == ()


@case(141, Group.ROUTER)
async def adopted_after_a_restart(desk: Desk) -> None:
    """A router that stops while an answer hangs is followed by one that finds the order and books it, once."""
    async with open_pair(desk) as pair:
        desk.at_place(FaultKind.LOST_ANSWER, drop="hang", min=1.0, max=1.0)
        router = await pair.runtime.router()
        caller = asyncio.create_task(router.submit(pair.intent()))
        while not desk.orders:  # time must pass: whole seconds need a second look
            await desk.pass_time(0.01)
        await router.close(grace_s=0)
        await asyncio.gather(caller, return_exceptions=True)
        await pair.restart()
        result = await pair.submit()
        assert (result.state, result.filled, len(desk.orders)) == (IntentState.DONE, HALF, 1)
        assert pair.orders_elsewhere == 0


@case(142, Group.ROUTER)
async def expired_on_the_way(desk: Desk) -> None:
    """An order that is too late at its venue is moved only with a proof; executed or blocked, it is whole once."""
    async with open_pair(desk) as pair:
        desk.at_place(FaultKind.LATENCY, seconds=7.0)
        result = await pair.submit()
        first = result.attempts[0]
        moved = first.state is AttemptState.REJECTED or first.proof is Proof.DEADLINE
        assert pair.executed_elsewhere == (HALF if moved else 0)
        await desk.pass_time(10)
        assert desk.executed + pair.executed_elsewhere <= HALF


@case(143, Group.ROUTER)
async def sold(desk: Desk) -> None:
    """A sell executes at its venue against the bids, within its bound."""
    async with open_pair(desk) as pair:
        result = await pair.submit(side="sell")
        assert (result.state, result.average_price) == (IntentState.DONE, Decimal(99))
        assert [(trade.side.value, trade.quantity) for trade in desk.trades] == [("sell", HALF)]


@case(144, Group.ROUTER)
async def past_the_limit(desk: Desk) -> None:
    """A limit order that the market does not reach is sent nowhere."""
    async with open_pair(desk) as pair:
        result = await pair.submit(order_type="limit", limit_price="99.5", valid_until=desk.clock.now() + 30)
        assert {drop.reason for drop in result.dropped} == {DropReason.PRICE_OUT_OF_BOUND}
        assert (desk.orders, pair.orders_elsewhere) == ((), 0)
