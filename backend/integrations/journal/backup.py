"""A copy of the journal while it is in use, and putting one back.

A journal that was put back does not know what happened since: it is halted, so that nothing is accepted or sent before
somebody has looked, and its next incarnations are ones that were never used, so that no client id is made twice.
"""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from backend.domain.errors import JournalCorrupt, JournalError
from backend.integrations.journal import chain
from backend.integrations.journal.lock import FileLock
from backend.integrations.journal.schema import open_connection
from backend.integrations.journal.verify import verify

INCARNATIONS_SKIPPED = 0x400
"""So many openings may have been lost with the time since the last opening that is known; up to so many more are
skipped by lot, so that two restores differ even when what was used between them is lost."""

COMPANIONS = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back, and where the journal that stood there before is now (None: there was none)."""

    journal: Path
    aside: Path | None
    events: int


def back_up(journal: Path, target: Path, *, force: bool = False) -> int:
    """Copies the journal as it stands now; a router may be writing. Returns its events. The copy is verified before it
    gets its name. Raises JournalError."""
    if not journal.is_file():
        raise JournalError(f"{journal} does not exist: there is no journal to back up")
    if target.exists() and not force:
        raise JournalError(f"{target} exists; choose another name, or overwrite it with --force")
    draft = target.with_name(f"{target.name}.part")
    draft.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(draft)) as copy,
        ):
            source.backup(copy)
    except (sqlite3.Error, OSError) as error:
        draft.unlink(missing_ok=True)
        raise JournalError(f"{journal} cannot be copied to {target}: {error}") from error
    verdict = verify(draft)
    if not verdict.whole:
        raise JournalCorrupt(f"the copy {draft} does not hold together: {verdict.problems[0]}; it keeps that name")
    draft.replace(target)
    return verdict.events


def restore(backup: Path, journal: Path, *, reason: str, stamp: str) -> Restored:
    """Puts a backup in the journal's place, halted. The journal that stood there is kept aside, under ``stamp``.

    Raises JournalLocked while a router runs, JournalError, JournalCorrupt.
    """
    verdict = verify(backup)
    if not verdict.whole:
        raise JournalCorrupt(f"{backup} does not hold together: {verdict.problems[0]}")
    journal.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(journal.with_name(journal.name + ".lock"))
    try:
        draft = journal.with_name(f"{journal.name}.restoring")
        with (
            closing(sqlite3.connect(f"file:{backup}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(draft)) as copy,
        ):
            source.backup(copy)
        _halt(draft, reason, used=_incarnation_of(journal))
        aside = _put_aside(journal, stamp)
        draft.replace(journal)
    finally:
        lock.release()
    return Restored(journal, aside, verdict.events)


def _incarnation_of(journal: Path) -> int:
    """The last one of the journal that is replaced; 0 when there is none, or none that can be read any more."""
    if not journal.is_file():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return int(chain.meta(db).get("incarnation", "0"), 16)
    except (sqlite3.Error, ValueError):
        # It may be put aside because it is damaged: that is no reason to refuse the backup.
        return 0


def _halt(path: Path, reason: str, *, used: int) -> None:
    """``used``: the last incarnation of the journal that is replaced, which may be later than the backup's."""
    with closing(open_connection(str(path))) as db:
        db.execute("BEGIN IMMEDIATE")
        last = max(used, int(chain.meta(db).get("incarnation", "0"), 16))
        skipped = INCARNATIONS_SKIPPED + secrets.randbelow(INCARNATIONS_SKIPPED)
        chain.set_meta(db, halted=reason, incarnation=f"{(last + skipped) % 0x10000:04x}")
        db.execute("COMMIT")
        # One file, whole: it is renamed in a moment, and a companion would stay behind.
        db.execute("PRAGMA journal_mode = DELETE")


def _put_aside(journal: Path, stamp: str) -> Path | None:
    if not journal.exists():
        return None
    aside = journal.with_name(f"{journal.name}.replaced-{stamp}")
    for companion in COMPANIONS:
        part = journal.with_name(journal.name + companion)
        if part.exists():
            part.replace(aside.with_name(aside.name + companion))
    return aside
