"""The default runtime: one per event loop, made when it is first needed, closed when the loop ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from backend.bootstrap.parts import read_settings
from backend.bootstrap.runtime import Runtime, shared_telemetry
from backend.config.model import ExecutionConfig, Settings
from backend.domain.errors import ConfigurationError
from backend.domain.health import ExchangeHealth, HealthCause, specified_form
from backend.domain.orders import Intent
from backend.domain.records import ExecutionResult
from backend.policies.risk_limits import LimitDecision
from backend.policies.routing_tables import CHAINS, PAPER
from backend.ports.exchange import ExchangeAdapter
from backend.ports.telemetry import Telemetry

if TYPE_CHECKING:
    from backend.services.execution.failover import HealthAnswer, HealthQuestion
    from backend.services.execution.router import Router

_installed: list[Runtime] = []
_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Runtime, AsyncGenerator[None, None]]] = WeakKeyDictionary()


class _DefaultRunner:
    """For an adapter that was built outside a running event loop: the router of the loop it is used in."""

    async def run_on_venue(self, venue: str, intent: Intent) -> ExecutionResult:
        router = await (await default_runtime()).router()
        return await router.run_on_venue(venue, intent)


class _OwnRunner:
    """For a paper adapter that was built outside a running event loop, and holds its own account: its own runtimes,
    closed when the loop that it is used in ends."""

    def __init__(self, root: Runtime) -> None:
        self._root = root
        self._kept: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = WeakKeyDictionary()
        self.paper: Runtime | None = None

    async def run_on_venue(self, venue: str, intent: Intent) -> ExecutionResult:
        if self.paper is None:
            raise ConfigurationError("the paper's runtime is not built yet")
        loop = asyncio.get_running_loop()
        if loop not in self._kept:
            keeper = self._kept[loop] = _kept(self._root)
            await anext(keeper)
        return await (await self.paper.router()).run_on_venue(venue, intent)


def process_telemetry() -> Telemetry:
    """The log and metrics of the installed runtime, or the process's."""
    return _installed[-1].telemetry if _installed else shared_telemetry()


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


def execution_adapter(exchange: str, config: ExecutionConfig) -> ExchangeAdapter:
    """The adapter of the runtime in use; outside a running loop one of its own, which places through the default
    runtime of the loop it is used in. ``paper`` uses the books of the configuration's exchange. Raises
    UnknownExchange."""
    if exchange == PAPER:
        return _paper_adapter(config.default_exchange if config.exchange == PAPER else config.exchange)
    runtime = current_runtime()
    if runtime is None:
        runtime = Runtime(read_settings(), runner=_DefaultRunner())
    return runtime.adapter(exchange)


def _paper_adapter(source: str) -> ExchangeAdapter:
    from backend.bootstrap.paper import PaperRuntime

    runtime = current_runtime()
    name = f"{PAPER} {source}"
    if runtime is not None:
        parent = runtime
        return parent.attached(name, lambda: PaperRuntime(parent, source)).adapter(PAPER)
    root = Runtime(read_settings())
    runner = _OwnRunner(root)
    runner.paper = root.attached(name, lambda: PaperRuntime(root, source, runner))
    return runner.paper.adapter(PAPER)
