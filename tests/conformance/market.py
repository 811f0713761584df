"""For cases of the router: the desk's venue and a second one beside it, with a real journal."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from backend import bootstrap
from backend.bootstrap import Runtime
from backend.config.model import Settings, VenueSettings
from backend.domain.orders import Intent
from backend.domain.records import Equivalent, ExecutionResult
from backend.emulator.host import Emulator
from backend.emulator.registry import KINDS
from backend.integrations.exchanges.factory import rules_of
from backend.lab.demo import keys_of
from backend.policies.routing_tables import FailoverChains
from backend.ports.journal import Journal
from tests.conformance.clock import JumpingClock
from tests.conformance.desk import TIMEOUTS, Desk, emulated
from tests.conformance.registry import VENUES
from tests.emulator.kit import WrittenBooks
from tests.fakes.telemetry import RecordingTelemetry


class HeldJournal:
    """A journal on a clock that stands still while the journal's thread works."""

    def __init__(self, inner: Journal, clock: JumpingClock) -> None:
        self._inner = inner
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        return self._held(value) if inspect.iscoroutinefunction(value) else value

    def _held(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def held(*args: Any, **named: Any) -> Any:
            with self._clock.held():
                return await method(*args, **named)

        return held


@dataclass
class Pair:
    """The desk's venue first, the partner second, and a router over both. Amounts of both are one for one."""

    desk: Desk
    partner: str
    emulator: Emulator
    settings: Settings
    runtime: Runtime

    async def submit(self, intent_id: str = "order-1", quantity: str = "0.5", **changes: Any) -> ExecutionResult:
        return await (await self.runtime.router()).submit(self.intent(intent_id, quantity, **changes))

    def intent(self, intent_id: str = "order-1", quantity: str = "0.5", **changes: Any) -> Intent:
        values = {"symbol": self.desk.symbol, "side": "buy", "exchange": self.desk.venue, **changes}
        return Intent.create(id=intent_id, quantity=quantity, **values)

    async def restart(self) -> None:
        """The same machine with a new router on the same journal."""
        await self.runtime.close()
        self.runtime = _runtime(self.desk, self.partner, self.emulator, self.settings)

    @property
    def executed_elsewhere(self) -> Decimal:
        return sum((trade.quantity for trade in self.emulator.ledger(self.partner).trades), Decimal(0))

    @property
    def orders_elsewhere(self) -> int:
        return len(self.emulator.ledger(self.partner).orders)


@asynccontextmanager
async def open_pair(desk: Desk) -> AsyncIterator[Pair]:
    able = [venue for venue in VENUES if rules_of(venue).has_client_id]
    partner = able[0] if able[0] != desk.venue else able[-1]
    clock = desk.clock
    emulator = Emulator(seed=2, now=clock.now, sleep=clock.sleep, books=WrittenBooks(), venues=(partner,))
    await emulator.start()
    try:
        with tempfile.TemporaryDirectory(prefix="conformance-") as room:
            settings = _settings(desk, partner, emulator, Path(room))
            pair = Pair(desk, partner, emulator, settings, _runtime(desk, partner, emulator, settings))
            try:
                yield pair
            finally:
                await pair.runtime.close()
    finally:
        await emulator.stop()


def _settings(desk: Desk, partner: str, emulator: Emulator, room: Path) -> Settings:
    other = KINDS[partner].markets[0].symbol
    return Settings(
        journal_path=str(room / "journal.sqlite"),
        timeouts=TIMEOUTS,
        venues={
            desk.venue: VenueSettings(credentials=desk.keys, endpoint=desk.emulator.addresses[desk.venue]),
            partner: VenueSettings(credentials=keys_of(emulator, partner), endpoint=emulator.addresses[partner]),
        },
        equivalents={} if other == desk.symbol else {desk.symbol: (Equivalent(other, Decimal(1)),)},
        default_exchange=desk.venue,
    )


def _runtime(desk: Desk, partner: str, emulator: Emulator, settings: Settings) -> Runtime:
    return Runtime(
        settings,
        clock=desk.clock,
        telemetry=RecordingTelemetry(),
        journal=cast("Journal", HeldJournal(bootstrap.open_journal(settings), desk.clock)),
        chains=FailoverChains({desk.venue: (desk.venue, partner)}),
        strategies={},
        rules={desk.venue: desk.rules, partner: emulated(emulator, partner)},
    )
