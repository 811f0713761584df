"""Real adapters and a real journal against the emulated exchanges, over loopback, on a clock five times as fast."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from backend import bootstrap
from backend.bootstrap import Runtime
from backend.config import Settings, Timeouts, VenueSettings
from backend.domain.orders import Intent
from backend.domain.records import Equivalent
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.host import Emulator
from backend.emulator.ledger import LedgerTrade
from backend.emulator.wire import Endpoint
from backend.lab.demo import keys_of
from backend.policies.routing_tables import EXCHANGES, FailoverChains
from tests.fakes.telemetry import RecordingTelemetry

VENUES = EXCHANGES
EQUIVALENTS = {"BTC/USD": (Equivalent("BTC/USDT", Decimal(1)), Equivalent("BTC/NOK", Decimal("10.5")))}
PLACE = frozenset({Endpoint.PLACE})


@dataclass
class World:
    """The emulator and a runtime that is pointed at it. ``restart`` is the same machine with a new router."""

    emulator: Emulator
    path: Path
    timeouts: Timeouts
    clock: object
    telemetry: RecordingTelemetry
    runtime: Runtime

    def built(self) -> Runtime:
        venues = {
            venue: VenueSettings(credentials=keys_of(self.emulator, venue), endpoint=self.emulator.addresses[venue])
            for venue in VENUES
        }
        settings = Settings(journal_path=str(self.path), timeouts=self.timeouts, venues=venues, equivalents=EQUIVALENTS)
        bounds = {venue: self.emulator.bounds(venue) for venue in VENUES}
        return Runtime(
            settings,
            clock=self.clock,  # type: ignore[arg-type]
            telemetry=self.telemetry,
            chains=FailoverChains(),
            strategies={},
            rules={
                venue: bootstrap.emulated_rules(venue, engine_s=b.engine_s, visibility_s=b.visibility_s)
                for venue, b in bounds.items()
            },
        )

    async def restart(self) -> None:
        await self.runtime.close()
        self.runtime = self.built()

    def trades(self) -> list[LedgerTrade]:
        """Every execution of every exchange."""
        return [trade for venue in VENUES for trade in self.emulator.ledger(venue).trades]

    def executed(self) -> Decimal:
        return sum((trade.quantity for trade in self.trades()), Decimal(0))

    def orders(self) -> int:
        """How many orders took effect at any exchange."""
        return sum(len(self.emulator.ledger(venue).orders) for venue in VENUES)


def buy(intent_id: str = "order-1", quantity: str = "0.01", **changes: object) -> Intent:
    values: dict[str, object] = {"id": intent_id, "symbol": "BTC/USD", "side": "buy", "quantity": quantity}
    return Intent.create(**{**values, **changes})  # type: ignore[arg-type]


def hasty(world: World) -> float:
    """A ``valid_until`` before any deadline proves an absence: a request's own deadline is then no earlier than it.

    The send window is also what is left for a pause of the machine before the send: an order that is sent too late is
    not sent at all.
    """
    return world.runtime.clock.now() + world.timeouts.send_window_s


def lost(drop: str = "reset", hidden_s: float = 1.0) -> Fault:
    """The order executes, its answer is lost, and it shows after ``hidden_s``."""
    params = {"drop": drop, "min": hidden_s, "max": hidden_s, "beyond_bounds": True}
    return Fault(FaultKind.LOST_ANSWER, PLACE, count=1, params=params)


@pytest.fixture
def timeouts() -> Timeouts:
    return Timeouts(place_s=3.0, lookup_window_s=30.0)


@pytest.fixture
async def world(tmp_path: Path, timeouts: Timeouts) -> AsyncIterator[World]:
    clock = bootstrap.scaled_clock(5)
    emulator = Emulator(seed=7, now=clock.now, sleep=clock.sleep, venues=VENUES)
    await emulator.start()
    world = World(emulator, tmp_path / "journal.sqlite", timeouts, clock, RecordingTelemetry(), None)  # type: ignore[arg-type]
    world.runtime = world.built()
    yield world
    await world.runtime.close()
    await emulator.stop()
