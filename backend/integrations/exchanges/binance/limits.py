"""Binance spot's limits as data. Nothing here was seen at the live venue yet.

Basis: Binance spot API docs, 2026-07-17 (weights and headers, documented); the order counts are the common ones, and
the live values stand in exchangeInfo (unverified). A placed or cancelled order costs no weight since 2026-04, a refused
one costs 1: it is counted, because an order's answer comes after the decision.
"""

from __future__ import annotations

from backend.domain.limits import BAN_S_MAX, CallKind, Closing, Pool, Told, VenueLimits

WEIGHT, ORDERS, ORDERS_A_DAY = "weight", "orders", "orders_a_day"
DOCS = "Binance spot API docs, 2026-07-17"

LIMITS = VenueLimits(
    pools=(
        # Per address.
        Pool(WEIGHT, 6000, 60.0, reserved={CallKind.CANCEL: 600, CallKind.ORDER: 1800, CallKind.LOOKUP: 1200}),
        # Per account. Cancels are not counted.
        Pool(ORDERS, 100, 10.0),
        Pool(ORDERS_A_DAY, 200_000, 86_400.0),
    ),
    costs={
        WEIGHT: {
            CallKind.CANCEL: 1,
            CallKind.ORDER: 1,
            CallKind.LOOKUP: 20,
            CallKind.HEALTH: 1,
            CallKind.READ: 20,
            "GET order": 4,
            "GET openOrders": 6,
            "GET depth": 5,
        },
        ORDERS: {CallKind.ORDER: 1},
        ORDERS_A_DAY: {CallKind.ORDER: 1},
    },
    told=(
        Told("X-MBX-USED-WEIGHT-1M", WEIGHT),
        Told("X-MBX-ORDER-COUNT-10S", ORDERS),
        Told("X-MBX-ORDER-COUNT-1D", ORDERS_A_DAY),
    ),
    until=r"banned until (\d+)",
    closings=(
        Closing(code="-1015", pools=(ORDERS,), source=f"{DOCS}: too many new orders; everything else goes on"),
        Closing(status=429, pause_s=60.0, source=f"{DOCS}: back off for Retry-After; the weight's minute without it"),
        Closing(status=418, pause_s=120.0, longest_s=BAN_S_MAX, source=f"{DOCS}: banned for 2 minutes to 3 days"),
        Closing(code="-1003", pause_s=60.0, longest_s=BAN_S_MAX, source=f"{DOCS}: too many requests"),
    ),
)
