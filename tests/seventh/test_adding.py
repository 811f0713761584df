"""A seventh venue joins by the steps of docs/venues/adding.md, and by nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SEVENTH = "meridian"
CASES_MIN = 60
LINE = 'EXCHANGES: tuple[str, ...] = ("binance", "bybit", "okx", "kucoin", "kraken", "firi")'


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with the seventh venue: two folders copied in, one line changed."""
    tree = tmp_path_factory.mktemp("seventh")
    ignored = shutil.ignore_patterns("__pycache__")
    for part in ("backend", "tests"):
        shutil.copytree(ROOT / part, tree / part, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tree)
    shutil.copytree(HERE / "exchange", tree / "backend" / "integrations" / "exchanges" / SEVENTH, ignore=ignored)
    shutil.copytree(HERE / "emulated", tree / "backend" / "emulator" / "venues" / SEVENTH, ignore=ignored)
    tables = tree / "backend" / "policies" / "routing_tables.py"
    before = tables.read_text()
    assert before.count(LINE) == 1
    tables.write_text(before.replace(LINE, LINE[:-1] + f', "{SEVENTH}")'))
    return tree


def run(tree: Path, *command: str) -> str:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tree), "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    return done.stdout


def test_the_seventh_venue_trades_and_fails_over(tree: Path) -> None:
    """An order executes there; when it dies the next moves on, and both ledgers hold exactly what was asked for."""
    told = json.loads(run(tree, sys.executable, "-m", "tests.seventh.try_out", str(tree / "journal.sqlite")))
    assert told["first"] == {"state": "done", "venues": [SEVENTH]}
    assert told["moved"] == {"state": "done", "venues": ["binance"]}
    assert told["ledger"] == {SEVENTH: "0.01", "binance": "0.01"}


def test_the_command_knows_it(tree: Path) -> None:
    """The failover chains list it, without a change in the command."""
    chains = json.loads(run(tree, sys.executable, "-m", "backend", "chain", "--json"))
    assert chains[SEVENTH] == [SEVENTH]


def test_the_rules_of_the_house_hold_with_it(tree: Path) -> None:
    """No import contract needs an exception for a new venue."""
    lint = Path(sys.executable).with_name("lint-imports")
    assert "0 broken" in run(tree, str(lint), "--no-cache")


def test_it_is_held_to_every_conformance_case(tree: Path) -> None:
    """The suite takes the new venue by itself, and no case needs a word about it."""
    told = run(tree, sys.executable, "-m", "pytest", "tests/conformance", "-k", f"test_case and {SEVENTH}")
    passed = re.search(r"(\d+) passed", told)
    assert passed is not None
    assert int(passed.group(1)) >= CASES_MIN
