"""Bybit's limits as data. Nothing here was seen at the live venue yet.

Basis: Bybit v5 API docs, 2026-07: 600 requests in 5 s per address, over which the address is shut out for 10 minutes or
more; per account and rolling second 20 spot creates, 20 cancels and 50 queries. The headers speak of the limit of the
answered call. Which calls share the limit of the queries is unverified: here look-ups, trades and balances do.
"""

from __future__ import annotations

from backend.domain.limits import BAN_S_MAX, TOO_MANY, CallKind, Closing, EndHeader, EndUnit, Pool, Told, VenueLimits

ADDRESS, ORDERS, CANCELS, QUERIES = "address", "orders", "cancels", "queries"
DOCS = "Bybit v5 API docs, 2026-07"
LEFT = "X-Bapi-Limit-Status"

LIMITS = VenueLimits(
    pools=(
        Pool(ADDRESS, 600, 5.0, reserved={CallKind.CANCEL: 60, CallKind.ORDER: 180, CallKind.LOOKUP: 120}),
        Pool(ORDERS, 20, 1.0),
        Pool(CANCELS, 20, 1.0),
        Pool(QUERIES, 50, 1.0, reserved={CallKind.LOOKUP: 20}),
    ),
    costs={
        ADDRESS: dict.fromkeys(CallKind, 1.0),
        ORDERS: {CallKind.ORDER: 1},
        CANCELS: {CallKind.CANCEL: 1},
        QUERIES: {CallKind.LOOKUP: 1, "GET v5/account/wallet-balance": 1},
    },
    told=tuple(Told(LEFT, pool, left=True, of_call=True) for pool in (ORDERS, CANCELS, QUERIES)),
    ends=(EndHeader("X-Bapi-Limit-Reset-Timestamp", EndUnit.EPOCH_MS),),
    closings=(
        Closing(status=403, pause_s=600.0, longest_s=BAN_S_MAX, source=f"{DOCS}: address limit, wait 10 minutes"),
        Closing(code="10018", pause_s=600.0, longest_s=BAN_S_MAX, source=f"{DOCS}: address limit"),
        Closing(code="170005", pools=(ORDERS,), pause_s=1.0, source=f"{DOCS}: too many new orders"),
        Closing(code="10006", pools=(ORDERS, CANCELS, QUERIES), pause_s=1.0, source=f"{DOCS}: account limit"),
        Closing(code="170222", pools=(ORDERS, CANCELS, QUERIES), pause_s=1.0, source=f"{DOCS}: account limit"),
        *TOO_MANY,
    ),
)
