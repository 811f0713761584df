"""How long importing takes, and that ccxt is not part of it."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.figure import Figure
from benchmarks.timing import median

ROUNDS = 7
PROGRAM = """
import sys, time
began = time.perf_counter()
import {module}
took = time.perf_counter() - began
heavy = sorted({{"ccxt", "aiohttp", "prometheus_client", "pydantic"}} & set(sys.modules))
print(took, *heavy)
"""


def measure() -> list[Figure]:
    """Fresh interpreters, median of ROUNDS."""
    return [
        _one("backend"),
        _one("backend.policies.exchange_failover_policy"),
        _one("backend.services.execution.execution"),
    ]


def _one(module: str) -> Figure:
    seconds, heavy = [], ""
    for _ in range(ROUNDS):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(module=module)], capture_output=True, text=True, check=True
        )
        took, *loaded = done.stdout.split()
        seconds.append(float(took))
        heavy = ", ".join(loaded)
    note = f"loads {heavy}" if heavy else "loads none of ccxt, aiohttp, prometheus_client, pydantic"
    return Figure(f"import {module}", f"{median(seconds) * 1000:.0f} ms", "150 ms", note)
