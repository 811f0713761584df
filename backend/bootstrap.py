"""The one place that puts adapters into services.

``Runtime`` is what one program runs: settings, venues, health, journal, router. The specified facades reach the default
runtime of the running event loop through ``default_runtime``; a program that wants its own uses ``open_runtime``.
Everything heavy (ccxt, aiohttp, prometheus_client, pydantic) is imported when it is first needed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from backend.config.model import Settings
from backend.domain.errors import ConfigurationError, JournalError
from backend.domain.health import ExchangeHealth, HealthCause, specified_form
from backend.domain.orders import Intent
from backend.domain.records import Attempt, ExecutionResult
from backend.domain.rules import Fact, RateRule, VenueRules, Verification
from backend.policies.risk_limits import LimitDecision
from backend.policies.routing_tables import CHAINS, EXCHANGES, STRATEGY_EXCHANGE_MAP, FailoverChains, known_exchange
from backend.ports.clock import Clock
from backend.ports.exchange import AttemptRunner, ExchangeAdapter
from backend.ports.ids import Ids
from backend.ports.journal import Journal
from backend.ports.telemetry import Telemetry
from backend.ports.transport import Transport

if TYPE_CHECKING:
    from backend.services.execution.failover import HealthAnswer, HealthQuestion
    from backend.services.execution.router import Router
    from backend.services.health.board import HealthBoard
    from backend.services.risk.exposure import ExposureBook

APPLICATION = "quantum-trader"
JOURNAL_NAME = "journal.sqlite"
EMULATED_RATE = RateRule(requests=1_000, period_s=1.0)
T = TypeVar("T")


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
    ) -> None:
        self.settings = checked(settings)
        self.chains = chains
        self.strategies = strategies
        self._rules = rules
        self._given_transport = transport
        self._journal = journal
        self._runner: AttemptRunner = _Runner(self) if runner is None else runner
        self._adapters: dict[str, ExchangeAdapter] = {}
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
        return process_telemetry()

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
        """The venue's adapter, built once. Raises NoAdapterYet or UnknownExchange."""
        known_exchange(venue)
        if venue not in self._adapters:
            from backend.integrations.exchanges.factory import build_adapter

            self._adapters[venue] = build_adapter(
                venue,
                settings=self.settings.venue(venue),
                timeouts=self.settings.timeouts,
                transport=self._transport,
                clock=self.clock,
                ids=self.ids,
                runner=self._runner,
                rules=self._rules.get(venue),
            )
        return self._adapters[venue]

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
        journal = self._journal = self._journal or open_journal(self.settings)
        self.exposure.load(await _settled_and_open(journal))
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
        await router.start()
        return router

    async def close(self) -> None:
        """Stops the router, then the adapters, the connections and the journal. A second call does nothing."""
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


class _DefaultRunner:
    """For an adapter that was built outside a running event loop: the router of the loop it is used in."""

    async def run_on_venue(self, venue: str, intent: Intent) -> ExecutionResult:
        router = await (await default_runtime()).router()
        return await router.run_on_venue(venue, intent)


class _Runner:
    """Lets an adapter's public ``place_order`` reach the router, which is built when it is first needed."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def run_on_venue(self, venue: str, intent: Intent) -> ExecutionResult:
        router = await self._runtime.router()
        return await router.run_on_venue(venue, intent)


def checked(settings: Settings) -> Settings:
    """The settings, if every exchange they name exists. Raises ConfigurationError."""
    for name in (settings.default_exchange, *settings.allowed_exchanges, *settings.venues, *settings.limits.per_venue):
        known_exchange(name)
    return settings


def read_settings() -> Settings:
    """The settings of file and environment. Raises ConfigurationError."""
    from backend.config.load import load_settings

    return checked(load_settings(os.environ, Path.cwd()))


def journal_path(settings: Settings) -> Path:
    """Where the journal lies: the setting, or the user's data directory."""
    if settings.journal_path is not None:
        return Path(settings.journal_path).expanduser()
    import platformdirs

    return platformdirs.user_data_path(APPLICATION) / JOURNAL_NAME


def open_journal(settings: Settings) -> Journal:
    """Opens and locks the journal. Raises JournalLocked, JournalCorrupt, JournalError."""
    from backend.integrations.journal.journal import SqliteJournal

    path = journal_path(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return SqliteJournal.open(path)


async def _settled_and_open(journal: Journal) -> list[tuple[Attempt, Decimal]]:
    """Each attempt that matters for exposure, with its filled notional in its intent's quote."""
    from backend.services.execution.attempts import filled_notional

    with_fills = dict.fromkeys(intent_id for intent_id, _ in await journal.all_fills())
    records = {intent_id: await journal.get(intent_id) for intent_id in with_fills}
    records.update({record.intent.id: record for record in await journal.unfinished()})
    return [
        (attempt, filled_notional(attempt, record.fills))
        for record in records.values()
        if record is not None
        for attempt in record.attempts
    ]


# --- The default runtime: what the specified facades use -------------------------------------------------------------

_installed: list[Runtime] = []
_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Runtime, AsyncGenerator[None, None]]] = WeakKeyDictionary()
_process: dict[str, object] = {}


def process_telemetry() -> Telemetry:
    """The process's log and metrics: one registry, however many runtimes."""
    if _installed:
        return _installed[-1].telemetry
    if "telemetry" not in _process:
        from backend.integrations.telemetry.telemetry import StandardTelemetry

        _process["telemetry"] = StandardTelemetry(EXCHANGES)
    return _process["telemetry"]  # type: ignore[return-value]


def current_runtime() -> Runtime | None:
    """The installed runtime, or the running loop's default one if it was made already."""
    if _installed:
        return _installed[-1]
    try:
        kept = _by_loop.get(asyncio.get_running_loop())
    except RuntimeError:
        return None
    return None if kept is None else kept[0]


async def default_runtime() -> Runtime:
    """The installed runtime, or one of the running event loop's own, closed when that loop ends.

    Raises ConfigurationError when file or environment are wrong.
    """
    runtime = current_runtime()
    if runtime is None:
        runtime = Runtime(read_settings())
        keeper = _kept(runtime)
        # A started async generator is closed by the loop's own shutdown (asyncio.run), inside that loop.
        await anext(keeper)
        _by_loop[asyncio.get_running_loop()] = (runtime, keeper)
    return runtime


async def _kept(runtime: Runtime) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await runtime.close()


@contextmanager
def using(runtime: Runtime) -> Iterator[Runtime]:
    """Makes ``runtime`` the one that the specified functions use, for the length of the block."""
    _installed.append(runtime)
    try:
        yield runtime
    finally:
        _installed.remove(runtime)


@asynccontextmanager
async def open_runtime(settings: Settings | None = None) -> AsyncIterator[Runtime]:
    """A runtime from the given settings, or from file and environment; closed at the end of the block."""
    runtime = Runtime(read_settings() if settings is None else settings)
    try:
        yield runtime
    finally:
        await runtime.close()


@asynccontextmanager
async def open_router(settings: Settings | None = None) -> AsyncIterator[Router]:
    """A started router: what a library user needs. Raises JournalLocked when another process routes already."""
    async with open_runtime(settings) as runtime:
        yield await runtime.router()


def http_transport(settings: Settings, clock: Clock) -> Transport:
    """The real HTTP transport, with the venues' endpoints of the settings."""
    from backend.integrations.exchanges.factory import hosts
    from backend.integrations.transport.aiohttp_transport import AiohttpTransport

    endpoints = {}
    for venue, own_hosts in hosts().items():
        endpoint = settings.venue(venue).endpoint
        if endpoint is not None:
            endpoints.update(dict.fromkeys(own_hosts, endpoint))
    return AiohttpTransport(clock=clock, endpoints=endpoints)


def system_clock() -> Clock:
    """The machine's clock."""
    from backend.integrations.system.clock import SystemClock

    return SystemClock()


def scaled_clock(scale: float) -> Clock:
    """A clock that runs ``scale`` times faster from now on (1 to 5), for demos and drills."""
    from backend.integrations.system.clock import ScaledClock

    return ScaledClock(scale)


def seeded_ids(seed: int) -> Ids:
    """Ids that repeat with the seed, for demos and drills."""
    from backend.integrations.system.ids import SeededIds

    return SeededIds(seed)


def emulated_rules(venue: str, *, engine_s: float, visibility_s: float) -> VenueRules:
    """The venue's rules with what differs at its emulation: its own short bounds, and a rate that it can serve.

    Only for a runtime that is pointed at an emulator: a live venue's rules are never shrunk.
    """
    from backend.integrations.exchanges.factory import rules_of

    def emulated(value: T) -> Fact[T]:
        return Fact(value, Verification.RUN, "2026-11-23", "the emulator's own rules")

    return replace(
        rules_of(venue),
        engine_bound_s=emulated(engine_s),
        visibility_bound_s=emulated(visibility_s),
        order_rate=emulated(EMULATED_RATE),
        read_rate=emulated(EMULATED_RATE),
    )


def environment_names(variable: str) -> tuple[str, ...]:
    """The comma-separated names of an environment variable, in lower case."""
    return tuple(name.strip().lower() for name in os.environ.get(variable, "").split(",") if name.strip())


async def live_health(exchange: str) -> ExchangeHealth:
    """The specified dictionary of one live check. Never raises: wrong settings are a reason to be down too."""
    from backend.policies.live_health import down

    try:
        runtime = await default_runtime()
    except ConfigurationError as error:
        return specified_form(down(HealthCause.NO_ADAPTER, f"configuration: {error}", at=0.0))
    await runtime.load(exchange)
    return specified_form(await runtime.health.check(exchange))


async def choose_exchange(primary: str, default_exchange: str, *, ask: HealthQuestion, healthy: HealthAnswer) -> str:
    """The specified choice, with the process's chains, log and metrics."""
    from backend.services.execution.failover import choose_exchange as choose

    runtime = current_runtime()
    return await choose(
        primary,
        default_exchange,
        chains=CHAINS if runtime is None else runtime.chains,
        ask=ask,
        healthy=healthy,
        telemetry=process_telemetry(),
    )


def limit_decision(exchange: str, symbol: str, notional: Decimal, trace_id: str) -> LimitDecision:
    """Caps and exposure of the runtime in use; without one, the caps of the settings alone."""
    from backend.services.risk.exposure import ExposureBook

    runtime = current_runtime()
    exposure = ExposureBook(read_settings().limits) if runtime is None else runtime.exposure
    return exposure.check(exchange, symbol, notional, trace_id)


def execution_adapter(exchange: str) -> ExchangeAdapter:
    """The adapter of the runtime in use; outside a running loop one of its own, which places through the default
    runtime of the loop it is used in. Raises UnknownExchange or NoAdapterYet."""
    runtime = current_runtime()
    if runtime is None:
        runtime = Runtime(read_settings(), runner=_DefaultRunner())
    return runtime.adapter(exchange)
