"""Whose turn it is: the urgent before the patient, nobody for ever, and silence towards a venue that asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack

import pytest

from backend.domain.limits import CallKind, Closing, EndHeader, EndUnit, Pool, PoolShape, Told, VenueLimits
from backend.integrations.exchanges.shared.limits import OVERTAKE_S, WAITERS_MAX, Limiter, NoTurn
from tests.fakes.hand_clock import HandClock

K = CallKind
POOL = Pool("all", 4, 10.0, PoolShape.COUNTER, {K.CANCEL: 1, K.ORDER: 1})
COSTS: dict[str, dict[str, float]] = {"all": {kind.value: 1.0 for kind in K}}


class Desk:
    """A limiter, a clock in the hand, and the order in which calls got their turn."""

    def __init__(self, limits: VenueLimits | None = None, *, key_hold_s: float | None = None) -> None:
        self.clock = HandClock()
        self.started = self.clock.now()
        self.limiter = Limiter(limits or VenueLimits((POOL,), COSTS), self.clock, key_hold_s=key_hold_s)
        self.went: list[tuple[str, float]] = []

    async def call(self, name: str, kind: CallKind, patience_s: float = 60.0, lasts_s: float = 0.0) -> None:
        async with self.limiter.turn(kind, name, private=True, patience_s=patience_s):
            self.went.append((name, round(self.clock.now() - self.started, 2)))
            if lasts_s:
                await self.clock.sleep(lasts_s)

    def start(self, *calls: Awaitable[None]) -> list[asyncio.Task[None]]:
        return [asyncio.ensure_future(call) for call in calls]

    @property
    def order(self) -> list[str]:
        return [name for name, _ in self.went]


async def test_orders_go_before_reads_that_waited_longer() -> None:
    """A burst of balance calls is in the way of no order and no cancel."""
    desk = Desk()
    tasks = desk.start(*(desk.call(f"read-{n}", K.READ) for n in range(6)))
    await desk.clock.settle()
    assert desk.order == ["read-0", "read-1"]
    tasks += desk.start(desk.call("order", K.ORDER), desk.call("cancel", K.CANCEL))
    await desk.clock.settle()
    assert set(desk.order[2:]) == {"order", "cancel"}
    await desk.clock.advance(60)
    assert len(desk.order) == len(tasks)
    assert all(task.done() for task in tasks)


async def test_what_waits_goes_by_urgency_then_by_age() -> None:
    """When there is room again the most urgent goes first, whoever came earlier."""
    desk = Desk()
    for number in range(4):
        await desk.call(f"cancel-{number}", K.CANCEL)
    tasks = desk.start(
        desk.call("read", K.READ), desk.call("old", K.ORDER), desk.call("new", K.ORDER), desk.call("last", K.CANCEL)
    )
    await desk.clock.advance(60)
    assert desk.order[4:] == ["last", "old", "new", "read"]
    assert all(task.done() for task in tasks)


async def test_who_cannot_go_in_time_is_told_at_once() -> None:
    """Waiting for what will be too late helps nobody: the router has other venues."""
    desk = Desk()
    for number in range(4):
        await desk.call(f"cancel-{number}", K.CANCEL)
    with pytest.raises(NoTurn, match="too late") as refused:
        await desk.call("order", K.ORDER, patience_s=1.0)
    assert not refused.value.refused
    assert desk.clock.now() == desk.started
    assert refused.value.until > desk.clock.now() + 1.0


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    """The turn that it would have had is the next one's."""
    desk = Desk()
    for number in range(4):
        await desk.call(f"cancel-{number}", K.CANCEL)
    first, second = desk.start(desk.call("first", K.CANCEL), desk.call("second", K.CANCEL))
    await desk.clock.settle()
    first.cancel()
    await desk.clock.advance(2.6)
    assert desk.order[4:] == ["second"]
    assert second.done()


async def test_waiters_are_bounded() -> None:
    """One more than the bound is refused, others of another kind are not."""
    desk = Desk(VenueLimits((Pool("all", 1, 1000.0),), COSTS))
    await desk.call("only", K.READ)
    tasks = desk.start(*(desk.call(f"read-{n}", K.READ, patience_s=5_000) for n in range(WAITERS_MAX)))
    await desk.clock.settle()
    with pytest.raises(NoTurn, match="wait already"):
        await desk.call("one more", K.READ)
    tasks += desk.start(desk.call("cancel", K.CANCEL, patience_s=5_000))
    await desk.clock.settle()
    assert not tasks[-1].done()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


BANNING = VenueLimits(
    pools=(POOL,),
    costs=COSTS,
    ends=(EndHeader("X-Reset", EndUnit.MS_TO_WAIT),),
    closings=(Closing(status=418, pause_s=120.0, longest_s=1000.0), Closing(status=429, pause_s=10.0)),
)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {}, 10.0),
        (429, {"Retry-After": "7"}, 7.0),
        (429, {"x-reset": "7000"}, 7.0),
        (418, {}, 120.0),
        (418, {"retry-after": "999999"}, 1000.0),
        (429, {"Retry-After": "0"}, 1.0),
    ],
)
async def test_a_venue_that_refuses_us_is_left_alone(status: int, headers: dict[str, str], seconds: float) -> None:
    """Until the told end, or for the pause of its kind, bounded: nothing is sent, and it is said until when."""
    desk = Desk(BANNING)
    desk.limiter.note(K.READ, "read", status, headers, ())
    for kind in (K.ORDER, K.READ, K.HEALTH):
        with pytest.raises(NoTurn, match="refuses us for another") as refused:
            await desk.call("early", kind)
        assert refused.value.refused
        assert refused.value.until == pytest.approx(desk.clock.now() + seconds)
    await desk.clock.advance(seconds + 0.01)
    await desk.call("after", K.ORDER)
    assert desk.order == ["after"]


async def test_what_settles_an_order_waits_for_the_end_of_a_limit() -> None:
    """A cancel and a look-up go as soon as the venue listens again, if that is within their patience."""
    desk = Desk(BANNING)
    desk.limiter.note(K.ORDER, "place", 429, {"Retry-After": "5"}, ())
    tasks = desk.start(desk.call("look-up", K.LOOKUP), desk.call("cancel", K.CANCEL))
    await desk.clock.advance(6)
    assert sorted(desk.order) == ["cancel", "look-up"]
    assert all(at >= 5.0 for _, at in desk.went)
    desk.limiter.note(K.ORDER, "place", 429, {"Retry-After": "90"}, ())
    with pytest.raises(NoTurn, match="refuses us"):
        await desk.call("late", K.LOOKUP, patience_s=60)
    assert all(task.done() for task in tasks)


async def test_the_venues_own_count_is_followed() -> None:
    """Another process of the same key used up the pool: its headers say so, ours alone would not."""
    limits = VenueLimits((POOL,), COSTS, told=(Told("X-Used", "all"), Told("X-Left", "all", left=True)))
    for headers in ({"x-used": "4"}, {"X-LEFT": "0"}):
        desk = Desk(limits)
        await desk.call("first", K.READ)
        desk.limiter.note(K.READ, "first", 200, headers, ())
        assert desk.limiter.used("all") == pytest.approx(4.0)
        with pytest.raises(NoTurn):
            await desk.call("second", K.CANCEL, patience_s=0.1)


@pytest.mark.parametrize("value", ["", "many", "-4", "4.5", "٤"])
async def test_a_strange_header_tells_nothing(value: str) -> None:
    """Only plain whole numbers count."""
    desk = Desk(VenueLimits((POOL,), COSTS, told=(Told("X-Used", "all"),)))
    desk.limiter.note(K.READ, "read", 200, {"X-Used": value}, ())
    assert desk.limiter.used("all") == 0.0


async def test_calls_of_one_key_go_one_after_the_other() -> None:
    """The next one goes with the answer, or when the answer stays out for too long."""
    desk = Desk(VenueLimits(), key_hold_s=1.0)
    tasks = desk.start(
        desk.call("quick", K.READ, lasts_s=0.2), desk.call("lost", K.READ, lasts_s=30), desk.call("third", K.READ)
    )
    await desk.clock.advance(5)
    assert desk.went == [("quick", 0.0), ("lost", 0.2), ("third", 1.2)]
    await desk.clock.advance(30)
    assert all(task.done() for task in tasks)


async def test_an_order_overtakes_a_read_of_the_same_key() -> None:
    """It leaves the read the time to arrive, and no more."""
    desk = Desk(VenueLimits(), key_hold_s=1.0)
    tasks = desk.start(desk.call("read", K.READ, lasts_s=30), desk.call("order", K.ORDER))
    await desk.clock.advance(40)
    assert desk.went == [("read", 0.0), ("order", OVERTAKE_S)]
    assert all(task.done() for task in tasks)


async def test_counts_are_shared_by_event_loops() -> None:
    """A second loop of the process does not start with an empty pool."""
    desk = Desk()
    async with AsyncExitStack() as held:
        for _ in range(4):
            await held.enter_async_context(desk.limiter.turn(K.CANCEL, "c", private=False, patience_s=0))

    def elsewhere() -> None:
        asyncio.run(desk.call("elsewhere", K.CANCEL, patience_s=0.0))

    with pytest.raises(NoTurn):
        await asyncio.to_thread(elsewhere)
