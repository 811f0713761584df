"""OKX v5 spot as data. Nothing here was seen at the live venue yet."""

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
from backend.integrations.exchanges.okx.limits import LIMITS

T = TypeVar("T")
DOCS = "OKX v5 API docs, 2026-07"
DATE = "2026-07-24"
CCXT = "ccxt 4.5.90; the account's own rate may be lower"


def _documented(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.DOCUMENTED, DATE, f"{DOCS}: {detail}")


def _unverified(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.UNVERIFIED, DATE, detail)


RULES = VenueRules(
    venue="okx",
    host="www.okx.com",
    id_class=_documented(IdClass.OPEN_ONLY, "clOrdId is unique among live orders only; a query returns the latest"),
    deadline_class=_documented(DeadlineClass.GATEWAY, "expTime header; where it is checked is not said"),
    client_id=_documented(ClientIdRule(r"[A-Za-z0-9]{1,32}", 32), "clOrdId: letters and digits only"),
    duplicate_refused=_documented(False, "an id can be used again once its order has ended"),
    deadline_min_s=_documented(0.001, "expTime in milliseconds"),
    deadline_max_s=_documented(30.0, "a request whose timestamp is over 30 s old is refused, whatever its expTime"),
    lookup_by_client_id=_documented(True, "GET /api/v5/trade/order with clOrdId"),
    lookup_retention_s=_documented(7200.0, "cancelled orders without a fill are kept for 2 hours"),
    visibility_bound_s=_unverified(60.0, "not published"),
    engine_bound_s=_unverified(60.0, "not published"),
    clock_resolution_s=_documented(0.001, "GET public/time: ts in milliseconds"),
    time_in_force=_documented(frozenset({TimeInForce.IOC, TimeInForce.GTC}), "ordType limit, ioc, fok, post_only"),
    order_types=_documented(frozenset({OrderType.LIMIT, OrderType.MARKET}), "ordType limit, market"),
    taker_fee=Fact(Decimal("0.0015"), Verification.SOURCE, DATE, CCXT),
    maker_fee=Fact(Decimal("0.001"), Verification.SOURCE, DATE, CCXT),
    order_rate=_documented(RateRule(60, 2.0), "place and cancel each 60 per 2 s, user and instrument"),
    read_rate=_unverified(
        RateRule(20, 2.0), "orders 60, books 40 and balances 10 per 2 s: one rate for a mix that has half balances"
    ),
    credential_fields=("api_key", "secret", "passphrase"),
    limits=LIMITS,
)

SPOT = "SPOT"
LIVE = "live"

STATES: Mapping[str, VenueMode] = {
    "ongoing": VenueMode.MAINTENANCE,
    "pre_open": VenueMode.POST_ONLY,
    "scheduled": VenueMode.ONLINE,
    "completed": VenueMode.ONLINE,
    "canceled": VenueMode.ONLINE,
}
"""GET /api/v5/system/status, documented. In pre_open only cancels and post-only orders work. ccxt reads only the last
event of the list."""
PRODUCTION = "1"
TRADING_SERVICES = frozenset({"5", "8", "9"})
"""env 1 is production; service types 5, 8 and 9 are trading, all at once or by batches of accounts or products."""
STATUS_EVERY_S = 5.0
"""The status endpoint takes one request in this time, documented; a health check asks more often."""

PAGE = 100
PAGES_MAX = 20
RECENT_TRADES_S = 2 * 86_400.0
"""Trades of this age are asked from trade/fills (documented: three days), older ones from trade/fills-history."""

WITHDRAWS = "withdraw"
"""Documented: in ``perm`` of a key that can withdraw."""
