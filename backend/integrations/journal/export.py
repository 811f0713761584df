"""The journal's tables as rows for other programs. Amounts stay text, exact to the digit; times are epoch seconds."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from backend.domain.errors import ConfigurationError
from backend.integrations.journal.schema import json_text, opened_to_read

TABLES: Mapping[str, str] = {
    "intents": (
        "SELECT id, state, reason, created_at, valid_until, worst_price, ended_at, pinned, cancel_requested_at, body"
        " FROM intent ORDER BY seq"
    ),
    "attempts": (
        "SELECT id, intent_id, number, leg, venue, account, client_id, quantity, reserved_notional,"  # noqa: S608 - own names
        f" {json_text('request', 'rate')} AS rate, state, venue_order_id, outcome_kind, outcome_reason, evidence,"
        " proof, settled_by, lookups, opened_at, closed_at, request"
        " FROM attempt ORDER BY opened_at, id"
    ),
    "fills": (
        "SELECT attempt.intent_id, fill.attempt_id, fill.venue, fill.account, fill.symbol, fill.venue_order_id,"
        " fill.trade_id, fill.side, fill.quantity, fill.price, fill.fee, fill.fee_asset, fill.at,"
        " fill.provisional"
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
    with opened_to_read(path) as db:
        yield db.execute(TABLES[table])


def write_csv(names: Sequence[str], table: Iterator[dict[str, object]], out: TextIO) -> int:
    """With a header line, also above no rows; returns the number of rows."""
    writer, count = csv.writer(out), 0
    writer.writerow(names)
    for row in table:
        writer.writerow(row.values())
        count += 1
    return count


def write_jsonl(_names: Sequence[str], table: Iterator[dict[str, object]], out: TextIO) -> int:
    """One object a line; returns the number of rows."""
    count = 0
    for row in table:
        out.write(json.dumps(row, separators=(",", ":")) + "\n")
        count += 1
    return count


FORMATS: Mapping[str, Callable[[Sequence[str], Iterator[dict[str, object]], TextIO], int]] = {
    "csv": write_csv,
    "jsonl": write_jsonl,
}
"""Each takes the names of the columns and the rows."""
