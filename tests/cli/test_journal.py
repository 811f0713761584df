"""``quantum-trader journal``: what it prints and its exit status."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
import sys
from collections.abc import Collection
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from backend import bootstrap
from backend.cli.main import app
from backend.domain.errors import ConfigurationError, InvalidOrder, NotSwept, RestoreInterrupted
from backend.domain.orders import OrderReport, OrderStatus, Side
from backend.integrations.journal import parquet as journal_parquet
from backend.integrations.journal.journal import SqliteJournal
from backend.services.execution.sweep import Swept
from tests.integrations.journal.test_verify import written


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["journal", *arguments])
    return result.exit_code, result.stdout


def parts(room: Path) -> list[Path]:
    return list(room.glob("*.part"))


async def test_verify(tmp_path: Path) -> None:
    """Whole is exit status 0; a changed row is 1 and named, in words and as JSON."""
    path = await written(tmp_path / "journal.sqlite")
    code, told = run("verify", "--file", str(path))
    assert code == 0
    assert "3 intents, 4 attempts, 2 fills, 14 events" in told
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE fill SET quantity = '5' WHERE trade_id = 't2'")
    code, told = run("verify", "--file", str(path))
    assert code == 1
    assert "quantity is '5', by the events '0.5'" in told
    assert "NOT WHOLE" in told
    code, told = run("verify", "--file", str(path), "--json")
    document = json.loads(told)
    assert (code, document["whole"], document["fills"]) == (1, False, 2)


async def test_export(tmp_path: Path) -> None:
    """Every table in both forms, exact amounts, to the screen or to a file."""
    path = await written(tmp_path / "journal.sqlite")
    code, told = run("export", "fills", "--file", str(path))
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(told)))
    assert [(row["intent_id"], row["trade_id"], row["quantity"], row["price"]) for row in rows] == [
        ("a", "t1", "1", "100"),
        ("a", "t2", "0.5", "100"),
    ]
    for table, count in {"intents": 3, "attempts": 4, "events": 14}.items():
        target = tmp_path / f"{table}.jsonl"
        assert run("export", table, "--format", "jsonl", "--file", str(path), "--out", str(target))[0] == 0
        assert len([json.loads(line) for line in target.read_text().splitlines()]) == count


async def test_an_export_leaves_nothing_out(tmp_path: Path) -> None:
    """Each column of the tables is there, but the row numbers and the hash of a body that is there itself; and the
    header stands above no rows too."""
    path = tmp_path / "journal.sqlite"
    await SqliteJournal.open(path).close()
    names = {}
    for table in ("intents", "attempts", "fills", "events"):
        code, told = run("export", table, "--file", str(path))
        assert (code, told.count("\n")) == (0, 1), table
        names[table] = set(told.strip().split(","))
    with closing(sqlite3.connect(path)) as db:
        held = {one: {row[1] for row in db.execute(f"PRAGMA table_info({one[:-1]})")} for one in names}
    assert {one: held[one] - names[one] for one in held} == {
        "intents": {"seq", "body_hash"},
        "attempts": set(),
        "fills": {"seq"},
        "events": set(),
    }
    assert "rate" in names["attempts"]


@pytest.mark.parametrize("command", [("export", "fills", "--out"), ("backup",)])
async def test_the_journal_itself_is_never_overwritten(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Not by its name, not by a link, not with --force: an emptied journal would accept every order again. Another
    file is overwritten with --force alone, and a table that does not exist leaves it as it was."""
    path = await written(tmp_path / "journal.sqlite")
    before = path.read_bytes()
    link = tmp_path / "link"
    link.symlink_to(path)
    hard = tmp_path / "hard"
    hard.hardlink_to(path)
    for target in (path, link, hard):
        assert run(*command, str(target), "--force", "--file", str(path))[0] == 1
    other = tmp_path / "other"
    other.write_text("mine")
    assert run(*command, str(other), "--file", str(path))[0] == 1
    assert run("export", "nothing", "--out", str(other), "--force", "--file", str(path))[0] != 0
    assert other.read_text() == "mine"
    assert run(*command, str(other), "--force", "--file", str(path))[0] == 0
    assert path.read_bytes() == before
    assert not parts(tmp_path)


async def test_an_emptied_journal_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    """It would accept every order again."""
    path = await written(tmp_path / "journal.sqlite")
    path.write_bytes(b"")
    with pytest.raises(RestoreInterrupted, match="is empty"):
        SqliteJournal.open(path)


async def test_export_to_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows as in JSONL, over several groups, with times as numbers and amounts as exact texts."""
    monkeypatch.setattr(journal_parquet, "ROWS_PER_GROUP", 3)
    path = await written(tmp_path / "journal.sqlite")
    for table, count in {"intents": 3, "attempts": 4, "fills": 2, "events": 14}.items():
        target = tmp_path / f"{table}.parquet"
        assert run("export", table, "--format", "parquet", "--file", str(path), "--out", str(target))[0] == 0
        told = [
            json.loads(line) for line in run("export", table, "--format", "jsonl", "--file", str(path))[1].splitlines()
        ]
        read = parquet.read_table(target)
        assert (read.to_pylist(), read.num_rows) == (told, count)
    assert [str(parquet.read_schema(tmp_path / "fills.parquet").field(n).type) for n in ("quantity", "at")] == [
        "string",
        "double",
    ]
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM fill")
    target = tmp_path / "fills.parquet"
    again = ["export", "fills", "--format", "parquet", "--file", str(path), "--out", str(target)]
    assert (run(*again)[0], run(*again, "--force")[0]) == (1, 0)
    assert (parquet.read_table(target).num_rows, "price" in parquet.read_schema(target).names) == (0, True)


async def test_parquet_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file to write to, a folder that exists, and the extra."""
    path = await written(tmp_path / "journal.sqlite")
    export = ["journal", "export", "fills", "--format", "parquet", "--file", str(path)]
    assert "--out" in str(CliRunner().invoke(app, export).exception)
    nowhere = CliRunner().invoke(app, [*export, "--out", str(tmp_path / "none" / "fills.parquet")]).exception
    assert isinstance(nowhere, ConfigurationError)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    missing = CliRunner().invoke(app, [*export, "--out", str(tmp_path / "fills.parquet")]).exception
    assert isinstance(missing, ConfigurationError)
    assert "pip install 'quantum-trader[parquet]'" in str(missing)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """No journal, no such table and no such format are errors that say what there is."""
    missing = tmp_path / "none.sqlite"
    result = CliRunner().invoke(app, ["journal", "verify", "--file", str(missing)])
    assert "there is no journal" in str(result.exception)
    result = CliRunner().invoke(app, ["journal", "export", "orders", "--file", str(missing)])
    assert "intents, attempts, fills, events" in str(result.exception)
    result = CliRunner().invoke(app, ["journal", "export", "fills", "--format", "xml", "--file", str(missing)])
    assert "csv, jsonl" in str(result.exception)


def test_backup_restore_confirm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way: copied, put back, halted, and released by a word with a reason."""
    monkeypatch.chdir(tmp_path)
    path, copy = asyncio.run(written(tmp_path / "journal.sqlite")), tmp_path / "copy.sqlite"
    told = CliRunner().invoke(app, ["journal", "backup", str(copy), "--file", str(path)])
    assert (told.exit_code, "14 events, whole" in told.stdout) == (0, True)
    told = CliRunner().invoke(app, ["journal", "restore", str(copy), "--file", str(path)])
    assert (told.exit_code, "halted" in told.stdout, "journal confirm" in told.stdout) == (0, True, True)
    assert len(list(tmp_path.glob("journal.sqlite.replaced-*Z"))) == 1
    confirm = ["journal", "confirm", "--file", str(path), "--reason"]
    assert isinstance(CliRunner().invoke(app, [*confirm, "compared"]).exception, NotSwept)
    confirm.insert(2, "--unswept")
    assert isinstance(CliRunner().invoke(app, [*confirm, " "]).exception, InvalidOrder)
    assert "confirmed: put back from copy.sqlite" in CliRunner().invoke(app, [*confirm, "compared"]).stdout
    assert "was not halted" in CliRunner().invoke(app, [*confirm, "compared"]).stdout
    acknowledged = CliRunner().invoke(app, ["journal", "acknowledge", "okx", "--file", str(path), "--reason", "none"])
    assert "okx: 0 halts" in acknowledged.stdout


def test_orphans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found, what could not be looked at, and status 1 for either; without keys it says what is missing."""
    found = OrderReport("kraken", "BTC/USDT", "o1", "ab" * 16, Side.BUY, Decimal("0.50"), Decimal(0), OrderStatus.OPEN)
    answers = [Swept((found,), ("firi keeps no id of ours",), ("firi",), "kept: x"), Swept((found,), ()), Swept((), ())]

    async def sweep(path: Path | None, symbols: Collection[str]) -> Swept:
        assert list(symbols) == ["ETH/USDT"]
        return answers.pop(0)

    with monkeypatch.context() as patched:
        patched.setattr(bootstrap, "sweep_venues", sweep)
        code, told = run("orphans", "--symbol", "ETH/USDT")
        assert (code, "kraken BTC/USDT o1 " in told, "not looked at: firi" in told) == (1, True, True)
        assert told.endswith("kept: x\n")
        code, told = run("orphans", "--symbol", "ETH/USDT", "--json")
        document = json.loads(told)
        assert (code, document["clean"], document["orphans"][0]["quantity"]) == (1, False, "0.5")
        assert run("orphans", "--symbol", "ETH/USDT") == (0, "0 orders of ours that the journal does not know\n")
    path = asyncio.run(written(tmp_path / "journal.sqlite"))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["journal", "orphans", "--file", str(path)])
    assert isinstance(result.exception, ConfigurationError)
    assert "no exchange has keys" in str(result.exception)
