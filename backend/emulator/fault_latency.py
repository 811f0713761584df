"""How long a request waits: fixed, or drawn from one of a few distributions."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from itertools import pairwise
from random import Random

from backend.emulator.dialect import VenueKind
from backend.emulator.fault_params import Params
from backend.emulator.faults import FaultError, Made, Plan, Stage
from backend.emulator.wire import Endpoint

LATENCY_MAX_S = 120.0
SHORTEST_S = 0.000_001
SIGMA_MAX = 3.0
ALPHA_MIN = 0.1
ALPHA_MAX = 10.0
WHOLE = 100.0  # shares are percentages

Draw = Callable[[Random], float]


def make(params: Params, kind: VenueKind, aim: frozenset[Endpoint]) -> Made:  # noqa: ARG001 - the shape of a maker
    """A delay at one stage. What is drawn is cut at the longest delay, which at the engine is the venue's bound."""
    stage = Stage(params.choice("stage", Stage.ARRIVAL.value, [stage.value for stage in Stage]))
    longest = kind.bounds.engine_s if stage is Stage.ENGINE else LATENCY_MAX_S
    draw = _draw(params, longest)

    def strike(plan: Plan, rng: Random) -> None:
        plan.add_delay(stage, min(draw(rng), longest))

    return Made(strike)


def _draw(params: Params, longest: float) -> Draw:
    """The distribution that the parameters name. Without any of their names a median is asked for."""
    if params.has("seconds"):
        fixed = params.number("seconds", None, 0, longest)
        return lambda rng: fixed  # noqa: ARG005 - nothing to draw
    if params.has("low") or params.has("high"):
        low = params.number("low", None, 0, longest)
        high = params.number("high", None, low, longest)
        return lambda rng: rng.uniform(low, high)
    if params.has("alpha") or params.has("scale"):
        scale = params.number("scale", None, SHORTEST_S, longest)
        alpha = params.number("alpha", None, ALPHA_MIN, ALPHA_MAX)
        return lambda rng: scale * rng.paretovariate(alpha)
    if params.has("percentiles"):
        return _recorded(params.points("percentiles"), longest)
    median = params.number("median", None, SHORTEST_S, longest)
    sigma = params.number("sigma", 0.5, 0, SIGMA_MAX)
    return lambda rng: rng.lognormvariate(math.log(median), sigma)


def _recorded(points: list[tuple[float, float]], longest: float) -> Draw:
    """Straight lines between the recorded percentiles."""
    shares = [share for share, _ in points]
    seconds = [value for _, value in points]
    if shares[0] != 0 or shares[-1] != WHOLE or not all(a < b for a, b in pairwise(shares)):
        raise FaultError(f"percentiles must rise from 0 to {WHOLE:g}")
    if not 0 <= seconds[0] <= seconds[-1] <= longest or not all(a <= b for a, b in pairwise(seconds)):
        raise FaultError(f"the seconds of percentiles must not fall and lie from 0 to {longest:g}")

    def draw(rng: Random) -> float:
        share = rng.random() * WHOLE
        right = bisect_right(shares, share)  # never beyond the end: random() stays below one
        left = right - 1
        part = (share - shares[left]) / (shares[right] - shares[left])
        return seconds[left] + part * (seconds[right] - seconds[left])

    return draw
