"""The mutants must still be what they say: a change of the program that renames something would empty them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_mutation_can_still_be_made() -> None:
    """Each finds what it changes; in a process of its own, because what is patched stays patched."""
    code = (
        "from benchmarks.mutations import MUTATIONS; [change() for change in MUTATIONS.values()]; print(len(MUTATIONS))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) >= 30
