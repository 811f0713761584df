"""Does a journal hold together? The chain of events, the states that follow from them, the sums, the file itself.

The tables are what the program works with; the events are what happened. Replaying the events must give the tables:
a row that was changed, added or lost shows as a difference, and so does an end of the chain that was cut off.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TypeVar

from backend.domain.ids import body_hash
from backend.domain.lifecycle import ATTEMPT_STEPS, INTENT_STEPS, AttemptState, IntentState
from backend.domain.money import ZERO
from backend.integrations.journal import checkpoint, exposure, schema
from backend.integrations.journal.chain import chain_problems
from backend.integrations.journal.rows import intent_of
from backend.integrations.journal.schema import opened_to_read

K = TypeVar("K")
PROBLEMS_MAX = 100
FILL_FIELDS = ("venue", "symbol", "venue_order_id", "trade_id", "side", "quantity", "price", "fee", "fee_asset", "at")
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
    yield from chain_problems(db)
    yield from checkpoint.problems(db)
    replayed = Replayed()
    for row in db.execute("SELECT * FROM event ORDER BY seq"):
        yield from (f"event {row['seq']}: {problem}" for problem in replayed.take(row))
    yield from replayed.compared(db)
    yield from _sums(db, replayed)
    yield from exposure.problems(db)


@dataclass(slots=True)
class Replayed:
    """The tables as they follow from the events. Bounded by the journal itself."""

    intents: dict[str, dict[str, object]] = field(default_factory=dict)
    attempts: dict[str, dict[str, object]] = field(default_factory=dict)
    fills: dict[tuple[str, ...], dict[str, object]] = field(default_factory=dict)
    last: dict[tuple[str, object], str] = field(default_factory=dict)
    """The newest attempt of each leg."""
    added: dict[str, Decimal] = field(default_factory=dict)
    """By intent: the legs that its overfill budget has paid for."""
    over: set[str] = field(default_factory=set)
    """Intents that executed more than was asked for: known, told, and not the file's fault."""
    late: set[str] = field(default_factory=set)
    """Intents with an execution that showed after its attempt had ended: their state may tell of less."""

    def take(self, row: sqlite3.Row) -> Iterator[str]:
        """Applies one event; yields what no legal history holds."""
        try:
            data = json.loads(row["data"])
            match row["kind"]:
                case "intent_accepted":
                    self.intents[row["intent_id"]] = {
                        "body": data["body"],
                        "state": IntentState.NEW.value,
                        "pinned": data.get("pinned"),
                        "cancel_requested_at": None,
                    }
                case "cancel_requested":
                    self.intents[row["intent_id"]]["cancel_requested_at"] = row["at"]
                case "attempt_opened":
                    yield from self._opened(row, data)
                case "attempt_stepped":
                    yield from self._stepped(row, data)
                case "intent_stepped":
                    yield from self._ended(row, data)
                case "leg_added":
                    self.added[row["intent_id"]] = self.added.get(row["intent_id"], ZERO) + Decimal(data["quantity"])
                case "over_executed":
                    self.over.add(row["intent_id"])
                case "halt_acknowledged" | "halt_confirmed" | "restored" | "venues_swept":
                    pass
                case other:
                    yield f"kind {other!r} is not known"
        except (ValueError, KeyError, TypeError) as error:
            yield f"cannot be replayed ({error!r})"

    def _opened(self, row: sqlite3.Row, data: dict[str, str]) -> Iterator[str]:
        intent = self.intents[row["intent_id"]]
        if intent["state"] not in (IntentState.NEW.value, IntentState.ACTIVE.value):
            yield f"an attempt of intent {row['intent_id']}, which is {intent['state']}"
        leg = data.get("leg", 1)
        before = self.last.get((row["intent_id"], leg))
        if before is not None and not _over(self.attempts[before]):
            yield f"a second open attempt of intent {row['intent_id']}"
        self.last[row["intent_id"], leg] = row["attempt_id"]
        if intent["cancel_requested_at"] is not None:
            yield f"an attempt of intent {row['intent_id']} after its cancel was requested"
        intent["state"] = IntentState.ACTIVE.value
        request = json.loads(data["request"])
        self.attempts[row["attempt_id"]] = {
            **{name: request[name] for name in ("venue", "client_id", "quantity")},
            "intent_id": row["intent_id"],
            "leg": leg,
            "request": data["request"],
            "state": AttemptState.OPEN.value,
            "proof": None,
            "venue_order_id": None,
        }

    def _stepped(self, row: sqlite3.Row, data: dict[str, object]) -> Iterator[str]:
        attempt = self.attempts[row["attempt_id"]]
        before, after = AttemptState(str(attempt["state"])), AttemptState(str(data["state"]))
        if after not in ATTEMPT_STEPS[before]:
            yield f"attempt {row['attempt_id']} went from {before} to {after}"
        if before.ended and data["fills"]:
            self.late.add(str(attempt["intent_id"]))
        attempt.update({name: data[name] for name in ("state", "proof", "venue_order_id") if name in data})
        for fill in _listed(data["fills"]):
            provisional = int(bool(fill.get("provisional")))
            self.fills[_key(fill)] = {**fill, "attempt_id": row["attempt_id"], "provisional": provisional}
        for fill in _listed(data.get("replaced")):
            del self.fills[_key(fill)]

    def _ended(self, row: sqlite3.Row, data: dict[str, str]) -> Iterator[str]:
        intent = self.intents[row["intent_id"]]
        before, after = IntentState(str(intent["state"])), IntentState(data["state"])
        if after not in INTENT_STEPS[before]:
            yield f"intent {row['intent_id']} went from {before} to {after}"
        intent["state"] = after.value

    def compared(self, db: sqlite3.Connection) -> Iterator[str]:
        """Where the tables differ from what the events say."""
        yield from self._compared_intents(db)
        yield from _differences("attempt", self.attempts, {r["id"]: r for r in db.execute("SELECT * FROM attempt")})
        rows = db.execute("SELECT * FROM fill")
        yield from _differences("fill", self.fills, {tuple(str(r[n]) for n in FILL_FIELDS[:4]): r for r in rows})
        for row in db.execute("SELECT * FROM send"):
            attempt = self.attempts.get(row["attempt_id"])
            if attempt is not None and attempt["request"] != row["request"]:
                yield f"send {row['attempt_id']}: its request is not the one that was journaled"

    def _compared_intents(self, db: sqlite3.Connection) -> Iterator[str]:
        rows = {row["id"]: row for row in db.execute("SELECT * FROM intent")}
        yield from _differences("intent", self.intents, rows)
        for row in rows.values():
            try:
                hashed = body_hash(intent_of(row["body"]))
            except (ValueError, KeyError, TypeError, ArithmeticError) as error:
                yield f"intent {row['id']}: its body cannot be read ({error!r})"
                continue
            if hashed != row["body_hash"]:
                yield f"intent {row['id']}: its body does not have its hash"


def _over(attempt: dict[str, object]) -> bool:
    return AttemptState(str(attempt["state"])).ended


def _differences(
    table: str, expected: Mapping[K, Mapping[str, object]], found: Mapping[K, sqlite3.Row]
) -> Iterator[str]:
    for key in expected.keys() - found.keys():
        yield f"{table} {_named(key)} is in the events, not in its table"
    for key in found.keys() - expected.keys():
        yield f"{table} {_named(key)} is in its table, not in the events"
    for key in expected.keys() & found.keys():
        for name, value in expected[key].items():
            if found[key][name] != value:
                yield f"{table} {_named(key)}: {name} is {found[key][name]!r}, by the events {value!r}"


def _named(key: object) -> str:
    return " ".join(key) if isinstance(key, tuple) else str(key)


def _listed(fills: object) -> list[dict[str, object]]:
    return fills if isinstance(fills, list) else []


def _key(fill: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(str(fill[name]) for name in FILL_FIELDS[:4])


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
