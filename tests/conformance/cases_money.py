"""Trades, balances, deadlines, clocks and keys."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.domain.errors import MissingCredentials, VenueCallFailed
from backend.domain.orders import Credentials, Side
from backend.domain.outcomes import Accepted, Outcome, ProvenNotExecuted, Unknown
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.emulator.faults import FaultKind
from backend.emulator.wire import Endpoint
from tests.conformance.clock import SkewedClock
from tests.conformance.desk import Desk
from tests.conformance.needs import Need
from tests.conformance.nonsense import NOT_READABLE
from tests.conformance.registry import Group, case

LATE = (RejectReason.DEADLINE_ELAPSED, RejectReason.CLOCK)
HOUR_S = 3600.0


def proven(desk: Desk, outcome: Outcome, *reasons: RejectReason) -> ProvenNotExecuted:
    """A proof for one of the reasons, and no order at the venue."""
    assert isinstance(outcome, ProvenNotExecuted), outcome
    assert outcome.reason in reasons, outcome
    assert desk.orders == ()
    return outcome


# --- Trades and balances ------------------------------------------------------------------------------------------


@case(61, Group.MONEY)
async def trades_add_up(desk: Desk) -> None:
    """The trades of an order add up to what it executed and to what that cost."""
    ref = await desk.placed(quantity="4", price="102")
    fills = await desk.adapter.my_trades(desk.symbol, venue_order_id=ref.venue_order_id)
    assert sum(fill.quantity for fill in fills) == desk.executed == 4
    assert sum(fill.quantity * fill.price for fill in fills) == sum(t.quantity * t.price for t in desk.trades)
    assert {(fill.venue_order_id, fill.side) for fill in fills} == {(ref.venue_order_id, Side.BUY)}


@case(62, Group.MONEY)
async def each_trade(desk: Desk) -> None:
    """Each trade has the id, price, fee and fee asset of the venue's own book, for a buy and for a sell."""
    for changes in ({"quantity": "4", "price": "102"}, {"side": Side.SELL, "quantity": "2", "price": "98"}):
        ref = await desk.placed(**changes)
        fills = await desk.adapter.my_trades(desk.symbol, venue_order_id=ref.venue_order_id)
        kept = [trade for trade in desk.trades if trade.order_id == ref.venue_order_id]
        assert sorted((f.quantity, f.price, f.fee_asset) for f in fills) == sorted(
            (t.quantity, t.price, t.fee_asset) for t in kept
        )
        assert len({fill.trade_id for fill in fills}) == len(kept)
        assert sum(fill.fee for fill in fills) == pytest.approx(sum(trade.fee for trade in kept), abs=Decimal("0.0001"))
        assert all(fill.fee > 0 for fill in fills)


@case(63, Group.MONEY)
async def no_trades(desk: Desk) -> None:
    """An order without a fill has no trades, whatever else was traded."""
    await desk.placed()
    ref = await desk.resting()
    assert await desk.adapter.my_trades(desk.symbol, venue_order_id=ref.venue_order_id) == ()


@case(64, Group.MONEY)
async def trades_of_a_time(desk: Desk) -> None:
    """All trades since a time are listed, and none from before."""
    await desk.placed(quantity="0.1")
    await desk.pass_time(HOUR_S)
    since = desk.clock.now()
    refs = [await desk.placed(quantity="0.1"), await desk.placed(side=Side.SELL, price="99", quantity="0.1")]
    fills = await desk.adapter.my_trades(desk.symbol, since=since)
    assert {fill.venue_order_id for fill in fills} == {ref.venue_order_id for ref in refs}


@case(65, Group.MONEY)
async def more_than_a_page(desk: Desk) -> None:
    """An order with more trades than a page holds still adds up."""
    desk.books.write(desk.clock.now() + 1, asks=tuple((f"{100 + level}.0", "0.1") for level in range(130)))
    await desk.pass_time(2)
    ref = await desk.placed(quantity="13", price="230")
    fills = await desk.adapter.my_trades(desk.symbol, venue_order_id=ref.venue_order_id)
    assert len(desk.trades) == 130
    assert sum(fill.quantity for fill in fills) == desk.executed == 13


@case(66, Group.MONEY)
async def unreadable_trades(desk: Desk) -> None:
    """Trades without a valid answer are a failed call, never an empty list."""
    ref = await desk.placed()
    for answer in NOT_READABLE:
        desk.nonsense(answer, Endpoint.TRADES)
        with pytest.raises(VenueCallFailed):
            await desk.adapter.my_trades(desk.symbol, venue_order_id=ref.venue_order_id)
        desk.clear()


@case(67, Group.MONEY)
async def balances_after_a_trade(desk: Desk) -> None:
    """A trade moves the balances by its amount, its cost and its fee, as the venue's own account has them."""
    before = await desk.adapter.balances()
    await desk.placed(quantity="2", price="101")
    after = await desk.adapter.balances()
    for asset in (desk.market.base, desk.market.quote):
        kept = desk.emulator.balances(desk.venue)[asset]
        assert (after[asset].free, after[asset].held) == (kept.free, kept.held)
        assert after[asset].free != before[asset].free


@case(68, Group.MONEY)
async def held_by_an_order(desk: Desk) -> None:
    """A resting order holds its cost, and gives it back when it is cancelled."""
    quote = desk.market.quote
    before = (await desk.adapter.balances())[quote]
    ref = await desk.resting()
    during = (await desk.adapter.balances())[quote]
    assert during.held >= before.held + 45
    assert during.free + during.held == before.free + before.held
    await desk.adapter.cancel_order(ref)
    assert (await desk.adapter.balances())[quote] == before


@case(69, Group.MONEY)
async def unreadable_balances(desk: Desk) -> None:
    """Balances without a valid answer are a failed call, never an empty account."""
    for answer in NOT_READABLE:
        desk.nonsense(answer, Endpoint.BALANCES)
        with pytest.raises(VenueCallFailed):
            await desk.adapter.balances()
        desk.clear()


# --- Deadlines and clocks -----------------------------------------------------------------------------------------


@case(70, Group.TIME)
async def deadline_passed(desk: Desk) -> None:
    """An order whose deadline has passed is not sent."""
    proven(desk, await desk.place(not_after=desk.clock.now() - 0.001), RejectReason.NOT_SENT)
    assert desk.tap.sent == []


@case(71, Group.TIME, Need.DEADLINE)
async def deadline_too_near(desk: Desk) -> None:
    """An order whose deadline is nearer than the venue allows is not sent."""
    proven(
        desk, await desk.place(not_after=desk.clock.now() + desk.rules.deadline_min_s.value / 2), RejectReason.NOT_SENT
    )
    assert desk.tap.sent == []


@case(72, Group.TIME)
async def expired_on_the_way(desk: Desk) -> None:
    """An order that arrives after its deadline is refused, which is a proof."""
    desk.at_place(FaultKind.LATENCY, seconds=3.5)
    proven(desk, await desk.place(not_after=desk.clock.now() + 2.5), *LATE)


@case(73, Group.TIME, Need.DEADLINE)
async def expired_inside(desk: Desk) -> None:
    """An order that arrives in time and reaches the engine after its deadline is refused, which is a proof."""
    desk.at_place(FaultKind.LATENCY, seconds=3.5, stage="forward")
    proven(desk, await desk.place(not_after=desk.clock.now() + 2.5), *LATE)


@case(74, Group.TIME)
async def in_time(desk: Desk) -> None:
    """A slow way within the deadline is no reason to refuse."""
    desk.at_place(FaultKind.LATENCY, seconds=1.5)
    assert isinstance(await desk.place(), Accepted)


@case(75, Group.TIME)
async def late_execution(desk: Desk) -> None:
    """An order that waits in the engine until nobody listens any more is unknown, and does execute."""
    desk.at_place(FaultKind.LATENCY, seconds=2.0, stage="engine")
    desk.at_place(FaultKind.LATENCY, seconds=5.0, stage="answer")
    outcome = await desk.place()
    assert isinstance(outcome, Unknown)
    assert outcome.reason is UnknownReason.TIMEOUT
    await desk.pass_time(10)
    assert desk.executed == Decimal("0.5")


async def with_wrong_clock(desk: Desk, off_s: float) -> ProvenNotExecuted:
    clock = SkewedClock(desk.clock, off_s)
    adapter = desk.other_adapter(clock=clock)
    await adapter.warm()
    outcome = await desk.send(desk.order(clock=clock), adapter)
    return proven(desk, outcome, *LATE, RejectReason.INVALID_REQUEST)


@case(76, Group.TIME)
async def clock_behind(desk: Desk) -> None:
    """With a clock an hour behind, an order is refused, which is a proof."""
    await with_wrong_clock(desk, -HOUR_S)


@case(77, Group.TIME)
async def clock_ahead(desk: Desk) -> None:
    """With a clock an hour ahead, an order is refused, which is a proof, and the fault is told as ours."""
    assert (await with_wrong_clock(desk, HOUR_S)).health is HealthClass.OURS


# --- Keys ---------------------------------------------------------------------------------------------------------


def with_secret(desk: Desk, secret: str) -> Credentials:
    return Credentials(desk.keys.api_key, secret, desk.keys.extra)


async def refused_keys(desk: Desk, keys: Credentials) -> None:
    """A place is a proof, our own doing; a read is a failed call; neither tells a secret."""
    adapter = desk.other_adapter(keys=keys)
    await adapter.warm()
    outcome = proven(desk, await desk.send(desk.order(), adapter), RejectReason.AUTHENTICATION)
    assert outcome.health is HealthClass.OURS
    with pytest.raises(VenueCallFailed) as failed:
        await adapter.balances()
    told = f"{outcome} {failed.value!r} {failed.value} {adapter!r}"
    parts = (keys.api_key, keys.secret, *keys.extra.values())
    assert not any(part in told for part in parts)


@case(78, Group.KEYS)
async def wrong_secret(desk: Desk) -> None:
    """A wrong secret is refused, and no secret is told."""
    await refused_keys(desk, with_secret(desk, desk.strange_keys().secret))


@case(79, Group.KEYS)
async def wrong_key(desk: Desk) -> None:
    """Keys that the venue does not know are refused, and no secret is told."""
    await refused_keys(desk, desk.strange_keys())


@case(80, Group.KEYS, Need.PASSPHRASE)
async def wrong_passphrase(desk: Desk) -> None:
    """A wrong passphrase is refused, and no secret is told."""
    strange = {"passphrase": desk.strange_keys().extra["passphrase"]}
    await refused_keys(desk, Credentials(desk.keys.api_key, desk.keys.secret, {**desk.keys.extra, **strange}))


@case(81, Group.KEYS)
async def no_keys(desk: Desk) -> None:
    """Without keys an order is not sent and a private read names the settings; markets and books can be read."""
    adapter = desk.other_adapter(keys=Credentials())
    await adapter.warm()
    await adapter.order_book(desk.symbol)
    sent = len(desk.tap.sent)
    proven(desk, await desk.send(desk.order(), adapter), RejectReason.NOT_SENT)
    with pytest.raises(MissingCredentials) as missing:
        await adapter.balances()
    assert missing.value.missing == desk.rules.credential_fields
    assert len(desk.tap.sent) == sent


@case(82, Group.KEYS)
async def unusable_secret(desk: Desk) -> None:
    """A secret that signs nothing valid is a proof without an order, whether it fails here or there."""
    adapter = desk.other_adapter(keys=with_secret(desk, "no-secret-at-all"))
    await adapter.warm()
    outcome = await desk.send(desk.order(), adapter)
    proven(desk, outcome, RejectReason.NOT_SENT, RejectReason.AUTHENTICATION)
