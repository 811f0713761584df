"""What the journal keeps of exposure: reservations of what is not proven dead, positions, their sums, and halts.

Each function is part of a unit of work of ``store``: a reservation stands or falls with its attempt. Reserving is one
conditional update, so that no two orders can both fit into the last room under a cap, whoever else writes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from decimal import ROUND_UP, Decimal

from backend.domain.errors import JournalError, OverCap
from backend.domain.money import ZERO
from backend.domain.orders import Fill, Side, VenueOrder
from backend.domain.records import UNTIL_SETTLED, Attempt, ExposureState, Halt, Position, Reservation
from backend.integrations.journal import chain

UNIT = Decimal("0.00000001")
"""Amounts are compared in SQL, so they are whole numbers of this part of a quote unit, rounded away from zero."""

UNITS_MAX = 2**62


def units(amount: Decimal) -> int:
    """Raises JournalError for an amount that no order has."""
    whole = int((amount / UNIT).to_integral_value(ROUND_UP))
    if abs(whole) > UNITS_MAX:
        raise JournalError(f"a notional of {amount} is more than the journal can hold")
    return whole


def reserve(db: sqlite3.Connection, attempt: Attempt, account: str, cap: Decimal | None) -> None:
    """Reserves the attempt's worst case. ``cap``: the account's limit; None for an order that lowers its exposure.
    Raises OverCap."""
    order, amount = attempt.order, units(attempt.reserved_notional)
    db.execute(
        "INSERT INTO exposure (venue, account, reserved, used) VALUES (?, ?, 0, 0) ON CONFLICT DO NOTHING",
        (order.venue, account),
    )
    limit = UNITS_MAX if cap is None else min(units(cap), UNITS_MAX)
    updated = db.execute(
        "UPDATE exposure SET reserved = reserved + ? WHERE venue = ? AND account = ? AND reserved + used + ? <= ?",
        (amount, order.venue, account, amount, limit),
    )
    if updated.rowcount != 1:
        raise OverCap(order.venue, attempt.reserved_notional, cap or ZERO)
    db.execute(
        "INSERT INTO reservation (attempt_id, venue, account, base, amount) VALUES (?, ?, ?, ?, ?)",
        (attempt.id, order.venue, account, _base(order), _signed(order.side, amount)),
    )


SETTLED = "settled"


def told_until(until: float | None) -> float | str | None:
    """The end of a ghost as an event tells it: JSON has no word for a time that never comes."""
    return SETTLED if until == UNTIL_SETTLED else until


def keep_until(db: sqlite3.Connection, attempt_id: str, until: float) -> None:
    """Makes an ended attempt's reservation a ghost: it stays until that time."""
    db.execute("UPDATE reservation SET until = ? WHERE attempt_id = ?", (until, attempt_id))


def release(db: sqlite3.Connection, attempt_ids: Iterable[str]) -> None:
    """Frees reservations; one that is gone already is no fault."""
    for attempt_id in attempt_ids:
        row = db.execute("SELECT * FROM reservation WHERE attempt_id = ?", (attempt_id,)).fetchone()
        if row is None:
            continue
        db.execute("DELETE FROM reservation WHERE attempt_id = ?", (attempt_id,))
        db.execute(
            "UPDATE exposure SET reserved = reserved - ? WHERE venue = ? AND account = ?",
            (abs(row["amount"]), row["venue"], row["account"]),
        )


def book(db: sqlite3.Connection, attempt: Attempt, account: str, fills: Iterable[Fill], sign: int = 1) -> None:
    """Moves the position by what executed; with ``sign`` -1 it takes back what a provisional fill had booked."""
    notional = sum((fill.price * fill.quantity for fill in fills), ZERO)
    if notional == ZERO:
        return
    order = attempt.order
    amount = sign * _signed(order.side, units(notional / order.rate))
    db.execute(
        "INSERT INTO position (venue, account, base, amount) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (venue, account, base) DO UPDATE SET amount = position.amount + excluded.amount",
        (order.venue, account, _base(order), amount),
    )
    (used,) = db.execute(
        "SELECT SUM(ABS(amount)) FROM position WHERE venue = ? AND account = ?", (order.venue, account)
    ).fetchone()
    db.execute("UPDATE exposure SET used = ? WHERE venue = ? AND account = ?", (used, order.venue, account))


def state(db: sqlite3.Connection) -> ExposureState:
    """All of it; bounded by the open attempts, the ghosts and the assets traded."""
    held = [
        Reservation(row["attempt_id"], row["venue"], row["base"], row["amount"] * UNIT, row["until"])
        for row in db.execute("SELECT * FROM reservation ORDER BY attempt_id")
    ]
    positions = [
        Position(row["venue"], row["base"], row["amount"] * UNIT)
        for row in db.execute("SELECT * FROM position ORDER BY venue, base")
    ]
    return ExposureState(tuple(held), tuple(positions))


def lay_ghost(db: sqlite3.Connection, attempt_id: str, looked_at: float) -> bool:
    """Frees a ghost's reservation if its time was over when the look that did not find it began. Nothing else does: a
    program that was not running has not looked."""
    over = db.execute(
        "SELECT attempt.intent_id FROM reservation JOIN attempt ON attempt.id = reservation.attempt_id"
        " WHERE reservation.attempt_id = ? AND until <= ?",
        (attempt_id, looked_at),
    ).fetchone()
    if over is None:
        return False
    chain.append(db, looked_at, "ghost_laid", over["intent_id"], attempt_id, {})
    release(db, [attempt_id])
    return True


def ghosts(db: sqlite3.Connection) -> dict[str, dict[str, float]]:
    """The ghosts that are not laid yet, by intent: until when each stays at least."""
    # Not a join: that is planned as a walk through every attempt there ever was.
    until = dict(db.execute("SELECT attempt_id, until FROM reservation WHERE until IS NOT NULL").fetchall())
    rows = db.execute(
        "SELECT id, intent_id FROM attempt WHERE id IN (SELECT attempt_id FROM reservation WHERE until IS NOT NULL)"
    )
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row["intent_id"], {})[row["id"]] = until[row["id"]]
    return found


def let_go(db: sqlite3.Connection, venue: str, until: float) -> int:
    """The ghosts that were seen at a venue stay until then, and no longer for ever. How many there were."""
    update = "UPDATE reservation SET until = ? WHERE venue = ? AND until = ?"
    return db.execute(update, (until, venue, UNTIL_SETTLED)).rowcount


def halt(db: sqlite3.Connection, attempt: Attempt, account: str, now: float, problem: str) -> None:
    """Stops an account until somebody acknowledges. What is new of the same order takes the place of what was told."""
    told = db.execute(
        "UPDATE halt SET problem = ? WHERE venue = ? AND account = ? AND intent_id = ? AND acknowledged_at IS NULL",
        (problem, attempt.venue, account, attempt.intent_id),
    )
    if told.rowcount == 0:
        db.execute(
            "INSERT INTO halt (venue, account, intent_id, at, problem) VALUES (?, ?, ?, ?, ?)",
            (attempt.venue, account, attempt.intent_id, now, problem),
        )


def halts(db: sqlite3.Connection) -> tuple[Halt, ...]:
    """Those that nobody has acknowledged."""
    rows = db.execute("SELECT * FROM halt WHERE acknowledged_at IS NULL ORDER BY seq")
    return tuple(Halt(row["venue"], row["intent_id"], row["at"], row["problem"]) for row in rows)


def rebuild(db: sqlite3.Connection, attempts: Iterable[tuple[Attempt, Iterable[Fill]]], account: str) -> None:
    """Fills the tables of a journal from before there were any."""
    for attempt, fills in attempts:
        if not attempt.state.ended:
            reserve(db, attempt, account, None)
        else:
            db.execute(
                "INSERT INTO exposure (venue, account, reserved, used) VALUES (?, ?, 0, 0) ON CONFLICT DO NOTHING",
                (attempt.venue, account),
            )
            book(db, attempt, account, fills)


def problems(db: sqlite3.Connection) -> Iterable[str]:
    """Where the sums are not what the rows say, or a reservation is missing or has nothing to stand for."""
    rows = db.execute(
        "SELECT attempt.id, attempt.state, reservation.attempt_id AS held, reservation.until, reservation.amount,"
        " attempt.reserved_notional, attempt.request FROM attempt"
        " LEFT JOIN reservation ON reservation.attempt_id = attempt.id"
        " WHERE attempt.state IN ('open', 'unknown', 'working') OR reservation.attempt_id IS NOT NULL"
    )
    for row in rows:
        is_open = row["state"] in ("open", "unknown", "working")
        if row["held"] is None:
            yield f"attempt {row['id']} is {row['state']} and nothing is reserved for it"
        elif not is_open and row["until"] is None:
            yield f"attempt {row['id']} has ended, and its reservation stays"
        else:
            side = Side(json.loads(row["request"])["side"])
            if row["amount"] != _signed(side, units(Decimal(row["reserved_notional"]))):
                yield f"attempt {row['id']}: {row['amount']} units are reserved, not {row['reserved_notional']}"
    for table, column in (("reservation", "reserved"), ("position", "used")):
        sums = db.execute(
            f"SELECT exposure.venue, exposure.{column} AS told, COALESCE(SUM(ABS(amount)), 0) AS summed FROM exposure"  # noqa: S608 - own names
            f" LEFT JOIN {table} USING (venue, account) GROUP BY exposure.venue, exposure.account"
        )
        for row in sums:
            if row["told"] != row["summed"]:
                yield f"exposure {row['venue']}: {column} is {row['told']}, its rows add up to {row['summed']}"


def _base(order: VenueOrder) -> str:
    return order.symbol.split("/")[0]


def _signed(side: Side, amount: int) -> int:
    return amount if side is Side.BUY else -amount
