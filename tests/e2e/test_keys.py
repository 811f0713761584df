"""Keys that can withdraw, against exchanges that tell: refused at the start, and refused later too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend import bootstrap
from backend.config import Settings, Timeouts, VenueSettings
from backend.domain.errors import ConfigurationError, KeyCanWithdraw
from backend.domain.orders import Credentials
from backend.domain.reasons import DropReason
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.host import Emulator
from backend.emulator.wire import Endpoint
from tests.e2e.conftest import VENUES, World, buy
from tests.fakes.telemetry import RecordingTelemetry

TELLS = ("binance", "bybit", "okx", "kucoin")


@pytest.fixture
async def world(tmp_path: Path, timeouts: Timeouts) -> AsyncIterator[World]:
    """Every exchange that tells has made a key that can withdraw."""
    clock = bootstrap.scaled_clock(5)
    emulator = Emulator(seed=7, now=clock.now, sleep=clock.sleep, venues=VENUES, withdrawing=TELLS)
    await emulator.start()
    world = World(emulator, tmp_path / "journal.sqlite", timeouts, clock, RecordingTelemetry(), None)  # type: ignore[arg-type]
    world.runtime = world.built()
    yield world
    await world.runtime.close()
    await emulator.stop()


@pytest.mark.parametrize("venue", TELLS)
async def test_the_start_is_refused(world: World, venue: str) -> None:
    """The error names the exchange; no journal is opened and nothing is ordered."""
    only = {venue: world.runtime.settings.venues[venue]}
    runtime = bootstrap.Runtime(
        replace(world.runtime.settings, venues=only), clock=world.runtime.clock, telemetry=world.telemetry
    )
    with pytest.raises(KeyCanWithdraw, match=venue):
        await runtime.router()
    await runtime.close()
    assert world.orders() == 0
    assert not world.path.exists()


async def test_an_exchange_that_was_silent_at_the_start_is_asked_before_its_first_order(world: World) -> None:
    """The program starts all the same; then the key is found out and its order goes where the key is safe."""
    for venue in TELLS:
        world.emulator.inject(venue, Fault(FaultKind.RESET, frozenset({Endpoint.KEYS})))
    router = await world.runtime.router()
    early = await router.submit(buy("early", exchange="binance"))
    for venue in TELLS:
        world.emulator.clear(venue)
    late = await router.submit(buy("late", exchange="binance"))
    for result in (early, late):
        reasons = {drop.venue: drop.reason for drop in result.dropped}
        assert reasons == dict.fromkeys(TELLS, DropReason.UNSAFE_KEY)
        assert result.venues == ("kraken",)
    assert "can withdraw" in next(drop.detail for drop in late.dropped if drop.venue == "binance")


@pytest.mark.parametrize(("secret", "extra"), [("made here", {}), ("", {"client_id": "1"})])
def test_half_a_signature_is_a_mistake_of_the_settings(secret: str, extra: dict[str, str]) -> None:
    """Where a secret and a client id sign together, one of them alone would silently sign nothing: it is refused."""
    keys = Credentials(api_key="made here", secret=secret, extra=extra)
    runtime = bootstrap.Runtime(Settings(venues={"firi": VenueSettings(credentials=keys)}))
    with pytest.raises(ConfigurationError, match="belong together"):
        runtime.adapter("firi")
