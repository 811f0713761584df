"""The journal's own audit: it passes what the program wrote and finds whatever was changed behind its back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from backend.domain.errors import JournalCorrupt, JournalError
from backend.domain.ids import body_hash
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import OnUnknown
from backend.domain.reasons import EndReason, RejectReason, UnknownReason
from backend.integrations.journal import chain, reader
from backend.integrations.journal.journal import SqliteJournal
from backend.integrations.journal.restore import restore
from backend.integrations.journal.verify import problems_of, verify
from tests.integrations.journal.test_journal import NOW, attempt, fill, intent


async def written(path: Path) -> Path:
    """Three orders: one filled at its second exchange, one refused everywhere, one whose fate is open."""
    journal = SqliteJournal.open(path)
    for name in ("a", "b", "c"):
        order = intent(name)
        await journal.accept(order, body_hash=body_hash(order), now=NOW, valid_until=NOW + 30)
        await journal.open_attempt(attempt(name), worst_price=Decimal(100))
    for name in ("a", "b"):
        await journal.step_attempt(
            f"{name}/1",
            AttemptState.REJECTED,
            now=NOW,
            outcome_reason=RejectReason.INSUFFICIENT_FUNDS,
            proof=Proof.DEFINITE_REJECT,
        )
    await journal.open_attempt(attempt("a", 2, venue="kraken"), worst_price=Decimal(100))
    await journal.step_attempt("a/2", AttemptState.WORKING, now=NOW, venue_order_id="o1")
    await journal.step_attempt(
        "a/2", AttemptState.CLOSED, now=NOW, proof=Proof.TERMINAL_STATE, fills=[fill("1"), fill("0.5", trade="t2")]
    )
    await journal.step_intent("a", IntentState.DONE, now=NOW, reason=EndReason.FILLED)
    await journal.step_intent("b", IntentState.REJECTED, now=NOW, reason=EndReason.REJECTED_BY_VENUE)
    await journal.step_attempt("c/1", AttemptState.UNKNOWN, now=NOW, outcome_reason=UnknownReason.TIMEOUT)
    await journal.close()
    return path


async def test_what_the_program_wrote_is_whole(tmp_path: Path) -> None:
    """Everything is counted and nothing is wrong, also while a router has the journal open."""
    path = await written(tmp_path / "journal.sqlite")
    verdict = verify(path)
    assert (verdict.whole, verdict.problems) == (True, ())
    assert (verdict.intents, verdict.attempts, verdict.fills, verdict.events) == (3, 4, 2, 14)
    journal = SqliteJournal.open(path)
    assert verify(path).whole
    await journal.close()


CORRUPTIONS = {
    "an event was changed": "UPDATE event SET data = replace(data, '1.50', '15.0') WHERE seq = 1",
    "an event was lost": "DELETE FROM event WHERE seq = 5",
    "the end was cut off": "DELETE FROM event WHERE seq = (SELECT max(seq) FROM event)",
    "an event was added": (
        "INSERT INTO event (at, kind, intent_id, data, chain) VALUES (1, 'intent_stepped', 'c', '{}', 'x')"
    ),
    "an order asks for more": "UPDATE intent SET body = replace(body, '1.50', '15.0') WHERE id = 'c'",
    "an order's hash was changed": "UPDATE intent SET body_hash = 'x' WHERE id = 'a'",
    "an order is open again": "UPDATE intent SET state = 'active' WHERE id = 'b'",
    "an order is gone": "DELETE FROM intent WHERE id = 'c'",
    "an attempt was never refused": "UPDATE attempt SET state = 'open', proof = NULL WHERE id = 'b/1'",
    "an unknown attempt is proven": "UPDATE attempt SET state = 'closed', proof = 'terminal_state' WHERE id = 'c/1'",
    "an attempt was smaller": "UPDATE attempt SET quantity = '0.5' WHERE id = 'a/2'",
    "an attempt was elsewhere": "UPDATE attempt SET venue = 'firi' WHERE id = 'a/2'",
    "a request was another": "UPDATE send SET request = '{}' WHERE attempt_id = 'c/1'",
    "a fill is gone": "DELETE FROM fill WHERE trade_id = 't2'",
    "a fill is larger": "UPDATE fill SET quantity = '5' WHERE trade_id = 't2'",
    "a fill was dearer": "UPDATE fill SET price = '101' WHERE trade_id = 't1'",
    "a fill is another attempt's": "UPDATE fill SET attempt_id = 'c/1' WHERE trade_id = 't1'",
    "a reservation is gone": "DELETE FROM reservation WHERE attempt_id = 'c/1'",
    "a reservation is smaller": "UPDATE reservation SET amount = 1 WHERE attempt_id = 'c/1'",
    "less is reserved": "UPDATE exposure SET reserved = 0 WHERE reserved > 0",
    "a position is gone": "DELETE FROM position",
    "a leg is larger": "UPDATE leg SET quantity = '15' WHERE intent_id = 'a'",
    "a cancel was forgotten": "UPDATE intent SET cancel_requested_at = 1 WHERE id = 'a'",
    "a fill was provisional": "UPDATE fill SET provisional = 1 WHERE trade_id = 't1'",
    "a fill was added": (
        "INSERT INTO fill (venue, account, symbol, venue_order_id, trade_id, attempt_id, side, quantity, price, fee,"
        " fee_asset, at) VALUES ('kraken', 'main', 'BTC/USDT', 'o1', 't3', 'c/1', 'buy', '1', '100', '0', 'BTC', 1)"
    ),
}


@pytest.mark.parametrize("what", CORRUPTIONS)
async def test_a_planted_corruption_is_found(tmp_path: Path, what: str) -> None:
    """Each of these alone, by its own words."""
    path = await written(tmp_path / "journal.sqlite")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        assert db.execute(CORRUPTIONS[what]).rowcount == 1
    verdict = verify(path)
    assert not verdict.whole
    assert all(problem.strip() for problem in verdict.problems)


TAG = "0a1b2c3d"
GHOST_UNTIL = NOW + 900


async def eventful(path: Path) -> Path:
    """All that a journal can hold: a backup that was put back, a sweep, ids of its own, two legs and one of relief, a
    halt that was acknowledged and one that was not, a ghost and one that was laid."""
    base = await written(path.with_name("base.sqlite"))
    with closing(sqlite3.connect(base)) as db, db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'cluster_tag'", (TAG,))
    restore(base, path, reason="put back by a test", stamp="now", now=NOW)
    journal = SqliteJournal.open(path)
    await journal.record_sweep(["okx"], ["okx o1"], ["a problem"], now=NOW)

    async def begun(name: str, venue: str, *, legs: tuple[str, ...] = (), at: float = NOW) -> None:
        order = intent(name)
        kept = replace(order, on_unknown=OnUnknown.BOUNDED, overfill_budget=Decimal("0.5")) if legs else order
        parts = tuple(Decimal(leg) for leg in legs)
        await journal.accept(
            kept, body_hash=body_hash(kept), now=at, valid_until=NOW + 30, pinned="okx" if legs else None, legs=parts
        )
        tried = attempt(name, quantity=legs[0] if legs else "1.5", venue=venue)
        identity = f"{journal.cluster_tag}{journal.incarnation}{name.encode().hex():0<20}"
        sent = replace(tried.order, client_id=identity, created_at=at, rate=Decimal("1.001"))
        await journal.open_attempt(replace(tried, order=sent, opened_at=at), worst_price=Decimal("100.7"))

    async def ended(name: str, venue: str, proof: Proof, filled: str = "", until: float | None = None) -> None:
        told = [replace(fill(filled, trade=name, order=name), venue=venue)] if filled else []
        await journal.step_attempt(
            f"{name}/1", AttemptState.CLOSED, now=NOW, proof=proof, fills=told, settled_by="x", ghost_until=until
        )

    for name, venue in (("over", "okx"), ("over too", "bybit")):
        await begun(name, venue)
        await ended(name, venue, Proof.TERMINAL_STATE, "2")
        await journal.step_intent(name, IntentState.DONE, now=NOW, reason=EndReason.FILLED)
    assert await journal.acknowledge("okx", word="looked", now=NOW + 1) == 1
    for name, until in (("laid", NOW + 1), ("ghost", GHOST_UNTIL)):
        await begun(name, "kucoin")
        await journal.step_attempt(f"{name}/1", AttemptState.UNKNOWN, now=NOW, lookups=2, evidence="nobody knows it")
        await ended(name, "kucoin", Proof.DEADLINE, until=until)
    await begun("legs", "kraken", legs=("1", "0.5"), at=NOW + 2)
    await journal.add_leg("legs", Decimal("0.5"), now=NOW + 2)
    await journal.step_attempt(
        "legs/1",
        AttemptState.WORKING,
        now=NOW + 2,
        venue_order_id="w",
        fills=[replace(fill("0.25", trade="part", order="w"), venue="kraken", provisional=True)],
    )
    await journal.request_cancel("legs", now=NOW + 3)
    await journal.close()
    assert verify(path).problems == ()
    return path


HARMLESS = {"checked_seq", "checked_link"}
"""Notes of how far the chain was checked: without them the next start checks more."""

NUMBERED = ("intent", "fill", "halt")
"""Their numbers only say in which order they came; those of events are part of their chain."""


async def test_whatever_is_changed_or_removed_is_found(tmp_path: Path) -> None:
    """Every column of every row of every table, and every row: but row numbers, and the mark where a start begins to
    check."""
    path = await eventful(tmp_path / "journal.sqlite")
    missed, tried = [], 0
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        for table, row in _rows(db):
            named = [name for name in row.keys()[1:] if name != "seq" or table not in NUMBERED]
            changes = [f"UPDATE {table} SET {name} = {_other(row[name])}" for name in named]  # noqa: S608
            for change in (*changes, f"DELETE FROM {table}"):  # noqa: S608
                db.execute("BEGIN")
                db.execute(f"{change} WHERE rowid = ?", (row["at_row"],))
                if not problems_of(db):
                    missed.append(f"{change} {dict(row)}")
                db.execute("ROLLBACK")
                tried += 1
    assert missed == []
    assert tried > 400


def _rows(db: sqlite3.Connection) -> Iterator[tuple[str, sqlite3.Row]]:
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        rows = db.execute(f"SELECT rowid AS at_row, * FROM {table}").fetchall()  # noqa: S608
        assert rows, f"there is no row of {table} to change"
        yield from ((table, row) for row in rows if table != "meta" or row["name"] not in HARMLESS)


def _other(value: object) -> str:
    """Another value of that kind, as SQL."""
    if value is None:
        return "1"
    return f"{value!r} + 70" if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "0'"


ADDED = {
    "a halt": "INSERT INTO halt (venue, account, intent_id, at, problem) VALUES ('kraken', 'main', 'a', 1, 'x')",
    "a reservation": (
        "INSERT INTO reservation VALUES ('a/2', 'kraken', 'main', 'BTC', 15015000000, 1);"
        "UPDATE exposure SET reserved = reserved + 15015000000 WHERE venue = 'kraken'"
    ),
    "a position": "INSERT INTO position VALUES ('firi', 'main', 'BTC', 5)",
    "an account": "INSERT INTO exposure VALUES ('firi', 'main', 0, 0)",
    "a leg": "INSERT INTO leg VALUES ('a', 2, '0')",
    "a second copy": "INSERT INTO send SELECT attempt_id, 2, request, at, not_after FROM send WHERE attempt_id = 'c/1'",
    "a trigger": "CREATE TRIGGER late AFTER INSERT ON fill BEGIN DELETE FROM fill; END",
    "a table": "CREATE TABLE other (id TEXT)",
}
TOGETHER = {
    "a ghost and its sum": (
        "UPDATE exposure SET reserved = 0 WHERE venue = 'kucoin'; DELETE FROM reservation WHERE until IS NOT NULL"
    ),
    "positions and their sums": "UPDATE position SET amount = 0; UPDATE exposure SET used = 0",
    "a notional, its reservation and the sum": (
        "UPDATE attempt SET reserved_notional = '1' WHERE id = 'legs/1';"
        "UPDATE reservation SET amount = 100000000 WHERE attempt_id = 'legs/1';"
        "UPDATE exposure SET reserved = (SELECT COALESCE(SUM(ABS(amount)), 0) FROM reservation r"
        " WHERE r.venue = exposure.venue)"
    ),
    "the note of the restore": "DELETE FROM meta WHERE name IN ('halted', 'swept')",
    "the incarnation": "UPDATE meta SET value = '0001' WHERE name = 'incarnation'",
    "the order of the intents": "UPDATE intent SET seq = 1000 WHERE id = 'a'",
}
OBJECTS = {
    "a leg's only open attempt": "DROP INDEX attempt_one_open",
    "a client id's only attempt": "DROP INDEX attempt_client_id",
    "an index that is no longer unique": (
        "DROP INDEX attempt_client_id; CREATE INDEX attempt_client_id ON attempt (client_id) WHERE client_id <> ''"
    ),
    "an index of less": (
        "DROP INDEX attempt_one_open;"
        "CREATE UNIQUE INDEX attempt_one_open ON attempt (intent_id, leg) WHERE state IN ('open')"
    ),
    "a table without its key": (
        "CREATE TABLE copy AS SELECT * FROM send; DROP TABLE send; ALTER TABLE copy RENAME TO send"
    ),
}


@pytest.mark.parametrize("sql", (ADDED | TOGETHER | OBJECTS).values(), ids=(ADDED | TOGETHER | OBJECTS).keys())
async def test_what_was_added_or_fits_together_is_found(tmp_path: Path, sql: str) -> None:
    """A row that nothing tells of; several changes that agree with each other; and what keeps rows from being twice."""
    path = await eventful(tmp_path / "journal.sqlite")
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"PRAGMA foreign_keys = OFF; {sql}")
    assert verify(path).problems


async def test_a_file_of_older_type_names_is_whole(tmp_path: Path) -> None:
    """REAL and INTEGER are what DOUBLE PRECISION and BIGINT are to SQLite."""
    path = await eventful(tmp_path / "journal.sqlite")
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA writable_schema = ON")
        for new, old in (("DOUBLE PRECISION", "REAL"), ("BIGINT", "INTEGER")):
            db.execute("UPDATE sqlite_master SET sql = replace(sql, ?, ?)", (new, old))
        db.commit()
    with closing(sqlite3.connect(path)) as db:
        declared = {row[2] for row in db.execute("PRAGMA table_info(reservation)")}
    assert declared == {"TEXT", "INTEGER", "REAL"}
    assert verify(path).problems == ()


TOLD_SINCE = ("valid_until", "reserved", "worst_price", "ghost_until", "problem")


async def test_a_journal_whose_events_tell_less_is_whole(tmp_path: Path) -> None:
    """A program from before told no bounds, reservations or ghosts: they are not compared, and nothing is made up."""
    path = await eventful(tmp_path / "journal.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        events = db.execute("SELECT * FROM event ORDER BY seq").fetchall()
        db.execute("DELETE FROM event")
        db.execute("DELETE FROM meta WHERE name IN ('checked_seq', 'checked_link')")
        for row in events:
            told = {name: value for name, value in json.loads(row["data"]).items() if name not in TOLD_SINCE}
            if row["kind"] != "ghost_laid":
                chain.append(db, row["at"], row["kind"], row["intent_id"], row["attempt_id"], told)
    assert verify(path).problems == ()
    await SqliteJournal.open(path).close()
    assert verify(path).problems == ()


async def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    """Bytes that no program wrote: either the check says so or the file cannot be read, and never is it whole."""
    path = await written(tmp_path / "journal.sqlite")
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half : half + 2_048] = b"\xff" * 2_048
    path.write_bytes(bytes(content))
    try:
        assert not verify(path).whole
    except JournalCorrupt as error:
        assert str(path) in str(error)  # noqa: PT017 - one of two ways to say it


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda path: path.unlink(), JournalError),
        (lambda path: path.write_bytes(b"not a database at all, but long enough to look at"), JournalCorrupt),
        (lambda path: _run(path, "PRAGMA user_version = 99"), JournalCorrupt),
    ],
    ids=["no file", "no database", "a newer program's"],
)
async def test_what_cannot_be_verified_says_why(
    tmp_path: Path, spoil: Callable[[Path], object], error: type[Exception]
) -> None:
    """A typed error with the file's name."""
    path = await written(tmp_path / "journal.sqlite")
    spoil(path)
    with pytest.raises(error, match=r"journal\.sqlite"):
        verify(path)


def _run(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement)


async def test_a_reader_tells_what_stands_against_the_venues(tmp_path: Path) -> None:
    """Open orders, halted accounts and the halt of the whole journal, from the file alone."""
    path = await written(tmp_path / "journal.sqlite")
    assert (found := reader.standing(path)).halted is None
    assert ([record.intent.id for record in found.unfinished], found.halts) == (["c"], ())
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO meta (name, value) VALUES ('halted', 'put back')")
        db.execute(
            "INSERT INTO halt (venue, account, intent_id, at, problem) VALUES ('okx', 'main', 'a', 1.0, 'too much')"
        )
        db.commit()
    found = reader.standing(path)
    assert ([(halt.venue, halt.problem) for halt in found.halts], found.halted) == ([("okx", "too much")], "put back")
