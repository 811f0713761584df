"""Fills: each booked once, for one attempt; running totals give way to what is told later."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from backend.domain.errors import JournalError, OrderTaken
from backend.domain.orders import Fill
from backend.integrations.journal.rows import fill_of

ACCOUNT = "main"


def check_free(db: sqlite3.Connection, row: sqlite3.Row, venue_order_id: str) -> None:
    """An order at a venue belongs to one attempt; a venue's numbers may be its market's only. Raises OrderTaken."""
    symbol = json.loads(row["request"])["symbol"]
    others = db.execute(
        "SELECT id, request FROM attempt WHERE venue = ? AND account = ? AND venue_order_id = ? AND id <> ?",
        (row["venue"], row["account"], venue_order_id, row["id"]),
    )
    for other in others:
        if json.loads(other["request"])["symbol"] == symbol:
            raise OrderTaken(f"{row['venue']} order {venue_order_id} belongs to attempt {other['id']}, not {row['id']}")


def fills_of(db: sqlite3.Connection, attempt_id: str) -> list[Fill]:
    """What is booked for one attempt, in the order of booking."""
    return [fill_of(row) for row in db.execute("SELECT * FROM fill WHERE attempt_id = ? ORDER BY seq", (attempt_id,))]


def corrected(db: sqlite3.Connection, attempt_id: str, fills: Sequence[Fill]) -> list[Fill]:
    """A running total that is told again with another price (the venue's history had lagged) gives way to what is told
    now: what was removed."""
    old = {(one.venue_order_id, one.trade_id): one for one in fills_of(db, attempt_id) if one.provisional}
    stale = []
    for fill in fills:
        known = old.get((fill.venue_order_id, fill.trade_id))
        if known is not None and fill.provisional and (known.quantity, known.price) != (fill.quantity, fill.price):
            stale.append(known)
            db.execute(
                "DELETE FROM fill WHERE attempt_id = ? AND venue_order_id = ? AND trade_id = ?",
                (attempt_id, fill.venue_order_id, fill.trade_id),
            )
    return stale


def replaced(
    db: sqlite3.Connection, attempt_id: str, booked: Sequence[Fill], whole: Sequence[Fill] | None
) -> list[Fill]:
    """What is new takes the place of the provisional figures of the same attempt, which were totals: they are removed,
    and told. ``whole``: everything that it executed; what is provisional and not among it goes, also if none is new."""
    if not booked and whole is None:
        return []
    stays = {(fill.venue_order_id, fill.trade_id) for fill in (*booked, *(whole or ()))}
    stale = [
        one for one in fills_of(db, attempt_id) if one.provisional and (one.venue_order_id, one.trade_id) not in stays
    ]
    for fill in stale:
        db.execute(
            "DELETE FROM fill WHERE attempt_id = ? AND venue_order_id = ? AND trade_id = ?",
            (attempt_id, fill.venue_order_id, fill.trade_id),
        )
    return stale


def book(db: sqlite3.Connection, attempt_id: str, fill: Fill) -> bool:
    """Books a fill once; False: it was booked before. Raises JournalError when its id is booked with other content or
    for another attempt.

    Skipping a trade that another attempt has would close this one as if nothing had executed.
    """
    key = (fill.venue, ACCOUNT, fill.symbol, fill.venue_order_id, fill.trade_id)
    stored = db.execute(
        "SELECT * FROM fill WHERE venue = ? AND account = ? AND symbol = ? AND venue_order_id = ? AND trade_id = ?", key
    ).fetchone()
    if stored is not None:
        known = fill_of(stored)
        if stored["attempt_id"] != attempt_id:
            raise JournalError(
                f"trade {fill.trade_id} of {fill.venue} order {fill.venue_order_id} is booked for attempt"
                f" {stored['attempt_id']}, not {attempt_id}"
            )
        if (known.quantity, known.price, known.side) != (fill.quantity, fill.price, fill.side):
            raise JournalError(f"trade {fill.trade_id} of {fill.venue} order {fill.venue_order_id} contradicts itself")
        return False
    values = (
        *key,
        attempt_id,
        fill.side.value,
        format(fill.quantity, "f"),
        format(fill.price, "f"),
        format(fill.fee, "f"),
        fill.fee_asset,
        fill.at,
        int(fill.provisional),
    )
    db.execute(
        "INSERT INTO fill (venue, account, symbol, venue_order_id, trade_id, attempt_id, side, quantity, price, fee,"
        " fee_asset, at, provisional) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )
    return True
