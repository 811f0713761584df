"""Runs in a tree that has the seventh venue: an order there, and one that moves away when it dies. Prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from decimal import Decimal
from pathlib import Path

from backend import bootstrap
from backend.config import Settings, VenueSettings
from backend.domain.orders import Intent
from backend.domain.records import ExecutionResult
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.host import Emulator
from backend.emulator.market import ZERO, plain
from backend.lab.demo import keys_of
from backend.policies.routing_tables import FailoverChains

SEVENTH, OTHER = "meridian", "binance"


async def main(journal: Path) -> dict[str, object]:
    clock = bootstrap.scaled_clock(5.0)
    emulator = Emulator(seed=1, now=clock.now, sleep=clock.sleep, venues=(SEVENTH, OTHER))
    await emulator.start()
    venues = {
        venue: VenueSettings(credentials=keys_of(emulator, venue), endpoint=emulator.addresses[venue])
        for venue in emulator.venues
    }
    chains = FailoverChains()
    chains.set(SEVENTH, (SEVENTH, OTHER))
    runtime = bootstrap.Runtime(Settings(journal_path=str(journal), venues=venues), clock=clock, chains=chains)
    try:
        router = await runtime.router()
        first = await router.submit(_intent("first"))
        emulator.inject(SEVENTH, Fault(FaultKind.REFUSE))
        moved = await router.submit(_intent("moved"))
        return {
            "first": _told(first),
            "moved": _told(moved),
            "ledger": {v: plain(sum((t.quantity for t in emulator.ledger(v).trades), ZERO)) for v in emulator.venues},
        }
    finally:
        await runtime.close()
        await emulator.stop()


def _intent(name: str) -> Intent:
    return Intent.create(
        id=name, strategy_id="s", symbol="BTC/USDT", side="buy", quantity=Decimal("0.01"), exchange=SEVENTH
    )


def _told(result: ExecutionResult) -> dict[str, object]:
    return {"state": result.state.value, "venues": [attempt.order.venue for attempt in result.attempts]}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(Path(sys.argv[1])))))
