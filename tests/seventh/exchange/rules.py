"""Meridian as data. The venue is invented, and so is every value."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

from backend.domain.orders import OrderType, TimeInForce
from backend.domain.rules import ClientIdRule, DeadlineClass, Fact, IdClass, RateRule, VenueRules, Verification

T = TypeVar("T")


def _invented(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.DOCUMENTED, "2026-11-23", f"Meridian API, invented: {detail}")


RULES = VenueRules(
    venue="meridian",
    host="api.meridian.invalid",
    id_class=_invented(IdClass.OPEN_ONLY, "client_id is unique among open orders"),
    deadline_class=_invented(DeadlineClass.GATEWAY, "valid_until_ms is checked on arrival"),
    client_id=_invented(ClientIdRule(r"[a-z0-9]{1,32}", 32), "lower case letters and digits"),
    duplicate_refused=_invented(False, "an id may be used again after the end"),
    deadline_min_s=_invented(0.001, "valid_until_ms in milliseconds"),
    deadline_max_s=_invented(60.0, "at most a minute ahead"),
    lookup_by_client_id=_invented(True, "GET v1/order?client_id"),
    lookup_retention_s=_invented(86_400.0, "a day"),
    visibility_bound_s=_invented(60.0, "no bound is stated"),
    engine_bound_s=_invented(60.0, "no bound is stated"),
    clock_resolution_s=_invented(0.001, "now_ms in milliseconds"),
    time_in_force=_invented(frozenset({TimeInForce.IOC, TimeInForce.GTC}), "tif"),
    order_types=_invented(frozenset({OrderType.LIMIT, OrderType.MARKET}), "a market order is an IOC limit order"),
    taker_fee=_invented(Decimal("0.001"), "fees"),
    maker_fee=_invented(Decimal("0.001"), "fees"),
    order_rate=_invented(RateRule(50, 1.0), "limits"),
    read_rate=_invented(RateRule(50, 1.0), "limits"),
)
