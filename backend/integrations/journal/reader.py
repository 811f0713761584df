"""Reads a journal that somebody else may be writing: one state of the file, nothing locked, nothing changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backend.domain.errors import JournalCorrupt, JournalError
from backend.domain.records import Event, IntentRecord, Standing
from backend.integrations.journal import chain, exposure, store
from backend.integrations.journal.schema import json_text, opened_to_read


def recent(path: Path, limit: int) -> tuple[IntentRecord, ...]:
    """The newest orders, newest first. Raises JournalError."""
    with opened_to_read(path) as db:
        return store.recent(db, limit)


def unfinished(path: Path) -> tuple[IntentRecord, ...]:
    """Every order that is not final, oldest first. Raises JournalError."""
    with opened_to_read(path) as db:
        return store.unfinished(db)


def get(path: Path, intent_id: str) -> IntentRecord:
    """One order with all its attempts and fills. Raises JournalError, also when there is none of that id."""
    with opened_to_read(path) as db:
        record = store.get(db, intent_id)
    if record is None:
        raise JournalError(f"no order {intent_id!r} in {path}; `order list` shows those that are there")
    return record


def standing(path: Path) -> Standing:
    """What it holds against using its venues. Raises JournalError."""
    with opened_to_read(path) as db:
        return Standing(store.unfinished(db), exposure.halts(db), chain.meta(db).get("halted"))


def events(path: Path, after: int, limit: int) -> tuple[Event, ...]:
    """What happened after the event of that number, oldest first. Raises JournalError."""
    with opened_to_read(path) as db:
        return store.events(db, after, limit)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a sweep of the venues compares with. ``last_at``: the last event, None when there is none.
    ``symbols``: of every attempt there was. ``halted``: it was put back, and waits for a sweep."""

    cluster_tag: str
    last_at: float | None
    symbols: frozenset[str]
    halted: bool = False


def memory(path: Path) -> Memory:
    """Raises JournalError; JournalCorrupt when the journal does not tell whose it is."""
    with opened_to_read(path) as db:
        notes = chain.meta(db)
        tag = notes.get("cluster_tag", "")
        if not tag:
            raise JournalCorrupt(f"{path} has no cluster tag: its orders cannot be told from those of others")
        # An operator's own event is no trace of the venues: what counts is the last one of an order.
        (last_at,) = db.execute("SELECT max(at) FROM event WHERE intent_id <> ''").fetchone()
        rows = db.execute(f"SELECT DISTINCT {json_text('request', 'symbol')} FROM attempt").fetchall()  # noqa: S608
        return Memory(tag, last_at, frozenset(str(row[0]) for row in rows), "halted" in notes)


def knows(path: Path, client_id: str) -> bool:
    """Does an attempt of the journal carry that client id? Asked of the file as it is now: an attempt is stored before
    it is sent, so whoever has seen the order finds it, also while a router runs. Raises JournalError."""
    with opened_to_read(path) as db:
        return db.execute("SELECT 1 FROM attempt WHERE client_id = ?", (client_id,)).fetchone() is not None
