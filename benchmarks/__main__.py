"""``make bench``: the published figures, as ratios within one run. Prints tables; with --json one document. The result
also goes to docs/figures/bench.json with the commit measured."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import choosing, committing, emulating, imports, million, readying, simulating, submitting, wiring
from benchmarks.timing import measured_on, write_figure

SAMPLE = 20_000
"""Orders of the large journal here; the whole million takes a quarter of an hour to write and is `make night`'s."""


def main() -> None:
    """Runs every benchmark."""
    logging.getLogger("quantum_trader").setLevel(logging.CRITICAL)
    measured = measured_on()
    rows = [*imports.measure(), *readying.measure(), *million.measure(SAMPLE), *simulating.measure()]
    for benchmark in (choosing, committing, submitting, wiring, emulating):
        rows += asyncio.run(benchmark.measure())
    content: dict[str, object] = {"figures": [row._asdict() for row in rows]}
    write_figure("bench", measured, content)
    if "--json" in sys.argv[1:]:
        print(json.dumps({"measured": measured, **content}, indent=2))
        return
    table = Table("figure", "value", "goal", "note", title=f"measured on {measured['commit']}")
    for row in rows:
        table.add_row(*row)
    Console(width=140).print(table)


main()
