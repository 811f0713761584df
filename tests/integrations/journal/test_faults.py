"""A disk that fails: nothing is acknowledged that is not stored, and nothing goes on as if it were."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from backend.domain.errors import JournalCorrupt, JournalError, JournalLocked
from backend.domain.ids import body_hash
from backend.integrations.journal import chain
from backend.integrations.journal.backup import back_up
from backend.integrations.journal.journal import SqliteJournal
from backend.integrations.journal.restore import restore
from backend.integrations.journal.verify import verify
from tests.integrations.journal.test_journal import NOW, accept, attempt, intent, opened
from tests.integrations.journal.test_verify import written


def failing(statement: str, message: str, *, applied: bool) -> tuple[type[sqlite3.Connection], Callable[[], None]]:
    """A connection that fails at that statement once it is armed: before, or after the database has done it."""
    armed: list[bool] = []

    class Failing(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if not armed or not sql.startswith(statement):
                return super().execute(sql, *values)
            if applied:
                super().execute(sql, *values)
            raise sqlite3.OperationalError(message)

    return Failing, lambda: armed.append(True)


FAULTS = {
    "no room": ("INSERT INTO event", "database or disk is full", False),
    "an i/o error": ("UPDATE intent", "disk I/O error", False),
    "a commit that fails": ("COMMIT", "disk I/O error", False),
    "an fsync that fails after the write": ("COMMIT", "disk I/O error", True),
    "a lock that is lost": ("BEGIN", "locking protocol", False),
}


@pytest.mark.parametrize("what", FAULTS)
async def test_a_fault_ends_the_journal_and_loses_nothing_that_was_told(tmp_path: Path, what: str) -> None:
    """Every waiter is told, also those who come later; nothing is tried again. On a mended disk everything that was
    acknowledged is there; what was not may be there, whole, or not at all."""
    statement, message, applied = FAULTS[what]
    factory, arm = failing(statement, message, applied=applied)
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal.open(path, factory)
    for name in ("a", "b"):
        await accept(journal, intent(name))
    await opened(journal, attempt("a"))
    arm()
    waiting = [opened(journal, attempt("b")), accept(journal, intent("c"))]
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, JournalError)
        assert "nothing is accepted or sent any more" in str(outcome)
    with pytest.raises(JournalError, match="Mend the disk"):
        await accept(journal, intent("d"))
    await journal.close()
    mended = SqliteJournal.open(path)
    records = {record.intent.id: record for record in await mended.recent()}
    await mended.close()
    assert {"a", "b"} <= set(records) <= {"a", "b", "c"}
    assert [one.id for one in records["a"].attempts] == ["a/1"]
    assert len(records["b"].attempts) == (1 if applied else 0)
    assert verify(path).problems == ()


async def test_a_start_checks_what_came_after_the_last_one(tmp_path: Path) -> None:
    """The chain is followed from the mark to its end; a break is told with what to do. Older events are for verify."""
    path = await written(tmp_path / "journal.sqlite")
    await SqliteJournal.open(path).close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE event SET data = replace(data, '1.50', '9.99') WHERE seq = 1")
    journal = SqliteJournal.open(path)
    assert not verify(path).whole
    await accept(journal, intent("z"))
    await journal.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE event SET data = '{}' WHERE seq = (SELECT max(seq) FROM event)")
    with pytest.raises(JournalCorrupt, match="journal restore"):
        SqliteJournal.open(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM event WHERE seq > 5")
    with pytest.raises(JournalCorrupt, match="is gone"):
        SqliteJournal.open(path)


async def test_the_mark_moves_on_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A router that runs for long leaves no long check to the next start."""
    monkeypatch.setattr(chain, "CHECKED_EVERY", 5)
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal.open(path)
    for number in range(12):
        await accept(journal, intent(f"o{number}"))
    with closing(sqlite3.connect(path)) as db:
        (seq,) = db.execute("SELECT value FROM meta WHERE name = 'checked_seq'").fetchone()
    await journal.close()
    assert int(seq) == 10


async def test_a_backup_is_made_while_a_router_writes(tmp_path: Path) -> None:
    """Whole, never over a file that is there, and only of a journal."""
    path, target = tmp_path / "journal.sqlite", tmp_path / "backup.sqlite"
    with pytest.raises(JournalError, match="no journal to back up"):
        back_up(path, target)
    journal = SqliteJournal.open(path)
    await accept(journal, intent())
    assert back_up(path, target) == 1
    await accept(journal, intent("b"))
    with pytest.raises(JournalError, match="--force"):
        back_up(path, target)
    assert verify(target).intents == 1
    assert back_up(path, target, force=True) == 2
    await journal.close()
    assert verify(target).problems == ()


async def test_a_journal_that_was_put_back_is_halted_and_never_makes_an_id_twice(tmp_path: Path) -> None:
    """It says why until somebody confirms, the replaced one is kept, and its incarnations jump ahead."""
    path, target = tmp_path / "journal.sqlite", tmp_path / "backup.sqlite"
    journal = SqliteJournal.open(path)
    await accept(journal, intent())
    back_up(path, target)
    with pytest.raises(JournalLocked):
        restore(target, path, reason="a test", stamp="now", now=NOW)
    used = {journal.incarnation}
    await journal.close()
    for _ in range(5):
        journal = SqliteJournal.open(path)
        used.add(journal.incarnation)
        await journal.close()
    journal = SqliteJournal.open(path)
    await accept(journal, intent("after the backup"))
    await journal.close()
    restored = restore(target, path, reason="a test", stamp="now", now=NOW)
    assert restored.aside is not None
    assert verify(restored.aside).intents == 2
    journal = SqliteJournal.open(path)
    assert (journal.halted, journal.incarnation in used) == ("a test", False)
    assert [record.intent.id for record in await journal.recent()] == ["a"]
    await journal.record_sweep(["binance"], [], [], now=NOW)
    assert await journal.confirm(word="compared", now=NOW, venues=["binance"]) == "a test"
    assert journal.halted is None
    await journal.close()
    journal = SqliteJournal.open(path)
    assert journal.halted is None
    assert [event.kind for event in await journal.events(0, 10)] == [
        "intent_accepted",
        "restored",
        "venues_swept",
        "halt_confirmed",
    ]
    await journal.close()
    assert verify(path).problems == ()


async def test_the_same_backup_put_back_again_makes_new_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent after the first restore carries its incarnation, which the backup does not know: the next restore
    learns it from the journal that it replaces. A replaced journal that cannot be read is no obstacle."""
    monkeypatch.setattr("backend.integrations.journal.restore.secrets.randbelow", lambda _: 0)
    path, target = await written(tmp_path / "journal.sqlite"), tmp_path / "backup.sqlite"
    back_up(path, target)
    used = []
    for number in range(3):
        restore(target, path, reason="a test", stamp=str(number), now=NOW)
        journal = SqliteJournal.open(path)
        used.append(journal.incarnation)
        await journal.close()
    assert used == sorted(set(used))
    path.write_bytes(b"no database")
    restore(target, path, reason="a test", stamp="damaged", now=NOW)
    journal = SqliteJournal.open(path)
    assert journal.halted == "a test"
    await journal.close()


async def test_a_restore_jumps_by_lot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a replaced journal to learn from, two restores of one backup differ by what is drawn."""
    path, target = await written(tmp_path / "journal.sqlite"), tmp_path / "backup.sqlite"
    back_up(path, target)
    used = []
    for drawn in (3, 700):
        monkeypatch.setattr("backend.integrations.journal.restore.secrets.randbelow", lambda _, drawn=drawn: drawn)
        path.unlink(missing_ok=True)
        restore(target, path, reason="a test", stamp=str(drawn), now=NOW)
        journal = SqliteJournal.open(path)
        used.append(int(journal.incarnation, 16))
        await journal.close()
    assert used[1] - used[0] == 700 - 3


async def test_a_backup_that_is_broken_is_not_put_back(tmp_path: Path) -> None:
    """It is verified first; the journal stays as it is."""
    path, target = await written(tmp_path / "journal.sqlite"), tmp_path / "backup.sqlite"
    back_up(path, target)
    with closing(sqlite3.connect(target)) as db, db:
        db.execute("DELETE FROM fill")
    with pytest.raises(JournalCorrupt, match="does not hold together"):
        restore(target, path, reason="a test", stamp="now", now=NOW)
    journal = SqliteJournal.open(path)
    assert journal.halted is None
    order = intent("new")
    await journal.accept(order, body_hash=body_hash(order), now=NOW, valid_until=NOW + 1)
    await journal.close()
