"""The statements. Each function is one unit of work inside a transaction that the writer owns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import NamedTuple

from backend.domain.errors import (
    AccountHalted,
    IdempotencyConflict,
    IntentCancelled,
    JournalError,
    NoRoom,
    UnknownOrder,
)
from backend.domain.ids import differences
from backend.domain.lifecycle import AttemptState, IntentState, Proof, check_attempt_step, check_intent_step
from backend.domain.money import ZERO
from backend.domain.orders import Fill, Intent
from backend.domain.reasons import EndReason, ParkReason, RejectReason, UnknownReason
from backend.domain.records import Attempt, Event, Ghost, IntentRecord, Leg
from backend.integrations.journal import chain, exposure, halting
from backend.integrations.journal import fills as booking
from backend.integrations.journal.bulk import insert
from backend.integrations.journal.fills import ACCOUNT
from backend.integrations.journal.room import check_attempt
from backend.integrations.journal.rows import (
    attempt_of,
    fill_of,
    intent_body,
    outcome_kind,
    quoted,
    record_of,
    request_body,
    scalar_json,
)


def get(db: sqlite3.Connection, intent_id: str) -> IntentRecord | None:
    row = db.execute("SELECT * FROM intent WHERE id = ?", (intent_id,)).fetchone()
    return None if row is None else _whole(db, row)


def _whole(db: sqlite3.Connection, row: sqlite3.Row) -> IntentRecord:
    attempts = db.execute("SELECT * FROM attempt WHERE intent_id = ? ORDER BY number", (row["id"],)).fetchall()
    fill_rows = _fill_rows(db, row["id"]) if attempts else []
    fills = tuple([fill_of(fill) for fill in fill_rows])
    filled: dict[str, Decimal] = {}
    for row_of_fill, fill in zip(fill_rows, fills, strict=True):
        attempt_id = row_of_fill["attempt_id"]
        filled[attempt_id] = filled.get(attempt_id, ZERO) + fill.quantity
    return record_of(
        row,
        tuple(attempt_of(attempt, filled.get(attempt["id"], ZERO)) for attempt in attempts),
        fills,
        tuple(
            Leg(leg["leg"], Decimal(leg["quantity"]))
            for leg in db.execute("SELECT leg, quantity FROM leg WHERE intent_id = ? ORDER BY leg", (row["id"],))
        ),
    )


def _fill_rows(db: sqlite3.Connection, intent_id: str) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT fill.* FROM fill JOIN attempt ON attempt.id = fill.attempt_id WHERE attempt.intent_id = ? ORDER BY seq",
        (intent_id,),
    ).fetchall()


def _known(db: sqlite3.Connection, intent_id: str) -> IntentRecord:
    record = get(db, intent_id)
    if record is None:
        raise JournalError(f"intent {intent_id!r} is not in the journal")
    return record


NEW = IntentState.NEW.value


class Acceptance(NamedTuple):
    """A new intent as it is to be stored. Without ``legs`` it has one."""

    intent: Intent
    body_hash: str
    now: float
    valid_until: float
    pinned: str | None = None
    legs: Sequence[Decimal] = ()

    @property
    def parts(self) -> tuple[Decimal, ...]:
        """The quantities of its legs. Raises JournalError for legs that do not add up."""
        if not self.legs:
            return (self.intent.quantity,)
        if sum(self.legs, ZERO) != self.intent.quantity or min(self.legs) <= ZERO:
            raise JournalError(
                f"the legs of {self.intent.id!r} do not add up to {self.intent.quantity}:"
                f" {', '.join(map(str, self.legs))}"
            )
        return tuple(self.legs)


def accept(db: sqlite3.Connection, items: Sequence[Acceptance]) -> list[IntentRecord]:
    """Stores new intents, or gives the stored one. Raises IdempotencyConflict, and JournalError for legs that do not
    add up. Several at once are all new, or the database refuses them: then each has to come alone."""
    if len(items) == 1 and (stored := _accepted_before(db, items[0])) is not None:
        return [stored]
    intents, legs, events, records = [], [], [], []
    for item in items:
        intent, digest, now, valid_until, pinned, _ = item
        body = intent_body(intent)
        # As it would be read back, without reading it: many orders may be waiting behind this one.
        parts = tuple([Leg(number, part) for number, part in enumerate(item.parts, start=1)])
        records.append(IntentRecord(intent, digest, IntentState.NEW, now, valid_until, legs=parts, pinned=pinned))
        texts = [f"{part.quantity:f}" for part in parts]
        quantities = '","'.join(texts)
        data = (
            f'{{"body":{quoted(body)},"legs":["{quantities}"],"pinned":{scalar_json(pinned)},'
            f'"valid_until":{scalar_json(valid_until)}}}'
        )
        intents.append((intent.id, digest, body, NEW, now, valid_until, pinned))
        legs += [(intent.id, number, text) for number, text in enumerate(texts, start=1)]
        events.append((now, "intent_accepted", intent.id, None, data))
    insert(db, "intent (id, body_hash, body, state, created_at, valid_until, pinned)", intents)
    insert(db, "leg (intent_id, leg, quantity)", legs)
    chain.append_all(db, events)
    return records


def _accepted_before(db: sqlite3.Connection, item: Acceptance) -> IntentRecord | None:
    """What is stored under that id. Raises IdempotencyConflict when it is something else."""
    stored = db.execute("SELECT body_hash FROM intent WHERE id = ?", (item.intent.id,)).fetchone()
    if stored is None:
        return None
    record = _known(db, item.intent.id)
    if stored["body_hash"] != item.body_hash and (differing := differences(record.intent, item.intent)):
        raise IdempotencyConflict(item.intent.id, differing)
    return record


def request_cancel(db: sqlite3.Connection, intent_id: str, *, now: float) -> IntentRecord:
    """Stores that the intent is to be cancelled; one that is final or asked for already stays as it is.

    Raises UnknownOrder.
    """
    record = get(db, intent_id)
    if record is None:
        raise UnknownOrder(intent_id)
    if record.state.final or record.cancel_requested_at is not None:
        return record
    db.execute("UPDATE intent SET cancel_requested_at = ? WHERE id = ?", (now, intent_id))
    chain.append(db, now, "cancel_requested", intent_id, None, {})
    return _known(db, intent_id)


def add_leg(db: sqlite3.Connection, intent_id: str, quantity: Decimal, *, now: float) -> IntentRecord:
    """One more leg, paid for by the intent's overfill budget, for as much as has not executed. Raises NoRoom
    beyond that; JournalError beyond the budget, and where no attempt is open: without one the first leg goes on, and no
    budget is needed."""
    record = _known(db, intent_id)
    if not record.open_attempts:
        raise JournalError(f"{intent_id!r} gets no relief: none of its attempts is open")
    legs = sum((leg.quantity for leg in record.legs), ZERO)
    missing = record.intent.quantity - record.filled
    if quantity > missing:
        raise NoRoom(f"{quantity} would exceed the {missing} that {intent_id!r} lacks")
    if quantity <= ZERO or legs + quantity > record.intent.most:
        raise JournalError(f"{quantity} more than the {legs} of {intent_id!r} would exceed its {record.intent.most}")
    number = len(record.legs) + 1
    values = (intent_id, number, format(quantity, "f"))
    db.execute("INSERT INTO leg (intent_id, leg, quantity) VALUES (?, ?, ?)", values)
    chain.append(db, now, "leg_added", intent_id, None, {"leg": number, "quantity": quantity})
    return _known(db, intent_id)


def open_attempt(
    db: sqlite3.Connection, attempt: Attempt, *, worst_price: Decimal, cap: Decimal | None = None
) -> IntentRecord:
    """The transaction before a send: attempt, frozen request and reservation. ``cap``: what the venue's account may
    reach with it; None for an order that lowers its exposure.

    Raises IntentCancelled, AccountHalted, OverCap, NoRoom; JournalError when the intent may not have this attempt.
    """
    record = _known(db, attempt.intent_id)
    if record.cancel_requested_at is not None:
        raise IntentCancelled(attempt.intent_id)
    for halted in exposure.halts(db):
        if halted.venue == attempt.venue:
            raise AccountHalted(attempt.venue, halted.problem)
    check_attempt(record, attempt)
    request = request_body(attempt.order)
    db.execute(
        "INSERT INTO attempt (id, intent_id, number, venue, account, client_id, request, quantity, reserved_notional,"
        " state, evidence, settled_by, lookups, opened_at, leg) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 0, ?, ?)",
        (
            attempt.id,
            attempt.intent_id,
            attempt.number,
            attempt.venue,
            ACCOUNT,
            attempt.order.client_id,
            request,
            format(attempt.order.quantity, "f"),
            str(attempt.reserved_notional),
            AttemptState.OPEN.value,
            attempt.opened_at,
            attempt.leg,
        ),
    )
    exposure.reserve(db, attempt, ACCOUNT, cap)
    db.execute(
        "INSERT INTO send (attempt_id, k, request, at, not_after) VALUES (?, 1, ?, ?, ?)",
        (attempt.id, request, attempt.opened_at, attempt.order.not_after),
    )
    if record.state is IntentState.NEW:
        check_intent_step(record.intent.id, record.state, IntentState.ACTIVE)
    db.execute(
        "UPDATE intent SET state = ?, worst_price = COALESCE(worst_price, ?) WHERE id = ?",
        (IntentState.ACTIVE.value, str(worst_price), attempt.intent_id),
    )
    worst = worst_price if record.worst_price is None else record.worst_price
    told = {
        "request": request,
        "leg": attempt.leg,
        "reserved": str(attempt.reserved_notional),
        "worst_price": str(worst),
    }
    chain.append(db, attempt.opened_at, "attempt_opened", attempt.intent_id, attempt.id, told)
    # As it would be read back, without reading it: an order waits for this before it is sent.
    stored = Attempt(
        attempt.id,
        attempt.intent_id,
        attempt.number,
        attempt.order,
        attempt.reserved_notional,
        AttemptState.OPEN,
        opened_at=attempt.opened_at,
        leg=attempt.leg,
    )
    return replace(record, state=IntentState.ACTIVE, worst_price=worst, attempts=(*record.attempts, stored))


def step_attempt(
    db: sqlite3.Connection,
    attempt_id: str,
    state: AttemptState,
    *,
    now: float,
    venue_order_id: str | None = None,
    outcome_reason: RejectReason | UnknownReason | None = None,
    evidence: str | None = None,
    proof: Proof | None = None,
    settled_by: str | None = None,
    lookups: int | None = None,
    fills: Iterable[Fill] = (),
    ghost_until: float | None = None,
    whole: bool = False,
) -> IntentRecord:
    """Moves an attempt along the legal steps and books its fills. Raises IllegalTransition, JournalError.

    At its end the reservation goes, or stays until ``ghost_until``; so it does with what is told after the end, which
    is booked too. With ``whole`` the fills are all that it executed. Who is halted: ``halting``.
    """
    row = db.execute("SELECT * FROM attempt WHERE id = ?", (attempt_id,)).fetchone()
    if row is None:
        raise JournalError(f"attempt {attempt_id!r} is not in the journal")
    source = AttemptState(row["state"])
    check_attempt_step(attempt_id, source, state)
    if state.ended and not source.ended and proof is None:
        raise JournalError(f"attempt {attempt_id} cannot end without a proof")
    if source.ended and proof is not None and proof.value != row["proof"]:
        raise JournalError(f"attempt {attempt_id} ended by {row['proof']}, not by {proof.value}")
    known_as = row["venue_order_id"]
    if known_as is not None and venue_order_id not in (None, known_as):
        raise JournalError(f"attempt {attempt_id} is order {known_as} at its venue, not {venue_order_id}")
    if known_as is None and venue_order_id is not None:
        booking.check_free(db, row, venue_order_id)
    changes: dict[str, object] = {
        "state": state.value,
        "venue_order_id": venue_order_id,
        "outcome_kind": outcome_kind(outcome_reason),
        "outcome_reason": None if outcome_reason is None else outcome_reason.value,
        "evidence": evidence,
        "proof": None if proof is None else proof.value,
        "settled_by": settled_by,
        "lookups": lookups,
        "closed_at": now if state.ended and not source.ended else None,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    assignments = ", ".join(f"{name} = ?" for name in given)
    db.execute(f"UPDATE attempt SET {assignments} WHERE id = ?", (*given.values(), attempt_id))  # noqa: S608 - own names
    corrected = booking.corrected(db, attempt_id, fills := tuple(fills))
    booked = [fill for fill in fills if booking.book(db, attempt_id, fill)]
    replaced = booking.replaced(db, attempt_id, booked, fills if whole else None)
    told = {**given, "fills": [asdict(fill) for fill in booked], "replaced": [asdict(fill) for fill in replaced]}
    if state.ended:
        told["ghost_until"] = exposure.told_until(ghost_until)
    chain.append(db, now, "attempt_stepped", row["intent_id"], attempt_id, told)
    record = _known(db, row["intent_id"])
    stepped = record.attempts[row["number"] - 1]
    if source.ended:
        exposure.book(db, stepped, ACCOUNT, [*corrected, *replaced], sign=-1)
        exposure.book(db, stepped, ACCOUNT, booked)
    elif state.ended:
        exposure.book(db, stepped, ACCOUNT, booking.fills_of(db, attempt_id))
    if ghost_until is not None:
        exposure.keep_until(db, attempt_id, ghost_until)
    elif state.ended:
        exposure.release(db, [attempt_id])
    halting.judge(db, record, stepped, now, booked=bool(booked), late=source.ended, lives=ghost_until is not None)
    return record


def step_intent(
    db: sqlite3.Connection,
    intent_id: str,
    state: IntentState,
    *,
    now: float,
    reason: EndReason | ParkReason | None = None,
) -> IntentRecord:
    """Moves an intent along the legal steps. Raises IllegalTransition; JournalError for an end with an open attempt."""
    record = _known(db, intent_id)
    check_intent_step(intent_id, record.state, state)
    if state.final and record.open_attempt is not None:
        raise JournalError(f"intent {intent_id} cannot end: attempt {record.open_attempt.id} is open")
    ended_at = now if state.final else None
    db.execute(
        "UPDATE intent SET state = ?, reason = ?, ended_at = ? WHERE id = ?",
        (state.value, None if reason is None else reason.value, ended_at, intent_id),
    )
    chain.append(db, now, "intent_stepped", intent_id, None, {"state": state, "reason": reason})
    return replace(record, state=state, reason=reason, ended_at=ended_at)


def ghosts(db: sqlite3.Connection) -> tuple[Ghost, ...]:
    """The attempts that ended by a proof whose bounds may have been broken, while that is watched."""
    found = []
    for intent_id, until in sorted(exposure.ghosts(db).items()):
        record = _known(db, intent_id)
        found += [Ghost(record, one, until[one.id]) for one in record.attempts if one.id in until]
    return tuple(found)


def unfinished(db: sqlite3.Connection) -> tuple[IntentRecord, ...]:
    rows = db.execute("SELECT * FROM intent WHERE state IN ('new', 'active', 'parked') ORDER BY seq").fetchall()
    return tuple(_whole(db, row) for row in rows)


def recent(db: sqlite3.Connection, limit: int, before: str | None = None) -> tuple[IntentRecord, ...]:
    """The newest, newest first; with ``before`` those older than that one. Raises UnknownOrder."""
    last = None if before is None else db.execute("SELECT seq FROM intent WHERE id = ?", (before,)).fetchone()
    if before is not None and last is None:
        raise UnknownOrder(before)
    where, values = ("", ()) if last is None else ("WHERE seq < ?", (last["seq"],))
    rows = db.execute(f"SELECT * FROM intent {where} ORDER BY seq DESC LIMIT ?", (*values, limit)).fetchall()  # noqa: S608 - own words
    return tuple(_whole(db, row) for row in rows)


def events(db: sqlite3.Connection, after: int, limit: int) -> tuple[Event, ...]:
    """What happened after that number, oldest first."""
    rows = db.execute("SELECT * FROM event WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)).fetchall()
    return tuple(
        Event(row["seq"], row["at"], row["kind"], row["intent_id"], row["attempt_id"], json.loads(row["data"]))
        for row in rows
    )


def all_fills(db: sqlite3.Connection) -> tuple[tuple[str, Fill], ...]:
    rows = db.execute(
        "SELECT attempt.intent_id, fill.* FROM fill JOIN attempt ON attempt.id = fill.attempt_id ORDER BY seq"
    ).fetchall()
    return tuple((row["intent_id"], fill_of(row)) for row in rows)
