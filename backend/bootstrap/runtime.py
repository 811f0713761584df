"""What one program runs: settings, venues, health, journal, router."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from backend.bootstrap.parts import checked, http_transport, open_journal, system_clock
from backend.config.model import Settings, VenueSettings
from backend.domain.errors import JournalError, VenueCallFailed
from backend.domain.orders import Credentials, Intent
from backend.domain.records import ExecutionResult
from backend.domain.rules import VenueRules
from backend.policies.routing_tables import CHAINS, EXCHANGES, STRATEGY_EXCHANGE_MAP, FailoverChains, known_exchange
from backend.ports.clock import Clock
from backend.ports.exchange import AttemptRunner, ExchangeAdapter
from backend.ports.ids import Ids
from backend.ports.journal import Journal
from backend.ports.telemetry import Telemetry
from backend.ports.transport import Transport

if TYPE_CHECKING:
    from backend.services.execution.router import Router
    from backend.services.health.board import HealthBoard
    from backend.services.risk.exposure import ExposureBook

_process: list[Telemetry] = []


class Runtime:
    """Everything one program runs, built on first use. What is not given is the real thing.

    Use it in one event loop and ``await close()`` it there.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        telemetry: Telemetry | None = None,
        transport: Transport | None = None,
        journal: Journal | None = None,
        runner: AttemptRunner | None = None,
        chains: FailoverChains = CHAINS,
        strategies: Mapping[str, str] = STRATEGY_EXCHANGE_MAP,
        rules: Mapping[str, VenueRules] = MappingProxyType({}),
        wrap: Callable[[ExchangeAdapter], ExchangeAdapter] | None = None,
    ) -> None:
        """``wrap``: stands before each adapter, for a simulation that tries other policies."""
        self.settings = checked(settings)
        self.chains = chains
        self.strategies = strategies
        self._rules = rules
        self._wrap = wrap
        self._given_transport = transport
        self._journal = journal
        self._runner: AttemptRunner = _Runner(self) if runner is None else runner
        self._adapters: dict[str, ExchangeAdapter] = {}
        self._attached: dict[str, Runtime] = {}
        self._router: Router | None = None
        self._opening = asyncio.Lock()
        if clock is not None:
            self.clock = clock
        if ids is not None:
            self.ids = ids
        if telemetry is not None:
            self.telemetry = telemetry

    def __repr__(self) -> str:
        return f"Runtime(adapters={sorted(self._adapters)}, router={self._router!r})"

    @cached_property
    def clock(self) -> Clock:
        return system_clock()

    @cached_property
    def ids(self) -> Ids:
        from backend.integrations.system.ids import SystemIds

        return SystemIds()

    @cached_property
    def telemetry(self) -> Telemetry:
        return shared_telemetry()

    @cached_property
    def exposure(self) -> ExposureBook:
        from backend.services.risk.exposure import ExposureBook

        return ExposureBook(self.settings.limits)

    @cached_property
    def health(self) -> HealthBoard:
        from backend.services.health.board import HealthBoard

        return HealthBoard(self.adapter, self.settings.timeouts, self.clock, self.telemetry)

    @cached_property
    def _transport(self) -> Transport:
        return self._given_transport or http_transport(self.settings, self.clock)

    def adapter(self, venue: str) -> ExchangeAdapter:
        """The venue's adapter, built once. Raises UnknownExchange."""
        known_exchange(venue)
        if venue not in self._adapters:
            adapter = self._built(venue, self.settings.venue(venue), self._runner)
            self._adapters[venue] = adapter if self._wrap is None else self._wrap(adapter)
        return self._adapters[venue]

    def without_keys(self, venue: str) -> ExchangeAdapter:
        """Another adapter of the venue that cannot sign: for public reads only. Raises like ``adapter``."""
        known_exchange(venue)
        return self._built(venue, replace(self.settings.venue(venue), credentials=Credentials()), None)

    def _built(self, venue: str, settings: VenueSettings, runner: AttemptRunner | None) -> ExchangeAdapter:
        from backend.integrations.exchanges.factory import build_adapter

        return build_adapter(
            venue,
            settings=settings,
            timeouts=self.settings.timeouts,
            transport=self._transport,
            clock=self.clock,
            ids=self.ids,
            runner=runner,
            rules=self._rules.get(venue),
        )

    def attached(self, name: str, make: Callable[[], Runtime]) -> Runtime:
        """A runtime of that name that lives beside this one and is closed with it; made the first time."""
        if name not in self._attached:
            self._attached[name] = make()
        return self._attached[name]

    async def load(self, *venues: str) -> None:
        """Imports the venues' client libraries in a thread, so that the event loop does not stand still meanwhile."""
        from backend.integrations.exchanges.factory import load

        for venue in venues:
            if venue not in self._adapters:
                await asyncio.to_thread(load, venue)

    @property
    def journal(self) -> Journal:
        """The journal, once the router was opened. Raises JournalError before that."""
        if self._journal is None:
            raise JournalError("the journal is not open yet; await router() first")
        return self._journal

    async def router(self) -> Router:
        """The started router. Opens the journal the first time: raises JournalLocked when another process holds it."""
        async with self._opening:
            if self._router is None:
                self._router = await self._opened_router()
            return self._router

    async def _opened_router(self) -> Router:
        from backend.services.execution.attempts import Attempts
        from backend.services.execution.lifecycle import Lifecycle
        from backend.services.execution.markets import MarketGuard
        from backend.services.execution.router import Router
        from backend.services.execution.snapshot import Venues

        await self.load(*EXCHANGES)
        await self._check_keys()
        journal = self._journal = self._journal or open_journal(self.settings)
        self.exposure.load(await journal.exposure())
        lifecycle = Lifecycle(
            journal=journal,
            attempts=Attempts(journal, self.exposure, self.health, self.settings.timeouts, self.clock, self.telemetry),
            venues=Venues(self.adapter, self.health, self.settings.equivalents, self.clock),
            markets=MarketGuard(),
            settings=self.settings,
            clock=self.clock,
            telemetry=self.telemetry,
        )
        router = Router(
            journal=journal,
            lifecycle=lifecycle,
            chains=self.chains,
            strategies=self.strategies,
            settings=self.settings,
            clock=self.clock,
            telemetry=self.telemetry,
        )
        try:
            await router.start()
        except BaseException:
            # Also when it is stopped in the middle: no order is followed on over a journal that is closed next.
            await router.close(grace_s=0)
            raise
        self.health.clocks.begin(self.adapter(venue).rules for venue in self._configured)
        return router

    @property
    def _configured(self) -> list[str]:
        """The exchanges with keys."""
        return [venue for venue, settings in self.settings.venues.items() if settings.credentials]

    async def _check_keys(self) -> None:
        """Raises KeyCanWithdraw. An exchange that does not answer now is asked again before its first order."""
        configured = self._configured
        told = await asyncio.gather(*(self.adapter(venue).check_key() for venue in configured), return_exceptions=True)
        for venue, answer in zip(configured, told, strict=True):
            if isinstance(answer, VenueCallFailed):
                self.telemetry.warning("Key not checked yet", exchange=venue, problem=answer.problem)
            elif isinstance(answer, BaseException):
                raise answer
            elif not answer:
                self.telemetry.info("The exchange does not tell what the key may do", exchange=venue)

    async def close(self) -> None:
        """Stops the router, then the adapters, the connections and the journal. A second call does nothing."""
        for other in self._attached.values():
            await other.close()
        if self._router is not None:
            await self._router.close()
            self._router = None
        if "health" in self.__dict__:
            await self.health.close()
        for adapter in self._adapters.values():
            await adapter.close()
        self._adapters.clear()
        if "_transport" in self.__dict__ and self._given_transport is None:
            await self._transport.close()
        if self._journal is not None:
            await self._journal.close()
            self._journal = None


class _Runner:
    """Lets an adapter's public ``place_order`` reach the router, which is built when it is first needed."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def run_on_venue(self, venue: str, intent: Intent) -> ExecutionResult:
        router = await self._runtime.router()
        return await router.run_on_venue(venue, intent)


def shared_telemetry() -> Telemetry:
    """The process's log and metrics: one registry, however many runtimes."""
    if not _process:
        from backend.integrations.telemetry.telemetry import StandardTelemetry

        _process.append(StandardTelemetry(EXCHANGES))
    return _process[0]
