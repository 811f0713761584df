"""Putting a backup in the journal's place.

A journal that was put back does not know what happened since: it is halted, so that nothing is accepted or sent before
somebody has looked, and its next incarnations are ones that were never used, so that no client id is made twice.

Whenever it is killed, the journal's name is the old journal or the restored one, whole and halted. The new file is
complete under another name first. The old one is put in one file, its log written into it, and gets a second name. Then
one renaming does it. Where the old one is too damaged for that, a mark refuses everybody while its log is moved.
"""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from backend.domain.errors import JournalCorrupt, JournalError, JournalLocked
from backend.integrations.journal import chain, confirming, files, traces
from backend.integrations.journal.backup import copied
from backend.integrations.journal.lock import FileLock
from backend.integrations.journal.schema import BEGIN, is_busy, open_connection, single_file

INCARNATIONS_SKIPPED = 0x400
"""So many openings may have been lost with the time since the last opening that is known; up to so many more are
skipped by lot, so that two restores differ even when what was used between them is lost."""

BUSY_S = 1.0


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back, and where the journal that stood there before is now (None: there was none)."""

    journal: Path
    aside: Path | None
    events: int


def restore(backup: Path, journal: Path, *, reason: str, stamp: str, now: float) -> Restored:
    """Puts a backup in the journal's place, halted. The journal that stood there is kept aside, under ``stamp``.

    Raises JournalLocked while a router runs or somebody reads the journal, JournalError, JournalCorrupt.
    """
    # Resolved: one journal has one lock, by whatever link it is reached.
    journal = journal.resolve()
    if not backup.is_file():
        raise JournalError(f"{backup} does not exist: there is no backup to put back")
    draft = traces.draft_of(journal)
    if backup.resolve() == draft:
        raise JournalError(f"{backup} is what an interrupted restore has left: name the backup itself")
    journal.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(journal.with_name(journal.name + ".lock"))
    try:
        verdict = copied(backup, draft)
        if not verdict.whole:
            files.remove(draft)
            raise JournalCorrupt(f"{backup} does not hold together: {verdict.problems[0]}")
        _halt(draft, reason, used=_incarnation_of(journal), now=now)
        aside = _put_in_place(draft, journal, stamp)
    finally:
        lock.release()
    return Restored(journal, aside, verdict.events)


def _incarnation_of(journal: Path) -> int:
    """The last one of the journal that is replaced, or, where an interrupted restore has left none, of the newest that
    was; 0 when there is none, or none that can be read any more."""
    known = journal if journal.is_file() else next(reversed(traces.asides(journal)), None)
    if known is None:
        return 0
    try:
        with closing(sqlite3.connect(f"{known.as_uri()}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return int(chain.meta(db).get("incarnation", "0"), 16)
    except (sqlite3.Error, ValueError):
        # It may be put aside because it is damaged: that is no reason to refuse the backup.
        return 0


def _halt(path: Path, reason: str, *, used: int, now: float) -> None:
    """``used``: the last incarnation of the journal that is replaced, which may be later than the backup's."""
    with closing(open_connection(str(path))) as db:
        db.execute(BEGIN)
        last = max(used, int(chain.meta(db).get("incarnation", "0"), 16))
        skipped = INCARNATIONS_SKIPPED + secrets.randbelow(INCARNATIONS_SKIPPED)
        confirming.begin(db, reason, f"{(last + skipped) % 0x10000:04x}", now=now)
        db.execute("COMMIT")
        single_file(db)


def _put_in_place(draft: Path, journal: Path, stamp: str) -> Path | None:
    """Gives the draft, which is whole, the journal's name; returns where the journal that had it is kept."""
    aside = traces.aside_of(journal, stamp) if journal.exists() else None
    if aside is not None:
        _forget_seconds(journal)
        if not _is_one_file(journal):
            return _put_over_damage(draft, journal, stamp)
        files.keep(journal, aside)
    elif files.companions(journal):
        return _put_over_damage(draft, journal, stamp)
    files.replace(draft, journal)
    traces.mark_of(journal).unlink(missing_ok=True)
    return aside


def _put_over_damage(draft: Path, journal: Path, stamp: str) -> Path:
    """The same for a file whose log cannot be written into it: both are kept, and nobody may open the one without the
    other, or the new file with the old log."""
    aside, mark = traces.aside_of(journal, stamp), traces.mark_of(journal)
    mark.write_text("A restore has begun here; run it again if it does not run any more.\n", encoding="utf-8")
    files.sync(mark)
    files.sync(mark.parent)
    if journal.exists():
        files.keep(journal, aside)
    for companion in files.companions(journal):
        files.replace(companion, aside.with_name(aside.name + companion.name.removeprefix(journal.name)))
    files.replace(draft, journal)
    mark.unlink()
    files.sync(journal.parent)
    return aside


def _is_one_file(journal: Path) -> bool:
    """Writes its log into it. False: that cannot be done, because it is damaged. Raises JournalLocked."""
    try:
        with closing(sqlite3.connect(journal, isolation_level=None, timeout=BUSY_S)) as db:
            single_file(db)
    except sqlite3.Error as error:
        if is_busy(error):
            raise JournalLocked(
                f"{journal} is being read by another program: end that, then run the restore again"
            ) from error
    return not files.companions(journal)


def _forget_seconds(journal: Path) -> None:
    """An interrupted restore may have left the journal with a second name: it is no journal that was replaced."""
    for path in traces.asides(journal):
        if path.samefile(journal) and not files.companions(path):
            path.unlink()
