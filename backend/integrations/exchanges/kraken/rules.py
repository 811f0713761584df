"""Kraken spot as data. Nothing here was seen at the live venue yet."""

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
from backend.integrations.exchanges.kraken.limits import LIMITS

T = TypeVar("T")
DOCS = "Kraken REST API docs, 2026"
DATE = "2026-07-17"


def _documented(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.DOCUMENTED, DATE, f"{DOCS}: {detail}")


def _unverified(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.UNVERIFIED, DATE, detail)


RULES = VenueRules(
    venue="kraken",
    host="api.kraken.com",
    id_class=_documented(IdClass.OPEN_ONLY, "cl_ord_id is unique among the client's open orders only"),
    deadline_class=_unverified(
        DeadlineClass.GATEWAY, "the docs say that the matching engine checks `deadline`; the worse class until tried"
    ),
    client_id=_documented(ClientIdRule(r"[0-9a-f]{32}", 32), "cl_ord_id: a UUID, 32 hex digits, or text up to 18"),
    duplicate_refused=_documented(False, "after fill or cancel the same id makes a new order"),
    deadline_min_s=_documented(2.0, "deadline from now + 2 s on REST"),
    deadline_max_s=_documented(60.0, "deadline up to now + 60 s"),
    lookup_by_client_id=_documented(True, "OpenOrders and ClosedOrders take cl_ord_id; QueryOrders does not"),
    lookup_retention_s=_unverified(90 * 86_400.0, "not published"),
    visibility_bound_s=_unverified(120.0, "reports of orders that appeared a minute after a lost answer"),
    engine_bound_s=_unverified(60.0, "not published"),
    clock_resolution_s=_unverified(1.0, "GET Time: whole seconds; that they are cut off, not rounded, is not said"),
    time_in_force=_documented(frozenset({TimeInForce.IOC, TimeInForce.GTC}), "timeinforce GTC, IOC, GTD"),
    order_types=_documented(frozenset({OrderType.LIMIT, OrderType.MARKET}), "ordertype limit, market"),
    taker_fee=_unverified(Decimal("0.004"), "base tier; AssetPairs states each market's own"),
    maker_fee=_unverified(Decimal("0.0025"), "base tier; AssetPairs states each market's own"),
    order_rate=_unverified(RateRule(60, 60.0), "engine counter of the lowest tier: 60 per pair, one back a second"),
    read_rate=_unverified(RateRule(15, 15.0), "public about 1 a second; private counter 15, refilled by tier"),
    limits=LIMITS,
)

STATUS_MODES: Mapping[str, VenueMode] = {
    "online": VenueMode.ONLINE,
    "post_only": VenueMode.POST_ONLY,
    "cancel_only": VenueMode.CANCEL_ONLY,
    "maintenance": VenueMode.MAINTENANCE,
}
"""GET /0/public/SystemStatus, documented. ccxt folds the last three into one."""

ASSET_NAMES: Mapping[str, str] = {"XBT": "BTC", "XDG": "DOGE"}
"""The two assets that this venue names differently from everybody else."""

TRADES_PER_PAGE = 50
TRADE_PAGES_MAX = 20
ORDER_PAGES_MAX = 20
TRADE_SEARCH_MARGIN_S = 60.0
"""How far before the send trades are looked for: the venue's clock may be behind ours."""

NONCE_HOLD_S = 1.0
"""How long a private call holds back the next one of its key: nonces that arrive out of order are refused."""
