"""What the journal costs beside a bare fsync of the same run, and what 64 orders that wait together cost."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from backend.bootstrap import open_journal
from backend.config import Settings
from backend.domain.ids import body_hash
from backend.domain.orders import Intent
from benchmarks.figure import Figure
from benchmarks.timing import median

ROUNDS = 200
TOGETHER = 64
PAGE = 4096
GROUP_GOAL = 3.0
AT = 1_700_000_000.0


async def measure() -> list[Figure]:
    """In turn: a bare write with fsync, one order stored, 64 orders stored at once."""
    with tempfile.TemporaryDirectory(prefix="quantum-trader-bench-", dir=Path.cwd()) as room:
        journal = open_journal(Settings(journal_path=str(Path(room) / "journal.sqlite")))
        handle = os.open(Path(room) / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        bare, one, many = [], [], []
        try:
            for number in range(ROUNDS):
                bare.append(fsynced(handle))
                one.append(await _stored(journal, [f"one-{number}"]))
                many.append(await _stored(journal, [f"many-{number}-{place}" for place in range(TOGETHER)]))
        finally:
            os.close(handle)
            await journal.close()
    groups = [many_s / one_s for many_s, one_s in zip(many, one, strict=True)]
    further = [(many_s - one_s) / (TOGETHER - 1) for many_s, one_s in zip(many, one, strict=True)]
    times = [one_s / bare_s for one_s, bare_s in zip(one, bare, strict=True)]
    return [
        Figure("bare fsync", f"{median(bare) * 1000:.2f} ms", "", f"{PAGE} bytes appended"),
        Figure("an order stored", f"{median(one) * 1000:.2f} ms", "", f"{median(times):.1f} bare fsyncs"),
        Figure(
            f"{TOGETHER} waiting orders stored / one",
            f"{median(groups):.1f}",
            f"< {GROUP_GOAL:g}",
            f"{median(many) * 1000:.2f} ms in one commit, {median(further) * 1e6:.0f} us for each further order",
        ),
    ]


def fsynced(handle: int) -> float:
    """Seconds of one bare write with fsync."""
    began = time.perf_counter()
    os.write(handle, b"x" * PAGE)
    os.fsync(handle)
    return time.perf_counter() - began


async def _stored(journal: object, names: list[str]) -> float:
    intents = [Intent.create(id=name, symbol="BTC/USDT", side="buy", quantity=Decimal(1)) for name in names]
    hashes = [body_hash(intent) for intent in intents]
    began = time.perf_counter()
    accepted = (
        journal.accept(intent, body_hash=digest, now=AT, valid_until=AT + 30)  # type: ignore[attr-defined]
        for intent, digest in zip(intents, hashes, strict=True)
    )
    await asyncio.gather(*accepted)
    return time.perf_counter() - began
