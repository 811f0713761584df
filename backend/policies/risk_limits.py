"""Notional caps. The only place that makes an ``Approved`` order."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from backend.config.model import Limits
from backend.domain.approval import Approved, Refused
from backend.domain.money import ZERO
from backend.domain.orders import VenueOrder
from backend.domain.reasons import DropReason


@dataclass(frozen=True, slots=True)
class VenueExposure:
    """One venue's exposure: ``reserved`` for attempts that are not settled, at worst price; ``positions`` the sum of
    the absolute net notionals per base asset. In units of the intents' quote."""

    reserved: Decimal = ZERO
    positions: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return self.reserved + self.positions


@dataclass(frozen=True, slots=True)
class LimitDecision:
    """The answer of ``check_exchange_limits``: truthy when allowed; otherwise which limit and what would exceed it."""

    exchange: str
    symbol: str
    notional: Decimal
    trace_id: str
    refused: Refused | None = None

    @property
    def allowed(self) -> bool:
        return self.refused is None

    @property
    def reason(self) -> str | None:
        return None if self.refused is None else str(self.refused)

    def __bool__(self) -> bool:
        return self.allowed


def judge_notional(venue: str, notional: Decimal, exposure: VenueExposure, limits: Limits) -> Refused | None:
    """None when an order of this worst-case notional fits both caps, counted as if it added in full.

    An order that nets a position down is counted in full too: it can only be refused too early, never too late.
    """
    if notional > limits.per_order:
        return Refused(DropReason.OVER_CAP, "per-order notional cap", limits.per_order, notional)
    would_be, cap = exposure.total + notional, limits.of_venue(venue)
    if would_be > cap:
        return Refused(DropReason.OVER_CAP, f"notional cap of {venue}", cap, would_be)
    return None


def judge_order(
    order: VenueOrder, notional: Decimal, exposure: VenueExposure, limits: Limits, *, reduces_to: Decimal | None = None
) -> Approved | Refused:
    """Approved with its reservation, or the limit that refuses it.

    ``reduces_to`` is what the venue's positions would become if the order nets one down: such an order is never
    refused by the venue's cap, because it lowers what the cap is about.
    """
    reduces = reduces_to is not None and reduces_to <= exposure.positions
    refused = judge_notional(order.venue, notional, VenueExposure() if reduces else exposure, limits)
    cap = None if reduces else limits.of_venue(order.venue)
    return refused or Approved(order=order, reserved_notional=notional, cap=cap)
