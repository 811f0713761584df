"""Reads a journal that somebody else may be writing: one state of the file, nothing locked, nothing changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.domain.errors import JournalCorrupt, JournalError
from backend.domain.records import Event, IntentRecord, Standing
from backend.integrations.journal import chain, exposure, store


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


def standing(path: Path) -> Standing:
    """What it holds against using its venues. Raises JournalError."""
    with _opened(path) as db:
        return Standing(store.unfinished(db), exposure.halts(db), chain.meta(db).get("halted"))


def events(path: Path, after: int, limit: int) -> tuple[Event, ...]:
    """What happened after the event of that number, oldest first. Raises JournalError."""
    with _opened(path) as db:
        return store.events(db, after, limit)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a sweep of the venues compares with. ``last_at``: the last event, None when there is none.
    ``symbols``: of every attempt there was."""

    cluster_tag: str
    last_at: float | None
    symbols: frozenset[str]


def memory(path: Path) -> Memory:
    """Raises JournalError; JournalCorrupt when the journal does not tell whose it is."""
    with _opened(path) as db:
        tag = chain.meta(db).get("cluster_tag", "")
        if not tag:
            raise JournalCorrupt(f"{path} has no cluster tag: its orders cannot be told from those of others")
        # An operator's own event is no trace of the venues: what counts is the last one of an order.
        (last_at,) = db.execute("SELECT max(at) FROM event WHERE intent_id <> ''").fetchone()
        rows = db.execute("SELECT DISTINCT request ->> 'symbol' FROM attempt").fetchall()
        return Memory(tag, last_at, frozenset(str(row[0]) for row in rows))


def knows(path: Path, client_id: str) -> bool:
    """Does an attempt of the journal carry that client id? Asked of the file as it is now: an attempt is stored before
    it is sent, so whoever has seen the order finds it, also while a router runs. Raises JournalError."""
    with _opened(path) as db:
        return db.execute("SELECT 1 FROM attempt WHERE client_id = ?", (client_id,)).fetchone() is not None
