"""The demo: real exchange clients against emulated exchanges that fail, judged by the exchanges' own books.

The exchanges and the referee live here; the router has a process of its own, which is killed on the way.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from backend import bootstrap
from backend.config import Settings, Timeouts, VenueSettings
from backend.domain.orders import Credentials, Intent
from backend.domain.records import Attempt, Equivalent, ExecutionResult, IntentRecord
from backend.emulator.books import BookSource
from backend.emulator.host import Emulator
from backend.lab.acts import ACTS, Act, shared_out
from backend.lab.recorded import RecordedBooks
from backend.lab.referee import LedgerTrade, Verdict, count_by_venue, judge
from backend.lab.report import (
    DemoReport,
    Played,
    act_line,
    all_down_count,
    failover_of,
    recovery_of,
    unknown_lines,
    venue_line,
)
from backend.lab.router_process import Life, RouterDied, RouterProcess
from backend.lab.stand_ins import stand_ins
from backend.lab.view import DemoView
from backend.lab.worker import Setup, work
from backend.lab.workload import PATIENT_S, SIZES, STRATEGIES, Wish, wishes
from backend.policies.routing_tables import EXCHANGES, primary_of
from backend.ports.clock import Clock

CLOCK_SCALE = 5.0
VENUES = EXCHANGES
IN_FLIGHT = 16
REVIEWS_MAX = 10
RECORDED_SPAN_S = 80_000
KILL_LOOKS_MAX = 100
NOK_PER_USD = Decimal("10.5")
EQUIVALENTS = {
    f"{base}/USD": (Equivalent(f"{base}/USDT", Decimal(1)), Equivalent(f"{base}/NOK", NOK_PER_USD))
    for base in ("BTC", "ETH")
}
"""The demo's orders are in USD; a tether counts as a dollar and a dollar as 10.5 kroner. Explicit, as always."""

TIMEOUTS = Timeouts(place_s=6.0, send_window_s=5.0, lookup_window_s=20.0)


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """``books``: a folder of recorded quotes, or a mapping file; without it books are generated from the seed."""

    seed: int = 1
    orders: int = 320
    books: Path | None = None


@dataclass(slots=True)
class _Stage:
    """What the acts are played on. ``played`` is bounded by the number of orders."""

    options: DemoOptions
    clock: Clock
    emulator: Emulator
    setup: Setup
    router: RouterProcess
    view: DemoView
    started: float
    alive: asyncio.Event
    played: list[Played] = field(default_factory=list)
    kill: _Kill | None = None

    @property
    def journal(self) -> Path:
        return Path(str(self.setup.settings.journal_path))


@dataclass(frozen=True, slots=True)
class _Kill:
    """What the killed router left: orders in flight, open attempts, and what the exchanges had executed by then."""

    in_flight: int
    left: tuple[Attempt, ...]
    executed: frozenset[str]
    took_s: float


async def run_demo(options: DemoOptions, view: DemoView, life: Life = work) -> DemoReport:
    """Plays every act and returns the report. ``life``: what the router's process does.

    Raises ConfigurationError for a folder that holds no recordings; RouterDied, RouterFailed when the router's process
    ended by itself or could not start.
    """
    clock = bootstrap.scaled_clock(CLOCK_SCALE)
    began = clock.monotonic()
    recorded = _recorded(options, clock)
    emulator = Emulator(seed=options.seed, now=clock.now, sleep=clock.sleep, books=recorded, venues=VENUES)
    await emulator.start()
    try:
        with tempfile.TemporaryDirectory(prefix="quantum-trader-demo-") as room, view:
            setup = Setup(
                settings=_settings(emulator, Path(room)),
                bounds={venue: _bounds(emulator, venue) for venue in VENUES},
                seed=options.seed,
                clock=(CLOCK_SCALE, *clock.origin),
                strategies=STRATEGIES,
            )
            return await _performed(options, view, clock, emulator, setup, _told(recorded), began, life)
    finally:
        await emulator.stop()


async def _performed(
    options: DemoOptions,
    view: DemoView,
    clock: Clock,
    emulator: Emulator,
    setup: Setup,
    told: Mapping[str, str],
    began: float,
    life: Life,
) -> DemoReport:
    router = await RouterProcess.start(setup, life)
    stage = _Stage(options, clock, emulator, setup, router, view, clock.now(), asyncio.Event())
    stage.alive.set()
    try:
        for venue, books in told.items():
            view.said(f"{venue}: {books}")
        view.said(
            f"the router's journal is {stage.journal}; while this runs, `quantum-trader order list --file` reads it"
        )
        await _play_all(stage)
        await _settle_parked(stage)
    finally:
        latencies = await stage.router.close()
    records = list(reversed(bootstrap.recent_orders(options.orders + 1, path=stage.journal)))
    trades = _ledger(emulator)
    verdict = judge(records, trades)
    seconds = (clock.monotonic() - began) / CLOCK_SCALE
    return _report(stage, records, trades, verdict, told, latencies, seconds)


async def _play_all(stage: _Stage) -> None:
    asked = wishes(stage.options.seed, stage.options.orders, tuple(SIZES))
    for act, count in zip(ACTS, shared_out(stage.options.orders), strict=True):
        stage.view.act(act.name, act.what, count)
        try:
            await _play(stage, act, asked[:count])
        except ExceptionGroup as group:
            raise _cause(group) from None
        del asked[:count]


def _cause(group: ExceptionGroup[Exception]) -> Exception:
    """Every order under way fails when the router dies, each with the same words: once is enough."""
    died = group.subgroup(RouterDied)
    one: Exception = group if died is None else died
    while isinstance(one, ExceptionGroup) and died is not None:
        one = one.exceptions[0]
    return one


async def _play(stage: _Stage, act: Act, asked: list[Wish]) -> None:
    """One act: its orders, at most IN_FLIGHT at once; its faults begin on the way and end with it."""
    places = asyncio.Semaphore(IN_FLIGHT)
    async with asyncio.TaskGroup() as group:
        for number, wish in enumerate(asked):
            if number == act.strikes_after:
                await _strike(stage, act)
            if act.kills_after is not None and number == int(act.kills_after * len(asked)):
                await _kill(stage)
            await stage.clock.sleep(wish.pause_s)
            await places.acquire()
            group.create_task(_order(stage, act, wish, places))
    for venue in VENUES:
        stage.emulator.clear(venue)


async def _strike(stage: _Stage, act: Act) -> None:
    for venue, faults in act.faults.items():
        for fault in faults:
            stage.emulator.inject(venue, fault)
    await stage.clock.sleep(act.settle_s)


async def _order(stage: _Stage, act: Act, wish: Wish, places: asyncio.Semaphore) -> None:
    began = stage.clock.now()
    try:
        intent = Intent.create(
            id=f"demo-{stage.options.seed}-{wish.number:04}",
            strategy_id=wish.strategy,
            symbol=wish.symbol,
            side=wish.side,
            quantity=wish.quantity,
            slippage_bps=wish.slippage_bps,
            valid_until=stage.clock.now() + PATIENT_S if wish.patient else None,
        )
        result = await _submitted(stage, intent)
    finally:
        places.release()
    played = Played(
        act=act.name,
        symbol=wish.symbol,
        primary=primary_of(None, wish.strategy, STRATEGIES, stage.setup.settings.default_exchange),
        result=result,
        at=began - stage.started,
        took_s=stage.clock.now() - began,
    )
    stage.played.append(played)
    stage.view.done(played)


async def _submitted(stage: _Stage, intent: Intent) -> ExecutionResult:
    """Asks whichever router lives, with the same id each time: what a caller does who got no answer."""
    while True:
        await stage.alive.wait()
        try:
            return await stage.router.submit(intent)
        except RouterDied:
            if stage.alive.is_set():
                raise


async def _kill(stage: _Stage) -> None:
    """Kills the router while orders are under way, and starts the next one on the same journal at once."""
    for _ in range(KILL_LOOKS_MAX):
        if stage.router.in_flight and _open_attempts(stage):
            break
        await stage.clock.sleep(0.1)
    stage.alive.clear()
    in_flight, began = stage.router.in_flight, stage.clock.monotonic()
    stage.router.kill()
    left = _open_attempts(stage)
    executed = frozenset(trade.client_id for trade in _ledger(stage.emulator) if trade.client_id)
    stage.view.said(f"the router is killed: {in_flight} orders under way, {len(left)} attempts open")
    stage.router = await RouterProcess.start(stage.setup)
    took_s = (stage.clock.monotonic() - began) / CLOCK_SCALE
    stage.kill = _Kill(in_flight, left, executed, took_s)
    stage.alive.set()


def _open_attempts(stage: _Stage) -> tuple[Attempt, ...]:
    """As the journal's file has them."""
    records = bootstrap.recent_orders(stage.options.orders, open_only=True, path=stage.journal)
    return tuple(attempt for record in records for attempt in record.attempts if not attempt.state.ended)


async def _settle_parked(stage: _Stage) -> None:
    """Parked orders that can still be found are found now; the others stay parked, and are reported so."""
    for _ in range(REVIEWS_MAX):
        results = await stage.router.review()
        if not any(result.blocked and result.attempts[-1].order.client_id for result in results):
            return
        await stage.clock.sleep(2.0)


def _settings(emulator: Emulator, room: Path) -> Settings:
    venues = {}
    for venue in VENUES:
        venues[venue] = VenueSettings(credentials=keys_of(emulator, venue), endpoint=emulator.addresses[venue])
    return Settings(
        journal_path=str(room / "journal.sqlite"), timeouts=TIMEOUTS, venues=venues, equivalents=EQUIVALENTS
    )


def keys_of(emulator: Emulator, venue: str) -> Credentials:
    """The keys that an emulated exchange made for this run."""
    keys = emulator.credentials[venue]
    return Credentials(api_key=keys["api_key"], secret=keys["secret"], extra=dict(keys))


def _bounds(emulator: Emulator, venue: str) -> tuple[float, float]:
    bounds = emulator.bounds(venue)
    return bounds.engine_s, bounds.visibility_s


def _recorded(options: DemoOptions, clock: Clock) -> RecordedBooks | None:
    if options.books is None:
        return None
    from_second = (options.seed * 4_001) % RECORDED_SPAN_S
    return RecordedBooks(
        stand_ins(options.books), venues=VENUES, seed=options.seed, starts_at=clock.now(), from_second=from_second
    )


def _told(books: BookSource | None) -> Mapping[str, str]:
    return books.told if isinstance(books, RecordedBooks) else dict.fromkeys(VENUES, "generated")


def _ledger(emulator: Emulator) -> list[LedgerTrade]:
    return [
        LedgerTrade(
            venue=venue,
            order_id=trade.order_id,
            client_id=trade.client_id or "",
            trade_id=trade.trade_id,
            symbol=trade.symbol,
            side=trade.side.value,
            quantity=trade.quantity,
            price=trade.price,
        )
        for venue in VENUES
        for trade in emulator.ledger(venue).trades
    ]


def _report(
    stage: _Stage,
    records: list[IntentRecord],
    trades: list[LedgerTrade],
    verdict: Verdict,
    told: Mapping[str, str],
    measured: Mapping[str, list[float]],
    seconds: float,
) -> DemoReport:
    in_ledger = count_by_venue(trades)
    by_act = {act.name: [p for p in stage.played if p.act == act.name] for act in ACTS}
    latencies = {venue: [1000 * s for s in measured.get(venue, ())] for venue in VENUES}
    kill = stage.kill
    return DemoReport(
        seed=stage.options.seed,
        orders=len(stage.played),
        verdict=verdict,
        acts=tuple(act_line(act.name, act.what, by_act[act.name]) for act in ACTS),
        venues=tuple(venue_line(v, told[v], records, in_ledger[v], latencies[v]) for v in VENUES),
        failovers=tuple(failover for played in stage.played if (failover := failover_of(played)) is not None),
        unknowns=unknown_lines(records, stage.played),
        all_down_refused=all_down_count(by_act[ACTS[-2].name]),
        recovered=sum(p.result.filled > 0 for p in by_act[ACTS[-1].name]),
        seconds=seconds,
        clock_scale=CLOCK_SCALE,
        books=told,
        recovery=None if kill is None else recovery_of(kill.in_flight, kill.left, kill.executed, records, kill.took_s),
    )
