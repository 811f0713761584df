"""The mutants must still be what they say, and each promise must still be watched."""

from __future__ import annotations

import ast
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from inspect import getsource
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.mutants import SHARE_MIN
from benchmarks.mutations import MUTATIONS, proofs, state, wire

ROOT = Path(__file__).resolve().parents[2]
SOON = {
    "S1": "timeout_as_refusal",
    "S2": "budget_is_forgotten",
    "S3": "retry_of_the_library",
    "S4": "late_evidence_is_ignored",
    "S5": "caps_are_forgotten",
    "S6": "cut_off_as_refusal",
    "S8": "ends_with_an_open_attempt",
    "S9": "late_send_is_allowed",
    "S10": "state_without_event",
    "S11": "keys_in_the_log",
    "L1": "parked_for_ever",
    "L5": "cancel_hangs",
    "an error that nobody heard": "reviewer_dies",
}
"""For each promise a mutant that breaks it in one of the first worlds."""

WORLDS = 6


def ran(code: str) -> str:
    """In a process of its own, because what is patched stays patched."""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_every_mutation_can_still_be_made() -> None:
    """Each finds what it changes."""
    code = "from benchmarks.mutations import LISTED; [one.change() for one in LISTED]; print(len(LISTED))"
    assert int(ran(code)) == len(MUTATIONS) >= 30


@pytest.mark.parametrize("module", [wire, proofs, state])
def test_every_mutation_changes_something_that_is_there(module: ModuleType) -> None:
    """An assignment to a name that is gone would be a mutant that changes nothing and is never noticed."""
    changed = 0
    for node in ast.walk(ast.parse(getsource(module))):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            root = target
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(target, ast.Attribute) and isinstance(root, ast.Name) and hasattr(module, root.id):
                changed += 1
                assert hasattr(eval(ast.unparse(target.value), vars(module)), target.attr), ast.unparse(target)  # noqa: S307
    assert changed >= 3


@pytest.mark.slow
def test_each_promise_is_watched() -> None:
    """A program that breaks it is noticed by that very promise, not by something else that is wrong with the world."""

    def noticed(promise: str) -> str:
        mutant, words = SOON[promise], (f"{promise}:" if promise[1:].isdigit() else promise,)
        return ran(f"from benchmarks.mutants import lived; print(lived({mutant!r}, {WORLDS}, {words!r}))")

    with ThreadPoolExecutor(2) as pool:
        told = dict(zip(SOON, pool.map(noticed, SOON), strict=True))
    assert [promise for promise, words in told.items() if promise not in words] == []


def test_what_lives_is_explained() -> None:
    """So few that the share holds, and each with its reason."""
    living = [one for one in MUTATIONS.values() if one.lives]
    assert len(living) <= (1 - SHARE_MIN) * len(MUTATIONS)
