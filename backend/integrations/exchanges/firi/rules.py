"""Firi as data: the venue with the weakest guarantees. Nothing here was seen at the live venue."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

from backend.domain.orders import OrderType, TimeInForce
from backend.domain.rules import DeadlineClass, Fact, IdClass, RateRule, VenueRules, Verification

T = TypeVar("T")
DOCS = "Firi Trading API 1.0.0"
DATE = "2026-07-17"


def _documented(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.DOCUMENTED, DATE, f"{DOCS}: {detail}")


def _unverified(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.UNVERIFIED, DATE, detail)


RULES = VenueRules(
    venue="firi",
    host="api.firi.com",
    id_class=_documented(IdClass.NONE, "no client id, tag or reference field in request or answer"),
    deadline_class=_documented(
        DeadlineClass.NONE, "an HMAC's validity bounds the arrival only, and its unit is unclear"
    ),
    client_id=None,
    duplicate_refused=_documented(False, "nothing tells a repeat from a new order"),
    deadline_min_s=_documented(0.0, "no deadline"),
    deadline_max_s=_documented(0.0, "no deadline"),
    lookup_by_client_id=_documented(False, "no client id"),
    lookup_retention_s=_unverified(0.0, "not published"),
    visibility_bound_s=_unverified(60.0, "how soon a new order is listed is not published"),
    engine_bound_s=_unverified(60.0, "not published"),
    clock_resolution_s=_unverified(1.0, "GET time: whole seconds; that they are cut off, not rounded, is not said"),
    time_in_force=_documented(frozenset({TimeInForce.GTC}), "no IOC, FOK or post-only"),
    order_types=_documented(frozenset({OrderType.LIMIT}), "limit orders only"),
    taker_fee=_unverified(Decimal("0.007"), "0.5 % on the price page of May 2022, 0.7 % mentioned later"),
    maker_fee=_unverified(Decimal("0.007"), "no split between maker and taker was found"),
    order_rate=_unverified(RateRule(5, 5.0), "no limit is documented; 1 a second is what careful clients keep"),
    read_rate=_unverified(RateRule(5, 5.0), "no limit is documented; 1 a second is what careful clients keep"),
    credential_fields=("api_key",),
    one_unanswered_place_per_market=True,
)

QUOTE_LETTERS = 3
"""A market's id is base and quote without a separator; every quote (NOK, DKK) has three letters."""

PRICE_TICK = _unverified(Decimal("0.01"), "clients send prices with 2 decimals; cheap coins may take more")
QUANTITY_STEP = _unverified(Decimal("0.00000001"), "clients send amounts with 8 decimals")
MIN_QUANTITY: Mapping[str, Fact[Decimal]] = {"BTC": _unverified(Decimal("0.0001"), "about this in 2021")}
"""By base asset. The venue publishes neither steps nor minimums."""

HMAC_VALIDITY = _documented("2000", "the example's value; clients read it as milliseconds or as seconds")
ORDER_NOT_FOUND = _unverified("OrderNotFound", "the name in the code base this API descends from")
HISTORY_COUNT = 100
HISTORY_PATIENCE_S = 15.0
"""So long the history of an order may lag behind what the order itself says was matched, before its price is taken to
be the order's limit (unverified: nothing is published)."""
LAGGING_MAX = 1_000
