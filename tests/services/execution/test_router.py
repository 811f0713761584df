"""One order's way: where it goes, what moves it, and above all what does not."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from backend.config import Limits
from backend.domain.approval import Approved
from backend.domain.errors import (
    IdempotencyConflict,
    InvalidOrder,
    OrderFateUnknown,
    RouterClosed,
    RouterHalted,
    UnknownExchange,
)
from backend.domain.lifecycle import AttemptState, IntentState, Proof
from backend.domain.orders import Intent
from backend.domain.outcomes import Outcome
from backend.domain.reasons import DropReason, EndReason, ParkReason, RejectReason, UnknownReason
from backend.policies.pricing import fingerprinted
from tests.fakes.exchange import not_sent, refused, unknown
from tests.services.execution.conftest import Desk, buy


def drops(result: object) -> dict[str, DropReason]:
    return {drop.venue: drop.reason for drop in result.dropped}  # type: ignore[attr-defined]


async def test_healthy_primary_takes_the_order(desk: Desk) -> None:
    """With a healthy primary the order is filled there, and nobody else is touched."""
    result = await desk.router.submit(buy())
    assert (result.state, result.reason, result.filled) == (IntentState.DONE, EndReason.FILLED, Decimal(1))
    assert result.venues == ("binance",)
    assert desk.venues["kraken"].calls == []
    assert result.attempts[0].proof is Proof.TERMINAL_STATE


async def test_unhealthy_primary_is_skipped(desk: Desk) -> None:
    """A primary that is down or degraded is dropped with that reason and the next one takes the order."""
    desk.venues["binance"].down = True
    desk.venues["kraken"].slow = True
    result = await desk.router.submit(buy())
    assert result.venues == ("firi",)
    assert drops(result)["binance"] is DropReason.UNHEALTHY
    assert drops(result)["kraken"] is DropReason.UNHEALTHY
    assert drops(result)["okx"] is DropReason.NO_ADAPTER
    assert desk.telemetry.failovers == [("binance", "firi")]


@pytest.mark.parametrize("outcome", [refused(), not_sent(), refused(RejectReason.RATE_LIMITED)])
async def test_a_proof_moves_the_order(desk: Desk, outcome: Outcome) -> None:
    """After a definite no, or when no byte left, the same order goes to the next venue and is filled once."""
    desk.venues["binance"].script.append(outcome)
    result = await desk.router.submit(buy())
    assert result.state is IntentState.DONE
    assert [a.venue for a in result.attempts] == ["binance", "kraken"]
    assert result.attempts[0].state is AttemptState.REJECTED
    assert result.filled == Decimal(1)


async def test_a_lost_answer_is_adopted_and_never_sent_again(desk: Desk) -> None:
    """Executed but the answer is lost: the look-ups find the order, and there was one place in all."""
    desk.venues["binance"].script.append("lost")
    desk.venues["binance"].hidden_lookups = 3
    result = await desk.router.submit(buy())
    assert (result.state, result.filled) == (IntentState.DONE, Decimal(1))
    assert len(desk.venues["binance"].placed) == 1
    assert desk.venues["kraken"].placed == []
    assert result.attempts[0].outcome_reason is UnknownReason.TIMEOUT
    assert result.attempts[0].settled_by == "look-up 4"


@pytest.mark.parametrize("reason", list(UnknownReason))
async def test_an_unknown_order_is_parked_not_moved(desk: Desk, reason: UnknownReason) -> None:
    """Whatever made it unknown: not found for the whole window is no proof, so nothing is sent elsewhere."""
    desk.venues["binance"].script.append(unknown(reason))
    result = await desk.router.submit(buy())
    assert (result.state, result.reason) == (IntentState.PARKED, ParkReason.NOT_FOUND_YET)
    assert (result.filled, result.blocked) == (Decimal(0), Decimal(1))
    assert desk.venues["kraken"].placed == []
    assert desk.venues["firi"].placed == []
    assert desk.exposure.of("binance").reserved > 0


async def test_a_silent_venue_parks_the_order(desk: Desk) -> None:
    """When no look-up is answered at all, the reason says so."""
    desk.venues["binance"].script.append("lost")
    desk.venues["binance"].silent = True
    result = await desk.router.submit(buy())
    assert (result.state, result.reason) == (IntentState.PARKED, ParkReason.VENUE_SILENT)


async def test_a_venue_without_client_ids_parks_at_once_and_blocks_its_market(desk: Desk) -> None:
    """Where nothing can be looked up, the order is parked, and that market takes no other order until it is settled."""
    desk.venues["firi"].script.append("vanish")
    first = await desk.router.submit(buy("one", exchange="firi"))
    assert (first.state, first.reason) == (IntentState.PARKED, ParkReason.NO_CLIENT_ID)
    second = await desk.router.submit(buy("two", exchange="firi"))
    assert drops(second)["firi"] is DropReason.UNRESOLVED_ORDER
    assert second.venues == ("binance",)
    assert len(desk.venues["firi"].placed) == 1


async def test_the_block_survives_a_restart(desk: Desk) -> None:
    """A market blocked by a parked order is still blocked for the next process."""
    desk.venues["firi"].script.append("vanish")
    await desk.router.submit(buy("one", exchange="firi"))
    await desk.restart()
    second = await desk.router.submit(buy("two", exchange="firi"))
    assert drops(second)["firi"] is DropReason.UNRESOLVED_ORDER


async def test_review_adopts_a_parked_order_that_shows_up_late(desk: Desk) -> None:
    """A parked order is looked for again; when it shows up it is booked and the intent ends."""
    desk.venues["binance"].script.append("lost")
    desk.venues["binance"].hidden_lookups = 50
    parked = await desk.router.submit(buy())
    assert parked.state is IntentState.PARKED
    desk.venues["binance"].hidden_lookups = 0
    (settled,) = await desk.router.review()
    assert (settled.state, settled.filled) == (IntentState.DONE, Decimal(1))
    assert desk.exposure.of("binance").reserved == 0


async def test_a_failed_task_is_told_and_taken_up_by_the_review(desk: Desk) -> None:
    """An adapter that breaks its word leaves the attempt open; nothing moves, and the review finds the order."""
    binance = desk.venues["binance"]
    honest = binance._place

    async def broken(approved: Approved) -> Outcome:
        await honest(approved)
        raise RuntimeError("a bug")

    binance._place = broken  # type: ignore[method-assign]
    with pytest.raises(OrderFateUnknown, match="repeat the same id"):
        await desk.router.submit(buy())
    assert any(message == "Order not followed to its end" for _, message, _ in desk.telemetry.records)
    assert desk.venues["kraken"].placed == []
    (settled,) = await desk.router.review()
    assert (settled.state, settled.filled) == (IntentState.DONE, Decimal(1))
    assert len(binance.placed) == 1


async def test_only_the_remainder_moves(desk: Desk) -> None:
    """A partial fill ends the attempt with its final quantity; the next venue gets the rest and no more."""
    desk.venues["binance"].partial = Decimal("0.3")
    result = await desk.router.submit(buy())
    assert (result.state, result.filled) == (IntentState.DONE, Decimal(1))
    assert [(f.venue, f.quantity) for f in result.fills] == [("binance", Decimal("0.3")), ("kraken", Decimal("0.7"))]


async def test_what_no_venue_can_fill_is_reported_short(desk: Desk) -> None:
    """When the chain is through, the intent ends with what was filled."""
    for venue in desk.venues.values():
        venue.partial = Decimal("0.1")
    result = await desk.router.submit(buy())
    assert (result.state, result.reason, result.filled) == (
        IntentState.DONE_SHORT,
        EndReason.LIQUIDITY,
        Decimal("0.3"),
    )


async def test_dust_is_never_rounded_up(desk: Desk) -> None:
    """A remainder under the next venue's minimum ends the intent as dust."""
    desk.venues["binance"].partial = Decimal("0.99999")
    result = await desk.router.submit(buy())
    assert (result.state, result.reason) == (IntentState.DONE_SHORT, EndReason.DUST)
    assert desk.venues["kraken"].placed == []


async def test_a_venue_without_ioc_is_cancelled_and_the_matched_amount_taken(desk: Desk) -> None:
    """Place, poll, cancel, take what matched; the rest moves on."""
    desk.venues["firi"].partial = Decimal("0.4")
    result = await desk.router.submit(buy(exchange="firi"))
    assert desk.venues["firi"].cancelled
    assert [(f.venue, f.quantity) for f in result.fills] == [("firi", Decimal("0.4")), ("binance", Decimal("0.6"))]


async def test_all_down_is_refused_with_the_earliest_retry(desk: Desk) -> None:
    """With every venue down nothing is sent, and the caller learns when to try again."""
    for venue in desk.venues.values():
        venue.down = True
    result = await desk.router.submit(buy())
    assert (result.state, result.reason) == (IntentState.REJECTED, EndReason.ALL_DOWN)
    assert result.retry_at is not None
    assert result.retry_at > desk.clock.now()
    assert result.attempts == ()
    assert ("binance", "all_down") in desk.telemetry.failures


async def test_recovery_after_all_down(desk: Desk) -> None:
    """As soon as a venue answers again, the next order is filled."""
    for venue in desk.venues.values():
        venue.down = True
    await desk.router.submit(buy("one"))
    for venue in desk.venues.values():
        venue.down = False
    desk.clock.advance(2)
    assert (await desk.router.submit(buy("two"))).state is IntentState.DONE


@pytest.mark.parametrize(
    ("intent", "reason"),
    [
        (buy(quantity="0.00001"), DropReason.UNDER_MINIMUM),
        (buy(quantity="0.004"), DropReason.UNDER_MINIMUM),
        (buy(symbol="DOGE/USDT"), DropReason.NOT_LISTED),
        (buy(quantity="90000000"), DropReason.BALANCE_TOO_SMALL),
        (buy(order_type="limit", limit_price="90", valid_until=1_700_000_030.0), DropReason.PRICE_OUT_OF_BOUND),
    ],
    ids=["below a lot", "below the notional", "not listed", "no balance", "price away"],
)
async def test_local_refusals(desk: Desk, intent: Intent, reason: DropReason) -> None:
    """What cannot be placed is refused with its reason at each venue, before anything is sent."""
    result = await desk.router.submit(intent)
    assert result.state is IntentState.REJECTED
    assert drops(result)["binance"] is reason
    assert all(venue.placed == [] for venue in desk.venues.values())


async def test_caps_refuse_per_order_and_per_exchange(desk: Desk) -> None:
    """An order over its own cap goes nowhere; one over an exchange's cap goes to the next exchange."""
    await desk.configure(limits=Limits(per_order=Decimal(150), per_venue={"binance": Decimal(120)}))
    too_large = await desk.router.submit(buy("large", "2"))
    assert (too_large.state, drops(too_large)["kraken"]) == (IntentState.REJECTED, DropReason.OVER_CAP)
    first = await desk.router.submit(buy("first"))
    second = await desk.router.submit(buy("second"))
    assert (first.venues, second.venues) == (("binance",), ("kraken",))
    assert drops(second)["binance"] is DropReason.OVER_CAP


async def test_two_orders_at_once_cannot_share_a_cap(desk: Desk) -> None:
    """The second of two concurrent orders sees the first one's reservation."""
    await desk.configure(limits=Limits(per_venue={"binance": Decimal(150)}))
    results = await asyncio.gather(desk.router.submit(buy("a")), desk.router.submit(buy("b")))
    assert sorted(r.venues[0] for r in results) == ["binance", "kraken"]


async def test_a_parked_order_keeps_its_reservation_after_a_restart(desk: Desk) -> None:
    """What may have executed stays reserved, whoever restarts."""
    desk.venues["binance"].script.append("vanish")
    await desk.router.submit(buy())
    reserved = desk.exposure.of("binance").reserved
    await desk.restart()
    await desk.router.submit(buy("other", exchange="kraken"))
    assert reserved > 0


async def test_symbol_equivalents_convert_the_price(desk: Desk) -> None:
    """At a venue with another quote the bound is converted by the configured rate, on the safe side; less the order's
    fingerprint of a few ticks, because this venue has no client ids."""
    result = await desk.router.submit(buy(exchange="firi", slippage_bps="50"))
    assert result.venues == ("firi",)
    (order,) = desk.venues["firi"].placed
    assert order.symbol == "BTC/NOK"
    assert order.price == fingerprinted(buy(), Decimal("1005.00"), Decimal("0.01"))
    assert Decimal("1004.89") <= order.price <= Decimal("1005.00")


async def test_without_an_equivalent_only_the_same_quote(desk: Desk) -> None:
    """Another quote is never assumed to be worth the same."""
    await desk.configure(equivalents={})
    result = await desk.router.submit(buy(exchange="firi"))
    assert drops(result)["firi"] is DropReason.NOT_LISTED
    assert result.venues == ("binance",)


async def test_the_price_bound_never_moves(desk: Desk) -> None:
    """The worst price is fixed by the first book; a dearer venue later in the chain does not shift it."""
    desk.venues["binance"].partial = Decimal("0.5")
    desk.venues["kraken"].price = Decimal(102)
    desk.venues["firi"].price = Decimal(1002)
    result = await desk.router.submit(buy(slippage_bps="50"))
    assert drops(result)["kraken"] is DropReason.PRICE_OUT_OF_BOUND
    assert result.venues == ("binance", "firi")


async def test_same_id_same_result(desk: Desk) -> None:
    """A repeated id gives the stored result and sends nothing; also while the first is still at work."""
    desk.venues["binance"].gate = asyncio.Event()
    first = asyncio.create_task(desk.router.submit(buy()))
    second = asyncio.create_task(desk.router.submit(buy()))
    await asyncio.sleep(0.05)
    desk.venues["binance"].gate.set()
    results = await asyncio.gather(first, second)
    third = await desk.router.submit(buy())
    assert [r.filled for r in (*results, third)] == [Decimal(1)] * 3
    assert len(desk.venues["binance"].placed) == 1


async def test_same_id_other_body_is_refused(desk: Desk) -> None:
    """An id names one order for ever."""
    await desk.router.submit(buy())
    with pytest.raises(IdempotencyConflict):
        await desk.router.submit(buy(quantity="2"))


async def test_cancelling_the_caller_never_cancels_the_order(desk: Desk) -> None:
    """The order belongs to the router: its caller may go."""
    gate = desk.venues["binance"].gate = asyncio.Event()
    caller = asyncio.create_task(desk.router.submit(buy()))
    await asyncio.sleep(0.05)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    gate.set()
    result = await desk.router.submit(buy())
    assert result.state is IntentState.DONE
    assert len(desk.venues["binance"].placed) == 1


async def test_a_process_that_dies_while_sending_adopts_at_the_next_start(desk: Desk) -> None:
    """An attempt found open is unknown; it was executed, so it is adopted and not sent again."""
    binance = desk.venues["binance"]
    binance.gate = asyncio.Event()
    caller = asyncio.create_task(desk.router.submit(buy()))
    await asyncio.sleep(0.05)
    binance._execute(binance.placed[0])
    await desk.restart()
    with pytest.raises(OrderFateUnknown, match="was closed"):
        await caller
    result = await desk.router.submit(buy())
    assert (result.state, result.filled) == (IntentState.DONE, Decimal(1))
    assert len(binance.placed) == 1
    assert result.attempts[0].outcome_reason is UnknownReason.RESTART


async def test_a_process_that_dies_before_the_bytes_leave_parks_at_the_next_start(desk: Desk) -> None:
    """An attempt found open and not found at the venue is parked: nobody knows whether it was sent."""
    desk.venues["binance"].gate = asyncio.Event()
    caller = asyncio.create_task(desk.router.submit(buy()))
    await asyncio.sleep(0.05)
    desk.venues["binance"].gate = None
    await desk.restart()
    with pytest.raises(OrderFateUnknown, match="was closed"):
        await caller
    result = await desk.router.submit(buy())
    assert result.state is IntentState.PARKED
    assert len(desk.venues["binance"].placed) == 1


async def test_place_order_runs_one_attempt_on_that_venue_only(desk: Desk) -> None:
    """The adapter's public method is journaled and risk-checked, never moves on, and answers the same id the same."""
    desk.venues["kraken"].script.append(refused())
    result = await desk.venues["kraken"].place_order(buy())
    assert (result.state, result.reason) == (IntentState.REJECTED, EndReason.REJECTED_BY_VENUE)
    assert desk.venues["binance"].placed == []
    again = await desk.venues["kraken"].place_order(buy())
    assert again.state is IntentState.REJECTED
    assert len(desk.venues["kraken"].placed) == 1


async def test_the_request_carries_a_deadline_within_the_intent(desk: Desk) -> None:
    """``not_after`` is fixed when the attempt is journaled and never outlives the intent."""
    await desk.router.submit(buy(valid_until=desk.clock.now() + 3))
    (order,) = desk.venues["binance"].placed
    assert order.not_after - order.created_at == pytest.approx(3.0, abs=0.001)


async def test_a_venue_whose_deadline_does_not_fit_is_dropped(desk: Desk) -> None:
    """A venue that needs a longer deadline than is left is no candidate."""
    desk.venues["binance"].behave(deadline_min_s=2.0)
    result = await desk.router.submit(buy(valid_until=desk.clock.now() + 1))
    assert drops(result)["binance"] is DropReason.TOO_LITTLE_TIME


async def test_an_expired_intent_sends_nothing(desk: Desk) -> None:
    """After ``valid_until`` there is no new risk."""
    result = await desk.router.submit(buy(valid_until=desk.clock.now() - 1))
    assert (result.state, result.reason) == (IntentState.REJECTED, EndReason.EXPIRED)


async def test_strategy_and_chain_tables_are_read_at_each_order(desk: Desk) -> None:
    """A changed strategy map or chain moves the next order."""
    desk.strategies["carry"] = "kraken"
    assert (await desk.router.submit(buy("a", strategy_id="carry"))).venues == ("kraken",)
    desk.chains.set("kraken", ["kraken", "firi"])
    desk.venues["kraken"].down = True
    desk.clock.advance(2)
    assert (await desk.router.submit(buy("b", strategy_id="carry"))).venues == ("firi",)


async def test_allowed_exchanges_are_respected(desk: Desk) -> None:
    """An exchange that is not allowed takes no order."""
    await desk.configure(allowed_exchanges=("kraken",))
    result = await desk.router.submit(buy())
    assert result.venues == ("kraken",)
    assert drops(result)["binance"] is DropReason.NOT_ALLOWED


async def test_a_closed_router_refuses(desk: Desk) -> None:
    """Nothing is accepted after close."""
    await desk.router.close()
    with pytest.raises(RouterClosed):
        await desk.router.submit(buy())


async def test_unknown_exchange_name_is_refused_before_anything_is_stored(desk: Desk) -> None:
    """A wrong explicit name is a typed error, not a silent default."""
    with pytest.raises(UnknownExchange):
        await desk.router.submit(buy(exchange="mtgox"))
    assert await desk.journal.get("order-1") is None


async def test_validity_has_a_bound(desk: Desk) -> None:
    """An intent cannot live longer than a day."""
    with pytest.raises(InvalidOrder, match="valid_until"):
        await desk.router.submit(buy(valid_until=desk.clock.now() + 1e9))


@pytest.mark.parametrize("awaits", range(1, 40))
async def test_cancellation_anywhere_on_the_way_is_safe(desk: Desk, awaits: int) -> None:
    """Whenever the router is stopped, after the next start the order is executed at most once and accounted for."""
    binance = desk.venues["binance"]
    caller = asyncio.create_task(desk.router.submit(buy()))
    for _ in range(awaits):
        await asyncio.sleep(0)
    await desk.restart()
    await asyncio.gather(caller, return_exceptions=True)
    record = await desk.journal.get("order-1")
    executed = sum((report.filled for report in binance.reports.values()), Decimal(0))
    assert len(binance.placed) <= 1
    booked = Decimal(0) if record is None else record.filled
    assert booked == executed


async def test_a_journal_that_was_put_back_routes_nothing(desk: Desk) -> None:
    """Halted: no order is accepted, and what the journal has as open is not touched, however long it runs."""
    desk.venues["binance"].script.append("vanish")
    desk.venues["binance"].silent = True
    await desk.router.submit(buy(exchange="binance"))
    desk.journal.halted = "put back"
    calls = {name: list(venue.calls) for name, venue in desk.venues.items()}
    with pytest.raises(RouterHalted, match="journal confirm"):
        await desk.router.submit(buy("two"))
    assert await desk.router.review() == ()
    assert {name: list(venue.calls) for name, venue in desk.venues.items()} == calls
    assert await desk.journal.confirm(word="compared", now=desk.clock.now()) is None
    assert (await desk.router.submit(buy("two", exchange="kraken"))).venues == ("kraken",)


async def test_a_failover_says_what_kept_it_from_the_primary(desk: Desk) -> None:
    """The record's text is fixed and speaks of health; the reason is told beside it."""
    desk.venues["binance"].script.append(refused(RejectReason.AUTHENTICATION))
    await desk.router.submit(buy("one", exchange="binance"))
    desk.venues["binance"].free = Decimal(0)
    await desk.router.submit(buy("two", exchange="binance"))
    told = [
        fields["reason"] for _, message, fields in desk.telemetry.records if message.startswith("Failover activated")
    ]
    assert [str(reason).partition(":")[0] for reason in told] == ["rejected", "balance_too_small"]
