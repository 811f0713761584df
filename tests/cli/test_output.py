"""Where the commands print."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from errno import ENOSPC
from io import BufferedWriter, StringIO, TextIOWrapper
from pathlib import Path

import pytest
import typer
from rich.table import Table
from typer.testing import CliRunner

from backend.cli import desk
from backend.cli.main import app
from backend.cli.output import _Errors, paper, say
from tests.integrations.journal.test_verify import written

STRANGE = "see [/docs] for [red]more[/red] :smile:"


def test_no_text_is_a_command_to_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    """An exchange's own words, or an id, with brackets in them: shown as they are, in a table and outside of one."""
    table = Table("evidence")
    table.add_row(STRANGE)
    screen = paper()
    screen.print(table)
    screen.print(STRANGE)
    assert capsys.readouterr().out.count(STRANGE) == 2


def test_events_are_all_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page after page to the last, unless fewer are asked for."""
    monkeypatch.setattr(desk, "PAGE", 3)
    path = str(asyncio.run(written(tmp_path / "journal.sqlite")))
    verified = json.loads(CliRunner().invoke(app, ["journal", "verify", "--file", path, "--json"]).stdout)

    def numbers(*arguments: str) -> list[int]:
        lines = CliRunner().invoke(app, ["events", "--file", path, "--json", *arguments]).stdout.splitlines()
        return [json.loads(line)["seq"] for line in lines]

    assert len(numbers()) == verified["events"] > 3
    assert numbers("--after", "2", "--limit", "4") == [3, 4, 5, 6]
    assert CliRunner().invoke(app, ["events", "--file", path, "--after", str(2**63)]).exit_code == 2


def test_a_line_that_cannot_be_written_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next ones lead to nowhere, so that the end of the process does not meet it again."""

    class Full(StringIO):
        def flush(self) -> None:
            raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    say("one")
    assert sys.stdout.name == os.devnull
    say("two")
    sys.stdout.close()


def test_errors_that_nobody_takes_hold_nobody_up() -> None:
    """A pipe that does not block and is full: what is written is dropped, and that is known."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writes, bytes(65_536))
    raw = _Errors(writes, "w")
    with TextIOWrapper(BufferedWriter(raw), line_buffering=True) as errors:
        errors.write("one\n")
        assert raw.lost
    os.close(reads)


@pytest.mark.parametrize(
    "document",
    [
        {"status": "ok"},
        {"id": "one", "state": "done", "reason": None, "venues": [], "filled": "1", "quantity": "1"},
        {"id": "one", "state": "gone", "reason": None, "venues": [], "filled": "1", "quantity": "1", "blocked": "0"},
        {"id": "one", "state": "done", "reason": None, "venues": [], "filled": "1", "quantity": "x", "blocked": "0"},
    ],
    ids=["something else", "a part missing", "a state that is none", "an amount that is none"],
)
def test_an_answer_that_is_no_order_says_nothing_of_it(
    document: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """As of a router of another version: the order may have executed."""
    with pytest.raises(typer.Exit) as ended:
        desk._order(lambda _: document, lambda: document, None, "one")
    assert ended.value.exit_code == 6
    assert "repeat it with the same id" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("state", "blocked", "told"),
    [
        ("parked", "0.02", "nothing known to have executed"),
        ("done_short", "0.02", "nothing known to have executed"),
        ("new", "0", "nothing known to have executed"),
        ("rejected", "0", "0 of 0.02, nothing executed"),
    ],
)
def test_nothing_is_said_not_to_have_executed_that_may_have(
    state: str, blocked: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An order in doubt has no execution that is known of, and that is all that is known. A cancel is told as pending
    only while it is."""
    found: dict[str, object] = {
        "id": "one",
        "state": state,
        "reason": None,
        "venues": [],
        "filled": "0",
        "quantity": "0.02",
    }
    with pytest.raises(typer.Exit):
        desk._print_outcome({**found, "blocked": blocked, "cancel_requested_at": 1.0}, as_json=False, going_on=False)
    out = capsys.readouterr().out
    assert told in out
    assert ("its cancel is stored" in out) is (state in ("parked", "new"))


def test_a_fault_of_the_program_is_no_word_about_the_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Python's own status of a traceback is 1, which says that no exchange took the order."""

    def broken(*_: object) -> None:
        raise RuntimeError("an inner word")

    monkeypatch.setattr("backend.bootstrap.submit_once", broken)
    monkeypatch.setenv("QUANTUM_TRADER_JOURNAL_PATH", str(tmp_path / "journal.sqlite"))
    result = CliRunner().invoke(app, ["order", "submit", "buy", "1", "BTC/USDT", "--id", "one"])
    assert result.exit_code == 6
    assert "order show one" in result.stderr
    assert "an inner word" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("health", "mtgox"),
        ("chain", "Kraken"),
        ("order", "submit", "buy", "1", "BTC/USDT", "--exchange", "mtgox"),
        ("journal", "acknowledge", "mtgox", "--reason", "seen"),
    ],
    ids=" ".join,
)
def test_an_exchange_that_is_none_is_a_mistake_of_usage(words: tuple[str, ...]) -> None:
    """The settings are in order; the error lists the names that there are."""
    result = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "binance" in result.stderr
