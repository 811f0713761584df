"""``make night``: the demo on many seeds; the result goes to docs/figures/demo-seeds.json with the commit measured.

Arguments: the number of seeds (default 20) and, optionally, a folder of recorded quotes to run the same seeds on.
"""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console

from backend.lab.demo import DemoOptions, run_demo
from backend.lab.report import DemoReport
from backend.lab.view import LineView
from benchmarks import million
from benchmarks.timing import measured_on, write_figure

SEEDS = 20
PROCESSES = 2
LOOKED_UP = ("binance", "bybit", "okx", "kucoin", "kraken")
LOST_ANSWERS_MIN = 5
FILLED_SHARE_MIN = 0.9
ALL_DOWN = "6 all down"
ANSWERS_LOST = "3 answers lost"


class _Quiet(LineView):
    def said(self, line: str) -> None:
        """Only the result of each seed is worth a line here."""

    def act(self, name: str, what: str, orders: int) -> None:
        """Only the result of each seed is worth a line here."""


def main() -> None:
    """Exit status 1 when any seed fails."""
    arguments = sys.argv[1:]
    seeds = int(arguments[0]) if arguments else SEEDS
    folders: list[Path | None] = [None, *(Path(argument) for argument in arguments[1:])]
    console = Console(stderr=True)
    measured = measured_on()
    wanted = [(seed, folder) for folder in folders for seed in range(1, seeds + 1)]
    lines = []
    with ProcessPoolExecutor(max_workers=PROCESSES) as pool:
        for line in pool.map(_run, *zip(*wanted, strict=True)):
            console.print(json.dumps(line), highlight=False, soft_wrap=True)
            lines.append(line)
    good = [line for line in lines if line["passed"] and not line["shortcomings"]]
    path = write_figure("demo-seeds", measured, {"runs": lines, "passed": len(good) == len(lines)})
    console.print(f"{len(good)} of {len(lines)} runs passed; see {path.name}")
    figures = million.measure()
    write_figure("million-orders", measured, {"figures": [figure._asdict() for figure in figures]})
    for figure in figures:
        console.print(" | ".join(figure), highlight=False)
    sys.exit(0 if len(good) == len(lines) else 1)


def _run(seed: int, folder: Path | None) -> dict[str, object]:
    report = asyncio.run(run_demo(DemoOptions(seed=seed, books=folder), _Quiet(Console(stderr=True))))
    return _line(report, folder)


def _shortcomings(report: DemoReport) -> list[str]:
    """What the demo promises to show beyond its verdict, and this run did not."""
    causes = {failover.cause for failover in report.failovers}
    lost = [line for line in report.unknowns if line.act == ANSWERS_LOST and line.venue in LOOKED_UP]
    found = {
        "no failover by refusal": "refused" not in causes,
        "no failover by degradation": "degraded" not in causes,
        "fewer than five lost answers": len(lost) < LOST_ANSWERS_MIN,
        "a lost answer that was not adopted": any(not line.settled.startswith("adopted") for line in lost),
        "no order moved because its deadline proved it dead": not any(
            "done at" in one.settled for one in report.unknowns
        ),
        "the router was not killed with orders under way": report.recovery is None or report.recovery.in_flight == 0,
        "no attempt was open at the kill": report.recovery is None or report.recovery.attempts == 0,
        "no order refused while all were down": report.all_down_refused == 0,
        "no order filled after that": report.recovered == 0,
        "an act with a healthy exchange filled too little": any(
            act.filled_share < FILLED_SHARE_MIN for act in report.acts if act.act != ALL_DOWN
        ),
    }
    return [name for name, short in found.items() if short]


def _line(report: DemoReport, folder: Path | None) -> dict[str, object]:
    document = report.document()
    kept = ("seed", "passed", "orders", "duplicates", "lost", "parked", "parked_executed", "unknown", "unknown_adopted")
    causes = [failover.cause for failover in report.failovers]
    return {
        "books": "generated" if folder is None else folder.name,
        **{key: document[key] for key in (*kept, "ledger_matches", "mismatches", "all_down", "recovery", "seconds")},
        "shortcomings": _shortcomings(report),
        "failovers": {cause: causes.count(cause) for cause in sorted(set(causes))},
        "filled_share": {act.act: act.filled_share for act in report.acts},
    }


if __name__ == "__main__":
    main()
