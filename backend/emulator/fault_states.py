"""Faults that lie in what the venue is or tells: modes, storms, late look-ups, stale answers, clock, price."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from random import Random

from backend.emulator.accounts import Balance
from backend.emulator.books import BookFrame
from backend.emulator.dialect import Mode, VenueKind
from backend.emulator.fault_latency import LATENCY_MAX_S
from backend.emulator.fault_params import Params
from backend.emulator.faults import FaultError, Lie, Made, Plan, When
from backend.emulator.market import ZERO, on_step
from backend.emulator.moves import Move
from backend.emulator.wire import Endpoint, Respond

RATE_MAX = 1_000_000
BAN_AFTER = 10
BAN_MAX_S = 3 * 86_400.0
CLOCK_MAX_S = 3_600.0
PERCENT_MIN, PERCENT_MAX = -90.0, 900.0
MOVES = ("ask", "bid", "percent")
NORMAL = "normal"

Aim = frozenset[Endpoint]


def visibility_bound(params: Params, kind: VenueKind) -> float:
    """How long an order may stay hidden: the venue's bound, unless the fault says that it is to be broken."""
    return LATENCY_MAX_S if params.flag("beyond_bounds") else kind.bounds.visibility_s


def mode(params: Params, kind: VenueKind, aim: Aim) -> Made:  # noqa: ARG001 - the shape of a maker
    """The venue does not trade as usual, and says so."""
    if not kind.modes:
        raise FaultError(f"{kind.name} has no modes: its documents know none")
    return Made(mode=Mode(params.choice("mode", None, sorted(mode.value for mode in kind.modes))))


def late(params: Params, kind: VenueKind, aim: Aim) -> Made:  # noqa: ARG001 - the shape of a maker
    """Executed and answered, but look-ups learn of the order later, and of each of its trades later still."""
    bound = visibility_bound(params, kind)
    low = params.number("min", 0.0, 0, bound)
    high = params.number("max", bound, low, bound)
    trades_low = params.number("trades_min", 0.0, 0, bound)
    trades_high = params.number("trades_max", trades_low, trades_low, bound)

    def strike(plan: Plan, rng: Random) -> None:
        plan.hidden_s = max(plan.hidden_s, rng.uniform(low, high))
        plan.trade_lag_s = max(plan.trade_lag_s, rng.uniform(trades_low, trades_high))

    return Made(strike)


def storm(params: Params, kind: VenueKind, aim: Aim) -> Made:
    """The venue's own answers to too many requests, and its ban for whoever goes on."""
    words = kind.throttle
    if words is None:
        raise FaultError(f"{kind.name} has no storms: its folder names no answer to too many requests")
    rate = int(params.number("rate", 0, 0, RATE_MAX))
    if words.banned is None and (params.has("ban_after") or params.has("ban_s")):
        raise FaultError(f"{kind.name} has no bans: its documents know none")
    ban_after = int(params.number("ban_after", BAN_AFTER, 0, RATE_MAX))
    ban_s = params.number("ban_s", words.ban_s, 1, BAN_MAX_S)
    limited = kind.errors[words.orders if words.orders and aim == {Endpoint.PLACE} else words.limited]
    counter = _Counter(rate, ban_after if words.banned else None)

    def strike(plan: Plan, rng: Random) -> None:  # noqa: ARG001 - nothing to draw
        if counter.lets(plan.at):
            return
        if counter.bans():
            plan.ban_s = max(plan.ban_s, ban_s)
        plan.end_with(When.BEFORE, lambda now: Respond(now, limited.answer(now)))  # where a ban spares the endpoint

    return Made(strike)


class _Counter:
    """How many requests a storm let pass in the present second, and how many it refused since the last ban."""

    def __init__(self, rate: int, ban_after: int | None) -> None:
        self._rate = rate
        self._ban_after = ban_after
        self._second = -1
        self._passed = 0
        self._refused = 0

    def lets(self, now: float) -> bool:
        """May this request pass?"""
        if math.floor(now) != self._second:
            self._second, self._passed = math.floor(now), 0
        self._passed += 1
        return self._passed <= self._rate

    def bans(self) -> bool:
        """Is a refused request one too many?"""
        self._refused += 1
        if self._ban_after is None or self._refused <= self._ban_after:
            return False
        self._refused = 0
        return True


def balances(params: Params, kind: VenueKind, aim: Aim) -> Made:  # noqa: ARG001 - the shape of a maker
    """Wrong balances are told; what the account really has still decides what an order may use."""
    stale = params.choice("tell", None, ["stale", "zero"]) == "stale"
    kept: dict[str, Balance] = {}

    def told(real: Mapping[str, Balance]) -> Mapping[str, Balance]:
        return kept if stale else dict.fromkeys(real, Balance())

    def strike(plan: Plan, rng: Random) -> None:  # noqa: ARG001 - nothing to draw
        plan.balances = told

    return Made(strike, begin=lambda scene: kept.update(scene.balances))


def stale_book(params: Params, kind: VenueKind, aim: Aim) -> Made:  # noqa: ARG001 - the shape of a maker
    """Old books are told; orders trade with the present ones."""
    kept: dict[str, BookFrame] = {}

    def strike(plan: Plan, rng: Random) -> None:  # noqa: ARG001 - nothing to draw
        plan.books = kept

    return Made(strike, begin=lambda scene: kept.update(scene.books))


def status_lie(params: Params, kind: VenueKind, aim: Aim) -> Made:  # noqa: ARG001 - the shape of a maker
    """The status endpoint says normal or maintenance, whatever is true."""
    if Mode.MAINTENANCE not in kind.modes:
        raise FaultError(f"{kind.name} has no status that could lie: its documents know no maintenance")
    told = params.choice("tell", None, [NORMAL, Mode.MAINTENANCE.value])

    def strike(plan: Plan, rng: Random) -> None:  # noqa: ARG001 - nothing to draw
        plan.lie = Lie(None if told == NORMAL else Mode.MAINTENANCE)

    return Made(strike)


def clock(params: Params, kind: VenueKind, aim: Aim) -> Made:  # noqa: ARG001 - the shape of a maker
    """The venue's clock is wrong: its time call, its checks of timestamps, its stamps."""
    return Made(ahead_s=params.number("seconds", None, -CLOCK_MAX_S, CLOCK_MAX_S))


def price(params: Params, kind: VenueKind, aim: Aim) -> Made:  # noqa: ARG001 - the shape of a maker
    """The market moves for a while: no fault of the venue, but made and timed like one."""
    markets = {market.symbol: market for market in kind.markets}
    market = markets[params.choice("symbol", None, sorted(markets))]
    given = [name for name in MOVES if params.has(name)]
    if len(given) != 1:
        raise FaultError(f"price needs one of: {', '.join(MOVES)}")
    size = _stepped(params, "size", market.quantity_step) if params.has("size") else None
    if given == ["percent"]:
        if size is not None:
            raise FaultError("size belongs to ask or bid: leave it out with percent")
        percent = params.number("percent", None, PERCENT_MIN, PERCENT_MAX)
        return _moving(Move(market, share=Decimal(repr(percent)) / 100))
    target = _stepped(params, given[0], market.price_step)
    ask, bid = (target, None) if given == ["ask"] else (None, target)
    return _moving(Move(market, ask=ask, bid=bid, size=size))


def _moving(move: Move) -> Made:
    return Made(begin=lambda _scene: None, move=move)  # looked at when it begins, so that a long silence misses no move


def _stepped(params: Params, name: str, step: Decimal) -> Decimal:
    value = params.decimal(name)
    if value <= ZERO or not on_step(value, step):
        raise FaultError(f"{name} must be a positive multiple of {step}")
    return value
