"""What the journal costs beside a bare fsync of the same run, and what 64 orders that wait together cost."""

from __future__ import annotations

import asyncio
import os
import sqlite3
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
        bare: list[float] = []
        one: list[float] = []
        many: list[float] = []
        one_cpu: list[float] = []
        many_cpu: list[float] = []
        try:
            for number in range(ROUNDS):
                bare.append(fsynced(handle))
                for names, times, cpu in (
                    ([f"one-{number}"], one, one_cpu),
                    ([f"many-{number}-{place}" for place in range(TOGETHER)], many, many_cpu),
                ):
                    seconds, processor_s = await _stored(journal, names)
                    times.append(seconds)
                    cpu.append(processor_s)
        finally:
            os.close(handle)
            await journal.close()
    groups = [many_s / one_s for many_s, one_s in zip(many, one, strict=True)]
    further = [(many_s - one_s) / (TOGETHER - 1) for many_s, one_s in zip(many_cpu, one_cpu, strict=True)]
    fsyncs = [one_s / bare_s for one_s, bare_s in zip(one, bare, strict=True)]
    return [
        Figure("bare fsync", f"{median(bare) * 1000:.2f} ms", "", f"{PAGE} bytes appended"),
        Figure("an order stored", f"{median(one) * 1000:.2f} ms", "", f"{median(fsyncs):.1f} bare fsyncs"),
        Figure(
            f"{TOGETHER} waiting orders stored / one",
            f"{median(groups):.1f}",
            f"< {GROUP_GOAL:g}",
            f"{median(many) * 1000:.2f} ms in one commit, {median(further) * 1e6:.0f} us of processor each; under"
            f" {GROUP_GOAL:g} where a bare fsync takes {from_fsync(*map(median, (bare, one, many))) * 1000:.1f} ms",
        ),
    ]


def from_fsync(bare: float, one: float, many: float) -> float:
    """From which bare fsync on the group costs under GROUP_GOAL times one: both hold one fsync, the rest is processor.
    Zero where it does at any."""
    return max(0.0, (many - bare - GROUP_GOAL * (one - bare)) / (GROUP_GOAL - 1))


def bare_table(file: Path) -> sqlite3.Connection:
    """A table of one column on a disk as safe as the journal's, and nothing else."""
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE bare (value TEXT)")
    return db


def bare_commit(db: sqlite3.Connection) -> float:
    """Seconds of one row in a transaction of its own, without a thread, a check or a hash."""
    began = time.perf_counter()
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO bare VALUES ('x')")
    db.execute("COMMIT")
    return time.perf_counter() - began


def fsynced(handle: int) -> float:
    """Seconds of one bare write with fsync."""
    began = time.perf_counter()
    os.write(handle, b"x" * PAGE)
    os.fsync(handle)
    return time.perf_counter() - began


async def _stored(journal: object, names: list[str]) -> tuple[float, float]:
    """Seconds, and seconds of processor in all threads: those do not depend on the disk."""
    intents = [Intent.create(id=name, symbol="BTC/USDT", side="buy", quantity=Decimal(1)) for name in names]
    hashes = [body_hash(intent) for intent in intents]
    began, processor = time.perf_counter(), time.process_time()
    accepted = (
        journal.accept(intent, body_hash=digest, now=AT, valid_until=AT + 30)  # type: ignore[attr-defined]
        for intent, digest in zip(intents, hashes, strict=True)
    )
    await asyncio.gather(*accepted)
    return time.perf_counter() - began, time.process_time() - processor
