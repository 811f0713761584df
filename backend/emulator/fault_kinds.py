"""What each kind of fault does, and the parameters that it takes. All times are seconds of the emulated clock.

refuse       -                                         the port refuses connections, open ones are dropped
hang         when, max_s=60                            accepted and never answered; dropped after max_s
reset        when                                      the connection is reset without an answer
status       name, when (or executed=true)             an error of the venue's table, by name
reject       code                                      the same, but only errors that promise "not executed"
body         status, body, content_type, headers, missing, when    any answer; missing bytes are promised and not sent
latency      seconds, or median and sigma; stage       fixed or lognormal
lost_answer  drop (hang|reset), min, max, max_s, beyond_bounds     executed, not answered, not to be found for a while
mode         mode                                      maintenance, cancel_only, post_only where the venue has them

``when`` is before (default) or after the request had its effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from backend.emulator.dialect import Mode, VenueKind
from backend.emulator.faults import LENGTH_MAX_S, Armed, Fault, FaultError, FaultKind, Plan, Stage, Strike, When
from backend.emulator.wire import JSON_TYPE, Answer, Effect, Endpoint, Hang, Reset, Respond

HANG_S = 60.0
HANG_MAX_S = 600.0
LATENCY_MAX_S = 120.0
SIGMA_MAX = 3.0
BODY_MAX = 65_536
HEADERS_MAX = 20
COUNT_MAX = 1_000_000
EXECUTABLE = frozenset({Endpoint.PLACE})


class Params:
    """The parameters of a fault, read by name and type; what is left over is a mistake."""

    def __init__(self, params: Mapping[str, object]) -> None:
        self._left = dict(params)

    def number(self, name: str, default: float | None, low: float, high: float) -> float:
        """A number within the bounds; without a default it is required."""
        value = self._left.pop(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise FaultError(f"{name} must be a number from {low:g} to {high:g}")
        return float(value)

    def text(self, name: str, default: str | None, longest: int = 200) -> str:
        """A text; without a default it is required."""
        value = self._left.pop(name, default)
        if not isinstance(value, str) or len(value) > longest:
            raise FaultError(f"{name} must be a text of at most {longest} characters")
        return value

    def choice(self, name: str, default: str | None, choices: list[str]) -> str:
        """One of the listed words."""
        value = self.text(name, default)
        if value not in choices:
            raise FaultError(f"{name} must be one of: {', '.join(choices)}")
        return value

    def flag(self, name: str) -> bool:
        """True or false, false by default."""
        value = self._left.pop(name, False)
        if not isinstance(value, bool):
            raise FaultError(f"{name} must be true or false")
        return value

    def has(self, name: str) -> bool:
        """Was it given?"""
        return name in self._left

    def headers(self) -> tuple[tuple[str, str], ...]:
        """A mapping of header names to values."""
        value = self._left.pop("headers", {})
        if not isinstance(value, Mapping) or len(value) > HEADERS_MAX:
            raise FaultError(f"headers must be an object with at most {HEADERS_MAX} names")
        if not all(isinstance(k, str) and isinstance(v, str) and (k + v).isprintable() for k, v in value.items()):
            raise FaultError("headers must map plain text to plain text")
        return tuple(value.items())

    def when(self) -> When:
        """Before or after the effect."""
        return When(self.choice("when", When.BEFORE.value, [when.value for when in When]))

    def done(self) -> None:
        """Nothing may be left."""
        if self._left:
            raise FaultError(f"unknown parameters: {', '.join(sorted(self._left))}")


@dataclass(frozen=True, slots=True)
class _Made:
    strike: Strike
    mode: Mode | None = None


def arm(fault: Fault, kind: VenueKind) -> Armed:
    """Check a fault against the venue it is meant for; raises FaultError."""
    _check_frame(fault)
    params = Params(fault.params)
    made = _MAKERS[fault.kind](params, kind)
    params.done()
    if fault.kind in {FaultKind.REFUSE, FaultKind.MODE} and (fault.p != 1 or fault.endpoints or fault.count):
        raise FaultError(f"{fault.kind.value} concerns the whole venue: leave out p, endpoints and count")
    if fault.kind is FaultKind.LOST_ANSWER and fault.endpoints != EXECUTABLE:
        raise FaultError("lost_answer is a fault of PLACE: name this endpoint and no other")
    return Armed(fault, made.strike, made.mode)


def _check_frame(fault: Fault) -> None:
    if not 0 <= fault.p <= 1:
        raise FaultError("p must be a number from 0 to 1")
    if not 0 <= fault.start <= LENGTH_MAX_S:
        raise FaultError(f"start must be a number from 0 to {LENGTH_MAX_S:g}")
    if fault.length is not None and not 0 < fault.length <= LENGTH_MAX_S:
        raise FaultError(f"length must be a positive number up to {LENGTH_MAX_S:g}")
    if fault.count is not None and not 1 <= fault.count <= COUNT_MAX:
        raise FaultError(f"count must be a number from 1 to {COUNT_MAX}")


def _nothing(plan: Plan, rng: Random) -> None:
    """Refuse and mode are states of the venue, not events of a request."""


def _ending(when: When, effect: Callable[[float], Effect]) -> _Made:
    return _Made(lambda plan, rng: plan.end_with(when, effect))  # noqa: ARG005 - nothing to draw


def _refuse(params: Params, kind: VenueKind) -> _Made:  # noqa: ARG001 - the shape of a maker
    return _Made(_nothing)


def _hang(params: Params, kind: VenueKind) -> _Made:  # noqa: ARG001 - the shape of a maker
    longest = params.number("max_s", HANG_S, 0, HANG_MAX_S)
    return _ending(params.when(), lambda now: Hang(now + longest))


def _reset(params: Params, kind: VenueKind) -> _Made:  # noqa: ARG001 - the shape of a maker
    return _ending(params.when(), Reset)


def _status(params: Params, kind: VenueKind) -> _Made:
    error = kind.errors[params.choice("name", None, sorted(kind.errors))]
    executed = params.flag("executed")
    when = When.AFTER if executed else params.when()
    return _ending(when, lambda now: Respond(now, error.answer(now)))


def _reject(params: Params, kind: VenueKind) -> _Made:
    definite = sorted(name for name, error in kind.errors.items() if error.definite)
    error = kind.errors[params.choice("code", None, definite)]
    return _ending(When.BEFORE, lambda now: Respond(now, error.answer(now)))


def _body(params: Params, kind: VenueKind) -> _Made:  # noqa: ARG001 - the shape of a maker
    answer = Answer(
        int(params.number("status", 200, 200, 599)),
        params.text("body", "", BODY_MAX).encode(),
        params.text("content_type", JSON_TYPE),
        params.headers(),
        int(params.number("missing", 0, 0, BODY_MAX)),
    )
    return _ending(params.when(), lambda now: Respond(now, answer))


def _latency(params: Params, kind: VenueKind) -> _Made:
    stage = Stage(params.choice("stage", Stage.ARRIVAL.value, [stage.value for stage in Stage]))
    longest = kind.bounds.engine_s if stage is Stage.ENGINE else LATENCY_MAX_S
    if params.has("seconds"):
        fixed = params.number("seconds", None, 0, longest)
        return _Made(lambda plan, rng: plan.add_delay(stage, fixed))  # noqa: ARG005 - nothing to draw
    median = params.number("median", None, 0.000_001, longest)
    sigma = params.number("sigma", 0.5, 0, SIGMA_MAX)

    def strike(plan: Plan, rng: Random) -> None:
        plan.add_delay(stage, min(rng.lognormvariate(math.log(median), sigma), longest))

    return _Made(strike)


def _lost_answer(params: Params, kind: VenueKind) -> _Made:
    """The order takes effect and nobody is told; hidden within the bound, unless ``beyond_bounds`` is set."""
    drop = params.choice("drop", "reset", ["hang", "reset"])
    bound = LATENCY_MAX_S if params.flag("beyond_bounds") else kind.bounds.visibility_s
    low = params.number("min", 0.0, 0, bound)
    high = params.number("max", bound, low, bound)
    longest = params.number("max_s", HANG_S, 0, HANG_MAX_S)

    def strike(plan: Plan, rng: Random) -> None:
        plan.hidden_s = max(plan.hidden_s, rng.uniform(low, high))
        plan.end_with(When.AFTER, Reset if drop == "reset" else lambda now: Hang(now + longest))

    return _Made(strike)


def _mode(params: Params, kind: VenueKind) -> _Made:
    if not kind.modes:
        raise FaultError(f"{kind.name} has no modes")
    return _Made(_nothing, Mode(params.choice("mode", None, sorted(mode.value for mode in kind.modes))))


_MAKERS: dict[FaultKind, Callable[[Params, VenueKind], _Made]] = {
    FaultKind.REFUSE: _refuse,
    FaultKind.HANG: _hang,
    FaultKind.RESET: _reset,
    FaultKind.STATUS: _status,
    FaultKind.BODY: _body,
    FaultKind.LATENCY: _latency,
    FaultKind.LOST_ANSWER: _lost_answer,
    FaultKind.MODE: _mode,
    FaultKind.REJECT: _reject,
}
