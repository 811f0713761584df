"""The journal's own audit: it passes what the program wrote and finds whatever was changed behind its back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from backend.domain.errors import JournalCorrupt, JournalError
from backend.domain.ids import body_hash
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.reasons import EndReason, RejectReason, UnknownReason
from backend.integrations.journal import reader
from backend.integrations.journal.journal import SqliteJournal
from backend.integrations.journal.verify import verify
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
    """Whatever row of whatever table is changed, added or removed."""
    path = await written(tmp_path / "journal.sqlite")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        assert db.execute(CORRUPTIONS[what]).rowcount == 1
    verdict = verify(path)
    assert not verdict.whole
    assert all(problem.strip() for problem in verdict.problems)


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
