"""An order that nobody finds: proven dead by its deadline, found after all, or parked; and moved only on the proof."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from backend.config import Limits
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import OrderRef, OrderReport, OrderStatus
from backend.domain.outcomes import CancelState
from backend.domain.reasons import EndReason
from backend.policies.horizon import GHOST_S, Missing
from backend.services.execution.resolving import Word
from tests.fakes.exchange import FakeExchange
from tests.services.execution.conftest import Desk, buy

PATIENT_S = 300.0


@pytest.fixture(autouse=True)
def clocks(desk: Desk) -> None:
    """The venues' clocks are right."""
    for venue in desk.venues.values():
        venue.clock = desk.clock


async def test_an_absent_order_is_proven_dead_and_moves(desk: Desk) -> None:
    """Nothing arrived: after the horizon, a cancel and two endpoints the remainder goes to the next exchange, once."""
    desk.venues["binance"].script.append("vanish")
    began = desk.clock.now()
    result = await desk.router.submit(buy(exchange="binance", valid_until=began + PATIENT_S))
    first, second = result.attempts
    assert (first.state, first.proof, first.filled) == (AttemptState.CLOSED, Proof.DEADLINE, Decimal(0))
    assert first.closed_at is not None
    assert first.closed_at > first.order.not_after + 4
    assert "no such order; not found by query at" in first.evidence
    assert (result.state, result.venues, second.venue) == (IntentState.DONE, ("kraken",), "kraken")
    assert len(desk.venues["binance"].placed) == len(desk.venues["kraken"].placed) == 1
    asked = desk.venues["binance"].calls
    assert asked.index("cancel_order") < asked.index("search_order")


async def test_the_horizon_is_never_moved(desk: Desk) -> None:
    """Before it no cancel is sent and nothing is proven, however often nobody finds the order."""
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    task = desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S))
    result = await task
    horizon = result.attempts[0].order.not_after + 1 + 2 + 2
    assert result.attempts[1].opened_at > horizon


async def test_a_search_that_outlasts_the_venues_memory_proves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It began in time, but by its last page the venue may have forgotten the order: parked, and not moved."""
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    search = binance.search_order

    async def slowly(ref: OrderRef) -> OrderReport | None:
        desk.clock.advance(binance.rules.lookup_retention_s.value)
        return await search(ref)

    monkeypatch.setattr(binance, "search_order", slowly)
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S))
    assert (result.state, result.attempts[0].state) == (IntentState.PARKED, AttemptState.UNKNOWN)
    assert desk.venues["kraken"].placed == []


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.99])
async def test_whole_seconds_only_make_the_proof_later(desk: Desk, fraction: float) -> None:
    """A time endpoint that cuts off the fraction tells too little, never too much: the horizon is past indeed."""
    binance = desk.venues["binance"]
    binance.behave(clock_resolution_s=1.0)
    binance.script.append("vanish")
    desk.clock.advance(fraction)
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S))
    first, second = result.attempts
    assert first.proof is Proof.DEADLINE
    assert second.opened_at > first.order.not_after + 1 + 2 + 2


@pytest.mark.parametrize(("hidden", "cancels_nothing"), [(100, False), (7, True)], ids=["the cancel", "a look-up"])
async def test_an_order_that_turns_up_is_never_moved(desk: Desk, hidden: int, cancels_nothing: bool) -> None:
    """The cancel is answered as done, or the lists have it: it was there, so nothing is sent elsewhere."""
    binance = desk.venues["binance"]
    binance.script.append("lost")
    binance.partial = Decimal("0.4")
    binance.hidden_lookups = hidden
    binance.cancels_nothing = cancels_nothing
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S))
    assert result.attempts[0].proof is not Proof.DEADLINE
    moved = sum((order.quantity for order in desk.venues["kraken"].placed), Decimal(0))
    assert moved + Decimal("0.4") <= Decimal(1)


LACKING: dict[str, Callable[[FakeExchange], None]] = {
    "its clock": lambda venue: setattr(venue, "clock", None),
    "a cancel that is answered": lambda venue: venue.refuses.add("cancel_order"),
    "the second endpoint": lambda venue: venue.refuses.add("search_order"),
    "a deadline": lambda venue: venue.behave(deadline=False),
}


@pytest.mark.parametrize("lacks", LACKING)
async def test_without_one_part_of_the_proof_it_is_parked(desk: Desk, lacks: str) -> None:
    """Whatever part is missing: nothing moves, the quantity stays blocked."""
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    LACKING[lacks](binance)
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S))
    assert (result.state, result.blocked) == (IntentState.PARKED, Decimal(1))
    assert desk.venues["kraken"].placed == []


async def test_an_order_that_is_not_wanted_any_more_ends(desk: Desk) -> None:
    """Its time is over when the proof comes: it ends without a second attempt, nothing stays blocked."""
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + 8))
    assert (result.state, result.reason, result.blocked) == (IntentState.REJECTED, EndReason.EXPIRED, Decimal(0))
    assert [attempt.proof for attempt in result.attempts] == [Proof.DEADLINE]


async def test_a_parked_order_is_freed_by_the_proof(desk: Desk) -> None:
    """The venue was silent through the window; when it speaks again the review proves the order dead."""
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    binance.silent = True
    parked = await desk.router.submit(buy(exchange="binance"))
    assert parked.state is IntentState.PARKED
    binance.silent = False
    (freed,) = await desk.router.review()
    assert (freed.state, freed.blocked) == (IntentState.REJECTED, Decimal(0))
    assert freed.attempts[0].proof is Proof.DEADLINE


async def test_a_ghost_keeps_its_reservation_for_a_while(desk: Desk) -> None:
    """Proven by time alone: its amount still counts against the cap, until a look after its time has laid the ghost."""
    await desk.configure(limits=Limits(per_order=Decimal(1_000), per_exchange=Decimal(150)))
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    await desk.router.submit(buy("one", exchange="binance", valid_until=desk.clock.now() + PATIENT_S))
    assert desk.exposure.of("binance").reserved > 100
    second = await desk.router.submit(buy("two", exchange="binance"))
    assert "binance" not in second.venues
    desk.clock.advance(GHOST_S + 1)
    await desk.router.review()
    third = await desk.router.submit(buy("three", exchange="binance"))
    assert third.venues == ("binance",)


NEVER = 10**6
"""More look-ups than anybody makes."""


def lost_from_sight(venue: FakeExchange, filled: str) -> None:
    """The next order arrives and executes in part, its answer is lost, and neither endpoint ever shows it."""
    venue.script.append("lost")
    venue.partial = Decimal(filled)
    venue.hidden_lookups, venue.lists_nothing = NEVER, True


def lacked(desk: Desk) -> set[object]:
    """What the rounds so far have lacked."""
    return {fields["lacks"] for _, text, fields in desk.telemetry.records if text == "Absence not proven"}


async def test_an_order_that_has_ended_already_is_never_proven_absent(desk: Desk) -> None:
    """The venue answers the cancel with "already completed": it was there, whatever the look-ups do not show."""
    binance = desk.venues["binance"]
    lost_from_sight(binance, "1")
    binance.ended_is_called = CancelState.ENDED
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S))
    assert (result.state, result.blocked) == (IntentState.PARKED, Decimal(1))
    assert lacked(desk) == {Missing.SEEN.value}
    assert desk.venues["kraken"].placed == []


async def test_an_answer_that_may_be_about_an_ended_order_is_no_part_of_a_proof(desk: Desk) -> None:
    """ "Not open" says neither: nothing is proven by it, and nothing is believed to be there for ever either."""
    binance = desk.venues["binance"]
    lost_from_sight(binance, "1")
    binance.ended_is_called = CancelState.NOT_OPEN
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S))
    assert result.state is IntentState.PARKED
    assert lacked(desk) == {Missing.CANCEL.value}
    assert not result.attempts[0].seen


async def seen_once(desk: Desk) -> None:
    """An order rests unseen with 0.4 executed; the first cancel of it is taken, later ones find nothing."""
    binance = desk.venues["binance"]
    lost_from_sight(binance, "0.4")
    executed = binance._execute

    def resting(order: object) -> object:
        report = executed(order)  # type: ignore[arg-type]
        binance.reports[report.venue_order_id] = replace(report, status=OrderStatus.OPEN)
        return report

    binance._execute = resting  # type: ignore[method-assign,assignment]
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S))
    assert binance.cancelled == ["1"]
    assert (result.state, result.blocked, result.unresolved_until) == (IntentState.PARKED, Decimal(1), None)


async def test_a_cancel_that_was_taken_is_never_forgotten(desk: Desk) -> None:
    """It told that the order was there: no later round proves it dead, in this process or the next, until it shows."""
    await seen_once(desk)
    assert "the exchange answered: cancelled" in (await desk.journal.recent())[0].attempts[0].evidence
    await desk.restart()
    for _ in range(3):
        desk.clock.advance(60)
        await desk.router.review()
    record = await desk.journal.get("order-1")
    assert record is not None
    assert (record.state, record.blocked) == (IntentState.PARKED, Decimal(1))
    assert desk.venues["kraken"].placed == []
    desk.venues["binance"].lists_nothing = False
    desk.venues["binance"].hidden_lookups = 1
    await desk.router.review()
    record = await desk.journal.get("order-1")
    assert record is not None
    assert (record.attempts[0].proof, record.attempts[0].filled) == (Proof.TERMINAL_STATE, Decimal("0.4"))


async def test_an_operator_ends_what_was_seen_once(desk: Desk) -> None:
    """Somebody's word is the other way out."""
    await seen_once(desk)
    record = await desk.router.resolve("order-1", Word(Decimal("0.4"), "order history"))
    assert (record.state, record.filled, record.blocked) == (IntentState.DONE_SHORT, Decimal("0.4"), Decimal(0))


async def test_one_wrong_answer_of_the_time_endpoint_proves_nothing(desk: Desk) -> None:
    """Right after the send, at a restart, it is 200 s ahead: the order may yet execute, and is not even cancelled."""
    binance = desk.venues["binance"]
    desk.clock.pace_s = 0.001
    binance.gate = asyncio.Event()
    sending = asyncio.create_task(desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S)))
    while not binance.placed:  # noqa: ASYNC110 - the fake has no event for it
        await asyncio.sleep(0)
    binance.gate = None
    binance.ahead_s = 200.0
    await desk.restart()
    sending.cancel()
    binance.ahead_s = 0.0
    record = await desk.journal.get("order-1")
    assert record is not None
    assert record.attempts[0].proof is None
    assert "cancel_order" not in binance.calls
    assert desk.venues["kraken"].placed == []


async def test_what_is_known_of_a_clock_outweighs_two_that_were_set(desk: Desk) -> None:
    """Its answer and our own clock are both 200 s ahead all at once: earlier answers tell that this cannot be."""
    binance = desk.venues["binance"]
    binance.script.append("vanish")
    desk.clock.pace_s = 60.0
    sending = asyncio.create_task(desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S)))
    record = None
    while record is None or not record.attempts or record.attempts[0].state is not AttemptState.UNKNOWN:
        record = await desk.journal.get("order-1")
    desk.clock.wall_ahead_s = 200.0
    attempts = desk.router._lifecycle.attempts
    assert await attempts.prove_absent(record.attempts[0], binance, 1) is None
    assert "cancel_order" not in binance.calls
    sending.cancel()


async def test_a_venue_whose_clock_is_wrong_for_long_proves_nothing_too_soon(desk: Desk) -> None:
    """All its answers are 200 s ahead, so they agree with each other: our own clock has to be past the horizon too."""
    binance = desk.venues["binance"]
    binance.ahead_s = 200.0
    binance.script.append("vanish")
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S))
    first, second = result.attempts
    assert first.proof is Proof.DEADLINE
    assert second.opened_at > first.order.not_after + 1 + 2 + 2


async def test_our_own_clock_alone_proves_nothing_either(desk: Desk) -> None:
    """The venue's clock is an hour behind ours, by its own answers: it is not past the deadline."""
    binance = desk.venues["binance"]
    binance.ahead_s = -3_600.0
    binance.script.append("vanish")
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S))
    assert result.state is IntentState.PARKED
    assert "cancel_order" not in binance.calls


async def test_a_venue_that_does_not_find_a_known_order_proves_nothing(desk: Desk) -> None:
    """An order that it has executed and told of is not found either, so "not found" means nothing there."""
    binance = desk.venues["binance"]
    assert (await desk.router.submit(buy("known", exchange="binance"))).venues == ("binance",)
    desk.clock.advance(10)
    binance.script.append("vanish")
    binance.hidden_lookups = NEVER
    result = await desk.router.submit(buy(exchange="binance", valid_until=desk.clock.now() + PATIENT_S))
    assert result.state is IntentState.PARKED
    assert lacked(desk) == {Missing.CONTROL.value}
    binance.hidden_lookups = 0
    await desk.router.review()
    record = await desk.journal.get("order-1")
    assert record is not None
    assert record.attempts[0].proof is Proof.DEADLINE
    assert binance.calls[-4:].count("get_order") == 2
