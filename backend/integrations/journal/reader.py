"""Reads a journal that somebody else may be writing: one state of the file, nothing locked, nothing changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from backend.domain.errors import JournalCorrupt, JournalError
from backend.domain.records import Event, IntentRecord
from backend.integrations.journal import store


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise JournalError(f"{path} does not exist: there is no journal to read")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            db.execute("BEGIN")
            yield db
    except sqlite3.Error as error:
        raise JournalCorrupt(f"{path} cannot be read as a journal: {error}") from error


def recent(path: Path, limit: int) -> tuple[IntentRecord, ...]:
    """The newest orders, newest first. Raises JournalError."""
    with _opened(path) as db:
        return store.recent(db, limit)


def unfinished(path: Path) -> tuple[IntentRecord, ...]:
    """Every order that is not final, oldest first. Raises JournalError."""
    with _opened(path) as db:
        return store.unfinished(db)


def get(path: Path, intent_id: str) -> IntentRecord:
    """One order with all its attempts and fills. Raises JournalError, also when there is none of that id."""
    with _opened(path) as db:
        record = store.get(db, intent_id)
    if record is None:
        raise JournalError(f"no order {intent_id!r} in {path}; `order list` shows those that are there")
    return record


def events(path: Path, after: int, limit: int) -> tuple[Event, ...]:
    """What happened after the event of that number, oldest first. Raises JournalError."""
    with _opened(path) as db:
        return store.events(db, after, limit)
