"""KuCoin spot (high-frequency account) as data. Nothing here was seen at the live venue yet."""

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
from backend.integrations.exchanges.kucoin.limits import LIMITS

T = TypeVar("T")
DOCS = "KuCoin REST API docs, 2026"
DATE = "2026-11-23"


def _documented(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.DOCUMENTED, DATE, f"{DOCS}: {detail}")


def _unverified(value: T, detail: str) -> Fact[T]:
    return Fact(value, Verification.UNVERIFIED, DATE, detail)


RULES = VenueRules(
    venue="kucoin",
    host="api.kucoin.com",
    id_class=_unverified(
        IdClass.NONE,
        "the docs ask for unique clientOids and promise no refusal of a second one; five orders of one id were "
        "reported (kucoin-api-docs #468): the worst class until tried",
    ),
    deadline_class=_documented(
        DeadlineClass.GATEWAY, "an order fails when the gateway receives it after clientTimestamp + allowMaxTimeWindow"
    ),
    client_id=_documented(ClientIdRule(r"[A-Za-z0-9_-]{1,40}", 40), "clientOid: letters, digits, _ and -, up to 40"),
    duplicate_refused=_unverified(False, "a refusal was seen (Kucoin.Net #120), and its absence too"),
    deadline_min_s=_documented(0.001, "allowMaxTimeWindow in milliseconds"),
    deadline_max_s=_documented(5.0, "400002: a KC-API-TIMESTAMP more than 5 s from the venue's clock is refused"),
    lookup_by_client_id=_documented(True, "GET /api/v1/hf/orders/client-order/{clientOid}, active and ended orders"),
    lookup_retention_s=_unverified(2 * 86_400.0, "two days for cancelled orders of a sister endpoint; elsewhere three"),
    visibility_bound_s=_unverified(60.0, "reports of orders that a look-up right after the place did not find"),
    engine_bound_s=_unverified(60.0, "not published; the window bounds the arrival at the gateway only"),
    clock_resolution_s=_documented(0.001, "GET timestamp: milliseconds"),
    time_in_force=_documented(frozenset({TimeInForce.IOC, TimeInForce.GTC}), "timeInForce GTC, GTT, IOC, FOK"),
    order_types=_documented(frozenset({OrderType.LIMIT, OrderType.MARKET}), "type limit, market"),
    taker_fee=Fact(Decimal("0.001"), Verification.SOURCE, DATE, "ccxt 4.5.90; the account's own rate may be lower"),
    maker_fee=Fact(Decimal("0.001"), Verification.SOURCE, DATE, "ccxt 4.5.90; the account's own rate may be lower"),
    order_rate=_documented(RateRule(600, 30.0), "spot pool of 4000 weight per 30 s, 1 an order; look-ups share it"),
    read_rate=_documented(RateRule(300, 30.0), "pools of 2000 per 30 s and more, at up to 5 a read"),
    credential_fields=("api_key", "secret", "passphrase"),
    limits=LIMITS,
)

STATUS_MODES: Mapping[str, VenueMode] = {
    "open": VenueMode.ONLINE,
    "cancelonly": VenueMode.CANCEL_ONLY,
    "close": VenueMode.MAINTENANCE,
}
"""GET /api/v1/status, documented. ccxt folds the last two into one."""

ASSET_NAMES: Mapping[str, str] = {
    "BIFI": "BIFIF",
    "VAI": "VAIOT",
    "WAX": "WAXP",
    "ALT": "APTOSLAUNCHTOKEN",
    "KALT": "ALT",
    "FUD": "FTX Users' Debt",
}
"""Assets that bear another asset's common name here (ccxt 4.5.90): an order must not land on a namesake elsewhere."""

FEE_CLASS_FACTORS: Mapping[int, Decimal] = {1: Decimal(1), 2: Decimal(2), 3: Decimal(3)}
"""``feeCategory`` of a market: class B pays twice, class C three times the rate of class A. Unverified."""

WINDOW_MS_MAX = 5_000
BOOK_DEPTHS = (20, 100)
"""The depths that the public book endpoint has."""
FILLS_PER_PAGE = 100
FILL_PAGES_MAX = 20
ORDERS_PER_PAGE = 100
ORDER_PAGES_MAX = 20
FILL_SEARCH_MARGIN_S = 60.0
"""How far before the send trades are looked for: the venue's clock may be behind ours."""

WITHDRAWS = frozenset({"Transfer", "Withdrawal", "Withdraw"})
"""In ``permission`` of a key that can withdraw; the documents have used more than one word, so each counts."""
