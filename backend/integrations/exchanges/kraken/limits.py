"""Kraken spot's limits as data. Nothing here was seen at the live venue yet.

Basis: Kraken REST API docs, 2026: two counters that drain evenly, no headers. The figures are those of the lowest tier.
The engine counts each pair for itself; here all pairs are one, which is never less careful. A cancel within five
seconds of its order costs 8 there, and less later; the order's age is not known here, so it is 8.

The health check is not counted: it must speak of the venue, not of our own use of it.
"""

from __future__ import annotations

from backend.domain.limits import BAN_S_MAX, TOO_MANY, CallKind, Closing, Pool, PoolShape, VenueLimits

KEY, ENGINE, PUBLIC = "key", "engine", "public"
DOCS = "Kraken REST API docs, 2026"

LIMITS = VenueLimits(
    pools=(
        # Starter tier: 15, less 0.33 a second.
        Pool(KEY, 15, 15 / 0.33, PoolShape.COUNTER, {CallKind.LOOKUP: 5}),
        # 60, less 1 a second (the drain is unverified).
        Pool(ENGINE, 60, 60.0, PoolShape.COUNTER, {CallKind.CANCEL: 16}),
        # Per address, about 1 a second.
        Pool(PUBLIC, 15, 15.0, PoolShape.COUNTER),
    ),
    costs={
        KEY: {
            "POST BalanceEx": 1,
            "POST GetApiKeyInfo": 1,
            "POST OpenOrders": 1,
            "POST ClosedOrders": 1,
            "POST QueryOrders": 1,
            "POST TradesHistory": 2,
        },
        ENGINE: {CallKind.ORDER: 1, CallKind.CANCEL: 8},
        PUBLIC: {"GET Assets": 1, "GET AssetPairs": 1, "GET Depth": 1},
    },
    until=r"Throttled: ?(\d+)",
    closings=(
        Closing(code="EGeneral", message="Temporary lockout", pause_s=900.0, longest_s=BAN_S_MAX, source=DOCS),
        Closing(code="EAPI", message="Rate limit exceeded", pools=(KEY,), pause_s=15.0, source=f"{DOCS}: key counter"),
        Closing(code="EOrder", message="Rate limit exceeded", pools=(ENGINE,), pause_s=5.0, source=f"{DOCS}: a pair"),
        Closing(code="EOrder", message="Domain rate limit exceeded", pools=(ENGINE,), pause_s=5.0, source=DOCS),
        Closing(code="EGeneral", message="Too many requests", pause_s=5.0, source=f"{DOCS}: per address"),
        Closing(code="EService", message="Throttled", pause_s=5.0, source=f"{DOCS}: too many at once, until a time"),
        *TOO_MANY,
    ),
)
