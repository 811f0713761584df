"""The demo: real exchange clients against emulated exchanges that fail, judged by the exchanges' own books."""

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
from backend.domain.records import Equivalent, IntentRecord
from backend.domain.rules import VenueRules
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
    unknown_lines,
    venue_line,
)
from backend.lab.stand_ins import stand_ins
from backend.lab.stopwatch import Stopwatch
from backend.lab.view import DemoView
from backend.lab.workload import PATIENT_S, SIZES, STRATEGIES, Wish, wishes
from backend.policies.routing_tables import EXCHANGES, FailoverChains
from backend.ports.clock import Clock
from backend.services.execution.router import Router

CLOCK_SCALE = 5.0
VENUES = EXCHANGES
IN_FLIGHT = 16
REVIEWS_MAX = 10
RECORDED_SPAN_S = 80_000
NOK_PER_USD = Decimal("10.5")
EQUIVALENTS = {
    f"{base}/USD": (Equivalent(f"{base}/USDT", Decimal(1)), Equivalent(f"{base}/NOK", NOK_PER_USD))
    for base in ("BTC", "ETH")
}
"""The demo's orders are in USD; a tether counts as a dollar and a dollar as 10.5 kroner. Explicit, as always."""

TIMEOUTS = Timeouts(place_s=6.0, send_window_s=5.0, lookup_window_s=60.0)


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
    router: Router
    view: DemoView
    started: float
    played: list[Played] = field(default_factory=list)


async def run_demo(options: DemoOptions, view: DemoView) -> DemoReport:
    """Plays every act and returns the report. Raises ConfigurationError for a folder that holds no recordings."""
    clock = bootstrap.scaled_clock(CLOCK_SCALE)
    began = clock.monotonic()
    recorded = _recorded(options, clock)
    emulator = Emulator(seed=options.seed, now=clock.now, sleep=clock.sleep, books=recorded, venues=VENUES)
    await emulator.start()
    try:
        with tempfile.TemporaryDirectory(prefix="quantum-trader-demo-") as room, view:
            return await _performed(options, view, clock, emulator, _told(recorded), Path(room), began)
    finally:
        await emulator.stop()


async def _performed(
    options: DemoOptions,
    view: DemoView,
    clock: Clock,
    emulator: Emulator,
    told: Mapping[str, str],
    room: Path,
    began: float,
) -> DemoReport:
    stopwatch = Stopwatch()
    runtime = bootstrap.Runtime(
        _settings(emulator, room),
        clock=clock,
        ids=bootstrap.seeded_ids(options.seed),
        telemetry=stopwatch,
        chains=FailoverChains(),
        strategies=STRATEGIES,
        rules={venue: _rules(emulator, venue) for venue in VENUES},
    )
    try:
        stage = _Stage(options, clock, emulator, await runtime.router(), view, clock.now())
        for venue, books in told.items():
            view.said(f"{venue}: {books}")
        await _play_all(stage)
        await _settle_parked(stage)
        records = list(reversed(await runtime.journal.recent(options.orders + 1)))
    finally:
        await runtime.close()
    trades = _ledger(emulator)
    verdict = judge(records, trades)
    return _report(stage, records, trades, verdict, told, stopwatch, (clock.monotonic() - began) / CLOCK_SCALE)


async def _play_all(stage: _Stage) -> None:
    asked = wishes(stage.options.seed, stage.options.orders, tuple(SIZES))
    for act, count in zip(ACTS, shared_out(stage.options.orders), strict=True):
        stage.view.act(act.name, act.what, count)
        await _play(stage, act, asked[:count])
        del asked[:count]


async def _play(stage: _Stage, act: Act, asked: list[Wish]) -> None:
    """One act: its orders, at most IN_FLIGHT at once; its faults begin on the way and end with it."""
    places = asyncio.Semaphore(IN_FLIGHT)
    async with asyncio.TaskGroup() as group:
        for number, wish in enumerate(asked):
            if number == act.strikes_after:
                await _strike(stage, act)
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
        result = await stage.router.submit(intent)
    finally:
        places.release()
    played = Played(
        act=act.name,
        symbol=wish.symbol,
        primary=stage.router.route_of(intent).primary,
        result=result,
        at=began - stage.started,
        took_s=stage.clock.now() - began,
    )
    stage.played.append(played)
    stage.view.done(played)


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


def _rules(emulator: Emulator, venue: str) -> VenueRules:
    bounds = emulator.bounds(venue)
    return bootstrap.emulated_rules(venue, engine_s=bounds.engine_s, visibility_s=bounds.visibility_s)


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
    stopwatch: Stopwatch,
    seconds: float,
) -> DemoReport:
    in_ledger = count_by_venue(trades)
    by_act = {act.name: [p for p in stage.played if p.act == act.name] for act in ACTS}
    latencies = {venue: [1000 * s for s in stopwatch.answers[venue]] for venue in VENUES}
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
    )
