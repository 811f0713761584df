"""What a simulated world is asked for, and what befalls it: orders, cancels, faults. All of it from one seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from backend.domain.orders import Intent, OnUnknown, OrderType, Side, TimeInForce
from backend.emulator.dialect import Mode, VenueKind
from backend.emulator.faults import Fault, FaultKind
from backend.emulator.market import EmulatedBounds
from backend.emulator.wire import Endpoint
from backend.lab.simulation.process import EPOCH_S
from backend.lab.workload import STRATEGIES, UNMAPPED

SPAN_S = 120.0
"""The orders are spread over so much time."""

PATIENT_SHARE = 1 / 3
PATIENT_S = 300.0
RESTING_SHARE = 0.15
RESTING_S = (20.0, 120.0)
CANCELLED_SHARE = 0.15
BOUNDED_SHARE = 0.15
LIMIT_SHARE = 0.15
LARGE_SHARE = 0.55
"""So many are larger than what the best prices hold: they fill in part, and move on."""

PRICES = {"BTC": Decimal(60_000), "ETH": Decimal(3_000)}
SIZES: Mapping[str, tuple[Decimal, Decimal, Decimal]] = {
    "BTC/USD": (Decimal("0.001"), Decimal("0.02"), Decimal("1.2")),
    "ETH/USD": (Decimal("0.02"), Decimal("0.4"), Decimal(24)),
}
"""Smallest, usual and large quantity."""

UNIQUE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Wish:
    """One order, and what its caller does: ``at`` and ``cancel_at`` in seconds of the world."""

    at: float
    intent: Intent
    cancel_at: float | None = None


def wishes(rng: Random, count: int) -> list[Wish]:
    """``count`` orders, the earliest first."""
    made = [_wish(rng, number, rng.uniform(0.0, SPAN_S)) for number in range(count)]
    return sorted(made, key=lambda wish: wish.at)


def _wish(rng: Random, number: int, at: float) -> Wish:
    symbol = rng.choice(sorted(SIZES))
    least, usual, large = SIZES[symbol]
    most = large if rng.random() < LARGE_SHARE else usual
    quantity = (least + (most - least) * Decimal(str(round(rng.random(), 6)))).quantize(UNIQUE_STEP)
    side = rng.choice(sorted(Side))
    rests = rng.random() < RESTING_SHARE
    limit = rests or rng.random() < LIMIT_SHARE
    patient = rng.random() < PATIENT_SHARE
    valid_s = PATIENT_S if patient else rng.uniform(*RESTING_S) if rests else 30.0
    bounded = rng.random() < BOUNDED_SHARE
    cancelled = rng.random() < CANCELLED_SHARE
    intent = Intent.create(
        id=f"intent-{number:05}",
        strategy_id=rng.choice((*sorted(STRATEGIES), UNMAPPED)),
        symbol=symbol,
        side=side,
        quantity=quantity,
        order_type=OrderType.LIMIT if limit else OrderType.MARKET,
        limit_price=_limit(rng, symbol, side, rests=rests) if limit else None,
        slippage_bps=None if limit else rng.choice((40, 60, 80)),
        valid_until=EPOCH_S + at + valid_s if limit or patient else None,
        time_in_force=TimeInForce.GTC if rests else TimeInForce.IOC,
        on_unknown=OnUnknown.BOUNDED if bounded else OnUnknown.WAIT,
        overfill_budget=(quantity / 2).quantize(UNIQUE_STEP) if bounded else None,
    )
    cancel_at = at + rng.uniform(0.01, 40.0 if rests else 8.0) if cancelled or (rests and rng.random() < 0.4) else None
    return Wish(at, intent, cancel_at)


PROBE = "probe"


def probe(at: float) -> Wish:
    """A small order that any exchange in order would take."""
    return Wish(at, Intent.create(id=PROBE, symbol="BTC/USD", side="buy", quantity="0.002", slippage_bps=500))


def _limit(rng: Random, symbol: str, side: Side, *, rests: bool) -> Decimal:
    """Near the market: a resting order a little on the far side, so that the price reaches it now and then."""
    price = PRICES[symbol.partition("/")[0]]
    away = rng.uniform(-0.0015, 0.0005) if rests else rng.uniform(-0.0005, 0.01)
    sign = 1 if side is Side.BUY else -1
    return (price * (1 + sign * Decimal(str(round(away, 6))))).quantize(Decimal("0.1"))


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault at a venue, ``at`` seconds of the world."""

    at: float
    venue: str
    fault: Fault


PLACE = frozenset({Endpoint.PLACE})
CANCEL = frozenset({Endpoint.CANCEL})
ORDERS = frozenset({Endpoint.PLACE, Endpoint.CANCEL})
LONGEST_S = 40.0

BOUNDS = (EmulatedBounds(), EmulatedBounds(), EmulatedBounds(engine_s=12.0, visibility_s=10.0))
"""What an exchange promises about time: mostly little, so that orders end within the half minute that most of them
live; in a third of the draws so much that an order may show long after anybody's patience. Real ones promise nothing,
and the rules assume a minute of them."""


BEYOND = Fault(
    FaultKind.LOST_ANSWER,
    PLACE,
    p=0.3,
    params={"drop": "reset", "min": 15.0, "max": 60.0, "beyond_bounds": True},
)
"""The order executes and can be found only long after its exchange promised that it could."""


def strikes(rng: Random, venues: Mapping[str, VenueKind], *, beyond: bool = False) -> list[Strike]:
    """Four to eight faults at each venue, within the bounds that it promises; ``beyond``: also outside of them."""
    made = [Strike(0.0, venue, BEYOND) for venue in venues if beyond]
    for venue, kind in venues.items():
        for _ in range(rng.randint(4, 8)):
            at = rng.uniform(0.0, SPAN_S)
            made += [Strike(at, venue, fault) for fault in _faults(rng, kind)]
    return sorted(made, key=lambda strike: (strike.at, strike.venue))


OVERLOADED_SHARE = 0.1
RESTRICTED_SHARE = 0.1
HONEST_SHARE = 0.6


def _faults(rng: Random, kind: VenueKind) -> tuple[Fault, ...]:
    """One fault; a venue at the end of its strength: slow at its gate and in its engine, and its look-ups lag; or one
    that does not trade as usual, and says or denies it."""
    drawn = rng.random()
    length = rng.uniform(10.0, LONGEST_S)
    if drawn < OVERLOADED_SHARE:
        return _overloaded(length, kind)
    if drawn < OVERLOADED_SHARE + RESTRICTED_SHARE and kind.modes:
        mode = rng.choice(sorted(mode.value for mode in kind.modes))
        restricted = Fault(FaultKind.MODE, length=length, params={"mode": mode})
        if Mode.MAINTENANCE not in kind.modes or rng.random() < HONEST_SHARE:
            return (restricted,)
        return restricted, Fault(FaultKind.STATUS_LIE, length=length, params={"tell": "normal"})
    return (_fault(rng, kind),)


def _overloaded(length: float, kind: VenueKind) -> tuple[Fault, ...]:
    engine, hidden = kind.bounds.engine_s, kind.bounds.visibility_s
    lost = {"drop": "reset", "min": hidden / 2, "max": hidden}
    return (
        Fault(FaultKind.LATENCY, ORDERS, length=length, params={"stage": "forward", "low": 2.0, "high": 5.5}),
        Fault(FaultKind.LATENCY, ORDERS, length=length, params={"stage": "engine", "low": engine / 4, "high": engine}),
        Fault(FaultKind.LOST_ANSWER, PLACE, p=0.7, length=length, params=lost),
    )


def _fault(rng: Random, kind: VenueKind) -> Fault:
    """One of the ways in which exchanges have failed (incidents.md), with drawn length and strength."""
    length = rng.uniform(2.0, LONGEST_S)
    drop = rng.choice(("reset", "hang"))
    hidden_s = kind.bounds.visibility_s
    choices = [
        Fault(
            FaultKind.LOST_ANSWER, PLACE, p=rng.uniform(0.3, 1.0), length=length, params=_lag(rng, hidden_s, drop=drop)
        ),
        Fault(
            FaultKind.LATE, PLACE, p=rng.uniform(0.3, 1.0), length=length, params=_lag(rng, hidden_s, trades_max=1.0)
        ),
        Fault(FaultKind.LATENCY, ORDERS, length=length, params=_slow(rng, "engine", kind.bounds.engine_s)),
        Fault(FaultKind.LATENCY, ORDERS, length=length, params=_slow(rng, "arrival", 6.0)),
        Fault(FaultKind.LATENCY, ORDERS, length=length, params=_slow(rng, "forward", 6.0)),
        Fault(FaultKind.LATENCY, length=length, params=_slow(rng, "answer", 4.0)),
        Fault(FaultKind.REFUSE, length=length),
        Fault(FaultKind.HANG, length=length, p=0.5, params={"when": rng.choice(("before", "after"))}),
        Fault(FaultKind.RESET, length=length, p=0.5, params={"when": rng.choice(("before", "after"))}),
        Fault(FaultKind.BODY, PLACE, length=length, p=0.5, params={"status": 502, "body": "<html>", "when": "after"}),
        Fault(FaultKind.BODY, PLACE, length=length, p=0.5, params={"status": 200, "body": "{", "when": "after"}),
        Fault(FaultKind.BALANCES, length=length, params={"tell": "stale"}),
        Fault(FaultKind.STALE_BOOK, length=length),
        Fault(FaultKind.PRICE, length=length, params={"symbol": "", "percent": rng.uniform(-2.0, 2.0)}),
    ]
    if kind.throttle is not None:
        choices.append(Fault(FaultKind.STORM, length=length, params={"rate": rng.randint(0, 3)}))
    return rng.choice(choices)


def _lag(rng: Random, most: float, **more: object) -> dict[str, object]:
    low = rng.uniform(0.0, most / 2)
    return {"min": low, "max": rng.uniform(low, most), **more}


def _slow(rng: Random, stage: str, most: float) -> dict[str, object]:
    low = rng.uniform(0.0, most / 2)
    return {"stage": stage, "low": low, "high": rng.uniform(low, most)}
