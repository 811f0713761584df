"""Between the tables' rows and the domain's values: exact, both ways."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from math import isfinite

from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Fill, Intent, OnUnknown, OrderType, Side, TimeInForce, VenueOrder
from backend.domain.reasons import EndReason, ParkReason, RejectReason, UnknownReason
from backend.domain.records import Attempt, IntentRecord, Leg

ORDER_FIELDS = tuple(field.name for field in fields(VenueOrder))

BODIES_KEPT = 1_024
"""So many intents, requests and fills are not parsed again: they are read with every step of their order."""

quoted: Callable[[str], str] = json.encoder.encode_basestring_ascii
"""A text as canonical JSON."""


def as_json(value: object) -> str:
    """Canonical JSON: sorted keys, Decimals and enums as text."""
    return _ENCODER.encode(value)


def scalar_json(value: object) -> str:
    """The same for one value that holds no others: it is written many times for each order, and an encoder for nested
    values costs more than the writing."""
    kind = type(value)
    if kind is str:
        return quoted(value)  # type: ignore[arg-type]
    if value is None:
        return "null"
    if kind is float and isfinite(value):  # type: ignore[arg-type]
        return repr(value)
    if kind is Decimal:
        return f'"{value:f}"'
    return as_json(value)


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Enum):
        return str(value.value)
    raise TypeError(f"{type(value).__name__} has no place in the journal")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_text, check_circular=False)


def intent_body(intent: Intent) -> str:
    """As ``as_json`` would write all its fields. Spelt out: it is written for each order, and most are plain."""
    one = scalar_json
    return (
        f'{{"exchange":{one(intent.exchange)},"id":{quoted(intent.id)},"limit_price":{one(intent.limit_price)},'
        f'"on_unknown":"{intent.on_unknown}","order_type":"{intent.order_type}",'
        f'"overfill_budget":"{intent.overfill_budget:f}","quantity":"{intent.quantity:f}","side":"{intent.side}",'
        f'"slippage_bps":{one(intent.slippage_bps)},"strategy_id":{quoted(intent.strategy_id)},'
        f'"symbol":{quoted(intent.symbol)},"time_in_force":"{intent.time_in_force}",'
        f'"valid_for_s":{one(intent.valid_for_s)},"valid_until":{one(intent.valid_until)}}}'
    )


def request_body(order: VenueOrder) -> str:
    # Field by field: nothing in it is nested, and a deep copy would cost more than the writing.
    return as_json({name: getattr(order, name) for name in ORDER_FIELDS})


@lru_cache(BODIES_KEPT)
def intent_of(body: str) -> Intent:
    raw = json.loads(body)
    return Intent(
        id=raw["id"],
        strategy_id=raw["strategy_id"],
        symbol=raw["symbol"],
        side=Side(raw["side"]),
        quantity=Decimal(raw["quantity"]),
        order_type=OrderType(raw["order_type"]),
        limit_price=_decimal(raw["limit_price"]),
        slippage_bps=_decimal(raw["slippage_bps"]),
        exchange=raw["exchange"],
        valid_until=raw["valid_until"],
        time_in_force=TimeInForce(raw.get("time_in_force", TimeInForce.IOC)),
        on_unknown=OnUnknown(raw.get("on_unknown", OnUnknown.WAIT)),
        overfill_budget=Decimal(raw.get("overfill_budget", 0)),
        valid_for_s=raw.get("valid_for_s"),
    )


@lru_cache(BODIES_KEPT)
def order_of(body: str, reserved: str) -> VenueOrder:
    """``reserved``: the attempt's reservation, from which the rate follows where the request does not name it yet."""
    raw = json.loads(body)
    quantity, price = Decimal(raw["quantity"]), Decimal(raw["price"])
    return VenueOrder(
        venue=raw["venue"],
        attempt_id=raw["attempt_id"],
        client_id=raw["client_id"],
        symbol=raw["symbol"],
        side=Side(raw["side"]),
        quantity=quantity,
        price=price,
        time_in_force=TimeInForce(raw["time_in_force"]),
        created_at=raw["created_at"],
        not_after=raw["not_after"],
        rate=Decimal(raw["rate"]) if "rate" in raw else quantity * price / Decimal(reserved),
    )


def attempt_of(row: sqlite3.Row, filled: Decimal) -> Attempt:
    return Attempt(
        id=row["id"],
        intent_id=row["intent_id"],
        number=row["number"],
        order=order_of(row["request"], row["reserved_notional"]),
        reserved_notional=Decimal(row["reserved_notional"]),
        state=AttemptState(row["state"]),
        venue_order_id=row["venue_order_id"],
        outcome_reason=_outcome_reason(row["outcome_kind"], row["outcome_reason"]),
        evidence=row["evidence"],
        proof=None if row["proof"] is None else Proof(row["proof"]),
        filled=filled,
        settled_by=row["settled_by"],
        lookups=row["lookups"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        leg=row["leg"],
    )


@lru_cache(BODIES_KEPT)
def fill_of(row: sqlite3.Row) -> Fill:
    return Fill(
        venue=row["venue"],
        symbol=row["symbol"],
        venue_order_id=row["venue_order_id"],
        trade_id=row["trade_id"],
        side=Side(row["side"]),
        quantity=Decimal(row["quantity"]),
        price=Decimal(row["price"]),
        fee=Decimal(row["fee"]),
        fee_asset=row["fee_asset"],
        at=row["at"],
        provisional=bool(row["provisional"]),
    )


def record_of(
    row: sqlite3.Row, attempts: tuple[Attempt, ...], fills: tuple[Fill, ...], legs: tuple[Leg, ...]
) -> IntentRecord:
    return IntentRecord(
        intent=intent_of(row["body"]),
        body_hash=row["body_hash"],
        state=IntentState(row["state"]),
        created_at=row["created_at"],
        valid_until=row["valid_until"],
        worst_price=_decimal(row["worst_price"]),
        reason=_reason(row["state"], row["reason"]),
        ended_at=row["ended_at"],
        attempts=attempts,
        fills=fills,
        legs=legs,
        pinned=row["pinned"],
        cancel_requested_at=row["cancel_requested_at"],
    )


def outcome_kind(reason: RejectReason | UnknownReason | None) -> str | None:
    """Which of the two closed sets a reason is from."""
    if reason is None:
        return None
    return "reject" if isinstance(reason, RejectReason) else "unknown"


def _outcome_reason(kind: str | None, value: str | None) -> RejectReason | UnknownReason | None:
    if value is None:
        return None
    return RejectReason(value) if kind == "reject" else UnknownReason(value)


def _reason(state: str, value: str | None) -> EndReason | ParkReason | None:
    if value is None:
        return None
    return ParkReason(value) if state == IntentState.PARKED else EndReason(value)


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
