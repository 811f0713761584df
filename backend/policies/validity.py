"""Until when an order is wanted. A pure decision."""

from __future__ import annotations

from backend.domain.errors import InvalidOrder
from backend.domain.orders import DEFAULT_VALIDITY_S, Intent

VALIDITY_MAX_S = 86_400.0


def valid_until(intent: Intent, now: float) -> float:
    """Epoch seconds; what is relative counts from ``now``. Raises InvalidOrder for what is too far away."""
    name, until = "valid_until", intent.valid_until
    if until is None:
        name, until = "valid_for_s", now + (DEFAULT_VALIDITY_S if intent.valid_for_s is None else intent.valid_for_s)
    if until > now + VALIDITY_MAX_S:
        raise InvalidOrder(name, f"{until} is more than {VALIDITY_MAX_S:g} s from now")
    return until
