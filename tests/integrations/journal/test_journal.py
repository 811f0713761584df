"""The durable record: what is promised to be stored is stored, what is refused leaves no trace, and one at a time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.domain.errors import (
    IdempotencyConflict,
    IllegalTransition,
    JournalCorrupt,
    JournalError,
    JournalLocked,
    QuantumTraderError,
)
from backend.domain.ids import body_hash
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Fill, Intent, Side, TimeInForce, VenueOrder
from backend.domain.reasons import EndReason, ParkReason, RejectReason, UnknownReason
from backend.domain.records import Attempt, IntentRecord
from backend.integrations.journal.journal import SqliteJournal
from backend.integrations.journal.rows import order_of, request_body
from backend.integrations.journal.schema import VERSION

NOW = 1_700_000_000.25
ROOT = Path(__file__).resolve().parents[3]


def intent(intent_id: str = "a", quantity: str = "1.50") -> Intent:
    return Intent.create(id=intent_id, symbol="BTC/USDT", side="buy", quantity=quantity, slippage_bps="12.5")


def attempt(intent_id: str = "a", number: int = 1, quantity: str = "1.5", venue: str = "binance") -> Attempt:
    order = VenueOrder(
        venue=venue,
        attempt_id=f"{intent_id}/{number}",
        client_id=f"{intent_id}-{number}" if venue != "firi" else "",
        symbol="BTC/USDT",
        side=Side.BUY,
        quantity=Decimal(quantity),
        price=Decimal("100.10"),
        time_in_force=TimeInForce.IOC,
        created_at=NOW,
        not_after=NOW + 5,
    )
    return Attempt(
        id=order.attempt_id,
        intent_id=intent_id,
        number=number,
        order=order,
        reserved_notional=Decimal("150.15"),
        state=AttemptState.OPEN,
        opened_at=NOW,
    )


def fill(quantity: str = "1.5", trade: str = "t1", order: str = "o1", price: str = "100") -> Fill:
    return Fill(
        "binance",
        "BTC/USDT",
        order,
        trade,
        Side.BUY,
        Decimal(quantity),
        Decimal(price),
        Decimal("0.0015"),
        "BTC",
        NOW,
    )


async def accept(journal: SqliteJournal, wanted: Intent) -> IntentRecord:
    return await journal.accept(wanted, body_hash=body_hash(wanted), now=NOW, valid_until=NOW + 30)


async def opened(journal: SqliteJournal, tried: Attempt) -> IntentRecord:
    return await journal.open_attempt(tried, worst_price=Decimal("100.5"))


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    opened_journal = SqliteJournal.open(tmp_path / "journal.sqlite")
    yield opened_journal
    await opened_journal.close()


async def test_a_whole_life_reads_back_exactly(tmp_path: Path) -> None:
    """Every value of an intent, its attempts and its fills survives closing and opening, to the digit."""
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal.open(path)
    await accept(journal, intent())
    await opened(journal, attempt(quantity="1.0"))
    await journal.step_attempt(
        "a/1",
        AttemptState.UNKNOWN,
        now=NOW + 1,
        outcome_reason=UnknownReason.TIMEOUT,
        evidence="sent, timeout",
        lookups=2,
    )
    await journal.step_attempt(
        "a/1", AttemptState.WORKING, now=NOW + 2, venue_order_id="o1", settled_by="look-up 3", lookups=3
    )
    await journal.step_attempt(
        "a/1", AttemptState.CLOSED, now=NOW + 3, proof=Proof.TERMINAL_STATE, fills=[fill("0.4"), fill("0.6", "t2")]
    )
    await opened(journal, attempt(number=2, quantity="0.5", venue="kraken"))
    before = await journal.step_attempt(
        "a/2",
        AttemptState.REJECTED,
        now=NOW + 4,
        outcome_reason=RejectReason.INSUFFICIENT_FUNDS,
        proof=Proof.DEFINITE_REJECT,
    )
    before = await journal.step_intent("a", IntentState.DONE_SHORT, now=NOW + 5, reason=EndReason.LIQUIDITY)
    await journal.close()
    again = SqliteJournal.open(path)
    record = await again.get("a")
    assert record == before
    assert record is not None
    assert record.intent == intent()
    assert (record.filled, record.worst_price, record.reason) == (Decimal("1.0"), Decimal("100.5"), EndReason.LIQUIDITY)
    assert record.fills == (fill("0.4"), fill("0.6", "t2"))
    assert record.attempts[0].outcome_reason is UnknownReason.TIMEOUT
    assert record.attempts[1].outcome_reason is RejectReason.INSUFFICIENT_FUNDS
    assert await again.verify_chain() == []
    await again.close()


async def test_accept_is_idempotent(journal: SqliteJournal) -> None:
    """The same id and body gives the stored record; another body is refused and changes nothing."""
    first = await accept(journal, intent())
    assert await accept(journal, intent(quantity="1.5")) == first
    with pytest.raises(IdempotencyConflict):
        await accept(journal, intent(quantity="1.6"))
    assert await journal.get("a") == first


@pytest.mark.parametrize(
    ("second", "complaint"),
    [
        (attempt(number=2, quantity="0.5"), "still open"),
        (attempt(intent_id="nobody"), "not in the journal"),
    ],
)
async def test_one_open_attempt_at_a_time(journal: SqliteJournal, second: Attempt, complaint: str) -> None:
    """A second attempt is refused while one is open, whatever the program above believes."""
    await accept(journal, intent())
    await opened(journal, attempt(quantity="1.0"))
    with pytest.raises(JournalError, match=complaint):
        await opened(journal, second)


async def test_what_was_opened_is_told_as_it_is_stored(journal: SqliteJournal) -> None:
    """The record that a send rests on is the stored one, for the first attempt and for the next."""
    await accept(journal, intent())
    assert await opened(journal, attempt()) == await journal.get("a")
    await journal.step_attempt("a/1", AttemptState.REJECTED, now=NOW, proof=Proof.DEFINITE_REJECT)
    noisy = replace(attempt(number=2, venue="okx"), venue_order_id="x", evidence="x", lookups=3, closed_at=NOW)
    assert await opened(journal, noisy) == await journal.get("a")


def test_a_request_from_before_the_rate_stood_in_it() -> None:
    """The rate follows from the reservation, which was made at the request's own price then."""
    body = json.loads(request_body(attempt().order))
    del body["rate"]
    read = order_of(json.dumps(body), "75.075")
    assert read == replace(attempt().order, rate=Decimal(2))


async def test_the_database_itself_holds_one_open_attempt(journal: SqliteJournal, tmp_path: Path) -> None:
    """Even plain SQL past our checks cannot open two attempts of one intent, or use a client id twice."""
    await accept(journal, intent())
    await opened(journal, attempt(quantity="1.0"))
    other = sqlite3.connect(tmp_path / "journal.sqlite")
    copy = (
        "INSERT INTO attempt SELECT 'x', intent_id, 2, venue, account, {client_id}, request, quantity,"
        " reserved_notional, {state}, NULL, NULL, NULL, '', NULL, '', 0, opened_at, NULL, leg FROM attempt"
    )
    for client_id, state in (("'other'", "'open'"), ("client_id", "'closed'")):
        with pytest.raises(sqlite3.IntegrityError):
            other.execute(copy.format(client_id=client_id, state=state))
    other.close()


@pytest.mark.parametrize(
    ("tried", "complaint"),
    [(attempt(quantity="1.51"), "exceed"), (attempt(number=2), "does not follow")],
)
async def test_an_attempt_beyond_the_intent_is_refused(journal: SqliteJournal, tried: Attempt, complaint: str) -> None:
    """Fills and open attempts never add up to more than the intent, and numbers have no gaps."""
    await accept(journal, intent())
    with pytest.raises(JournalError, match=complaint):
        await opened(journal, tried)


async def test_the_remainder_counts_what_is_filled(journal: SqliteJournal) -> None:
    """After a partial fill only the rest can be attempted."""
    await accept(journal, intent())
    await opened(journal, attempt())
    await journal.step_attempt(
        "a/1",
        AttemptState.CLOSED,
        now=NOW,
        venue_order_id="o1",
        proof=Proof.TERMINAL_STATE,
        fills=[fill("1.0")],
    )
    with pytest.raises(JournalError, match="exceed"):
        await opened(journal, attempt(number=2, quantity="0.6"))
    record = await opened(journal, attempt(number=2, quantity="0.5"))
    assert record.remaining == 0


async def test_an_attempt_never_ends_without_a_proof(journal: SqliteJournal) -> None:
    """Neither a rejection nor a close is stored without one."""
    await accept(journal, intent())
    await opened(journal, attempt())
    for state in (AttemptState.REJECTED, AttemptState.CLOSED):
        with pytest.raises(JournalError, match="without a proof"):
            await journal.step_attempt("a/1", state, now=NOW)
    record = await journal.get("a")
    assert record is not None
    assert record.attempts[0].state is AttemptState.OPEN


async def test_illegal_steps_are_refused(journal: SqliteJournal) -> None:
    """The transition tables hold in the journal too; an intent cannot end over an open attempt."""
    await accept(journal, intent())
    with pytest.raises(IllegalTransition):
        await journal.step_intent("a", IntentState.DONE, now=NOW)
    await opened(journal, attempt())
    with pytest.raises(JournalError, match="is open"):
        await journal.step_intent("a", IntentState.DONE, now=NOW)
    await journal.step_attempt("a/1", AttemptState.UNKNOWN, now=NOW)
    with pytest.raises(IllegalTransition):
        await journal.step_attempt("a/1", AttemptState.REJECTED, now=NOW, proof=Proof.DEFINITE_REJECT)
    parked = await journal.step_intent("a", IntentState.PARKED, now=NOW, reason=ParkReason.NOT_FOUND_YET)
    assert parked.reason is ParkReason.NOT_FOUND_YET


async def test_fills_are_booked_once_and_never_change(journal: SqliteJournal) -> None:
    """The same trade again changes nothing; the same trade with other content is a contradiction."""
    await accept(journal, intent())
    await opened(journal, attempt())
    for _ in range(2):
        record = await journal.step_attempt(
            "a/1", AttemptState.WORKING, now=NOW, venue_order_id="o1", fills=[fill("0.5")]
        )
    assert record.filled == Decimal("0.5")
    with pytest.raises(JournalError, match="contradicts"):
        await journal.step_attempt("a/1", AttemptState.WORKING, now=NOW, fills=[fill("0.6")])


async def test_a_fact_beyond_the_intent_is_booked_all_the_same(journal: SqliteJournal, tmp_path: Path) -> None:
    """What an exchange executed is never refused; that it was too much is an event of its own."""
    await accept(journal, intent())
    await opened(journal, attempt())
    record = await journal.step_attempt(
        "a/1", AttemptState.CLOSED, now=NOW, venue_order_id="o1", proof=Proof.TERMINAL_STATE, fills=[fill("2.0")]
    )
    assert record.filled == Decimal("2.0")
    kinds = [row[0] for row in sqlite3.connect(tmp_path / "journal.sqlite").execute("SELECT kind FROM event")]
    assert "over_executed" in kinds


async def test_another_order_id_for_the_same_attempt_is_refused(journal: SqliteJournal) -> None:
    """An attempt is one order at its venue, for ever."""
    await accept(journal, intent())
    await opened(journal, attempt())
    await journal.step_attempt("a/1", AttemptState.WORKING, now=NOW, venue_order_id="o1")
    with pytest.raises(JournalError, match="o1"):
        await journal.step_attempt("a/1", AttemptState.WORKING, now=NOW, venue_order_id="o2")


async def test_waiting_writes_share_a_commit(journal: SqliteJournal) -> None:
    """Many orders at once cost few transactions, and a refused one among them harms nobody."""
    before = journal.commits
    wanted = [intent(f"order-{number}") for number in range(64)]
    results = await asyncio.gather(
        *(accept(journal, one) for one in wanted), accept(journal, intent("order-1", "9")), return_exceptions=True
    )
    assert sum(isinstance(result, IdempotencyConflict) for result in results) == 1
    assert sum(not isinstance(result, Exception) for result in results) == 64
    assert journal.commits - before < 16


async def test_a_waiter_that_goes_away_loses_nothing(journal: SqliteJournal) -> None:
    """The work of a cancelled waiter is stored all the same, and the journal goes on."""
    waiter = asyncio.create_task(accept(journal, intent()))
    await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    await accept(journal, intent("b"))
    assert {record.intent.id for record in await journal.recent()} == {"a", "b"}


async def test_a_unit_that_breaks_harms_nobody_else(journal: SqliteJournal) -> None:
    """Whatever one unit of work raises, its waiter is told and the thread serves the next one."""

    def broken(db: sqlite3.Connection) -> None:
        db.execute("UPDATE intent SET state = 'done'")
        raise ValueError("a bug")

    await accept(journal, intent())
    with pytest.raises(JournalError, match="a bug"):
        await journal._writer.do(broken)
    with pytest.raises(JournalError):
        await journal.step_intent("\ud800", IntentState.ACTIVE, now=NOW)
    kept = await journal.get("a")
    assert kept is not None
    assert kept.state is IntentState.NEW


async def test_a_full_disk_stops_the_journal(tmp_path: Path) -> None:
    """When a commit fails nothing is acknowledged, and nothing more is accepted; what was stored is there later."""
    path = tmp_path / "journal.sqlite"
    journal = SqliteJournal.open(path)
    await accept(journal, intent("stored"))
    await journal._writer.do(lambda db: db.execute("PRAGMA max_page_count = 30").fetchall())
    failed, told = None, ""
    for number in range(2_000):
        try:
            await accept(journal, intent(f"order-{number}"))
        except JournalError as error:
            failed, told = number, str(error)
            break
    assert failed is not None
    assert "nothing is accepted or sent" in told
    with pytest.raises(JournalError):
        await accept(journal, intent("later"))
    await journal.close()
    again = SqliteJournal.open(path)
    assert len(await again.recent(3_000)) == failed + 1
    assert await again.verify_chain() == []
    await again.close()


HOLDER = """
import asyncio, sys
from pathlib import Path
from decimal import Decimal
from tests.integrations.journal.test_journal import accept, attempt, intent, opened
from backend.integrations.journal.journal import SqliteJournal

async def main():
    journal = SqliteJournal.open(Path(sys.argv[1]))
    await accept(journal, intent())
    await opened(journal, attempt())
    print("committed", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def held(path: Path) -> subprocess.Popen[str]:
    """A process that holds the journal with one attempt open."""
    return subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)


async def test_one_process_and_survival_of_a_kill(tmp_path: Path) -> None:
    """While a process lives nobody else gets in; killed right after its commit, it leaves the open attempt behind."""
    path = tmp_path / "journal.sqlite"
    holder = held(path)
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == "committed"
    with pytest.raises(JournalLocked, match="another process"):
        SqliteJournal.open(path)
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    journal = SqliteJournal.open(path)
    (left,) = await journal.unfinished()
    assert left.open_attempt == replace(attempt(), state=AttemptState.OPEN)
    await journal.close()


async def test_a_journal_from_the_future_is_refused(tmp_path: Path) -> None:
    """A newer program's journal is not touched, and the lock is free again."""
    path = tmp_path / "journal.sqlite"
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    for _ in range(2):
        with pytest.raises(JournalCorrupt, match="newer"):
            SqliteJournal.open(path)


async def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    """Something else at that place is a typed error."""
    path = tmp_path / "journal.sqlite"
    path.write_text("this is not a database, but it is long enough to look at" * 100)
    with pytest.raises(JournalError, match="cannot be opened"):
        SqliteJournal.open(path)


async def test_the_chain_tells_tampering(journal: SqliteJournal, tmp_path: Path) -> None:
    """An altered or removed event breaks the chain."""
    for name in "abc":
        await accept(journal, intent(name))
    assert await journal.verify_chain() == []
    other = sqlite3.connect(tmp_path / "journal.sqlite")
    other.execute("UPDATE event SET data = '{}' WHERE seq = 2")
    other.commit()
    assert await journal.verify_chain() != []
    other.execute("DELETE FROM event WHERE seq = 2")
    other.commit()
    other.close()
    assert await journal.verify_chain() != []


async def test_incarnations_count_up_and_the_tag_stays(tmp_path: Path) -> None:
    """Each opening has a number of its own, so that its client ids differ from those of every other."""
    seen = []
    for _ in range(3):
        journal = SqliteJournal.open(tmp_path / "journal.sqlite")
        seen.append((journal.cluster_tag, journal.incarnation))
        await journal.close()
    assert len({tag for tag, _ in seen}) == 1
    assert [number for _, number in seen] == ["0001", "0002", "0003"]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.sampled_from(["0.5", "1.0", "1.5"])),
        st.tuples(st.just("step"), st.sampled_from(AttemptState)),
        st.tuples(st.just("end"), st.sampled_from(IntentState)),
    ),
    max_size=12,
)


@given(steps)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_sequence_breaks_the_rules(
    tmp_path_factory: pytest.TempPathFactory, sequence: list[tuple[str, str]]
) -> None:
    """Whatever is asked in whatever order: at most one open attempt, never more than the quantity, proofs for all."""

    async def play() -> None:
        journal = SqliteJournal.open(tmp_path_factory.mktemp("steps") / "journal.sqlite")
        await accept(journal, intent())
        number = 0
        for kind, value in sequence:
            try:
                if kind == "open":
                    await opened(journal, attempt(number=number + 1, quantity=value))
                    number += 1
                elif kind == "step":
                    state = AttemptState(value)
                    proof = Proof.TERMINAL_STATE if state.ended else None
                    await journal.step_attempt(f"a/{number}", state, now=NOW, proof=proof)
                else:
                    await journal.step_intent("a", IntentState(value), now=NOW)
            except QuantumTraderError:
                pass
            record = await journal.get("a")
            assert record is not None
            unsettled = [a for a in record.attempts if not a.state.ended]
            assert len(unsettled) <= 1
            assert record.filled + record.blocked <= record.intent.quantity
            assert all(a.proof is not None for a in record.attempts if a.state.ended)
            assert not (record.state.final and unsettled)
        assert await journal.verify_chain() == []
        await journal.close()

    asyncio.run(play())
