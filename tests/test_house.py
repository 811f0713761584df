"""The rules of the house that no library checks: locks, targets, paths, and import contracts that can really break."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements/runtime.txt", "requirements/dev.txt")
FACADES = {
    "backend.policies.exchange_policy",
    "backend.policies.exchange_failover_policy",
    "backend.services.execution.execution",
}
LEFT_BEHIND = {"__pycache__", "build", "dist"}
MACHINE_PATH = re.compile(r"(?<![\w./])/(root|home|Users)/\w")

# For each contract one line that breaks it, and the module that the line is planted in.
VIOLATIONS = {
    "Layers point inward": ("domain/money.py", "import backend.services"),
    "No cycles": ("domain/money.py", "import backend.domain.rules"),
    "Runtime never depends on its facades": ("bootstrap/parts.py", "import backend.policies.exchange_policy"),
    "Inner layers are pure": ("domain/money.py", "import asyncio"),
    "Only bootstrap loads settings": ("services/planted.py", "import backend.config.load"),
    "Only bootstrap imports integrations": ("lab/planted.py", "import backend.integrations"),
    "Only lab and cli start the emulator": ("bootstrap/parts.py", "import backend.emulator"),
    "Only lab reads the ledger": ("cli/planted.py", "import backend.emulator.ledger"),
    "Adapters know no services": ("integrations/planted.py", "import backend.services"),
    "Emulator is a second reading": ("emulator/planted.py", "import backend.integrations"),
    "Venues are independent": (
        "integrations/exchanges/kraken/planted.py",
        "import backend.integrations.exchanges.binance",
    ),
}


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The finished command with its output; no colour, and lines too long to be wrapped."""
    env = {**os.environ, "NO_COLOR": "1", "COLUMNS": "500"}
    env.pop("MAKEFLAGS", None)
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def contracts() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = pyproject()["tool"]["importlinter"]["contracts"]
    return listed


def pins(lock: str) -> set[str]:
    """The ``name==version`` (with its marker, if any) of every entry."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    return {line.removesuffix("\\").strip() for line in lines if re.match(r"[a-z0-9]", line)}


def own_files() -> Iterator[Path]:
    """Every file of the project; what tools leave behind is not looked at."""
    for folder, children, names in os.walk(ROOT):
        children[:] = [c for c in children if c == ".ci" or not (c.startswith(".") or c in LEFT_BEHIND)]
        yield from (Path(folder, name) for name in names)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    """A lock installs from whatever registry the machine uses, so it carries no address and no path."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert re.findall(r"://|--(?:extra-)?index-url|--find-links| @ |^-e|\bfile:", text, flags=re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_of_a_lock_is_hashed(lock: str) -> None:
    """pip refuses anything whose bytes are not the ones that were locked."""
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text(encoding="utf-8"))[1:]
    assert len(entries) == len(pins(lock))
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_development_lock_contains_the_runtime_lock() -> None:
    """What is tested is what is run: the same versions, plus the tools."""
    assert pins("requirements/runtime.txt") < pins("requirements/dev.txt")


def test_the_build_backend_is_locked_as_pyproject_names_it() -> None:
    """The editable install runs without build isolation, so both locks must bring exactly the named backend."""
    named = set(pyproject()["build-system"]["requires"])
    assert pins("requirements/build.in") == named
    assert named <= pins("requirements/runtime.txt")


def test_the_lowest_python_is_311() -> None:
    """The package, the linter and the type checker agree on the oldest Python."""
    settings = pyproject()
    assert settings["project"]["requires-python"] == ">=3.11"
    assert settings["tool"]["ruff"]["target-version"] == "py311"
    assert settings["tool"]["mypy"]["python_version"] == "3.11"


def test_make_help_lists_every_target() -> None:
    """Somebody who types only ``make`` sees everything that can be made."""
    declared = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert declared is not None
    shown = run("make", "--no-print-directory")
    assert shown.returncode == 0, shown.stderr
    assert {line.split()[1] for line in shown.stdout.splitlines()} == set(declared[1].split())


def test_no_file_names_a_path_of_one_machine() -> None:
    """The project works from any folder of any machine."""
    found: list[str] = []
    for path in own_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found.extend(f"{path.relative_to(ROOT)}: {match[0]}" for match in MACHINE_PATH.finditer(text))
    assert found == []


def test_every_decision_has_its_four_parts() -> None:
    """A decision says why, what, at which price, and what would notice if it were undone."""
    parts = ["## Context", "## Decision", "## Consequences", "## Confirmed by"]
    for page in (ROOT / "docs/adr").glob("*.md"):
        found = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
        assert (page.name, found) == (page.name, parts)


def test_only_the_specified_facades_reach_bootstrap() -> None:
    """The exception from the layers is these three modules and stays these three."""
    ignored = {line for contract in contracts() for line in contract.get("ignore_imports", ())}
    assert {line.split(" -> ")[0] for line in ignored if line.endswith("-> backend.bootstrap")} == FACADES


def test_every_contract_has_a_planted_violation() -> None:
    """A contract that nobody has seen break may not be checking anything."""
    assert {contract["name"] for contract in contracts()} == set(VIOLATIONS)


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_an_import_contract_breaks_when_it_is_violated(contract: str, tmp_path: Path) -> None:
    """One forbidden import in a copy of the package breaks the contract that forbids it."""
    module, line = VIOLATIONS[contract]
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "backend", tmp_path / "backend", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "backend" / module).open("a", encoding="utf-8") as planted:
        planted.write(f"\n{line}\n")
    linted = run(str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache", cwd=tmp_path)
    assert linted.returncode == 1, linted.stdout + linted.stderr
    assert f"{contract} BROKEN" in linted.stdout


@pytest.mark.parametrize(
    "around", ["import time\n\ntime.time_ns()", "import random\n\nrandom.sample([1], 1)", "import uuid"]
)
def test_time_randomness_and_ids_come_through_ports(around: str) -> None:
    """Anywhere else they would be new in each run, and no simulation could be repeated. The rule bites."""
    command = ("ruff", "check", "--select", "TID251", "--stdin-filename", "backend/services/execution/planted.py", "-")
    code = f"{around}\n"
    found = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        cwd=ROOT, input=code, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (found.returncode, "TID251" in found.stdout) == (1, True)
