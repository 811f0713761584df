"""Reservations and positions stand or fall with their attempts, in the journal's own transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from backend.domain.errors import IntentCancelled, JournalError, OverCap, UnknownOrder
from backend.domain.ids import body_hash
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Side
from backend.domain.reasons import EndReason, UnknownReason
from backend.integrations.journal import checkpoint, exposure, store
from backend.integrations.journal.exposure import units
from backend.integrations.journal.journal import SqliteJournal
from backend.integrations.journal.schema import MIGRATIONS
from backend.integrations.journal.verify import verify
from tests.integrations.journal.test_journal import NOW, attempt, fill, intent


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    opened = SqliteJournal.open(tmp_path / "journal.sqlite")
    yield opened
    await opened.close()


async def accept(journal: SqliteJournal, name: str = "a", **changes: object) -> None:
    order = intent(name)
    await journal.accept(order, body_hash=body_hash(order), now=NOW, valid_until=NOW + 30, **changes)  # type: ignore[arg-type]


async def test_the_last_room_under_a_cap_is_given_once(journal: SqliteJournal) -> None:
    """Two orders that fit alone and not together: the second is refused, and leaves nothing behind."""
    for name in ("a", "b"):
        await accept(journal, name)
    await journal.open_attempt(attempt("a"), worst_price=Decimal(100), cap=Decimal(300))
    with pytest.raises(OverCap):
        await journal.open_attempt(attempt("b"), worst_price=Decimal(100), cap=Decimal(300))
    record = await journal.get("b")
    assert record is not None
    assert (record.state, record.attempts) == (IntentState.NEW, ())
    assert [one.attempt_id for one in (await journal.exposure()).reservations] == ["a/1"]
    await journal.open_attempt(attempt("b"), worst_price=Decimal(100), cap=None)


@pytest.mark.parametrize(
    ("state", "proof", "fills", "position"),
    [
        (AttemptState.CLOSED, Proof.TERMINAL_STATE, ("1", "0.5"), {"binance": Decimal("149.85014986")}),
        (AttemptState.REJECTED, Proof.DEFINITE_REJECT, (), {}),
    ],
)
async def test_an_end_frees_the_reservation_and_keeps_what_executed(
    journal: SqliteJournal,
    state: AttemptState,
    proof: Proof,
    fills: tuple[str, ...],
    position: dict[str, Decimal],
) -> None:
    """In the intent's quote, by the rate that stands in the frozen request."""
    await accept(journal)
    converted = replace(attempt(), order=replace(attempt().order, rate=Decimal("1.001")))
    await journal.open_attempt(converted, worst_price=Decimal(100), cap=Decimal(1_000))
    booked = [fill(part, trade=f"t{number}") for number, part in enumerate(fills)]
    await journal.step_attempt("a/1", state, now=NOW, venue_order_id="o1", proof=proof, fills=booked)
    state_now = await journal.exposure()
    assert state_now.reservations == ()
    assert {one.venue: one.amount for one in state_now.positions} == position


async def test_a_ghost_stays_until_a_look_after_its_time(journal: SqliteJournal) -> None:
    """The reservation of an end that rests on time alone blocks the cap until somebody has looked later than that, and
    not found it: time that nobody has looked in proves nothing."""
    for name in ("a", "b"):
        await accept(journal, name)
    await journal.open_attempt(attempt("a"), worst_price=Decimal(100), cap=Decimal(300))
    await journal.step_attempt("a/1", AttemptState.UNKNOWN, now=NOW, outcome_reason=UnknownReason.TIMEOUT)
    await journal.step_attempt("a/1", AttemptState.CLOSED, now=NOW, proof=Proof.DEADLINE, ghost_until=NOW + 900)
    assert [(ghost.attempt.id, ghost.until) for ghost in await journal.ghosts()] == [("a/1", NOW + 900)]
    later = replace(attempt("b"), opened_at=NOW + 900)
    assert not await journal.lay_ghost("a/1", looked_at=NOW + 899)
    with pytest.raises(OverCap):
        await journal.open_attempt(later, worst_price=Decimal(100), cap=Decimal(300))
    assert await journal.lay_ghost("a/1", looked_at=NOW + 900)
    await journal.open_attempt(later, worst_price=Decimal(100), cap=Decimal(300))
    assert await journal.ghosts() == ()
    assert not await journal.lay_ghost("b/1", looked_at=NOW + 9_000)


async def test_the_account_whose_proof_was_wrong_is_halted(journal: SqliteJournal) -> None:
    """At binance a proof by time was wrong: it is halted with the booking, although no more than asked for has executed
    yet. Kraken, which then fills what it was sent, is not."""
    await accept(journal)
    await journal.open_attempt(attempt(), worst_price=Decimal(100))
    await journal.step_attempt("a/1", AttemptState.UNKNOWN, now=NOW, outcome_reason=UnknownReason.TIMEOUT)
    await journal.step_attempt("a/1", AttemptState.CLOSED, now=NOW, proof=Proof.DEADLINE, ghost_until=NOW + 900)
    await journal.open_attempt(attempt(number=2, venue="kraken"), worst_price=Decimal(100))
    late = fill("1.50")
    await journal.step_attempt("a/1", AttemptState.CLOSED, now=NOW, venue_order_id="o1", fills=[late], whole=True)
    assert [(halt.venue, "proven dead" in halt.problem) for halt in await journal.halts()] == [("binance", True)]
    assert [one.attempt_id for one in (await journal.exposure()).reservations] == ["a/2"]
    other = replace(fill("1.50"), venue="kraken", venue_order_id="o2")
    record = await journal.step_attempt(
        "a/2", AttemptState.CLOSED, now=NOW, venue_order_id="o2", proof=Proof.TERMINAL_STATE, fills=[other]
    )
    assert record.filled == Decimal("3.00")
    assert [(halt.venue, halt.problem) for halt in await journal.halts()] == [
        ("binance", "order a executed 3.00 of 1.50")
    ]
    assert verify(_path(journal)).problems == ()


async def test_a_cancel_is_kept_and_closes_the_door(journal: SqliteJournal) -> None:
    """Stored once; from then on no attempt is opened, and a final order stays what it is."""
    await accept(journal)
    first = await journal.request_cancel("a", now=NOW + 1)
    again = await journal.request_cancel("a", now=NOW + 2)
    assert first.cancel_requested_at == again.cancel_requested_at == NOW + 1
    with pytest.raises(IntentCancelled):
        await journal.open_attempt(attempt(), worst_price=Decimal(100))
    await journal.step_intent("a", IntentState.REJECTED, now=NOW, reason=EndReason.CANCELLED)
    assert (await journal.request_cancel("a", now=NOW + 3)).state is IntentState.REJECTED
    with pytest.raises(UnknownOrder):
        await journal.request_cancel("nobody", now=NOW)
    assert verify(_path(journal)).problems == ()


@pytest.mark.parametrize("legs", [("1", "0.4"), ("1.5", "0.1"), ("2", "-0.5")])
async def test_legs_that_do_not_add_up_are_refused(journal: SqliteJournal, legs: tuple[str, ...]) -> None:
    """Less, more, or a part below zero: nothing is stored."""
    with pytest.raises(JournalError, match="do not add up"):
        await accept(journal, legs=tuple(Decimal(leg) for leg in legs))
    assert await journal.get("a") is None


async def test_each_leg_has_its_own_open_attempt_and_its_own_quantity(journal: SqliteJournal) -> None:
    """Two legs may be out at a time, a leg only once; no leg gets more than its part, and there is no third one."""
    await accept(journal, legs=(Decimal(1), Decimal("0.5")))
    await journal.open_attempt(attempt(quantity="1"), worst_price=Decimal(100))
    second = replace(attempt(number=2, quantity="0.5", venue="kraken"), leg=2)
    with pytest.raises(JournalError, match="still open"):
        await journal.open_attempt(replace(second, leg=1), worst_price=Decimal(100))
    with pytest.raises(JournalError, match=r"exceed the 0\.5 of leg 2"):
        await journal.open_attempt(
            replace(attempt(number=2, quantity="0.6", venue="kraken"), leg=2), worst_price=Decimal(100)
        )
    with pytest.raises(JournalError, match="no leg 3"):
        await journal.open_attempt(replace(second, leg=3), worst_price=Decimal(100))
    record = await journal.open_attempt(second, worst_price=Decimal(100))
    assert (record.blocked, record.remaining) == (Decimal("1.5"), Decimal(0))
    assert verify(_path(journal)).problems == ()


async def test_a_start_walks_through_no_table_that_grows(journal: SqliteJournal) -> None:
    """With a million closed orders a start has to be as quick as with none: everything it asks goes by an index."""
    await accept(journal)

    def planned(db: sqlite3.Connection) -> dict[str, list[str]]:
        asked: list[str] = []
        db.set_trace_callback(asked.append)
        exposure.state(db)
        store.unfinished(db)
        store.ghosts(db)
        exposure.halts(db)
        checkpoint.check(db)
        store.recent(db, 20)
        db.set_trace_callback(None)
        reads = [one for one in asked if one.startswith("SELECT")]
        return {one: [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {one}")] for one in reads}

    plans = await journal._writer.do(planned)
    assert len(plans) >= 6
    grows = ("SCAN intent", "SCAN attempt", "SCAN fill", "SCAN event", "SCAN send", "SCAN leg")
    bounded = ("intent_unfinished", "LIMIT")
    walks = [
        (statement, step)
        for statement, steps in plans.items()
        for step in steps
        if step.startswith(grows) and not any(word in f"{step} {statement}" for word in bounded)
    ]
    assert walks == []


def test_units_are_rounded_away_from_zero() -> None:
    """A reservation is never smaller than what it stands for; an amount beyond all reason is refused."""
    assert (units(Decimal("0.000000011")), units(Decimal("-0.000000011"))) == (2, -2)
    with pytest.raises(JournalError):
        units(Decimal("1e12"))


async def test_a_journal_of_the_first_version_is_brought_up(tmp_path: Path) -> None:
    """Its orders get their leg, its open attempts their reservation, its fills their position; it verifies."""
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal.open(path)
    for name in ("a", "b"):
        await accept(journal, name)
    sell = attempt("a")
    sell = replace(sell, order=replace(sell.order, side=Side.SELL))
    await journal.open_attempt(sell, worst_price=Decimal(100))
    sold = replace(fill(), side=Side.SELL)
    await journal.step_attempt(
        "a/1", AttemptState.CLOSED, now=NOW, venue_order_id="o1", proof=Proof.TERMINAL_STATE, fills=[sold]
    )
    await journal.open_attempt(attempt("b", venue="kraken"), worst_price=Decimal(100))
    before = await journal.exposure()
    await journal.close()
    _first_version(path)
    journal = SqliteJournal.open(path)
    after = await journal.exposure()
    record = await journal.get("a")
    await journal.close()
    assert after == before
    assert record is not None
    assert [leg.quantity for leg in record.legs] == [Decimal("1.50")]
    assert verify(path).problems == ()


def _first_version(path: Path) -> None:
    """Takes away what the second version added."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        for table in ("leg", "reservation", "position", "exposure", "halt"):
            db.execute(f"DROP TABLE {table}")
        db.execute("DROP INDEX attempt_one_open")
        db.execute("DROP INDEX attempt_venue_order")
        for table, column in (
            ("intent", "pinned"),
            ("intent", "cancel_requested_at"),
            ("attempt", "leg"),
            ("fill", "provisional"),
        ):
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        index = next(one for one in MIGRATIONS[0].split(";") if "attempt_one_open" in one)
        db.execute(index)
        db.execute("PRAGMA user_version = 1")


def _path(journal: SqliteJournal) -> Path:
    assert journal._path is not None
    return journal._path
