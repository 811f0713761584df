"""``quantum-trader order``: lists, one order in full, and an operator's word."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.bootstrap import stored_order
from backend.cli.main import app
from backend.cli.statuses import UNKNOWN
from backend.domain.errors import JournalError
from backend.domain.records import IntentRecord
from tests.integrations.journal.test_verify import written


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["order", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return result.stdout


async def test_list(tmp_path: Path) -> None:
    """The newest first, or those that wait; in a table and as JSON."""
    path = str(await written(tmp_path / "journal.sqlite"))
    told = run("list", "--file", path)
    assert "done (filled)" in told
    assert "binance → kraken" in told
    assert [order["id"] for order in json.loads(run("list", "--file", path, "--json"))] == ["c", "b", "a"]
    (waiting,) = json.loads(run("list", "--open", "--file", path, "--json"))
    assert (waiting["id"], waiting["state"], waiting["blocked"]) == ("c", "active", "1.5")
    assert len(json.loads(run("list", "--limit", "1", "--file", path, "--json"))) == 1


async def test_show(tmp_path: Path) -> None:
    """Every attempt with its proof, and every fill."""
    path = str(await written(tmp_path / "journal.sqlite"))
    told = run("show", "a", "--file", path)
    for word in ("definite_reject", "terminal_state", "t1", "t2", "kraken"):
        assert word in told
    document = json.loads(run("show", "a", "--file", path, "--json"))
    assert [attempt["proof"] for attempt in document["attempts"]] == ["definite_reject", "terminal_state"]
    assert [fill["quantity"] for fill in document["fills"]] == ["1", "0.5"]
    with pytest.raises(JournalError, match="order list"):
        run("show", "nobody", "--file", path)


def test_an_order_that_still_waits_after_a_word_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another attempt of it is in doubt: the status says so, as wherever an order is told."""
    path = tmp_path / "journal.sqlite"
    asyncio.run(written(path))

    async def half(*_: object, **__: object) -> IntentRecord:
        return stored_order("c", path=path)

    monkeypatch.setattr("backend.bootstrap.resolve_order", half)
    words = ["order", "resolve", "c", "--as", "dead", "--reason", "seen", "--file", str(path)]
    assert CliRunner().invoke(app, words).exit_code == UNKNOWN


async def test_show_tells_from_when_an_absence_can_be_proven(tmp_path: Path) -> None:
    """An order in doubt says so, by the rules of its venue; one that has ended has nothing to say."""
    path = str(await written(tmp_path / "journal.sqlite"))
    attempt = (document := json.loads(run("show", "c", "--file", path, "--json")))["attempts"][0]
    assert document["unresolved_until"] > attempt["not_after"]
    assert "can be proven from" in run("show", "c", "--file", path)
    assert json.loads(run("show", "a", "--file", path, "--json"))["unresolved_until"] is None
    assert "can be proven from" not in run("show", "a", "--file", path)


def test_resolve(tmp_path: Path) -> None:
    """The word ends the order and stands in the journal, which still verifies."""
    path = str(asyncio.run(written(tmp_path / "journal.sqlite")))
    words = ["order", "resolve", "c", "--as", "gone", "--reason", "seen", "--file", path]
    wrong = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert (wrong.exit_code, "dead, or filled=QUANTITY" in wrong.stderr) == (2, True)
    assert "c: done_short (expired), filled 0.5 of 1.5" in run(
        "resolve", "c", "--as", "filled=0.5", "--reason", "seen on the page", "--file", path
    )
    (attempt,) = json.loads(run("show", "c", "--file", path, "--json"))["attempts"]
    assert (attempt["proof"], attempt["evidence"]) == ("operator", "operator: seen on the page")
    verified = CliRunner().invoke(app, ["journal", "verify", "--file", path])
    assert verified.exit_code == 0
    with pytest.raises(JournalError, match="there is no journal"):
        run("resolve", "c", "--as", "dead", "--reason", "seen", "--file", str(tmp_path / "none.sqlite"))
