"""What the log and the metrics say when an order leaves its primary exchange, and when it does not execute."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain.health import VenueHealth
from backend.domain.records import Drop, IntentRecord
from backend.ports.telemetry import Telemetry


def tell_refusal(telemetry: Telemetry, record: IntentRecord, drops: Sequence[Drop]) -> None:
    """An order ended without executing: why each exchange did not take it."""
    telemetry.warning(
        "Order not executed",
        order_id=record.intent.id,
        reason=record.reason,
        dropped={drop.venue: f"{drop.reason.value}: {drop.detail}" for drop in drops},
        attempts={attempt.venue: attempt.evidence for attempt in record.attempts},
    )


def tell_failover(
    telemetry: Telemetry,
    record: IntentRecord,
    move: tuple[str, str],
    health: VenueHealth | None,
    drops: Sequence[Drop],
) -> None:
    """The specified record and metric, once per ``move`` from the primary exchange to the selected one, whose
    ``health`` it tells."""
    primary, selected = move
    telemetry.warning(
        "Failover activated - primary exchange unhealthy",
        primary=primary,
        selected=selected,
        latency_ms=None if health is None else health.latency_ms,
        order_id=record.intent.id,
        reason=_why_not(primary, record, drops),
    )
    telemetry.failed_over(primary, selected)


def _why_not(primary: str, record: IntentRecord, drops: Sequence[Drop]) -> str:
    """What kept an order from its primary exchange, for the log: the fixed text speaks of health whatever it was."""
    for drop in drops:
        if drop.venue == primary:
            return f"{drop.reason.value}: {drop.detail}"
    tried = next((attempt for attempt in record.attempts if attempt.venue == primary), None)
    return "" if tried is None else f"{tried.state.value}: {tried.evidence}"
