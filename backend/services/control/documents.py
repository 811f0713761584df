"""Orders, events and venues as plain documents: the same for the command line and for the HTTP port.

Amounts are texts, exact to the digit; times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from backend.domain.errors import InvalidOrder
from backend.domain.health import VenueHealth
from backend.domain.money import plain
from backend.domain.orders import Intent, Side
from backend.domain.records import Event, ExecutionResult, IntentRecord, Standing
from backend.policies.routing_tables import FailoverChains
from backend.policies.venue_clock import ClockEstimate
from backend.ports.clock import Clock
from backend.services.health.board import HealthBoard

INTENT_FIELDS = (
    "id",
    "symbol",
    "side",
    "quantity",
    "strategy_id",
    "order_type",
    "limit_price",
    "slippage_bps",
    "exchange",
    "valid_until",
    "valid_for_s",
    "time_in_force",
    "on_unknown",
    "overfill_budget",
)
NUMBERS = ("valid_until", "valid_for_s")
"""Fields that are numbers; the others are texts, so that no amount goes through a float."""


def intent_of(document: object) -> Intent:
    """An order as it is asked for. Raises InvalidOrder that names the field."""
    if not isinstance(document, Mapping):
        raise InvalidOrder("order", "not an object with the fields of an order")
    unknown = sorted(set(document) - set(INTENT_FIELDS))
    if unknown:
        raise InvalidOrder(unknown[0], f"no such field; there are: {', '.join(INTENT_FIELDS)}")
    for name in ("id", "symbol", "side", "quantity"):
        if document.get(name) is None:
            raise InvalidOrder(name, "is missing")
    values = {name: value for name, value in document.items() if value is not None}
    for name, value in values.items():
        wanted = (int, float) if name in NUMBERS else (str,)
        if not isinstance(value, wanted) or isinstance(value, bool):
            told = "a number" if name in NUMBERS else "a text; amounts too, so that they stay exact"
            raise InvalidOrder(name, f"{value!r} is not {told}")
    return Intent.create(**values)


def summary(record: IntentRecord) -> dict[str, object]:
    """One order in a line."""
    intent = record.intent
    return {
        "id": intent.id,
        "strategy": intent.strategy_id,
        "symbol": intent.symbol,
        "side": Side(intent.side).value,
        "quantity": plain(intent.quantity),
        "time_in_force": intent.time_in_force.value,
        "state": record.state.value,
        "reason": None if record.reason is None else record.reason.value,
        "filled": plain(record.filled),
        "blocked": plain(record.blocked),
        "created_at": record.created_at,
        "ended_at": record.ended_at,
        "cancel_requested_at": record.cancel_requested_at,
        "venues": [attempt.venue for attempt in record.attempts],
    }


def order_document(record: IntentRecord, unresolved_until: float | None = None) -> dict[str, object]:
    """One order with every attempt and every fill. ``unresolved_until``: as in its result."""
    return {
        **summary(record),
        "valid_until": record.valid_until,
        "unresolved_until": unresolved_until,
        "attempts": [
            {
                "number": attempt.number,
                "venue": attempt.venue,
                "client_id": attempt.order.client_id,
                "venue_order_id": attempt.venue_order_id,
                "quantity": plain(attempt.order.quantity),
                "price": plain(attempt.order.price),
                "symbol": attempt.order.symbol,
                "not_after": attempt.order.not_after,
                "state": attempt.state.value,
                "proof": None if attempt.proof is None else attempt.proof.value,
                "evidence": attempt.evidence,
                "settled_by": attempt.settled_by,
                "lookups": attempt.lookups,
            }
            for attempt in record.attempts
        ],
        "fills": [
            {
                "venue": fill.venue,
                "venue_order_id": fill.venue_order_id,
                "trade_id": fill.trade_id,
                "quantity": plain(fill.quantity),
                "price": plain(fill.price),
                "fee": plain(fill.fee),
                "fee_asset": fill.fee_asset,
                "at": fill.at,
                "provisional": fill.provisional,
            }
            for fill in record.fills
        ],
    }


def result_document(result: ExecutionResult) -> dict[str, object]:
    """What became of an order, as far as it is known now, with the reason for each exchange that was not used."""
    return {
        "id": result.intent_id,
        "state": result.state.value,
        "reason": None if result.reason is None else result.reason.value,
        "quantity": plain(result.quantity),
        "filled": plain(result.filled),
        "blocked": plain(result.blocked),
        "average_price": None if result.average_price is None else _rounded(result.average_price),
        "venues": list(result.venues),
        "dropped": {drop.venue: f"{drop.reason.value}: {drop.detail}" for drop in result.dropped},
        "retry_at": result.retry_at,
        "unresolved_until": result.unresolved_until,
    }


def venue_documents(
    board: HealthBoard,
    clock: Clock,
    verdicts: Mapping[str, VenueHealth],
    *,
    chains: FailoverChains,
    keys: Mapping[str, str | None],
    standing: Standing,
) -> list[dict[str, object]]:
    """Each venue's health, its clock, its chain, and what stands against using it. ``keys``: the venues that have some,
    with what stands against those."""
    halted = {halt.venue: halt.problem for halt in standing.halts}
    open_at: dict[str, list[str]] = {}
    for record in standing.unfinished:
        for attempt in record.open_attempts:
            open_at.setdefault(attempt.venue, []).append(record.intent.id)
    return [
        {
            "venue": venue,
            "status": verdict.status.value,
            "latency_ms": verdict.latency_ms,
            "clock": clock_document(board.clocks.known(venue), clock),
            "problem": verdict.last_error,
            "keys": venue in keys,
            "keys_problem": keys.get(venue),
            "chain": list(chains.of(venue)),
            "open_orders": open_at.get(venue, []),
            "halted": halted.get(venue) or standing.halted,
        }
        for venue, verdict in verdicts.items()
    ]


def clock_document(known: ClockEstimate | None, clock: Clock) -> dict[str, float] | None:
    """How far an exchange's clock is ahead of ours (behind, if negative), and how wrong that may be. Milliseconds."""
    if known is None:
        return None
    ahead_s = known.ahead_s(clock.now(), clock.monotonic())
    return {"ahead_ms": round(ahead_s * 1000, 1), "error_ms": round(known.error_s * 1000, 1)}


def event_document(event: Event) -> dict[str, object]:
    """One event of the journal."""
    return {
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind,
        "order": event.intent_id,
        "attempt": event.attempt_id,
        "data": dict(event.data),
    }


def _rounded(price: Decimal) -> str:
    return plain(round(price, 8))
