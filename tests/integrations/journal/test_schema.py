"""The file itself: commits are on disk, only its own version is read, and the tables are plain SQL."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from backend.domain.errors import JournalCorrupt
from backend.integrations.journal import export, reader
from backend.integrations.journal.backup import back_up
from backend.integrations.journal.journal import SqliteJournal
from backend.integrations.journal.schema import MIGRATIONS, NUMBERED, VERSION
from backend.integrations.journal.verify import verify
from tests.integrations.journal.test_journal import ROOT
from tests.integrations.journal.test_verify import written

FULL = 2
PORTABLE = {"TEXT", "BIGINT", "INTEGER", "DOUBLE PRECISION"}


async def test_a_commit_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    """The writer's own connection appends to a log (WAL), syncs it with every commit (FULL), and keeps references."""
    journal = SqliteJournal.open(tmp_path / "journal.sqlite")

    def pragmas(db: sqlite3.Connection) -> list[object]:
        return [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")]

    assert await journal._writer.do(pragmas) == ["wal", FULL, 1]
    await journal.close()


READERS: dict[str, Callable[[Path], object]] = {
    "order list": lambda path: reader.recent(path, 10),
    "order list --open": reader.unfinished,
    "order show": lambda path: reader.get(path, "a"),
    "events": lambda path: reader.events(path, 0, 10),
    "orphans": reader.memory,
    "orphans, an id": lambda path: reader.knows(path, "a-1"),
    "verify": verify,
    "export": lambda path: list(export.rows(path, "intents")),
    "export, its header": lambda path: export.columns(path, "intents"),
    "backup": lambda path: back_up(path, path.with_name("copy.sqlite")),
    "router": SqliteJournal.open,
}


@pytest.mark.parametrize("command", READERS)
def test_nothing_reads_what_a_newer_program_wrote(tmp_path: Path, command: str) -> None:
    """It may mean something else by then: each command refuses, and leaves nothing behind."""
    path = asyncio.run(written(tmp_path / "journal.sqlite"))
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 97}")
    with pytest.raises(JournalCorrupt, match=r"version 99.*newer program"):
        READERS[command](path)
    assert {one.name for one in tmp_path.iterdir()} <= {
        path.name,
        *(f"{path.name}{s}" for s in (".lock", "-wal", "-shm")),
    }


def test_the_tables_are_plain_sql() -> None:
    """PostgreSQL's REAL has 24 bits, too few for a time, and its INTEGER 32, too few for an amount; it counts up no
    INTEGER PRIMARY KEY. What it would not run stands in one module."""
    columns = [
        line.strip().rstrip(",")
        for text in MIGRATIONS
        for line in text.replace(NUMBERED, "BIGINT").replace("ALTER TABLE", "\n").splitlines()
    ]
    types = {}
    for column in columns:
        found = re.match(r"(?:\w+ ADD COLUMN )?([a-z_]+) ([A-Z]+(?: PRECISION)?)\b", column)
        if found is not None:
            types[found[1]] = found[2]
    assert len(types) > 40
    assert set(types.values()) <= PORTABLE
    assert {name for name in types if name.endswith("_at") or name in {"at", "until", "valid_until", "not_after"}} == {
        name for name, kind in types.items() if kind == "DOUBLE PRECISION"
    }
    assert {types[name] for name in ("amount", "reserved", "used", "seq")} == {"BIGINT"}
    own = re.compile(r"PRAGMA|INSERT OR |->>|json_extract|BEGIN IMMEDIATE|AUTOINCREMENT|sqlite_master")
    elsewhere = [
        f"{module.name}: {found[0]}"
        for module in sorted((ROOT / "backend/integrations/journal").glob("*.py"))
        if module.name != "schema.py"
        for found in own.finditer(module.read_text(encoding="utf-8"))
    ]
    assert elsewhere == []
