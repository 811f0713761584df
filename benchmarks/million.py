"""A journal with many closed orders: how long a start takes, what it needs of memory, and how fast a page is.

``python -m benchmarks.million [ORDERS]`` runs it alone; a million by default.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

from backend.bootstrap import open_journal, recent_orders
from backend.config import Settings
from backend.domain.ids import body_hash
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Fill, Intent, Side, TimeInForce, VenueOrder
from backend.domain.reasons import EndReason
from backend.domain.records import Attempt
from benchmarks.figure import Figure

ORDERS = 1_000_000
AT = 1_700_000_000.0
BATCH = 2_000
START_GOAL_S, PAGE_GOAL_MS = 2.0, 50.0


def measure(orders: int = ORDERS) -> list[Figure]:
    """Writes the journal through the program's own statements, then opens it in a fresh process."""
    with tempfile.TemporaryDirectory(prefix="quantum-trader-bench-") as room:
        path = Path(room) / "journal.sqlite"
        asyncio.run(_write(path, orders))
        small = Path(room) / "small.sqlite"
        asyncio.run(_write(small, 10))
        told, base = _opened(path), _opened(small)
    growth = told["resident_mb"] - base["resident_mb"]
    note = f"{orders:,} closed orders, in a fresh process"
    return [
        Figure("start: open, check, exposure, open orders", f"{told['start_s']:.2f} s", f"< {START_GOAL_S:g} s", note),
        Figure("  its memory above that of an empty journal", f"{growth:.1f} MB", "flat", note),
        Figure("order list, first page", f"{told['page_ms']:.1f} ms", f"< {PAGE_GOAL_MS:g} ms", "20 orders"),
    ]


async def _write(path: Path, orders: int) -> None:
    journal = open_journal(Settings(journal_path=str(path)))
    try:
        for first in range(0, orders, BATCH):
            await asyncio.gather(*(_closed(journal, number) for number in range(first, min(first + BATCH, orders))))
    finally:
        await journal.close()


async def _closed(journal: object, number: int) -> None:
    intent = Intent.create(id=f"o{number}", symbol="BTC/USDT", side="buy", quantity=1)
    order = VenueOrder(
        venue="binance",
        attempt_id=f"o{number}/1",
        client_id=f"{number:032x}",
        symbol="BTC/USDT",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(100),
        time_in_force=TimeInForce.IOC,
        created_at=AT,
        not_after=AT + 5,
    )
    attempt = Attempt(order.attempt_id, intent.id, 1, order, Decimal(100), AttemptState.OPEN, opened_at=AT)
    fill = Fill("binance", "BTC/USDT", str(number), f"t{number}", Side.BUY, Decimal(1), Decimal(99), at=AT)
    await journal.accept(intent, body_hash=body_hash(intent), now=AT, valid_until=AT + 30)  # type: ignore[attr-defined]
    await journal.open_attempt(attempt, worst_price=Decimal(100))  # type: ignore[attr-defined]
    await journal.step_attempt(  # type: ignore[attr-defined]
        attempt.id, AttemptState.CLOSED, now=AT, venue_order_id=str(number), proof=Proof.TERMINAL_STATE, fills=[fill]
    )
    await journal.step_intent(intent.id, IntentState.DONE, now=AT, reason=EndReason.FILLED)  # type: ignore[attr-defined]


def _opened(path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.million", "--open", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


async def _open(path: Path) -> dict[str, float]:
    """What a router does with its journal before it takes orders."""
    began = time.perf_counter()
    journal = open_journal(Settings(journal_path=str(path)))
    await journal.exposure()
    await journal.unfinished()
    await journal.ghosts()
    start_s = time.perf_counter() - began
    await journal.close()
    began = time.perf_counter()
    page = [asdict(record) for record in recent_orders(20, path=path)]
    page_ms = 1000 * (time.perf_counter() - began)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"start_s": start_s, "page_ms": page_ms, "resident_mb": resident, "page": len(page)}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--open"]:
        sys.stdout.write(json.dumps(asyncio.run(_open(Path(sys.argv[2])))))
    else:
        count = int(sys.argv[1]) if sys.argv[1:] else ORDERS
        for figure in measure(count):
            sys.stdout.write(" | ".join(figure) + "\n")
