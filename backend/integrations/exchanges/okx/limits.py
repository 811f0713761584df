"""OKX's limits as data. Nothing here was seen at the live venue yet.

Basis: OKX v5 API docs, 2026-07: per account and instrument 60 places and 60 cancels in 2 s, 60 order queries, 40 books
per address. They are kept for all instruments together: never less careful. The limit of the balances is unverified. No
header tells what is used, and no ban is documented.
"""

from __future__ import annotations

from backend.domain.limits import TOO_MANY, CallKind, Closing, Pool, VenueLimits

ORDERS, CANCELS, QUERIES, BOOKS, BALANCES = "orders", "cancels", "queries", "books", "balances"
DOCS = "OKX v5 API docs, 2026-07"
PERIOD_S = 2.0

LIMITS = VenueLimits(
    pools=(
        Pool(ORDERS, 60, PERIOD_S),
        Pool(CANCELS, 60, PERIOD_S),
        Pool(QUERIES, 60, PERIOD_S),
        Pool(BOOKS, 40, PERIOD_S),
        Pool(BALANCES, 10, PERIOD_S),
    ),
    costs={
        ORDERS: {CallKind.ORDER: 1},
        CANCELS: {CallKind.CANCEL: 1},
        QUERIES: {CallKind.LOOKUP: 1},
        BOOKS: {"GET market/books": 1},
        BALANCES: {"GET account/balance": 1},
    },
    closings=(
        Closing(code="50061", pools=(ORDERS,), pause_s=PERIOD_S, source=f"{DOCS}: 1000 orders of an account in 2 s"),
        Closing(code="50011", pause_s=PERIOD_S, source=f"{DOCS}: rate limit"),
        Closing(code="50040", pause_s=PERIOD_S, source=f"{DOCS}: too frequent"),
        Closing(code="50013", pause_s=1.0, source=f"{DOCS}: systems are busy, try again later"),
        *TOO_MANY,
    ),
)
