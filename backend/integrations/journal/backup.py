"""A copy of the journal while it is in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from backend.domain.errors import JournalCorrupt, JournalError
from backend.integrations.journal import files
from backend.integrations.journal.schema import open_connection, prepare, single_file, version_of
from backend.integrations.journal.verify import Verdict, verify


def back_up(journal: Path, target: Path, *, force: bool = False) -> int:
    """Copies the journal as it stands now; a router may be writing. Returns its events. The copy is verified before it
    gets its name. Raises JournalError."""
    if not journal.is_file():
        raise JournalError(f"{journal} does not exist: there is no journal to back up")
    files.check_target(target, journal, force=force)
    draft = target.with_name(f"{target.name}.part")
    verdict = copied(journal, draft)
    if not verdict.whole:
        raise JournalCorrupt(f"the copy {draft} does not hold together: {verdict.problems[0]}; it keeps that name")
    files.replace(draft, target)
    return verdict.events


def copied(source: Path, draft: Path) -> Verdict:
    """A copy in one file, brought up to this program's tables, and what there is to say of it. An older program's
    journal is a good backup too. Leaves no copy when it raises: JournalError, JournalCorrupt."""
    files.remove(draft)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(draft)) as copy,
        ):
            old.backup(copy)
        with closing(open_connection(str(draft))) as db:
            if version_of(db, source) == 0:
                raise JournalCorrupt(f"{source} holds no journal")
            prepare(db)
            single_file(db)
        return verify(draft)
    except JournalError:
        files.remove(draft)
        raise
    except (sqlite3.Error, OSError) as error:
        files.remove(draft)
        raise JournalError(f"{source} cannot be copied to {draft}: {error}") from error
