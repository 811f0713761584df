"""Binance spot as data. Nothing here was seen at the live venue yet."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

from backend.domain.orders import OrderType, TimeInForce
from backend.domain.rules import (
    ClientIdRule,
    DeadlineClass,
    Fact,
    IdClass,
    RateRule,
    VenueRules,
    Verification,
)
from backend.integrations.exchanges.binance.limits import LIMITS

T = TypeVar("T")
DOCS = "Binance spot API docs, 2026-07-17"
DATE = "2026-07-17"


def _documented(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.DOCUMENTED, DATE, f"{DOCS}: {detail}")


def _unverified(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.UNVERIFIED, DATE, detail)


RULES = VenueRules(
    venue="binance",
    host="api.binance.com",
    id_class=_documented(IdClass.OPEN_ONLY, "newClientOrderId is unique among open orders only"),
    deadline_class=_documented(
        DeadlineClass.GATEWAY, "recvWindow, checked on arrival and again before the order goes to matching"
    ),
    client_id=_documented(ClientIdRule(r"[A-Za-z0-9_-]{1,36}", 36), "FIX and REST alphabets, their common part"),
    duplicate_refused=_documented(False, "an id can be used again once its order is filled, expired or cancelled"),
    deadline_min_s=_documented(0.001, "recvWindow in milliseconds"),
    deadline_max_s=_documented(60.0, "recvWindow at most 60000"),
    lookup_by_client_id=_documented(True, "GET /api/v3/order with origClientOrderId"),
    lookup_retention_s=_documented(90 * 86_400.0, "-2026: unfilled ended orders are archived after 90 days"),
    visibility_bound_s=_unverified(60.0, "look-ups read a copy, not the matching engine; no bound is published"),
    engine_bound_s=_unverified(60.0, "-1007 comes after 10 s; a queue behind it has no published bound"),
    clock_resolution_s=_documented(0.001, "GET api/v3/time: serverTime in milliseconds"),
    time_in_force=_documented(frozenset({TimeInForce.IOC, TimeInForce.GTC}), "timeInForce GTC, IOC, FOK"),
    order_types=_documented(frozenset({OrderType.LIMIT, OrderType.MARKET}), "type LIMIT, MARKET"),
    taker_fee=Fact(Decimal("0.001"), Verification.SOURCE, DATE, "ccxt 4.5.90; the account's own rate may be lower"),
    maker_fee=Fact(Decimal("0.001"), Verification.SOURCE, DATE, "ccxt 4.5.90; the account's own rate may be lower"),
    order_rate=_unverified(RateRule(100, 10.0), "commonly 100 orders per 10 s; the live value is in exchangeInfo"),
    read_rate=_documented(RateRule(300, 60.0), "6000 weight per minute, at up to 20 a read"),
    limits=LIMITS,
)

READ_WINDOW_MS = 5000
"""recvWindow of calls that place nothing; the venue's own default."""
WINDOW_MS_MAX = 60_000
MODES = {0: "online", 1: "maintenance"}
"""GET /sapi/v1/system/status, documented: 0 normal, 1 system maintenance. Account-wide, not per market."""
ROWS_PER_LIST = 1000
"""allOrders and myTrades give at most so many, documented; which ones, where there are more, is not."""
LISTS_MAX = 20
"""How many such lists one search reads: an order in doubt must neither hold up a start nor use up the venue's limit."""
LIST_SPAN_MS = 86_400_000
"""startTime and endTime of a list lie at most so far apart, documented."""
