"""The demo end to end, through the command: what it proves, and that it notices what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from backend.cli.main import app
from backend.lab import demo
from backend.lab.acts import ACTS, shared_out
from backend.lab.demo import DemoOptions, run_demo
from backend.lab.referee import LedgerTrade
from backend.lab.view import LineView, LiveView, print_report
from backend.lab.workload import SIZES, wishes

QUOTES = Path(__file__).resolve().parents[3] / "shared" / "data" / "qubx" / "l1-quotes-2026-01-01"
ORDERS = 300


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["demo", "--json", *arguments])
    return result.exit_code, json.loads(result.stdout)


def test_the_demo_passes_and_shows_what_it_promises() -> None:
    """Each act does what it says: failovers by refusal and degradation, lost answers adopted, all down, recovery."""
    code, told = run("--orders", str(ORDERS), "--seed", "11")
    assert (code, told["passed"], told["ledger_matches"]) == (0, True, True)
    assert (told["duplicates"], told["lost"], told["parked_executed"]) == (0, 0, 0)
    assert told["orders"] == ORDERS
    assert told["seed"] == 11
    assert Decimal(told["executed_by_ledgers"]) == Decimal(told["intended"]) - Decimal(told["shortfall"])
    assert Decimal(told["filled"]) == Decimal(told["executed_by_ledgers"])
    causes = {failover["cause"] for failover in told["failovers"]}
    assert {"refused", "degraded"} <= causes
    lost = [line for line in told["unknowns"] if line["act"] == "3 answers lost" and line["venue"] != "firi"]
    assert len(lost) >= 5
    assert all(line["settled"].startswith("adopted") for line in lost)
    assert told["unknown_adopted"] >= len(lost)
    kill = told["recovery"]
    assert kill["in_flight"] >= kill["attempts"] > 0
    assert kill["executed"] > 0
    assert kill["adopted"] + kill["proven_dead"] + kill["parked"] == kill["attempts"]
    assert told["all_down"]["refused"] > 0
    assert told["all_down"]["recovered"] > 0
    for act in told["acts"]:
        if "down" not in act["act"]:
            assert act["filled_share"] >= 0.9, act


@pytest.mark.skipif(not QUOTES.is_dir(), reason="the folder of recorded quotes is not there")
def test_the_demo_on_recorded_quotes() -> None:
    """The same on recorded quotes of one day, saying which recording stands in for which exchange."""
    code, told = run("--orders", str(ORDERS), "--books", str(QUOTES))
    assert (code, told["duplicates"], told["lost"], told["ledger_matches"]) == (0, 0, 0, True)
    assert "Hyperliquid" in told["books"]["firi"]


PLANTED: dict[str, Callable[[list[LedgerTrade]], list[LedgerTrade]]] = {
    "extra": lambda trades: [*trades, replace(trades[0], order_id="not-ours", client_id="nobody", trade_id="0")],
    "missing": lambda trades: trades[1:],
    "altered": lambda trades: [replace(trades[0], quantity=trades[0].quantity + Decimal("0.0001")), *trades[1:]],
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_difference_makes_the_command_fail(monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    """An extra, missing or altered trade in an exchange's ledger is exit status 1 and told."""
    honest = demo._ledger
    monkeypatch.setattr(demo, "_ledger", lambda emulator: PLANTED[planted](honest(emulator)))
    code, told = run("--orders", "50")
    assert (code, told["passed"], told["ledger_matches"]) == (1, False, False)
    assert told["mismatches"]


async def test_both_views_and_the_report() -> None:
    """The live view and the plain one both follow a run, and the report names the verdict."""
    screen = Console(record=True, force_terminal=True, width=140, file=open("/dev/null", "w"))  # noqa: SIM115, ASYNC230, PTH123
    report = await run_demo(DemoOptions(orders=50), LiveView(screen, 50))
    print_report(screen, report)
    screen.file.close()
    text = screen.export_text()
    assert "PASSED: every order accounted for, none executed twice" in text
    for title in ("Acts", "Exchanges", "Failovers", "answer was lost", "The router was killed"):
        assert title in text
    lines = Console(record=True, file=open("/dev/null", "w"))  # noqa: SIM115, ASYNC230, PTH123
    plain = LineView(lines)
    with plain:
        plain.act("1", "something", 3)
        plain.said("told")
    lines.file.close()
    assert "1: something (3 orders)" in lines.export_text()


def test_acts_share_out_every_order() -> None:
    """Whatever the number of orders, the acts get exactly that many."""
    assert abs(sum(act.share for act in ACTS) - 1) < 1e-9
    for orders in (50, 300, 317, 5_000):
        assert sum(shared_out(orders)) == orders


def test_the_workload_repeats_with_its_seed() -> None:
    """The same seed wishes for the same orders; another for others; all within the sizes."""
    symbols = tuple(SIZES)
    assert wishes(1, 50, symbols) == wishes(1, 50, symbols) != wishes(2, 50, symbols)
    for wish in wishes(3, 200, symbols):
        least, most, step = (Decimal(text) for text in SIZES[wish.symbol])
        assert least <= wish.quantity <= most
        assert wish.quantity % step == 0
