"""What decides about money has no branch that its own tables of tests do not take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DECIDING = (
    "backend/domain/lifecycle.py",
    "backend/policies/reroute.py",
    "backend/policies/horizon.py",
    "backend/policies/late.py",
    "backend/policies/resting.py",
    "backend/policies/venue_clock.py",
)
TESTS = ("tests/domain", "tests/policies")


@pytest.mark.slow
def test_every_branch_of_what_decides_is_taken(tmp_path: Path) -> None:
    """Branch coverage of state machine and of the policies named above is 100 %, by their own tests alone."""
    data = {**os.environ, "COVERAGE_FILE": str(tmp_path / "coverage")}
    run = [sys.executable, "-m", "coverage"]
    tests = subprocess.run(
        [*run, "run", "--branch", "-m", "pytest", "-p", "no:cacheprovider", *TESTS],
        cwd=ROOT, env=data, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert tests.returncode == 0, tests.stdout[-2_000:]
    report = subprocess.run(
        [*run, "report", "--fail-under=100", "--include", ",".join(DECIDING)],
        cwd=ROOT, env=data, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert report.returncode == 0, report.stdout
    counted = subprocess.run(
        [*run, "json", "-q", "-o", str(tmp_path / "coverage.json"), "--include", ",".join(DECIDING)],
        cwd=ROOT, env=data, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert counted.returncode == 0
    told = (tmp_path / "coverage.json").read_text()
    assert all(name in told for name in DECIDING)
