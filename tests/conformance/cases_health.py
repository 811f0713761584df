"""Health and status."""

from __future__ import annotations

import pytest

from backend.domain.errors import VenueCallFailed
from backend.domain.health import VenueMode
from backend.domain.orders import Credentials
from backend.emulator.faults import FaultKind
from backend.emulator.wire import Endpoint
from tests.conformance.desk import TIMEOUTS, Desk
from tests.conformance.needs import Need
from tests.conformance.nonsense import NOT_READABLE
from tests.conformance.registry import Group, case

ROUNDING_S = 1e-6
"""Epoch seconds as a float are no finer than a quarter of a microsecond."""


async def no_health(desk: Desk) -> VenueCallFailed:
    with pytest.raises(VenueCallFailed) as failed:
        await desk.adapter.health()
    return failed.value


ASKED_AGAIN_S = 6.0  # one venue allows a look at its status every five seconds


@case(1, Group.HEALTH)
async def time_of_the_venue(desk: Desk) -> None:
    """The time endpoint tells the venue's clock, without keys; what it cuts off is what the rules say."""
    assert desk.rules.clock_resolution_s is not None
    resolution_s = desk.rules.clock_resolution_s.value
    for _ in range(7):
        await desk.pass_time(0.7503)
        asked_at = desk.clock.monotonic()
        reading = await desk.other_adapter(keys=Credentials()).health()
        assert reading.asked == (asked_at, desk.clock.monotonic())
        assert -ROUNDING_S <= desk.clock.now() - reading.server_time < resolution_s + ROUNDING_S


@case(2, Group.HEALTH)
async def slow_time(desk: Desk) -> None:
    """A slow answer is a healthy one with its latency."""
    desk.fault(FaultKind.LATENCY, Endpoint.TIME, seconds=1.5)
    assert 1.5 <= (await desk.adapter.health()).latency_s < 1.6


@case(3, Group.HEALTH)
async def refused_port(desk: Desk) -> None:
    """A refused connection is no health, and provably nothing was sent."""
    await desk.refuse()
    assert (await no_health(desk)).not_sent


@case(4, Group.HEALTH)
async def silent_time(desk: Desk) -> None:
    """Silence ends with the time-out, not with the venue's patience."""
    began = desk.clock.now()
    desk.fault(FaultKind.HANG, Endpoint.TIME)
    assert not (await no_health(desk)).not_sent
    assert desk.clock.now() - began <= TIMEOUTS.health_s


@case(5, Group.HEALTH)
async def reset_time(desk: Desk) -> None:
    """A reset connection is no health."""
    desk.fault(FaultKind.RESET, Endpoint.TIME)
    assert not (await no_health(desk)).not_sent


@case(6, Group.HEALTH)
async def strange_time(desk: Desk) -> None:
    """An answer that is malformed in any way is no health: empty, a page, cut off, HTTP 502, 523, 524, and so on."""
    for answer in NOT_READABLE:
        desk.nonsense(answer, Endpoint.TIME)
        await no_health(desk)
        desk.clear()


@case(7, Group.HEALTH)
async def wrong_time(desk: Desk) -> None:
    """A word in place of the time is no health."""
    for body in ('{"serverTime":"soon"}', '{"time":"soon"}', '{"error":[],"result":{"unixtime":"soon"}}'):
        desk.nonsense({"body": body}, Endpoint.TIME)
        await no_health(desk)
        desk.clear()


@case(8, Group.HEALTH)
async def recovery(desk: Desk) -> None:
    """After a fault the venue is healthy again with the next check, over new connections."""
    await desk.refuse()
    await no_health(desk)
    desk.clear()
    await desk.pass_time(0.1)
    await desk.adapter.health()


@case(9, Group.HEALTH, Need.STATUS)
async def online(desk: Desk) -> None:
    """The status endpoint tells normal operation."""
    assert (await desk.adapter.health()).mode is VenueMode.ONLINE


@case(10, Group.HEALTH, Need.STATUS, Need.MAINTENANCE)
async def maintenance(desk: Desk) -> None:
    """The status endpoint tells maintenance."""
    desk.fault(FaultKind.MODE, mode="maintenance")
    assert (await desk.adapter.health()).mode is VenueMode.MAINTENANCE


@case(11, Group.HEALTH, Need.STATUS)
async def broken_status(desk: Desk) -> None:
    """A status endpoint that fails in any way only advises: the venue stays healthy, its mode unknown."""
    asked = len(desk.tap.sent)
    for kind in (FaultKind.HANG, FaultKind.RESET):
        desk.fault(kind, Endpoint.STATUS)
        assert (await desk.adapter.health()).mode is VenueMode.UNKNOWN
        desk.clear()
        await desk.pass_time(ASKED_AGAIN_S)
    for answer in NOT_READABLE:
        desk.nonsense(answer, Endpoint.STATUS)
        assert (await desk.adapter.health()).mode is VenueMode.UNKNOWN
        desk.clear()
        await desk.pass_time(ASKED_AGAIN_S)
    assert len(desk.tap.sent) == asked + 2 * (2 + len(NOT_READABLE))
