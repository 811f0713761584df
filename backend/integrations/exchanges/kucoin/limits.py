"""KuCoin's limits as data. Nothing here was seen at the live venue yet.

Basis: KuCoin REST API docs, 2026: pools of weight in 30 s at the lowest level, 4000 for spot and 2000 for the account's
management, per account; 2000 for public calls, per address. The headers speak of the pool of the answered call.
"""

from __future__ import annotations

from backend.domain.limits import TOO_MANY, CallKind, Closing, EndHeader, EndUnit, Pool, Told, VenueLimits

SPOT, MANAGEMENT, PUBLIC = "spot", "management", "public"
DOCS = "KuCoin REST API docs, 2026"
PERIOD_S = 30.0

LIMITS = VenueLimits(
    pools=(
        Pool(SPOT, 4000, PERIOD_S, reserved={CallKind.CANCEL: 400, CallKind.ORDER: 800, CallKind.LOOKUP: 400}),
        Pool(MANAGEMENT, 2000, PERIOD_S),
        Pool(PUBLIC, 2000, PERIOD_S, reserved={CallKind.HEALTH: 100}),
    ),
    costs={
        SPOT: {CallKind.CANCEL: 1, CallKind.ORDER: 1, CallKind.LOOKUP: 2},
        MANAGEMENT: {"GET accounts": 5, "GET user/api-key": 20},
        PUBLIC: {
            CallKind.HEALTH: 3,
            "GET symbols": 4,
            "GET market/orderbook/level2_20": 2,
            "GET market/orderbook/level2_100": 4,
        },
    },
    told=tuple(Told("gw-ratelimit-remaining", pool, left=True, of_call=True) for pool in (SPOT, MANAGEMENT, PUBLIC)),
    ends=(EndHeader("gw-ratelimit-reset", EndUnit.MS_TO_WAIT),),
    closings=(
        Closing(code="429000", pause_s=PERIOD_S, source=f"{DOCS}: request limit, or the server's capacity"),
        Closing(status=403, pause_s=PERIOD_S, source="the content network's limit (error 1015), about 30 s"),
        *TOO_MANY,
    ),
)
