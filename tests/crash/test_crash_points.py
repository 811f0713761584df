"""A router process is killed at each of its crash points; what comes after it agrees with the exchanges' own books."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest

from backend.domain.lifecycle import IntentState
from backend.emulator.faults import FaultKind
from tests.crash.cases import (
    DEADLINE,
    FULL,
    HERE,
    KILLED,
    NOTHING,
    OPEN,
    PAUSED,
    TERMINAL,
    WORKING,
    Case,
    End,
    Full,
    Pause,
    Setting,
    Stored,
    filled,
)
from tests.crash.points import NUMBERS, POINTS, number_of
from tests.crash.stage import BEST_ASK, QUANTITY, PointNotReached, Stage, same_as_the_truth

HASTY_S = 8.0
AWAY, FALLEN = "50", Decimal(49)
THIN = QUANTITY / 5
LOOKS_MAX = 1_000


def ids(orders: Sequence[Mapping[str, object]]) -> set[str]:
    return {str(order["id"]) for order in orders}


def set_up(stage: Stage, setting: Setting, venues: Sequence[str]) -> list[dict[str, object]]:
    """The exchanges as the setting says, and an order for each."""
    changes: dict[str, object] = {}
    if setting is Setting.HASTY:
        changes = {"valid_until": stage.clock.now() + HASTY_S}
    if setting is Setting.AWAY:
        changes = {"order_type": "limit", "limit_price": AWAY, "time_in_force": "gtc"}
    for venue in venues:
        if setting is Setting.THIN:
            stage.books.write(venue, stage.clock.now(), BEST_ASK, THIN)
        if setting is Setting.REFUSING:
            stage.inject(venue, FaultKind.REJECT, code=stage.refusal_of(venue))
    return [stage.order(venue, **changes) for venue in venues]


@pytest.mark.parametrize("case", KILLED, ids=str)
async def test_killed_there(stage: Stage, case: Case) -> None:
    """SIGKILL at the point, the next router at once, the caller's repeat: each order ends once, as the table says."""
    orders = set_up(stage, case.setting, case.venues)
    child = await stage.started(orders, case.point, cancel=case.setting is Setting.AWAY)
    await child.reached(case.point, ids(orders))
    await child.kill()
    before = {venue: stage.stored(f"order-{venue}") for venue in case.venues}
    for venue, record in before.items():
        assert Stored.of(record) == case.stored_unlike.get(venue, case.stored), venue
    after = await stage.recovered(orders)
    for venue, known in before.items():
        record = stage.stored(f"order-{venue}")
        assert record is not None
        assert End.of(record) == case.end_unlike.get(venue, case.end), venue
        assert record.attempts[0].venue == venue
        told = after.ended[record.intent.id]
        assert (told["state"], told["filled"]) == (record.state, str(record.filled))
        if known is not None:
            frozen = tuple(attempt.order for attempt in known.attempts)
            assert (record.created_at, tuple(attempt.order for attempt in record.attempts)[: len(frozen)]) == (
                known.created_at,
                frozen,
            )
    await same_as_the_truth(stage)


async def test_killed_while_a_resting_order_fills(stage: Stage) -> None:
    """Point 8: a part is booked, a part executes while nobody lives, a part afterwards. Each is booked once."""
    venues, point = ("binance", "kraken", "firi"), "8 part booked"
    orders = [stage.order(venue, order_type="limit", limit_price=AWAY, time_in_force="gtc") for venue in venues]
    child = await stage.started(orders, point)
    await placed(stage, venues)
    fall(stage, venues)
    await child.reached(point, ids(orders))
    await child.kill()
    fall(stage, venues)
    for venue in venues:
        record = stage.stored(f"order-{venue}")
        assert record is not None
        assert (Stored.of(record), record.filled) == (WORKING, THIN)
        assert sum(trade.quantity for trade in stage.emulator.ledger(venue).trades) == 2 * THIN
    fall(stage, venues, 3)
    await stage.recovered(orders)
    assert {End.of(record) for record in map(stage.stored, ids(orders)) if record is not None} == {HERE}
    await same_as_the_truth(stage)


async def placed(stage: Stage, venues: Sequence[str]) -> None:
    """Returns when each of the exchanges has an order."""
    for _ in range(LOOKS_MAX):
        if all(stage.orders_at(venue) for venue in venues):
            return
        await asyncio.sleep(0.01)
    raise PointNotReached(f"no order at each of {', '.join(venues)}")


def fall(stage: Stage, venues: Sequence[str], parts: int = 1) -> None:
    """Somebody sells so much at less than the price of the resting orders."""
    for venue in venues:
        stage.books.write(venue, stage.clock.now(), FALLEN, parts * THIN)


@pytest.mark.parametrize("case", FULL, ids=lambda case: case.point)
async def test_the_disk_is_full(stage: Stage, case: Full) -> None:
    """Point 14: the file cannot grow. The caller is told, nothing is taken or sent any more; on a disk with room the
    next router settles what there is."""
    order, another = stage.order("binance"), stage.order("kraken", id="another")
    child = await stage.started([order], case.point, another=another)
    await child.reached(case.point, {"order-binance"})
    await child.over()
    told, refused = child.failed["order-binance"], child.failed["another"]
    assert (told["error"], refused["error"]) == (case.error, "JournalFailed")
    assert "JournalFailed" in (told["error"], told["cause"])
    assert "nothing is accepted or sent any more" in refused["text"]
    assert (stage.orders_at("binance"), stage.orders_at("kraken")) == (case.placed, 0)
    await child.kill()
    assert Stored.of(stage.stored("another")) == NOTHING
    after = await stage.recovered([order, another])
    for order_id in ("order-binance", "another"):
        record = stage.stored(order_id)
        assert record is not None
        assert End.of(record) == case.end
        assert after.ended[order_id]["state"] == IntentState.DONE
    await same_as_the_truth(stage)


@pytest.mark.parametrize("case", PAUSED, ids=lambda case: f"{case.point}, {case.venue}")
async def test_paused_beyond_the_deadline(stage: Stage, case: Pause) -> None:
    """Point 15: SIGSTOP between journal and send, until the deadline is over. The late send does not happen or is
    refused, and what follows executes once. No other router can take the journal meanwhile."""
    order = stage.order(case.venue)
    child = await stage.started([order], case.point)
    await child.reached(case.point, {f"order-{case.venue}"})
    await child.stop()
    stage.released.touch()
    record = stage.stored(f"order-{case.venue}")
    assert record is not None
    assert Stored.of(record) == OPEN
    other = await stage.begun([order])
    assert await other.gone() != 0
    assert await other.line() == ("READY", "")
    assert await other.line() == ("REFUSED", "JournalLocked")
    not_after = record.attempts[0].order.not_after
    await stage.clock.sleep(max(0.0, not_after - stage.clock.now()) + 1.0)
    assert stage.orders_at(case.venue) == 0
    child.process.send_signal(signal.SIGCONT)
    await child.over()
    record = stage.stored(f"order-{case.venue}")
    assert record is not None
    assert End.of(record) == case.end
    assert stage.orders_at(case.venue) == 0
    await child.kill()
    await same_as_the_truth(stage)


@pytest.mark.parametrize(
    ("points", "end"),
    [
        (("6 venue accepted", "recovery: taken up", "8 ack stored", "10 terminal seen", "12 done"), HERE),
        (("4 journaled", "recovery: taken up", "11 closed", "4 journaled"), filled(DEADLINE, DEADLINE, TERMINAL)),
    ],
    ids=["adopted", "moved twice"],
)
async def test_the_recovery_is_killed_too(stage: Stage, points: tuple[str, ...], end: End) -> None:
    """Each router dies further on, the next starts at once: the order still executes once."""
    orders = [stage.order(venue) for venue in ("binance", "kraken")]
    for point in points:
        child = await stage.started(orders, point)
        await child.reached(point, ids(orders))
        await child.kill()
    await stage.recovered(orders)
    assert {End.of(record) for record in map(stage.stored, ids(orders)) if record is not None} == {end}
    await same_as_the_truth(stage)


async def test_a_point_that_is_not_reached_fails(stage: Stage) -> None:
    """The test of the tests: an order that is never cancelled does not get to the cancel, and that is told."""
    orders = [stage.order("binance")]
    child = await stage.started(orders, "9 cancel executed")
    with pytest.raises(PointNotReached, match="went past it"):
        await child.reached("9 cancel executed", ids(orders))


def test_every_point_is_in_the_table() -> None:
    """Each crash point of the protocol has a test, and each place in the code is used."""
    killed, full, paused = (
        {case.point for case in KILLED},
        {case.point for case in FULL},
        {case.point for case in PAUSED},
    )
    used = killed | full | paused | {"8 part booked", "recovery: taken up"}
    assert used == POINTS.keys()
    assert {number_of(name) for name in used} - {None} == NUMBERS
