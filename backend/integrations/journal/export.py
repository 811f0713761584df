"""The journal's tables as rows for other programs. Amounts stay text, exact to the digit; times are epoch seconds."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TextIO

from backend.domain.errors import ConfigurationError, JournalCorrupt, JournalError

TABLES: Mapping[str, str] = {
    "intents": (
        "SELECT id, state, reason, created_at, valid_until, worst_price, ended_at, body FROM intent ORDER BY seq"
    ),
    "attempts": (
        "SELECT id, intent_id, number, venue, account, client_id, quantity, reserved_notional, state, venue_order_id,"
        " outcome_kind, outcome_reason, evidence, proof, settled_by, lookups, opened_at, closed_at, request"
        " FROM attempt ORDER BY opened_at, id"
    ),
    "fills": (
        "SELECT attempt.intent_id, fill.attempt_id, fill.venue, fill.account, fill.symbol, fill.venue_order_id,"
        " fill.trade_id, fill.side, fill.quantity, fill.price, fill.fee, fill.fee_asset, fill.at"
        " FROM fill JOIN attempt ON attempt.id = fill.attempt_id ORDER BY fill.seq"
    ),
    "events": "SELECT seq, at, kind, intent_id, attempt_id, data, chain FROM event ORDER BY seq",
}


def rows(path: Path, table: str) -> Iterator[dict[str, object]]:
    """One table, read a row at a time; a router may be writing meanwhile. Raises JournalError, ConfigurationError."""
    with _selected(path, table) as found:
        for row in found:
            yield dict(row)


def columns(path: Path, table: str) -> tuple[str, ...]:
    """The names of its columns, also when it has no row. Raises like ``rows``."""
    with _selected(path, table) as found:
        return tuple(str(column[0]) for column in found.description)


@contextmanager
def _selected(path: Path, table: str) -> Iterator[sqlite3.Cursor]:
    if table not in TABLES:
        raise ConfigurationError(f"no table {table!r} in the journal; there are: {', '.join(TABLES)}")
    if not path.is_file():
        raise JournalError(f"{path} does not exist: there is no journal to read")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            yield db.execute(TABLES[table])
    except sqlite3.Error as error:
        raise JournalCorrupt(f"{path} cannot be read as a journal: {error}") from error


def write_csv(table: Iterator[dict[str, object]], out: TextIO) -> int:
    """With a header line; returns the number of rows."""
    writer, count = csv.writer(out), 0
    for count, row in enumerate(table, start=1):
        if count == 1:
            writer.writerow(row)
        writer.writerow(row.values())
    return count


def write_jsonl(table: Iterator[dict[str, object]], out: TextIO) -> int:
    """One object a line; returns the number of rows."""
    count = 0
    for row in table:
        out.write(json.dumps(row, separators=(",", ":")) + "\n")
        count += 1
    return count


FORMATS: Mapping[str, Callable[[Iterator[dict[str, object]], TextIO], int]] = {"csv": write_csv, "jsonl": write_jsonl}
