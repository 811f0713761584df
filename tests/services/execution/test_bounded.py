"""A caller who would rather have too much than wait: bounded by a budget, booked in full, and reserved twice."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backend.config import Limits
from backend.domain.errors import InvalidOrder, JournalError, NoRoom
from backend.domain.ids import body_hash
from backend.domain.lifecycle import IntentState, Proof
from backend.domain.orders import Intent
from backend.domain.reasons import DropReason, EndReason
from backend.domain.records import IntentRecord
from backend.integrations.journal.journal import SqliteJournal
from backend.integrations.journal.verify import verify
from backend.services.execution.resolving import Word, resolve
from tests.services.execution.conftest import Desk, buy


def bounded(desk: Desk, budget: str = "0.5") -> Intent:
    return buy(exchange="binance", valid_until=desk.clock.now() + 300, on_unknown="bounded", overfill_budget=budget)


async def relieved(desk: Desk, script: str = "vanish", budget: str = "0.5") -> None:
    """Its fate at binance is unknown, and binance is silent: the budget is tried at kraken."""
    binance = desk.venues["binance"]
    binance.clock = desk.clock
    binance.script.append(script)
    binance.silent = True
    result = await desk.router.submit(bounded(desk, budget))
    assert (result.state, result.blocked) == (IntentState.PARKED, Decimal(1))
    assert [order.quantity for order in desk.venues["kraken"].placed] == [Decimal(budget)]
    assert result.filled == Decimal(budget)


async def test_it_turns_out_dead(desk: Desk) -> None:
    """Only what the relief has not brought is placed then: the whole executes once."""
    await relieved(desk)
    desk.venues["binance"].silent = False
    await desk.router.review()
    record = await desk.journal.get("order-1")
    assert record is not None
    assert (record.state, record.filled) == (IntentState.DONE, Decimal(1))
    assert record.attempts[0].proof is Proof.DEADLINE
    assert verify(desk.path).problems == ()


async def test_it_turns_out_executed(desk: Desk) -> None:
    """Both executed: all of it is booked, within the budget, and nobody's account is halted."""
    await relieved(desk, script="lost")
    desk.venues["binance"].silent = False
    await desk.router.review()
    record = await desk.journal.get("order-1")
    assert record is not None
    assert (record.state, record.reason, record.filled) == (IntentState.DONE, EndReason.FILLED, Decimal("1.5"))
    assert await desk.journal.halts() == ()
    assert verify(desk.path).problems == ()


async def test_evidence_that_comes_before_the_relief_is_no_fault(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal knows of less that is missing than the drive: it decides anew, and the caller is not told of an
    unknown fate because of it."""
    add_leg = SqliteJournal.add_leg

    async def less_is_missing(self: SqliteJournal, *_: object, **__: object) -> IntentRecord:
        monkeypatch.setattr(SqliteJournal, "add_leg", add_leg)
        raise NoRoom("0.5 would exceed what is missing")

    monkeypatch.setattr(SqliteJournal, "add_leg", less_is_missing)
    await relieved(desk)


async def test_both_are_reserved(desk: Desk) -> None:
    """The uncertain attempt keeps its reservation, the relief needs its own, and the caps count it."""
    caps = Limits(per_order=Decimal(1_000), per_exchange=Decimal(1_000), per_venue={"kraken": Decimal(40)})
    await desk.configure(limits=caps)
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    binance.silent = True
    result = await desk.router.submit(bounded(desk))
    assert {drop.venue: drop.reason for drop in result.dropped}["kraken"] is DropReason.OVER_CAP
    assert desk.exposure.of("binance").reserved > 100


async def test_without_a_budget_nothing_changes(desk: Desk) -> None:
    """The default waits."""
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    binance.silent = True
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + 300))
    assert (result.state, result.filled) == (IntentState.PARKED, Decimal(0))
    assert desk.venues["kraken"].placed == []


async def test_an_operators_word_ends_the_uncertain_attempt(desk: Desk) -> None:
    """What the relief has brought stays, and the order ends with it."""
    await relieved(desk)
    record = await resolve(desk.journal, desk.clock, "order-1", Word(Decimal(0), "not in its history"))
    assert (record.state, record.filled) == (IntentState.DONE_SHORT, Decimal("0.5"))


async def test_the_journal_adds_no_leg_beyond_the_budget(desk: Desk) -> None:
    """Whatever the program above it asks for."""
    desk.venues["kraken"].partial = desk.venues["firi"].partial = Decimal("0.1")
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    binance.silent = True
    await desk.router.submit(bounded(desk))
    for quantity in ("0.0001", "0", "-1"):
        with pytest.raises(JournalError, match="would exceed"):
            await desk.journal.add_leg("order-1", Decimal(quantity), now=0.0)


async def test_the_journal_adds_no_leg_without_need(desk: Desk) -> None:
    """None while no attempt is open, and none for more than what has not executed, however much budget is left."""
    intent = bounded(desk, "1")
    await desk.journal.accept(intent, body_hash=body_hash(intent), now=0.0, valid_until=intent.valid_until or 0.0)
    with pytest.raises(JournalError, match="none of its attempts is open"):
        await desk.journal.add_leg("order-1", Decimal("0.1"), now=0.0)
    desk.venues["binance"].partial = Decimal("0.4")
    desk.venues["kraken"].script.append("vanish")
    desk.venues["kraken"].silent = True
    result = await desk.router.submit(intent)
    assert (result.filled, result.blocked) == (Decimal(1), Decimal("0.6"))
    with pytest.raises(JournalError, match="lacks"):
        await desk.journal.add_leg("order-1", Decimal("0.1"), now=0.0)


async def test_what_remains_is_never_negative(desk: Desk) -> None:
    """With two legs at work more may execute than was asked for: then nothing remains, for the whole or for a leg."""
    await relieved(desk)
    record = await desk.journal.get("order-1")
    assert record is not None
    assert record.filled + record.blocked > record.intent.quantity
    assert record.remaining == 0
    assert [record.room(leg.number) for leg in record.legs] == [0, 0]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"on_unknown": "bounded"}, "overfill_budget"),
        ({"overfill_budget": "0.1"}, "overfill_budget"),
        ({"on_unknown": "bounded", "overfill_budget": "2"}, "overfill_budget"),
        ({"on_unknown": "bounded", "overfill_budget": "-1"}, "overfill_budget"),
        ({"on_unknown": "perhaps"}, "on_unknown"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(changes: dict[str, object], field: str) -> None:
    """The field is named."""
    with pytest.raises(InvalidOrder) as refused:
        buy("order-1", "1", **changes)
    assert refused.value.field == field


async def test_relief_comes_while_the_order_is_still_wanted(desk: Desk) -> None:
    """Half a minute is what most orders live: relief that came only after the whole search would come too late."""
    binance = desk.venues["binance"]
    binance.clock = desk.clock
    binance.script.append("vanish")
    binance.silent = True
    began = desk.clock.now()
    intent = buy(exchange="binance", valid_until=began + 30, on_unknown="bounded", overfill_budget="0.5")
    result = await desk.router.submit(intent)
    assert [order.quantity for order in desk.venues["kraken"].placed] == [Decimal("0.5")]
    assert desk.venues["kraken"].placed[0].created_at - began <= 6.0
    assert (result.state, result.filled, result.blocked) == (IntentState.PARKED, Decimal("0.5"), Decimal(1))


async def test_the_search_goes_on_after_the_relief(desk: Desk) -> None:
    """The uncertain order is found later, in the same run, and both are booked."""
    binance = desk.venues["binance"]
    binance.clock = desk.clock
    binance.script.append("lost")
    binance.hidden_lookups = 5
    result = await desk.router.submit(bounded(desk))
    assert (result.state, result.filled) == (IntentState.DONE, Decimal("1.5"))


async def test_haste_without_relief_is_no_end(desk: Desk) -> None:
    """An order that expires during the short search gets no relief, and is looked for as long as any other."""
    binance = desk.venues["binance"]
    binance.clock = desk.clock
    binance.script.append("lost")
    binance.hidden_lookups = 5
    valid_until = desk.clock.now() + 3
    intent = buy(exchange="binance", valid_until=valid_until, on_unknown="bounded", overfill_budget="0.5")
    result = await desk.router.submit(intent)
    assert (result.state, result.filled) == (IntentState.DONE, Decimal(1))
    assert desk.venues["kraken"].placed == []
