"""How long an answer of a venue is believed."""

from __future__ import annotations

from backend.config import Settings
from backend.domain.health import HealthStatus
from backend.services.health.board import HealthBoard
from tests.fakes.auto_clock import AutoClock
from tests.fakes.exchange import FakeExchange
from tests.fakes.telemetry import RecordingTelemetry


async def test_a_wall_clock_that_is_set_back_keeps_no_dead_venue_alive() -> None:
    """The age of an answer is time that went by, not the difference of two dates."""
    venue, clock, timeouts = FakeExchange("binance"), AutoClock(), Settings().timeouts
    board = HealthBoard(lambda _: venue, timeouts, clock, RecordingTelemetry())
    assert (await board.verdict("binance")).status is HealthStatus.OK
    venue.down = True
    clock.advance(timeouts.health_max_age_s / 2)
    assert (await board.verdict("binance")).status is HealthStatus.OK
    clock.set_wall(-3_600)
    clock.advance(timeouts.health_max_age_s)
    assert (await board.verdict("binance")).status is HealthStatus.DOWN


async def test_a_wall_clock_that_is_set_forward_ages_nothing() -> None:
    """An answer of this moment is young, whatever the date."""
    venue, clock = FakeExchange("binance"), AutoClock()
    board = HealthBoard(lambda _: venue, Settings().timeouts, clock, RecordingTelemetry())
    known = await board.verdict("binance")
    clock.set_wall(3_600)
    assert board.known("binance") is known
    assert board.known("kraken") is None
