"""The command ``quantum-trader simulate``."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from backend.cli.output import paper
from backend.cli.statuses import FAILED, OK

if TYPE_CHECKING:
    from backend.lab.simulation.plan import Plan
    from backend.lab.simulation.run import Tally

SEEDS = "0..100"
SEEDS_MAX = 10_000_000
INTENTS_MAX = 500


def simulate(
    seeds: Annotated[str | None, typer.Option(help="A..B (B not included), or one seed.", show_default=SEEDS)] = None,
    policy: Annotated[str, typer.Option(help="ours, timeout-means-dead or not-found-means-dead.")] = "ours",
    intents: Annotated[int, typer.Option(min=1, max=INTENTS_MAX, help="Orders of each seed.")] = 40,
    beyond: Annotated[
        bool, typer.Option("--beyond", help="Exchanges also break their bounds: it must be found, booked and told.")
    ] = False,
    replay: Annotated[
        int | None, typer.Option(min=0, max=SEEDS_MAX, help="Run this one seed again, in the place of --seeds.")
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="With --replay: print everything that happened.")] = False,
    processes: Annotated[int, typer.Option(min=0, max=64, help="0: one for each processor.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Runs the real router in seeded virtual time: on six exchanges that fail, in processes that are killed, over a
    network that loses messages. Checks after every event that no order executes beyond its quantity. Exit status 1
    when a promise was broken."""
    from backend.lab.simulation.plan import Plan
    from backend.lab.simulation.policies import Policy
    from backend.lab.simulation.report import document, passed
    from backend.lab.simulation.run import Tally, outcomes

    if policy not in tuple(Policy):
        raise typer.BadParameter(f"--policy {policy!r} is none; there are: {', '.join(Policy)}")
    if trace and replay is None:
        raise typer.BadParameter("--trace prints the story of one seed: say which with --replay SEED")
    if replay is not None and seeds is not None:
        raise typer.BadParameter(f"--replay {replay} and --seeds {seeds} are two wishes: say one of them")
    chosen = range(replay, replay + 1) if replay is not None else seeds_of(SEEDS if seeds is None else seeds)
    template = Plan(0, intents=intents, policy=Policy(policy), beyond=beyond, keep_trace=trace)
    workers = min(processes or os.cpu_count() or 1, len(chosen))
    tally, began, screen = Tally(), time.perf_counter(), Console(stderr=True)
    story: tuple[str, ...] = ()
    with Progress(console=screen, disable=not screen.is_terminal, transient=True) as progress:
        bar = progress.add_task("seeds", total=len(chosen))
        for outcome in outcomes(template, chosen, workers):
            tally.add(outcome)
            progress.advance(bar)
            story = outcome.trace if trace else ()
    tally.wall_s = time.perf_counter() - began
    if as_json:
        traced = {"trace": story} if trace else {}
        sys.stdout.write(json.dumps(document(tally, policy, workers) | traced, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in story)
        _print(tally, template, workers)
    raise typer.Exit(OK if passed(tally) else FAILED)


def seeds_of(text: str) -> range:
    """The seeds that ``A..B`` or ``A`` names. Raises BadParameter."""
    first, dots, last = text.partition("..")
    try:
        found = range(int(first), int(last)) if dots else range(int(first), int(first) + 1)
    except ValueError:
        raise typer.BadParameter(f"--seeds {text!r} is not of the form 0..2000") from None
    if found.start < 0 or found.stop <= found.start:
        raise typer.BadParameter(f"--seeds {text!r} names no seeds: from the smaller to the larger, as in 0..2000")
    if found.stop - 1 > SEEDS_MAX:
        raise typer.BadParameter(f"--seeds {text!r}: the largest seed is {SEEDS_MAX:,}, as in 0..2000")
    return found


def _print(tally: Tally, template: Plan, workers: int) -> None:
    from backend.lab.simulation.report import SEEDS_FOR_ALL, disturbed, parted, shortened, unseen

    screen = paper()
    for outcome in tally.failures:
        screen.print(f"\nseed {outcome.seed}", style="bold")
        for violation in outcome.violations:
            screen.print(violation, style="red", markup=False)
        for line in shortened(outcome):
            screen.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        screen.print(f"  {command(template, outcome.seed)}", markup=False, highlight=False)
    table = Table("figure", "value", title=f"policy {template.policy.value}", title_justify="left")
    share = tally.overfilled / max(1, tally.intents)
    rows = {
        "seeds": f"{tally.seeds:,}",
        "intents": f"{tally.intents:,}",
        "seeds with a broken promise": f"{tally.violated:,}",
        "intents executed beyond what was asked for": f"{tally.overfilled:,} ({share:.3%})",
        "kills and pauses per intent": f"{disturbed(tally):.2f}",
        "intents that an exchange executed in part": f"{parted(tally):.0%}",
        "simulated hours": f"{tally.seconds / 3600:,.1f} in {tally.wall_s:,.0f} s on {workers} processors",
        "intents per second and processor": f"{tally.intents / max(tally.wall_s, 1e-9) / workers:,.0f}",
        "digest of all traces": tally.digest[:16],
    }
    for name, value in rows.items():
        table.add_row(name, value)
    screen.print(table)
    if missing := unseen(tally):
        word = "must all be seen" if tally.seeds >= SEEDS_FOR_ALL else f"so few seeds; all by {SEEDS_FOR_ALL:,}"
        screen.print(f"never happened ({word}): {', '.join(missing)}")


def command(template: Plan, seed: int) -> str:
    """How to see that seed again."""
    from backend.lab.simulation.plan import INTENTS
    from backend.lab.simulation.policies import Policy

    words = [f"quantum-trader simulate --replay {seed} --trace"]
    if template.policy is not Policy.OURS:
        words.append(f"--policy {template.policy.value}")
    if template.intents != INTENTS:
        words.append(f"--intents {template.intents}")
    if template.beyond:
        words.append("--beyond")
    return " ".join(words)
