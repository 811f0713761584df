"""A router over scripted venues, a manual clock and a real journal on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from backend.config import Limits, Settings
from backend.domain.errors import UnknownExchange
from backend.domain.orders import Intent
from backend.domain.records import Equivalent
from backend.integrations.journal.journal import SqliteJournal
from backend.policies.routing_tables import FailoverChains
from backend.services.execution.attempts import Attempts
from backend.services.execution.lifecycle import Lifecycle
from backend.services.execution.markets import MarketGuard
from backend.services.execution.router import Router
from backend.services.execution.snapshot import Venues
from backend.services.health.board import HealthBoard
from backend.services.risk.exposure import ExposureBook
from tests.fakes.auto_clock import AutoClock
from tests.fakes.exchange import FakeExchange
from tests.fakes.telemetry import RecordingTelemetry

EQUIVALENTS = {"BTC/USDT": (Equivalent("BTC/USD", Decimal(1)), Equivalent("BTC/NOK", Decimal(10)))}


@dataclass
class Desk:
    """One test's world. ``restart`` is a new process on the same journal and the same venues."""

    path: Path
    venues: Mapping[str, FakeExchange]
    settings: Settings
    clock: AutoClock
    telemetry: RecordingTelemetry
    chains: FailoverChains
    strategies: dict[str, str]
    journal: SqliteJournal
    exposure: ExposureBook
    router: Router

    def adapter_of(self, venue: str) -> FakeExchange:
        if venue not in self.venues:
            raise UnknownExchange(venue, tuple(self.venues))
        return self.venues[venue]

    def build(self) -> None:
        health = HealthBoard(self.adapter_of, self.settings.timeouts, self.clock, self.telemetry)
        self.exposure = ExposureBook(self.settings.limits)
        attempts = Attempts(self.journal, self.exposure, health, self.settings.timeouts, self.clock, self.telemetry)
        lifecycle = Lifecycle(
            journal=self.journal,
            attempts=attempts,
            venues=Venues(self.adapter_of, health, self.settings.equivalents, self.clock),
            markets=MarketGuard(),
            settings=self.settings,
            clock=self.clock,
            telemetry=self.telemetry,
        )
        self.router = Router(
            journal=self.journal,
            lifecycle=lifecycle,
            chains=self.chains,
            strategies=self.strategies,
            settings=self.settings,
            clock=self.clock,
            telemetry=self.telemetry,
        )
        for venue in self.venues.values():
            venue.runner = self.router
            venue.asked_on = self.clock

    async def restart(self) -> None:
        await self.router.close(grace_s=0)
        await self.journal.close()
        self.journal = SqliteJournal.open(self.path)
        self.build()
        await self.router.start()

    async def configure(self, **changes: object) -> None:
        """Other settings from here on."""
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        await self.restart()


def buy(intent_id: str = "order-1", quantity: str = "1", **changes: object) -> Intent:
    values: dict[str, object] = {"id": intent_id, "symbol": "BTC/USDT", "side": "buy", "quantity": quantity}
    return Intent.create(**{**values, **changes})  # type: ignore[arg-type]


def scripted(path: Path, settings: Settings) -> Desk:
    """Binance, Kraken and Firi as scripted venues of the classes O/G, O/G and N/-; the other three have no adapter. Its
    router is not started yet."""
    venues = {
        "binance": FakeExchange("binance"),
        "kraken": FakeExchange("kraken", symbols=("BTC/USDT", "BTC/USD")),
        "firi": FakeExchange("firi", price="1000.00", symbols=("BTC/NOK",)),
    }
    venues["firi"].behave(client_ids=False, ioc=False)
    built = Desk(
        path=path,
        venues=venues,
        settings=settings,
        clock=AutoClock(),
        telemetry=RecordingTelemetry(),
        chains=FailoverChains(),
        strategies={},
        journal=SqliteJournal.open(path),
        exposure=ExposureBook(Limits()),
        router=None,  # type: ignore[arg-type]
    )
    built.build()
    return built


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The scripted venues, with the settings as they are shipped."""
    built = scripted(tmp_path / "journal.sqlite", Settings(equivalents=EQUIVALENTS))
    await built.router.start()
    yield built
    await built.router.close(grace_s=0)
    await built.journal.close()
