"""Small helpers: interleaved rounds, medians, and what was measured on."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs" / "figures"


def median(values: list[float]) -> float:
    return statistics.median(values)


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def commit() -> str:
    """The commit that is measured, marked when the tree differs from it in more than the figures themselves."""
    named = _git("describe", "--always", "--abbrev=12")
    changed = _git("status", "--porcelain", "--", ".", f":!{FIGURES.relative_to(ROOT)}")
    return f"{named}{'-dirty' if changed else ''}" if named else "not a git checkout"


def _git(*command: str) -> str:
    told = subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - the developer's own
    return told.stdout.strip()


def measured_on() -> dict[str, object]:
    """What a figure must say of itself."""
    return {
        "commit": commit(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "system": platform.system(),
    }


def write_figure(name: str, measured: dict[str, object], content: dict[str, object]) -> Path:
    """Writes docs/figures/NAME.json. ``measured``: ``measured_on()`` from before the run, so that it names the commit
    that ran."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    path = FIGURES / f"{name}.json"
    # In one step: a run that is killed here must not leave half of hours of figures.
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"measured": measured, **content}, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
    return path
