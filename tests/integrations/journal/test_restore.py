"""A restore that is killed: whatever stands under the journal's name is the old journal or the restored, halted one."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from backend.domain.errors import JournalCorrupt, JournalError, JournalLocked, NotSwept, RestoreInterrupted
from backend.integrations.journal import files, reader, traces
from backend.integrations.journal.backup import back_up
from backend.integrations.journal.journal import SqliteJournal
from backend.integrations.journal.restore import restore
from backend.integrations.journal.verify import verify
from tests.integrations.journal.test_exposure import _first_version
from tests.integrations.journal.test_journal import NOW, ROOT, accept, intent
from tests.integrations.journal.test_verify import written

REASON = "put back by a test"
KILLED_AT = """
import os, signal, sys
from pathlib import Path
from backend.integrations.journal.restore import restore

room, left = sys.argv[1], int(sys.argv[3])
STEPS = {"os.rename", "os.link", "os.remove", "open", "shutil.copyfile", "sqlite3.connect"}

def stepped(event, arguments):
    global left
    if event in STEPS and any(room in str(one) for one in arguments):
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

sys.addaudithook(stepped)
restore(Path(room) / "backup", Path(room) / "journal.sqlite", reason=sys.argv[2], stamp="killed", now=1.0)
"""
"""Dies before its step of that number: each file that is opened, named, linked or removed is one."""

STEPS_MAX = 60


async def _stopped(room: Path) -> Path:
    """A journal of two orders as a killed router leaves it, the second only in its log; a backup knows the first."""
    path, live = room / "journal.sqlite", room / "live.sqlite"
    journal = SqliteJournal.open(live)
    await accept(journal, intent("a"))
    back_up(live, room / "backup")
    await accept(journal, intent("later"))
    for beside in ("", "-wal"):
        shutil.copyfile(f"{live}{beside}", f"{path}{beside}")
    await journal.close()
    assert (room / "journal.sqlite-wal").stat().st_size > 0
    return path


def _as_it_is(path: Path) -> None:
    pass


def _gone(path: Path) -> None:
    files.remove(path)


def _damaged(path: Path) -> None:
    """Neither it nor its log can be read any more; the log is one that could be applied to another file."""
    with path.open("r+b") as file:
        file.write(b"no database at all, and its log is another's")
    with path.with_name(path.name + "-wal").open("r+b") as log:
        log.write(b"\0" * 8)


def _only_its_log(path: Path) -> None:
    path.unlink()


def _look(path: Path) -> tuple[str | None, list[str]] | str:
    """Why it is halted, and its orders; or the error's name."""

    async def look() -> tuple[str | None, list[str]]:
        journal = SqliteJournal.open(path)
        found = [record.intent.id for record in await journal.recent()]
        await journal.close()
        return journal.halted, found

    try:
        return asyncio.run(look())
    except JournalError as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("spoil", "allowed"),
    [
        (_as_it_is, {(None, ("later", "a"))}),
        (_gone, {"RestoreInterrupted"}),
        (_damaged, {"RestoreInterrupted", "JournalCorrupt", "JournalError"}),
        (_only_its_log, {"RestoreInterrupted"}),
    ],
    ids=["a killed router's", "none there", "damaged", "only its log"],
)
def test_a_restore_that_is_killed_at_any_step(
    tmp_path: Path, spoil: Callable[[Path], None], allowed: set[object]
) -> None:
    """Before each step of it: afterwards the journal is the old one with all its orders, or the restored one, halted;
    or nothing is opened. Never is it an empty one, or the backup with the old one's log. The next restore succeeds."""
    seen: list[object] = []
    (first := tmp_path / "first").mkdir()
    spoil(asyncio.run(_stopped(first)))
    for step in count():
        assert step < STEPS_MAX
        room = tmp_path / f"step-{step}"
        shutil.copytree(first, room)
        path = room / "journal.sqlite"
        child = subprocess.run([sys.executable, "-c", KILLED_AT, str(room), REASON, str(step)], cwd=ROOT, check=False)
        assert child.returncode in {0, -signal.SIGKILL}
        if _begun(room) or child.returncode == 0:
            found = _look(path)
            told = found if isinstance(found, str) else (found[0], tuple(found[1]))
            assert told in {(REASON, ("a",)), *allowed}, f"killed before step {step}"
            seen.append(told)
        restored = restore(room / "backup", path, reason="again", stamp="again", now=NOW)
        assert _look(path) == ("again", ["a"])
        assert verify(restored.journal).problems == ()
        assert not [one.name for one in room.iterdir() if one.name.endswith((".restoring", "-unfinished"))]
        if child.returncode == 0:
            break
    assert len(seen) >= 6
    assert seen[-1] == (REASON, ("a",))
    assert len(set(seen)) > 1


def _begun(room: Path) -> bool:
    """Before a restore has written anything the journal is what it was; a missing one may be begun then."""
    return any(one.name.startswith("journal.sqlite.re") for one in room.iterdir())


def test_no_journal_is_begun_beside_the_traces_of_a_restore(tmp_path: Path) -> None:
    """A draft, a replaced journal, a log without its file: each alone is told with what to do, to readers too, and
    nothing is made. Moved away, an empty journal is begun."""
    path = tmp_path / "journal.sqlite"
    for trace in ("journal.sqlite.restoring", "journal.sqlite.replaced-now", "journal.sqlite-wal"):
        (tmp_path / trace).write_bytes(b"something")
        for look in (SqliteJournal.open, verify, lambda path: reader.recent(path, 1)):
            with pytest.raises(RestoreInterrupted, match=r"journal restore BACKUP.*move that file away"):
                look(path)
        assert {one.name for one in tmp_path.iterdir()} <= {trace, "journal.sqlite.lock"}
        (tmp_path / trace).unlink()
    assert _look(path) == (None, [])
    traces.mark_of(path).touch()
    assert _look(path) == "RestoreInterrupted"


async def test_the_incarnation_is_learnt_from_what_an_interrupted_restore_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal is gone and only its replaced file is there: ids go on beyond that one's."""
    monkeypatch.setattr("backend.integrations.journal.restore.secrets.randbelow", lambda _: 0)
    path = await _stopped(tmp_path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = '0900' WHERE name = 'incarnation'")
    path.rename(traces.aside_of(path, "killed"))
    restore(tmp_path / "backup", path, reason=REASON, stamp="now", now=NOW)
    journal = SqliteJournal.open(path)
    assert int(journal.incarnation, 16) == 0x0900 + 0x400 + 1
    await journal.close()


async def test_a_restore_waits_for_nobody_who_reads(tmp_path: Path) -> None:
    """Somebody who reads the old journal would go on with its log under the new file: the restore is refused."""
    path = await _stopped(tmp_path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM intent").fetchone()
        with pytest.raises(JournalLocked, match="being read"):
            restore(tmp_path / "backup", path, reason=REASON, stamp="now", now=NOW)
    restore(tmp_path / "backup", path, reason=REASON, stamp="now", now=NOW)


async def test_a_link_is_restored_where_it_points(tmp_path: Path) -> None:
    """The journal's lock and its folder are those of the file, not of the link that leads to it."""
    path, link = await _stopped(tmp_path), tmp_path / "elsewhere" / "link.sqlite"
    link.parent.mkdir()
    link.symlink_to(path)
    restore(tmp_path / "backup", link, reason=REASON, stamp="now", now=NOW)
    assert link.is_symlink()
    journal = SqliteJournal.open(path)
    assert journal.halted == REASON
    with pytest.raises(JournalLocked):
        restore(tmp_path / "backup", link, reason=REASON, stamp="later", now=NOW)
    await journal.close()


async def test_a_backup_of_an_older_program_is_copied_and_put_back(tmp_path: Path) -> None:
    """Its copy is brought up first and verified then; the backup itself stays as it was. It alone cannot be read."""
    old, path = await written(tmp_path / "old.sqlite"), tmp_path / "journal.sqlite"
    _first_version(old)
    with pytest.raises(JournalCorrupt, match=r"version 1.*journal backup"):
        verify(old)
    before = old.read_bytes()
    assert back_up(old, tmp_path / "copy.sqlite") == 14
    assert restore(old, path, reason=REASON, stamp="now", now=NOW).events == 14
    assert old.read_bytes() == before
    for one in (path, tmp_path / "copy.sqlite"):
        assert verify(one).problems == ()
    journal = SqliteJournal.open(path)
    assert (journal.halted, len(await journal.recent())) == (REASON, 3)
    await journal.close()


async def test_a_journal_that_was_put_back_asks_for_a_sweep_of_every_venue(tmp_path: Path) -> None:
    """No word alone ends the halt: each venue was looked at since the restore, together or one after the other, or the
    journal keeps that somebody went without. A sweep from before the restore does not count."""
    path = await _stopped(tmp_path)
    for round_ in range(2):
        restore(tmp_path / "backup", path, reason=REASON, stamp=str(round_), now=NOW)
        journal = SqliteJournal.open(path)
        for venues, missing in (((), "any exchange"), (("okx", "binance"), "binance, okx")):
            with pytest.raises(NotSwept, match=f"{missing}.*journal orphans.*--unswept"):
                await journal.confirm(word="all is well", now=NOW, venues=venues)
        await journal.record_sweep(["binance"], [], [], now=NOW)
        with pytest.raises(NotSwept, match=r": okx\."):
            await journal.confirm(word="all is well", now=NOW, venues=["okx", "binance"])
        assert journal.halted == REASON
        await journal.close()
        back_up(path, tmp_path / "backup", force=True)
    journal = SqliteJournal.open(path)
    await journal.record_sweep(["okx"], ["okx o1"] * 300, ["a problem"], now=NOW)
    assert await journal.confirm(word="all is well", now=NOW, venues=["okx", "binance"]) == REASON
    swept, confirmed = (await journal.events(0, 100))[-2:]
    assert (len(swept.data["orphans"]), swept.data["orphans_found"]) == (100, 300)  # type: ignore[arg-type]
    assert (confirmed.data["swept"], confirmed.data["unswept"]) == (["binance", "okx"], False)
    assert await journal.confirm(word="again", now=NOW) is None
    await journal.record_sweep(["okx"], [], [], now=NOW)
    assert (await journal.events(0, 100))[-1].kind == "halt_confirmed"
    await journal.close()
    assert verify(path).problems == ()


async def test_going_without_a_sweep_is_kept(tmp_path: Path) -> None:
    """The event names what was not looked at."""
    path = await _stopped(tmp_path)
    restore(tmp_path / "backup", path, reason=REASON, stamp="now", now=NOW)
    journal = SqliteJournal.open(path)
    assert await journal.confirm(word="by hand", now=NOW, venues=["okx"], unswept=True) == REASON
    (*_, confirmed) = await journal.events(0, 100)
    await journal.close()
    assert (confirmed.data["word"], confirmed.data["swept"], confirmed.data["unswept"]) == ("by hand", [], ["okx"])


@pytest.mark.parametrize("content", [b"", b"no database"], ids=["empty", "none"])
def test_what_is_no_journal_is_not_put_back(tmp_path: Path, content: bytes) -> None:
    """An empty file would become an empty journal; neither leaves a trace."""
    path, backup = tmp_path / "journal.sqlite", tmp_path / "backup.sqlite"
    backup.write_bytes(content)
    with pytest.raises(JournalError, match=r"backup\.sqlite"):
        restore(backup, path, reason=REASON, stamp="now", now=NOW)
    with pytest.raises(JournalError, match="no backup"):
        restore(tmp_path / "none", path, reason=REASON, stamp="now", now=NOW)
    assert {one.name for one in tmp_path.iterdir()} == {"backup.sqlite", "journal.sqlite.lock"}


async def test_where_a_file_has_no_second_name_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every file system has hard links."""

    def refused(*_: object) -> None:
        raise PermissionError("no links here")

    path = await _stopped(tmp_path)
    monkeypatch.setattr(Path, "hardlink_to", refused)
    restored = restore(tmp_path / "backup", path, reason=REASON, stamp="now", now=NOW)
    assert restored.aside is not None
    assert verify(restored.aside).intents == 2
    journal = SqliteJournal.open(path)
    assert journal.halted == REASON
    await journal.close()
    with pytest.raises(JournalError, match="not overwritten"):
        restore(tmp_path / "backup", path, reason=REASON, stamp="now", now=NOW)
    assert _look_halted(path) == REASON


def _look_halted(path: Path) -> str | None:
    with closing(sqlite3.connect(path)) as db:
        row = db.execute("SELECT value FROM meta WHERE name = 'halted'").fetchone()
    return None if row is None else str(row[0])
