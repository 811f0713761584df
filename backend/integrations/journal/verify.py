"""Does a journal hold together? The chain of events, the states that follow from them, the sums, the file itself.

The tables are what the program works with; the events are what happened. Replaying the events must give the tables:
a row that was changed, added or lost shows as a difference, and so does an end of the chain that was cut off.

What it does not find: a history that was rewritten as a whole, chain and all, for the chain has no key; how often a
journal was opened beyond what its client ids tell; that the mark of ``checkpoint`` was set back, which only makes the
next start check more; row numbers that leave the order as it was; and, in a journal of an older program, what its
events do not tell (bounds, reservations, the note of a restore).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TypeVar

from backend.domain.ids import body_hash
from backend.domain.lifecycle import AttemptState, IntentState
from backend.domain.money import ZERO
from backend.domain.orders import Side
from backend.integrations.journal import checkpoint, exposure, schema
from backend.integrations.journal.chain import chain_problems
from backend.integrations.journal.fills import ACCOUNT
from backend.integrations.journal.replay import FILL_KEY, Replayed
from backend.integrations.journal.rows import intent_of, order_of
from backend.integrations.journal.schema import opened_to_read

K = TypeVar("K")
PROBLEMS_MAX = 100
BOOKINGS = 2
"""What a step adds to a position, and what it takes back, are each rounded to a unit."""

ENDS = {IntentState.DONE.value, IntentState.DONE_SHORT.value, IntentState.REJECTED.value}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was looked at and what is wrong; whole when nothing is. At most PROBLEMS_MAX problems are told."""

    intents: int
    attempts: int
    fills: int
    events: int
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return not self.problems


def verify(path: Path) -> Verdict:
    """Reads the file and changes nothing; a router may be running. Raises JournalError when it cannot be read."""
    with opened_to_read(path) as db:
        return Verdict(
            intents=_count(db, "intent"),
            attempts=_count(db, "attempt"),
            fills=_count(db, "fill"),
            events=_count(db, "event"),
            problems=problems_of(db),
        )


def problems_of(db: sqlite3.Connection) -> tuple[str, ...]:
    """What is wrong with an open journal, at most PROBLEMS_MAX of it."""
    return tuple(islice(_problems(db), PROBLEMS_MAX))


def _count(db: sqlite3.Connection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names


def _problems(db: sqlite3.Connection) -> Iterator[str]:
    yield from schema.file_problems(db)
    yield from schema.object_problems(db)
    yield from chain_problems(db)
    yield from _readable("mark", checkpoint.problems(db))
    replayed = Replayed()
    for row in db.execute("SELECT * FROM event ORDER BY seq"):
        yield from (f"event {row['seq']}: {problem}" for problem in replayed.take(row))
    yield from _readable("tables", _compared(db, replayed))
    yield from _readable("notes", replayed.notes.compared(db))
    yield from _readable("sums", _sums(db, replayed))
    yield from _readable("reservations", _reservations(db, replayed))
    yield from _readable("positions", _positions(db, replayed))
    yield from _readable("exposure", exposure.problems(db))


def _readable(what: str, problems: Iterable[str]) -> Iterator[str]:
    """A value that nobody wrote may be none at all."""
    try:
        yield from problems
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        yield f"the {what} hold what cannot be read ({error!r})"


def _compared(db: sqlite3.Connection, replayed: Replayed) -> Iterator[str]:
    """Where the tables differ from what the events say."""
    intents = db.execute("SELECT * FROM intent ORDER BY seq").fetchall()
    fills = db.execute("SELECT * FROM fill ORDER BY seq").fetchall()
    found = {
        "intent": {row["id"]: row for row in intents},
        "leg": {(row["intent_id"], row["leg"]): row for row in db.execute("SELECT * FROM leg")},
        "attempt": {row["id"]: row for row in db.execute("SELECT * FROM attempt")},
        "send": {(row["attempt_id"], row["k"]): row for row in db.execute("SELECT * FROM send")},
        "fill": {tuple(str(row[name]) for name in FILL_KEY): row for row in fills},
    }
    yield from _differences("intent", replayed.intents, found["intent"])
    yield from _differences("leg", replayed.legs, found["leg"])
    yield from _differences("attempt", replayed.attempts, found["attempt"])
    yield from _differences("send", replayed.sends, found["send"])
    yield from _differences("fill", replayed.fills, found["fill"])
    for table, expected in (("intent", replayed.intents), ("fill", replayed.fills)):
        if list(expected) != list(found[table]) and expected.keys() == found[table].keys():
            yield f"the rows of {table} are not in the order of the events"
    for row in intents:
        yield from _body_problems(row)
    yield from _differences_of_halts(replayed.halts, db.execute("SELECT * FROM halt ORDER BY seq").fetchall())


def _body_problems(row: sqlite3.Row) -> Iterator[str]:
    try:
        hashed = body_hash(intent_of(row["body"]))
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        yield f"intent {row['id']}: its body cannot be read ({error!r})"
        return
    if hashed != row["body_hash"]:
        yield f"intent {row['id']}: its body does not have its hash"


def _differences(
    table: str, expected: Mapping[K, Mapping[str, object]], found: Mapping[K, sqlite3.Row]
) -> Iterator[str]:
    for key in expected.keys() - found.keys():
        yield f"{table} {_named(key)} is in the events, not in its table"
    for key in found.keys() - expected.keys():
        yield f"{table} {_named(key)} is in its table, not in the events"
    for key in expected.keys() & found.keys():
        yield from _changed(f"{table} {_named(key)}", expected[key], found[key])


def _changed(what: str, expected: Mapping[str, object], found: sqlite3.Row) -> Iterator[str]:
    for name, value in expected.items():
        if found[name] != value:
            yield f"{what}: {name} is {found[name]!r}, by the events {value!r}"


def _differences_of_halts(expected: Sequence[Mapping[str, object]], found: list[sqlite3.Row]) -> Iterator[str]:
    """A halt has no name of its own. One of the first version has no row: there was no table."""
    for halt in expected:
        what = f"halt of {halt['venue']} for {halt['intent_id']}"
        same = [row for row in found if all(row[name] == halt[name] for name in ("venue", "intent_id", "at"))]
        if same:
            found.remove(same[0])
            yield from _changed(what, halt, same[0])
        elif "problem" in halt:
            yield f"{what} is in the events, not in its table"
    for row in found:
        yield f"halt of {row['venue']} for {row['intent_id']} is in its table, not in the events"


def _named(key: object) -> str:
    return " ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _reservations(db: sqlite3.Connection, replayed: Replayed) -> Iterator[str]:
    """What is held is held for what was opened, and neither longer nor shorter."""
    rows = {row["attempt_id"]: row for row in db.execute("SELECT * FROM reservation")}
    for attempt_id in replayed.held.keys() - rows.keys():
        yield f"attempt {attempt_id}: its reservation is in the events, not in its table"
    for attempt_id, row in rows.items():
        what = f"reservation {attempt_id}"
        attempt = replayed.attempts.get(attempt_id)
        if attempt is None or attempt_id not in {*replayed.held, *replayed.perhaps}:
            yield f"{what} is in its table, not in the events"
            continue
        base = json.loads(str(attempt["request"]))["symbol"].split("/")[0]
        expected = {"venue": attempt["venue"], "account": ACCOUNT, "base": base}
        if attempt_id in replayed.held:
            expected["until"] = replayed.held[attempt_id]
        yield from _changed(what, expected, row)


def _positions(db: sqlite3.Connection, replayed: Replayed) -> Iterator[str]:
    """The position is what executed, at the rates of the requests. Each step may have rounded it twice."""
    expected: dict[tuple[str, str, str], Decimal] = {}
    allowed: dict[tuple[str, str, str], int] = {}
    executed: dict[str, Decimal] = {}
    for fill in replayed.fills.values():
        notional = Decimal(str(fill["price"])) * Decimal(str(fill["quantity"]))
        executed[str(fill["attempt_id"])] = executed.get(str(fill["attempt_id"]), ZERO) + notional
    for row in db.execute("SELECT id, request, reserved_notional, state FROM attempt"):
        order = order_of(row["request"], row["reserved_notional"])
        key = (order.venue, ACCOUNT, order.symbol.split("/")[0])
        if AttemptState(row["state"]).ended and row["id"] in executed:
            units = executed[row["id"]] / order.rate / exposure.UNIT
            expected[key] = expected.get(key, ZERO) + (units if order.side is Side.BUY else -units)
            allowed[key] = allowed.get(key, 0) + BOOKINGS * (1 + replayed.steps.get(row["id"], 0))
    rows = {(row["venue"], row["account"], row["base"]): row["amount"] for row in db.execute("SELECT * FROM position")}
    for key in expected.keys() | rows.keys():
        told, summed = rows.get(key, 0), expected.get(key, ZERO)
        if abs(told - summed) > allowed.get(key, 0):
            yield f"position {_named(key)} is {told}, what executed adds up to {summed:.0f}"
    venues = {(str(one["venue"]), ACCOUNT) for one in replayed.attempts.values()}
    there = {(row["venue"], row["account"]) for row in db.execute("SELECT venue, account FROM exposure")}
    for account in sorted(venues ^ there):
        yield f"exposure {_named(account)} is {'not there' if account in venues else 'of no attempt'}"


def _sums(db: sqlite3.Connection, replayed: Replayed) -> Iterator[str]:
    """No intent and no attempt executed more than it asked for, and each state says what the fills say."""
    filled: dict[str, Decimal] = {}
    for row in db.execute("SELECT attempt_id, quantity FROM fill"):
        filled[row["attempt_id"]] = filled.get(row["attempt_id"], ZERO) + Decimal(row["quantity"])
    of_intent: dict[str, Decimal] = {}
    for row in db.execute("SELECT id, intent_id, quantity, state, proof FROM attempt"):
        done = filled.get(row["id"], ZERO)
        of_intent[row["intent_id"]] = of_intent.get(row["intent_id"], ZERO) + done
        if done > Decimal(row["quantity"]) and row["intent_id"] not in replayed.over:
            yield f"attempt {row['id']} executed {done} of {row['quantity']}"
        if AttemptState(row["state"]).ended != (row["proof"] is not None):
            yield f"attempt {row['id']} is {row['state']} with proof {row['proof']}"
    legs: dict[str, Decimal] = {}
    for row in db.execute("SELECT intent_id, quantity FROM leg"):
        legs[row["intent_id"]] = legs.get(row["intent_id"], ZERO) + Decimal(row["quantity"])
    for row in db.execute("SELECT id, body, state FROM intent"):
        body = json.loads(row["body"])
        asked, done = Decimal(body["quantity"]), of_intent.get(row["id"], ZERO)
        added, budget = replayed.added.get(row["id"], ZERO), Decimal(body.get("overfill_budget", 0))
        if legs.get(row["id"], ZERO) != asked + added or added > budget:
            yield f"intent {row['id']}: its legs add up to {legs.get(row['id'], ZERO)}, it asks for {asked}"
        if done > asked + budget and row["id"] not in replayed.over:
            yield f"intent {row['id']} executed {done} of {asked}"
        ended = row["state"] in ENDS and row["id"] not in replayed.late
        if ended and (row["state"] == IntentState.DONE) != (done >= asked):
            yield f"intent {row['id']} is {row['state']} with {done} of {asked}"
