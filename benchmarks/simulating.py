"""The simulation as a long run, and its speed: ``python -m benchmarks.simulating [SEEDS [HOURS]]``.

The default is a million intents, or as many as ten hours allow. The result goes to docs/figures/simulation.json with
the commit measured: broken promises, each crash point's count, the naive policies under the same faults, and what
exchanges that break their bounds lead to. Exit status 1 when a promise was broken, or when something that must happen
did not, or not often enough.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace

from rich.console import Console

from backend.lab.simulation.plan import INTENTS, Plan
from backend.lab.simulation.policies import Policy
from backend.lab.simulation.report import CRASHES, document, passed
from backend.lab.simulation.run import Tally, add_up, outcomes
from benchmarks.figure import Figure
from benchmarks.timing import measured_on, write_figure

MILLION = 1_000_000 // INTENTS
HOURS = 10.0
CRASHES_MIN = 1_000
"""How often each crash point must be reached in a million intents."""

COMPARED_SEEDS = 250
QUICK_SEEDS = 40
TELL_EVERY = 500


def measure() -> list[Figure]:
    """How fast it is, on one processor."""
    tally = add_up(Plan(0), range(QUICK_SEEDS))
    told = document(tally, Policy.OURS.value, 1)
    note = f"{told['simulated_hours_per_hour']} simulated hours an hour; 0 promises broken is checked by the tests"
    return [Figure("simulated intents per second and processor", str(told["intents_per_second_per_core"]), "100", note)]


def main() -> None:
    """The comparisons, then the long run."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else MILLION
    hours = float(sys.argv[2]) if len(sys.argv) > 2 else HOURS
    workers = os.cpu_count() or 1
    measured, screen = measured_on(), Console(stderr=True)
    others = {}
    for name, plan in _compared().items():
        tally = add_up(plan, range(min(seeds, COMPARED_SEEDS)), workers)
        others[name] = document(tally, plan.policy.value, workers)
        screen.print(f"{name}: {tally.overfilled} of {tally.intents} overfilled", highlight=False)
    ours = _told(Plan(0), seeds, hours * 3600, workers, screen)
    crashes = {str(point): ours.sightings[f"crash point {point}"] for point in CRASHES}
    good = passed(ours) and min(crashes.values()) >= CRASHES_MIN * ours.intents / 1_000_000
    content = {
        "passed": good,
        "crash_points": crashes,
        "seeds_wanted": seeds,
        "ours": document(ours, Policy.OURS.value, workers),
        **others,
    }
    path = write_figure("simulation", measured, content)
    screen.print(f"{ours.intents} intents, {ours.violated} seeds with a broken promise; see {path.name}")
    sys.exit(0 if good else 1)


def _compared() -> dict[str, Plan]:
    naive = {p.value: replace(Plan(0), policy=p) for p in Policy if p is not Policy.OURS}
    return {**naive, "beyond-bounds": Plan(0, beyond=True)}


def _told(plan: Plan, seeds: int, seconds: float, workers: int, screen: Console) -> Tally:
    """One seed after the other, for as long as there is time."""
    tally, began = Tally(), time.perf_counter()
    for outcome in outcomes(plan, range(seeds), workers):
        tally.add(outcome)
        if time.perf_counter() - began > seconds:
            break
        if outcome.violations:
            screen.print(f"seed {outcome.seed}: {outcome.violations[0]}", highlight=False, markup=False)
        if tally.seeds % TELL_EVERY == 0:
            took = time.perf_counter() - began
            screen.print(f"{tally.seeds} of {seeds} seeds in {took:,.0f} s, {tally.violated} broken", highlight=False)
    tally.wall_s = time.perf_counter() - began
    return tally


if __name__ == "__main__":
    main()
