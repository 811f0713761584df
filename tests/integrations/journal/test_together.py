"""Orders that are stored together: as if each had come alone, in less time."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from decimal import Decimal
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.errors import IdempotencyConflict, JournalError
from backend.domain.orders import Intent, OnUnknown, OrderType, Side, TimeInForce
from backend.integrations.journal import chain
from backend.integrations.journal.bulk import AT_ONCE
from backend.integrations.journal.journal import SqliteJournal
from backend.integrations.journal.rows import intent_body, intent_of
from backend.integrations.journal.verify import verify
from tests.integrations.journal.test_journal import NOW, accept, intent

TEXTS = st.text(max_size=12)
AMOUNTS = st.decimals(min_value="0.00000001", max_value="1000000", places=8)
TIMES = st.floats(min_value=0, max_value=1e11)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    opened_journal = SqliteJournal.open(tmp_path / "journal.sqlite")
    yield opened_journal
    await opened_journal.close()


@pytest.mark.parametrize("number", [2, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE + 5])
async def test_what_is_stored_together_reads_back_one_by_one(
    journal: SqliteJournal, tmp_path: Path, number: int
) -> None:
    """However many wait, each waiter gets its own order, the journal the same, and the chain is whole."""
    told = await asyncio.gather(*(accept(journal, intent(f"o{place}")) for place in range(number)))
    assert [record.intent.id for record in told] == [f"o{place}" for place in range(number)]
    assert [await journal.get(record.intent.id) for record in told] == told
    assert [event.seq for event in await journal.events(0, 100)] == list(range(1, number + 1))
    assert await journal.verify_chain() == []
    await journal.close()
    assert verify(tmp_path / "journal.sqlite").problems == ()


async def test_one_that_is_refused_leaves_the_others(journal: SqliteJournal) -> None:
    """Among orders that wait together, a repeat is answered with what is stored, a contradiction is refused, legs that
    do not add up too, and all others are stored, once."""
    await accept(journal, intent("old"))
    wrong = journal.accept(
        intent("legs", "2"), body_hash="x", now=NOW, valid_until=NOW + 30, legs=(Decimal(1), Decimal(3))
    )
    outcomes = await asyncio.gather(
        accept(journal, intent("first")),
        accept(journal, intent("old")),
        accept(journal, intent("old", "7")),
        wrong,
        accept(journal, intent("twice")),
        accept(journal, intent("twice")),
        accept(journal, intent("last")),
        return_exceptions=True,
    )
    kinds = [type(one) if isinstance(one, BaseException) else one.intent.id for one in outcomes]
    assert kinds == ["first", "old", IdempotencyConflict, JournalError, "twice", "twice", "last"]
    assert [event.intent_id for event in await journal.events(0, 100)] == ["old", "first", "twice", "last"]
    assert await journal.verify_chain() == []


async def test_the_order_of_the_queue_stays(journal: SqliteJournal) -> None:
    """What waits between two orders happens between them."""
    await asyncio.gather(
        accept(journal, intent("a")),
        accept(journal, intent("b")),
        journal.request_cancel("b", now=NOW),
        accept(journal, intent("c")),
        accept(journal, intent("d")),
    )
    happened = [(event.kind, event.intent_id) for event in await journal.events(0, 100)]
    accepted = "intent_accepted"
    assert happened == [(accepted, "a"), (accepted, "b"), ("cancel_requested", "b"), (accepted, "c"), (accepted, "d")]


async def test_the_mark_moves_in_the_middle_of_a_group(journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark stands at an event whose number asks for it, also when others follow in the same statement."""
    monkeypatch.setattr(chain, "CHECKED_EVERY", 10)
    await asyncio.gather(*(accept(journal, intent(f"o{place}")) for place in range(25)))
    meta = await journal._writer.do(chain.meta)
    links = await journal._writer.do(lambda db: dict(db.execute("SELECT seq, chain FROM event").fetchall()))
    assert (meta["checked_seq"], meta["checked_link"]) == ("20", links[20])


@given(
    made=st.builds(
        Intent,
        id=TEXTS,
        strategy_id=TEXTS,
        symbol=TEXTS,
        side=st.sampled_from(Side),
        quantity=AMOUNTS,
        order_type=st.sampled_from(OrderType),
        limit_price=st.none() | AMOUNTS,
        slippage_bps=st.none() | AMOUNTS,
        exchange=st.none() | TEXTS,
        valid_until=st.none() | TIMES,
        time_in_force=st.sampled_from(TimeInForce),
        on_unknown=st.sampled_from(OnUnknown),
        overfill_budget=AMOUNTS,
    )
)
def test_the_body_is_canonical_json_of_every_field(made: Intent) -> None:
    """The body, which is spelt out for speed, is what the general encoder writes, and reads back as the same order."""

    def text(value: object) -> str:
        return str(value.value) if isinstance(value, Enum) else format(value, "f")

    values = {field.name: getattr(made, field.name) for field in fields(Intent)}
    assert intent_body(made) == json.dumps(values, sort_keys=True, separators=(",", ":"), default=text)
    assert intent_of(intent_body(made)) == made


@pytest.mark.parametrize("at", [0.0, 1e-7, 1e22, float("inf"), NOW])
def test_a_link_is_the_hash_of_canonical_json(at: float) -> None:
    """The link is what the first version of the journal wrote: an old chain stays whole."""
    parts = ("0" * 64, at, "kind", 'a "quoted" å id', None, '{"a":"b\\n"}')
    assert chain._link(*parts) == hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()
    named = replace(intent("x"), id='a "quoted" å id')
    assert json.loads(intent_body(named))["id"] == named.id
