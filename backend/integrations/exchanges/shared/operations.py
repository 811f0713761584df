"""What is asked of a venue, by name, and what each question is for."""

from __future__ import annotations

from collections.abc import Mapping

from backend.domain.limits import CallKind
from backend.domain.orders import OrderRef

KINDS: Mapping[str, CallKind] = {
    "health": CallKind.HEALTH,
    "status": CallKind.HEALTH,
    "get_order": CallKind.LOOKUP,
    "watch_order": CallKind.WATCH,
    "search_order": CallKind.LOOKUP,
    "open_orders": CallKind.LOOKUP,
    "my_trades": CallKind.LOOKUP,
    "cancel_order": CallKind.CANCEL,
}
"""What an operation is for; anything else is a read."""

PASSING_S = 60.0
"""A venue that refuses us for no longer than this has limited us; for longer, it has shut us out."""


def order_question(ref: OrderRef) -> str:
    """The name of a question for one order."""
    return "watch_order" if ref.watched else "get_order"
