"""The long run of the figures: ended early and gone on with, it is the run that was never ended."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from backend.lab.simulation.run import Tally
from benchmarks.simulating import LongRun, PromiseBroken, code

SCREEN = Console(file=io.StringIO())
SEEDS = 3


def gone_on(run: LongRun, seeds: int) -> dict[str, object]:
    """The figures as they are read back from a file."""
    run.go_on(seeds, 3_600, 1, lambda: None, SCREEN)
    read: dict[str, object] = json.loads(json.dumps(run.content(SEEDS, 1)))
    return read


@pytest.fixture(scope="module")
def whole() -> LongRun:
    run = LongRun("this code")
    run.go_on(SEEDS, 3_600, 1, lambda: None, SCREEN)
    return run


def test_a_run_in_two_parts_is_the_same_run(whole: LongRun) -> None:
    """Seed for seed: the digest of all traces and every count are equal, and both parts are told."""
    second = LongRun.recorded("this code", gone_on(LongRun("this code"), 1))
    gone_on(second, SEEDS)
    for run in (whole, second):
        run.tally.wall_s = 0.0
    assert second.tally == whole.tally
    assert [part["seeds"] for part in second.parts] == [[0, 1], [1, SEEDS]]
    assert [part["seeds"] for part in whole.parts] == [[0, SEEDS]]


def test_there_is_nothing_to_go_on_with_at_the_end(whole: LongRun) -> None:
    """All seeds are known: no part is added."""
    again = LongRun.recorded("this code", json.loads(json.dumps(whole.content(SEEDS, 1))))
    again.go_on(SEEDS, 3_600, 1, lambda: None, SCREEN)
    assert (again.tally.seeds, len(again.parts)) == (SEEDS, 1)


def test_other_code_begins_anew_and_a_broken_promise_is_not_forgotten(whole: LongRun) -> None:
    """Worlds of two programs are not one run; and a shorter run must not hide what a longer one of this code met."""
    known = json.loads(json.dumps(whole.content(SEEDS, 1)))
    assert LongRun.recorded("other code", known).tally == Tally()
    known["ours"]["violated_seeds"] = 1
    with pytest.raises(PromiseBroken):
        LongRun.recorded("this code", known)
    assert LongRun.recorded("other code", known).tally == Tally()


def test_the_code_is_what_a_world_is_made_of(tmp_path: Path) -> None:
    """Any byte of it and any library counts; the command line and the port are not simulated."""
    for name in ("domain", "cli", "api"):
        (tmp_path / "backend" / name).mkdir(parents=True)
        (tmp_path / "backend" / name / "one.py").write_text("x = 1\n")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "runtime.txt").write_text("ccxt==1\n")
    first = code(tmp_path)
    for unseen in ("cli", "api"):
        (tmp_path / "backend" / unseen / "one.py").write_text("x = 2\n")
    assert code(tmp_path) == first
    (tmp_path / "requirements" / "runtime.txt").write_text("ccxt==2\n")
    second = code(tmp_path)
    (tmp_path / "backend" / "domain" / "two.py").write_text("")
    assert len({first, second, code(tmp_path)}) == 3
