"""``make bench``: the figures of the README, as ratios within one run. Prints tables; with --json one document."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import choosing, emulating, imports, readying, submitting
from benchmarks.timing import measured_on


def main() -> None:
    """Runs every benchmark."""
    logging.getLogger("quantum_trader").setLevel(logging.CRITICAL)
    rows = [*imports.measure(), *readying.measure()]
    for benchmark in (choosing, submitting, emulating):
        rows += asyncio.run(benchmark.measure())
    if "--json" in sys.argv[1:]:
        print(json.dumps({"measured": measured_on(), "figures": [row._asdict() for row in rows]}, indent=2))
        return
    table = Table("figure", "value", "goal", "note", title=f"measured on {measured_on()['commit']}")
    for row in rows:
        table.add_row(*row)
    Console(width=140).print(table)


main()
