"""Meridian: what an error answer to an order proves."""

from __future__ import annotations

from backend.domain.outcomes import CancelState
from backend.domain.reasons import HealthClass, RejectReason, UnknownReason
from backend.integrations.exchanges.shared.outcomes import CancelTable, Row, Table

DOCS = "invented"
NO_SUCH_ORDER = "no_such_order"
CANCELS: CancelTable = {(NO_SUCH_ORDER, None): CancelState.NO_SUCH_ORDER}


def _ours(reason: RejectReason) -> Row:
    return Row(reason, HealthClass.OURS, DOCS)


OUTCOMES: Table = {
    (429, None, None): Row(RejectReason.RATE_LIMITED, HealthClass.LIMITED, DOCS),
    (None, "bad_signature", None): _ours(RejectReason.AUTHENTICATION),
    (None, "clock", None): _ours(RejectReason.CLOCK),
    (None, "bad_order", None): _ours(RejectReason.INVALID_REQUEST),
    (None, "under_minimum", None): _ours(RejectReason.UNDER_MINIMUM),
    (None, "no_funds", None): _ours(RejectReason.INSUFFICIENT_FUNDS),
    (None, "no_such_market", None): _ours(RejectReason.UNKNOWN_SYMBOL),
    (None, "too_late", None): _ours(RejectReason.DEADLINE_ELAPSED),
    (None, "closed", None): Row(RejectReason.VENUE_MODE, HealthClass.MODE, DOCS),
    (None, "duplicate", None): Row(UnknownReason.DUPLICATE_ID, HealthClass.UNKNOWN, DOCS),
}
