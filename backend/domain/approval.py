"""The risk check is a type: only an ``Approved`` order can be sent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from backend.domain.orders import VenueOrder
from backend.domain.reasons import DropReason


@dataclass(frozen=True, slots=True)
class Approved:
    """An order that the limits allow, with its reservation. Only policies.risk_limits makes one.

    ``cap``: what its venue's account may reach with it; None for an order that lowers what the cap is about.
    """

    order: VenueOrder
    reserved_notional: Decimal
    cap: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that a limit refuses: which limit, its value, and what the order would have made of it."""

    reason: DropReason
    limit_name: str
    limit: Decimal
    would_be: Decimal

    def __str__(self) -> str:
        return f"{self.limit_name}: {self.would_be} would exceed the limit of {self.limit}"
