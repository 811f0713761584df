"""The demo's acts as data: which exchange suffers what, and for which share of the orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from backend.emulator.faults import Fault, FaultKind
from backend.emulator.wire import Endpoint
from backend.policies.routing_tables import EXCHANGES

PLACE = frozenset({Endpoint.PLACE})


def _lost(drop: str, share: float) -> Fault:
    """The order executes, the answer is lost, and the order stays invisible as long as its exchange's bounds allow."""
    params = {"drop": drop, "min": 0.5, "max": 2.0}
    return Fault(FaultKind.LOST_ANSWER, PLACE, p=share, params=params)


REFUSE = Fault(FaultKind.REFUSE)
SLOW = Fault(FaultKind.LATENCY, params={"seconds": 1.4})
NEVER_ARRIVES = Fault(FaultKind.RESET, PLACE, count=1, params={"when": "before"})
CUT_OFF = replace(NEVER_ARRIVES, count=4)
MAINTENANCE = Fault(FaultKind.MODE, params={"mode": "maintenance"})
STORM = Fault(FaultKind.STORM, PLACE, params={"rate": 0})
LOST = (_lost("reset", 0.15), _lost("hang", 0.08))
HANGS = (replace(_lost("hang", 1.0), count=3), _lost("hang", 0.2))
"""Orders that have executed and whose answers are still awaited when the router is killed."""


@dataclass(frozen=True, slots=True)
class Act:
    """``share`` of all orders. ``strikes_after`` orders the faults begin, so that they hit work in progress.

    ``settle_s``: venue seconds between the beginning of the faults and the first order after it.
    """

    name: str
    what: str
    share: float
    faults: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict)
    strikes_after: int = 0
    settle_s: float = 0.0
    kills_after: float | None = None
    """The router is killed after this share of the act's orders, while others are under way."""


ACTS: tuple[Act, ...] = (
    Act("1 healthy", "all six exchanges answer", 0.16),
    Act("2 refused", "binance dies on the way: it refuses connections", 0.14, {"binance": (REFUSE,)}, strikes_after=8),
    Act(
        "3 answers lost",
        "five exchanges execute a part of the orders and lose the answers",
        0.24,
        dict.fromkeys(("binance", "bybit", "okx", "kucoin", "kraken"), LOST),
        settle_s=1.5,
    ),
    Act(
        "4 router killed",
        "the router's process is killed with orders under way; the next one recovers, and the orders are repeated",
        0.14,
        dict.fromkeys(("binance", "bybit", "okx", "kucoin", "kraken"), HANGS),
        settle_s=1.5,
        kills_after=0.5,
    ),
    Act(
        "5 degraded",
        "kraken is slow, okx in maintenance, kucoin refuses too many; orders to bybit and firi are cut off",
        0.20,
        {
            "kraken": (SLOW,),
            "okx": (MAINTENANCE,),
            "kucoin": (STORM,),
            "bybit": (CUT_OFF,),
            "firi": (NEVER_ARRIVES,),
        },
        settle_s=1.5,
    ),
    Act("6 all down", "every exchange refuses connections", 0.04, dict.fromkeys(EXCHANGES, (REFUSE,)), settle_s=1.5),
    Act("7 recovery", "all answer again", 0.08, settle_s=1.5),
)


def shared_out(orders: int) -> tuple[int, ...]:
    """How many orders each act gets; together exactly ``orders``."""
    counts = [int(orders * act.share) for act in ACTS]
    counts[0] += orders - sum(counts)
    return tuple(counts)
