"""What goes wrong rarely and must not execute twice: contradicting facts, a dying thread, a full disk, two doors."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backend.domain.errors import JournalCorrupt, JournalError, JournalLocked, OrderTaken
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.reasons import EndReason
from backend.integrations.journal.journal import SqliteJournal
from backend.integrations.journal.verify import verify
from tests.integrations.journal.test_journal import NOW, ROOT, accept, attempt, fill, intent, opened

PATIENCE_S = 5


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    opened_journal = SqliteJournal.open(tmp_path / "journal.sqlite")
    yield opened_journal
    await opened_journal.close()


def kinds(path: Path) -> list[str]:
    """The events so far."""
    reader = sqlite3.connect(path)
    found = [str(row[0]) for row in reader.execute("SELECT kind FROM event ORDER BY seq")]
    reader.close()
    return found


async def test_a_trade_belongs_to_one_attempt(journal: SqliteJournal) -> None:
    """A trade booked for one order cannot close another one empty, whose quantity would then be sent again."""
    for name in "ab":
        await accept(journal, intent(name))
        await opened(journal, attempt(name))
    ending = {"now": NOW, "venue_order_id": "o1", "proof": Proof.TERMINAL_STATE, "fills": [fill()]}
    await journal.step_attempt("a/1", AttemptState.CLOSED, **ending)  # type: ignore[arg-type]
    with pytest.raises(OrderTaken, match="belongs to attempt a/1"):
        await journal.step_attempt("b/1", AttemptState.CLOSED, **ending)  # type: ignore[arg-type]
    ending["venue_order_id"] = "o2"
    with pytest.raises(JournalError, match="booked for attempt a/1"):
        await journal.step_attempt("b/1", AttemptState.CLOSED, **ending)  # type: ignore[arg-type]
    record = await journal.get("b")
    assert record is not None
    assert record.open_attempt is not None


async def test_more_than_the_attempt_is_told_once_per_fact(journal: SqliteJournal, tmp_path: Path) -> None:
    """A fill beyond its attempt is booked, with an event of its own even when the intent has room for it."""
    await accept(journal, intent())
    await opened(journal, attempt(quantity="0.5"))
    step = {"now": NOW, "venue_order_id": "o1", "fills": [fill("0.8")]}
    for _ in range(3):
        record = await journal.step_attempt("a/1", AttemptState.WORKING, **step)  # type: ignore[arg-type]
    assert record.attempts[0].filled == fill("0.8").quantity
    assert kinds(tmp_path / "journal.sqlite").count("over_executed") == 1


async def test_the_proof_of_an_end_stays(journal: SqliteJournal) -> None:
    """How an attempt ended is not rewritten, and a proof counts only with the step that it proves."""
    await accept(journal, intent())
    await opened(journal, attempt())
    await journal.step_attempt("a/1", AttemptState.WORKING, now=NOW, proof=Proof.NOT_SENT)
    with pytest.raises(JournalError, match="without a proof"):
        await journal.step_attempt("a/1", AttemptState.CLOSED, now=NOW)
    await journal.step_attempt("a/1", AttemptState.CLOSED, now=NOW, proof=Proof.TERMINAL_STATE)
    with pytest.raises(JournalError, match="ended by terminal_state"):
        await journal.step_attempt("a/1", AttemptState.CLOSED, now=NOW, proof=Proof.NOT_SENT)
    again = await journal.step_attempt("a/1", AttemptState.CLOSED, now=NOW + 1, proof=Proof.TERMINAL_STATE)
    assert again.attempts[0].closed_at == NOW


async def test_open_attempts_share_commits(journal: SqliteJournal) -> None:
    """Sixty-four orders that are about to be sent at once cost few transactions."""
    await asyncio.gather(*(accept(journal, intent(f"o{number}")) for number in range(64)))
    before = journal.commits
    await asyncio.gather(*(opened(journal, attempt(f"o{number}")) for number in range(64)))
    assert journal.commits - before < 16


async def test_nobody_waits_behind_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that meets a closing journal is answered: refused, or done, but never left waiting."""
    journal = SqliteJournal.open(tmp_path / "journal.sqlite")
    closers = []

    class PutWhileClosing(deque[Any]):
        def append(self, unit: object) -> None:
            closer = threading.Thread(target=journal._writer.stop)
            closer.start()
            closers.append(closer)
            closer.join(0.2)
            super().append(unit)

    monkeypatch.setattr(journal._writer, "_waiting", PutWhileClosing())
    async with asyncio.timeout(PATIENCE_S):
        assert await journal.get("nobody") is None
    for closer in closers:
        closer.join()
    with pytest.raises(JournalError, match="closed"):
        await journal.get("nobody")
    await journal.close()


async def test_what_ends_the_thread_ends_the_waiting(journal: SqliteJournal) -> None:
    """Whatever is raised in the writer's thread, every waiter is told, and the journal stops."""

    def exits(db: sqlite3.Connection) -> None:
        raise SystemExit

    async with asyncio.timeout(PATIENCE_S):
        for _ in range(2):
            with pytest.raises(JournalError, match="nothing is accepted or sent"):
                await journal._writer.do(exits)


async def test_waiters_of_several_loops(journal: SqliteJournal) -> None:
    """Each waiter is told in its own loop; one whose loop has ended is nobody to tell."""

    async def leaves() -> None:
        task = asyncio.ensure_future(accept(journal, intent("left")))
        await asyncio.sleep(0)
        assert not task.done()

    await asyncio.gather(*(asyncio.to_thread(asyncio.run, accept(journal, intent(name))) for name in "abc"))
    await asyncio.to_thread(asyncio.run, leaves())
    assert {record.intent.id for record in await journal.recent()} == {"a", "b", "c", "left"}


CRAMPED = """
import asyncio, resource, signal, sys
from pathlib import Path
from typing import Any
from backend.domain.errors import JournalError
from backend.integrations.journal.journal import SqliteJournal
from tests.integrations.journal.test_journal import accept, intent

async def main():
    journal = SqliteJournal.open(Path(sys.argv[1]))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    for number in range(2_000):
        try:
            await accept(journal, intent(f"order-{number}"))
        except JournalError:
            break
        print(number, flush=True)
    try:
        await journal.get("order-0")
    except JournalError:
        print("stopped", flush=True)
    await journal.close()

asyncio.run(main())
"""


def cramped(path: Path) -> list[str]:
    """What a process says that may not write more than 200 kB into any file."""
    command = [sys.executable, "-c", CRAMPED, str(path)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=True, timeout=60).stdout.split()


async def test_a_disk_that_takes_no_more_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Under a real limit of the system the journal stops at once; what it had acknowledged is there afterwards."""
    path = tmp_path / "journal.sqlite"
    told = cramped(path)
    assert told[-1] == "stopped"
    journal = SqliteJournal.open(path)
    stored = {record.intent.id for record in await journal.recent(5_000)}
    assert {f"order-{number}" for number in told[:-1]} <= stored
    assert await journal.verify_chain() == []
    await journal.close()


async def test_a_link_is_the_same_door(journal: SqliteJournal, tmp_path: Path) -> None:
    """A journal reached through a link is the same journal: held."""
    link = tmp_path / "link.sqlite"
    link.symlink_to(tmp_path / "journal.sqlite")
    with pytest.raises(JournalLocked):
        SqliteJournal.open(link)


async def test_a_counter_that_is_no_number_is_corruption(tmp_path: Path) -> None:
    """A damaged incarnation is a typed error, and the lock is free again."""
    path = tmp_path / "journal.sqlite"
    await SqliteJournal.open(path).close()
    damaged = sqlite3.connect(path)
    damaged.execute("UPDATE meta SET value = 'zz' WHERE name = 'incarnation'")
    damaged.commit()
    damaged.close()
    for _ in range(2):
        with pytest.raises(JournalCorrupt, match="incarnation"):
            SqliteJournal.open(path)


async def test_a_throwaway_journal_needs_no_file() -> None:
    """Without a path everything works and nothing is left; two of them share nothing."""
    one, other = SqliteJournal.open(None), SqliteJournal.open(None)
    await accept(one, intent())
    assert await other.get("a") is None
    assert "memory" in repr(one)
    await one.close()
    await other.close()


async def test_a_total_replaces_the_total_before_it(journal: SqliteJournal, tmp_path: Path) -> None:
    """Where a venue tells only what an order has executed so far, each figure replaces the last and adds nothing; and
    trades, when they come, replace them all."""
    await accept(journal, intent())
    await opened(journal, attempt())
    for total in ("0.3", "1.2"):
        so_far = replace(fill(total, trade=f"o1:{total}"), provisional=True)
        record = await journal.step_attempt("a/1", AttemptState.WORKING, now=NOW, venue_order_id="o1", fills=[so_far])
        assert (record.filled, len(record.fills)) == (Decimal(total), 1)
    corrected = replace(fill("1.2", trade="o1:1.2", price="99"), provisional=True)
    record = await journal.step_attempt("a/1", AttemptState.WORKING, now=NOW, fills=[corrected])
    assert [(one.quantity, one.price) for one in record.fills] == [(Decimal("1.2"), Decimal(99))]
    parts = [fill("0.7", trade="t1"), fill("0.8", trade="t2")]
    record = await journal.step_attempt("a/1", AttemptState.CLOSED, now=NOW, proof=Proof.TERMINAL_STATE, fills=parts)
    assert (record.filled, len(record.fills)) == (Decimal("1.5"), 2)
    await journal.step_intent("a", IntentState.DONE, now=NOW, reason=EndReason.FILLED)
    assert verify(tmp_path / "journal.sqlite").problems == ()
