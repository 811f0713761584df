"""The simulation as a long run, and its speed: ``python -m benchmarks.simulating [SEEDS [HOURS]] [--anew]``.

The default is a million intents, or as many as ten hours allow. The result goes to docs/figures/simulation.json with
the commit measured: broken promises, each crash point's count, the naive policies under the same faults, and what
exchanges that break their bounds lead to. A run that was ended early is gone on with by the next one, as long as the
simulated code is the same to the byte: the worlds of the seeds do not depend on when they are run. Exit status 1 when a
promise was broken, or when something that must happen did not, or not often enough.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from backend.lab.simulation.plan import INTENTS, Plan
from backend.lab.simulation.policies import Policy
from backend.lab.simulation.report import CRASHES, document, passed
from backend.lab.simulation.run import Tally, add_up, outcomes
from benchmarks.figure import Figure
from benchmarks.timing import FIGURES, ROOT, measured_on, write_figure

NAME = "simulation"
MILLION = 1_000_000 // INTENTS
HOURS = 10.0
CRASHES_MIN = 1_000
"""How often each crash point must be reached in a million intents."""

COMPARED_SEEDS = 250
QUICK_SEEDS = 40
TELL_EVERY = 250
"""After so many seeds the figures are written: what ends the run costs no more than these."""

NOT_SIMULATED = ("cli", "api")
"""Folders of the backend that no world loads."""


def measure() -> list[Figure]:
    """How fast it is, on one processor."""
    tally = add_up(Plan(0), range(QUICK_SEEDS))
    told = document(tally, Policy.OURS.value, 1)
    note = f"{told['simulated_hours_per_hour']} simulated hours an hour; 0 promises broken is checked by the tests"
    return [Figure("simulated intents per second and processor", str(told["intents_per_second_per_core"]), "100", note)]


def code(root: Path = ROOT) -> str:
    """A digest of everything that decides what a seed's world is: our code, and the libraries' versions."""
    backend = root / "backend"
    files = [one for one in backend.rglob("*.py") if one.relative_to(backend).parts[0] not in NOT_SIMULATED]
    digest = hashlib.sha256()
    for file in sorted([*files, root / "requirements" / "runtime.txt"]):
        digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


class PromiseBroken(Exception):
    """Recorded of the code at hand."""


class CodeChanged(Exception):
    """While it was simulated: what comes now would not be of one program."""


@dataclass(slots=True)
class LongRun:
    """What is known so far. ``parts``: which seeds were run when, at which commit, in how many seconds."""

    code: str
    tally: Tally = field(default_factory=Tally)
    parts: list[dict[str, object]] = field(default_factory=list)
    others: dict[str, object] = field(default_factory=dict)

    @classmethod
    def recorded(cls, code: str, known: Mapping[str, Any]) -> LongRun:
        """The run to go on with; a new one where the code is another. Raises PromiseBroken where this very code has
        broken one: a shorter run that does not meet it again must not take its place."""
        if known.get("code") != code:
            return cls(code)
        ours = known["ours"]
        if ours["violated_seeds"]:
            raise PromiseBroken(f"this code broke a promise: {ours['failures']}; mend it, or say --anew")
        tally = Tally(
            seeds=ours["seeds"],
            intents=ours["intents"],
            overfilled=ours["overfilled"],
            seconds=known["simulated_seconds"],
            wall_s=ours["wall_seconds"],
            digest=ours["digest"],
        )
        tally.sightings.update(ours["sightings"])
        return cls(code, tally, list(known["parts"]), {name: known[name] for name in _whole(known)})

    @property
    def crashes(self) -> dict[str, int]:
        return {str(point): self.tally.sightings[f"crash point {point}"] for point in CRASHES}

    @property
    def good(self) -> bool:
        """So far: nothing broken, and everything seen as often as it must be."""
        return passed(self.tally) and min(self.crashes.values()) >= CRASHES_MIN * self.tally.intents / 1_000_000

    def compare(self, seeds: int, workers: int, screen: Console) -> None:
        """The naive policies, and exchanges that break their bounds."""
        for name, plan in _compared().items():
            if name not in self.others:
                tally = add_up(plan, range(min(seeds, COMPARED_SEEDS)), workers)
                self.others[name] = document(tally, plan.policy.value, workers)
                screen.print(f"{name}: {tally.overfilled} of {tally.intents} overfilled", highlight=False)

    def go_on(self, seeds: int, seconds: float, workers: int, keep: Callable[[], None], screen: Console) -> None:
        """One seed after the other, up to ``seeds`` or for as long as there is time."""
        first, before, began = self.tally.seeds, self.tally.wall_s, time.perf_counter()
        if first >= seeds:
            return
        part: dict[str, object] = {**measured_on(), "seeds": [first, first]}
        self.parts.append(part)
        for outcome in outcomes(Plan(0), range(first, seeds), workers):
            self.tally.add(outcome)
            took = time.perf_counter() - began
            self.tally.wall_s = before + took
            part.update(seeds=[first, self.tally.seeds], seconds=round(took, 1))
            if outcome.violations:
                screen.print(f"seed {outcome.seed}: {outcome.violations[0]}", highlight=False, markup=False)
            if self.tally.seeds % TELL_EVERY == 0:
                keep()
                told = f"{self.tally.seeds} of {seeds} seeds, {self.tally.violated} broken, {took:,.0f} s in this part"
                screen.print(told, highlight=False)
            if took > seconds:
                break

    def content(self, seeds: int, workers: int) -> dict[str, object]:
        """The figures."""
        return {
            "passed": self.good and self.tally.seeds >= seeds,
            "crash_points": self.crashes,
            "seeds_wanted": seeds,
            "code": self.code,
            "parts": self.parts,
            "simulated_seconds": self.tally.seconds,
            "ours": document(self.tally, Policy.OURS.value, workers),
            **self.others,
        }


def main() -> None:
    """The comparisons, then the long run."""
    wanted = argparse.ArgumentParser(description="The simulation as a long run.")
    wanted.add_argument("seeds", nargs="?", type=int, default=MILLION)
    wanted.add_argument("hours", nargs="?", type=float, default=HOURS)
    wanted.add_argument("--anew", action="store_true", help="do not go on with what is recorded")
    asked = wanted.parse_args()
    workers, measured, screen = os.cpu_count() or 1, measured_on(), Console(stderr=True)
    recorded, digest = FIGURES / f"{NAME}.json", code()
    if asked.anew or not recorded.exists():
        run = LongRun(digest)
    else:
        run = LongRun.recorded(digest, json.loads(recorded.read_text(encoding="utf-8")))
    screen.print(f"{run.tally.seeds} of {asked.seeds} seeds are known of this code", highlight=False)

    def keep() -> None:
        if code() != digest:
            raise CodeChanged("the code under test was edited meanwhile; what is recorded was run before that")
        write_figure(NAME, measured, run.content(asked.seeds, workers))

    run.compare(asked.seeds, workers, screen)
    run.go_on(asked.seeds, asked.hours * 3600, workers, keep, screen)
    keep()
    screen.print(f"{run.tally.intents} intents, {run.tally.violated} seeds with a broken promise", highlight=False)
    sys.exit(0 if run.good else 1)


def _whole(known: Mapping[str, Any]) -> list[str]:
    """The comparisons that need not be run again."""
    return [name for name in _compared() if name in known and known[name]["seeds"] == COMPARED_SEEDS]


def _compared() -> dict[str, Plan]:
    naive = {p.value: replace(Plan(0), policy=p) for p in Policy if p is not Policy.OURS}
    return {**naive, "beyond-bounds": Plan(0, beyond=True)}


if __name__ == "__main__":
    main()
