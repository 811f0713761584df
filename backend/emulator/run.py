"""The emulator as a program of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from backend.emulator.host import Emulator


async def run(
    ports: Mapping[str, int] | None,
    seed: int,
    scenario_path: Path | None,
    announce: Callable[[str], None],
    *,
    control_port: int | None = 0,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Start all venues, announce addresses and the keys made for this run, and serve until cancelled."""
    emulator = Emulator(seed=seed, now=now, sleep=sleep)
    await emulator.start(ports, control_port)
    try:
        if scenario_path is not None:
            emulator.play(scenario_path)
        for venue, address in emulator.addresses.items():
            keys = ", ".join(f"{name} {value}" for name, value in emulator.credentials[venue].items())
            announce(f"{venue}: {address} ({keys})")
        if emulator.control_address is not None:
            announce(f"control: {emulator.control_address}/control/venues")
        await emulator.serve_forever()
    finally:
        await emulator.stop()
