"""What a simulated world is made from, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from backend.lab.simulation.policies import Policy
from backend.lab.simulation.sightings import Sightings

INTENTS = 40

ABOUT_TO_SEND = "journal open_attempt after"
WEIGHTS: Mapping[str, float] = {
    "journal": 5.0,
    "PLACE": 10.0,
    "CANCEL": 6.0,
    "PLACE answered refused": 70.0,
    ABOUT_TO_SEND: 25.0,
}
"""By the whole name of a point, or its first word: where a death is most likely to hurt, and where one is rare."""

LONGEST_PAUSE_S = 60.0
PAST_THE_DEADLINE_S = (4.0, 15.0)
"""How long a process stands still that is about to send: until its request's deadline is near, or long past."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``kill`` and ``pause``: the share of the points of a process at which that happens; WEIGHTS says where more
    often. ``disk``: of the transactions, at which the disk fails. ``beyond``: exchanges break their bounds, too, which
    must be found, booked and told."""

    seed: int
    intents: int = INTENTS
    policy: Policy = Policy.OURS
    beyond: bool = False
    kill: float = 0.0011
    pause: float = 0.0012
    disk: float = 0.0008
    keep_trace: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went. ``violations`` is empty when every promise held. ``seconds``: of the world's own time."""

    seed: int
    violations: tuple[str, ...]
    intents: int
    overfilled: int
    seconds: float
    sightings: Sightings
    digest: str
    trace: tuple[str, ...] = ()


def weight(point: str) -> float:
    """How much more often than elsewhere fate strikes here."""
    return WEIGHTS.get(point) or WEIGHTS.get(point.partition(" ")[0], 1.0)


def pause_s(point: str, rng: Random) -> float:
    """Mostly short, with a heavy tail."""
    if point == ABOUT_TO_SEND:
        return rng.uniform(*PAST_THE_DEADLINE_S)
    return min(LONGEST_PAUSE_S, 0.5 * rng.paretovariate(0.6))
