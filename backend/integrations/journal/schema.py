"""The tables, as plain SQL that PostgreSQL would run too; and the versions of them.

Amounts are text, exact to the digit; times are epoch seconds. ``open`` states of an attempt are those that are not
ended: the partial unique index lets an intent have one of them at a time, whatever the program above believes.
"""

from __future__ import annotations

import sqlite3

from backend.domain.errors import JournalCorrupt

VERSION = 1

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
)


def prepare(connection: sqlite3.Connection) -> None:
    """Brings the tables to VERSION. Raises JournalCorrupt for a journal that a newer program wrote."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > VERSION:
        raise JournalCorrupt(
            f"the journal has version {found}, this program knows versions up to {VERSION}; use the newer program"
        )
    for number in range(found, VERSION):
        connection.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;")


def open_connection(path: str) -> sqlite3.Connection:
    """A connection whose commits are on disk when they return: WAL with synchronous=FULL."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=1.0)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection
