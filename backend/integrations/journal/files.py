"""A database is more than one file: names that change in one step, and are on the disk when the step returns."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from backend.domain.errors import JournalError

LOG, INDEX, UNDO = "-wal", "-shm", "-journal"
COMPANIONS = (LOG, INDEX, UNDO)
"""What SQLite keeps beside its file, and would apply to whatever file bears the name."""


def companions(database: Path) -> tuple[Path, ...]:
    """Those that are there."""
    beside = (database.with_name(database.name + suffix) for suffix in COMPANIONS)
    return tuple(path for path in beside if path.exists())


def check_target(target: Path, journal: Path, *, force: bool) -> None:
    """Raises JournalError where a file to be written is the journal itself or a companion of it, by whatever name, or
    is there already and shall not be overwritten."""
    for own in (journal, *companions(journal), *companions(journal.resolve())):
        if target.resolve() == own.resolve() or (target.exists() and own.exists() and target.samefile(own)):
            raise JournalError(f"{target} is the journal itself, which is never overwritten; choose another name")
    if target.exists() and not force:
        raise JournalError(f"{target} exists; choose another name, or overwrite it with --force")


def remove(database: Path) -> None:
    """Removes it with its companions; what is not there is no fault."""
    for path in (*companions(database), database):
        path.unlink(missing_ok=True)


def replace(source: Path, target: Path) -> None:
    """Gives a file, synced first, another one's name: after a kill or a loss of power that is the one or the other."""
    sync(source)
    source.replace(target)
    sync(target.parent)


def keep(path: Path, name: Path) -> None:
    """A second name for a file, or, where the file system has no such names, a copy; on the disk when it returns.
    Raises JournalError when the name is taken."""
    if name.exists():
        raise JournalError(f"{name} exists: it is not overwritten; try again in a second")
    try:
        name.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, name)
    sync(name)
    sync(name.parent)


def sync(path: Path) -> None:
    """Puts a file's content, or a folder's names, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
