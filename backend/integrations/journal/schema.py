"""The tables, as plain SQL that PostgreSQL would run too; and the versions of them. What is SQLite's own stands here.

Amounts are text, exact to the digit; those of exposure, which are compared in SQL, are whole numbers of 10^-8 of the
order's quote (``exposure.py``). Times are epoch seconds. ``open`` states of an attempt are those that are not
ended: the partial unique index lets a leg have one of them at a time, whatever the program above believes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

from backend.domain.errors import JournalCorrupt
from backend.integrations.journal import exposure, fills, store

VERSION = 2

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE intent (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        body_hash TEXT NOT NULL,
        body TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        created_at REAL NOT NULL,
        valid_until REAL NOT NULL,
        worst_price TEXT,
        ended_at REAL
    );
    CREATE INDEX intent_unfinished ON intent (seq) WHERE state IN ('new', 'active', 'parked');
    CREATE TABLE attempt (
        id TEXT PRIMARY KEY,
        intent_id TEXT NOT NULL REFERENCES intent (id),
        number INTEGER NOT NULL,
        venue TEXT NOT NULL,
        account TEXT NOT NULL,
        client_id TEXT NOT NULL,
        request TEXT NOT NULL,
        quantity TEXT NOT NULL,
        reserved_notional TEXT NOT NULL,
        state TEXT NOT NULL,
        venue_order_id TEXT,
        outcome_kind TEXT,
        outcome_reason TEXT,
        evidence TEXT NOT NULL,
        proof TEXT,
        settled_by TEXT NOT NULL,
        lookups INTEGER NOT NULL,
        opened_at REAL NOT NULL,
        closed_at REAL,
        UNIQUE (intent_id, number)
    );
    CREATE UNIQUE INDEX attempt_client_id ON attempt (client_id) WHERE client_id <> '';
    CREATE UNIQUE INDEX attempt_one_open ON attempt (intent_id) WHERE state IN ('open', 'unknown', 'working');
    CREATE TABLE send (
        attempt_id TEXT NOT NULL REFERENCES attempt (id),
        k INTEGER NOT NULL,
        request TEXT NOT NULL,
        at REAL NOT NULL,
        not_after REAL NOT NULL,
        PRIMARY KEY (attempt_id, k)
    );
    CREATE TABLE fill (
        seq INTEGER PRIMARY KEY,
        venue TEXT NOT NULL,
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        venue_order_id TEXT NOT NULL,
        trade_id TEXT NOT NULL,
        attempt_id TEXT NOT NULL REFERENCES attempt (id),
        side TEXT NOT NULL,
        quantity TEXT NOT NULL,
        price TEXT NOT NULL,
        fee TEXT NOT NULL,
        fee_asset TEXT NOT NULL,
        at REAL NOT NULL,
        UNIQUE (venue, account, symbol, venue_order_id, trade_id)
    );
    CREATE INDEX fill_of_attempt ON fill (attempt_id);
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        intent_id TEXT NOT NULL,
        attempt_id TEXT,
        data TEXT NOT NULL,
        chain TEXT NOT NULL
    );
    """,
    """
    ALTER TABLE intent ADD COLUMN pinned TEXT;
    ALTER TABLE intent ADD COLUMN cancel_requested_at REAL;
    ALTER TABLE attempt ADD COLUMN leg INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE fill ADD COLUMN provisional INTEGER NOT NULL DEFAULT 0;
    DROP INDEX attempt_one_open;
    CREATE UNIQUE INDEX attempt_one_open ON attempt (intent_id, leg) WHERE state IN ('open', 'unknown', 'working');
    CREATE INDEX attempt_venue_order ON attempt (venue, venue_order_id);
    CREATE TABLE leg (
        intent_id TEXT NOT NULL REFERENCES intent (id),
        leg INTEGER NOT NULL,
        quantity TEXT NOT NULL,
        PRIMARY KEY (intent_id, leg)
    );
    INSERT INTO leg (intent_id, leg, quantity) SELECT id, 1, json_extract(body, '$.quantity') FROM intent;
    CREATE TABLE reservation (
        attempt_id TEXT PRIMARY KEY REFERENCES attempt (id),
        venue TEXT NOT NULL,
        account TEXT NOT NULL,
        base TEXT NOT NULL,
        amount INTEGER NOT NULL,
        until REAL
    );
    CREATE INDEX reservation_of_account ON reservation (venue, account);
    CREATE TABLE position (
        venue TEXT NOT NULL,
        account TEXT NOT NULL,
        base TEXT NOT NULL,
        amount INTEGER NOT NULL,
        PRIMARY KEY (venue, account, base)
    );
    CREATE TABLE exposure (
        venue TEXT NOT NULL,
        account TEXT NOT NULL,
        reserved INTEGER NOT NULL,
        used INTEGER NOT NULL,
        PRIMARY KEY (venue, account)
    );
    CREATE TABLE halt (
        seq INTEGER PRIMARY KEY,
        venue TEXT NOT NULL,
        account TEXT NOT NULL,
        intent_id TEXT NOT NULL,
        at REAL NOT NULL,
        problem TEXT NOT NULL,
        acknowledged_at REAL,
        word TEXT
    );
    """,
)


def _rebuilt(db: sqlite3.Connection) -> None:
    """Exposure as it follows from the attempts and fills of a journal of version 1."""
    for row in db.execute("SELECT id FROM intent ORDER BY seq").fetchall():
        record = store.get(db, row["id"])
        attempts = () if record is None else record.attempts
        exposure.rebuild(db, [(one, fills.fills_of(db, one.id)) for one in attempts], fills.ACCOUNT)


FOLLOWED_BY: Mapping[int, Callable[[sqlite3.Connection], None]] = {2: _rebuilt}
"""What is computed after the SQL of a version, in the same transaction."""


def prepare(connection: sqlite3.Connection) -> None:
    """Brings the tables to VERSION. Raises JournalCorrupt for a journal that a newer program wrote."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > VERSION:
        raise JournalCorrupt(
            f"the journal has version {found}, this program knows versions up to {VERSION}; use the newer program"
        )
    for version in range(found + 1, VERSION + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in MIGRATIONS[version - 1].split(";"):
            connection.execute(statement)
        if version in FOLLOWED_BY:
            FOLLOWED_BY[version](connection)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")


def open_connection(path: str, factory: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    """A connection whose commits are on disk when they return: WAL with synchronous=FULL."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=1.0, factory=factory)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection
