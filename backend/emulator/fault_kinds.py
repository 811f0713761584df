"""What each kind of fault does, and the parameters that it takes. All times are seconds of the emulated clock.

What a request meets:

hang         when, max_s=60                            accepted and never answered; dropped after max_s
reset        when                                      the connection is reset without an answer
status       name, when (or executed=true)             an error of the venue's table, by name
reject       code                                      the same, but only errors that promise "not executed"
body         status, body, content_type, headers, missing, when    any answer; missing bytes are promised and not sent
latency      stage, and one of: seconds | median, sigma=0.5 | low, high | scale, alpha | percentiles
             fixed, lognormal, uniform, heavy tail (Pareto), or a recorded distribution as [[share, seconds], ...]
             with shares from 0 to 100
lost_answer  drop (hang|reset), min, max, max_s, beyond_bounds     executed, not answered, not to be found for a while
late         min, max, trades_min, trades_max, beyond_bounds
             executed and answered; look-ups find the order after min..max, a trade trades_min..trades_max after it

What the venue is, or tells of itself:

refuse       -                                         the port refuses connections, open ones are dropped
mode         mode                                      maintenance, cancel_only, post_only where the venue has them
storm        rate=0, ban_after=10, ban_s               more than rate requests per second are answered as limited; after
             ban_after such answers comes the venue's ban, for ban_s. The ban ends by itself, also after the storm
balances     tell (stale|zero)                         the balances are those of the fault's beginning, or zero
stale_book   -                                         DEPTH tells the books of the fault's beginning
status_lie   tell (normal|maintenance)                 STATUS says so, whatever is true
clock        seconds                                   the venue's clock is ahead by so much (behind, if negative)
price        symbol, and one of: ask | bid | percent; size     the market's best ask or bid goes to a price, with size
             there, or the book goes up or down by percent. It stands still for the length, then is back where it was

``when`` is before (default) or after the request had its effect.
``refuse``, ``mode``, ``clock`` and ``price`` concern the whole venue: no p, endpoints or count. ``storm`` takes
endpoints only.
``lost_answer`` and ``late`` are faults of PLACE, ``balances``, ``stale_book`` and ``status_lie`` of their endpoints.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from backend.emulator import fault_latency, fault_states
from backend.emulator.dialect import VenueKind
from backend.emulator.fault_params import Params
from backend.emulator.faults import LENGTH_MAX_S, Armed, Fault, FaultError, FaultKind, Made, Plan, When
from backend.emulator.wire import JSON_TYPE, Answer, Effect, Endpoint, Hang, Reset, Respond

HANG_S = 60.0
HANG_MAX_S = 600.0
BODY_MAX = 65_536
COUNT_MAX = 1_000_000
WHOLE_VENUE = frozenset({FaultKind.REFUSE, FaultKind.MODE, FaultKind.CLOCK, FaultKind.PRICE})
ONLY = {
    FaultKind.LATE: Endpoint.PLACE,
    FaultKind.BALANCES: Endpoint.BALANCES,
    FaultKind.STALE_BOOK: Endpoint.DEPTH,
    FaultKind.STATUS_LIE: Endpoint.STATUS,
}


def arm(fault: Fault, kind: VenueKind) -> Armed:
    """Check a fault against the venue it is meant for; raises FaultError."""
    _check_frame(fault)
    params = Params(fault.params)
    made = _MAKERS[fault.kind](params, kind, fault.endpoints)
    params.done()
    return Armed(fault, made, _aim(fault))


def _aim(fault: Fault) -> frozenset[Endpoint]:
    """The endpoints that a fault strikes; none are all."""
    name = fault.kind.value
    if fault.kind in WHOLE_VENUE and (fault.p != 1 or fault.endpoints or fault.count):
        raise FaultError(f"{name} concerns the whole venue: leave out p, endpoints and count")
    if fault.kind is FaultKind.STORM and (fault.p != 1 or fault.count):
        raise FaultError(f"{name} counts requests itself: leave out p and count")
    if fault.kind is FaultKind.LOST_ANSWER and fault.endpoints != {Endpoint.PLACE}:
        raise FaultError(f"{name} is a fault of PLACE: name this endpoint and no other")
    only = ONLY.get(fault.kind)
    if only is None:
        return fault.endpoints
    if fault.endpoints not in (frozenset(), {only}):
        raise FaultError(f"{name} is a fault of {only.value}: name this endpoint or none")
    return frozenset({only})


def _check_frame(fault: Fault) -> None:
    if not 0 <= fault.p <= 1:
        raise FaultError("p must be a number from 0 to 1")
    if not 0 <= fault.start <= LENGTH_MAX_S:
        raise FaultError(f"start must be a number from 0 to {LENGTH_MAX_S:g}")
    if fault.length is not None and not 0 < fault.length <= LENGTH_MAX_S:
        raise FaultError(f"length must be a positive number up to {LENGTH_MAX_S:g}")
    if fault.count is not None and not 1 <= fault.count <= COUNT_MAX:
        raise FaultError(f"count must be a number from 1 to {COUNT_MAX}")


def _ending(when: When, effect: Callable[[float], Effect]) -> Made:
    return Made(lambda plan, rng: plan.end_with(when, effect))  # noqa: ARG005 - nothing to draw


def _refuse(params: Params, kind: VenueKind, aim: frozenset[Endpoint]) -> Made:  # noqa: ARG001 - the shape of a maker
    return Made()


def _hang(params: Params, kind: VenueKind, aim: frozenset[Endpoint]) -> Made:  # noqa: ARG001 - the shape of a maker
    longest = params.number("max_s", HANG_S, 0, HANG_MAX_S)
    return _ending(params.when(), lambda now: Hang(now + longest))


def _reset(params: Params, kind: VenueKind, aim: frozenset[Endpoint]) -> Made:  # noqa: ARG001 - the shape of a maker
    return _ending(params.when(), Reset)


def _status(params: Params, kind: VenueKind, aim: frozenset[Endpoint]) -> Made:  # noqa: ARG001 - the shape of a maker
    error = kind.errors[params.choice("name", None, sorted(kind.errors))]
    executed = params.flag("executed")
    when = When.AFTER if executed else params.when()
    return _ending(when, lambda now: Respond(now, error.answer(now)))


def _reject(params: Params, kind: VenueKind, aim: frozenset[Endpoint]) -> Made:  # noqa: ARG001 - the shape of a maker
    definite = sorted(name for name, error in kind.errors.items() if error.definite)
    error = kind.errors[params.choice("code", None, definite)]
    return _ending(When.BEFORE, lambda now: Respond(now, error.answer(now)))


def _body(params: Params, kind: VenueKind, aim: frozenset[Endpoint]) -> Made:  # noqa: ARG001 - the shape of a maker
    answer = Answer(
        int(params.number("status", 200, 200, 599)),
        params.text("body", "", BODY_MAX).encode(),
        params.text("content_type", JSON_TYPE),
        params.headers(),
        int(params.number("missing", 0, 0, BODY_MAX)),
    )
    return _ending(params.when(), lambda now: Respond(now, answer))


def _lost_answer(params: Params, kind: VenueKind, aim: frozenset[Endpoint]) -> Made:  # noqa: ARG001 - the shape of a maker
    """The order takes effect and nobody is told; hidden within the bound, unless ``beyond_bounds`` is set."""
    drop = params.choice("drop", "reset", ["hang", "reset"])
    bound = fault_states.visibility_bound(params, kind)
    low = params.number("min", 0.0, 0, bound)
    high = params.number("max", bound, low, bound)
    longest = params.number("max_s", HANG_S, 0, HANG_MAX_S)

    def strike(plan: Plan, rng: Random) -> None:
        plan.hidden_s = max(plan.hidden_s, rng.uniform(low, high))
        plan.end_with(When.AFTER, Reset if drop == "reset" else lambda now: Hang(now + longest))

    return Made(strike)


_MAKERS: dict[FaultKind, Callable[[Params, VenueKind, frozenset[Endpoint]], Made]] = {
    FaultKind.REFUSE: _refuse,
    FaultKind.HANG: _hang,
    FaultKind.RESET: _reset,
    FaultKind.STATUS: _status,
    FaultKind.BODY: _body,
    FaultKind.LATENCY: fault_latency.make,
    FaultKind.LOST_ANSWER: _lost_answer,
    FaultKind.REJECT: _reject,
    FaultKind.LATE: fault_states.late,
    FaultKind.MODE: fault_states.mode,
    FaultKind.STORM: fault_states.storm,
    FaultKind.BALANCES: fault_states.balances,
    FaultKind.STALE_BOOK: fault_states.stale_book,
    FaultKind.STATUS_LIE: fault_states.status_lie,
    FaultKind.CLOCK: fault_states.clock,
    FaultKind.PRICE: fault_states.price,
}
