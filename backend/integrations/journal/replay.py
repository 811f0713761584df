"""The tables as they follow from the events.

Events of older programs tell less: what they leave out is not compared. Everything else is, to the last column.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from backend.domain.lifecycle import ATTEMPT_STEPS, INTENT_STEPS, AttemptState, IntentState
from backend.domain.money import ZERO
from backend.domain.records import UNTIL_SETTLED
from backend.integrations.journal.exposure import SETTLED
from backend.integrations.journal.fills import ACCOUNT
from backend.integrations.journal.notes import Notes

FILL_KEY = ("venue", "symbol", "venue_order_id", "trade_id")
STEPPED = (
    "state",
    "venue_order_id",
    "outcome_kind",
    "outcome_reason",
    "evidence",
    "proof",
    "settled_by",
    "lookups",
    "closed_at",
)
FIRST_COPY = 1
Row = dict[str, object]


@dataclass(slots=True)
class Replayed:
    """Bounded by the journal itself."""

    intents: dict[str, Row] = field(default_factory=dict)
    legs: dict[tuple[str, int], Row] = field(default_factory=dict)
    attempts: dict[str, Row] = field(default_factory=dict)
    sends: dict[tuple[str, int], Row] = field(default_factory=dict)
    fills: dict[tuple[str, ...], Row] = field(default_factory=dict)
    held: dict[str, float | None] = field(default_factory=dict)
    """By attempt: until when its reservation stays; None for as long as it is open."""
    perhaps: set[str] = field(default_factory=set)
    """Ended attempts of which the events do not tell whether something stays reserved."""
    halts: list[Row] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    numbers: dict[str, int] = field(default_factory=dict)
    """By intent: its attempts so far."""
    steps: dict[str, int] = field(default_factory=dict)
    """By attempt: so many times it stepped, and something may have been booked."""
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
                    self._accepted(row, data)
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
                    self.legs[row["intent_id"], data["leg"]] = {"quantity": data["quantity"]}
                case "ghost_laid":
                    self._released(row["attempt_id"])
                case "over_executed" | "account_halted":
                    self._halted(row, data)
                case "halt_acknowledged":
                    self._acknowledged(row, data)
                case "restored" | "venues_swept" | "halt_confirmed":
                    self.notes.take(row["kind"], data)
                case other:
                    yield f"kind {other!r} is not known"
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            yield f"cannot be replayed ({error!r})"

    def _accepted(self, row: sqlite3.Row, data: Row) -> None:
        self.intents[row["intent_id"]] = {
            "body": data["body"],
            "state": IntentState.NEW.value,
            "reason": None,
            "created_at": row["at"],
            "worst_price": None,
            "ended_at": None,
            "pinned": data.get("pinned"),
            "cancel_requested_at": None,
            **{name: data[name] for name in ("valid_until",) if name in data},
        }
        whole = [json.loads(str(data["body"]))["quantity"]]
        for number, quantity in enumerate(_texts(data.get("legs")) or whole, start=1):
            self.legs[row["intent_id"], number] = {"quantity": quantity}

    def _opened(self, row: sqlite3.Row, data: Row) -> Iterator[str]:
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
        if "worst_price" in data:
            intent["worst_price"] = data["worst_price"]
        else:
            intent.pop("worst_price", None)
        request = json.loads(str(data["request"]))
        number = self.numbers[row["intent_id"]] = self.numbers.get(row["intent_id"], 0) + 1
        self.attempts[row["attempt_id"]] = {
            **{name: request[name] for name in ("venue", "client_id", "quantity")},
            "account": ACCOUNT,
            "intent_id": row["intent_id"],
            "number": number,
            "leg": leg,
            "request": data["request"],
            **dict.fromkeys(STEPPED),
            "state": AttemptState.OPEN.value,
            "evidence": "",
            "settled_by": "",
            "lookups": 0,
            "opened_at": row["at"],
            **({"reserved_notional": data["reserved"]} if "reserved" in data else {}),
        }
        self.sends[row["attempt_id"], FIRST_COPY] = {
            "request": data["request"],
            "at": row["at"],
            "not_after": request["not_after"],
        }
        self.held[row["attempt_id"]] = None
        self.notes.used(str(request["client_id"]))

    def _stepped(self, row: sqlite3.Row, data: Row) -> Iterator[str]:
        attempt = self.attempts[row["attempt_id"]]
        before, after = AttemptState(str(attempt["state"])), AttemptState(str(data["state"]))
        if after not in ATTEMPT_STEPS[before]:
            yield f"attempt {row['attempt_id']} went from {before} to {after}"
        if before.ended and (data["fills"] or data.get("replaced")):
            self.late.add(str(attempt["intent_id"]))
        attempt.update({name: data[name] for name in STEPPED if name in data})
        self.steps[row["attempt_id"]] = self.steps.get(row["attempt_id"], 0) + 1
        for fill in _listed(data["fills"]):
            self.fills.pop(_key(fill), None)  # a running total that was told again: it goes behind the others
            provisional = int(bool(fill.get("provisional")))
            told = {"attempt_id": row["attempt_id"], "account": ACCOUNT, "provisional": provisional}
            self.fills[_key(fill)] = {**fill, **told}
        for fill in _listed(data.get("replaced")):
            del self.fills[_key(fill)]
        self._kept(row["attempt_id"], data, before, after)

    def _kept(self, attempt_id: str, data: Row, before: AttemptState, after: AttemptState) -> None:
        """What of its reservation is left after a step: until ``ghost_until``, where the event tells one."""
        if "ghost_until" in data:
            if data["ghost_until"] is None:
                self._released(attempt_id)
            elif data["ghost_until"] == SETTLED:
                self.held[attempt_id] = UNTIL_SETTLED
            else:
                self.held[attempt_id] = float(str(data["ghost_until"]))
        elif before.ended and data["fills"]:
            self._released(attempt_id)
        elif after.ended and not before.ended:
            self._released(attempt_id)
            self.perhaps.add(attempt_id)

    def _released(self, attempt_id: str) -> None:
        self.held.pop(attempt_id, None)
        self.perhaps.discard(attempt_id)

    def _ended(self, row: sqlite3.Row, data: Row) -> Iterator[str]:
        intent = self.intents[row["intent_id"]]
        before, after = IntentState(str(intent["state"])), IntentState(str(data["state"]))
        if after not in INTENT_STEPS[before]:
            yield f"intent {row['intent_id']} went from {before} to {after}"
        intent.update(state=after.value, reason=data["reason"], ended_at=row["at"] if after.final else None)

    def _halted(self, row: sqlite3.Row, data: Row) -> None:
        """What is new of an order at a venue takes the place of what was told, until somebody has acknowledged it."""
        if row["kind"] == "over_executed":
            self.over.add(row["intent_id"])
        for venue in _texts(data.get("venues")) or [str(self.attempts[row["attempt_id"]]["venue"])]:
            problem = {name: data[name] for name in ("problem",) if name in data}
            told = [one for one in self.halts if (one["venue"], one["intent_id"]) == (venue, row["intent_id"])]
            if told and "venues" in data and told[-1]["acknowledged_at"] is None:
                told[-1].update(problem)
                continue
            halt = {"venue": venue, "account": ACCOUNT, "intent_id": row["intent_id"], "at": row["at"]}
            self.halts.append({**halt, "acknowledged_at": None, "word": None, **problem})

    def _acknowledged(self, row: sqlite3.Row, data: Row) -> None:
        for halt in self.halts:
            if halt["venue"] == data["venue"] and halt["acknowledged_at"] is None:
                halt.update(acknowledged_at=row["at"], word=data["word"])
        seen = [one for one, until in self.held.items() if until == UNTIL_SETTLED]
        for attempt_id in seen:
            if "ghosts_until" in data and self.attempts[attempt_id]["venue"] == data["venue"]:
                self.held[attempt_id] = float(str(data["ghosts_until"]))


def _over(attempt: Mapping[str, object]) -> bool:
    return AttemptState(str(attempt["state"])).ended


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _listed(fills: object) -> list[Row]:
    return fills if isinstance(fills, list) else []


def _key(fill: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(str(fill[name]) for name in FILL_KEY)
