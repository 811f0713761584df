"""Many seeds on all processors, added up."""

from __future__ import annotations

import gc
import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

from backend.lab.simulation.plan import Outcome, Plan
from backend.lab.simulation.sightings import Sightings
from backend.lab.simulation.world import World

CHUNK = 8
FAILURES_KEPT = 20


def simulate(plan: Plan) -> Outcome:
    """One world, from its beginning to its end. Its rubbish is collected at the end, at once: nearly all that a world
    makes lives as long as it does, and the collector would go through it again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return World(plan).run()
    finally:
        if collecting:
            gc.enable()
        gc.collect()


def _settled_in() -> None:
    """A process of the pool: what is there before the first world stays, and need not be looked at after each."""
    World(Plan(0, intents=1)).run()
    gc.collect()
    gc.freeze()


def _chunk(plans: Sequence[Plan]) -> list[Outcome]:
    return [simulate(plan) for plan in plans]


@dataclass(slots=True)
class Tally:
    """The sum over seeds. ``seconds``: of the worlds; ``wall_s``: of the machine."""

    seeds: int = 0
    intents: int = 0
    overfilled: int = 0
    seconds: float = 0.0
    wall_s: float = 0.0
    violated: int = 0
    failures: list[Outcome] = field(default_factory=list)
    sightings: Sightings = field(default_factory=Sightings)
    digest: str = ""

    def add(self, outcome: Outcome) -> None:
        """In the order of the seeds, because the digest depends on it."""
        self.seeds += 1
        self.intents += outcome.intents
        self.overfilled += outcome.overfilled
        self.seconds += outcome.seconds
        self.sightings.update(outcome.sightings)
        self.digest = hashlib.sha256((self.digest + outcome.digest).encode()).hexdigest()
        if outcome.violations:
            self.violated += 1
            if len(self.failures) < FAILURES_KEPT:
                self.failures.append(outcome)


def outcomes(template: Plan, seeds: Sequence[int], processes: int) -> Iterator[Outcome]:
    """One outcome for each seed, in their order. Whoever has enough may stop asking: the rest is not begun."""
    plans = [replace(template, seed=seed) for seed in seeds]
    chunks = [plans[start : start + CHUNK] for start in range(0, len(plans), CHUNK)]
    if processes <= 1 or len(chunks) <= 1:
        for plan in plans:
            yield simulate(plan)
        return
    pool = ProcessPoolExecutor(max_workers=processes, mp_context=get_context("spawn"), initializer=_settled_in)
    try:
        for done in pool.map(_chunk, chunks):
            yield from done
    finally:
        pool.shutdown(cancel_futures=True)


def add_up(template: Plan, seeds: Sequence[int], processes: int = 1) -> Tally:
    """All of them."""
    tally, began = Tally(), time.perf_counter()
    for outcome in outcomes(template, seeds, processes):
        tally.add(outcome)
    tally.wall_s = time.perf_counter() - began
    return tally
