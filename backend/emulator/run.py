"""The emulator as a program of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from backend.emulator.host import Emulator
from backend.emulator.scenario import Phase, fault_to_json

Event = Mapping[str, object]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to serve. ``ports``: venue to port, absent or 0 for any free one. No venues: all of the registry."""

    seed: int = 1
    venues: Sequence[str] | None = None
    ports: Mapping[str, int] | None = None
    control_port: int | None = 0
    scenario: Sequence[Phase] = ()
    limits: bool = False
    withdrawing: Collection[str] = ()


async def run(
    options: RunOptions,
    announce: Callable[[Event], None],
    *,
    now: Callable[[], float] = time.time,
    sleep: Sleep = asyncio.sleep,
) -> None:
    """Serve until cancelled. Announces addresses and the keys made for this run, then each phase as it begins.

    The scenario is checked before any port opens: FaultError if it makes no sense. A port that is taken is an OSError,
    a venue that does not exist a ValueError.
    """
    emulator = Emulator(
        seed=options.seed,
        now=now,
        sleep=sleep,
        venues=options.venues,
        limits=options.limits,
        withdrawing=options.withdrawing,
    )
    emulator.check(options.scenario)
    await emulator.start(options.ports, options.control_port)
    try:
        announce(_started(emulator))
        emulator.play(options.scenario)
        await _tell_phases(options.scenario, announce, sleep)
        await emulator.serve_forever()
    finally:
        await emulator.stop()


def _started(emulator: Emulator) -> Event:
    venues = {
        venue: {"address": address, "keys": dict(emulator.credentials[venue])}
        for venue, address in emulator.addresses.items()
    }
    control = emulator.control_address
    return {"event": "started", "venues": venues, "control": control and f"{control}/control"}


async def _tell_phases(phases: Sequence[Phase], announce: Callable[[Event], None], sleep: Sleep) -> None:
    passed = 0.0
    ordered = sorted(enumerate(phases, start=1), key=lambda one: one[1][1].start)
    for number, (venue, fault) in ordered:
        await sleep(fault.start - passed)
        passed = fault.start
        told = fault_to_json(fault)
        told["at"] = told.pop("start")
        announce({"event": "phase", "phase": number, "venue": venue, **told})
