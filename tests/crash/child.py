"""The process that is killed: a whole router on a journal file, pointed at the emulator of its parent.

``python -m tests.crash.child`` reads one line of JSON (a ``Task``) and answers with lines: ``READY`` before that,
``AT <order> <point>``, ``ENDED <result>``, ``FAILED <error>`` for each order, ``REFUSED <error>`` when it cannot start,
``OVER`` at the end of its work. A child with a point to stop at then stays, and waits for its end.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import cast

from backend import bootstrap
from backend.bootstrap import Runtime
from backend.config import Settings, Timeouts, VenueSettings
from backend.domain.errors import QuantumTraderError
from backend.domain.orders import Credentials, Intent
from backend.domain.records import Equivalent
from backend.integrations.exchanges.factory import hosts, load
from backend.integrations.system.clock import ScaledClock
from backend.policies.routing_tables import EXCHANGES, FailoverChains
from backend.ports.exchange import ExchangeAdapter
from backend.ports.journal import Journal
from backend.ports.transport import Transport
from backend.services.execution.router import Router
from tests.crash.points import POINTS, Port
from tests.crash.watched import Watch, Watched, WatchedJournal, say
from tests.fakes.telemetry import RecordingTelemetry

NOK_PER_USD = Decimal("10.5")
EQUIVALENTS = {"BTC/USD": (Equivalent("BTC/USDT", Decimal(1)), Equivalent("BTC/NOK", NOK_PER_USD))}
TIMEOUTS = Timeouts(
    health_s=10.0,
    degraded_after_s=8.0,
    read_s=10.0,
    place_s=15.0,
    cancel_s=15.0,
    send_window_s=8.0,
    lookup_window_s=20.0,
)
"""Generous in the seconds of a fast clock: a busy machine must not look like a venue that fails."""

REST_LOOK_S = 0.1
SCALE = 5.0


@dataclass(frozen=True, slots=True)
class Task:
    """``clock``: the origin of the parent's clock, with which this agrees. ``venues``: address, keys and bounds.
    ``intents``: the arguments of ``Intent.create``. ``another``: one submitted after those have ended or failed.
    ``cancel``: cancel each order once it rests."""

    journal: str
    clock: tuple[float, float]
    venues: Mapping[str, tuple[str, Mapping[str, str], tuple[float, float]]]
    intents: tuple[Mapping[str, object], ...]
    point: str = ""
    released: str = ""
    cancel: bool = False
    another: Mapping[str, object] | None = None

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


class WatchedRuntime(Runtime):
    """A runtime whose adapters are watched, too."""

    watch: Watch

    def adapter(self, venue: str) -> ExchangeAdapter:
        return cast("ExchangeAdapter", Watched(Port.ADAPTER, super().adapter(venue), self.watch))


def settings_of(task: Task) -> Settings:
    venues = {
        venue: VenueSettings(
            credentials=Credentials(api_key=keys["api_key"], secret=keys["secret"], extra=keys), endpoint=address
        )
        for venue, (address, keys, _) in task.venues.items()
    }
    return Settings(journal_path=task.journal, timeouts=TIMEOUTS, venues=venues, equivalents=EQUIVALENTS)


async def run(task: Task) -> None:
    settings, clock = settings_of(task), ScaledClock(SCALE, origin=task.clock)
    endpoints = {host: task.venues[venue][0] for venue, own in hosts().items() if venue in task.venues for host in own}
    path = Path(task.journal)
    watch = Watch(
        task.point,
        POINTS.get(task.point),
        wal=path.with_name(path.name + "-wal"),
        released=Path(task.released),
        endpoints=endpoints,
    )
    WatchedJournal.watch = WatchedRuntime.watch = watch
    transport = bootstrap.http_transport(settings, clock)
    runtime = WatchedRuntime(
        settings,
        clock=clock,
        telemetry=RecordingTelemetry(),
        transport=cast("Transport", Watched(Port.TRANSPORT, transport, watch)),
        journal=cast("Journal", Watched(Port.JOURNAL, WatchedJournal.open(path), watch)),
        chains=FailoverChains(),
        strategies={},
        rules={
            venue: bootstrap.emulated_rules(venue, engine_s=engine_s, visibility_s=visibility_s)
            for venue, (_, _, (engine_s, visibility_s)) in task.venues.items()
        },
    )
    router = await runtime.router()
    await asyncio.gather(*(_submitted(runtime, router, one, cancel=task.cancel) for one in task.intents))
    if task.another is not None:
        await _submitted(runtime, router, task.another)
    say("OVER", "")
    if task.point:
        await asyncio.Event().wait()
    await runtime.close()
    await transport.close()


async def _submitted(runtime: Runtime, router: Router, values: Mapping[str, object], *, cancel: bool = False) -> None:
    intent = Intent.create(**values)  # type: ignore[arg-type]
    work = asyncio.create_task(router.submit(intent))
    try:
        if cancel:
            await _rests(runtime, intent.id, work)
            await router.cancel(intent.id)
        result = await work
    except QuantumTraderError as error:
        told = {"id": intent.id, "error": type(error).__name__, "text": str(error)}
        say("FAILED", json.dumps({**told, "cause": type(getattr(error, "cause", None)).__name__}))
        return
    told = {"id": intent.id, "state": result.state, "reason": result.reason or "", "filled": str(result.filled)}
    say("ENDED", json.dumps(told))


async def _rests(runtime: Runtime, intent_id: str, work: asyncio.Task[object]) -> None:
    """Returns when the order is at its venue, or has ended."""
    while not work.done():
        record = await runtime.journal.get(intent_id)
        if record is not None and record.attempts and record.attempts[-1].venue_order_id is not None:
            return
        await runtime.clock.sleep(REST_LOOK_S)


def main() -> int:
    for venue in EXCHANGES:
        load(venue)
    say("READY", "")
    line = sys.stdin.readline()
    if not line:
        return 0
    try:
        asyncio.run(run(Task(**json.loads(line))))
    except QuantumTraderError as error:
        say("REFUSED", type(error).__name__)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
