"""``make mutants``: breaks the program in known ways and counts in how many the simulation notices.

Arguments: how many seeds a mutant may live through (default 300), and names of mutants (default all). The result goes
to docs/figures/mutants.json with the commit measured. Exit status 1 when fewer than SHARE_MIN are noticed.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from rich.console import Console
from rich.table import Table

from backend.lab.simulation.plan import Plan
from backend.lab.simulation.run import simulate
from benchmarks.mutations import MUTATIONS
from benchmarks.timing import measured_on, write_figure

SEEDS = 300
PROCESSES = 2
SHARE_MIN = 0.95
SHOWN = 90


def main() -> None:
    """Each mutant in a process of its own: what is patched stays patched."""
    arguments = sys.argv[1:]
    seeds = int(arguments[0]) if arguments else SEEDS
    names = arguments[1:] or list(MUTATIONS)
    measured = measured_on()
    table, lines = Table("mutant", "noticed at seed", "by"), []
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        lives = [max(seeds, MUTATIONS[name].seeds) for name in names]
        for name, found in zip(names, pool.map(lived, names, lives), strict=True):
            seed, violation = found
            table.add_row(name, "survived" if seed is None else str(seed), violation[:SHOWN])
            lines.append(
                {"mutant": name, "killed_at_seed": seed, "violation": violation, "lives": MUTATIONS[name].lives}
            )
            Console(stderr=True).print(f"{name}: {found}", highlight=False, soft_wrap=True, markup=False)
    killed = sum(line["killed_at_seed"] is not None for line in lines)
    Console(width=160).print(table)
    share = killed / len(lines)
    path = write_figure("mutants", measured, {"seeds": seeds, "mutants": lines, "killed": killed, "share": share})
    sys.stdout.write(f"{killed} of {len(lines)} noticed ({share:.0%}); see {path.name}\n")
    sys.exit(0 if share >= SHARE_MIN else 1)


def lived(name: str, seeds: int, by: tuple[str, ...] = ()) -> tuple[int | None, str]:
    """The first seed at which the mutant is noticed, and by what; None when it lived through all. What notices it must
    be a promise that it breaks, or one that begins as ``by`` says: that something else is wrong with the world proves
    nothing of that one."""
    mutation = MUTATIONS[name]
    mutation.change()
    for seed in range(seeds):
        outcome = simulate(Plan(seed, beyond=mutation.beyond))
        found = next((one for one in outcome.violations if one.startswith(by or mutation.by)), None)
        if found is not None:
            return seed, found
    return None, ""


if __name__ == "__main__":
    main()
