"""Bybit v5 spot as data. Nothing here was seen at the live venue yet."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

from backend.domain.health import VenueMode
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
from backend.integrations.exchanges.bybit.limits import LIMITS

T = TypeVar("T")
DOCS = "Bybit v5 API docs, 2026-07-24"
DATE = "2026-07-24"
CCXT = "ccxt 4.5.90; the account's own rate may be lower"


def _documented(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.DOCUMENTED, DATE, f"{DOCS}: {detail}")


def _unverified(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.UNVERIFIED, DATE, detail)


RULES = VenueRules(
    venue="bybit",
    host="api.bybit.com",
    id_class=_documented(
        IdClass.PERMANENT,
        "orderLinkId is always unique, also after its order has ended. For how long is not published, so a resend is "
        "sound within the protocol's short horizon only, and never for an old id",
    ),
    deadline_class=_documented(DeadlineClass.GATEWAY, "recv_window, checked on arrival; of the engine nothing is said"),
    client_id=_documented(ClientIdRule(r"[A-Za-z0-9_-]{1,36}", 36), "orderLinkId: letters, digits, - and _"),
    duplicate_refused=_documented(True, "170141, or accepted and then rejected as EC_DuplicatedClOrdID"),
    deadline_min_s=_documented(0.001, "recv_window in milliseconds"),
    deadline_max_s=_unverified(60.0, "no maximum of recv_window is published; a minute is what other venues take"),
    lookup_by_client_id=_documented(True, "order/realtime and order/history take orderLinkId"),
    lookup_retention_s=_documented(86_400.0, "order/history drops orders without a fill after 24 hours"),
    visibility_bound_s=_unverified(60.0, "orders appear after the acknowledgement and may lag; no bound is published"),
    engine_bound_s=_unverified(60.0, "an acknowledged order is matched later; no bound is published"),
    clock_resolution_s=_unverified(0.001, "GET v5/market/time: timeNano; how many of its digits are real is not said"),
    time_in_force=_documented(frozenset({TimeInForce.IOC, TimeInForce.GTC}), "timeInForce GTC, IOC, FOK, PostOnly"),
    order_types=_documented(frozenset({OrderType.LIMIT, OrderType.MARKET}), "orderType Limit, Market"),
    taker_fee=Fact(Decimal("0.001"), Verification.SOURCE, DATE, CCXT),
    maker_fee=Fact(Decimal("0.001"), Verification.SOURCE, DATE, CCXT),
    order_rate=_documented(RateRule(20, 1.0), "spot create and cancel 20 a second per user"),
    read_rate=_documented(RateRule(50, 1.0), "order and execution queries 50 a second; 600 calls per 5 s and address"),
    limits=LIMITS,
)

CATEGORY = "spot"
READ_WINDOW_MS = 5000
"""recv_window of calls that place nothing; the venue's own default."""

STATES: Mapping[str, VenueMode] = {
    "ongoing": VenueMode.MAINTENANCE,
    "scheduled": VenueMode.ONLINE,
    "completed": VenueMode.ONLINE,
    "canceled": VenueMode.ONLINE,
}
SPOT_PRODUCT = 2
PRODUCTION = 1
HTTP_TRADING = frozenset({1, 2})
"""GET /v5/system/status, documented: product 2 spot; env 1 production; service type 1 trading, 2 trading over HTTP."""

DUPLICATE_REJECTED = "EC_DuplicatedClOrdID"
"""rejectReason of an order that was refused because another order has its orderLinkId."""

TRADE = "Trade"
"""execType of an execution of an order; the list has settlements and funding too."""

TRADES_PER_PAGE = 100
ORDERS_PER_PAGE = 50
PAGES_MAX = 20
TRADE_SEARCH_S = 7 * 86_400.0
"""GET /v5/execution/list looks this far from startTime on, documented."""

WITHDRAWS = "Withdraw"
"""Documented: among the permissions of the wallet of a key that can withdraw."""
