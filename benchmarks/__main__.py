"""``make bench``: the figures of the README, as ratios within one run. Prints tables; with --json one document."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import choosing, committing, emulating, imports, million, readying, simulating, submitting, wiring
from benchmarks.timing import measured_on

SAMPLE = 20_000
"""Orders of the large journal here; the whole million takes a quarter of an hour to write and is `make night`'s."""


def main() -> None:
    """Runs every benchmark."""
    logging.getLogger("quantum_trader").setLevel(logging.CRITICAL)
    rows = [*imports.measure(), *readying.measure(), *million.measure(SAMPLE), *simulating.measure()]
    for benchmark in (choosing, committing, submitting, wiring, emulating):
        rows += asyncio.run(benchmark.measure())
    if "--json" in sys.argv[1:]:
        print(json.dumps({"measured": measured_on(), "figures": [row._asdict() for row in rows]}, indent=2))
        return
    table = Table("figure", "value", "goal", "note", title=f"measured on {measured_on()['commit']}")
    for row in rows:
        table.add_row(*row)
    Console(width=140).print(table)


main()
